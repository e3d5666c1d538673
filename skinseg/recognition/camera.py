"""A rendered frame through another camera: what its own did to the light is known, and undone.

How bright and how saturated a picture is says less of a skin than of the camera. Of each frame a generator knows the
camera, so training shows its scene through those of all other frames.
"""

import json

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from skinseg.errors import UserError
from skinseg.synthetic.rendering.develop import KNEE, MIDDLE_GREY
from skinseg.tones.ita import LUMINANCE, srgb_to_linear

Cameras = npt.NDArray[np.float32]

_LINEAR = torch.tensor(srgb_to_linear(np.arange(256) / 255), dtype=torch.float32)
_LUMINANCE = torch.tensor(LUMINANCE)
_BRIGHTEST = 0.01  # of the shoulder's range: what is left below white, where a highlight's own light is lost
_PALEST = 0.15  # saturation below which colours cannot be brought back


def cameras_of(scenes: pd.DataFrame) -> Cameras:
    """Of a set's table, float32 (n, 5): exposure, white balance of red and of blue in stops, contrast, saturation.

    Raises UserError for a table without scenes.
    """
    try:
        cameras = [json.loads(text)["camera"] for text in scenes["scene"]]
        rows = [
            (each["exposure"], *each["white_balance"], each["contrast"], each["saturation"])
            for each in cameras
        ]
        return np.array(rows, np.float32).reshape(-1, 5)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"the set's table has no camera in its column scene ({type(error).__name__}: {error}), expected what "
            "`skinseg render` writes; run it on the set again"
        ) from error


def linear(colors: Tensor) -> Tensor:
    """sRGB, uint8 of any shape, to linear light in [0, 1]."""
    return _LINEAR[colors.long()]


def undone(light: Tensor, cameras: Tensor) -> Tensor:
    """Linear values of pictures, (B, N, 3) in [0, 1], to the light that came into their cameras, (B, 5), at exposure 0.

    The inverse of `taken`, but for what a picture has lost: in highlights, and where it is all but grey.
    """
    exposure, contrast, saturation = _parts(cameras)
    bent = ((1 - light) / (1 - KNEE)).clamp(min=_BRIGHTEST)
    light = torch.where(light > KNEE, KNEE - (1 - KNEE) * torch.log(bent), light)
    grey = (light @ _LUMINANCE)[..., None]
    light = (grey + (light - grey) / saturation.clamp(min=_PALEST)).clamp(min=0)
    return MIDDLE_GREY * (light / MIDDLE_GREY) ** (1 / contrast) / exposure


def taken(light: Tensor, cameras: Tensor) -> Tensor:
    """What cameras, (B, 5), make of light, (B, N, 3): linear values in [0, 1], as `skinseg.synthetic.rendering.develop`
    does but for lens, noise and file."""
    exposure, contrast, saturation = _parts(cameras)
    light = MIDDLE_GREY * (light * exposure / MIDDLE_GREY) ** contrast
    grey = (light @ _LUMINANCE)[..., None]
    light = (grey + saturation * (light - grey)).clamp(min=0)
    bent = 1 - torch.exp(-(light - KNEE).clamp(min=0) / (1 - KNEE))
    return (light.clamp(max=KNEE) + (1 - KNEE) * bent).clamp(0, 1)


def _parts(cameras: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    stops, red, blue, contrast, saturation = (part.view(-1, 1, 1) for part in cameras.T)
    return torch.exp2(torch.cat([stops + red, stops, stops + blue], dim=2)), contrast, saturation
