"""How much of the bare network's speed is left when `skinseg evaluate` reads, predicts, counts and writes panels?

    python benchmarks/evaluation.py --checkpoint runs/pretrain --dataset pratheepan --data-root /path/to/data \
        --out benchmarks/results/evaluation.json

Two arms take turns on the same images: "forward" runs the network on inputs that lie prepared in memory and throws the
answer away; "evaluate" is `skinseg.evaluation.score` as the command runs it, from files to rows and panels. Both have
the same number of torch threads (`--threads`) in the same process. With one thread, a second core is free for reading
and counting, as on any machine with more cores than the network uses; with more, "evaluate" works on as many images at
once, one thread each, and reading and counting take their time from the network. Raw seconds go to the JSON file, of
the wall's clock and of the processor.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import torch

from skinseg.datasets.registry import open_dataset
from skinseg.evaluation.score import Origin, score
from skinseg.files import written_whole
from skinseg.models.checkpoint import model_of, newest_checkpoint, read_checkpoint
from skinseg.models.inference import Predictor, lanes

ORIGIN = Origin("benchmark", "all", 0.5, "unknown", None, None, "", "", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--images", type=int, default=40, help="[40]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="torch threads, of both arms [1]")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all samples")
    options = parser.parse_args()

    record = read_checkpoint(newest_checkpoint(options.checkpoint))
    predictor = Predictor(model_of(record), record.size)
    dataset = open_dataset(options.dataset, options.data_root)
    ids = [item.image_id for item in dataset.items][: options.images]
    pixels = [dataset[i].image.shape[:2] for i in range(len(ids))]
    prepared = [predictor.prepare(dataset[i]) for i in range(len(ids))]

    def forward() -> None:
        for batch in prepared:
            predictor.forward(batch)

    def evaluate() -> None:
        with tempfile.TemporaryDirectory() as folder, lanes("cpu") as count:
            for _ in score(predictor, dataset, ids, ORIGIN, lambda _: "unknown", Path(folder), None, count):
                pass

    measured = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        seconds: dict[str, list[float]] = {"forward": [], "evaluate": []}
        busy: dict[str, list[float]] = {"forward": [], "evaluate": []}
        for _ in range(options.rounds + 1):
            for name, arm in (("forward", forward), ("evaluate", evaluate)):
                start, before = time.perf_counter(), time.process_time()
                arm()
                seconds[name].append(time.perf_counter() - start)
                busy[name].append(time.process_time() - before)
        seconds, busy = (  # the first round warms up
            {name: values[1:] for name, values in each.items()} for each in (seconds, busy)
        )
        ratios = [f / e for f, e in zip(seconds["forward"], seconds["evaluate"], strict=True)]
        measured.append(
            {"threads": threads, "seconds": seconds, "busy": busy, "ratio": statistics.median(ratios)}
        )
        each = {name: len(ids) / statistics.median(values) for name, values in seconds.items()}
        print(
            f"{threads} torch threads: forward {each['forward']:.1f} images/s, evaluate {each['evaluate']:.1f}, "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), by processor time "
            f"{statistics.median(busy['forward']) / statistics.median(busy['evaluate']):.2f}",
            flush=True,
        )
    content = {
        "dataset": options.dataset,
        "images": len(ids),
        "megapixels": round(statistics.mean(h * w for h, w in pixels) / 1e6, 3),
        "long_side": record.size,
        "encoder": record.model["encoder"],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": [round(value, 1) for value in os.getloadavg()],
        "torch": torch.__version__,
        "measured": measured,
    }
    with written_whole(options.out) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
