"""Known answers of the audit: what is made worse moves the dimension that should see it, and chance moves nothing."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.probing.audit import Audit, Gallery, cells_of, check_generator, compared, gallery
from skinseg.probing.audit_page import audit_said, audit_tables, write_audit
from skinseg.probing.correlation import correlations, foretold
from skinseg.probing.distances import (
    coverage_and_recall,
    kid,
    kid_of_subsets,
    matched,
    null_of_halves,
)
from skinseg.probing.measures import CROP, measure
from skinseg.studies.audits import write_correlations
from skinseg.tones.ita import draw_skin_color, linear_to_srgb
from tests import fakes

pytestmark = pytest.mark.slow

Picture = tuple[np.ndarray, np.ndarray]


def picture(number: int, tones: Sequence[int] = (1, 2, 3, 4, 5, 6)) -> Picture:
    """A textured ellipse of skin before a textured wall."""
    rng = np.random.default_rng(number)
    image = 255 * rng.uniform(0.2, 0.8, 3) + rng.normal(0, 12, (128, 128, 3))
    skin = np.zeros((128, 128), np.uint8)
    axes = (int(rng.integers(20, 60)), int(rng.integers(20, 60)))
    cv2.ellipse(skin, (64, 64), axes, 0, 0, 360, 1, -1)
    color = linear_to_srgb(np.clip(draw_skin_color(rng, tones[number % len(tones)])[1], 0, 1))
    image[skin == 1] = 255 * color + rng.normal(0, 8, (int(skin.sum()), 3))
    return np.clip(image, 0, 255).astype(np.uint8), skin


def features(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Small and known: mean colour and roughness in four quarters."""
    found = []
    for each in pictures:
        small = cv2.resize(each, (8, 8), interpolation=cv2.INTER_AREA).astype(np.float64) / 255
        found.append([*small.reshape(4, 16, 3).mean(axis=1).ravel(), each.std() / 128])
    return np.array(found).reshape(len(pictures), 13)


def hung(
    name: str, numbers: range, change: Callable[[Picture], Picture] = lambda each: each, **given: object
) -> Gallery:
    return gallery(name, [measure(*change(picture(each, **given))) for each in numbers], features)  # type: ignore[arg-type]


@cache
def photographs() -> list[Gallery]:
    return [hung("one", range(1000, 1060)), hung("two", range(2000, 2060))]


def audited(ours: Gallery) -> Audit:
    return compared(ours, photographs(), {}, 0)


def rising(values: Sequence[float]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))


def test_growing_blur_moves_sharpness() -> None:
    def blurred(sigma: float) -> Callable[[Picture], Picture]:
        return lambda each: (cv2.GaussianBlur(each[0], (0, 0), sigma), each[1])

    found = [audited(hung("rendered", range(60), blurred(s))) for s in (0.4, 0.7, 1.2, 2.5)]
    for name in ("skin: sharpness", "rest: sharpness"):
        assert rising([each.dimensions[f"distance, {name}"] for each in found])


def test_growing_greyness_moves_chroma() -> None:
    def grey(share: float) -> Callable[[Picture], Picture]:
        def change(each: Picture) -> Picture:
            mean = each[0].mean(axis=2, keepdims=True)
            return (mean + (1 - share) * (each[0] - mean)).astype(np.uint8), each[1]

        return change

    found = [
        audited(hung("rendered", range(60), grey(s))).dimensions["distance, skin: chroma"]
        for s in (0.2, 0.5, 0.8, 1)
    ]
    assert rising(found)


def test_missing_tones_move_the_cells() -> None:
    tones = [(1, 2, 3, 4, 5, 6), (2, 3, 4, 5), (3, 4), (4,)]
    found = [cells_of(hung("rendered", range(60), tones=each)) for each in tones]
    assert rising([-filled for filled, _ in found])
    assert rising([-even for _, even in found])


def test_halves_of_one_set_are_within_the_null_and_other_sets_beyond_it() -> None:
    rng = np.random.default_rng(0)
    ours = rng.uniform(0, 1, (120, 13))
    _, low, high = null_of_halves(ours, rng)
    order = rng.permutation(len(ours))
    assert low <= kid(ours[order[:60]], ours[order[60:]]) <= high
    shifted = ours + 0.3
    assert kid_of_subsets(ours, shifted, rng)[0] > high
    assert kid(ours, ours + 0.6) > kid(ours, shifted)
    assert all(value != value for value in kid_of_subsets(ours[:5], shifted, rng))


