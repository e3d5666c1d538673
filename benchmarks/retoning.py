"""Does re-toning do to photographs what it says? Every group at most two away, on some photographs of each dataset.

    python benchmarks/retoning.py --data-root DATA_ROOT --images 24 --out benchmarks/results/tones/retoning.json

Of what is accepted: how far the ITA, measured anew over the whole picture, lies from its target, and whether a byte
outside the matte has changed. Of each photograph in its own tone: the largest change of a grey level.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from skinseg.datasets.base import Dataset
from skinseg.datasets.registry import find_datasets
from skinseg.tones.ita import ITA_RANGES, estimate_tone
from skinseg.tones.retone import GROUPS_AWAY, NEAR, Retoned, retone


def measure(dataset: Dataset, images: int, rng: np.random.Generator) -> dict[str, Any]:
    off: list[float] = []
    own: list[int] = []
    outside, tried = 0, {"darker": Counter[str](), "lighter": Counter[str]()}
    for i in rng.permutation(len(dataset.items))[:images]:
        sample = dataset.read(dataset.items[i])
        skin = sample.masks.get("skin")
        estimate = None if skin is None else estimate_tone(sample.image, skin)
        if skin is None or estimate is None:
            continue
        same = retone(sample.image, skin, estimate[0])
        if isinstance(same, Retoned):
            own.append(int(np.abs(same.image.astype(int) - sample.image).max()))
        for group, (low, high) in ITA_RANGES.items():
            if not 0 < abs(group - estimate[1]) <= GROUPS_AWAY:
                continue
            aim = float(rng.uniform(low, high))
            made = retone(sample.image, skin, aim)
            way = tried["darker" if group > estimate[1] else "lighter"]
            way["accepted" if isinstance(made, Retoned) else str(made)] += 1
            if isinstance(made, Retoned):
                found = estimate_tone(made.image, skin)
                assert found is not None, "as much skin as before"
                off.append(abs(found[0] - aim))
                outside += not np.array_equal(made.image[made.matte == 0], sample.image[made.matte == 0])
    return {
        "accepted": len(off),
        f"within {NEAR:.0f} degrees": float(np.mean(np.array(off) <= NEAR)),
        "largest error": round(max(off), 2),
        "with a byte changed outside the matte": outside,
        "own tone, images": len(own),
        "own tone, largest change of a level": max(own),
        **tried,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--images", type=int, default=24, help="of each dataset")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    found = {each.name: measure(each, options.images, rng) for each in find_datasets(options.data_root)}
    print(json.dumps(found, indent=1))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
