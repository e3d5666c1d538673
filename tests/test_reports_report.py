"""The report from stored rows and panels: complete, self-contained, escaped, and tone sources kept apart."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from skinseg.errors import UserError
from skinseg.evaluation.panels import level, panel_paths, write_panel, write_panels_id
from skinseg.evaluation.rows import ResultRow, read_rows, write_rows
from skinseg.reports.console import print_tables
from skinseg.reports.gallery import galleries
from skinseg.reports.report import write_report
from skinseg.reports.results import read_results
from skinseg.reports.tables import Value, convention_tables, dataset_tables, tone_tables, verdict
from tests.test_evaluation_rows import ROW, counted

HOSTILE = '<script>alert("x")</script> & co'

PHOTO = np.full((20, 20, 3), (90, 120, 200), np.uint8)
OUTCOME = np.array([[level(i) for i in (0, 2, 1, 3, 4)]], np.uint8).repeat(20, 0).repeat(4, 1)
"""Five stripes: background, false alarm, true, missed, ignored."""


def rows_of(test_set: str, count: int, source: str, base: int) -> list[ResultRow]:
    return [
        counted(
            ROW, base + i, 5, 5, 100, test_set=test_set, image=f"{test_set} {i}", subject=None, tone=i % 2 + 3,
            tone_source=source,
        )
        for i in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two sets, with names as bad as they come."""
    folder = tmp_path_factory.mktemp("evaluated")
    rows = rows_of("ecu", 50, "estimated", 10) + rows_of("rendered", 6, "labelled", 90)
    rows[0] = dataclasses.replace(rows[0], image=HOSTILE.replace("/", "\\"))
    write_rows(folder / "rows.parquet", rows)
    for row in rows:
        write_panel(panel_paths(folder, row.test_set, row.image), PHOTO, OUTCOME)
    run = {
        "checkpoint": f"runs/{HOSTILE}",
        "training": {"seed": 0},
        "trained_on": "ecu",
        "pretrained_on": None,
        "weights": "a" * 64,
        "config": "b" * 64,
        "threshold": 0.5,
        "subset": "test",
        "split_seed": 0,
        "tables": {"exclude": "mine/leaks.csv"},
        "datasets": {
            "ecu": {
                "title": f"ECU {HOSTILE}",
                "split": "c",
                "images": 50,
                "complete": 4000,
                "excluded": 7,
                "labels": {"unsure": "ignore"},
                "seen": {"maybe": 50},
            },
            "rendered": {
                "title": "rendered set",
                "split": "d",
                "images": 6,
                "complete": 60,
                "excluded": 0,
                "labels": {"lips": "skin", "unsure": "cut"},
                "seen": {"never": 6},
            },
        },
        "versions": {"torch": "2.15.0"},
        "command": f"skinseg evaluate --out '{HOSTILE}'",
        "date": "2026-01-01T00:00:00+00:00",
    }
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.fixture
def results(evaluated: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)


def write(results: Path) -> dict[str, Path]:
    return write_report([results]).paths


@pytest.mark.slow
def test_report_says_what_was_left_out_and_what_counts_as_skin(results: Path) -> None:
    for kind in ("html", "markdown"):
        text = write(results)[kind].read_text(encoding="utf-8")
        assert "7 images are left out, as mine/leaks.csv says" in text
        assert text.count("images are left out") == 1
        assert "lips=skin,unsure=cut" in text


def test_report_is_written_and_says_the_number(results: Path) -> None:
    paths = write(results)
    assert {kind: path.name for kind, path in paths.items()} == {
        "html": "report.html",
        "markdown": "report.md",
        "latex": "report.tex",
        "csv": "report.csv",
        "tables": "tables.csv",
    }
    value = np.mean([(10 + i) / (20 + i) for i in range(50)])
    for kind in ("html", "markdown"):
        assert f"{value:.3f} (95 % interval" in paths[kind].read_text(encoding="utf-8")
    table = pd.read_csv(paths["csv"])
    whole = table[(table["test_set"] == "ecu") & table["tone"].isna()]
    assert whole["iou_image_mean"].item() == pytest.approx(value, abs=1e-6)
    assert len(table) == 2 + 4
    before = paths["html"].read_bytes()
    assert write(results)["html"].read_bytes() == before
    assert write(results / "rows.parquet") == paths


