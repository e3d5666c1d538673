"""What the size at prediction is worth, and views at several sizes or mirrored: one checkpoint, every photograph.

    python benchmarks/views.py --checkpoint runs/pretrain --data-root /path/to/data --sizes 160 192 240 288 \
        --out benchmarks/results/views.json

Views are averaged in probability. Prints mean skin IoU over images by dataset; OUT holds every image's.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from skinseg.datasets.confusion import confusion
from skinseg.datasets.registry import find_datasets
from skinseg.models.checkpoint import model_of, newest_checkpoint, read_checkpoint
from skinseg.models.inference import Predictor
from skinseg.models.prediction import THRESHOLD


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="long sides in pixels")
    parser.add_argument("--every", type=int, default=1, help="score every n-th image")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = read_checkpoint(newest_checkpoint(options.checkpoint))
    model = model_of(record)
    predictors = {size: Predictor(model, size) for size in options.sizes}
    values: dict[str, dict[str, dict[str, float]]] = {}
    for dataset in find_datasets(options.data_root):
        for item in dataset.items[:: options.every]:
            sample = dataset.read(item)
            if "skin" not in sample.masks:
                continue
            flipped = np.ascontiguousarray(sample.image[:, ::-1])
            seen, mirrored = {}, {}
            for size, predictor in predictors.items():
                seen[str(size)] = predictor.probabilities(sample.image)["skin"]
                mirrored[f"{size} and mirrored"] = (
                    seen[str(size)] + predictor.probabilities(flipped)["skin"][:, ::-1]
                ) / 2
            views = seen | mirrored
            for count in range(2, len(seen) + 1):
                sizes = list(seen)[:count]
                views[" and ".join(sizes)] = np.mean([seen[size] for size in sizes], axis=0)
            for view, probability in views.items():
                iou = confusion(probability >= THRESHOLD, sample.masks["skin"]).iou
                values.setdefault(dataset.name, {}).setdefault(view, {})[sample.image_id] = round(iou, 4)
    names = list(values)
    print(f"| views | {' | '.join(f'{name} ({len(next(iter(values[name].values())))})' for name in names)} |")
    print("|---" * (len(names) + 1) + "|")
    for view in next(iter(values.values())):
        print(
            f"| {view} | {' | '.join(f'{np.mean(list(values[name][view].values())):.3f}' for name in names)} |"
        )
    if options.out:
        record_ = {"weights": record.sha256, "values": values}
        options.out.write_text(json.dumps(record_, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
