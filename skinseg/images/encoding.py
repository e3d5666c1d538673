"""Pictures to files: the one way in which this package writes them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.files import written_whole


def write_image(path: Path, pixels: npt.NDArray[Any], *options: int) -> None:
    """Write pixels, grey (H, W) or BGR (H, W, 3), in the format of the suffix; the file is whole or absent.

    options: OpenCV's, such as cv2.IMWRITE_JPEG_QUALITY, 90. Raises OSError where it cannot be encoded or written, which
    cv2.imwrite does not.
    """
    encoded, data = cv2.imencode(path.suffix, np.ascontiguousarray(pixels), list(options))
    if not encoded:
        raise OSError(f"{path}: {pixels.shape[1]}x{pixels.shape[0]} pixels could not be encoded")
    with written_whole(path) as beside:
        beside.write_bytes(data.tobytes())