def test_page_needs_nothing_and_escapes_names(results: Path) -> None:
    page = write(results)["html"].read_text(encoding="utf-8")
    assert page.count("<script>") == 1, "our own"
    assert "&lt;script&gt;" in page
    references = re.findall(r'(?:src|href|action)\s*=\s*["\']([^"\']*)', page)
    assert references
    assert all(reference.startswith(("data:", "#")) for reference in references)
    assert "@import" not in page
    assert all(reference.startswith("#") for reference in re.findall(r"url\(([^)]*)\)", page))
    assert "Content-Security-Policy\" content=\"default-src 'none'; img-src data:;" in page
    pictures = re.findall(r"<figure [^>]*>.*?</figure>", page)
    assert len(pictures) == 50 + 6
    assert all(re.search(r'alt="[^"]+IoU \d\.\d{3}"', picture) for picture in pictures)
    assert all(f'id="{name}"' in page for name in set(re.findall(r'href="#([^"]+)', page)))


def test_a_set_with_few_images_is_grey_and_never_the_verdict(results: Path) -> None:
    read = read_results(results)
    miou = {str(line[0]): line[2] for line in dataset_tables(read)[0].lines}
    few, many = miou["rendered set"], miou[f"ECU {HOSTILE}"]
    assert isinstance(few, Value)
    assert isinstance(many, Value)
    assert (few.few, few.bold) == (True, False)
    assert (many.few, many.bold) == (False, True)
    assert "rendered" not in verdict(read)
    page = write(results)["html"].read_text(encoding="utf-8")
    line = page[page.index('<th scope="row">rendered set') :]
    assert re.search(f'<td class="few heat"[^>]*>{few.text}<', line[: line.index("</tr>")])
    text = (results / "report.md").read_text(encoding="utf-8")
    assert f"*{few.text}*" in text
    assert f"**{many.text}**" in text
    assert f"**{few.text}**" not in text


@pytest.mark.slow
def test_the_report_warns_of_what_training_may_have_shown(results: Path) -> None:
    for kind in ("html", "markdown"):
        text = write(results)[kind].read_text(encoding="utf-8")
        assert "may have any of these images in its training part" in text
        assert "rendered set: the model was trained" not in text


@pytest.mark.slow
def test_other_conventions_stand_in_the_report_with_their_n(results: Path) -> None:
    table = convention_tables(read_results(results))[0]
    assert table.header[2:] == (f"ECU {HOSTILE} (n = 50)", "rendered set (n = 6)")
    text = write(results)["markdown"].read_text(encoding="utf-8")
    accuracy = next(line for line in text.splitlines() if "mmsegmentation aAcc" in line)
    tp = 10 * 50 + sum(range(50))
    assert f"| {(tp + 5000) / (tp + 5500):.3f} |" in accuracy


def test_tone_tables_never_mix_sources(results: Path) -> None:
    tables = tone_tables([("", read_results(results))])
    assert [table.title.rsplit(", ", 1)[1] for table in tables] == ["labelled", "estimated"]
    assert [[line[0] for line in table.lines] for table in tables] == [["rendered set"], [f"ECU {HOSTILE}"]]
    _, *cells, gap, worst = tables[1].lines[0]
    assert [cell.images if isinstance(cell, Value) else cell for cell in cells] == [
        None,
        None,
        25,
        25,
        None,
        None,
    ]
    assert isinstance(gap, Value)
    assert isinstance(worst, Value)
    third, fourth = cells[2], cells[3]
    assert isinstance(third, Value)
    assert isinstance(fourth, Value)
    assert (gap.notes, worst.notes) == (("4 over 3",), ("group 3",))
    assert gap.value == pytest.approx(fourth.value - third.value)
    assert worst.value == third.value
    assert gap.low is not None
    assert gap.high is not None
    assert gap.low < gap.value < gap.high
    # Three images of a group are too few, and one has no interval.
    few = tables[0].lines[0][7]
    assert isinstance(few, Value)
    assert few.few


def test_recognised_groups_and_ita_s_of_the_same_images_stand_in_two_tables(results: Path) -> None:
    read = read_results(results)
    told = read.rows["tone_source"] == "estimated"
    rows = read.rows.assign(tone_source=read.rows["tone_source"].where(~told, "recognised"), ita=-20.0)
    tables = tone_tables([("", dataclasses.replace(read, rows=rows))])
    assert [table.title.rsplit(", ", 1)[1] for table in tables] == ["labelled", "recognised", "estimated"]
    images = [
        [cell.images if isinstance(cell, Value) else 0 for cell in table.lines[0][1:7]]
        for table in tables[1:]
    ]
    assert images == [[0, 0, 25, 25, 0, 0], [0, 0, 0, 0, 50, 0]]


