"""Studies run: killed and undisturbed ones say the same, no run is done twice, and other code's runs are refused."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from skinseg import cli
from skinseg.errors import UserError
from skinseg.evaluation.rows import read_rows
from skinseg.studies import work
from skinseg.studies.command import Claimed
from skinseg.studies.cost import Estimator
from skinseg.studies.identity import Node, code_of
from skinseg.studies.work import read_record
from tests import fakes
from tests.test_datasets_fingerprint import invert_masks
from tests.test_studies_graph import write_study
from tests.test_tracking import runs_in

# Forked, so that no attempt pays the import of torch again.
FORK = multiprocessing.get_context("fork")
OUT = Path("results", "studies", "tiny-laptop")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a rendered set and a study of one seed with five fits."""
    root = tmp_path_factory.mktemp("studies")
    fakes.make_hgr(root / "data" / "hgr", 24)
    fakes.make_rendered(root / "set", 12)
    write_study(root / "tiny.yaml", lambda record: record["scales"]["laptop"].update(seeds=[0]))
    return root


def arguments(place: Path, *more: str) -> list[str]:
    given = ["--data-root", str(place / "data"), "--rendered", str(place / "set")]
    return ["study", "run", str(place / "tiny.yaml"), *given, *more]


def run_in(folder: Path, place: Path) -> None:
    """A process of its own: the study, in this working folder."""
    os.chdir(folder)
    os.environ["WANDB_MODE"] = "disabled"
    raise SystemExit(cli.main(arguments(place)))


def titles(folder: Path) -> list[str]:
    return [json.loads(line)["title"] for line in (folder / work.LOG).read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a study that ran through."""
    import skinseg.evaluation.command
    import skinseg.training.command  # noqa: F401

    folder = tmp_path_factory.mktemp("undisturbed")
    process = FORK.Process(target=run_in, args=(folder, place))
    process.start()
    process.join()
    assert process.exitcode == 0
    return folder


FIT = Node(
    "fit", "fit a, seed 0", {"options": {"data.dataset": "hgr", "data.source": None}, "seed": 0, "adapt": "none"},
    how={"data_root": "data", "rendered": None}, cost={"steps": 4},
)  # fmt: skip


def test_a_fit_goes_on_where_only_its_best_checkpoint_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what holds no checkpoint at all is cleared away."""
    folder = tmp_path / FIT.folder
    run = folder / "2026-01-02"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "best.ckpt").write_bytes(b"whole")
    (folder / "2026-01-01" / "checkpoints").mkdir(parents=True)
    given: list[str] = []

    def fit(arguments: list[str]) -> None:
        given.extend(arguments)
        (run / "result.json").write_text("{}")

    monkeypatch.setattr("skinseg.training.command.main", fit)
    work.do(FIT, "identity", str(tmp_path))
    assert given[given.index("--ckpt_path") + 1] == str(run / "checkpoints" / "last.ckpt")
    assert (run / "checkpoints" / "best.ckpt").read_bytes() == b"whole"
    assert not (folder / "2026-01-01").exists()
    assert work.run_folder(FIT, tmp_path) == run


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", r"\[\] found"),
        ('{"identity": 3}', "identity: 3 found|key is missing"),
        ("{}", "is missing"),
    ],
)
def test_damaged_records_are_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / FIT.folder
    folder.mkdir(parents=True)
    (folder / work.BEGUN).write_text(text)
    with pytest.raises(
        UserError, match=rf"begun\.json: .*({said}).*; delete .*{FIT.key}, and fit a, seed 0 begins"
    ):
        work.do(FIT, "identity", str(tmp_path))
    (folder / work.FINISHED).write_text(text)
    with pytest.raises(
        UserError, match=rf"node\.json: .*({said}).*; delete it, and fit a, seed 0 is finished again"
    ):
        work.do(FIT, "identity", str(tmp_path))
    assert Estimator(tmp_path).rates == {}
    with pytest.raises(UserError, match=rf"study\.json: .*({said}|study is missing).*; give another --out"):
        read_record(Claimed, _written(tmp_path / "study.json", text), "give another --out")


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.slow
def test_killed_three_times_it_ends_as_if_undisturbed(place: Path, undisturbed: Path, tmp_path: Path) -> None:
    moments = random.Random(0)
    killed = 0
    for _ in range(3):
        process = FORK.Process(target=run_in, args=(tmp_path, place))
        process.start()
        # Wherever it is by then: caching, in a step, writing a checkpoint, scoring.
        time.sleep(moments.uniform(0.5, 5))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
    assert killed
    process = FORK.Process(target=run_in, args=(tmp_path, place))
    process.start()
    process.join()
    assert process.exitcode == 0
    done = titles(tmp_path)
    assert len(set(done)) == len(done)
    assert set(done) <= set(titles(undisturbed))
    for name in ("study.md", "study.csv", "study.tex", "report.html"):
        assert (tmp_path / OUT / name).read_bytes() == (undisturbed / OUT / name).read_bytes(), name
    assert read_rows(tmp_path / OUT / "rows.parquet") == read_rows(undisturbed / OUT / "rows.parquet")
    for folder in (tmp_path / "runs" / "studies").iterdir():
        if folder.is_dir():
            assert len(list(folder.glob("*/result.json"))) == 1


