"""`skinseg export` through the command line, and every form that it writes read back."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch

import skinseg
from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.export import command as exporting
from skinseg.export import quantization
from skinseg.export.command import Difference, Exported, drawn_images
from skinseg.models.checkpoint import read_checkpoint
from skinseg.models.encoder import weights_sha256
from skinseg.models.onnx_model import KEY, OnnxPredictor
from skinseg.reports.model_card import model_card
from tests.fakes import fake, make_pratheepan, write
from tests.test_models_checkpoint import saved

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoints" / "best.ckpt"
    saved(path)
    sha256 = read_checkpoint(path).sha256
    result = {
        "sha256": sha256,
        "minutes": 12.5,
        "minutes_before": 0.0,
        "epochs": 3,
        "machine": "Abacus, 2 cores",
    }
    (path.parents[1] / "result.json").write_text(json.dumps(result))
    return path


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    photo = out.parent / "photo.jpg"
    write(photo, fake(2, 90, 150).image)
    assert main(["export", str(checkpoint), "--out", str(out), "--images", str(photo)]) == 0
    return out


def test_every_form_predicts_what_the_checkpoint_does(checkpoint, exported):
    expected = skinseg.load(checkpoint, "cpu")
    for path in (exported, exported / "model.safetensors", exported / "model.onnx", checkpoint.parents[1]):
        predictor = skinseg.load(path, "cpu")
        atol = 1e-5 if path.suffix == ".onnx" else 0
        assert predictor.size == expected.size
        for image in drawn_images():
            for head in ("skin", "person"):
                np.testing.assert_allclose(
                    predictor.predict(image).probabilities[head],
                    expected.predict(image).probabilities[head],
                    rtol=0,
                    atol=atol,
                )


def test_a_flipped_bit_of_the_onnx_model_is_refused(exported):
    whole = (exported / "model.onnx").read_bytes()
    rng = np.random.default_rng(0)
    for place in [
        *rng.integers(len(whole), size=20),
        whole.index(b"file_sha256"),
        whole.index(b"file_sha256") + 20,
    ]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(UserError, match=r"export the checkpoint again|cannot be read|was not written by"):
            OnnxPredictor(bytes(damaged), "cpu")
    assert OnnxPredictor(whole, "cpu").heads == ("skin", "person")


def test_onnx_takes_any_batch_and_size_and_tells_all_about_itself(checkpoint, exported):
    predictor = OnnxPredictor(exported / "model.onnx", "cpu")
    record = read_checkpoint(checkpoint)
    assert predictor.record["model"] == record.model
    assert predictor.record["sha256"] == record.sha256
    assert (predictor.record["stride"], predictor.record["threshold"]) == (32, 0.5)
    torch_predictor = skinseg.load(checkpoint, "cpu")
    for shape in ((1, 3, 32, 32), (3, 3, 64, 160), (2, 3, 256, 96)):
        batch = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        for head, value in predictor.run(batch).items():
            assert value.shape == (shape[0], *shape[2:])
            np.testing.assert_allclose(value, torch_predictor.run(batch)[head], atol=1e-5)


def test_safetensors_hold_the_weights_bit_for_bit(checkpoint, exported):
    weights = safetensors.torch.load_file(exported / "model.safetensors")
    assert weights_sha256(weights) == read_checkpoint(checkpoint).sha256
    again = read_checkpoint(exported / "model.safetensors")
    assert again.metadata["split"] == "abc"
    assert json.loads((exported / "config.json").read_text())["sha256"] == again.sha256


BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
from skinseg.cli import main
code = main(sys.argv[1:])
assert not {names} & {{name.split(".")[0] for name in sys.modules}}
sys.exit(code)
"""


