"""Several runs in one report: arms, matrix, the paper's values, differences; nothing seen passes for unseen."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skinseg.errors import UserError
from skinseg.evaluation.rows import SCENES, write_rows
from skinseg.models.configuration import configuration_hash
from skinseg.reports.arms import arms
from skinseg.reports.comparison import Comparison
from skinseg.reports.published import published_miou, why_not_comparable
from skinseg.reports.report import write_report
from skinseg.reports.results import Results, read_results
from skinseg.reports.slices import slices
from skinseg.reports.tables import Value
from tests.test_evaluation_rows import ROW, counted

SIZES = {"pratheepan": 78, "hgr": 178, "rendered": 60}


def make_results(
    folder: Path,
    trained_on: str,
    pretrained_on: str | None,
    quality: int,
    seed: int = 0,
    adapt: str = "none",
    options: Mapping[str, Any] | None = None,
    start: str | None = None,
    **seen: str,
) -> Path:
    """A results folder with 30 images of each set; `quality` is the mean percent of IoU."""
    rng = np.random.default_rng([seed, quality])
    rows = []
    for test_set in SIZES:
        for i in range(30):
            tp = int(np.clip(quality + 8 * np.sin(i) + rng.integers(-2, 3), 0, 100))
            rows.append(
                counted(
                    ROW, tp, 0, 100 - tp, 100, run=str(folder), test_set=test_set, image=f"{i:03}", subject=None,
                    trained_on=trained_on, pretrained_on=pretrained_on, seed=seed,
                    seen=seen.get(test_set, "never"), tone=i % 2 + 1, weights=f"{folder}", split=f"split {test_set}",
                    brightness=i / 30,
                )
            )  # fmt: skip
    write_rows(folder / "rows.parquet", rows)
    run: dict[str, Any] = dict.fromkeys(("checkpoint", "weights", "config", "command", "date"), "x")
    run |= {"threshold": 0.5, "subset": "test", "split_seed": 0, "tables": {}, "versions": {"torch": "1"}}
    run |= {
        "training": {"seed": seed, "adapt": adapt, "options": options or {}}
        | ({"start": {"name": start}} if start else {}),
        "config": configuration_hash(options or {}),
        "trained_on": trained_on,
        "pretrained_on": pretrained_on,
    }
    run["datasets"] = {
        name: {
            "title": name.upper(), "split": f"split {name}", "images": 30, "complete": count,
            "excluded": 0, "labels": {"unsure": "cut"},
            "seen": {seen.get(name, "never"): 30},
        }
        for name, count in SIZES.items()
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    held = {"rendered": "held out"}
    return [
        make_results(tmp_path / "a", "pratheepan", None, 50, pratheepan="held out"),
        make_results(tmp_path / "b", "pratheepan", "rendered", 60, pratheepan="held out", **held),
        make_results(tmp_path / "c", "hgr", None, 40, hgr="trained on"),
        make_results(tmp_path / "d", "hgr", None, 44, seed=1, hgr="trained on"),
        make_results(tmp_path / "e", "hgr", "rendered", 45, hgr="maybe", **held),
        make_results(tmp_path / "f", "rendered", None, 30, **held),
    ]


@pytest.mark.slow
def test_methods_of_adaptation_are_arms_of_their_own(tmp_path: Path) -> None:
    makes = (("hgr", None, "none"), ("hgr", "rendered", "finetune"), ("hgr", "rendered", "bgc"))
    runs = [
        read_results(make_results(tmp_path / str(i), trained, before, 50 + i, adapt=word))
        for i, (trained, before, word) in enumerate(makes)
    ]
    assert [arm.label for arm in arms(runs)] == ["hgr", "hgr + rendered", "hgr + rendered by bgc"]
    compared = Comparison(runs)
    assert [(first.label, second.label) for first, second in compared.pairs] == [("hgr + rendered", "hgr")]


@pytest.mark.slow
def test_starts_are_arms_of_their_own_and_stand_beside_the_models(tmp_path: Path) -> None:
    makes = (("hgr", None, "scratch"), ("hgr", "rendered", "scratch"), ("hgr", None, "ImageNet"))
    folders = [
        make_results(
            tmp_path / str(i),
            trained,
            before,
            50 + i,
            seed=i,
            start=start,
            options={"adapt": "none", "model.encoder_weights": start},
        )
        for i, (trained, before, start) in enumerate(makes)
    ]
    compared = Comparison([read_results(folder) for folder in folders])
    assert [arm.label for arm in compared.arms] == [
        "hgr + rendered", "hgr, encoder_weights ImageNet", "hgr, encoder_weights scratch",
    ]  # fmt: skip
    # Pretraining is compared at one start.
    assert [(first.label, second.label) for first, second in compared.pairs] == [
        ("hgr + rendered", "hgr, encoder_weights scratch")
    ]
    text = write_report(folders, tmp_path / "out").paths["markdown"].read_text(encoding="utf-8")
    assert "| model | start | trained on |" in text
    assert "| ImageNet | hgr |" in text


def test_arms_gather_seeds_and_order_by_training(folders: list[Path]) -> None:
    runs = [read_results(folder) for folder in folders]
    assert [(arm.label, len(arm.runs)) for arm in arms(runs[::-1])] == [
        ("hgr", 2), ("hgr + rendered", 1), ("pratheepan", 1), ("pratheepan + rendered", 1), ("rendered", 1),
    ]  # fmt: skip


@pytest.mark.slow
def test_configurations_of_one_kind_are_arms_that_say_what_differs(tmp_path: Path) -> None:
    def made(name: str, before: str | None, seed: int, **changes: Any) -> Results:
        options = {"adapt": "none", "model.encoder": "small", "model.lr": 0.001, "data.limit_train": None}
        options |= {"model.pretrained": before} | {f"model.{key}": value for key, value in changes.items()}
        quality = 50 + len(name)
        return read_results(
            make_results(tmp_path / name, "pratheepan", before, quality, seed, options=options)
        )

    runs = [
        made("a", None, 0), made("b", None, 1, encoder="large"), made("c", None, 2, encoder="large"),
        made("d", "rendered", 0), made("e", "rendered", 1, encoder="large", lr=0.0001),
    ]  # fmt: skip
    small, large = "pratheepan, encoder small", "pratheepan, encoder large"
    tuned = [
        "pratheepan + rendered, encoder small, lr 0.001",
        "pratheepan + rendered, encoder large, lr 0.0001",
    ]
    assert {arm.label: len(arm.runs) for arm in arms(runs)} == {small: 1, large: 2, tuned[0]: 1, tuned[1]: 1}
    compared = Comparison(runs)
    # With and without pretraining: of the others the most alike.
    assert {(first.label, second.label) for first, second in compared.pairs} == {
        (tuned[0], small), (tuned[1], large),
    }  # fmt: skip
    notes = compared.tables()[0].notes
    assert "pratheepan: 2 configurations under one name, which differ in encoder." in notes
    assert "pratheepan + rendered: 2 configurations under one name, which differ in encoder, lr." in notes
    # Two of one seed in one configuration bear their folders' names beside.
    again = [*runs, made("again", None, 1, encoder="large")]
    assert f"{large} ({tmp_path / 'again'})" in {arm.label for arm in arms(again)}
    # Too much to say in a label: the hash stands for it.
    many = {f"option_number_{i}": i for i in range(9)}
    labels = [arm.label for arm in arms([runs[0], made("many", None, 0, **many)])]
    assert all(label.startswith("pratheepan, configuration ") for label in labels)


def test_a_part_of_the_training_set_is_not_the_paper_s_training(tmp_path: Path) -> None:
    def notes_of(limit: int | None) -> tuple[str, ...]:
        options = {"adapt": "none", "data.limit_train": limit}
        folder = make_results(tmp_path / str(limit), "pratheepan", None, 50, options=options)
        (line,) = Comparison([read_results(folder)]).tables()[0].lines
        assert isinstance(line[3], Value)
        return line[3].notes

    assert notes_of(None) == ("paper 0.435",)
    assert notes_of(8) == ()


def test_runs_of_one_kind_and_seed_stay_apart(folders: list[Path], tmp_path: Path) -> None:
    again = make_results(tmp_path / "again", "pratheepan", None, 55)
    unknown = make_results(tmp_path / "old", "unknown", None, 55, hgr="unknown")
    runs = [read_results(folder) for folder in (folders[0], again, unknown)]
    assert [arm.label for arm in arms(runs)] == [
        f"pratheepan ({folders[0]})", f"pratheepan ({again})", f"unknown ({unknown})",
    ]  # fmt: skip
    compared = Comparison(runs)
    # No pair with and without pretraining: each against the first.
    assert [(first.label, second.label) for first, second in compared.pairs] == [
        (f"pratheepan ({again})", f"pratheepan ({folders[0]})"),
        (f"unknown ({unknown})", f"pratheepan ({folders[0]})"),
    ]


def test_matrix_says_what_training_showed_and_what_the_paper_has(folders: list[Path]) -> None:
    compared = Comparison([read_results(folder) for folder in folders])
    matrix, differences = compared.tables()
    assert matrix.header == ("trained on", "seeds", "HGR", "PRATHEEPAN", "RENDERED")
    cells = {
        (str(line[0]), name): cell for line in matrix.lines for name, cell in zip(matrix.header, line, strict=True)
        if isinstance(cell, Value)
    }  # fmt: skip
    assert cells["pratheepan", "PRATHEEPAN"].notes == ("held out", "paper 0.435")
    assert cells["pratheepan + rendered", "PRATHEEPAN"].notes == ("held out", "paper 0.630")
    assert cells["rendered", "PRATHEEPAN"].notes == ("paper 0.549",)
    # A part of HGR was trained on: the paper's row is about another training set.
    assert cells["hgr + rendered", "PRATHEEPAN"].notes == ()
    assert cells["hgr", "HGR"].notes[1:] == ("30 trained on",)
    assert cells["hgr", "HGR"].notes[0].startswith("seeds ± 0.0")
    assert cells["hgr + rendered", "HGR"].notes == ("may be trained on",)
    # The best of a column is none that training may have shown.
    bold = {(arm, name) for (arm, name), cell in cells.items() if cell.bold}
    assert bold == {("pratheepan + rendered", name) for name in ("HGR", "PRATHEEPAN", "RENDERED")}
    assert cells["hgr", "HGR"].images == 30, "two seeds of 30 images are 30 images"
    assert any(note.startswith("HGR: not comparable with the paper: 178 of 1558") for note in matrix.notes)
    assert any(note.startswith("PRATHEEPAN: 80/20 at random, as in the paper") for note in matrix.notes)
    assert [line[0] for line in differences.lines] == [
        "hgr + rendered minus hgr",
        "pratheepan + rendered minus pratheepan",
    ]
    for value in differences.lines[1][1:]:
        assert isinstance(value, Value)
        assert value.value == pytest.approx(0.1, abs=0.015)
        assert value.bold
    assert "6 runs in 5 arms on 3 test sets. Of 6 pairs" in compared.verdict()
    # Of HGR and Pratheepan, each the mean over two training sets; the rendered set is no photograph.
    worth = np.mean([compared.differences[first.label, second.label, column].value
                     for first, second in compared.pairs for column in compared.columns[:2]])  # fmt: skip
    assert compared.verdict().startswith(f"Pretraining changes skin mIoU by {worth:+.3f} (95 % interval +0.0")
    assert "the mean over HGR, PRATHEEPAN (60 images) and 2 training sets." in compared.verdict()


def test_few_images_are_never_bold_and_no_best(folders: list[Path]) -> None:
    runs = [read_results(folder) for folder in folders[:2]]
    short = [dataclasses.replace(run, rows=run.rows[run.rows["image"] < "019"]) for run in runs]
    for table in Comparison(short).tables():
        assert not any(isinstance(cell, Value) and cell.bold for line in table.lines for cell in line)
    tables, sliced = slices([("", run) for run in short])
    assert [table.lines for table in tables] == [[]]
    assert "No test set has 20 images" in tables[0].notes[0]
    assert sliced.empty


def test_test_sets_of_other_splits_are_other_columns(folders: list[Path]) -> None:
    first, second = (read_results(folder) for folder in folders[:2])
    second = dataclasses.replace(second, rows=second.rows.assign(split="another"))
    compared = Comparison([first, second])
    assert len(compared.columns) == 6
    assert compared.title(("hgr", "test", "another")) == "HGR, test of split another"
    assert not compared.differences


def test_paper_s_values_and_when_they_may_stand() -> None:
    assert published_miou("hgr", "rendered", "sfa") == 0.8207
    assert published_miou("hgr", None, "sfa") == 0.1682
    assert published_miou("rendered", None, "ecu") == 0.6720
    assert published_miou("rendered", "hgr", "ecu") is None
    assert published_miou("hgr", "ecu", "sfa") is None
    assert published_miou("unknown", None, "sfa") is None
    assert why_not_comparable("pratheepan", "test", {"pratheepan": 78}) is None
    assert why_not_comparable("abdomen", "test", {"abdomen": 1399}) is None
    assert why_not_comparable("pratheepan", "test", {"pratheepan": 77}) == "77 of 78 images at hand"
    assert "all images" in str(why_not_comparable("pratheepan", "all", {"pratheepan": 78}))
    assert "user's own" in str(why_not_comparable("pratheepan", "test", {"pratheepan": 78}, own_split=True))
    assert "subject" in str(why_not_comparable("hgr", "test", {"hgr": 1558}))
    assert why_not_comparable("my own", "test", {"my own": 9}) == "not in the paper"


@pytest.mark.slow
def test_report_of_several_writes_everything(folders: list[Path], tmp_path: Path) -> None:
    scenes = pd.DataFrame({"image": [f"{i:03}" for i in range(30)], "focal_length": np.arange(30.0)})
    scenes.to_parquet(folders[0] / SCENES)
    out = tmp_path / "out"
    report = write_report(folders, out, with_slices=True)
    assert {path.name for path in out.iterdir()} == {
        "report.html", "report.md", "report.tex", "report.csv", "tables.csv", "slices.csv",
    }  # fmt: skip
    table = pd.read_csv(report.paths["csv"])
    assert len(table) == 5 * 3 + 2 * 3
    whole = table[(table["arm"] == "hgr") & (table["test_set"] == "hgr")]
    assert whole["seeds"].item() == 2
    assert (whole["seen"].item(), whole["trained_images"].item()) == ("trained on", 30)
    assert table["minus"].notna().sum() == 6
    page = report.paths["html"].read_text(encoding="utf-8")
    assert page.count("<table") == sum(bool(table.lines) for table in report.tables)
    assert page.count('<div class="chart narrow" role="img" aria-label="') == 1, "the paired differences"
    sliced = pd.read_csv(report.paths["slices"])
    factors = set(sliced.loc[(sliced["run"] == "pratheepan") & (sliced["test_set"] == "rendered"), "factor"])
    assert {"brightness", "scene: focal_length"} <= factors
    before = report.paths["html"].read_bytes()
    assert write_report(folders, out, with_slices=True).paths["html"].read_bytes() == before


def test_bad_folders_are_refused_in_a_sentence(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--out is missing"):
        write_report(folders)
    with pytest.raises(UserError, match="named twice"):
        write_report([folders[0], folders[0]], tmp_path / "out")
    (folders[0] / SCENES).write_text("no table")
    with pytest.raises(UserError, match=r"scenes.parquet: not a table"):
        write_report(folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()
