"""Rendering on this machine: lanes, each a Python process that builds and a Blender process that renders.

Lanes are processes and not threads because building is Python's work, and threads of one process would wait
for one another. The death of one, or of its Blender, is no other lane's business.
"""

import contextlib
import dataclasses
import itertools
import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

from skinseg.errors import UserError
from skinseg.synthetic.rendering.frames import TRIES, Frame, FrameRenderer, Job

PRELOAD = ["skinseg.synthetic.rendering.preload"]  # what lanes share in memory, where the system can fork
ENDING = 5.0  # seconds that a lane gets to end its worker


def local_frames(
    job: Job, indices: Sequence[int], workers: int, command: list[str], scratch: Path
) -> Generator[Frame, None, None]:
    """Frames as they get finished, each index once, by `workers` lanes; closing the iterator ends them.

    command: starts a render worker. scratch: an existing folder for what passes between processes.
    Raises UserError where a frame cannot be rendered, and OSError from the scratch folder.
    """
    todo, deaths = deque(indices), dict.fromkeys(indices, 0)
    lanes: dict[Connection, _Lane] = {}
    numbers = itertools.count()
    try:
        for _ in range(min(workers, len(indices))):
            lane = _Lane(job, command, scratch / str(next(numbers)), todo.popleft())
            lanes[lane.connection] = lane
        while lanes:
            for connection in wait(list(lanes)):
                assert isinstance(connection, Connection)
                lane = lanes[connection]
                try:
                    frame = lane.answer()
                except EOFError:
                    deaths[lane.index] += 1
                    if deaths[lane.index] == TRIES:
                        raise UserError(
                            f"frame {lane.index}: {TRIES} processes that built it were killed, perhaps for "
                            "want of memory; what is finished is kept, give fewer --workers and go on"
                        ) from None
                    lanes.pop(connection).end()
                    # Not in its folder: its Blender may still be writing there.
                    lane = _Lane(job, command, scratch / str(next(numbers)), lane.index)
                    lanes[lane.connection] = lane
                    continue
                if todo:
                    lane.ask(todo.popleft())
                else:
                    lanes.pop(connection).end()
                yield dataclasses.replace(frame, restarts=frame.restarts + deaths[frame.row["index"]])
    finally:
        for lane in lanes.values():
            lane.process.terminate()
        for lane in lanes.values():
            lane.end()


class _Lane:
    """A process that renders one index at a time, seen from the parent."""

    def __init__(self, job: Job, command: list[str], scratch: Path, index: int) -> None:
        """Start it on its first index."""
        context = _context()
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, job, command, scratch), daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of the file here
        self.ask(index)

    def ask(self, index: int) -> None:
        """Let it render a frame. One that has died is found out by `answer`."""
        self.index = index
        with contextlib.suppress(OSError):
            self.connection.send(index)

    def answer(self) -> Frame:
        """What it has rendered. Raises what rendering raised, and EOFError where the process died."""
        try:
            answer = self.connection.recv()
        except OSError as error:
            raise EOFError from error
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Frame)
        return answer

    def end(self) -> None:
        """End the process with its worker."""
        self.connection.close()
        self.process.join(ENDING)
        self.process.kill()
        self.process.join()


def _context() -> Any:
    """Where forking is sound, lanes are forked from a server that has the body model in memory."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def _serve(connection: Connection, job: Job, command: list[str], scratch: Path) -> None:
    """A lane's life: indices in, frames or exceptions out, until the parent closes or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the lanes
    signal.signal(signal.SIGTERM, _leave)
    renderer = FrameRenderer(command, scratch)
    try:
        while True:
            index = connection.recv()
            try:
                answer: Frame | Exception = renderer.render(job, index)
            except (UserError, OSError) as error:
                answer = error
            except Exception:
                answer = RuntimeError(f"frame {index}: {traceback.format_exc()}")
            connection.send(answer)
    except (EOFError, OSError):
        pass
    finally:
        renderer.end()


def _leave(*_: object) -> NoReturn:
    sys.exit(0)
