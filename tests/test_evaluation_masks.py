"""`evaluate --masks` on fakes: rows like any model's, and one sentence for every mask that is not as it should be."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from skinseg.cli import main
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import FOREGROUND, Sample
from skinseg.evaluation.rows import ResultRow, read_rows
from tests import fakes

Draw = Callable[[Sample, str], npt.NDArray[np.generic]]


def draw_masks(root: Path, data: Path, name: str, draw: Draw, *heads: str) -> None:
    dataset = open_dataset(name, data)
    for item in dataset.items:
        for head in heads:
            path = root / head / f"{item.image_id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), draw(dataset.read(item), head))


def truth(sample: Sample, head: str) -> npt.NDArray[np.uint8]:
    mask = sample.masks.get(head)
    assert mask is not None
    return (mask == FOREGROUND).astype(np.uint8) * np.uint8(255)


def inverted(sample: Sample, head: str) -> npt.NDArray[np.uint8]:
    return 255 - truth(sample, head)


def probabilities(sample: Sample, head: str) -> npt.NDArray[np.uint16]:
    noise = np.random.default_rng([17, len(sample.image_id)]).normal(32768, 9000, sample.image.shape[:2])
    levels = (noise + np.where(truth(sample, head) > 0, 9000, -9000)).clip(0, 65535).astype(np.uint16)
    levels[0, :2] = 32767, 32768  # either side of 0.5
    return levels


def cut(sample: Sample, head: str) -> npt.NDArray[np.uint8]:
    """The same as `probabilities`, in levels 0 and 1."""
    return (probabilities(sample, head) / 65535 >= 0.5).astype(np.uint8)


def scored(masks: Path, out: Path, *arguments: str | Path) -> list[ResultRow]:
    command = ["evaluate", "--masks", masks, "--name", "theirs", "--subset", "all", "--out", out, *arguments]
    assert main([str(argument) for argument in command]) == 0
    return read_rows(out / "rows.parquet")


def iou(row: ResultRow) -> float:
    return row.tp / (row.tp + row.fp + row.fn)


@pytest.mark.slow
def test_perfect_masks_give_1_and_inverted_ones_0(tmp_path: Path) -> None:
    data, frames = tmp_path / "data", tmp_path / "frames"
    fakes.make_abdomen(data / "abdomen", 8)  # its ids have slashes
    fakes.make_rendered(frames, 12)
    places = ("--data-root", data, "--rendered", frames)
    results = {}
    for draw in (truth, inverted):
        masks = tmp_path / draw.__name__
        draw_masks(masks / "abdomen", data, "abdomen", draw, "skin")
        draw_masks(masks / "rendered", frames, "rendered", draw, "skin", "person")
        results[draw] = scored(masks, tmp_path / f"{draw.__name__} out", *places)
        assert {(row.test_set, row.head) for row in results[draw]} == {
            ("abdomen", "skin"), ("rendered", "skin"), ("rendered", "person"),
        }  # fmt: skip
    assert {iou(row) for row in results[truth]} == {1.0}
    assert {iou(row) for row in results[inverted]} == {0.0}
    assert {row.image for row in results[truth] if row.test_set == "abdomen"} == {
        item.image_id for item in open_dataset("abdomen", data).items
    }
    assert {
        row.outside_person for row in results[truth] if row.head == "skin" and row.test_set == "rendered"
    } == {0}
    assert {row.tone_source for row in results[truth] if row.test_set == "rendered"} == {"labelled"}

    first, other = results[truth][0], results[inverted][0]
    run = json.loads((tmp_path / "truth out" / "run.json").read_text(encoding="utf-8"))
    assert (run["name"], run["weights"], run["config"]) == ("theirs", first.weights, first.config)
    assert first.weights != other.weights
    assert (first.seen, first.trained_on, first.seed) == ("unknown", "unknown", None)
    assert "theirs: masks, scored as they came" in (tmp_path / "truth out" / "report.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_probabilities_of_16_bits_agree_with_masks_cut_from_them(tmp_path: Path) -> None:
    fakes.make_pratheepan(tmp_path / "data", 6)
    for draw in (probabilities, cut):
        # one data set, so its level may be absent
        draw_masks(tmp_path / draw.__name__, tmp_path / "data", "pratheepan", draw, "skin")
    soft, hard = (
        scored(tmp_path / draw.__name__, tmp_path / f"{draw.__name__} out", "--data-root", tmp_path / "data")
        for draw in (probabilities, cut)
    )
    for one, two in zip(soft, hard, strict=True):
        assert (one.image, one.tp, one.fp, one.fn, one.tn) == (two.image, two.tp, two.fp, two.fn, two.tn)
        assert 0.2 < iou(one) < 0.9
        assert one.split == two.split
        assert np.count_nonzero(one.positives) > 20
        assert np.count_nonzero(two.positives) == 2


def _remove(path: Path, masks: Path) -> None:
    path.unlink()


def _add(path: Path, masks: Path) -> None:
    (path.parent / "nobody.png").write_bytes(path.read_bytes())


def _halve(path: Path, masks: Path) -> None:
    cv2.imwrite(str(path), cv2.imread(str(path))[::2, ::2])


def _grey(path: Path, masks: Path) -> None:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    pixels[0, :3] = 7, 128, 200
    cv2.imwrite(str(path), pixels)


def _colour(path: Path, masks: Path) -> None:
    pixels = cv2.imread(str(path))
    pixels[..., 0] = 0
    cv2.imwrite(str(path), pixels)


def _spoil(path: Path, masks: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _no_folder(path: Path, masks: Path) -> None:
    masks.rename(masks.with_name("elsewhere"))


def _no_head(path: Path, masks: Path) -> None:
    (masks / "pratheepan" / "skin").rename(masks / "pratheepan" / "Haut")


def _other_head(path: Path, masks: Path) -> None:
    (masks / "pratheepan" / "skin").rename(masks / "pratheepan" / "person")


def _other_dataset(path: Path, masks: Path) -> None:
    (masks / "pratheepan").rename(masks / "ecu")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            _remove,
            "1 of 6 images of dataset pratheepan have no mask (FamilyPhoto/photo 03), expected FamilyPhoto/photo",
        ),
        (
            _add,
            "files that are no image's of dataset pratheepan: 1 (FamilyPhoto/nobody.png), expected names like",
        ),
        (_halve, "photo 03.png: 48x36 pixels found, expected 96x72"),
        (_grey, "photo 03.png: levels 0, 7, 128, 200, ... (5 in all) found, expected 0 and 255, or 0 and 1"),
        (_colour, "photo 03.png: coloured"),
        (_spoil, "photo 03.png: the PNG is cut off"),
        (_no_folder, "masks: no such folder"),
        (_no_head, "neither skin/ nor person/ nor hair/ found in"),
        (_other_head, "masks of person found, which dataset pratheepan does not label"),
        (_other_dataset, "neither skin/ nor person/ nor hair/ found in"),
    ],
)
def test_a_bad_mask_is_told_in_a_sentence_and_nothing_is_written(
    spoil: Callable[[Path, Path], None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.make_pratheepan(tmp_path / "data", 6)
    masks, out = tmp_path / "masks", tmp_path / "out"
    draw_masks(masks / "pratheepan", tmp_path / "data", "pratheepan", truth, "skin")
    spoil(masks / "pratheepan" / "skin" / "FamilyPhoto" / "photo 03.png", masks)
    places = ["--data-root", tmp_path / "data", "--subset", "all", "--out", out]
    command = ["evaluate", "--masks", masks, "--name", "theirs", *places]
    assert main([str(argument) for argument in command]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("skinseg: error: ")
    assert printed.count("\n") == 1
    assert said in printed
    assert not out.exists()


def test_masks_that_are_not_scored_may_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.make_pratheepan(tmp_path / "data", 6)
    draw_masks(tmp_path / "masks", tmp_path / "data", "pratheepan", truth, "skin")
    (tmp_path / "masks" / "skin" / "FamilyPhoto" / "photo 03.png").unlink()
    (tmp_path / "masks" / "skin" / ".DS_Store").touch()
    left_out = tmp_path / "exclude.csv"
    left_out.write_text("image\nFamilyPhoto/photo 03\n")
    rows = scored(
        tmp_path / "masks", tmp_path / "out", "--data-root", tmp_path / "data", "--exclude", left_out
    )
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--masks", "m"], "--masks m: --name is missing"),
        (["--masks", "m", "--name", ""], "--masks m: --name is missing"),
        (["--masks", "m", "--name", "n", "--checkpoint", "c"], "both of --checkpoint and --masks given"),
        (["--checkpoint", "c", "--name", "n"], "--name n: only masks take a name"),
        ([], "neither of --checkpoint and --masks given"),
    ],
)
def test_masks_or_a_checkpoint(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *options, "--data-root", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
