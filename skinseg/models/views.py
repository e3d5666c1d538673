"""One image seen several ways, and what is found averaged: at several sizes, and mirrored."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.images.decoding import Image
from skinseg.models.prediction import Batch, ImagePredictor, Pictured, Prediction, Probability, pixels_of

MIRROR = "mirror"
LARGEST = 4096
"""Pixels of a long side: more than any network here was trained near, and a batch of gigabytes."""


@dataclass(frozen=True)
class Views:
    """sizes: long sides in pixels as the network sees an image, none for the model's own. mirrored: turned over too."""

    sizes: tuple[int, ...] = ()
    mirrored: bool = False


def parse_views(text: str) -> Views:
    """Views as written: "240,320", "mirror", "240,320,mirror". Raises UserError for anything else."""
    words = [word.strip() for word in text.split(",")]
    sizes = [word for word in words if word != MIRROR]
    good = [
        int(word) for word in sizes if re.fullmatch("[1-9][0-9]{1,3}", word) and 32 <= int(word) <= LARGEST
    ]
    if len(good) != len(sizes) or len(set(words)) != len(words):
        raise UserError(
            f"views {text!r}: expected long sides in pixels from 32 to {LARGEST}, each once, and the word {MIRROR}, "
            "with commas between, as in 240,320,mirror"
        )
    return Views(tuple(good), MIRROR in words)


class AveragedViews(ImagePredictor):
    """The mean over views of another predictor's probabilities, each at the image's own resolution.

    Costs as many passes as there are views (a mirrored one is one more of each size). It cannot see in tiles, which are
    views of another kind. It is a `skinseg.evaluation.score.Source` as well.
    """

    def __init__(self, predictor: ImagePredictor, views: Views) -> None:
        sizes = views.sizes or (predictor.size,)
        super().__init__(max(sizes), predictor.stride)
        self.most_at_once = predictor.most_at_once
        self.seen = [copy.copy(predictor) for _ in sizes]
        for each, size in zip(self.seen, sizes, strict=True):
            each.size = size
        self.mirrored = views.mirrored

    def run(self, batch: Batch) -> dict[str, Probability]:
        return self.seen[0].run(batch)

    def predict(self, image: Pictured, tiles: float | None = None) -> Prediction:
        """As `ImagePredictor.predict`. Raises ValueError with tiles."""
        if tiles is not None:
            raise ValueError("tiles and views exclude each other: load the model without views to see tiles")
        return self.predict_batch([image])[0]

    def predict_batch(self, given: Sequence[Pictured]) -> list[Prediction]:
        images = [pixels_of(each) for each in given]
        views = [each.predict_batch(images) for each in self.seen]
        if self.mirrored:
            turned = [np.ascontiguousarray(image[:, ::-1]) for image in images]
            views += [
                [
                    Prediction({head: value[:, ::-1] for head, value in found.probabilities.items()})
                    for found in each.predict_batch(turned)
                ]
                for each in self.seen
            ]
        return [_mean([view[place].probabilities for view in views]) for place in range(len(images))]

    def prepare(self, sample: Sample) -> Image:
        return sample.image

    def forward(self, image: Image) -> dict[str, Probability]:
        return self.predict_batch([image])[0].probabilities

    def finish(self, found: dict[str, Probability], shape: tuple[int, ...]) -> dict[str, Probability]:
        return found


def _mean(found: Sequence[dict[str, Probability]]) -> Prediction:
    return Prediction(
        {head: np.mean([each[head] for each in found], axis=0, dtype=np.float32) for head in found[0]}
    )
