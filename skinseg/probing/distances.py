"""Distances between sets of pictures: of numbers, and of features that a network sees."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from scipy.stats import wasserstein_distance

from skinseg.evaluation.bootstrap import Floats, interval
from skinseg.images.decoding import Image

ENCODER = "tu-tf_efficientnet_lite0"
NEIGHBOURS = 5  # of coverage and recall
SUBSETS = 50
FEWEST = 20  # pictures on a side of a distance between features

Features = Callable[[Sequence[Image]], Floats]


def imagenet_features(weights: str = "imagenet") -> Features:
    """Features of EfficientNet-Lite0 with ImageNet weights, averaged over the picture: float64 (n, 320), each of
    length √320, so that the kernel of `kid` sees the cosine between two.

    Raises UserError where the weights cannot be had, as `skinseg.models.encoder.build`.
    """
    import torch

    from skinseg.models.encoder import build

    encoder = build(ENCODER, weights)
    module = encoder.module.eval()
    mean, std = np.array(encoder.mean, np.float32), np.array(encoder.std, np.float32)

    def features(pictures: Sequence[Image]) -> Floats:
        found = []
        with torch.inference_mode():
            for picture in pictures:
                padded = cv2.copyMakeBorder(
                    picture, 0, -picture.shape[0] % 32, 0, -picture.shape[1] % 32, cv2.BORDER_REPLICATE
                )
                batch = torch.from_numpy(((padded - mean) / std).transpose(2, 0, 1)[None].astype(np.float32))
                vector = module(batch)[-1].mean(dim=(2, 3))[0].double().numpy()
                found.append(vector * len(vector) ** 0.5 / max(float(np.linalg.norm(vector)), 1e-9))
        return np.stack(found) if found else np.zeros((0, 1))

    return features


def apart(one: Floats, other: Floats, scale: float) -> float:
    """Wasserstein distance of two lists of numbers, without NaN, in units of `scale`; NaN where one is empty."""
    one, other = one[~np.isnan(one)], other[~np.isnan(other)]
    if not len(one) or not len(other):
        return float("nan")
    return float(wasserstein_distance(one, other)) / max(scale, 1e-9)


def kid(one: Floats, other: Floats) -> float:
    """Kernel inception distance (Binkowski et al. 2018): the unbiased squared MMD of features under (x·y / d + 1)³."""
    inside = []
    for each in (one, other):
        kernel = _kernel(each, each)
        inside.append((kernel.sum() - np.trace(kernel)) / (len(each) * (len(each) - 1)))
    return float(inside[0] + inside[1] - 2 * _kernel(one, other).mean())


def kid_of_subsets(one: Floats, other: Floats, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean and 95 % interval of the KID of `SUBSETS` pairs of halves, drawn without replacement."""
    if min(len(one), len(other)) < FEWEST:
        return (float("nan"),) * 3
    size = min(len(one), len(other)) // 2
    found = np.array(
        [
            kid(one[rng.permutation(len(one))[:size]], other[rng.permutation(len(other))[:size]])
            for _ in range(SUBSETS)
        ]
    )
    low, high = interval(found)
    return float(found.mean()), float(low), float(high)


def null_of_halves(one: Floats, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean and 95 % interval of the KID between two halves of one set, cut `SUBSETS` times: what no difference is."""
    if len(one) < 2 * FEWEST:
        return (float("nan"),) * 3
    found = []
    for _ in range(SUBSETS):
        order = rng.permutation(len(one))
        half = len(order) // 2
        found.append(kid(one[order[:half]], one[order[half : 2 * half]]))
    low, high = interval(np.array(found))
    return float(np.mean(found)), float(low), float(high)


def coverage_and_recall(real: Floats, rendered: Floats) -> tuple[float, float]:
    """Share of the real pictures with a rendered one nearer than their fifth real neighbour (Naeem et al. 2020), and of
    those that lie within a rendered one's reach of its own fifth (Kynkäänniemi et al. 2019); NaN with fewer than
    `FEWEST` on a side."""
    if min(len(real), len(rendered)) < FEWEST:
        return float("nan"), float("nan")
    between = _distances(real, rendered)
    reach_real = np.sort(_distances(real, real), axis=1)[:, NEIGHBOURS]
    reach_rendered = np.sort(_distances(rendered, rendered), axis=1)[:, NEIGHBOURS]
    coverage = (between.min(axis=1) <= reach_real).mean()
    recall = (between <= reach_rendered[None]).any(axis=1).mean()
    return float(coverage), float(recall)


def matched(
    one: Floats, other: Floats, bins: Sequence[float], rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Places in two lists of numbers, as many of one as of the other from each bin between the edges `bins`."""
    found: tuple[list[int], list[int]] = ([], [])
    codes = [np.searchsorted(bins, each) for each in (one, other)]
    for code in range(len(bins) + 1):
        places = [np.flatnonzero(each == code) for each in codes]
        count = min(len(each) for each in places)
        for kept, each in zip(found, places, strict=True):
            kept.extend(int(place) for place in np.sort(rng.permutation(each)[:count]))
    return found


def _kernel(one: Floats, other: Floats) -> Floats:
    kernel: Floats = (one @ other.T / one.shape[1] + 1) ** 3
    return kernel


def _distances(one: Floats, other: Floats) -> Floats:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * one @ other.T
    distances: Floats = np.sqrt(np.maximum(squares, 0))
    return distances
