"""Rendering on a running `dask.distributed` cluster, and so on SLURM or Kubernetes through its deployments.

Tasks are ranges of indices, and a frame's bytes come back as a task's result: the client alone writes, and no
disk is shared but that of the photographs. Each thread of a cluster's worker keeps a Blender between tasks, so
start those workers with one thread each (`dask worker --nthreads 1 --nworkers -1`).
"""

import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from skinseg.errors import UserError, install
from skinseg.source import generator_code, one_hash
from skinseg.synthetic.rendering.frames import Frame, FrameRenderer, Job
from skinseg.synthetic.rendering.worker_process import find_worker_command

CHUNK = 4  # frames a task: what the death of a machine costs at most, against a round trip for each task
PATIENCE = 15  # seconds to reach the scheduler

_idle: list[FrameRenderer] = []
_idle_lock = threading.Lock()
_number = itertools.count()


def cluster_frames(job: Job, indices: Sequence[int], scheduler: str) -> Generator[Frame, None, None]:
    """Frames as they get finished, each index once, from the cluster at `scheduler` (tcp://host:port).

    Raises UserError where it cannot be reached, is lost, or cannot render.
    """
    client = connect(scheduler)
    try:
        if not client.scheduler_info().get("workers"):
            print(f"the cluster at {scheduler} has no workers yet; waiting for them", file=sys.stderr)
        yield from _results(client, job, indices, scheduler)
    finally:
        # A cluster that is gone has nothing to tidy.
        with contextlib.suppress(Exception):
            client.run(end_idle)
        with contextlib.suppress(Exception):
            client.close(timeout=5)


def render_chunk(indices: Sequence[int], job: Job, code: str) -> list[Frame]:
    """A task: render some frames with a Blender that is kept for the next task."""
    here = one_hash(generator_code())
    if code != here:
        raise UserError(
            f"a machine of the cluster has other code of the generator ({here}) than this one ({code}), so their "
            "frames would differ; install the same skinseg on both"
        )
    with _idle_lock:
        renderer = _idle.pop() if _idle else None
    if renderer is None:
        renderer = FrameRenderer(find_worker_command(), _scratch())
    try:
        return [renderer.render(job, index) for index in indices]
    finally:
        with _idle_lock:
            _idle.append(renderer)


def end_idle() -> None:
    """End the Blenders that no task uses."""
    with _idle_lock:
        renderers = _idle.copy()
        _idle.clear()
    for renderer in renderers:
        renderer.end()


def _results(client: Any, job: Job, indices: Sequence[int], scheduler: str) -> Generator[Frame, None, None]:
    from dask.distributed import as_completed

    chunks = [tuple(indices[start : start + CHUNK]) for start in range(0, len(indices), CHUNK)]
    # A task of its own, not an argument: thousands of photographs travel once to each machine, not with each
    # task, and dask can make it again where the machine that had it is lost. All chunks are handed in at
    # once, as clusters that grow by themselves grow by the length of this queue.
    shared = client.submit(_same, job, pure=False)
    futures = client.map(render_chunk, chunks, job=shared, code=one_hash(generator_code()), pure=False)
    try:
        for future in as_completed(futures, loop=client.loop):
            try:
                frames = future.result()
            except UserError:
                raise
            except ModuleNotFoundError as error:
                raise UserError(
                    f"a machine of the cluster at {scheduler} lacks the module {error.name}; install "
                    "this skinseg with its extras synthetic and cluster there"
                ) from error
            except CancelledError as error:
                raise UserError(
                    f"the scheduler at {scheduler} is gone; the frames finished so far are kept, start it and "
                    "give the same command again to go on"
                ) from error
            except Exception as error:
                what = f"{type(error).__name__}: {' '.join(str(error).split())}"
                raise UserError(
                    f"the cluster at {scheduler} could not render ({what}); the frames finished so far are "
                    "kept, correct that and give the same command again to go on"
                ) from error
            future.release()
            yield from frames
    finally:
        with contextlib.suppress(Exception):
            client.cancel(futures)


def _same(job: Job) -> Job:
    return job


def connect(scheduler: str) -> Any:
    try:
        from dask.distributed import Client
    except ModuleNotFoundError as error:
        raise UserError(
            f"--scheduler {scheduler}: dask.distributed is not installed; "
            f"{install('cluster')}, or leave --scheduler out to render on this machine"
        ) from error
    try:
        return Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"--scheduler {scheduler}: no dask scheduler answers there ({error}), expected an address like "
            "tcp://host:8786; start one with `dask scheduler`, or leave --scheduler out to render on this "
            "machine"
        ) from error


def _scratch() -> Path:
    """A folder that the cluster's worker removes when it ends, or whoever comes after it when it is killed."""
    from dask.distributed import get_worker

    return Path(get_worker().local_directory) / f"render-{os.getpid()}-{next(_number)}"
