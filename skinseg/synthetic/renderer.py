"""Render a set of frames: scenes and figures here, pixels in worker processes, everything kept as it comes.

    OUT/images/000000.png   8-bit RGB
    OUT/labels/000000.png   8-bit grey, a `PartClass` per pixel
    OUT/scenes.jsonl        the journal: a line per finished frame, in the order they finished
    OUT/scenes.parquet      the same, sorted: main factors as columns, the whole Scene as JSON text
    OUT/generator.yaml      seed, configuration and its hash
    OUT/contact_sheet.jpg   the first frames with their labels

A frame counts once its line is in the journal; what a crash leaves without one is rendered again.
"""

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import yaml

from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.sampling import draw_scene
from skinseg.synthetic.scene import Scene
from skinseg.synthetic.worker_process import WorkerFailure, WorkerProcess, find_worker_command

TRIES = 3  # of a frame whose worker dies, before the set is given up
MOST_REDRAWS = 50  # of a frame that shows too little skin
SHEET_FRAMES = 24

Row = dict[str, Any]


@dataclass(frozen=True)
class RenderReport:
    """frames: in the set now; rendered: of these, in this call; redrawn: scenes given up in this call, as
    they showed too little skin; restarts: workers that died or hung in this call."""

    out: Path
    frames: int
    rendered: int
    redrawn: int
    restarts: int


def render_set(
    config: GeneratorConfig, count: int, seed: int, workers: int, out: Path, progress: bool = True
) -> RenderReport:
    """Render frames 0 to count - 1 of a set into `out`; those it has already are kept as they are.

    The pixels depend on config, seed and index alone, not on the number of workers. A worker that dies or
    hangs costs one frame, which a fresh one renders again. Raises UserError where `out` holds another set,
    where there is no Blender, or where a frame fails `TRIES` times; what is finished is kept then, and on
    Ctrl-C too, and the same call goes on from there.
    """
    _claim(out, config, seed)
    rows = _read_journal(out)
    missing = [index for index in range(count) if index not in rows]
    done = _Counts()
    try:
        if missing:
            _render_missing(config, seed, missing, min(workers, len(missing)), out, rows, done, progress)
    finally:
        if rows and (missing or not (out / "scenes.parquet").is_file()):
            _write_table(out, rows)
            _write_sheet(out, rows)
    return RenderReport(out, len(rows), done.rendered, done.redrawn, done.restarts)


@dataclass
class _Counts:
    """What happened in one call so far."""

    rendered: int = 0
    redrawn: int = 0
    restarts: int = 0


def _render_missing(
    config: GeneratorConfig,
    seed: int,
    missing: list[int],
    workers: int,
    out: Path,
    rows: dict[int, Row],
    done: _Counts,
    progress: bool,
) -> None:
    """One thread per worker process takes indices from a queue; this thread writes the journal."""
    command = find_worker_command()
    todo: SimpleQueue[int] = SimpleQueue()
    for index in missing:
        todo.put(index)
    finished: SimpleQueue[Row | BaseException] = SimpleQueue()
    stop = threading.Event()
    # Beside the frames, so that a finished file is renamed into place and not copied.
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=out) as scratch:
        lanes = [
            _Lane(config, seed, command, out, Path(scratch) / str(number), todo, finished, stop)
            for number in range(workers)
        ]
        for lane in lanes:
            lane.start()
        try:
            with (
                (out / "scenes.jsonl").open("a", encoding="utf-8") as journal,
                _bar(len(missing), progress) as bar,
            ):
                for _ in missing:
                    row = finished.get()
                    if isinstance(row, BaseException):
                        raise row
                    done.redrawn += row["attempt"]
                    done.restarts += row.pop("restarts")
                    done.rendered += 1
                    journal.write(json.dumps(row) + "\n")
                    journal.flush()
                    rows[row["index"]] = row
                    bar(done)
        finally:
            stop.set()
            for lane in lanes:
                lane.end()


