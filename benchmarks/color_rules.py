"""The floor to beat: two published colour rules, scored as `skinseg evaluate` scores a model.

    python benchmarks/color_rules.py --data-root /path/to/data

Prints, per dataset, the mean over images of the skin IoU on the test split and on all images, at each image's own
resolution. The rules have no parameters to fit, so "all" is fair for them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.data.splits import make_split
from skinseg.datasets.confusion import confusion
from skinseg.datasets.registry import find_datasets
from skinseg.images.decoding import Image

Prediction = npt.NDArray[np.bool_]


def rgb_rule(image: Image) -> Prediction:
    """Kovac, Peer, Solina 2003, uniform daylight: bool (H, W) from uint8 (H, W, 3) RGB."""
    red, green, blue = (image[..., channel].astype(int) for channel in range(3))
    spread = image.max(axis=2).astype(int) - image.min(axis=2)
    bright = (red > 95) & (green > 40) & (blue > 20)
    reddish = (np.abs(red - green) > 15) & (red > green) & (red > blue)
    return np.asarray(bright & (spread > 15) & reddish)


def ycbcr_box(image: Image) -> Prediction:
    """Chai and Ngan 1999: 77 <= Cb <= 127 and 133 <= Cr <= 173."""
    ycrcb = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    cr, cb = ycrcb[..., 1], ycrcb[..., 2]
    return np.asarray((cb >= 77) & (cb <= 127) & (cr >= 133) & (cr <= 173))


RULES: dict[str, Callable[[Image], Prediction]] = {"RGB rule": rgb_rule, "YCbCr box": ycbcr_box}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-root", type=Path, required=True)
    options = parser.parse_args()
    print("| dataset | rule | test split | n | all | n |\n|---|---|---|---|---|---|")
    for dataset in find_datasets(options.data_root):
        test = set(make_split(dataset).test)
        scores: dict[str, dict[str, float]] = {name: {} for name in RULES}
        for item in dataset.items:
            sample = dataset.read(item)
            if "skin" not in sample.masks:
                continue
            for name, rule in RULES.items():
                scores[name][item.image_id] = confusion(rule(sample.image), sample.masks["skin"]).iou
        for name, by_image in scores.items():
            on_test = [value for image_id, value in by_image.items() if image_id in test]
            whole = list(by_image.values())
            print(
                f"| {dataset.title} | {name} | {np.mean(on_test):.3f} | {len(on_test)} "
                f"| {np.mean(whole):.3f} | {len(whole)} |"
            )


if __name__ == "__main__":
    main()
