"""How fast frames are rendered, what of that is Blender's own render call, and whether memory stays flat.

    python benchmarks/rendering.py --count 500 --rendered rendered/speed --out benchmarks/results/rendering.json

Renders a new set by configs/render/mixed.yaml (256x256, 3 samples) with a worker a core and reads the set's journal,
where each frame says what its parts took and the most memory its worker has held so far. Writes every frame's
samples to OUT. Nothing else should run meanwhile. A set that is there already is only summed up, without frames a
minute.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.renderer import render_set

MIXED = Path(__file__).resolve().parents[1] / "configs" / "render" / "mixed.yaml"
BLOCK = 50  # frames of one point of the memory curve


def samples_of(folder: Path) -> list[dict[str, Any]]:
    """Per frame in the order they finished: index, people, attempt, memory_mb and seconds by part."""
    lines = (folder / "scenes.jsonl").read_text(encoding="utf-8").splitlines()
    frames = []
    for row in map(json.loads, lines):
        people = len(json.loads(row["scene"])["people"])
        frames.append(
            {key: row[key] for key in ("index", "attempt", "memory_mb", "seconds")} | {"people": people}
        )
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    new = not options.rendered.exists()
    started = time.perf_counter()
    render_set(GeneratorConfig.load(MIXED), options.count, 0, options.workers, options.rendered)
    wall = time.perf_counter() - started
    frames = samples_of(options.rendered)
    # A worker's first frame pays for Blender's start.
    steady = frames[options.workers :]
    seconds = {
        part: float(np.mean([frame["seconds"][part] for frame in steady])) for part in steady[0]["seconds"]
    }
    if new:
        pace = 60 * len(frames) / wall
        print(f"{len(frames)} frames in {wall:.0f} s with {options.workers} workers: {pace:.1f} a minute")
    print("seconds a frame: " + ", ".join(f"{part} {value:.2f}" for part, value in seconds.items()))
    print(f"everything but Blender's render calls: {seconds['frame'] / seconds['cycles'] - 1:.1%} of them")
    for people in sorted({frame["people"] for frame in steady}):
        group = [frame["seconds"]["frame"] for frame in steady if frame["people"] == people]
        print(f"  {people} people: {np.mean(group):.2f} s a frame (n = {len(group)})")
    blocks = [frames[start : start + BLOCK] for start in range(0, len(frames), BLOCK)]
    curve = [max(frame["memory_mb"] for frame in block) for block in blocks]
    print(f"most memory of a worker, MB, by {BLOCK} frames: " + " ".join(f"{value:.0f}" for value in curve))
    record = {"workers": options.workers, "wall_seconds": wall if new else None, "frames": frames}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
