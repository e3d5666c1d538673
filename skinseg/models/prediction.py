"""From an image of any size to probabilities at its own resolution, whatever runs the network.

This file knows no torch: an ONNX model predicts without it.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from skinseg.errors import UserError
from skinseg.images.decoding import Image, read_image

Probability = npt.NDArray[np.float32]
Batch = npt.NDArray[np.uint8]
Pictured = Image | PIL.Image.Image | Path | str
"""An image uint8 (H, W, 3), RGB, one of Pillow's, or the file of one."""

THRESHOLD = 0.5  # probability from which a pixel counts as foreground; never tuned on a test set
OVERLAP = 0.25  # of a window's side that neighbours share at least
BYTES_PER_PIXEL = 2000  # of a network's input, activations included: measured in docs/export.md
BATCH_BYTES = 1e9  # that one pass may take at most, and a quarter of what is free
LARGEST_BATCH = 16  # more images at once were not faster


@dataclass(frozen=True)
class Prediction:
    """By head ("skin", "person"), at the image's own resolution: probabilities, float32 (H, W) in [0, 1], and masks,
    bool (H, W), where they are at least `THRESHOLD`."""

    probabilities: dict[str, Probability]

    @property
    def masks(self) -> dict[str, npt.NDArray[np.bool_]]:
        return {head: value >= THRESHOLD for head, value in self.probabilities.items()}


