"""The leakage audit: known copies are found, whatever was done to them, and different pictures are not."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from skinseg.cli import main
from skinseg.curation.leaks import KINDS, Squeezed, find_leaks, similarity, squeeze
from skinseg.data.splits import make_split
from skinseg.datasets.registry import open_dataset
from tests import fakes


def scene(index: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A picture with the statistics that photographs have: soft light, things with edges, some grain."""
    rng = np.random.default_rng([23, index])
    light = cv2.resize(rng.uniform(60, 180, (3, 4, 3)).astype(np.float32), (width, height))
    for _ in range(25):
        color = rng.uniform(0, 255, 3).tolist()
        x, y = int(rng.integers(width)), int(rng.integers(height))
        if rng.random() < 0.5:
            axes = (int(rng.integers(4, 60)), int(rng.integers(4, 60)))
            cv2.ellipse(light, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, color, -1, cv2.LINE_AA)
        else:
            end = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.line(light, (x, y), end, color, int(rng.integers(1, 8)), cv2.LINE_AA)
    return (light + rng.normal(0, 3, light.shape)).clip(0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "compressed": lambda image: jpeg(image, 40),
    "half the size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "enlarged": lambda image: cv2.resize(image, None, fx=1.7, fy=1.7),
    "mirrored": lambda image: jpeg(np.ascontiguousarray(image[:, ::-1]), 70),
    "cropped": lambda image: jpeg(image[12:-12, 16:-16], 80),
    "cropped at one side": lambda image: image[:, : int(0.92 * image.shape[1])],
    "brighter": lambda image: (image * 0.85 + 35).clip(0, 255).astype(np.uint8),
    "warmer": lambda image: (image * np.array([1.1, 1.0, 0.85])).clip(0, 255).astype(np.uint8),
}


def picture(name: str, image: np.ndarray, dataset: str = "set", part: str = "train") -> Squeezed:
    return Squeezed(dataset, name, part, squeeze(image))


@pytest.mark.parametrize("change", CHANGES)
def test_known_copies_are_found_among_different_pictures(change: str) -> None:
    originals = [picture(f"{i}", scene(i)) for i in range(12)]
    copies = [picture(f"copy of {i}", CHANGES[change](scene(i))) for i in range(0, 12, 2)]
    leaks = find_leaks([*originals, *copies])
    found = {(leak.original.image, leak.repeat.image) for leak in leaks}
    # precision and recall of 1, both
    assert found == {(f"{i}", f"copy of {i}") for i in range(0, 12, 2)}
    assert {leak.mirrored for leak in leaks} == {change == "mirrored"}


@pytest.mark.slow
def test_different_pictures_that_look_alike_are_not_found() -> None:
    plain = [np.full((72, 96, 3), level, np.uint8) for level in (20, 20, 21, 200)]
    noisy = [fakes.fake(i).image for i in range(24)]  # one ellipse in the middle of a plain wall, each
    # the same backdrop with another object before it, as in series of gestures
    backdrop = scene(99)
    series = []
    for i in range(6):
        image = backdrop.copy()
        cv2.ellipse(image, (100 + 25 * i, 130), (80, 35), 30.0 * i, 0, 360, (90, 130, 190), -1)
        grain = np.random.default_rng(i).normal(0, 3, image.shape)
        series.append((image + grain).clip(0, 255).astype(np.uint8))
    pictures = [picture(f"{i}", image) for i, image in enumerate([*plain, *noisy, *series])]
    assert find_leaks(pictures) == []


def test_similarity_is_symmetric_and_1_for_the_same() -> None:
    first, second = squeeze(scene(1)), squeeze(CHANGES["cropped"](scene(1)))
    assert similarity(first, first) == pytest.approx(1, abs=1e-3)
    assert similarity(first, second) == similarity(second, first) > 0.93
    assert similarity(first, squeeze(scene(2))) < 0.5


def leaky_data(root: Path) -> dict[str, str]:
    """ECU with a copy from its training part in its test part, and one of its images in Pratheepan too."""
    ecu = fakes.make_ecu(root / "ecu", 20)
    pratheepan = fakes.make_pratheepan(root / "pratheepan", 20)
    names = {}
    for folder in (ecu, pratheepan):
        for i, path in enumerate(sorted(folder.rglob("*.j*g"), key=str) + sorted(folder.rglob("*.JPG"))):
            offset = 0 if folder is ecu else 100
            fakes.write(
                path, cv2.resize(scene(offset + i), (fakes.WIDTH, fakes.HEIGHT), interpolation=cv2.INTER_AREA)
            )
    split = make_split(open_dataset("ecu", root))
    names["train"], names["test"] = split.train[0], split.test[0]
    source = cv2.imread(str(ecu / "origin_images" / f"{names['train']}.jpg"))
    cv2.imwrite(str(ecu / "origin_images" / f"{names['test']}.jpg"), np.ascontiguousarray(source[:, ::-1]))
    other = make_split(open_dataset("pratheepan", root)).test[0]
    item = next(item for item in open_dataset("pratheepan", root).items if item.image_id == other)
    cv2.imwrite(str(item.image_path), cv2.imread(str(ecu / "origin_images" / f"{split.train[1]}.jpg")))
    return names | {"ecu": split.train[1], "pratheepan": other}


def test_the_command_writes_pairs_and_thumbnails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = leaky_data(tmp_path / "data")
    out = tmp_path / "leaks"
    assert main(["data", "leaks", str(tmp_path / "data"), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert (
        "40 images, 2 pairs that show the same photograph: 1 across the split, 1 across datasets" in printed
    )
    with (out / "leaks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = {(row["dataset"], row["image"], row["of_dataset"], row["of_image"], row["kind"]) for row in rows}
    assert pairs == {
        ("ecu", names["test"], "ecu", names["train"], KINDS[0]),  # the one that is tested on
        ("ecu", names["ecu"], "pratheepan", names["pratheepan"], KINDS[1]),
        ("pratheepan", names["pratheepan"], "ecu", names["ecu"], KINDS[1]),
    }
    sheet = cv2.imread(str(out / "leaks-1.jpg"))
    assert sheet.shape[0] > 128
    assert sheet.std() > 20

    # found no more: the old sheets go
    (tmp_path / "empty").mkdir()
    fakes.make_ecu(tmp_path / "empty" / "ecu", 12)
    assert main(["data", "leaks", str(tmp_path / "empty"), "--out", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["leaks.csv"]