@pytest.mark.slow
def test_what_is_finished_is_not_done_again_and_other_code_is_refused(
    place: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(undisturbed)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    before = titles(undisturbed)
    assert len(before) == 9
    text = (OUT / "study.md").read_text()
    assert text.startswith("# A tiny study (laptop scale: the default encoder at 32 pixels, 1 seed)")
    assert "| pretrained | 2 |" in text
    assert "ecu (not here)" in text
    assert cli.main(arguments(place)) == 0
    assert titles(undisturbed) == before
    assert (OUT / "study.md").read_text() == text
    assert cli.main(arguments(place, "--dry-run")) == 0
    assert "fit: 5, 5 of them finished" in capsys.readouterr().out

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DATA_DIR", str(undisturbed / "wandb-data"))
    assert cli.main(arguments(place)) == 0
    (logged,) = runs_in(OUT)
    assert (logged.run.job_type, logged.run.run_group) == ("study", "tiny")
    table = pd.read_csv(OUT / "study.csv")
    first = table[table["minus"].isna()].iloc[0]
    name = f"{first['metric']}_{first['cell']}/{first['test_set']}"
    assert logged.summary[name] == pytest.approx(first["value"])
    assert "WANDB_RUN_GROUP" not in os.environ
    monkeypatch.setenv("WANDB_MODE", "disabled")

    other = write_study(place / "other.yaml", lambda record: record.update(name="other"))
    given = ["study", "run", str(other), *arguments(place)[3:], "--out", str(OUT)]
    assert cli.main(given) == 2
    assert "holds study tiny at laptop scale" in capsys.readouterr().err

    changed = dict(code_of("fit")) | {"training/module.py": "changed"}
    usual = code_of

    def code(kind: str) -> dict[str, str]:
        return changed if kind == "fit" else usual(kind)

    for module in ("identity", "work"):
        monkeypatch.setattr(f"skinseg.studies.{module}.code_of", code)
    assert cli.main(arguments(place)) == 2
    error = capsys.readouterr().err
    assert "fit pretrain, seed 0" in error
    assert "skinseg/training/module.py changed since" in error
    assert cli.main(arguments(place, "--other-code", "accept")) == 0
    assert "taken as they are: fit pretrain, seed 0" in (OUT / "study.md").read_text()
    assert titles(undisturbed) == before


@pytest.mark.slow
def test_inverted_masks_of_the_same_size_leave_nothing_finished_that_used_them(
    place: Path,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(undisturbed)
    copy = shutil.copytree(place, tmp_path / "copy", copy_function=shutil.copyfile)
    assert cli.main(arguments(copy, "--dry-run")) == 0
    assert "fit: 5, 5 of them finished" in capsys.readouterr().out
    invert_masks(copy / "data" / "hgr")
    assert cli.main(arguments(copy, "--dry-run")) == 0
    said = capsys.readouterr().out
    # The pretraining alone has seen no mask of HGR.
    assert "fit: 5, 1 of them finished" in said
    assert "score: 4, 0 of them finished" in said


@pytest.mark.slow
def test_a_cluster_does_the_same(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("dask.distributed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def one_run(record: dict[str, Any]) -> None:
        record["scales"]["laptop"].update(seeds=[0], epochs=1)
        record["fits"] = {"scratch": {"data": "target", "steps": "adapt", "axes": []}}
        for key in ("axes", "compare", "saved", "claims", "published"):
            del record[key]

    study = write_study(tmp_path / "tiny.yaml", one_run)
    given = ["study", "run", str(study), "--data-root", str(place / "data")]
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        assert cli.main([*given, "--scheduler", cluster.scheduler_address]) == 0
    assert titles(tmp_path) == ["fit scratch, seed 0", "score scratch, seed 0"]
    assert "| scratch |" in (tmp_path / OUT / "study.md").read_text()
