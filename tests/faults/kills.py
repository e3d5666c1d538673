"""Kills at random moments: the same command again must end as if nothing had happened, and nothing half must count.

Children are forked from a process that has imported everything, so a kill costs the work alone.
"""

import hashlib
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skinseg import cli
from skinseg.curation.unpack import unpack
from skinseg.errors import UserError
from skinseg.evaluation.rows import read_rows
from skinseg.images.decoding import read_levels
from skinseg.models.checkpoint import BEST, LAST, newest_whole, read_checkpoint
from skinseg.models.loading import load
from skinseg.reports.results import read_results
from tests import fakes
from tests.faults.mutations import digest
from tests.faults.tally import Tally
from tests.test_curation_unpack import make_tar, make_zip
from tests.test_models_checkpoint import saved
from tests.test_studies_graph import write_study

FORK = multiprocessing.get_context("fork")
NAMES = ("fit", "evaluate", "predict", "export", "unpack", "render", "study")
PATIENCE = 900.0
"""Seconds after which a child hangs."""


@dataclass(frozen=True)
class Deed:
    """A command that may be killed.

    again: words of the command that goes on, by the folder it was killed in; None where it is the same.
    after_kill: raises AssertionError where what lies there counts and is not whole.
    ends_as: what must be equal to the undisturbed one's, however often it was killed.
    """

    name: str
    words: list[str]
    ends_as: Callable[[Path], Any]
    after_kill: Callable[[Path], None]
    again: Callable[[Path], list[str]] | None = None
    main: Callable[[list[str]], int] = cli.main


def _child(
    deed_main: Callable[[list[str]], int], words: list[str], folder: Path, temporary: Path | None
) -> None:
    os.setsid()  # workers of its own die with it
    os.chdir(folder)
    if temporary is not None:
        os.environ["TMPDIR"] = str(temporary)
        tempfile.tempdir = None
    os.environ["WANDB_MODE"] = "disabled"
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    raise SystemExit(deed_main(words))


def _start(deed: Deed, words: list[str], folder: Path, temporary: Path | None) -> Any:
    process = FORK.Process(target=_child, args=(deed.main, words, folder, temporary))
    process.start()
    return process


def _killed(process: Any, after: float) -> bool:
    """Whether it was still at work, and is no more."""
    process.join(after)
    if process.exitcode is not None:
        return False
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # not yet a group of its own
        process.kill()
    process.join()
    return True


def _whole(deed: Deed, words: list[str], folder: Path, temporary: Path | None) -> str:
    """Run to its end; what went wrong, or nothing."""
    process = _start(deed, words, folder, temporary)
    process.join(PATIENCE)
    if process.exitcode is None:
        _killed(process, 0)
        return f"hangs after {PATIENCE:.0f} s"
    said = (folder / "log.txt").read_text(errors="replace")
    if process.exitcode or "Traceback (most recent call last)" in said:
        return f"exit code {process.exitcode}: {said.strip()[-400:]}"
    return ""


def run(
    root: Path, tally: Tally, seed: int, kills: int, deeds: list[Deed], temporary: Path | None = None
) -> None:
    """Each deed undisturbed once, and in `kills` folders of their own: killed up to three times, then to its end.

    temporary: TMPDIR of all of them, on another disk.
    """
    where = "" if temporary is None else ", TMPDIR on another disk"
    for place, deed in enumerate(deeds):
        campaign = f"killed {deed.name}{where}"
        calm = root / f"{deed.name}-calm"
        calm.mkdir(parents=True)
        began = time.monotonic()
        flaw = _whole(deed, deed.words, calm, temporary)
        seconds = time.monotonic() - began
        if flaw:
            tally.add(campaign, "traceback", f"undisturbed: {flaw}")
            continue
        expected = deed.ends_as(calm)
        for i in range(kills):
            rng = np.random.default_rng([seed, place, i])
            folder = root / f"{deed.name}-{i}"
            folder.mkdir()
            words, note = deed.words, f"seed {seed}, number {i}"
            outcome = "held"
            for _ in range(int(rng.integers(1, 4))):
                after = float(rng.uniform(0, seconds))
                if not _killed(_start(deed, words, folder, temporary), after):
                    break
                note += f", killed after {after:.2f} of {seconds:.2f} s"
                try:
                    deed.after_kill(folder)
                except (AssertionError, UserError) as error:
                    outcome, note = "wrong", f"{note}: {error}"
                    break
                words = deed.words if deed.again is None else deed.again(folder)
            if outcome == "held":
                flaw = _whole(deed, words, folder, temporary)
                if flaw:
                    outcome, note = "traceback", f"{note}: {flaw}"
                elif deed.ends_as(folder) != expected:
                    outcome, note = "wrong", f"{note}: ends as another"
                elif left := [path for path in folder.rglob(".unfinished_*") if "scratch" not in path.name]:
                    outcome, note = "wrong", f"{note}: {left[0].name} is left behind"
            tally.add(campaign, outcome, note)