class ImagePredictor(ABC):
    """Runs a network on whole images, or window by window.

    size: the image's long side in pixels as the network sees it; the aspect ratio is kept.
    stride: what the sides of the network's input are multiples of.
    most_at_once: images in one pass, where nobody says how many; `LARGEST_BATCH` where None.
    """

    most_at_once: int | None = None

    def __init__(self, size: int, stride: int) -> None:
        self.size = size
        self.stride = stride

    @abstractmethod
    def run(self, batch: Batch) -> dict[str, Probability]:
        """Probabilities (B, h, w) of each head, for uint8 (B, 3, h, w), RGB, sides multiples of the stride."""

    def predict(self, image: Pictured, tiles: float | None = None) -> Prediction:
        """Segment an image, uint8 (H, W, 3), RGB, one of Pillow's as it lies there (not turned), or the file of one.

        tiles: None sees the image whole, with its long side at `size`, as it is evaluated. A number of at least
            1 sees it that many times larger, though never larger than it is, in windows of `size` x `size` that
            overlap by a quarter at least and are blended by raised cosines; `math.inf` sees it at its own
            resolution. An image of one window is seen whole.
        Raises UserError for a file that cannot be read as an image, and ValueError for anything else that is none.
        """
        pixels = pixels_of(image)
        if tiles is not None:
            if not isinstance(tiles, int | float) or not tiles >= 1:
                raise ValueError(
                    f"tiles is {tiles}, expected a number of at least 1, or None to see the image whole"
                )
            # Never larger than the image is.
            long_side = min(max(pixels.shape[:2]), self.size * tiles)
            if long_side > self.size:
                return self._tiled(pixels, round(long_side))
        return self.predict_batch([pixels])[0]

    def predict_batch(self, given: Sequence[Pictured]) -> list[Prediction]:
        """Segment images whole, in one pass for all whose inputs have one shape. Raises as `predict`."""
        if isinstance(given, str | bytes | Path | PIL.Image.Image) or not isinstance(given, Iterable):
            raise ValueError(
                f"images is {type(given).__name__}, expected a list of images; predict takes one"
            )
        images = [pixels_of(each) for each in given]
        inputs = [self.network_input(image) for image in images]
        found: dict[int, Prediction] = {}
        for shape in dict.fromkeys(each.shape for each in inputs):
            alike = [i for i, each in enumerate(inputs) if each.shape == shape]
            result = self.run(np.concatenate([inputs[i] for i in alike]))
            check_finite(result)
            for place, i in enumerate(alike):
                found[i] = Prediction(
                    {
                        head: self.at_own_resolution(value[place], images[i].shape[:2])
                        for head, value in result.items()
                    }
                )
        return [found[i] for i in range(len(images))]

    def network_input(self, image: Image) -> Batch:
        """uint8 (1, 3, h, w): the image at `size`, its rim repeated to a multiple of the stride."""
        return self._padded(resized(image, self.size))

    def at_own_resolution(self, probability: Probability, shape: tuple[int, ...]) -> Probability:
        """Probability (H, W) of an image of that shape, from the one of its `network_input`."""
        height, width = shape
        rows, columns = _resized_shape(height, width, self.size)
        return _enlarged(probability[:rows, :columns], height, width)

    def images_at_once(self, shape: tuple[int, ...], held: int = 0) -> int:
        """How many images of a shape (H, W, ...) memory has room for in one pass, at least 1, beside `held` bytes."""
        rows, columns = _resized_shape(shape[0], shape[1], self.size)
        # The image and two probability maps at its own resolution are held beside the network.
        each = rows * columns * BYTES_PER_PIXEL + shape[0] * shape[1] * (3 + 2 * 4)
        room = min(BATCH_BYTES - held, _free_bytes() / 4)
        return int(max(1, min(self.most_at_once or LARGEST_BATCH, room // each)))

    def _tiled(self, image: Image, long_side: int) -> Prediction:
        seen = resized(image, long_side)
        height, width = seen.shape[:2]
        cells = itertools.product(windows(height, self.size), windows(width, self.size))
        found: dict[str, Probability] = {}
        maps = height * width * (3 + 2 * 4)  # the image and two maps of probabilities
        for chunk in _chunks(cells, self.images_at_once((self.size, self.size), maps)):
            batch = [self._padded(seen[down.place, across.place]) for down, across in chunk]
            result = self.run(np.concatenate(batch))
            check_finite(result)
            for head, values in result.items():
                whole = found.setdefault(head, np.zeros((height, width), np.float32))
                for (down, across), value in zip(chunk, values, strict=True):
                    rows, columns = len(down.weight), len(across.weight)
                    whole[down.place, across.place] += (
                        value[:rows, :columns] * down.weight[:, None] * across.weight
                    )
        for whole in found.values():
            np.clip(whole, 0, 1, out=whole)  # sums of weights are 1 but for rounding
        own = image.shape[:2]
        return Prediction(
            {head: whole if whole.shape == own else _enlarged(whole, *own) for head, whole in found.items()}
        )

    def _padded(self, pixels: Image) -> Batch:
        rows, columns = pixels.shape[:2]
        padded = cv2.copyMakeBorder(
            pixels, 0, -rows % self.stride, 0, -columns % self.stride, cv2.BORDER_REPLICATE
        )
        return np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.uint8)


@dataclass(frozen=True)
class Window:
    """A stretch of one side of an image, and the weight of its pixels, float32; at each pixel of the side the weights
    of all windows sum to 1, so those of a grid of windows do too, and no map of weights is kept."""

    place: slice
    weight: Probability


def windows(length: int, size: int) -> list[Window]:
    """Windows of `size` pixels over a side of `length`, evenly spaced, overlapping by `OVERLAP` at least.

    Weights rise over the overlap as sin^2 from each end: what a network says at its input's rim, where it lacks
    context, counts least.
    """
    size = min(size, length)
    count = 1 + -(-(length - size) // round(size * (1 - OVERLAP)))
    starts = [round(each) for each in np.linspace(0, length - size, count)]
    ramp = round(size * OVERLAP)
    from_end = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    weight = np.sin(np.minimum(from_end / max(ramp, 1), 1) * np.pi / 2) ** 2
    total = np.zeros(length)
    for start in starts:
        total[start : start + size] += weight
    places = [slice(start, start + size) for start in starts]
    return [Window(place, (weight / total[place]).astype(np.float32)) for place in places]


def resized(image: Image, long_side: int) -> Image:
    """An image uint8 (H, W, 3) with its long side brought to `long_side` pixels, aspect kept."""
    height, width = image.shape[:2]
    if max(height, width) == long_side:
        return image
    rows, columns = _resized_shape(height, width, long_side)
    # Area averaging does not alias where the image shrinks; it blocks where it grows.
    method = cv2.INTER_AREA if max(height, width) > long_side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=method), dtype=np.uint8)


def _resized_shape(height: int, width: int, long_side: int) -> tuple[int, int]:
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _enlarged(probability: Probability, height: int, width: int) -> Probability:
    return np.asarray(
        cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32
    )


def pixels_of(given: Pictured) -> Image:
    """uint8 (H, W, 3), RGB. Raises UserError and ValueError as `ImagePredictor.predict`."""
    if isinstance(given, str | Path):
        return read_image(Path(given))
    if isinstance(given, PIL.Image.Image) and given.mode in (
        "1",
        "L",
        "LA",
        "P",
        "PA",
        "RGB",
        "RGBA",
        "CMYK",
    ):
        given = np.asarray(given.convert("RGB"))
    if not isinstance(given, np.ndarray):
        mode = f" of mode {given.mode}" if isinstance(given, PIL.Image.Image) else ""
        raise ValueError(
            f"image is {type(given).__name__}{mode}, expected an array uint8 (H, W, 3), RGB, an image of Pillow's with "
            "8 bits, or a file's path; bytes are PIL.Image.open(io.BytesIO(...)), a list goes to predict_batch"
        )
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or not given.size:
        raise ValueError(
            f"image is {given.dtype} {given.shape}, expected uint8 (H, W, 3), RGB, of a pixel or more"
        )
    return given


def check_finite(probabilities: dict[str, Probability]) -> None:
    """Raise UserError for what is no number: its mask would be empty, and look like an answer."""
    for head, value in probabilities.items():
        if not np.isfinite(value).all():
            raise UserError(
                f"the model's {head} head gives numbers that are not finite: its weights are damaged, or its training "
                "diverged; take another checkpoint"
            )


def _chunks(
    cells: Iterator[tuple[Window, Window]], count: int
) -> Iterator[tuple[tuple[Window, Window], ...]]:
    while chunk := tuple(itertools.islice(cells, count)):
        yield chunk


def _free_bytes() -> float:
    """Memory that can be taken without swapping, where the system says so."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 4 * BATCH_BYTES
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0.0)
