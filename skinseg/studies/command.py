"""`skinseg study run`: what is missing of a study, in any order that its graph allows, then its tables."""

import concurrent.futures
import contextlib
import dataclasses
import json
import multiprocessing
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from skinseg.errors import UserError
from skinseg.files import hold, written_whole
from skinseg.images.files import as_text
from skinseg.presets import config_file
from skinseg.studies.claims import Grid
from skinseg.studies.cost import RULE, Estimate, Estimator
from skinseg.studies.definition import Scale, Study, read_study
from skinseg.studies.graph import Graph, Inputs, expand, processors
from skinseg.studies.identity import Node
from skinseg.studies.wandb_study import grouped, log_study
from skinseg.studies.work import do, read_record, survey

CLAIM = "study.json"


@dataclasses.dataclass(frozen=True)
class Claimed:
    """Whose a study's folder is."""

    study: str
    scale: str


def run_study(
    given: str,
    scale_name: str,
    data_root: Path,
    out: Path | None = None,
    target: str | None = None,
    datasets: Sequence[str] = (),
    seeds: Sequence[int] = (),
    rendered: Path | None = None,
    backgrounds: Path | None = None,
    dry_run: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    other_code: str = "refuse",
) -> dict[str, Path]:
    """Run what is missing of a study and write its rows, tables, figure and report; their paths by kind.

    given: a study's YAML, or its name. The rest as `skinseg study run --help` says. Everything lies below the
    working folder: nodes in rendered/studies, runs/studies and results/studies/scores, shared by all studies.
    Raises UserError for what the user has to change; whatever was finished is kept, and the same call goes on.
    """
    study = read_study(config_file(given, "studies", "study"))
    inputs = Inputs(data_root, rendered, backgrounds, target, tuple(datasets), tuple(seeds))
    scale = inputs.chosen(study.scale(scale_name))
    graph = expand(study, scale_name, inputs)
    out = out or Path("results", "studies", f"{study.name}-{scale_name}")
    _check_claim(out, study, scale_name)
    identities, finished, accepted = survey(graph.nodes, other_code)
    estimator = Estimator()
    estimates = {node.key: estimator(node) for node in graph.nodes}
    slots = _slots(graph, workers, scheduler)
    _print_plan(study, scale_name, graph, finished, estimates, slots)
    if dry_run:
        _print_nodes(graph, finished, estimates)
        return {}
    with _claimed(out, study, scale_name), grouped(study.name) as logs:
        todo = [node for node in graph.nodes if not finished[node.key]]
        try:
            with _pool(slots, scheduler) as pool:
                _work(todo, len(graph.nodes), identities, estimates, pool, slots, scheduler)
        except KeyboardInterrupt:
            _say("stopped; every finished run is kept: give the same command again to go on")
            raise
        paths = _write(study, scale_name, scale, graph, identities, accepted, out)
        if study.audited:
            from skinseg.studies.audits import write_audits

            paths |= write_audits(graph, data_root, out)
        if logs:
            log_study(study.name, scale_name, out)
    for kind, path in paths.items():
        _say(f"{kind}: {path}")
    return paths


def _say(text: str) -> None:
    print(text, flush=True)


def _slots(graph: Graph, workers: int | None, scheduler: str | None) -> int:
    """How many nodes at the same time."""
    if workers:
        return workers
    if scheduler:
        return 64  # as many as the cluster takes; it queues the rest
    if all(node.cost["accelerator"] == "cpu" for node in graph.nodes if node.kind == "fit"):
        return 1
    import torch

    return max(1, torch.cuda.device_count())


# --------------------------------------------------------------------------------------------- the plan


