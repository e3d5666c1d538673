"""Why a tone is not told: the same regression on the skin, on its surroundings too, and with the camera known.

    python benchmarks/tone_limits.py --rendered rendered/default --out benchmarks/results/tones/limits.json

Ridge on random features of the skin's shades, three folds, each group weighing alike, each training frame through its
own camera and those of five others. Surroundings are all that is neither skin nor hair, eyes, lips or mouth; a ridge on
their shades estimates the camera, fitted on frames that it is not asked about. Also prints how well it does.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from skinseg.datasets.rendered import Rendered
from skinseg.images.decoding import read_image
from skinseg.recognition.camera import cameras_of, linear, taken, undone
from skinseg.recognition.frames import one_person
from skinseg.recognition.network import features_of
from skinseg.recognition.view import PIXELS, view_of
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import PartClass, skin_mask
from skinseg.tones.ita import estimate_tone

Floats = npt.NDArray[np.float64]
ABOUT = (PartClass.BACKGROUND, PartClass.CLOTHING, PartClass.ACCESSORY)
CAMERAS, FOLDS, WIDTH = 6, 3, 400
SETTINGS = ("exposure", "red", "blue", "contrast", "saturation")


def measure(root: Path) -> dict[str, Any]:
    dataset = Rendered(root)
    scenes = one_person(dataset)
    names, skins, abouts, seen = [], [], [], []
    for item in dataset.items:
        if item.image_id not in scenes.index:
            continue
        image, labels = read_image(item.image_path), read_labels(item.mask_path)
        skin, around = view_of(image, skin_mask(labels)), image[np.isin(labels, ABOUT)]
        estimate = estimate_tone(image, skin_mask(labels))
        if skin is not None and estimate is not None and len(around) >= PIXELS:
            names.append(item.image_id)
            skins.append(skin)
            abouts.append(around[np.linspace(0, len(around) - 1, PIXELS).astype(int)])
            seen.append(estimate[0])
    ita, groups = (scenes.loc[names, name].to_numpy() for name in ("ita", "fitzpatrick"))
    cameras = torch.from_numpy(cameras_of(scenes.loc[names]))
    light, about = (undone(linear(torch.from_numpy(np.stack(each))), cameras) for each in (skins, abouts))
    rng = np.random.default_rng(0)
    through = [cameras] + [cameras[rng.integers(len(names), size=len(names))] for _ in range(CAMERAS - 1)]
    shades, surroundings = (
        np.stack([features_of(taken(each, camera)).double().numpy() for camera in through])
        for each in (light, about)
    )
    # A square of a shade's lightness, as light adds up and lightness does not.
    surroundings = np.concatenate([surroundings, surroundings[..., :36:3] ** 2], axis=2)
    known = np.stack([camera.double().numpy() for camera in through])
    fold, half = rng.permutation(len(names)) % FOLDS, rng.permutation(len(names)) % 2
    found = {name: np.zeros(len(names)) for name in ("skin", "and surroundings", "and the camera known")}
    told = np.zeros((len(names), len(SETTINGS)))
    weight = 1 / np.bincount(groups)[groups]
    for i in range(FOLDS):
        train, test = fold != i, fold == i
        guessed = np.zeros_like(known)
        for part in (0, 1):
            fit = ridge(flat(surroundings[:, train & (half != part)]), flat(known[:, train & (half != part)]))
            guessed[:, half == part] = fit(flat(surroundings[:, half == part])).reshape(
                CAMERAS, -1, len(SETTINGS)
            )
        told[test] = ridge(flat(surroundings[:, train]), flat(known[:, train]))(surroundings[0, test])
        guessed[0, test] = told[test]
        for name, more in zip(found, (known[..., :0], guessed, known), strict=True):
            both = np.concatenate([shades, more], axis=2)
            fit = curved(flat(both[:, train]), np.tile(ita[train], CAMERAS), np.tile(weight[train], CAMERAS))
            found[name][test] = fit(both[0, test])
    rows = {"ITA": np.array(seen), **found}
    return {
        "frames": len(names),
        "sources": {name: errors(each, ita, groups, weight) for name, each in rows.items()},
        "camera from surroundings, r": {
            name: round(float(np.corrcoef(told[:, k], known[0, :, k])[0, 1]), 2)
            for k, name in enumerate(SETTINGS)
        },
    }


def errors(said: Floats, ita: Floats, groups: npt.NDArray[np.intp], weight: Floats) -> dict[str, Any]:
    """Mean and signed error, as answered and with the lean to the middle undone."""
    slope, intercept = np.polyfit(ita, said, 1, w=np.sqrt(weight))

    def both(answers: Floats) -> dict[str, Any]:
        signed = [float((answers - ita)[groups == group].mean()) for group in range(1, 7)]
        return {
            "mean": round(float(np.abs(answers - ita).mean()), 2),
            "signed": [round(x, 1) for x in signed],
        }

    return {
        "slope": round(float(slope), 2),
        "answered": both(said),
        "unleaned": both((said - intercept) / slope),
    }


def flat(values: Floats) -> Floats:
    return values.reshape(-1, values.shape[-1])


def ridge(values: Floats, truth: Floats, shrink: float = 0.03, weight: Floats | None = None) -> Any:
    middle, scale = values.mean(axis=0), values.std(axis=0) + 1e-3

    def design(rows: Floats) -> Floats:
        return np.column_stack([np.ones(len(rows)), (rows - middle) / scale])

    return _solved(design, values, truth, np.ones(len(values)) if weight is None else weight, shrink)


def curved(values: Floats, truth: Floats, weight: Floats, shrink: float = 3e-3) -> Any:
    """Ridge on random Fourier features (Rahimi, Recht 2007)."""
    middle, scale = values.mean(axis=0), values.std(axis=0) + 1e-3
    rng = np.random.default_rng(1)
    directions, phase = rng.normal(0, 0.12, (values.shape[1], WIDTH)), rng.uniform(0, 2 * np.pi, WIDTH)

    def design(rows: Floats) -> Floats:
        scaled = (rows - middle) / scale
        return np.column_stack([np.ones(len(rows)), 0.3 * scaled, np.cos(scaled @ directions + phase)])

    return _solved(design, values, truth, weight, shrink)


def _solved(design: Any, values: Floats, truth: Floats, weight: Floats, shrink: float) -> Any:
    rows = design(values)
    penalty = shrink * weight.sum() * np.eye(rows.shape[1])
    penalty[0, 0] = 0
    weights = np.linalg.solve((rows * weight[:, None]).T @ rows + penalty, (rows.T * weight) @ truth)
    return lambda more: design(more) @ weights


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rendered", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    record = measure(options.rendered)
    print(json.dumps(record, indent=1))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
