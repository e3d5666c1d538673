"""How does cost grow with images, sizes and result rows?

    python benchmarks/growth.py --out benchmarks/results/speed/growth.json

Processor seconds, which other load on the machine changes little, of: opening a folder of N pictures of 320 x 240 that
the script draws, `data check`, the fingerprint (again when digests are kept), building a cache, splitting, scoring,
writing and reading N rows; and of one forward pass by long side. In brackets the ratio to the column before: where N
doubles, 2 is linear and 4 would be quadratic.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from turns import keep, machine, say

from skinseg.curation.check import check
from skinseg.data.cache import open_cache
from skinseg.data.splits import make_split
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.registry import open_dataset
from skinseg.evaluation.rows import as_frame, read_rows, write_rows
from skinseg.evaluation.score import Origin, score
from skinseg.models.inference import Predictor
from skinseg.models.unet import TwoHeadUnet

ORIGIN = Origin("benchmark", "all", 0.5, "unknown", None, None, "", "", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[100, 200, 400, 800])
    parser.add_argument("--rows", type=int, nargs="+", default=[2000, 4000, 8000, 16000])
    parser.add_argument("--sides", type=int, nargs="+", default=[160, 320, 640, 1280])
    parser.add_argument("--encoder", default="tu-tf_efficientnet_lite0")
    parser.add_argument("--out", type=Path, help="JSON of all samples")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    predictor = Predictor(TwoHeadUnet(options.encoder), 64)
    tables: dict[str, dict[int, dict[str, float]]] = {"images": {}, "rows": {}, "side": {}}
    with tempfile.TemporaryDirectory() as place:
        for count in options.images:
            tables["images"][count] = of_images(draw(Path(place, str(count)), count), predictor)
        rows = list(scored(Path(place, str(options.images[0])), predictor, 8))
        for count in options.rows:
            many = [dataclasses.replace(rows[i % len(rows)], image=str(i)) for i in range(count)]
            tables["rows"][count] = of_rows(many, Path(place, f"{count}.parquet"))
    for side in options.sides:
        image = torch.zeros((1, 3, side, side), dtype=torch.uint8)
        passes = [spent(lambda image=image: predictor.forward(image)) for _ in range(4)][1:]  # type: ignore[misc]
        tables["side"][side] = {"forward": statistics.median(passes)}
    for name, table in tables.items():
        print()
        say(lines(name, table))
    if options.out:
        keep(options.out, {**machine(), "encoder": options.encoder, "seconds": tables})


def draw(root: Path, count: int) -> Path:
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    generator = np.random.default_rng(0)
    for i in range(count):
        mask = np.zeros((240, 320), np.uint8)
        centre = tuple(int(each) for each in generator.integers((80, 60), (240, 180)))
        cv2.ellipse(mask, centre, (60, 40), 0, 0, 360, 255, -1)
        noise = generator.integers(0, 60, (240, 320, 3), dtype=np.uint8)
        cv2.imwrite(str(root / "images" / f"{i:06}.jpg"), noise + np.uint8(150) * (mask[..., None] > 0))
        cv2.imwrite(str(root / "masks" / f"{i:06}.png"), mask)
    return root


def of_images(root: Path, predictor: Predictor) -> dict[str, float]:
    found = {"open": spent(lambda: open_dataset("folder", root))}
    dataset = open_dataset("folder", root)
    found["data check"] = spent(lambda: check(root))
    cache = root.with_name(f"{root.name}-cache")
    found["fingerprint"] = spent(lambda: fingerprint(dataset, cache))
    found["fingerprint again"] = spent(lambda: fingerprint(dataset, cache))
    found["cache"] = spent(lambda: open_cache(dataset, 320, cache))
    found["split"] = spent(lambda: make_split(dataset))
    found["score"] = spent(lambda: list(scored(root, predictor, len(dataset))))
    return found


def scored(root: Path, predictor: Predictor, count: int) -> Any:
    dataset = open_dataset("folder", root)
    ids = [item.image_id for item in dataset.items][:count]
    return score(predictor, dataset, ids, ORIGIN, lambda _: "unknown", root.with_name(f"{root.name}-panels"))


def of_rows(rows: Sequence[Any], path: Path) -> dict[str, float]:
    return {
        "write": spent(lambda: write_rows(path, rows)),
        "read": spent(lambda: read_rows(path)),
        "as a table": spent(lambda: as_frame(rows)),
    }


def spent(function: Callable[[], object]) -> float:
    """Processor seconds."""
    start = time.process_time()
    function()
    return time.process_time() - start


def lines(name: str, table: dict[int, dict[str, float]]) -> list[tuple[str, ...]]:
    """A line for each step of work: milliseconds by count, the last against the one before in brackets."""
    counts = list(table)
    made = [(name, *map(str, counts))]
    for step in table[counts[0]]:
        cells = []
        for place, count in enumerate(counts):
            value = table[count][step]
            before = table[counts[place - 1]][step] if place else None
            cells.append(
                f"{1000 * value:.0f}" + ("" if before is None else f" ({value / max(before, 1e-6):.1f})")
            )
        made.append((step, *cells))
    return made


if __name__ == "__main__":
    main()
