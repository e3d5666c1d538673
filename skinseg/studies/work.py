"""Doing one node, once: under a lock, going on where it was killed, finished by one file written last."""

import contextlib
import fcntl
import gc
import importlib.metadata
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from skinseg.datasets.fingerprint import CACHE
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.records import Count, Made, Number, read_json, typed
from skinseg.studies.identity import Node, code_of, differing

FINISHED = "node.json"
BEGUN = "begun.json"
LOG = Path("results", "studies", "log.jsonl")
"""A line per node that was finished, in order."""
OTHER_CODE = ("refuse", "again", "accept")


@dataclass(frozen=True)
class NodeRecord:
    """What is read of a finished node. run: the name of a fit's. frames, timed_steps: what its seconds went into."""

    key: str
    identity: str
    code: dict[str, str]
    cost: dict[str, str | Number | None]
    seconds: Annotated[Number, Field(ge=0)]
    run: Annotated[str, Field(pattern=r"^[^/.][^/]*$")] | None = None
    frames: Count = 0
    timed_steps: Count = 0


@dataclass(frozen=True)
class Begun:
    """What is being made in a node's folder."""

    identity: str


def read_record(kind: type[Made], path: Path, way_out: str) -> Made:
    """A record that a file holds as JSON. Raises UserError where it cannot be read, and where it is not one."""
    return typed(kind, read_json(path, way_out), str(path), way_out)


def record_of(node: Node, root: Path = Path()) -> NodeRecord | None:
    """What was written when the node was finished, or None. Raises UserError where that is damaged."""
    path = root / node.folder / FINISHED
    if not path.is_file():
        return None
    return read_record(NodeRecord, path, f"delete it, and {node.title} is finished again")


def survey(nodes: tuple[Node, ...], other_code: str) -> tuple[dict[str, str], dict[str, bool], list[str]]:
    """Identity by key, whether it is finished by key, and titles of finished nodes that other code made.

    nodes: parents first. Raises UserError for nodes that other code made, where `other_code` is "refuse".
    "again" takes them as not there; "accept" as they are.
    """
    identities: dict[str, str] = {}
    finished: dict[str, bool] = {}
    accepted: list[str] = []
    for node in nodes:
        identity = node.identity([identities[parent.key] for parent in node.parents])
        record = record_of(node)
        same = record is not None and record.identity == identity
        if record is not None and not same:
            if other_code == "refuse":
                raise UserError(_made_by_other_code(node, record))
            if other_code == "accept":
                identity, same = record.identity, True
                accepted.append(node.title)
        identities[node.key], finished[node.key] = identity, same
    return identities, finished, accepted


def _made_by_other_code(node: Node, record: NodeRecord) -> str:
    files = differing(record.code, node.kind)
    named = ", ".join(f"skinseg/{name}" for name in files[:4]) + (
        f" and {len(files) - 4} more" * (len(files) > 4)
    )
    what = f"{named} changed since" if files else "what it was made from was made again since"
    return (
        f"{node.title} ({node.folder}) was made by other code: {what}; --other-code again makes it anew (the old one "
        "is set aside), --other-code accept takes it as it is"
    )


def do(node: Node, identity: str, root: str, scheduler: str | None = None, workers: int = 1) -> float:
    """Do a node unless it is finished; seconds it took, 0 where it was. Safe to call at the same time elsewhere.

    root: the working folder that everything lies below, on a disk that all who work share.
    Raises UserError as what it runs does.
    """
    folder = Path(root) / node.folder
    with _locked(folder):
        found = record_of(node, Path(root))
        if found is not None and found.identity == identity:
            return 0.0
        if found is not None:
            folder.rename(folder.with_name(f"{folder.name}.{found.identity}"))
            folder.mkdir()
        _begin(node, identity, folder)
        started = time.monotonic()
        with _quiet(folder / "log.txt"):
            done = {"render": _render, "fit": _fit, "score": _score}[node.kind](
                node, folder, Path(root), scheduler, workers
            )
        record = {
            "kind": node.kind, "title": node.title, "key": node.key, "identity": identity, "spec": node.spec,
            "cost": node.cost, "parents": [parent.key for parent in node.parents], "code": code_of(node.kind),
            "seconds": round(time.monotonic() - started, 2), **done, "pid": os.getpid(),
            "versions": {name: importlib.metadata.version(name) for name in ("torch", "numpy")},
        }  # fmt: skip
        with written_whole(folder / FINISHED) as beside:
            beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        log = Path(root) / LOG
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"key": node.key, "title": node.title, "seconds": record["seconds"]}) + "\n"
            )
        return float(record["seconds"])


