"""A render worker seen from the trainer's side: where its Python is, and a process that answers or fails."""

import json
import os
import select
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from skinseg.errors import UserError

WORKER = Path(__file__).parents[1] / "blender" / "worker.py"
PYTHON_VARIABLE = "SKINSEG_BPY_PYTHON"
STARTUP_LIMIT = 180.0  # seconds; importing Blender from a cold disk is slow


class WorkerFailure(Exception):
    """A worker died, hung or could not render a frame; the message has the last lines it wrote."""


def find_worker_command() -> list[str]:
    """The command that starts a worker.

    A Python with bpy, named by SKINSEG_BPY_PYTHON or in `.venv-render` of the project or the working
    directory, else a `blender` on the PATH. Raises UserError where there is none.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise UserError(
                f"{PYTHON_VARIABLE} is {named}, expected a Python 3.11 with Blender's bpy; "
                "correct it, or unset it and run `make setup`"
            )
        return [named, str(WORKER)]
    for folder in (WORKER.parents[3], Path.cwd()):
        python = folder / ".venv-render" / "bin" / "python"
        if os.access(python, os.X_OK):
            return [str(python), str(WORKER)]
    blender = shutil.which("blender")
    if blender:
        return [blender, "--background", "--factory-startup", "--python", str(WORKER)]
    raise UserError(
        "no renderer found: expected a Python 3.11 with bpy in .venv-render, or `blender` on the PATH; "
        f"run `make setup`, or name such a Python in {PYTHON_VARIABLE}"
    )


class WorkerProcess:
    """A running worker. Its chatter goes to `log`; killing it from another thread ends a wait here."""

    def __init__(self, command: list[str], log: Path) -> None:
        """Start it and wait until it is ready.

        Raises WorkerFailure, and UserError where no other worker of that command could start either.
        """
        # The trainer's packages must not leak into Blender's Python.
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        self.log = log
        with log.open("wb") as file:
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=file,
                    # What it leaves in its temporary folder when it is killed goes with the log's.
                    env=environment | {"OMP_NUM_THREADS": "1", "TMPDIR": str(log.parent)},
                    # Ctrl-C in a terminal is for the parent, which ends its workers in order.
                    start_new_session=True,
                )
            except OSError as error:
                raise UserError(
                    f"{command[0]}: cannot be started as the renderer ({error.strerror}), expected a "
                    f"Python 3.11 with bpy; run `make setup`, or name such a Python in {PYTHON_VARIABLE}"
                ) from error
        self._received = b""
        self._killing = threading.Lock()
        try:
            self.blender = str(self._reply(STARTUP_LIMIT).get("blender"))
        except WorkerFailure as failure:
            if "No module named 'bpy'" in str(failure):
                raise UserError(
                    f"{command[0]}: has no bpy, expected a Python 3.11 with Blender's module; "
                    f"run `make setup`, or name such a Python in {PYTHON_VARIABLE}"
                ) from failure
            raise

    def render(self, request: dict[str, Any], limit: float) -> dict[str, Any]:
        """Send a request and wait at most `limit` seconds for its reply. Raises WorkerFailure."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._failure("it ended") from error
        reply = self._reply(limit)
        if not reply["ok"]:
            raise self._failure(reply["error"])
        return reply

    def kill(self) -> None:
        """End the process now; harmless when it has ended."""
        with self._killing:
            self.process.kill()
            self.process.wait()

    def _reply(self, limit: float) -> dict[str, Any]:
        """The next line that is a JSON object: a Blender binary greets on stdout before it runs a script."""
        assert self.process.stdout is not None
        while True:
            while b"\n" not in self._received:
                readable, _, _ = select.select([self.process.stdout], [], [], limit)
                if not readable:
                    raise self._failure(f"it gave no answer for {limit:.0f} s")
                chunk = os.read(self.process.stdout.fileno(), 65536)
                if not chunk:
                    raise self._failure("it ended")
                self._received += chunk
            line, self._received = self._received.split(b"\n", 1)
            if line.startswith(b"{"):
                reply: dict[str, Any] = json.loads(line)
                return reply

    def _failure(self, what: str) -> WorkerFailure:
        self.kill()
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = " | ".join([line.strip() for line in lines if line.strip()][-3:])
        code = self.process.returncode
        return WorkerFailure(f"{what} (exit code {code}; it last wrote: {said or 'nothing'})")
