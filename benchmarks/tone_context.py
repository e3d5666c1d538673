"""Whether a network that sees the whole picture tells a tone better than the skin's shades alone.

    python benchmarks/tone_context.py --rendered rendered/default --held-out rendered/held-out \
        --out benchmarks/results/tones/context.json

EfficientNet-Lite0 from ImageNet, not trained further: its five stages' features, each averaged over what is not skin
and over the skin. Ridge reads the camera's settings from them, fitted on frames that it is not asked about; ridge on
random Fourier features reads the tone from the skin's shades, with and without these guesses, and with the settings
known. Fitted on frames of one person of one set, asked about those of the other, each group weighing alike.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tone_limits import SETTINGS, Floats, curved, errors, ridge

from skinseg.datasets.rendered import Rendered
from skinseg.images.decoding import read_image
from skinseg.models.unet import TwoHeadUnet
from skinseg.recognition.camera import cameras_of, linear, taken, undone
from skinseg.recognition.frames import one_person
from skinseg.recognition.network import features_of
from skinseg.recognition.view import view_of
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import skin_mask
from skinseg.tones.ita import estimate_tone

FOLDS, SHRINK, SMOOTH = 5, 1.0, 0.01
MEAN, SPREAD = (torch.tensor(each)[:, None, None] for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def read(root: Path, encoder: Any) -> dict[str, Floats]:
    """By frame of one person: the skin's shades, features about it and of it, settings, ITA by the picture, truth."""
    dataset = Rendered(root)
    scenes = one_person(dataset)
    names, shades, about, skins, seen = [], [], [], [], []
    for item in dataset.items:
        if item.image_id not in scenes.index:
            continue
        image, skin = read_image(item.image_path), skin_mask(read_labels(item.mask_path))
        view, estimate = view_of(image, skin), estimate_tone(image, skin)
        if view is None or estimate is None:
            continue
        pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            stages = encoder(((pixels - MEAN) / SPREAD)[None])[1:]
        parts: list[list[Floats]] = [[], []]
        for stage in stages:
            size = stage.shape[-1], stage.shape[-2]
            share = torch.from_numpy(cv2.resize(skin.astype(np.float32), size, interpolation=cv2.INTER_AREA))
            for part, weight in zip(parts, (1 - share, share), strict=True):
                part.append(((stage[0] * weight).sum((1, 2)) / (weight.sum() + 1e-3)).double().numpy())
        names.append(item.image_id)
        shades.append(view)
        about.append(np.concatenate(parts[0]))
        skins.append(np.concatenate(parts[1]))
        seen.append(estimate[0])
    cameras = torch.from_numpy(cameras_of(scenes.loc[names]))
    light = undone(linear(torch.from_numpy(np.stack(shades))), cameras)
    return {
        "shades": features_of(taken(light, cameras)).double().numpy(),
        "about": np.stack(about),
        "all": np.column_stack([np.stack(about), np.stack(skins)]),
        "camera": cameras.double().numpy(),
        "seen": np.array(seen),
        "ita": scenes.loc[names, "ita"].to_numpy(),
        "group": scenes.loc[names, "fitzpatrick"].to_numpy(),
    }


def measure(rendered: Path, held_out: Path) -> dict[str, Any]:
    # A network of this project, of which only the encoder is run.
    encoder = TwoHeadUnet("tu-tf_efficientnet_lite0", encoder_weights="imagenet").eval().encoder
    train, test = (read(root, encoder) for root in (rendered, held_out))
    weight = 1 / np.bincount(train["group"])[train["group"]]
    fold = np.random.default_rng(0).permutation(len(weight)) % FOLDS

    def told_by(*names: Floats) -> Any:
        return curved(np.column_stack(names), train["ita"], weight, SMOOTH)

    said = {"ITA": test["seen"], "shades": told_by(train["shades"])(test["shades"])}
    told = {}
    for name in ("about", "all"):
        guessed = np.zeros_like(train["camera"])
        for i in range(FOLDS):
            fit, held = fold != i, fold == i
            camera = ridge(train[name][fit], train["camera"][fit], SHRINK, weight[fit])
            guessed[held] = camera(train[name][held])
        asked = ridge(train[name], train["camera"], SHRINK, weight)(test[name])
        told[name] = {
            setting: round(float(np.corrcoef(asked[:, k], test["camera"][:, k])[0, 1]), 2)
            for k, setting in enumerate(SETTINGS)
        }
        answer = told_by(train["shades"], guessed)
        said[f"shades and the camera guessed from {name}"] = answer(np.column_stack([test["shades"], asked]))
    answer = told_by(train["shades"], train["camera"])
    said["shades and the camera known"] = answer(np.column_stack([test["shades"], test["camera"]]))
    groups = test["group"]
    even = 1 / np.bincount(groups)[groups]
    return {
        "frames": [len(weight), len(groups)],
        "sources": {name: errors(each, test["ita"], groups, even) for name, each in said.items()},
        "camera, r": told,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    record = measure(options.rendered, options.held_out)
    print(json.dumps(record, indent=1))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