def run_without(names: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    script = BLOCKED.format(names=names)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_onnx_predicts_where_torch_is_not_installed(exported, tmp_path):
    write(tmp_path / "photo.png", fake(1, 70, 200).image)
    absent = {
        "torch", "torchvision", "segmentation_models_pytorch", "timm", "pytorch_lightning", "lightning", "onnx",
        "pandas", "pyarrow", "albumentations", "safetensors", "scipy", "jinja2",
    }  # fmt: skip
    arguments = ["predict", str(tmp_path / "photo.png"), "--probabilities", "--overlays"]
    done = run_without(
        absent, *arguments, "--checkpoint", str(exported / "model.onnx"), "--out", str(tmp_path / "out")
    )
    assert done.returncode == 0, done.stderr
    expected = skinseg.load(exported / "model.safetensors").predict(tmp_path / "photo.png")
    import cv2

    soft = cv2.imread(str(tmp_path / "out" / "photo_skin_probability.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(soft / 65535, expected.probabilities["skin"], atol=2e-5)


def test_onnx_runtime_missing_is_one_sentence(exported, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"ONNX Runtime is not installed.*pip install"):
        skinseg.load(exported / "model.onnx")


def test_an_onnx_model_that_differs_is_refused_and_nothing_written(checkpoint, tmp_path, monkeypatch, capsys):
    right = exporting.to_onnx

    def wrong(model, record, weights=None):
        with torch.no_grad():
            weight = model.classifiers["skin"][0].weight
            weight += 1
            content = right(model, record)
            weight -= 1
        return content

    monkeypatch.setattr(exporting, "to_onnx", wrong)
    assert main(["export", str(checkpoint), "--out", str(tmp_path / "out")]) == 2
    assert "differs from torch by" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_broken_exports_get_one_sentence_each(checkpoint, exported, tmp_path):
    weights = (exported / "model.safetensors").read_bytes()
    config = json.loads((exported / "config.json").read_text())

    def folder(name, record=config, content=weights):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(content)
        if record is not None:
            text = record if isinstance(record, str) else json.dumps(record)
            (tmp_path / name / "config.json").write_text(text)
        return tmp_path / name

    renamed = {f"x.{name}": value for name, value in safetensors.torch.load(weights).items()}
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    other = onnx.helper.make_model(
        onnx.helper.make_graph([node], "other", ends[:1], ends[1:]),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=8,
    )
    (tmp_path / "other.onnx").write_bytes(other.SerializeToString())
    (tmp_path / "text.onnx").write_text("no model")
    model = onnx.load(exported / "model.onnx")
    onnx.helper.set_model_props(model, {KEY: json.dumps(config | {"format": 9, "stride": 32})})
    (tmp_path / "later.onnx").write_bytes(model.SerializeToString())
    for path, message in (
        (folder("bare", None), r"config\.json: missing or no JSON"),
        (folder("text", "{"), r"config\.json: missing or no JSON"),
        (folder("alien", {"a": 1}), r"config\.json: not written by"),
        (folder("later", config | {"format": 9}), "has format 9, 1 expected"),
        (folder("swapped", config | {"sha256": "0" * 64}), "000000000000 expected by its config.json"),
        (folder("half", content=weights[: len(weights) // 2]), "cannot be read as safetensors"),
        (folder("renamed", content=safetensors.torch.save(renamed)), "do not belong together"),
        (
            folder("shape", config | {"model": config["model"] | {"decoder_channels": [8] * 5}}),
            "do not fit",
        ),
        (tmp_path / "other.onnx", "other.onnx was not written by `skinseg export`"),
        (tmp_path / "text.onnx", "text.onnx cannot be read"),
        (tmp_path / "later.onnx", "has format 9, 1 expected"),
        (tmp_path / "none.onnx", "none.onnx does not exist"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            skinseg.load(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="--device warp: not usable"):
        skinseg.load(exported / "model.onnx", "warp")


def test_int8_is_written_only_where_miou_holds(checkpoint, tmp_path, monkeypatch, capsys):
    make_pratheepan(tmp_path / "data" / "pratheepan")
    arguments = ["export", str(checkpoint), "--int8", str(tmp_path / "data")]
    monkeypatch.setattr(quantization, "CALIBRATION", 3)
    monkeypatch.setattr(quantization, "ALLOWED", 1.0)
    assert main([*arguments, "--out", str(tmp_path / "kept")]) == 0
    assert "int8: written" in capsys.readouterr().out
    small = OnnxPredictor(tmp_path / "kept" / "model.int8.onnx", "cpu")
    graph = onnx.load(tmp_path / "kept" / "model.int8.onnx").graph
    assert any(node.op_type == "QuantizeLinear" for node in graph.node)
    whole = OnnxPredictor(tmp_path / "kept" / "model.onnx", "cpu")
    picture = fake(3).image
    difference = np.abs(
        small.predict(picture).probabilities["skin"] - whole.predict(picture).probabilities["skin"]
    )
    assert 0 < difference.max() < 0.2
    monkeypatch.setattr(quantization, "ALLOWED", -1.0)
    made = (tmp_path / "kept" / "model.int8.onnx").read_bytes()
    monkeypatch.setattr(quantization, "quantize", lambda model, inputs: made)  # it takes its time
    assert main([*arguments, "--out", str(tmp_path / "kept")]) == 0
    assert "int8: not written" in capsys.readouterr().out
    assert not (tmp_path / "kept" / "model.int8.onnx").exists()


def test_a_score_that_falls_by_half_a_point_is_not_kept():
    def kept(float32, int8):
        scores = [quantization.Int8Score("a", 9, 0.5, 0.5), quantization.Int8Score("b", 9, float32, int8)]
        return quantization.Quantized(b"", scores).kept

    assert kept(0.8, 0.796)
    assert not kept(0.8, 0.794)
    assert kept(0.8, 0.81)  # a gain is no loss


def test_the_card_says_what_training_started_from(checkpoint):
    start = {"name": "ImageNet", "source": "some-package, some.pth", "sha256": "0123456789abcdef"}
    record = read_checkpoint(checkpoint)
    record = dataclasses.replace(record, metadata=record.metadata | {"start": start})
    card = model_card(Exported(checkpoint.parent, record, Difference(0, 0, 1, True), None), [])
    assert "Start: ImageNet (some-package, some.pth, SHA-256 0123456789ab)." in card
    assert "those of ImageNet and of the encoder's weights too" in card


def test_the_card_is_filled_from_result_rows(checkpoint, exported, tmp_path, capsys):
    card = (exported / "README.md").read_text()
    assert "Start: unknown." in card
    assert "Not recorded in this checkpoint" in card
    assert "Not measured: exported without result rows" in card
    assert "Training time: 12.5 minutes, 3 epochs, on Abacus, 2 cores." in card
    assert "Energy and carbon: not measured" in card
    make_pratheepan(tmp_path / "data" / "pratheepan")
    rows = tmp_path / "rows"
    assert main(["evaluate", "--checkpoint", str(exported), "--data-root", str(tmp_path / "data"),
                 "--subset", "all", "--out", str(rows)]) == 0  # fmt: skip
    assert main(["export", str(checkpoint), "--out", str(tmp_path / "out"), "--results", str(rows)]) == 0
    card = (tmp_path / "out" / "README.md").read_text()
    table = next(
        line for line in (rows / "report.md").read_text().splitlines() if line.startswith("| Pratheepan")
    )
    miou = table.split("|")[3].split("(")[0].strip(" *")
    line = next(line for line in card.splitlines() if line.startswith("| Pratheepan | 12 |"))
    assert miou in line
    assert "per Fitzpatrick group, estimated" in card
    saved(tmp_path / "other.ckpt", head_split="conv")
    capsys.readouterr()
    assert main(["export", str(tmp_path / "other.ckpt"), "--out", str(tmp_path / "no"),
                 "--results", str(rows)]) == 2  # fmt: skip
    assert "are of weights" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_the_card_says_what_all_trainings_took(checkpoint):
    record = read_checkpoint(checkpoint)
    twice = [{"dataset": name, "split": "0"} for name in ("rendered", "hgr")]
    record = dataclasses.replace(record, metadata=record.metadata | {"lineage": twice})
    file = checkpoint.parents[1] / "result.json"
    found = json.loads(file.read_text())
    for before, expected in (
        (64.0, "64.0 minutes those before it"),
        (None, "those before it stand in their own runs"),
    ):
        file.write_text(json.dumps(found | {"minutes_before": before}))
        card = model_card(Exported(checkpoint.parent, record, Difference(0, 0, 1, True), None), [])
        assert f"on Abacus, 2 cores, of the last training; {expected}." in card
    file.write_text(json.dumps(found))


def test_half_precision_is_stored_once_and_the_graph_reads_it(checkpoint, tmp_path, capsys):
    out = tmp_path / "half"
    assert main(["export", str(checkpoint), "--out", str(out), "--half"]) == 0
    stored = safetensors.torch.load_file(out / "model.safetensors")
    assert {value.dtype for value in stored.values() if value.is_floating_point()} == {torch.float16}
    assert (out / "model.onnx").stat().st_size < 0.5 * (out / "model.safetensors").stat().st_size
    record = json.loads((out / "config.json").read_text())
    assert record["rounded_from"] == read_checkpoint(checkpoint).sha256
    assert "12.5 minutes" in (out / "README.md").read_text()  # the run's, found by that hash
    whole, graph = skinseg.load(checkpoint, "cpu"), skinseg.load(out / "model.onnx", "cpu")
    for image in drawn_images():
        expected = skinseg.load(out / "model.safetensors", "cpu").predict(image).probabilities["skin"]
        np.testing.assert_allclose(graph.predict(image).probabilities["skin"], expected, atol=1e-4)
        np.testing.assert_allclose(expected, whole.predict(image).probabilities["skin"], atol=0.02)
    damaged = bytearray((out / "model.safetensors").read_bytes())
    damaged[-5] ^= 16
    (out / "model.safetensors").write_bytes(damaged)
    for name in ("model.onnx", "model.safetensors"):
        with pytest.raises(UserError, match=r"model\.safetensors.*expected"):
            skinseg.load(out / name, "cpu")


def test_weights_too_large_for_half_precision_are_refused(checkpoint, tmp_path, capsys):
    content = torch.load(checkpoint, weights_only=True)
    name = next(name for name, value in content["state_dict"].items() if value.is_floating_point())
    content["state_dict"][name].view(-1)[0] = 1e6
    content["skinseg"].pop("sha256", None)
    torch.save(content, tmp_path / "large.ckpt")
    assert main(["export", str(tmp_path / "large.ckpt"), "--out", str(tmp_path / "out"), "--half"]) == 2
    assert "does not fit half precision" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
