"""What `skinseg balance` and its baselines would have chosen among frames that are rendered already.

    python benchmarks/balancing.py rendered/default rendered/held-out --out benchmarks/results/probing/pool.json

The frames of the sets, shuffled, stand for the scenes that would be drawn: of those that a way chooses it is shown what
was measured, of the others nothing. Several orders. `queue` makes new scenes, so it is not among them.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from skinseg.files import written_whole
from skinseg.images.decoding import read_image
from skinseg.probing import balance
from skinseg.probing.balance import BATCH, WAYS, least_of_most
from skinseg.probing.cells import AXES, all_cells, cell_of, evenness, measured
from skinseg.probing.foresight import features, fit
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import skin_mask
from skinseg.synthetic.scene import Scene

EVERY = tuple(AXES.values())
PILOTS = (60, 150, 300)  # frames from which the rest is foreseen

Pool = list[tuple[Scene, tuple[float, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--orders", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    pool = [frame for folder in options.sets for frame in frames(folder)]
    pilot = round(balance.PILOT * options.count)
    # No more than there are: what `balance` draws, it could choose from many more.
    balance.SCREENED = min(balance.SCREENED, (len(pool) - pilot) // (options.count - pilot))
    found: dict[str, Any] = {"frames": len(pool), "count": options.count, "screened": balance.SCREENED}
    found["foreseen"] = {axis.name: each for axis, each in zip(EVERY, foreseen(pool), strict=True)}
    for way in ("uniform", "rejection", "balance"):
        found[way] = [spent(way, pool, options.count, order) for order in range(options.orders)]
        means = {key: float(np.mean([each[key] for each in found[way]])) for key in found[way][0]}
        print(way, " ".join(f"{key} {value:.3f}" for key, value in means.items()), flush=True)
    with written_whole(options.out) as beside:
        beside.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def frames(folder: Path) -> Pool:
    """Scenes of a set that show enough skin, with what was measured on their frames."""
    found = []
    for line in (folder / "scenes.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        skin = skin_mask(read_labels(folder / "masks" / row["image"]))
        values = measured(EVERY, read_image(folder / "images" / row["image"]), skin)
        if values is not None:
            found.append((Scene.from_json(row["scene"]), values))
    return found


def foreseen(pool: Pool) -> list[dict[int, float]]:
    """Per axis and number of frames fitted on, the share of the variance of all others that is foreseen."""
    inputs, values = np.stack([features(scene) for scene, _ in pool]), np.array([each for _, each in pool])
    shares: dict[int, list[Any]] = {count: [] for count in PILOTS if 2 * count <= len(pool)}
    for count, each in shares.items():
        for order in range(10):
            places = np.random.default_rng(order).permutation(len(pool))
            few, rest = places[:count], places[count:]
            errors = fit(inputs[few], values[few]).foreseen(inputs[rest]) - values[rest]
            each.append(1 - (errors**2).mean(axis=0) / values[rest].var(axis=0))
    return [
        {count: float(np.mean([row[axis] for row in rows])) for count, rows in shares.items()}
        for axis in range(len(EVERY))
    ]


def spent(way: str, pool: Pool, count: int, order: int) -> dict[str, float]:
    """How even the cells of `count` frames are that a way chose from the pool in one order."""
    known = {id(scene): values for scene, values in pool}
    waiting = iter([pool[place][0] for place in np.random.default_rng(order).permutation(len(pool))])
    chooser = WAYS[way](GeneratorConfig(), order, count, EVERY, None)
    chooser.next_scene = lambda: next(waiting)  # type: ignore[method-assign]
    cells: list[tuple[int, ...]] = []
    while len(cells) < count:
        for scene in chooser.choose(min(BATCH, count - len(cells))):
            cells.append(cell_of(EVERY, known[id(scene)]))
            chooser.keeps(scene, known[id(scene)], cells[-1])
    counts = Counter(cells)
    return {
        "empty": sum(not counts[cell] for cell in all_cells(EVERY)),
        **{
            f"{axis.name}, least of most": least_of_most(
                [sum(cell[place] == level for cell in cells) for level in range(len(axis.levels))]
            )
            for place, axis in enumerate(EVERY)
        },
        "evenness": evenness(np.array([counts[cell] for cell in all_cells(EVERY)])),
    }


if __name__ == "__main__":
    main()
