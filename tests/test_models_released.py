"""The model that comes with the package: found without a name, whole, small, and refused where it is damaged."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import skinseg
from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.models import checkpoint, exported, loading
from skinseg.models.exported import CONFIG, ONNX, RELEASED, WEIGHTS, WEIGHTS_IN_THE_BOX
from skinseg.models.onnx_model import OnnxPredictor
from tests import fakes

LIMIT = 10e6  # bytes


def test_the_box_holds_weights_graph_record_and_card():
    assert (WEIGHTS_IN_THE_BOX / WEIGHTS).stat().st_size <= LIMIT
    record = json.loads((WEIGHTS_IN_THE_BOX / CONFIG).read_text())
    assert {each["dataset"] for each in record["lineage"]} == {"rendered"}, "trained on rendered people alone"
    assert record["start"]["name"] == "ImageNet"
    card = (WEIGHTS_IN_THE_BOX / "README.md").read_text()
    assert record["sha256"] in card
    assert "make release" in card


@pytest.mark.parametrize(("allowed", "threads"), [({1}, 1), ({0, 1}, 2), (set(range(4)), 0)])
def test_onnx_runtime_has_a_thread_for_each_core_of_the_process(
    monkeypatch: pytest.MonkeyPatch, allowed: set[int], threads: int
) -> None:
    """0 where it may use all 4: ONNX Runtime counts then, without hyperthreads."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)
    predictor = OnnxPredictor(WEIGHTS_IN_THE_BOX / ONNX, "cpu")
    assert predictor.session.get_session_options().intra_op_num_threads == threads


def test_without_a_path_the_released_model_is_loaded_by_either_runtime():
    photo = fakes.fake(0).image
    predicted = skinseg.load(device="cpu").predict(photo)
    by_torch = skinseg.load(WEIGHTS_IN_THE_BOX / WEIGHTS, "cpu").predict(photo)
    for head in ("skin", "person"):
        assert predicted.masks[head].shape == photo.shape[:2]
        np.testing.assert_allclose(predicted.probabilities[head], by_torch.probabilities[head], atol=1e-3)
    assert skinseg.load(RELEASED, "cpu").images_at_once((100, 100, 3)) == 1, (
        "slower in batches on a processor"
    )
    assert skinseg.load(RELEASED, "cpu").size == skinseg.load(WEIGHTS_IN_THE_BOX / ONNX, "cpu").size


def test_predict_needs_no_checkpoint_and_no_torch(tmp_path):
    fakes.write(tmp_path / "photo.jpg", fakes.fake(0).image)
    words = ["predict", str(tmp_path / "photo.jpg"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    code = f"import sys; from skinseg.cli import main; sys.exit(main({words!r}) or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "photo_skin.png").is_file()


@pytest.fixture
def box(tmp_path, monkeypatch) -> Path:
    """A copy of the box, which is the box."""
    copy = tmp_path / "weights"
    shutil.copytree(WEIGHTS_IN_THE_BOX, copy)
    for module in (exported, checkpoint, loading):
        monkeypatch.setattr(module, "WEIGHTS_IN_THE_BOX", copy)
    return copy


def test_a_damaged_or_missing_released_file_is_one_sentence(box):
    content = bytearray((box / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (box / WEIGHTS).write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        skinseg.load(device="cpu")
    with pytest.raises(UserError, match=r"model\.safetensors"):
        checkpoint.read_checkpoint(checkpoint.newest_checkpoint(Path(RELEASED)))
    (box / WEIGHTS).unlink()
    with pytest.raises(UserError, match="install skinseg again"):
        checkpoint.newest_checkpoint(Path(RELEASED))


def test_a_folder_of_that_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(RELEASED).mkdir()
    with pytest.raises(UserError, match="released holds no run"):
        checkpoint.newest_checkpoint(Path(RELEASED))


@pytest.mark.slow
def test_finetuning_starts_from_the_released_model_until_a_run_of_ones_own_has_finished(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    fakes.make_pratheepan(tmp_path / "data", 6)
    options = {
        "--data.dataset": "pratheepan", "--data.data_root": "data", "--data.size": 32, "--data.repeat": 1,
        "--data.cache_dir": "cache", "--trainer.max_epochs": 1, "--trainer.enable_progress_bar": "false",
        "--model.encoder_weights": "null",
    }  # fmt: skip
    words = [str(word) for option in options.items() for word in option]
    fit = ["fit", "--preset", "cpu", "--config", "finetune", *words]
    assert main(fit) == 0
    assert str(WEIGHTS_IN_THE_BOX / WEIGHTS) in capsys.readouterr().out
    (found,) = Path("runs/finetune").glob("*/result.json")
    result = json.loads(found.read_text())
    assert result["minutes_before"] is None, "the released model's runs are not at hand"
    assert result["parent"] == json.loads((WEIGHTS_IN_THE_BOX / CONFIG).read_text())["sha256"]
    shutil.copytree(found.parent, Path("runs/pretrain") / found.parent.name)
    assert main(fit) == 0
    assert "pretrained: runs/pretrain" in capsys.readouterr().out
