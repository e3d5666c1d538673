"""What a training image goes through between cache and batch: the only module that knows albumentations."""

import bisect
import itertools
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from skinseg.data import geometry
from skinseg.datasets.sample import Mask
from skinseg.errors import UserError
from skinseg.images.decoding import Image

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it looks its version up online at import
import albumentations as A
import cv2

STRENGTHS = ("strong", "geometry", "hsv", "paper")
_DRAWS = 2048

Augmentation = Callable[[Image, Sequence[Mask], np.random.Generator], list[npt.NDArray[np.uint8]]]


def training_transform(size: int, strength: str = "strong", photometry: bool = True) -> Augmentation:
    """A function (image, masks, generator) -> [image, *masks] at `size` x `size`.

    Image uint8 (H, W, 3) RGB, masks uint8 (H, W) in {0, 1, 255}; an unlabelled head is all 255. Pixels that
    come from outside the image are 255 in every mask. All randomness is drawn from the generator.

    "paper" is S2MGen's recipe: a patch and a flip. "strong" is ours: scale from small figures to details,
    rotation, and what separates a photograph from a render: exposure, white balance, noise, blur,
    compression; without `photometry` it leaves colours and sharpness as they are, and so does "geometry". "hsv" is
    "geometry" with the whole image at a random place of a 6 x 6 x 5 grid of hue, saturation and value, after Color
    Invariant Skin Segmentation (CVPRW 2022), whose ranges are not published: ours are the whole circle, and factors
    from 0.4 to 1.4 and from 0.5 to 1.3.

    Raises UserError on another strength.
    """
    if strength not in STRENGTHS:
        raise UserError(f"augmentation {strength!r} does not exist; choose one of {', '.join(STRENGTHS)}")
    placement = geometry.paper if strength == "paper" else geometry.strong
    choices = _photometry() if photometry and strength == "strong" else []

    def transform(
        image: Image, masks: Sequence[Mask], generator: np.random.Generator
    ) -> list[npt.NDArray[np.uint8]]:
        if strength == "hsv" and photometry:
            image = _on_the_grid(image, generator)
        patch, targets = geometry.cut(
            image, masks, size, placement(image.shape[0], image.shape[1], size, generator)
        )
        # Some of albumentations' steps draw from Python's random numbers.
        python = random.Random(int(generator.integers(2**62))) if choices else None
        for choice in choices:
            step = choice.drawn(generator)
            if step is not None:
                step.set_random_state(generator, python)
                patch = step(image=patch, force_apply=True)["image"]
        return [patch, *targets]

    return transform


def _on_the_grid(image: Image, generator: np.random.Generator) -> Image:
    hue, saturation, value = (int(each) for each in generator.integers((6, 6, 5)))
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)  # OpenCV's hue runs from 0 to 179
    hsv[..., 0] = (hsv[..., 0] + 30 * hue) % 180
    hsv[..., 1:] *= (0.4 + 0.2 * saturation, 0.5 + 0.2 * value)
    return np.asarray(cv2.cvtColor(hsv.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB), np.uint8)


class _OneOf:
    """At most one of albumentations' steps: of `share` of the patches, one by weight.

    Its own OneOf and Compose take half as long again as the steps themselves, for masks, boxes and key points.
    """

    def __init__(self, share: float, *steps: tuple[float, Any]) -> None:
        self.share = share
        self.steps = [step for _, step in steps]
        total = sum(weight for weight, _ in steps)
        self.upto = [part / total for part in itertools.accumulate(weight for weight, _ in steps)][:-1]

    def drawn(self, generator: np.random.Generator) -> Any | None:
        if generator.random() >= self.share:
            return None
        return self.steps[bisect.bisect_right(self.upto, generator.random())]


def _photometry() -> list[_OneOf]:
    return [
        _OneOf(
            0.8,
            (0.3, A.RandomBrightnessContrast(brightness_limit=0.3, contrast_limit=0.3)),
            (0.15, A.RandomGamma(gamma_limit=(60, 160))),
            (0.15, A.RandomToneCurve(scale=0.2)),
            # Exposure and colour as cameras differ in them: down to a third of the light, half-grey to vivid.
            (
                0.4,
                A.ColorJitter(brightness=(0.35, 1.3), contrast=(0.7, 1.4), saturation=(0.3, 1.3), hue=(0, 0)),
            ),
        ),
        _OneOf(
            0.6,
            (1, A.PlanckianJitter(mode="blackbody")),
            (1, A.HueSaturationValue(hue_shift_limit=10, sat_shift_limit=35, val_shift_limit=15)),
            (1, A.RGBShift(r_shift_limit=20, g_shift_limit=15, b_shift_limit=20)),
            (0.1, A.ToGray()),
        ),
        _OneOf(
            0.25,
            (1, A.GaussianBlur(blur_limit=(3, 5))),
            (1, A.MotionBlur(blur_limit=(3, 7))),
            (1, A.Downscale(scale_range=(0.35, 0.8))),
        ),
        _OneOf(
            0.25,
            (1, A.GaussNoise(std_range=(0.01, 0.06))),
            (1, QuickShotNoise(scale_range=(0.005, 0.05))),
        ),
        _OneOf(0.3, (1, A.ImageCompression(quality_range=(35, 95)))),
    ]


class QuickShotNoise(A.ShotNoise):  # type: ignore[misc]
    """albumentations' photon noise of a uint8 image (H, W, C) by table, a fifth of the time: a pixel has one of 256
    values, so its Poisson variable is one of 256, each drawn from `_DRAWS` equally probable quantiles."""

    def apply(self, img: Image, scale: float, **params: Any) -> Image:
        photons = (np.arange(256, dtype=np.float32) / 255) ** 2.2 / scale + 1e-6  # expected, in linear light
        count = np.arange(np.ceil(1 / scale), dtype=np.float32)  # with more of them a pixel is white
        log_factorial = np.concatenate([[0], np.log(count[1:]).cumsum()]).astype(np.float32)
        share = np.exp(np.outer(np.log(photons), count) - log_factorial - photons[:, None])
        upto = np.rint(share.cumsum(1).clip(max=1) * _DRAWS).astype(np.int32)
        draws = np.diff(upto, axis=1, prepend=0, append=_DRAWS)
        seen = np.append(np.rint((count * scale).clip(max=1) ** (1 / 2.2) * 255), 255).astype(np.uint8)
        table = np.repeat(np.broadcast_to(seen, draws.shape).ravel(), draws.ravel())
        raw = np.frombuffer(self.random_generator.bytes(2 * img.size), np.uint16).reshape(img.shape)
        return np.asarray(table.take(img.astype(np.int32) * _DRAWS + raw % _DRAWS), np.uint8)
