"""`--data.retone`: which groups are filled, from which photographs, and what is never touched."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.cli import main
from skinseg.data.datamodule import SkinDataModule
from skinseg.data.retoning import Tone, candidates, open_retoned, parse_groups, said, target, tones_of
from skinseg.datasets.registry import open_dataset
from skinseg.errors import UserError
from skinseg.tones.ita import estimate_tone, fitzpatrick_of
from tests import fakes


def module(root: Path, cache: Path, retone: str = "balance", **more: object) -> SkinDataModule:
    found = SkinDataModule(
        dataset="pratheepan",
        data_root=str(root),
        size=32,
        cache_dir=str(cache),
        retone=retone,
        **more,  # type: ignore[arg-type]
    )
    found.prepare_data()
    found.setup("fit")
    return found


def test_rare_groups_are_filled_with_copies_of_training_photographs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.make_pratheepan(tmp_path / "data", 40)
    plain = module(tmp_path / "data", tmp_path / "cache", "off")
    assert plain.tone_counts == {}
    without = module(tmp_path / "data", tmp_path / "cache", "off", without_tones="4")
    assert len(without.train_ids) < len(plain.train_ids)
    capsys.readouterr()
    found = module(tmp_path / "data", tmp_path / "cache", without_tones="4")
    assert found.train_ids == without.train_ids
    assert found.split == plain.split
    assert found.tone_counts["real"][3] == 0
    assert found.tone_counts["re-toned"][3] > 0
    printed = capsys.readouterr().out
    assert "group 4: 0 real" in printed
    assert "all synthetic beside real ones" in printed
    assert len(found.train_dataloader().dataset) == len(found.train_ids) + len(found.copies)  # type: ignore[arg-type]
    originals = {found.cache.entries[copy.position].image_id for copy in found.cache.copies}  # type: ignore[attr-defined]
    assert originals <= set(found.train_ids), "no photograph of validation or test"
    for name, copy in zip(found.copies, found.cache.copies, strict=True):  # type: ignore[attr-defined]
        place = found.cache.position[name]
        image, skin = found.cache.image(place), found.cache.mask(place, "skin")
        assert skin is not None
        assert (skin == found.cache.mask(copy.position, "skin")).all()
        measured = estimate_tone(image, skin)
        assert measured is not None
        assert measured[0] == pytest.approx(copy.ita, abs=1e-3)
        assert not np.array_equal(image, found.cache.image(copy.position))
    again = pickle.loads(pickle.dumps(found.cache))
    assert (again.image(len(again) - 1) == found.cache.image(len(found.cache) - 1)).all()
    validation = [sample.image for batch in found.val_dataloader() for sample in batch]
    for one, other in zip(validation, (s.image for b in plain.val_dataloader() for s in b), strict=True):
        assert (one == other).all()

    placebo = module(tmp_path / "data", tmp_path / "cache", "placebo", without_tones="4")
    assert placebo.copies == found.copies
    assert "re-toned" not in placebo.tone_counts
    for copy, name in zip(placebo.cache.copies, placebo.copies, strict=True):  # type: ignore[attr-defined]
        place = placebo.cache.position[name]
        away = placebo.cache.image(place).astype(int) - placebo.cache.image(copy.position)
        assert np.abs(away).max() <= 1


def test_rendered_sets_and_other_words_are_refused(tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "set", 24)
    found = SkinDataModule(
        data_root=str(tmp_path / "set"), size=32, cache_dir=str(tmp_path), retone="balance"
    )
    found.prepare_data()
    with pytest.raises(UserError, match="for photographs"):
        found.setup("fit")
    plain = SkinDataModule(data_root=str(tmp_path / "set"), size=32, cache_dir=str(tmp_path))
    plain.setup("fit")
    assert sum(plain.tone_counts["rendered"]) == len(plain.train_ids), "frames are counted for nothing"
    assert parse_groups(None) == frozenset()
    assert parse_groups("5, 6") == {5, 6}
    for text in ("7", "5,dark", "1,2,3,4,5,6"):
        with pytest.raises(UserError, match="without_tones"):
            parse_groups(text)


def test_candidates_are_near_and_label_and_light_may_differ() -> None:
    tones = {f"{group}-{i}": Tone(group, 30.0) for group in range(1, 7) for i in range(4)}
    order = [int(name[0]) for name in candidates(tones, 5, 0)]
    assert order == [4] * 4 + [6] * 4 + [3] * 4
    assert candidates(tones, 5, 0) != candidates(tones, 5, 1)
    rng = np.random.default_rng(0)
    assert fitzpatrick_of(target(Tone(3, 30.0), 4, rng)) == 4
    # A label of 2 on a picture that looks like 5: moved by as much as 2 and 3 are apart, and no farther.
    assert target(Tone(2, -10.0), 3, rng) == pytest.approx(-10 + 34.5 - 48)


def test_a_group_that_is_all_synthetic_is_said() -> None:
    lines = said({"real": [5, 0, 3, 1, 1, 1], "re-toned": [0, 2, 0, 0, 0, 0]})
    assert lines[1] == "group 2: 0 real, 2 re-toned"
    assert "groups 2 are all synthetic" in lines[-1]
    assert len(said({"real": [1] * 6, "re-toned": [1] * 6})) == 6


def test_retone_writes_a_folder_that_can_be_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.make_pratheepan(tmp_path / "data", 40)
    out = tmp_path / "retoned"
    command = [
        "tones",
        "retone",
        "--dataset",
        "pratheepan",
        "--data-root",
        str(tmp_path / "data"),
        "--out",
        str(out),
    ]
    assert main(command) == 0
    written = open_dataset("folder", out)
    table = pd.read_csv(out / "retoned.csv")
    made = table[table["refused"].isna()]
    assert len(written) == len(made) > 0
    for i in range(len(written)):
        sample = written[i]
        assert "skin" in sample.masks
        estimate = estimate_tone(sample.image, sample.masks["skin"])
        assert estimate is not None
        row = made[made["image"] == Path(sample.image_id).name].iloc[0]
        assert estimate[0] == pytest.approx(row["ita"], abs=0.1)
        assert sample.tone == row["tone"]
    assert "group 1:" in capsys.readouterr().out
    assert main(command) == 2
    assert "expected a new folder" in capsys.readouterr().err


def test_the_cache_of_copies_is_made_once(tmp_path: Path) -> None:
    fakes.make_pratheepan(tmp_path / "data", 24)
    found = module(tmp_path / "data", tmp_path / "cache")
    tones = tones_of(found.cache, found.train_ids)
    copies = found.cache.copies_folder / "copies.u8"  # type: ignore[attr-defined]
    before = copies.stat().st_mtime_ns
    open_retoned(found.cache, tones, 0, tmp_path / "cache")
    assert copies.stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_checkpoint_keeps_the_counts_and_the_card_prints_them(tmp_path: Path) -> None:
    from skinseg.models.checkpoint import newest_checkpoint, read_checkpoint
    from skinseg.models.lineage import tones_of as recorded
    from skinseg.reports.model_card import _training_data

    fakes.make_pratheepan(tmp_path / "data", 40)
    options = {
        "--data.dataset": "pratheepan", "--data.data_root": tmp_path / "data", "--data.size": 32,
        "--data.cache_dir": tmp_path / "cache", "--data.without_tones": "4", "--data.retone": "balance",
        "--trainer.max_epochs": 1, "--trainer.accelerator": "cpu", "--trainer.enable_progress_bar": "false",
        "--trainer.logger": "false", "--runs": tmp_path / "runs",
    }  # fmt: skip
    assert main(["fit", *(str(part) for pair in options.items() for part in pair)]) == 0
    checkpoint = read_checkpoint(newest_checkpoint(tmp_path / "runs"))
    counts = recorded(checkpoint.metadata)
    assert set(counts) == {"real", "re-toned"}
    assert counts["real"][3] == 0 < counts["re-toned"][3]
    card = "\n".join(_training_data(checkpoint))
    assert f"- group 4: 0 real, {counts['re-toned'][3]} re-toned" in card
    assert "all synthetic beside real ones" in card