def run_folder(node: Node, root: Path) -> Path:
    """The folder of a finished fit's run."""
    record = record_of(node, root)
    if record is None or record.run is None:
        raise UserError(
            f"{root / node.folder / FINISHED}: names no run, expected one; delete it, and begin again"
        )
    return root / node.folder / record.run


def _begin(node: Node, identity: str, folder: Path) -> None:
    """Clear what other code left unfinished, and say what is being made."""
    begun = folder / BEGUN
    way_out = f"delete {folder}, and {node.title} begins again"
    if begun.is_file() and read_record(Begun, begun, way_out) != Begun(identity):
        for item in folder.iterdir():
            if item.is_dir():
                shutil.rmtree(item)
    with written_whole(begun) as beside:
        beside.write_text(json.dumps({"identity": identity}), encoding="utf-8")


def _render(node: Node, folder: Path, root: Path, scheduler: str | None, workers: int) -> dict[str, Any]:
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.rendering.renderer import render_set

    photos = None
    if node.how["backgrounds"]:
        from skinseg.synthetic.room.backgrounds import find_photos

        photos = find_photos(Path(node.how["backgrounds"]).resolve())
    config = GeneratorConfig.from_record(dict(node.spec["config"]), node.title)
    report = render_set(
        config, node.spec["count"], node.spec["seed"], workers, folder / "set", False, photos, scheduler
    )
    return {"frames": report.rendered}


def _fit(node: Node, folder: Path, root: Path, scheduler: str | None, workers: int) -> dict[str, Any]:
    from skinseg.models.checkpoint import BEST, LAST, RESULT
    from skinseg.training import command

    os.environ.setdefault("WANDB_MODE", "disabled")  # a study's numbers are in its tables
    finished = sorted(folder.glob(f"*/{RESULT}"))
    steps = int(node.cost["steps"])
    if not finished:
        runs = sorted(run for run in folder.iterdir() if run.is_dir())
        # Without the last checkpoint, or with a damaged one, a run goes on from its best.
        going_on = [run for run in runs if (run / LAST).is_file() or (run / BEST).is_file()]
        for run in runs:
            if run not in going_on:
                shutil.rmtree(run)
        arguments = ["fit", *_arguments(node, folder, root)]
        if going_on:
            arguments += ["--ckpt_path", str(going_on[0] / LAST)]
            steps = 0  # the seconds of a part say nothing of the whole
        command.main(arguments)
        gc.collect()
        finished = sorted(folder.glob(f"*/{RESULT}"))
    else:
        steps = 0
    return {"run": finished[0].parent.name, "timed_steps": steps}


def _arguments(node: Node, folder: Path, root: Path) -> list[str]:
    spec, how = node.spec, node.how
    options = dict(spec["options"]) | {
        "runs": folder.parent, "job": folder.name, "seed_everything": spec["seed"],
        "data.cache_dir": root / CACHE, "trainer.enable_progress_bar": False,
        "data.data_root": root / how["data_root"],
    }  # fmt: skip
    renders = [parent for parent in node.parents if parent.kind == "render"]
    source = root / renders[0].folder / "set" if renders else how["rendered"] and root / how["rendered"]
    if options["data.dataset"] == "rendered":
        options["data.data_root"] = source
    elif options["data.source"]:
        options["data.source_root"] = source
    options["adapt"] = spec["adapt"]
    fits = [parent for parent in node.parents if parent.kind == "fit"]
    if fits:
        from skinseg.models.checkpoint import LAST

        options["model.pretrained"] = run_folder(fits[0], root) / LAST
    return [part for key, value in options.items() for part in (f"--{key}", _written(value))]


def _written(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)


def _score(node: Node, folder: Path, root: Path, scheduler: str | None, workers: int) -> dict[str, Any]:
    from skinseg.evaluation.asked import SUBSETS
    from skinseg.evaluation.command import evaluate
    from skinseg.models.checkpoint import LAST

    test_sets: Mapping[str, list[str]] = node.spec["test_sets"]
    for subset in SUBSETS:
        names = [name for name, (part, _) in test_sets.items() if part == subset]
        if names:
            shutil.rmtree(folder / subset, ignore_errors=True)
            evaluate(
                checkpoint=run_folder(node.parents[0], root) / LAST,
                out=folder / subset,
                data_root=root / node.how["data_root"],
                subset=subset,
                names=names,
            )
            shutil.rmtree(folder / subset / "panels", ignore_errors=True)  # 120 photographs a run
    gc.collect()
    return {}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until nobody else works in the folder; a process that dies lets go of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """What is printed goes to a file; progress is the study's to print."""
    with log.open("a", encoding="utf-8") as file:
        sys.stdout.flush()
        with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            yield
