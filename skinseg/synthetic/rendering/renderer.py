"""Render a set of frames, here or on a cluster, check one again, and keep everything as it comes.

OUT/images/000000.png   8-bit RGB
OUT/masks/000000.png    a `PartClass` per pixel, as index into a palette
OUT/scenes.jsonl        the journal: a line per finished frame, in the order they finished
OUT/scenes.parquet      the same, sorted: main factors as columns, the whole Scene as JSON text
OUT/generator.yaml      version, seed, configuration and its hash, photographs
OUT/README.md           the data card
OUT/contact_sheet.jpg   the first frames with their labels
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg.errors import UserError
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.claim import check_claim, check_settings, claim, read_generator, read_job
from skinseg.synthetic.rendering.frames import Frame, Job
from skinseg.synthetic.rendering.scene_list import listed_job
from skinseg.synthetic.rendering.set_folder import SetFolder, disk_errors, locked
from skinseg.synthetic.rendering.worker_process import find_worker_command

if TYPE_CHECKING:
    from skinseg.synthetic.room.backgrounds import Photos
    from skinseg.synthetic.scene import Scene

SHEET_FRAMES = 24


@dataclass(frozen=True)
class RenderReport:
    """frames: in the set now; rendered: of these, in this call; redrawn: scenes given up in this call, as
    they showed too little skin; restarts: workers that died or hung in this call."""

    out: Path
    frames: int
    rendered: int
    redrawn: int
    restarts: int


@dataclass(frozen=True)
class VerifyReport:
    """frames: in the set; damaged: what was wrong with each frame that was rendered again, by index;
    different: of these, those whose new bytes are not those recorded (another platform, for instance)."""

    out: Path
    frames: int
    damaged: dict[int, str]
    different: list[int]


def render_set(
    config: GeneratorConfig,
    count: int,
    seed: int,
    workers: int,
    out: Path,
    progress: bool = True,
    photos: "Photos | None" = None,
    scheduler: str | None = None,
) -> RenderReport:
    """Render frames 0 to count - 1 of a set into `out`; those it has already are kept as they are.

    workers: how many on this machine. photos: for walls. scheduler: address of a dask scheduler whose cluster
    renders instead of this machine. The pixels depend on none of these but the photos. A worker that dies or
    hangs costs one frame, which a fresh one renders again. Raises UserError where `out` holds another set or is
    being written to, where there is no Blender or scheduler, or where a frame fails again and again; what is
    finished is kept then, and on Ctrl-C and kill -9 too, and the same call goes on from there.
    """
    return render_job(Job(config, seed, photos), count, workers, out, progress, scheduler)


def render_scenes(
    scenes: "Iterable[Scene | str]",
    workers: int,
    out: Path,
    progress: bool = True,
    photos: "Photos | None" = None,
    scheduler: str | None = None,
) -> RenderReport:
    """`render_set` of given scenes, or their JSON texts; a list that goes on where that of `out` ends extends it.

    Raises UserError too for a scene with a photograph where there are no `photos`.
    """
    job = listed_job(scenes, photos)
    if photos is None:
        for number, text in enumerate(job.scenes, start=1):
            if '"texture": "photo"' in text:
                raise UserError(
                    f"scene {number}: shows a photograph, expected the folder that it lies in; give --backgrounds"
                )
    return render_job(job, len(job.scenes), workers, out, progress, scheduler)


def render_job(
    job: Job, count: int, workers: int, out: Path, progress: bool = True, scheduler: str | None = None
) -> RenderReport:
    """`render_set` of a job."""
    check_claim(out, job)  # before the lock, which is a file: a stranger's folder stays as it is
    with disk_errors(out), locked(out):
        claim(out, job)
        folder = SetFolder(out)
        lost = set(folder.without_files())
        missing = [index for index in range(count) if index not in folder.rows or index in lost]
        done = _render(job, missing, workers, folder, progress, scheduler)
        return RenderReport(out, len(folder.rows), done.rendered, done.redrawn, done.restarts)


def verify_set(
    out: Path,
    workers: int,
    progress: bool = True,
    photos: "Photos | None" = None,
    scheduler: str | None = None,
    job_of: "Callable[[Path, Photos | None], Job]" = read_job,
) -> VerifyReport:
    """Read every file of a set again, and render those anew that are not what was recorded.

    Raises UserError where `out` is no set, and where frames are damaged that this version, or these
    photographs, cannot reproduce. job_of: from the folder and the photographs to the job.
    """
    record = read_generator(out)
    with disk_errors(out), locked(out):
        from skinseg.synthetic.rendering.scene_table import read_table

        folder = SetFolder(out)
        listed = read_table(out / "scenes.parquet")
        folder.merge(listed)
        if not folder.rows:
            raise UserError(
                f"{out}: neither scenes.jsonl nor scenes.parquet lists a finished frame; "
                "render the set again with `skinseg render --out`"
            )
        check_settings(out, record, folder.rows.values())
        damaged = folder.damaged()
        recorded = {index: folder.rows[index] for index in damaged}
        if damaged:
            try:
                job = job_of(out, photos)
            except UserError as error:
                raise UserError(f"{_damage(out, damaged)}; {error}") from error
            _render(job, sorted(damaged), workers, folder, progress, scheduler)
        elif len(listed) != len(folder.rows) or _is_stale(folder):
            _write_summary(folder)
        keys = ("image_sha256", "mask_sha256")
        different = [
            index
            for index, row in recorded.items()
            if any(row[key] != folder.rows[index][key] for key in keys)
        ]
        return VerifyReport(out, len(folder.rows), damaged, different)


@dataclass
class _Counts:
    """What happened in one call so far."""

    rendered: int = 0
    redrawn: int = 0
    restarts: int = 0


def _render(
    job: Job, indices: Sequence[int], workers: int, folder: SetFolder, progress: bool, scheduler: str | None
) -> _Counts:
    """Render frames and keep them; the summary is written however this ends."""
    done = _Counts()
    try:
        if indices:
            with (
                folder.scratch() as scratch,
                closing(_frames(job, indices, workers, scratch, scheduler)) as frames,
                _bar(len(indices), progress) as show,
            ):
                for frame in frames:
                    folder.add(frame)
                    done.rendered += 1
                    done.redrawn += frame.row["attempt"]
                    done.restarts += frame.restarts
                    show(done)
    finally:
        if folder.rows and _is_stale(folder):
            _write_summary(folder)
    return done


def _frames(
    job: Job, indices: Sequence[int], workers: int, scratch: Path, scheduler: str | None
) -> Generator[Frame, None, None]:
    if scheduler is not None:
        from skinseg.synthetic.rendering.cluster import cluster_frames

        return cluster_frames(job, indices, scheduler)
    from skinseg.synthetic.rendering.lanes import local_frames

    return local_frames(job, indices, workers, find_worker_command(), scratch)


@contextmanager
def _bar(total: int, shown: bool) -> Iterator[Callable[[_Counts], None]]:
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


def _is_stale(folder: SetFolder) -> bool:
    """Whether the summary is missing, or older than the journal."""
    files = [folder.out / name for name in ("README.md", "contact_sheet.jpg", "scenes.parquet")]
    if not all(file.is_file() for file in files):
        return True
    return min(file.stat().st_mtime_ns for file in files) < folder.journal.stat().st_mtime_ns


def _write_summary(folder: SetFolder) -> None:
    """Table, data card and contact sheet."""
    from skinseg.synthetic.rendering.contact_sheet import write_contact_sheet
    from skinseg.synthetic.rendering.data_card import write_data_card
    from skinseg.synthetic.rendering.scene_table import write_table

    out, rows = folder.out, folder.rows
    table = write_table(rows.values(), out / "scenes.parquet")
    platforms = [row["platform"] for row in rows.values() if "platform" in row]
    write_data_card(table, read_generator(out), platforms, out / "README.md")
    names = [rows[index]["image"] for index in sorted(rows)[:SHEET_FRAMES]]
    write_contact_sheet(
        [(out / "images" / name, out / "masks" / name) for name in names], out / "contact_sheet.jpg"
    )


def _damage(out: Path, damaged: dict[int, str]) -> str:
    shown = ", ".join(list(damaged.values())[:3]) + (", ..." if len(damaged) > 3 else "")
    return f"{out}: {len(damaged)} frames are damaged ({shown})"
