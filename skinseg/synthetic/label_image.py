"""Label images on disk: PNG with a palette, so that a file manager shows the classes in colours."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from skinseg.errors import UserError
from skinseg.synthetic.labels import PartClass

Labels = npt.NDArray[np.uint8]

# sRGB of each class.
PALETTE = {
    PartClass.BACKGROUND: (0, 0, 0),
    PartClass.SKIN: (0, 220, 0),
    PartClass.HAIR: (160, 90, 20),
    PartClass.CLOTHING: (40, 90, 255),
    PartClass.EYES: (255, 255, 0),
    PartClass.MOUTH_INTERIOR: (255, 0, 255),
    PartClass.LIPS: (255, 60, 60),
    PartClass.NAILS: (0, 255, 255),
    PartClass.ACCESSORY: (255, 140, 0),
}


def encode_labels(labels: Labels) -> bytes:
    """A PNG file of indices and palette, from labels, uint8 (H, W) with values of `PartClass`."""
    height, width = labels.shape
    image = Image.frombytes("P", (width, height), np.ascontiguousarray(labels).tobytes())
    image.putpalette([channel for part in PartClass for channel in PALETTE[part]])
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def read_labels(path: Path) -> Labels:
    """The indices of a label image, uint8 (H, W), not its colours; a grey image holds them as they are.

    Raises UserError where the file is missing, does not decode, is of another kind, or has other classes.
    """
    try:
        with Image.open(path) as image:
            mode = image.mode
            labels = np.asarray(image, np.uint8) if mode in ("P", "L") else None
    except (UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path}: does not decode as an image ({error}); run `skinseg render --verify` on its set"
        ) from error
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); run `skinseg render --verify` on its set"
        ) from error
    if labels is None:
        raise UserError(
            f"{path}: an image of mode {mode} found, expected one of class indices with a palette; "
            "run `skinseg render --verify` on its set"
        )
    if labels.max() > max(PartClass):
        raise UserError(
            f"{path}: label {labels.max()} found, expected classes 0 to {max(PartClass)}; "
            "run `skinseg render --verify` on its set"
        )
    return labels