def _print_plan(
    study: Study,
    scale_name: str,
    graph: Graph,
    finished: Mapping[str, bool],
    estimates: Mapping[str, Estimate],
    slots: int,
) -> None:
    _say(f"{study.name}, {scale_name} scale: {study.title}")
    for kind in ("render", "fit", "score"):
        nodes = [node for node in graph.nodes if node.kind == kind]
        missing = [estimates[node.key] for node in nodes if not finished[node.key]]
        if nodes:
            seconds = sum(each.seconds for each in missing)
            took = f", about {_minutes(seconds)}" if missing else ""
            how = " (as measured here)" if missing and all(each.measured for each in missing) else ""
            _say(f"  {kind}: {len(nodes)}, {len(nodes) - len(missing)} of them finished{took}{how}")
    if not all(estimates[node.key].measured for node in graph.nodes if not finished[node.key]):
        _say(f"  where nothing was measured here yet: {RULE}")
    if slots > 1:
        _say(f"  up to {slots} at the same time")
    for note in graph.notes:
        _say(f"  {note}")


def _print_nodes(graph: Graph, finished: Mapping[str, bool], estimates: Mapping[str, Estimate]) -> None:
    for node in graph.nodes:
        state = "finished" if finished[node.key] else f"~{estimates[node.key].seconds:.0f} s"
        _say(f"{state:>9}  {node.key}  {node.title}")


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


# --------------------------------------------------------------------------------------------- the work


def _work(
    todo: Sequence[Node],
    total: int,
    identities: Mapping[str, str],
    estimates: Mapping[str, Estimate],
    pool: concurrent.futures.Executor,
    slots: int,
    scheduler: str | None,
) -> None:
    """Do every node once its parents are done; a line as each ends."""
    waiting = {node.key: node for node in todo}
    running: dict[concurrent.futures.Future[float], Node] = {}
    root, spent, planned = str(Path.cwd()), 0.0, 0.0
    while waiting or running:
        ready = [
            node for node in waiting.values()
            if not any(parent.key in waiting or parent in running.values() for parent in node.parents)
        ]  # fmt: skip
        for node in ready[: slots - len(running)]:
            del waiting[node.key]
            _say(f"[{total - len(waiting) - len(running)}/{total}] {node.title}: begins")
            if node.kind == "render":
                # It spreads over the processors, or the cluster, by itself.
                here = _Here().submit(do, node, identities[node.key], root, scheduler, processors())
                running[here] = node
            else:
                running[pool.submit(do, node, identities[node.key], root)] = node
        ended, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in ended:
            node = running.pop(future)
            try:
                seconds = future.result()
            except UserError as error:
                raise UserError(f"{node.title}: {error}") from error
            except BrokenProcessPool as error:
                raise UserError(
                    f"{node.title}: its process died, as one does that runs out of memory; what was finished is kept, "
                    "give the same command again to go on, with fewer --workers perhaps"
                ) from error
            spent, planned = spent + seconds, planned + estimates[node.key].seconds
            left = sum(estimates[each.key].seconds for each in (*waiting.values(), *running.values()))
            left *= (spent / planned if planned else 1.0) / slots
            _say(
                f"[{total - len(waiting) - len(running)}/{total}] {node.title}: {seconds:.0f} s"
                + (f"; about {_minutes(left)} left" if left else "")
            )


class _Here(concurrent.futures.Executor):
    """This process, at once: no second import of torch, and no second copy in memory."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "concurrent.futures.Future[Any]":
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # as the other executors do; KeyboardInterrupt goes through
            future.set_exception(error)
        return future


@contextlib.contextmanager
def _pool(slots: int, scheduler: str | None) -> Iterator[concurrent.futures.Executor]:
    if scheduler:
        from skinseg.synthetic.rendering.cluster import connect

        client = connect(scheduler)
        try:
            yield client.get_executor(pure=False, retries=0)
        finally:
            client.close(timeout=5)
        return
    if slots == 1:
        yield _Here()
        return
    context = multiprocessing.get_context("spawn")
    places: Any = context.Queue()
    for place in range(slots):
        places.put(place)
    pool = concurrent.futures.ProcessPoolExecutor(slots, context, initializer=_take_gpu, initargs=(places,))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _take_gpu(places: Any) -> None:
    """Give a process of the pool a GPU of its own, before it imports torch."""
    place = places.get()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given != "":
        devices = given.split(",") if given else [str(i) for i in range(place + 1)]
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[place % len(devices)]


# ------------------------------------------------------------------------------------------ its folder


def _check_claim(out: Path, study: Study, scale_name: str) -> None:
    """Raise UserError where the folder is another study's, or somebody's who is no study."""
    claim = out / CLAIM
    if claim.is_file():
        found = read_record(
            Claimed, claim, "give another --out, or delete this file if the folder is the study's"
        )
        if found != Claimed(study.name, scale_name):
            raise UserError(
                f"{out}: holds study {found.study} at {found.scale} scale, expected a folder of its own for "
                f"{study.name} at {scale_name} scale; give another --out"
            )
    elif out.exists() and (not out.is_dir() or any(item.name != ".lock" for item in out.iterdir())):
        raise UserError(
            f"{out}: is there and is no study's folder, expected a new one or one that `skinseg study run` wrote; give "
            "another --out"
        )


@contextlib.contextmanager
def _claimed(out: Path, study: Study, scale_name: str) -> Iterator[None]:
    """Hold the folder, and say whose it is."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as file:
        busy = f"{out}: another `skinseg study run` is at work in it; wait for it, or give another --out"
        hold(file, busy, needed=True)
        _check_claim(out, study, scale_name)
        with written_whole(out / CLAIM) as beside:
            beside.write_text(
                json.dumps(dataclasses.asdict(Claimed(study.name, scale_name))) + "\n", encoding="utf-8"
            )
        yield


