"""Arms of a benchmark that take turns: each a process that works when it is told to, and says how long it took.

Alternating, so that other load falls on all; a process each, so that what one does to malloc, threads or caches is no
gift to the next.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skinseg.files import written_whole


class Arm:
    """A process that runs a file of ours as `FILE --arm NAME ...` and calls `turn` in a loop."""

    def __init__(self, command: Sequence[str], threads: int) -> None:
        own = {
            **os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1",
            "WANDB_MODE": "disabled", "NO_ALBUMENTATIONS_UPDATE": "1",
        }  # fmt: skip
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own, text=True
        )

    def run(self) -> dict[str, float]:
        """One turn: wall seconds, and processor seconds of the process (all its threads)."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("turn "):
                found: dict[str, float] = json.loads(line.removeprefix("turn "))
                return found
        raise SystemExit(f"{self.process.args}: ended with code {self.process.wait()} instead of a turn")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Clock:
    """In the arm: `begin` waits for a turn, `end` reports it."""

    def begin(self) -> None:
        if not sys.stdin.readline():
            os._exit(0)
        self.wall, self.busy = time.perf_counter(), time.process_time()

    def end(self) -> None:
        spent = {"wall": time.perf_counter() - self.wall, "busy": time.process_time() - self.busy}
        print("turn", json.dumps(spent), flush=True)


def rounds(arms: Mapping[str, Arm], count: int) -> dict[str, list[dict[str, float]]]:
    """Turns of every arm, `count` after one that warms up; they are ended."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    try:
        for _ in range(count + 1):
            for name, arm in arms.items():
                found[name].append(arm.run())
    finally:
        for arm in arms.values():
            arm.end()
    return {name: turns[1:] for name, turns in found.items()}


def table(
    found: Mapping[str, Sequence[Mapping[str, float]]], images: int, first: str
) -> list[tuple[str, ...]]:
    """Of each arm: name, images/s, and how many times `first`'s speed is its, median and range over rounds, by wall
    time and by processor time."""
    lines = [("arm", "images/s", f"{first} / arm, wall", "busy")]
    for name, turns in found.items():
        speed = images / statistics.median(turn["wall"] for turn in turns)
        cells = []
        for kind in ("wall", "busy"):
            ratios = [turn[kind] / own[kind] for turn, own in zip(turns, found[first], strict=True)]
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        lines.append((name, f"{speed:.1f}", *cells))
    return lines


def say(lines: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    for place, line in enumerate(lines):
        print("|", " | ".join(line), "|", flush=True)
        if place == 0:
            print("|" + "---|" * len(line))


def machine() -> dict[str, Any]:
    """What was measured on, for the record: no names of places."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "amx": any("amx_bf16" in line for line in lines),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def keep(path: Path, content: Mapping[str, Any]) -> None:
    """Write all samples as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
