"""`evaluate` on fakes with a random model: rows, panels, run.json, and what happens when something is bad."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from skinseg.data.splits import make_split
from skinseg.datasets.registry import open_dataset
from skinseg.errors import UserError
from skinseg.evaluation.command import evaluate
from skinseg.evaluation.panels import panel
from skinseg.evaluation.rows import read_rows
from skinseg.evaluation.score import Origin, score
from skinseg.models import checkpoint as checkpoints
from skinseg.models.unet import TwoHeadUnet
from tests import fakes

ORIGIN = Origin(run="r", subset="all", threshold=0.5, weights="w", config="c", split="s")


class Oracle:
    """A predictor that knows the fakes' skin by its colour: red well above blue."""

    def probabilities(self, image: np.ndarray) -> dict[str, np.ndarray]:
        skin = (image[..., 0].astype(int) - image[..., 2] > 20).astype(np.float32)
        return {"skin": skin, "person": np.full_like(skin, 0.49)}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = TwoHeadUnet()
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    weights = {checkpoints.PREFIX + name: value for name, value in model.state_dict().items()}
    record = checkpoints.metadata_of(model, 64, epoch=0, seed=0, split=None, parent=None)
    torch.save({"state_dict": weights, checkpoints.KEY: record}, path)
    return path


def test_score_counts_what_is_labelled(tmp_path: Path) -> None:
    fakes.make_pratheepan(tmp_path / "pratheepan", 6)
    dataset = open_dataset("pratheepan", tmp_path)
    ids = [item.image_id for item in dataset.items]
    rows = list(score(Oracle(), dataset, ids, ORIGIN, tmp_path / "out"))  # type: ignore[arg-type]
    assert [row.image for row in rows] == ids
    for row in rows:
        assert row.head == "skin"
        assert row.tone_source == "estimated"
        assert row.tp + row.fp + row.fn + row.tn + row.ignored == row.width * row.height
        assert (row.width, row.height) == (fakes.WIDTH, fakes.HEIGHT)
        assert row.tp / (row.tp + row.fp + row.fn) > 0.8
        picture = cv2.imread(str(tmp_path / "out" / "panels" / "pratheepan" / f"{row.image}.jpg"))
        assert picture.shape == (fakes.HEIGHT, 3 * fakes.WIDTH + 8, 3)


def test_rendered_tone_is_labelled_and_both_heads_are_scored(tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "rendered", 6)
    dataset = open_dataset("rendered", tmp_path)
    ids = [item.image_id for item in dataset.items][:3]
    rows = list(score(Oracle(), dataset, ids, ORIGIN, tmp_path / "out"))  # type: ignore[arg-type]
    assert [row.head for row in rows] == ["skin", "person"] * 3
    assert [row.tone for row in rows] == [1, 1, 2, 2, 3, 3]
    assert {row.tone_source for row in rows} == {"labelled"}
    assert all(row.tp == 0 and row.fp == 0 and row.fn > 0 for row in rows if row.head == "person")


def test_panel_shows_each_kind_of_pixel_in_its_own_colour() -> None:
    mask = np.array([[1, 1, 0, 0, 255]], np.uint8).repeat(60, 0).repeat(60, 1)
    predicted = np.array([[1, 0, 1, 0, 1]], bool).repeat(60, 0).repeat(60, 1)
    image = np.full((*mask.shape, 3), 128, np.uint8)
    picture = panel(image, mask, predicted)
    width = 256
    assert picture.shape == (51, 3 * width + 8, 3)
    shown = [tuple(picture[25, 2 * (width + 4) + 25 + 51 * i].tolist()) for i in range(5)]
    assert len(set(shown)) == 5
    assert shown[3] == (128, 128, 128)


