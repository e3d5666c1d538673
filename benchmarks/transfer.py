"""What a rendered set is worth on photographs: the small model trained on its frames alone, scored on real sets.

    python benchmarks/transfer.py --name baseline --rendered rendered/baseline --data-root /path/to/data \
        --seeds 2 --epochs 40 --out benchmarks/results/transfer

Trains with configs/cpu.yaml and configs/pretrain.yaml, one run per seed and core, and scores the last epoch (no
choice among epochs, so none by chance) on every image of each dataset: frames alone have seen none of them. Writes
OUT/NAME.json, which holds every image's IoU, and prints the table of all steps in OUT:

    python benchmarks/transfer.py --out benchmarks/results/transfer
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from skinseg.evaluation.metrics import bootstrap_interval, with_metrics
from skinseg.evaluation.rows import as_frame, read_rows

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def run(rendered: Path, data_root: Path, seed: int, options: list[str], work: Path) -> dict[str, Any]:
    """Train and score one seed; skin IoU by test set and image, and the minutes it took."""
    job = work / f"seed{seed}"
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUDA_VISIBLE_DEVICES": "",
    }
    skinseg = [sys.executable, "-m", "skinseg.cli"]
    fit = [*skinseg, "fit", "--config", f"{CONFIGS / 'cpu.yaml'}", "--config", f"{CONFIGS / 'pretrain.yaml'}"]
    fit += ["--data.data_root", str(rendered), "--seed_everything", str(seed)]
    fit += ["--runs", str(work), "--job", job.name, *options]
    started = time.perf_counter()
    with (work / f"seed{seed}.log").open("w", encoding="utf-8") as log:
        subprocess.run(fit, check=True, env=environment, stdout=log, stderr=log)
        minutes = (time.perf_counter() - started) / 60
        last = max(job.rglob("last.ckpt"), key=lambda path: path.stat().st_mtime)
        results = work / f"results{seed}"
        score = ["evaluate", "--checkpoint", str(last), "--data-root", str(data_root), "--subset", "all"]
        score += ["--out", str(results)]
        subprocess.run([*skinseg, *score], check=True, env=environment, stdout=log, stderr=log)
    rows = with_metrics(as_frame(read_rows(results / "rows.parquet")))
    rows = rows[rows["head"] == "skin"]
    scores = {
        name: dict(zip(part["image"], part["iou"].round(4), strict=True))
        for name, part in rows.groupby("test_set")
    }
    return {"seed": seed, "minutes": round(minutes, 1), "iou": scores}


def table(out: Path) -> str:
    """Markdown: per step and dataset the mIoU of each seed, their mean, and a 95 % interval over images."""
    lines = ["| step | frames | test set | n | per seed | mean | 95 % |", "|---|---|---|---|---|---|---|"]
    for path in sorted(out.glob("*.json"), key=lambda path: json.loads(path.read_text())["order"]):
        record = json.loads(path.read_text())
        for name in record["runs"][0]["iou"]:
            images = pd.DataFrame([run["iou"][name] for run in record["runs"]])
            if images.shape[1] < 20:  # too few to say anything
                continue
            low, high = bootstrap_interval(images.mean().to_numpy(), None, np.random.default_rng(0))
            each = " ".join(f"{value:.3f}" for value in images.mean(axis=1))
            lines.append(
                f"| {record['name']} | {record['frames']} | {name} | {images.shape[1]} | {each} "
                f"| {images.mean().mean():.3f} | {low:.3f} to {high:.3f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--name")
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    options, more = parser.parse_known_args()
    if options.name:
        work = options.work / options.name
        work.mkdir(parents=True, exist_ok=True)
        extra = ["--trainer.max_epochs", str(options.epochs), *more]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            waiting = [
                pool.submit(run, options.rendered, options.data_root, seed, extra, work)
                for seed in range(options.seeds)
            ]
            runs = [future.result() for future in waiting]
        generator = yaml.safe_load((options.rendered / "generator.yaml").read_text())
        options.out.mkdir(parents=True, exist_ok=True)
        record = {
            "name": options.name,
            "order": len(list(options.out.glob("*.json"))),
            "frames": len(pd.read_parquet(options.rendered / "scenes.parquet", columns=["index"])),
            "config_hash": generator["config_hash"],
            "options": extra,
            "runs": runs,
        }
        (options.out / f"{options.name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(table(options.out))


if __name__ == "__main__":
    main()