def _write(
    study: Study,
    scale_name: str,
    scale: Scale,
    graph: Graph,
    identities: Mapping[str, str],
    accepted: Sequence[str],
    out: Path,
) -> dict[str, Path]:
    from skinseg.evaluation.rows import ResultRow, as_frame, read_rows, write_rows
    from skinseg.reports.results import read_run
    from skinseg.studies.estimates import Scores
    from skinseg.studies.output import Outcome, write

    rows: dict[str, list[ResultRow]] = {}
    titles: dict[str, str] = {fit.name: fit.title or fit.name for fit in study.fits}
    points: dict[str, list[tuple[str, ...]]] = {}
    runs: list[tuple[str, ...]] = []
    for cell in graph.cells:
        if cell.point not in points.setdefault(cell.arm, []):
            points[cell.arm].append(cell.point)
        for subset in ("test", "all"):
            folder = cell.score.folder / subset
            if (folder / "rows.parquet").is_file():
                scored = read_run(folder / "run.json")["datasets"]
                titles |= {name: f"{entry['title']}, {subset}" for name, entry in scored.items()}
                named = f"{cell.name}, seed {cell.seed}"
                rows.setdefault(cell.name, []).extend(
                    dataclasses.replace(row, run=named) for row in read_rows(folder / "rows.parquet")
                )
        (fit,) = cell.score.parents
        steps = study.total_steps(study.fit(cell.arm), scale)
        point = ", ".join(cell.point) or "–"
        runs.append((titles[cell.arm], point, str(cell.seed), identities[fit.key], str(steps)))
    write_rows(out / "rows.parquet", [row for each in rows.values() for row in each])
    notes = list(graph.notes)
    if accepted:
        notes.append(f"Made by other code than the rest, and taken as they are: {'; '.join(accepted)}.")
    outcome = Outcome(
        study=study,
        label=_label(scale_name, scale, graph),
        scores=Scores({name: as_frame(each) for name, each in rows.items()}),
        grid=Grid(points, [name for name, _ in graph.test_sets], study.saved),
        titles=titles,
        notes=notes,
        missing=[name for name in graph.missing if name in study.score],
        command=as_text(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])),
        runs=runs,
    )
    return {"rows": out / "rows.parquet", **write(outcome, out)}


def _label(scale_name: str, scale: Scale, graph: Graph) -> str:
    """What every output says of its scale."""
    fit = next(node for node in graph.nodes if node.kind == "fit")
    frames = next((node.cost["frames"] for node in graph.nodes if node.kind == "render"), None)
    seeds = len(scale.seeds)
    said = [
        f"{fit.cost['encoder'] or 'the default encoder'} at {fit.cost['size']} pixels",
        *([f"{frames} frames"] if frames else []),
        f"{seeds} seed{'s' if seeds > 1 else ''}",
    ]
    return f"{scale_name} scale: {', '.join(said)}"