def deeds(place: Path) -> list[Deed]:
    """What is killed, on small data below a folder. Every deed runs in a folder of its own."""
    pratheepan = fakes.make_pratheepan(place / "data" / "pratheepan", 12)
    fakes.make_hgr(place / "study-data" / "hgr", 24)
    rendered = fakes.make_rendered(place / "set", 12, size=64)
    saved(place / "runs" / "checkpoints" / "best.ckpt")
    model = str(place / "runs" / "checkpoints" / "best.ckpt")
    members = {f"photos/{i}.bin": np.random.default_rng(i).bytes(200_000) for i in range(30)}
    write_study(
        place / "tiny.yaml",
        lambda record: record["scales"]["laptop"].update(seeds=[0], steps={"pretrain": 2, "adapt": 2}),
    )
    options = {
        "data_root": rendered,
        "size": 64,
        "batch_size": 4,
        "cache_long_side": 64,
        "augmentation": "paper",
    }
    fit = ["fit", *(word for key, value in options.items() for word in (f"--data.{key}", str(value)))]
    fit += [
        "--data.num_workers",
        "0",
        "--model.decoder_channels",
        "[8,8,8,8,8]",
        "--trainer.accelerator",
        "cpu",
    ]
    fit += ["--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "3", "--job", "killed"]
    evaluate = [
        "evaluate",
        "--checkpoint",
        model,
        "--data-root",
        str(pratheepan),
        "--out",
        "out",
        "--device",
        "cpu",
    ]
    study = [
        "study",
        "run",
        str(place / "tiny.yaml"),
        "--data-root",
        str(place / "study-data"),
        "--rendered",
        str(rendered),
    ]
    return [
        Deed("fit", fit, _run, _whole_run, lambda folder: _goes_on(fit, folder)),
        Deed("evaluate", evaluate, _rows, _rows_or_none),
        Deed("predict", ["predict", str(pratheepan), "--checkpoint", model, "--out", "out", "--device", "cpu"],
             _masks, _masks_that_decode),
        Deed("export", ["export", model, "--out", "out"], lambda folder: digest(folder / "out"), _no_half_export),
        Deed("unpack", [str(make_zip(place / "a.zip", members)), str(make_tar(place / "b.tar.gz", members))],
             lambda folder: digest(folder / "out"), _whole_folders, main=_unpack_what_is_missing),
        Deed("render", [], _frames, lambda folder: None, main=_render),
        Deed("study", study, _study, lambda folder: None),
    ]  # fmt: skip


def _goes_on(words: list[str], folder: Path) -> list[str]:
    """Where a run has a checkpoint it goes on from it; a run without one is begun again."""
    runs = [run for run in folder.glob("runs/killed/*") if (run / LAST).is_file()]
    return [*words, "--ckpt_path", "last"] if runs else words


def _last_run(folder: Path) -> Path:
    return max(path.parent for path in folder.glob("runs/killed/*/result.json"))


def _run(folder: Path) -> Any:
    run = _last_run(folder)
    return [
        (read_checkpoint(run / name).sha256, read_checkpoint(run / name).metadata["epoch"])
        for name in (BEST, LAST)
    ]


def _whole_run(folder: Path) -> None:
    for run in folder.glob("runs/killed/*"):
        if list(run.glob("checkpoints/*.ckpt")):
            newest_whole(run)


def _rows(folder: Path) -> Any:
    found = read_results(folder / "out")
    panels = sorted(str(path.relative_to(folder)) for path in (folder / "out/panels").rglob("*.webp"))
    return found.rows.to_json(), panels, (folder / "out/report.html").is_file()


def _rows_or_none(folder: Path) -> None:
    if (folder / "out/rows.parquet").is_file():
        read_results(folder / "out")


def _masks(folder: Path) -> Any:
    return digest(folder / "out")


def _masks_that_decode(folder: Path) -> None:
    for path in folder.glob("out/**/[!.]*.png"):
        read_levels(path)


def _no_half_export(folder: Path) -> None:
    out = folder / "out"
    if all((out / name).is_file() for name in ("model.safetensors", "config.json")):
        read_checkpoint(out / "model.safetensors")
    if (out / "model.onnx").is_file():
        load(out / "model.onnx", "cpu")


def _unpack_what_is_missing(archives: list[str]) -> int:
    """As a user does who reads that a folder is there already."""
    for archive in archives:
        name = Path(archive).name.split(".")[0]
        if not Path("out", name).exists():
            unpack([Path(archive)], Path("out"))
    return 0


def _whole_folders(folder: Path) -> None:
    for inside in folder.glob("out/[!.]*"):
        assert len(list(inside.rglob("*.bin"))) == 30, f"{inside} is not whole"


def _render(words: list[str]) -> int:
    from skinseg.synthetic.rendering import lanes, renderer
    from tests.stand_in import CONFIG, PlainJob, write_script

    script = write_script(Path("script.py"), "time.sleep(0.01)")
    lanes.PRELOAD = []
    renderer.find_worker_command = lambda: script  # type: ignore[assignment]
    renderer.render_job(PlainJob(CONFIG, 0), 12, 1, Path("out"), progress=False)
    return 0


def _frames(folder: Path) -> Any:
    out = folder / "out"
    names = [
        "generator.yaml",
        "scenes.parquet",
        *(str(p.relative_to(out)) for p in sorted(out.rglob("[0-9]*.png"))),
    ]
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names}


def _study(folder: Path) -> Any:
    scored = sorted(folder.rglob("rows.parquet"))
    table = next(iter(sorted(folder.glob("results/studies/*/*.csv"))), None)
    rows = [
        [(row.image, row.head, row.tp, row.fp, row.fn, row.tn) for row in read_rows(path)] for path in scored
    ]
    return rows, None if table is None else pd.read_csv(table).to_json()
