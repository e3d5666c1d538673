"""`evaluate` on fakes with a random model: rows, panels, run.json, and what happens when something is bad."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from skinseg.background import in_background
from skinseg.cli import main
from skinseg.data.splits import make_split
from skinseg.datasets.confusion import confusion
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.evaluation.command import evaluate
from skinseg.evaluation.image_properties import image_properties
from skinseg.evaluation.panels import LONG_SIDE, level, panel, panel_paths, write_panel
from skinseg.evaluation.rows import read_rows
from skinseg.evaluation.score import Origin, score, tone_of
from skinseg.models import checkpoint as checkpoints
from skinseg.models.inference import Predictor, lanes
from skinseg.models.loading import load
from skinseg.models.unet import TwoHeadUnet
from skinseg.reports.report import write_report
from skinseg.reports.results import read_results
from skinseg.tones.ita import estimate_tone
from tests import fakes
from tests.test_evaluation_masks import draw_masks, truth

ORIGIN = Origin(
    run="r", subset="all", threshold=0.5, trained_on="hgr", pretrained_on=None, seed=0, weights="w", config="c",
    split="s",
)  # fmt: skip


class Redness(torch.nn.Module):
    """Knows the fakes' skin by its colour, red well above blue, and sees a person in the left half only."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        red, _, blue = image.float().unbind(1)
        person = torch.full_like(red, -5)
        person[..., : red.shape[-1] // 2] = 5
        return {"skin": red - blue - 20, "person": person}


ORACLE = Predictor(Redness(), size=fakes.WIDTH)  # type: ignore[arg-type]


def never(image_id: str) -> str:
    return "never"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = TwoHeadUnet()
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    weights = {checkpoints.PREFIX + name: value for name, value in model.state_dict().items()}
    trained = [{"dataset": "rendered", "split": "r"}, {"dataset": "hgr", "split": "another"}]
    record = checkpoints.metadata_of(model, 64, epoch=0, seed=7, split=None, parent=None, lineage=trained)
    torch.save({"state_dict": weights, checkpoints.KEY: record}, path)
    return path


def test_score_counts_what_is_labelled(tmp_path: Path) -> None:
    fakes.make_pratheepan(tmp_path / "pratheepan", 6)
    dataset = open_dataset("pratheepan", tmp_path)
    ids = [item.image_id for item in dataset.items]
    rows = list(score(ORACLE, dataset, ids, ORIGIN, never, tmp_path / "out"))
    assert [row.image for row in rows] == ids
    for row in rows:
        assert row.head == "skin"
        assert row.tone_source == "estimated"
        assert row.tp + row.fp + row.fn + row.tn + row.ignored == row.width * row.height
        assert (row.width, row.height) == (fakes.WIDTH, fakes.HEIGHT)
        assert row.tp / (row.tp + row.fp + row.fn) > 0.8
        pictures = [cv2.imread(str(path)) for path in panel_paths(tmp_path / "out", "pratheepan", row.image)]
        scale = min(1, LONG_SIDE / max(fakes.HEIGHT, fakes.WIDTH))
        size = (round(fakes.HEIGHT * scale), round(fakes.WIDTH * scale), 3)
        assert [picture.shape for picture in pictures] == [size, size]
        assert set(np.unique(pictures[1])) <= {level(outcome) for outcome in range(5)}, "WebP without loss"


def test_rendered_tone_is_labelled_and_both_heads_are_scored(tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "rendered", 6)
    dataset = open_dataset("rendered", tmp_path)
    ids = [item.image_id for item in dataset.items][:3]
    rows = list(score(ORACLE, dataset, ids, ORIGIN, never, tmp_path / "out"))
    assert [row.head for row in rows] == ["skin", "person"] * 3
    assert [row.tone for row in rows] == [1, 1, 2, 2, 3, 3]
    assert {row.tone_source for row in rows} == {"labelled"}
    for skin, person in zip(rows[::2], rows[1::2], strict=True):
        # The set's pictures are 64 pixels wide, and the person is seen in their left half only.
        assert person.tp + person.fp == 32 * 64
        assert person.outside_person is None
        assert 0.3 < skin.outside_person / (skin.tp + skin.fp) < 0.7


def test_the_network_runs_in_the_caller_s_thread_and_results_keep_their_order() -> None:
    main, seen = threading.get_ident(), []

    def slow_at_first(value: int) -> int:
        seen.append(threading.get_ident())
        time.sleep(0.02 if value == 0 else 0)
        return value * 10

    assert list(in_background(slow_at_first, range(20))) == [value * 10 for value in range(20)]
    assert len(set(seen)) == 1
    assert main not in seen
    begun: list[int] = []
    results = in_background(begun.append, range(100), ahead=3)
    next(results)
    assert len(begun) <= 5
    results.close()

    def fails(value: int) -> int:
        return 1 // (value - 3)

    got = []
    with pytest.raises(ZeroDivisionError):
        got.extend(in_background(fails, range(9)))
    results = in_background(fails, range(9))
    assert [next(results) for _ in range(3)] == [1 // -3, 1 // -2, 1 // -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_rows_are_those_of_one_image_after_the_other(tmp_path: Path) -> None:
    fakes.make_pratheepan(tmp_path / "pratheepan", 9)
    dataset = open_dataset("pratheepan", tmp_path)
    ids = [item.image_id for item in dataset.items][::-1]
    together = list(score(ORACLE, dataset, ids, ORIGIN, never, tmp_path / "a"))
    single = [row for each in ids for row in score(ORACLE, dataset, [each], ORIGIN, never, tmp_path / "b")]
    assert together == single
    assert list(score(ORACLE, dataset, ids, ORIGIN, never, tmp_path / "c", lanes=3)) == single
    for row, image_id in zip(together, ids, strict=True):
        sample = dataset[[item.image_id for item in dataset.items].index(image_id)]
        expected = confusion(ORACLE.probabilities(sample.image)["skin"] >= 0.5, sample.masks["skin"])
        assert (row.tp, row.fp, row.fn, row.tn) == (expected.tp, expected.fp, expected.fn, expected.tn)


def test_images_share_out_torch_s_threads_on_a_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(torch, "set_num_threads", found.append)
    for threads, device, expected in (
        (1, "cpu", 1),
        (2, "cpu", 2),
        (20, "cpu", 8),
        (4, "cuda", 1),
        (4, None, 1),
    ):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        with lanes(device) as count:
            assert count == expected
    assert found == [1, 2, 2, 20]


def test_properties_of_an_image() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[:, 150:] = 255
    skin = np.zeros((200, 300), np.uint8)
    skin[10:50, 10:50] = skin[100:150, 100:150] = 1
    skin[180, 180] = 1  # a speck is no region
    skin[60:90, 60:90] = 255  # nor are ignored pixels

    def sample(pixels: np.ndarray, mask: np.ndarray | None) -> Sample:
        return Sample(image=pixels, masks={} if mask is None else {"skin": mask}, dataset="d", image_id="i")

    known = image_properties(sample(image, skin))
    assert known.brightness == pytest.approx(0.5, abs=0.01)
    assert known.regions == 2
    blurred = cv2.GaussianBlur(image, (0, 0), 5)
    assert image_properties(sample(blurred, None)).sharpness < 0.2 * known.sharpness
    assert image_properties(sample(blurred, None)).regions is None


def test_tone_of_a_large_photograph_is_that_of_a_small_one() -> None:
    picture = fakes.fake(3, 1200, 1600)
    samples = [
        Sample(image=image, masks={"skin": skin.astype(np.uint8)}, dataset="d", image_id="i")
        for image, skin in (
            (picture.image, picture.skin),
            (picture.image[::8, ::8], picture.skin[::8, ::8]),
        )
    ]
    (tone, source, ita), (small, _, small_ita) = (tone_of(each) for each in samples)
    assert (tone, source) == (small, "estimated")
    assert ita == pytest.approx(small_ita, abs=2)
    # Rows, `skinseg data check` and the benchmarks look at the same pixels.
    assert (ita, tone) == estimate_tone(samples[0].image, picture.skin.astype(np.uint8))


def test_panel_keeps_what_became_of_each_pixel() -> None:
    mask = np.array([[1, 1, 0, 0, 255]], np.uint8).repeat(60, 0).repeat(60, 1)
    predicted = np.array([[1, 0, 1, 0, 1]], bool).repeat(60, 0).repeat(60, 1)
    image = np.full((*mask.shape, 3), 128, np.uint8)
    photo, outcome = panel(image, mask, predicted)
    assert photo.shape == (45, LONG_SIDE, 3)
    shown = outcome[20, [20 + 45 * i for i in range(5)]].tolist()
    assert shown == [level(outcome) for outcome in (1, 3, 2, 0, 4)]
    assert [value * 5 // 256 for value in shown] == [1, 3, 2, 0, 4], "a look-up of five entries finds them"


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
    assert {(row.trained_on, row.pretrained_on, row.seed) for row in rows} == {("hgr", "rendered", 7)}
    seen = {row.test_set: row.seen for row in rows}
    assert seen == {"pratheepan": "never", "hgr": "maybe", "rendered": "maybe"}
    assert run["datasets"]["hgr"]["seen"] == {"maybe": run["datasets"]["hgr"]["images"]}
    assert run["datasets"]["hgr"]["complete"] == 16
    scenes = pd.read_parquet(out / "scenes.parquet")
    assert sorted(scenes["image"]) == sorted({row.image for row in rows if row.test_set == "rendered"})
    assert "fitzpatrick" in scenes
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
def test_a_broken_neighbour_stops_nothing(checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fakes.make_pratheepan(data / "pratheepan", 6)
    (data / "ecu" / "origin_images").mkdir(parents=True)
    (data / "ecu" / "origin_images" / "im00001.jpg").write_bytes(b"half of a data set")
    with pytest.raises(UserError, match="ECU"):
        evaluate(checkpoint, tmp_path / "all", data, device="cpu")
    evaluate(checkpoint, tmp_path / "one", data, device="cpu", names=["pratheepan"])
    assert {row.test_set for row in read_rows(tmp_path / "one" / "rows.parquet")} == {"pratheepan"}
    with pytest.raises(UserError, match=r"'pratheepn' does not exist, did you mean pratheepan\?"):
        evaluate(checkpoint, tmp_path / "none", data, device="cpu", names=["pratheepn"])
    with pytest.raises(UserError, match="--data-root is missing"):
        evaluate(checkpoint, tmp_path / "none", device="cpu", names=["pratheepan"])


@pytest.mark.slow
def test_views_are_another_configuration_of_the_same_weights(checkpoint: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    fakes.make_pratheepan(data / "pratheepan", 6)
    once = read_rows(
        evaluate(checkpoint, tmp_path / "once", data, device="cpu", subset="all") / "rows.parquet"
    )
    out = evaluate(checkpoint, tmp_path / "out", data, device="cpu", subset="all", views="64,96,mirror")
    rows = read_rows(out / "rows.parquet")
    dataset = open_dataset("pratheepan", data)
    predictor = load(checkpoint, "cpu", "64,96,mirror")
    for row in rows:
        item = next(item for item in dataset.items if item.image_id == row.image)
        sample = dataset.read(item)
        found = confusion(predictor.predict(sample.image).masks[row.head], sample.masks[row.head])
        # A loaded model is folded: a probability that is one half may round to the other side.
        assert (row.tp, row.fp, row.fn) == pytest.approx((found.tp, found.fp, found.fn), abs=3)
    assert {row.weights for row in rows} == {row.weights for row in once}
    assert {row.config for row in rows}.isdisjoint(row.config for row in once)
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["views"] == "64,96,mirror"
    assert "the mean over views of it, 64,96,mirror" in write_report([out]).paths["html"].read_text("utf-8")
    with pytest.raises(UserError, match="expected long sides in pixels"):
        evaluate(checkpoint, tmp_path / "none", data, device="cpu", views="wide")


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


def test_results_are_of_one_model_whole_or_absent(tmp_path: Path) -> None:
    """Scored into a folder that holds others: all of them go, or, where nothing was finished, all stay."""
    fakes.make_pratheepan(tmp_path / "data", 6)
    fakes.make_rendered(tmp_path / "frames", 6)
    draw_masks(tmp_path / "theirs", tmp_path / "frames", "rendered", truth, "skin")
    draw_masks(tmp_path / "ours", tmp_path / "data", "pratheepan", truth, "skin")
    out = tmp_path / "out"
    evaluate(None, out, rendered=tmp_path / "frames", subset="all", masks=tmp_path / "theirs", name="theirs")
    assert read_results(out).run["name"] == "theirs"
    assert (out / "scenes.parquet").is_file()
    (out / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    given: dict[str, Any] = {"data_root": tmp_path / "data", "subset": "all", "name": "ours"}
    with full_disk(), pytest.raises(OSError, match="disk full"):
        evaluate(None, out, masks=tmp_path / "ours", **given)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    evaluate(None, out, masks=tmp_path / "ours", **given)
    found = read_results(out)
    assert found.run["name"] == "ours"
    assert found.scenes is None
    assert {path.name for path in (out / "panels").iterdir()} == {"id.txt", "pratheepan"}
    assert (out / "notes.txt").read_text() == "mine"


@contextmanager
def full_disk() -> Iterator[None]:
    """A disk that is full at the third picture."""
    written: list[Path] = []

    def write(paths: tuple[Path, Path], *pictures: object) -> None:
        written.append(paths[0])
        write_panel(paths, *pictures)  # type: ignore[arg-type]
        if len(written) == 3:
            raise OSError("disk full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skinseg.evaluation.score.write_panel", write)
        yield


@pytest.mark.slow
def test_masks_are_reported_beside_a_model_paired(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.make_pratheepan(tmp_path / "data", 30)
    dataset = open_dataset("pratheepan", tmp_path / "data")
    for item in dataset.items:
        fakes.write(
            tmp_path / "hgr" / "skin" / f"{item.image_id}.png",
            dataset.read(item).masks["skin"] * np.uint8(255),
        )
    data = ["--data-root", str(tmp_path / "data"), "--subset", "all"]
    theirs, ours, again = (str(tmp_path / name) for name in ("theirs", "ours", "again"))
    scored = ["--masks", str(tmp_path / "hgr"), "--name", "last year's"]
    assert main(["evaluate", *scored, *data, "--out", theirs]) == 0
    assert main(["evaluate", *scored, *data, "--out", again]) == 0
    assert main(["evaluate", "--checkpoint", str(checkpoint), *data, "--out", ours]) == 0
    both = tmp_path / "both"
    assert main(["report", theirs, ours, "--out", str(both)]) == 0
    table = pd.read_csv(both / "report.csv").set_index(["arm", "minus"])
    line = table.loc["last year's", "hgr + rendered"]
    means = table["iou_image_mean"]
    model = means.loc["hgr + rendered"].item()
    assert means.loc["last year's", np.nan] == 1
    assert line["iou_image_mean"] == pytest.approx(1 - model)
    assert line["low"] < line["iou_image_mean"] < line["high"]
    assert line["images"] == 30
    assert main(["report", theirs, again, "--out", str(both)]) == 0
    assert set(pd.read_csv(both / "report.csv")["arm"]) == {
        f"last year's ({theirs})",
        f"last year's ({again})",
    }
