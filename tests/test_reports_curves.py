"""Learning curves: from a run's metrics.csv, interrupted or not, to the report, or a note that they are not there."""

from pathlib import Path

import pandas as pd
import pytest

from skinseg.errors import UserError
from skinseg.evaluation.curves import CURVES, keep_curves, read_curves
from skinseg.reports.report import write_report
from tests.test_reports_comparison import make_results

METRICS = "epoch,step,train/loss,val/skin_miou\n0,9,,0.25\n0,9,1.5,\n1,19,,0.5\n1,19,0.75,\n"


def test_curves_are_kept_beside_the_rows(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "fit" / "then"
    checkpoint = run / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    (run / "metrics-1.csv").write_text(METRICS)
    (run / "metrics.csv").write_text(
        "epoch,step,train/loss,val/skin_miou\n1,19,0.5,\n1,19,,0.625\n2,29,0.25,0.75\n"
    )
    keep_curves(checkpoint, tmp_path / "out")
    kept = pd.read_csv(tmp_path / "out" / CURVES)
    assert kept.to_dict("list") == {
        "epoch": [0, 1, 2], "train/loss": [1.5, 0.5, 0.25], "val/skin_miou": [0.25, 0.625, 0.75],
    }  # fmt: skip
    keep_curves(tmp_path / "alone.ckpt", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("text", ["", "\n", "no,epochs\n1,2\n", "epoch,step\n"])
def test_curves_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "metrics.csv").write_text(text)
    assert read_curves(tmp_path / "checkpoints" / "best.ckpt") is None


@pytest.mark.slow
def test_the_report_draws_them_and_has_every_value(tmp_path: Path) -> None:
    folders = [make_results(tmp_path / name, "hgr", None, 50, seed=i) for i, name in enumerate(("a", "b"))]
    for folder in folders:
        (folder / CURVES).write_text("epoch,train/loss,val/skin_miou\n0,1.5,0.25\n1,0.75,0.5\n")
    report = write_report(folders, tmp_path / "out")
    page = report.paths["html"].read_text(encoding="utf-8")
    assert (
        "Lines over epochs: training loss of hgr (seed 0) from 1.500 in epoch 0 to 0.750 in epoch 1" in page
    )
    assert "<details><summary>The numbers" in page
    text = report.paths["markdown"].read_text(encoding="utf-8")
    assert "| 1 | 0.750 | 0.750 | 0.500 | 0.500 |" in text
    kept = pd.read_csv(report.paths["curves"])
    assert kept["run"].tolist() == ["hgr (seed 0)"] * 2 + ["hgr (seed 1)"] * 2
    before = report.paths["html"].read_bytes()
    assert write_report(folders, tmp_path / "out").paths["html"].read_bytes() == before


@pytest.mark.slow
def test_a_run_without_curves_says_so(tmp_path: Path) -> None:
    folder = make_results(tmp_path / "a", "hgr", None, 50)
    report = write_report([folder])
    assert "curves" not in report.paths
    assert "learning curves of this run are not at hand" in report.paths["html"].read_text(encoding="utf-8")
    (folder / CURVES).write_text("no,table\n1,2\n")
    with pytest.raises(UserError, match=r"curves.csv: lacks the column epoch"):
        write_report([folder])
