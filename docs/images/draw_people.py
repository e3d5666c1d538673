"""Draw people.jpg: held-out frames, their class labels, and what a model finds in them.

python docs/images/draw_people.py --rendered rendered/default --checkpoint runs/pretrain --frames 000012 000034

Prints the skin IoU of each frame. Without --frames it takes one held-out frame per tone group, the first with
between a twentieth and a half of skin.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

import skinseg
from skinseg.data.splits import make_split
from skinseg.datasets.confusion import confusion
from skinseg.datasets.registry import open_dataset

SIDE, GAP = 200, 6  # pixels
SKIN, PERSON = (230, 120, 40), (60, 110, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--frames", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("people.jpg"))
    options = parser.parse_args()

    frames = open_dataset("rendered", options.rendered)
    held_out = make_split(frames).test
    chosen = options.frames or one_per_tone(options.rendered, held_out)
    if missing := set(chosen) - set(held_out):
        raise SystemExit(
            f"--frames {' '.join(sorted(missing))}: not held out, choose of {' '.join(held_out)}"
        )
    positions = {item.image_id: i for i, item in enumerate(frames.items)}
    predictor = skinseg.load(options.checkpoint)
    columns = []
    for image_id in chosen:
        sample = frames[positions[image_id]]
        masks = predictor.predict(sample.image).masks
        print(image_id, f"{confusion(masks['skin'], sample.masks['skin']).iou:.3f}")
        labels = np.array(Image.open(options.rendered / "masks" / f"{image_id}.png").convert("RGB"))
        found = sample.image.astype(np.float32)
        for mask, color in ((masks["person"] & ~masks["skin"], PERSON), (masks["skin"], SKIN)):
            found[mask] = 0.45 * found[mask] + 0.55 * np.array(color, np.float32)
        cells = [cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in (sample.image, labels)]
        cells.append(cv2.resize(found.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        gap = np.full((GAP, SIDE, 3), 255, np.uint8)
        columns.append(np.vstack([cells[0], gap, cells[1], gap, cells[2]]))
    gap = np.full((len(columns[0]), GAP, 3), 255, np.uint8)
    row = np.hstack([part for column in columns for part in (column, gap)][:-1])
    Image.fromarray(row).save(options.out, quality=82, optimize=True)


def one_per_tone(rendered: Path, held_out: tuple[str, ...]) -> list[str]:
    scenes = pd.read_parquet(rendered / "scenes.parquet")
    scenes["image"] = [Path(name).stem for name in scenes["image"]]
    scenes = scenes[scenes["image"].isin(held_out) & scenes["skin_share"].between(0.05, 0.5)]
    return list(scenes.sort_values("image").groupby("fitzpatrick")["image"].first())


if __name__ == "__main__":
    main()