class _Lane(threading.Thread):
    """A thread with a worker process of its own, replaced when it fails."""

    def __init__(
        self,
        config: GeneratorConfig,
        seed: int,
        command: list[str],
        out: Path,
        scratch: Path,
        todo: "SimpleQueue[int]",
        finished: "SimpleQueue[Row | BaseException]",
        stop: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self.config, self.seed, self.command, self.out = config, seed, command, out
        self.scratch, self.todo, self.finished, self.stop = scratch, todo, finished, stop
        self.worker: WorkerProcess | None = None

    def run(self) -> None:
        self.scratch.mkdir()
        try:
            while not self.stop.is_set():
                self.finished.put(self._frame(self.todo.get_nowait()))
        except Empty:
            pass
        except BaseException as error:
            # Whatever ends a lane ends the call; after `stop` nobody listens any more.
            self.finished.put(error)

    def end(self) -> None:
        """Kill the worker and wait for the thread."""
        if self.worker is not None:
            self.worker.kill()
        self.join()
        if self.worker is not None:
            self.worker.kill()

    def _frame(self, index: int) -> Row:
        """Render one frame, drawn again while it shows too little skin; its journal row."""
        restarts = 0
        for attempt in range(MOST_REDRAWS):
            scene = draw_scene(self.config, self.seed, index, attempt)
            reply, failed = self._render(scene)
            restarts += failed
            if not reply["empty"]:
                name = f"{index:06d}.png"
                os.replace(self.scratch / "labels.png", self.out / "labels" / name)
                os.replace(self.scratch / "image.png", self.out / "images" / name)
                return {
                    "index": index,
                    "image": name,
                    "attempt": attempt,
                    "skin_share": reply["skin_share"],
                    "gain": reply["gain"],
                    "restarts": restarts,
                    "scene": scene.to_json(),
                }
        raise UserError(
            f"frame {index}: {MOST_REDRAWS} scenes in a row showed less than "
            f"{self.config.min_skin_share:.1%} skin; lower min_skin_share or p_clothed in the configuration"
        )

    def _render(self, scene: Scene) -> tuple[Row, int]:
        """The worker's reply, and how many workers failed before one gave it."""
        _build(scene, self.scratch / "figure.npz")
        request = {
            "scene": scene.to_json(),
            "figure": str(self.scratch / "figure.npz"),
            "image": str(self.scratch / "image.png"),
            "labels": str(self.scratch / "labels.png"),
            "min_skin_share": self.config.min_skin_share,
        }
        # Half a minute a sample and megapixel is ten times what a slow core needs; a hung worker needs more.
        limit = 180 + 30 * scene.samples * scene.resolution**2 / 1e6
        for failed in range(TRIES):
            try:
                if self.worker is None:
                    self.worker = WorkerProcess(self.command, self.scratch / "worker.log")
                if self.stop.is_set():
                    raise WorkerFailure("stopped")
                return self.worker.render(request, limit), failed
            except WorkerFailure as failure:
                if self.worker is not None:
                    self.worker.kill()
                self.worker = None
                if self.stop.is_set() or failed == TRIES - 1:
                    raise UserError(
                        f"frame {scene.index}: {TRIES} render workers failed on it, the last one: {failure}; "
                        f"the frames finished so far are kept in {self.out}, the same command goes on"
                    ) from failure
        raise AssertionError("unreachable")


# The body model is one torch module for all lanes, and building is a small part of a frame.
_building = threading.Lock()


def _build(scene: Scene, path: Path) -> None:
    with _building:
        import torch

        from skinseg.synthetic.human import build_figure

        torch.set_num_threads(1)
        build_figure(scene).save(path)


@contextmanager
def _bar(total: int, shown: bool) -> Iterator[Any]:
    """A rich progress bar with frames, time left and redraws; yields what to call after each frame."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("render"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[redrawn]} redrawn"),
    )
    with Progress(*columns, disable=not shown) as bar:
        task = bar.add_task("render", total=total, redrawn=0)
        yield lambda done: bar.update(task, completed=done.rendered, redrawn=done.redrawn)


def _claim(out: Path, config: GeneratorConfig, seed: int) -> None:
    """Make the folder, or check that what it holds is this very set."""
    path = out / "generator.yaml"
    if path.is_file():
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = found if isinstance(found, dict) else {}
        for what, here in (("seed", seed), ("config_hash", config.hash)):
            if found.get(what) != here:
                raise UserError(
                    f"{out}: holds a set with {what.replace('_', ' ')} {found.get(what)}, asked for {here}; "
                    "give --out another folder, or the configuration and seed of its generator.yaml"
                )
    elif out.is_dir() and any(out.iterdir()):
        raise UserError(
            f"{out}: the folder is not empty and has no generator.yaml, expected a new folder or one that "
            "`skinseg render` wrote; give --out another folder"
        )
    for folder in (out / "images", out / "labels"):
        folder.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)
    if not path.is_file():
        text = f"seed: {seed}\nconfig_hash: {config.hash}\nconfig:\n"
        text += "".join(f"  {line}\n" for line in config.to_yaml().splitlines())
        with written_whole(path) as beside:
            beside.write_text(text, encoding="utf-8")


def _read_journal(out: Path) -> dict[int, Row]:
    """Rows by index whose two files are there; a half line, as a crash may leave at the end, is cut off."""
    path = out / "scenes.jsonl"
    if not path.is_file():
        return {}
    whole, rows = [], {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if all((out / folder / row["image"]).is_file() for folder in ("images", "labels")):
            rows[row["index"]] = row
            whole.append(line)
    with written_whole(path) as beside:
        beside.write_text("".join(line + "\n" for line in whole), encoding="utf-8")
    return rows


def _write_table(out: Path, rows: dict[int, Row]) -> None:
    import pandas as pd

    table = pd.DataFrame([_factors(rows[index]) for index in sorted(rows)])
    with written_whole(out / "scenes.parquet") as beside:
        table.to_parquet(beside, index=False)


def _factors(row: Row) -> Row:
    """The journal's row with the scene's main factors beside its full text."""
    scene = Scene.from_json(row["scene"])
    camera, room, body = scene.camera, scene.room, scene.body
    kinds = [garment.kind for garment in scene.garments]
    return {
        **{key: row[key] for key in ("index", "image", "attempt", "skin_share", "gain")},
        "fitzpatrick": scene.skin.fitzpatrick,
        "ita": scene.skin.ita,
        "gender": body.phenotype["gender"],
        "age": body.phenotype["age"],
        "pose_family": body.pose_family,
        "hair": scene.hair.style,
        "clothed": any(kind not in ("briefs", "bra") for kind in kinds),
        "garments": " ".join(kinds),
        "track": camera.track,
        "theta": camera.theta,
        "radius": camera.radius,
        "z": camera.z,
        "focal_length": camera.focal_length,
        "exposure": camera.exposure,
        "walls": room.walls.texture,
        "light_power": sum(light.power for light in scene.lights),
        "temperature": sum(light.power * light.temperature for light in scene.lights)
        / sum(light.power for light in scene.lights),
        "scene": row["scene"],
    }


def _write_sheet(out: Path, rows: dict[int, Row]) -> None:
    from skinseg.synthetic.contact_sheet import write_contact_sheet

    names = [rows[index]["image"] for index in sorted(rows)[:SHEET_FRAMES]]
    frames = [(out / "images" / name, out / "labels" / name) for name in names]
    write_contact_sheet(frames, out / "contact_sheet.jpg")
