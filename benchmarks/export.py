"""How fast is each form of a model, and does it still segment as well?

    python benchmarks/export.py --checkpoint runs/pretrain --data-root /path/to/data \
        --out benchmarks/results/export.json

Three arms take turns on the same inputs, prepared in memory, one image at a time, one thread each: "torch" is the eager
model, "onnx" ONNX Runtime in float32, "int8" ONNX Runtime with the decoders in 8 bit, calibrated on the training parts.
Turns alternate within a round, so that other load falls on all. Skin mIoU of each is on the test part of every dataset
found. Raw seconds go to the JSON file.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch

from skinseg.data.splits import make_split
from skinseg.datasets.registry import find_datasets
from skinseg.export.command import to_onnx
from skinseg.export.quantization import ALLOWED, CALIBRATION, evenly, quantize, skin_miou
from skinseg.files import written_whole
from skinseg.models.checkpoint import model_of, newest_checkpoint, read_checkpoint
from skinseg.models.inference import Predictor
from skinseg.models.onnx_model import OnnxPredictor
from skinseg.models.prediction import Batch, ImagePredictor


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--images", type=int, default=20, help="timed, spread over the datasets [20]")
    parser.add_argument("--rounds", type=int, default=7, help="[7]")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all samples")
    options = parser.parse_args()

    torch.set_num_threads(1)
    record = read_checkpoint(newest_checkpoint(options.checkpoint))
    eager = Predictor(model_of(record), record.size)
    datasets = find_datasets(options.data_root)
    splits = [make_split(dataset) for dataset in datasets]
    calibration, timed = [], []
    for dataset, split in zip(datasets, splits, strict=True):
        items = {item.image_id: item for item in dataset.items}
        for ids, inputs in (
            (evenly(split.train, CALIBRATION), calibration),
            (evenly(split.test, -(-options.images // len(datasets))), timed),
        ):
            inputs += [eager.network_input(dataset.read(items[image_id]).image) for image_id in ids]
    model = to_onnx(eager.model, record.metadata | {"sha256": record.sha256})
    small = quantize(model, calibration)
    arms: dict[str, ImagePredictor] = {
        "torch": eager,
        "onnx": OnnxPredictor(model, "cpu", threads=1),
        "int8": OnnxPredictor(small, "cpu", threads=1),
    }

    seconds = measured(arms, timed, options.rounds)
    medians = {name: statistics.median(map(sum, values)) / len(timed) for name, values in seconds.items()}
    for name, value in medians.items():
        ratios = [sum(a) / sum(b) for a, b in zip(seconds["torch"], seconds[name], strict=True)]
        print(
            f"{name}: {1000 * value:.0f} ms an image, {statistics.median(ratios):.2f} times torch's speed "
            f"({min(ratios):.2f} to {max(ratios):.2f} by round)",
            flush=True,
        )
    miou = {}
    for dataset, split in zip(datasets, splits, strict=True):
        ids = sorted(split.test)
        miou[dataset.name] = {"images": len(ids)} | {
            name: skin_miou(arm, dataset, ids) for name, arm in arms.items()
        }
        print(f"{dataset.name}: {miou[dataset.name]}", flush=True)
    content = {
        "encoder": record.model["encoder"],
        "weights": record.sha256,
        "long_side": record.size,
        "inputs": [list(batch.shape) for batch in timed],
        "calibration_images": len(calibration),
        "bytes": {"onnx": len(model), "int8": len(small)},
        "allowed": ALLOWED,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": [round(value, 1) for value in os.getloadavg()],
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "skin_miou": miou,
        "seconds": seconds,
    }
    with written_whole(options.out) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


def measured(
    arms: dict[str, ImagePredictor], inputs: list[Batch], rounds: int
) -> dict[str, list[list[float]]]:
    """Seconds by arm, round and input; the arms take turns on each input, and the first round warms up."""
    seconds: dict[str, list[list[float]]] = {name: [] for name in arms}
    for _ in range(rounds + 1):
        for values in seconds.values():
            values.append([])
        for batch in inputs:
            for name, arm in arms.items():
                seconds[name][-1].append(_timed(arm.run, batch))
    return {name: values[1:] for name, values in seconds.items()}


def _timed(function: Callable[[Batch], object], batch: Batch) -> float:
    start = time.perf_counter()
    function(batch)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
