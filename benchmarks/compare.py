"""Two arms of runs on the same test images: the mean and spread over seeds, and the paired difference.

    python benchmarks/compare.py --arm pretrained results/a0 results/a1 --arm scratch results/b0 results/b1

Each folder is one that `skinseg evaluate` wrote. Prints, per test set, each arm's skin mIoU per seed, their mean
and standard deviation, and the difference of the arms with a 95 % bootstrap interval over images (each image's
IoU is averaged over an arm's seeds first: seeds of one image are not independent images).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from skinseg.evaluation.metrics import bootstrap_interval, with_metrics
from skinseg.evaluation.rows import as_frame, read_rows


def skin_iou(folder: Path) -> pd.DataFrame:
    """One line per image: test_set, image, iou of the skin head."""
    rows = with_metrics(as_frame(read_rows(folder / "rows.parquet")))
    return rows.loc[rows["head"] == "skin", ["test_set", "image", "iou"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--arm", nargs="+", action="append", required=True, metavar=("NAME", "RESULTS"))
    options = parser.parse_args()
    if len(options.arm) != 2:
        parser.error("two arms expected")
    names = [arm[0] for arm in options.arm]
    arms = [[skin_iou(Path(folder)) for folder in arm[1:]] for arm in options.arm]

    print("| test set | n | arm | per seed | mean ± sd |\n|---|---|---|---|---|")
    for test_set in sorted(arms[0][0]["test_set"].unique()):
        by_image = []
        for name, arm in zip(names, arms, strict=True):
            seeds = [run[run["test_set"] == test_set].set_index("image")["iou"] for run in arm]
            means = [float(run.mean()) for run in seeds]
            by_image.append(pd.concat(seeds, axis=1).mean(axis=1))
            spread = f" ± {np.std(means, ddof=1):.3f}" if len(means) > 1 else ""
            each = " ".join(f"{value:.3f}" for value in means)
            print(f"| {test_set} | {len(by_image[-1])} | {name} | {each} | {np.mean(means):.3f}{spread} |")
        difference = (by_image[0] - by_image[1]).dropna().to_numpy()
        low, high = bootstrap_interval(difference, None, np.random.default_rng(0))
        print(
            f"| {test_set} | {len(difference)} | {names[0]} minus {names[1]} | "
            f"| {difference.mean():+.3f} ({low:+.3f} to {high:+.3f}) |"
        )


if __name__ == "__main__":
    main()
