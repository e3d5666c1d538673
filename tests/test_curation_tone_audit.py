"""The audit of re-toning: its classifier, its folds and its null, and the command."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.cli import main
from skinseg.curation.tone_audit import Picture, area_under_curve, audit_group, distinguishable
from skinseg.tones.ita import draw_skin_color, estimate_tone, linear_to_srgb
from tests import fakes

pytestmark = pytest.mark.slow


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 6, 40).astype(float), rng.integers(0, 2, 40).astype(float)
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in scores[truth == 1] for b in scores[truth == 0]]
    assert area_under_curve(scores, truth) == pytest.approx(np.mean(pairs))


def test_two_kinds_are_told_apart_only_where_they_differ() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, (150, 6)), rng.normal(0, 1, (150, 6))
    names, others = [f"a{i}" for i in range(150)], [f"b{i}" for i in range(150)]
    assert 0.4 < distinguishable(one, other, names, others, rng) < 0.6
    other[:, 2] += 2
    assert distinguishable(one, other, names, others, rng) > 0.85


def test_a_photograph_and_its_copy_lie_in_one_fold() -> None:
    """Equal numbers in both kinds: where copies lay in other folds the answer would be far below chance."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (60, 25))
    names = [f"a{i}" for i in range(60)]
    together = [distinguishable(values, values, names, names, rng) for _ in range(5)]
    assert np.mean(together) == pytest.approx(0.5, abs=0.02)
    apart = [distinguishable(values, values, names, [f"b{n}" for n in names], rng) for _ in range(5)]
    assert np.mean(apart) < 0.4


def test_people_who_differ_in_tone_alone_are_hard_to_tell_once_re_toned() -> None:
    """Skin of a group's own colours, in light from one side, on one wall."""
    rng = np.random.default_rng(3)
    pictures = []
    for i in range(60):
        group = 3 if i < 36 else 5
        _, color = draw_skin_color(rng, group)
        blank = fakes.fake(0)
        linear = (
            np.where(blank.skin[..., None], color, 0.03) * np.linspace(0.6, 1, fakes.WIDTH)[None, :, None]
        )
        linear *= np.exp(rng.normal(0, 0.05, linear.shape))  # grain that a density leaves as it is
        image = np.rint(255 * linear_to_srgb(linear.clip(0, 1))).astype(np.uint8)
        skin = blank.skin.astype(np.uint8)
        estimate = estimate_tone(image, skin)
        assert estimate is not None
        pictures.append(Picture(f"person {i}", image, skin, estimate[0], group))
    real = [each for each in pictures if each.group == 5]
    (colour, _), sheet = audit_group(5, real, pictures, rng)
    assert colour.real == 24
    assert 30 <= colour.copies <= 36
    assert colour.before > 0.95
    assert colour.retoned < colour.before - 0.1
    assert sheet.shape[1] == 6 * 160


def test_audit_writes_a_table_and_sheets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.make_folder(tmp_path / "data" / "mine", 126, table=True)
    out = tmp_path / "audit"
    assert main(["tones", "audit", str(tmp_path / "data"), "--out", str(out)]) == 0
    table = pd.read_csv(out / "audit.csv")
    assert set(table["features"]) == {"colour", "texture and rim"}
    assert table[["retoned", "before", "null_real", "null_retoned"]].to_numpy().min() >= 0
    # What the fakes are drawn of goes with their tone, so what is told apart says nothing here; the nulls do.
    assert (table[["null_real", "null_retoned"]].to_numpy() < 0.7).all()
    for group in set(table["group"]):
        assert (out / "sheets" / f"group-{group}.jpg").is_file()
    fakes.make_pratheepan(tmp_path / "few", 12)
    capsys.readouterr()
    assert main(["tones", "audit", str(tmp_path / "few"), "--out", str(out)]) == 2
    assert "no group can be audited" in capsys.readouterr().err
