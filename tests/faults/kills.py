"""Kills at random moments: the same command again must end as if nothing had happened, and nothing half must count.

Children are forked from a process that has imported everything, so a kill costs the work alone.
"""

import hashlib
import json
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
from skinseg.studies.work import LOG, NodeRecord, read_record
from skinseg.synthetic.rendering.set_folder import FILES
from tests import fakes
from tests.faults.mutations import digest
from tests.faults.tally import Tally
from tests.test_curation_unpack import make_tar, make_zip
from tests.test_models_checkpoint import saved
from tests.test_studies_graph import write_study

FORK = multiprocessing.get_context("fork")
NAMES = ("fit", "evaluate", "predict", "export", "unpack", "lanes", "render", "study")
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
    root: Path,
    tally: Tally,
    seed: int,
    kills: int,
    deeds: list[Deed],
    elsewhere: Path | None = None,
) -> None:
    """Each deed undisturbed once, and in `kills` folders of their own: killed up to three times, then to its end; a
    third as many, one at least, with TMPDIR `elsewhere`, on another disk."""
    for place, deed in enumerate(deeds):
        campaign = f"killed {deed.name}"
        calm = root / f"{deed.name}-calm"
        calm.mkdir(parents=True)
        began = time.monotonic()
        flaw = _whole(deed, deed.words, calm, None)
        seconds = time.monotonic() - began
        if flaw:
            tally.add(campaign, "traceback", f"undisturbed: {flaw}")
            continue
        expected = deed.ends_as(calm)
        temporaries = [None] * kills + [elsewhere] * max(1, kills // 3)
        for i, temporary in enumerate(temporaries if elsewhere else temporaries[:kills]):
            rng = np.random.default_rng([seed, place, i])
            folder = root / f"{deed.name}-{i}"
            folder.mkdir()
            outcome, note = _outcome(deed, folder, temporary, rng, seconds, expected)
            tally.add(
                campaign + (", TMPDIR on another disk" if temporary else ""),
                outcome,
                f"seed {seed}, number {i}{note}",
            )


def _outcome(
    deed: Deed, folder: Path, temporary: Path | None, rng: np.random.Generator, seconds: float, expected: Any
) -> tuple[str, str]:
    """What became of a deed that is killed in a folder, and when that was. seconds: what it takes undisturbed."""
    words, note = deed.words, ""
    for _ in range(int(rng.integers(1, 4))):
        after = float(rng.uniform(0, seconds))
        if not _killed(_start(deed, words, folder, temporary), after):
            break
        note += f", killed after {after:.2f} of {seconds:.2f} s"
        try:
            deed.after_kill(folder)
        except (AssertionError, UserError) as error:
            return "wrong", f"{note}: {error}"
        words = deed.words if deed.again is None else deed.again(folder)
    if flaw := _whole(deed, words, folder, temporary):
        return "traceback", f"{note}: {flaw}"
    if deed.ends_as(folder) != expected:
        return "wrong", f"{note}: ends as another"
    if left := [path for path in folder.rglob(".unfinished_*") if "scratch" not in path.name]:
        return "wrong", f"{note}: {left[0].name} is left behind"
    return "held", note


def deeds(place: Path) -> list[Deed]:
    """What is killed, on small data below a folder. Every deed runs in a folder of its own."""
    pratheepan = fakes.make_pratheepan(place / "data" / "pratheepan", 12)
    fakes.make_hgr(place / "study-data" / "hgr", 24)
    rendered = fakes.make_rendered(place / "set", 12, size=64)
    saved(place / "runs" / "checkpoints" / "best.ckpt")
    model = str(place / "runs" / "checkpoints" / "best.ckpt")
    (place / "small.yaml").write_text("resolution: 64\nsamples: 1\n")
    render = [
        "render",
        "--config",
        str(place / "small.yaml"),
        "--count",
        "4",
        "--workers",
        "1",
        "--out",
        "out",
    ]
    members = {f"photos/{i}.bin": np.random.default_rng(i).bytes(200_000) for i in range(30)}
    write_study(place / "tiny.yaml", _two_arms)
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
        Deed("lanes", [], _frames, _no_half_frame, main=_render_plain),
        Deed("render", render, _frames, _no_half_frame),
        Deed("study", study, _study, _no_half_study),
    ]  # fmt: skip


def _two_arms(record: dict[str, Any]) -> None:
    """Of a study: one seed and one number of images, so three fits and two scores."""
    record["scales"]["laptop"].update(seeds=[0])
    record["axes"][0]["points"]["laptop"] = [4]
    record["published"]["values"] = {"pretrained@4": [0.5]}
    del record["saved"], record["claims"]


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


def _render_plain(words: list[str]) -> int:
    """Lanes and the set on disk, with a renderer that draws plain pixels instead of Blender."""
    from skinseg.synthetic.rendering import lanes, renderer
    from tests.stand_in import CONFIG, PlainJob, write_script

    script = write_script(Path("script.py").resolve(), "time.sleep(0.01)")
    lanes.PRELOAD = []
    renderer.find_worker_command = lambda: script  # type: ignore[assignment]
    renderer.render_job(PlainJob(CONFIG, 0), 12, 1, Path("out"), progress=False)
    return 0


def _frames(folder: Path) -> Any:
    """Bytes of all that does not tell how long it took."""
    out = folder / "out"
    names = ["generator.yaml", *(str(path.relative_to(out)) for path in sorted(out.rglob("[0-9]*.png")))]
    table = pd.read_parquet(out / "scenes.parquet")
    timed = [name for name in table.columns if "seconds" in name or "memory" in name]
    digests = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names}
    return digests, table.drop(columns=timed).to_json()


def _no_half_frame(folder: Path) -> None:
    journal = folder / "out" / "scenes.jsonl"
    for line in journal.read_bytes().split(b"\n")[:-1] if journal.is_file() else ():
        row = json.loads(line)
        for kind, key in FILES.items():
            found = hashlib.sha256((folder / "out" / kind / row["image"]).read_bytes()).hexdigest()
            assert found == row[key], f"{kind}/{row['image']} is listed and not whole"


def _study(folder: Path) -> Any:
    """Scores and tables, and that nothing was done twice."""
    (out,) = folder.glob("results/studies/*/study.csv")
    titles = [json.loads(line)["title"] for line in (folder / LOG).read_text().splitlines()]
    assert len(titles) == len(set(titles)), titles
    scored = {
        str(path.relative_to(folder)): [
            (row.image, row.head, row.tp, row.fp, row.fn, row.tn) for row in read_rows(path)
        ]
        for path in sorted(folder.rglob("rows.parquet"))
    }
    tables = [
        (out.parent / name).read_bytes() for name in ("study.md", "study.csv", "study.tex", "report.html")
    ]
    return scored, tables


def _no_half_study(folder: Path) -> None:
    for path in folder.glob("runs/studies/*/node.json"):
        record = read_record(NodeRecord, path, "")
        if record.run is not None:
            read_checkpoint(path.parent / record.run / LAST)
    for path in folder.glob("results/studies/**/rows.parquet"):
        read_rows(path)