@pytest.mark.slow
def test_evaluate_writes_rows_and_origin(checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fakes.make_pratheepan(data / "pratheepan", 12)
    fakes.make_hgr(data / "hgr", 16)
    fakes.make_rendered(tmp_path / "frames", 12)
    out = evaluate(checkpoint, tmp_path / "out", data, tmp_path / "frames", device="cpu")
    rows = read_rows(out / "rows.parquet")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    for name, root in (("pratheepan", data), ("hgr", data), ("rendered", tmp_path / "frames")):
        split = make_split(open_dataset(name, root), 0)
        mine = [row for row in rows if row.test_set == name and row.head == "skin"]
        assert sorted(row.image for row in mine) == sorted(split.test)
        assert {row.split for row in mine} == {split.hash} == {run["datasets"][name]["split"]}
    assert {row.weights for row in rows} == {run["weights"]}
    assert run["versions"]["torch"].startswith(torch.__version__.split("+")[0])

    again = evaluate(checkpoint, tmp_path / "again", data, tmp_path / "frames", device="cpu")
    assert read_rows(again / "rows.parquet") == rows


@pytest.mark.slow
def test_a_bad_image_keeps_the_finished_datasets(checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fakes.make_pratheepan(data / "pratheepan", 12)
    fakes.make_rendered(tmp_path / "frames", 12)
    victim = make_split(open_dataset("pratheepan", data), 0).test[0]
    item = next(item for item in open_dataset("pratheepan", data).items if item.image_id == victim)
    item.image_path.write_bytes(b"not an image")
    with pytest.raises(UserError, match=item.image_path.name):
        evaluate(checkpoint, tmp_path / "out", data, tmp_path / "frames", device="cpu")
    assert {row.test_set for row in read_rows(tmp_path / "out" / "rows.parquet")} == {"rendered"}
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert list(run["datasets"]) == ["rendered"]


@pytest.mark.slow
def test_split_tones_labels_and_exclusions_of_the_user(checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fakes.make_ecu(data / "ecu", 12)
    fakes.make_sfa(data / "SFA", 12)
    tables = {
        "split_file": "dataset,image,part\n"
        "ecu,im00001,test\necu,im00002,test\necu,im00003,train\necu,im00004,train\n",
        "tones": "dataset,image,tone\necu,im00001,6\n",
        "exclude": "dataset,image,of_dataset,of_image\necu,im00002,sfa,img (1)\necu,im00007,ecu,im00003\n",
    }
    paths = {}
    for name, text in tables.items():
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_text(text)
    plain = evaluate(checkpoint, tmp_path / "plain", data, device="cpu")
    out = evaluate(checkpoint, tmp_path / "out", data, device="cpu", labels="unsure=cut", **paths)
    rows, plain_rows = read_rows(out / "rows.parquet"), read_rows(plain / "rows.parquet")
    (row,) = [row for row in rows if row.test_set == "ecu" and row.head == "skin"]
    assert (row.image, row.tone, row.tone_source) == ("im00001", 6, "labelled")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["datasets"]["ecu"]["excluded"] == 1
    assert run["datasets"]["sfa"]["excluded"] == 0
    assert run["datasets"]["sfa"]["labels"] == {"unsure": "cut"}
    assert run["tables"]["exclude"] == str(paths["exclude"])
    # the policy is told by the rows themselves: their config's hash, and no ignored band
    assert {row.config for row in rows}.isdisjoint(row.config for row in plain_rows)
    assert all(row.ignored == 0 for row in rows)
    assert any(row.ignored > 0 for row in plain_rows if row.test_set == "sfa")
    assert {row.split for row in rows if row.test_set == "sfa"} == {
        row.split for row in plain_rows if row.test_set == "sfa"
    }
    paths["exclude"].write_text("dataset,image\n")  # an audit that found nothing
    evaluate(checkpoint, tmp_path / "none", data, device="cpu", exclude=paths["exclude"])
    paths["exclude"].write_text("image\nim00001\n")
    with pytest.raises(UserError, match="expected a column dataset"):
        evaluate(checkpoint, tmp_path / "no", data, device="cpu", exclude=paths["exclude"])
    paths["exclude"].write_text("image\nim00001\nim00002\n")
    with pytest.raises(UserError, match="none of 2 images is left"):
        evaluate(
            checkpoint,
            tmp_path / "no",
            data / "ecu",
            device="cpu",
            exclude=paths["exclude"],
            split_file=paths["split_file"],
        )


def test_bad_options_are_refused_in_a_sentence(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to evaluate on"):
        evaluate(checkpoint, tmp_path / "out")
    fakes.make_rendered(tmp_path / "frames", 12)
    with pytest.raises(UserError, match="--device gpu0"):
        evaluate(checkpoint, tmp_path / "out", rendered=tmp_path / "frames", device="gpu0")
    with pytest.raises(UserError, match="--subset train"):
        evaluate(checkpoint, tmp_path / "out", rendered=tmp_path / "frames", subset="train")
    with pytest.raises(UserError, match="does not exist"):
        evaluate(tmp_path / "no", tmp_path / "out", rendered=tmp_path / "frames")
    assert not (tmp_path / "out").exists()
