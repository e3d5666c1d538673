"""Given scenes to frames, and frames to what a model made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skinseg.datasets.confusion import Confusion, confusion
from skinseg.datasets.sample import Mask
from skinseg.errors import UserError
from skinseg.images.decoding import Image, read_image
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import skin_mask
from skinseg.synthetic.rendering.renderer import render_scenes
from skinseg.synthetic.scene import Scene

if TYPE_CHECKING:
    from skinseg.models.prediction import ImagePredictor
    from skinseg.synthetic.room.backgrounds import Photos

HEAD = "skin"

Segment = Callable[[Image], Mask]
"""From an image to its predicted skin, bool (H, W)."""


@dataclass(frozen=True)
class Studio:
    """Where and how frames are rendered. photos: for walls; scheduler: of a dask cluster, or None for this machine."""

    out: Path
    workers: int
    photos: "Photos | None" = None
    scheduler: str | None = None
    progress: bool = True


@dataclass(frozen=True)
class Shot:
    """A rendered scene. image: its file; the mask lies beside it as in every rendered set."""

    scene: Scene
    path: Path

    def read(self) -> tuple[Image, Mask]:
        """The image, and its true skin, uint8 (H, W) in {0, 1}."""
        return read_image(self.path), skin_mask(read_labels(self.path.parents[1] / "masks" / self.path.name))


@dataclass(frozen=True)
class Score:
    """counts: of the predicted skin against the true one. skin_share: of the true one, 0 to 1."""

    counts: Confusion
    skin_share: float

    @property
    def iou(self) -> float:
        return self.counts.iou


def shoot(scenes: Sequence[Scene], name: str, studio: Studio) -> list[Shot]:
    """Render scenes into the set `name`; those it has already are kept, so that a list may grow."""
    if not scenes:
        return []
    out = studio.out / name
    render_scenes(scenes, studio.workers, out, studio.progress, studio.photos, studio.scheduler)
    return shots_in(out, scenes)


def shots_in(out: Path, scenes: Sequence[Scene]) -> list[Shot]:
    """The frames of a rendered set, whose first scenes these are."""
    return [Shot(scene, out / "images" / f"{i:06d}.png") for i, scene in enumerate(scenes)]


def score(shots: Sequence[Shot], segment: Segment) -> list[Score]:
    """What a model makes of each frame."""
    scores = []
    for shot in shots:
        image, skin = shot.read()
        scores.append(
            Score(confusion(segment(image).astype(np.bool_), skin), float(skin.mean(dtype=np.float64)))
        )
    return scores


def skin_of(predictor: "ImagePredictor", checkpoint: Path) -> Segment:
    """The skin head of a model. Raises UserError where it has none."""
    heads = predictor.predict(np.zeros((32, 32, 3), np.uint8)).probabilities
    if HEAD not in heads:
        raise UserError(
            f"checkpoint {checkpoint}: heads {', '.join(heads)} found, expected {HEAD} among them; name a model that "
            "segments skin"
        )
    return lambda image: predictor.predict(image).masks[HEAD].astype(np.uint8)