@pytest.mark.slow
def test_gallery_has_every_image_worst_first(results: Path) -> None:
    shown = {each.name: each for each in galleries([read_results(results)])}
    assert {name: len(each.pictures) for name, each in shown.items()} == {"ecu": 50, "rendered": 6}
    for each in shown.values():
        ious = [picture.iou for picture in each.pictures]
        assert ious == sorted(ious)
        assert (each.lost, each.left_out) == (0, 0)
    assert {(picture.tone, picture.tone_source) for picture in shown["ecu"].pictures} == {
        ("3", "estimated"), ("4", "estimated"),
    }  # fmt: skip


@pytest.mark.slow
def test_gallery_leaves_the_best_out_where_there_is_no_room(results: Path) -> None:
    read = read_results(results)
    every = galleries([read])
    size = sum(len(picture.photo) + len(picture.outcome) for each in every for picture in each.pictures)
    for budget in (size // 2, size // 10, 0):
        shown = {each.name: each for each in galleries([read], budget)}
        pictures = [picture for each in shown.values() for picture in each.pictures]
        assert sum(len(each.photo) + len(each.outcome) for each in pictures) <= budget + 46 * len(pictures)
        for each in every:
            part = shown[each.name]
            assert part.pictures == each.pictures[: len(part.pictures)], "the worst are kept"
            assert part.left_out == len(each.pictures) - len(part.pictures)
    assert galleries([read], size // 2)[1].left_out == 0, "a small set keeps all of its own"


def test_console_prints_every_set(results: Path) -> None:
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    report = write_report([results])
    print_tables(report.tables, report.verdict, console)
    text = console.export_text()
    assert "rendered set" in text
    assert "ECU" in text


@pytest.mark.slow
def test_report_survives_lost_panels(results: Path) -> None:
    shutil.rmtree(results / "panels")
    page = write(results)["html"].read_text(encoding="utf-8")
    assert "<img" not in page
    assert "no longer in the results folder" in page


def test_bad_results_are_refused_in_a_sentence(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result rows found"):
        write_report([tmp_path / "nowhere"])
    (results / "run.json").write_text('{"checkpoint": "x"}')
    with pytest.raises(UserError, match=r"run.json: weights is missing, and 12 more"):
        write_report([results])
    (results / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run.json: cannot be read"):
        write_report([results])
    write_rows(results / "rows.parquet", [])
    with pytest.raises(UserError, match="holds no rows"):
        write_report([results])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": float("nan")}, "threshold: nan found, expected"),
        ({"training": {"seed": "0"}}, "training.seed: '0' found"),
        ({"datasets": {"ecu": 3}}, "datasets.ecu: 3 found"),
        ({"tables": None}, "tables: None found"),
        ({"name": None}, "name: None found"),
    ],
)
def test_a_record_of_a_run_is_typed(change: dict[str, Any], said: str, results: Path) -> None:
    run = json.loads((results / "run.json").read_text())
    (results / "run.json").write_text(json.dumps(run | change))
    with pytest.raises(UserError, match=rf"run\.json: {said}.*; write it again"):
        read_results(results)


def test_what_is_of_several_evaluations_is_refused(results: Path) -> None:
    """Rows, record and panels have one id; each of them from elsewhere is noticed."""
    rows = read_rows(results / "rows.parquet")
    run = json.loads((results / "run.json").read_text())
    mixed = "are not of one evaluation"

    def of(rows_id: str | None, run_id: str | None, panels_id: str | None) -> None:
        write_rows(results / "rows.parquet", rows, rows_id)
        (results / "run.json").write_text(json.dumps(run | {"id": run_id}))
        (results / "panels" / "id.txt").unlink(missing_ok=True)
        if panels_id:
            write_panels_id(results, panels_id)

    of("a", "a", "a")
    assert read_results(results).run["id"] == "a"
    for ids in (("b", "a", "a"), ("a", "b", "a"), ("a", "a", "b"), ("a", "a", None), (None, "a", "a")):
        of(*ids)
        with pytest.raises(UserError, match=mixed):
            write_report([results])
    of("a", "a", None)
    shutil.rmtree(results / "panels")
    assert read_results(results)
    del run["datasets"]["ecu"]
    of("a", "a", "a")
    with pytest.raises(UserError, match=mixed):
        write_report([results])