def test_coverage_and_recall_of_what_is_known() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(100, 8))
    assert coverage_and_recall(real, real) == (1.0, 1.0)
    assert coverage_and_recall(real, real + 100) == (0.0, 0.0)
    half, _ = coverage_and_recall(np.concatenate([real, real + 100]), real)
    assert half == pytest.approx(0.5)


def test_framing_is_matched() -> None:
    rng = np.random.default_rng(0)
    one, other = np.array([0.1] * 8 + [0.9] * 2), np.array([0.1] * 3 + [0.9] * 7)
    mine, others = matched(one, other, (0.5,), rng)
    assert (sum(one[mine] < 0.5), sum(other[others] < 0.5), len(mine), len(others)) == (3, 3, 5, 5)


def test_a_crop_is_of_the_largest_skin() -> None:
    image, skin = picture(3)
    found = measure(image, skin)
    assert found.crop is not None
    assert found.crop.shape == (CROP, CROP, 3)
    assert measure(image, np.zeros_like(skin)).crop is None
    assert measure(image, np.zeros_like(skin)).values is None


def test_the_same_audit_gives_the_same_bytes(tmp_path: Path) -> None:
    ours = hung("rendered", range(60))
    found = audited(ours)
    pages = []
    for name in ("a", "b"):
        write_audit(audited(ours), "skinseg audit", tmp_path / name)
        pages.append(
            [(tmp_path / name / file).read_bytes() for file in ("audit.json", "report.html", "report.md")]
        )
    assert pages[0] == pages[1]
    assert found.ratio == pytest.approx(audited(ours).ratio)
    assert "no total" in audit_said(found)
    assert "between photographs" not in audit_said(replace(found, real={}))
    assert len(audit_tables(found)) == 5


def test_bad_input_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.make_all(tmp_path / "data")
    rendered = fakes.make_rendered(tmp_path / "set")
    given = ["audit", str(rendered), "--against", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert main(given) == 2
    assert "generator.yaml" in capsys.readouterr().err

    record = {
        "skinseg": "1", "code": "", "seed": 3, "config_hash": "", "photographs": 0, "photographs_hash": "", "files": {},
        "config": {"resolution": 64},
    }  # fmt: skip
    (rendered / "generator.yaml").write_text(yaml.safe_dump(record))
    table = pd.read_parquet(rendered / "scenes.parquet")
    table["scene"] = '{"seed": 4, "resolution": 64}'
    table.to_parquet(rendered / "scenes.parquet")
    with pytest.raises(UserError, match=r"generator\.yaml: of another set"):
        check_generator(rendered)
    table["scene"] = '{"seed": 3, "resolution": 64}'
    table.to_parquet(rendered / "scenes.parquet")
    assert main(given) == 2
    assert "12 images found, expected at least 50" in capsys.readouterr().err
    for mask in (rendered / "masks").iterdir():
        mask.unlink()
    assert main(given) == 2
    assert "lack a mask" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_goes_with_transfer_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    transfer = rng.normal(0.6, 0.05, 14)
    dimensions = [
        {"tells": -value + rng.normal(0, 0.01), "chance": rng.normal(), "same": 1.0, "lost": float("nan")}
        for value in transfer
    ]
    found = {each.dimension: each for each in correlations(dimensions, transfer)}
    assert list(found) == ["tells", "chance", "same"]
    assert found["tells"].srcc[2] < -0.7
    assert found["tells"].plcc[0] == pytest.approx(
        np.corrcoef([each["tells"] for each in dimensions], transfer)[0, 1]
    )
    low, high = found["chance"].srcc[1:]
    assert low < 0 < high
    assert all(value != value for value in found["same"].krcc)
    errors = foretold(dimensions, transfer)
    assert errors.single < 0.5 * errors.mean
    only_noise = foretold([{"a": rng.normal(), "b": rng.normal()} for _ in transfer], transfer)
    assert not only_noise.combining_pays


def test_the_table_of_a_study_says_what_it_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    transfer = {f"frames@{number}": float(rng.normal(0.6, 0.05)) for number in range(12)}
    dimensions = {name: {"a": float(rng.normal()), "tells": 2 * value} for name, value in transfer.items()}
    paths = write_correlations(dimensions, transfer, tmp_path)
    text = paths["audits md"].read_text()
    assert "12 variants" in text
    assert "| tells | +1.00 (+1.00 to +1.00) |" in text
    nothing = {name: {"a": float(rng.normal())} for name in transfer}
    assert (
        "No dimension predicts transfer"
        in write_correlations(nothing, transfer, tmp_path)["audits md"].read_text()
    )
