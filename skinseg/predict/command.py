"""`skinseg predict`: masks for the user's own photographs and videos."""

import errno
import glob
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skinseg.datasets.heads import HEADS
from skinseg.errors import UserError
from skinseg.files import hold, written_whole
from skinseg.images.decoding import Image
from skinseg.images.encoding import write_image
from skinseg.models.loading import load
from skinseg.models.prediction import THRESHOLD, ImagePredictor, Prediction, Probability
from skinseg.predict.pictures import (
    LARGE,
    Found,
    Picture,
    Source,
    count_pictures,
    find_pictures,
    read_pictures,
)

SKIPPED = 1  # exit code where an image could not be read; the others have their masks
TABLE = "predictions.jsonl"
_BEGUN = ".predictions.begun"
"""Beside the table while a call is at work, and after a kill: a line for each image whose files it began to write."""

_ENDINGS = frozenset(
    {"overlay.jpg", *(f"{head}.png" for head in HEADS), *(f"{head}_probability.png" for head in HEADS)}
)
"""How the names of outputs end, after the image's own."""
_OURS = frozenset({"error", *HEADS})
"""What a line of the table has beside the image: one of these at least."""

_TINTS = ((0, 158, 255), (255, 214, 0), (255, 64, 160), (80, 220, 100), (170, 90, 255))
"""RGB of each head in turn, of skin first."""
_STRIP = 256  # rows that are worked on at once


def predict(
    images: Sequence[str],
    checkpoint: Path,
    out: Path,
    device: str = "auto",
    probabilities: bool = False,
    overlays: bool = False,
    tiles: float | None = None,
    batch_size: int | None = None,
    views: str | None = None,
) -> int:
    """Segment photographs and videos, print a line per file that was skipped or is no photograph, and return 0, or 1
    where one was skipped.

    images: as `find_pictures`. checkpoint, views: as `skinseg.models.loading.load`.
    out: gets NAME_skin.png and one of every other head, 8 bit, 255 where the head's probability is at least 0.5, at the
        photograph's own resolution, turned as its EXIF orientation says; NAME_skin_probability.png and so on,
        16 bit, 65535 is 1; NAME_overlay.jpg; and predictions.jsonl, an object per image: what was found, or why
        it was skipped. A video's frames are NAME/000000_skin.png and so on: PNG, because a video codec would
        smear the masks.
    tiles: as `ImagePredictor.predict`. batch_size: images in one pass, None for what memory has room for.
    Stopped midway, predictions.jsonl says what was finished.
    Raises UserError where there is no image, two would have one name, or the checkpoint or device is bad.
    """
    found = looked_for(images, out)
    sources, passed_over = found.sources, found.passed_over
    for passed in passed_over:
        print(f"passed over: {passed.path}: {passed.reason}")
    predictor = load(checkpoint, device, views)
    lines: list[dict[str, Any]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    out.mkdir(parents=True, exist_ok=True)

    def finish(picture: Picture, prediction: Prediction | None) -> None:
        if prediction is None:
            lines.append({"image": str(picture.path), "error": picture.error})
        else:
            print(json.dumps(picture.name), file=begun, flush=True)
            lines.append(_written(picture, prediction, out, probabilities, overlays))
        if "error" in lines[-1]:
            print(f"skipped: {lines[-1]['error']}")
        progress.advance(task)

    with _opened_begun(out) as begun:
        try:
            # A thread waits for the disk while the next picture is read and predicted.
            with (
                Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as progress,
                ThreadPoolExecutor(1) as writer,
            ):
                task = progress.add_task("predict", total=count_pictures(sources))
                written: Future[None] | None = None
                # In windows, as many of a picture's own pixels are asked for as memory has room for.
                pictures = read_pictures(sources, LARGE // 4 if tiles is None else LARGE)
                for batch in _batches(pictures, predictor, 1 if tiles else batch_size):
                    for picture, prediction in _predicted(batch, predictor, tiles):
                        if written is not None:
                            written.result()
                        written = writer.submit(finish, picture, prediction)
                        if picture.image is not None and picture.image.nbytes > LARGE:
                            written.result()  # memory has no room for two
                if written is not None:
                    written.result()
        finally:
            if lines:
                with written_whole(out / TABLE) as beside:
                    beside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            (out / _BEGUN).unlink(missing_ok=True)
    skipped = sum("error" in line for line in lines)
    print(
        f"{out}: {len(lines) - skipped} images segmented, {skipped} skipped, one line each in {out / TABLE}; "
        f"{len(passed_over)} other files passed over"
    )
    return SKIPPED if skipped else 0


def looked_for(images: Sequence[str], out: Path) -> Found:
    """As `find_pictures`, but for what an earlier call wrote into `out`.

    Raises UserError as that does, where nothing is left, and where an output would take the place of another's file.
    """
    earlier = written_before(out)
    found = find_pictures(
        images, dict.fromkeys(earlier, f"{out / TABLE} says that an earlier predict wrote it")
    )
    if not found.sources:
        raise UserError(f"nothing to predict: all that was named is what an earlier predict wrote into {out}")
    _check_outputs(found.sources, out, earlier)
    return found


def written_before(out: Path) -> set[Path]:
    """The files below `out` that the table of an earlier call names, or that one began before it was killed: these may
    be replaced.

    Raises UserError where the table is another's.
    """
    table, place = out / TABLE, out.resolve()
    begun = {Path(f"{out / name}_{ending}").resolve() for name in _begun(out) for ending in _ENDINGS}
    begun = {path for path in begun if path.is_relative_to(place)}
    if not os.path.lexists(table):
        return begun
    try:
        lines = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, RecursionError):
        lines = [None]
    if not all(isinstance(line, dict) and "image" in line and _OURS & line.keys() for line in lines):
        raise UserError(f"{table}: exists and was not written by predict; give --out another folder")
    names = [
        Path(value).resolve()
        for line in lines
        for key, value in line.items()
        if key not in ("image", "error") and isinstance(value, str) and "\0" not in value
    ]
    return begun | {name for name in names if name.is_relative_to(place) and _ending(name.name) in _ENDINGS}


@contextmanager
def _opened_begun(out: Path) -> Iterator[IO[str]]:
    """The list of what this call begins, locked while it is at work.

    Raises UserError where another process holds the lock: the masks of two would be mixed.
    """

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW)  # a link that somebody laid there is not followed

    with open(out / _BEGUN, "a", encoding="ascii", opener=opener) as file:
        hold(
            file,
            f"{out}: another `skinseg predict` is writing there; wait for it, or give --out another folder",
        )
        yield file


def _begun(out: Path) -> list[str]:
    """The names of images whose files a call that was killed began to write."""
    names: list[str] = []
    with suppress(OSError, ValueError):
        for line in (out / _BEGUN).read_text(encoding="ascii").splitlines():
            name = json.loads(line)
            names += [name] if isinstance(name, str) and "\0" not in name else []
    return names


def _ending(name: str) -> str:
    """How a file's name ends where it is an output, "" where it is none."""
    return next((ending for ending in _ENDINGS if name.endswith(f"_{ending}")), "")


def _check_outputs(sources: Sequence[Source], out: Path, earlier: set[Path]) -> None:
    """Raise UserError where an output would take the place of a file that no earlier call wrote."""
    photographs = {source.name for source in sources if not source.is_video}
    place = out.resolve()
    for source in sources:
        if source.is_video:
            twin = next((name for name in photographs if name.startswith(f"{source.name}/")), None)
            if twin is not None:
                raise UserError(
                    f"{source.path} and the photograph {twin} would both be written into {out / source.name}, expected "
                    "names that differ; predict them into two folders"
                )
        stem = Path(source.name).name
        folder, pattern = (out / source.name).parent, f"{glob.escape(stem)}_*"
        if source.is_video:
            folder, pattern = out / source.name, "[0-9]*_*"
        if not folder.resolve().is_relative_to(place):
            raise UserError(
                f"{folder}: leads out of {out}, so the mask of {source.path} would be written elsewhere; give --out "
                "another folder"
            )
        for path in sorted(folder.glob(pattern)):
            ending = _ending(path.name) if source.is_video else path.name.removeprefix(f"{stem}_")
            if ending in _ENDINGS and path.resolve() not in earlier:
                raise UserError(
                    f"{path}: exists, and {out / TABLE} does not say that an earlier predict wrote it, so the mask of "
                    f"{source.path} would replace it; give --out another folder"
                )


def _batches(
    pictures: Iterator[Picture], predictor: ImagePredictor, size: int | None
) -> Iterator[list[Picture]]:
    """Pictures in their order, `size` at once, or as many as memory has room for with the largest of them."""
    batch: list[Picture] = []
    room = 1
    for picture in pictures:
        fits = size or (room if picture.image is None else predictor.images_at_once(picture.image.shape))
        room = min(room, fits) if batch else fits
        if len(batch) >= room:
            yield batch
            batch, room = [], fits
        batch.append(picture)
    if batch:
        yield batch


def _predicted(
    batch: list[Picture], predictor: ImagePredictor, tiles: float | None
) -> Iterator[tuple[Picture, Prediction | None]]:
    images = [picture.image for picture in batch if picture.image is not None]
    if tiles is None:
        found = iter(predictor.predict_batch(images))
    else:
        found = (predictor.predict(image, tiles) for image in images)
    for picture in batch:
        yield picture, None if picture.image is None else next(found)


def overlay(image: Image, prediction: Prediction) -> Image:
    """The photograph, uint8 (H, W, 3), darker outside the person where the model sees one, with skin tinted blue
    and each head's mask outlined."""
    masks = prediction.masks  # cut from the probabilities at each call
    picture = np.empty_like(image)
    for top in range(0, len(image), _STRIP):
        rows = slice(top, top + _STRIP)
        shown = image[rows].astype(np.float32)
        if "person" in masks:
            shown[~masks["person"][rows]] *= 0.6
        skin = masks["skin"][rows]
        shown[skin] = 0.55 * shown[skin] + 0.45 * np.asarray(_TINTS[0], np.float32)
        picture[rows] = shown.round()
    width = max(1, round(max(image.shape[:2]) / 500))
    for mask, tint in zip(masks.values(), itertools.cycle(_TINTS)):
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, tint, width)
    return picture


def _written(
    picture: Picture, prediction: Prediction, out: Path, probabilities: bool, overlays: bool
) -> dict[str, Any]:
    """Write an image's files; its line of the table, which says so where its name has no room for an ending."""
    assert picture.image is not None
    height, width = picture.shape
    line: dict[str, Any] = {"image": str(picture.path), **picture.facts, "width": width, "height": height}
    shares: dict[str, float] = {}
    for name, pixels in _outputs(picture.image, picture.shape, prediction, probabilities, overlays):
        head = name.removesuffix(".png")
        if head in prediction.probabilities:
            shares[f"{head}_share"] = round(np.count_nonzero(pixels) / pixels.size, 6)
        path = out / f"{picture.name}_{name}"
        try:
            write_image(path, pixels)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            size = len(os.fsencode(path.name))
            said = f"{picture.path}: {path.name} has {size} bytes, more than the disk takes; give it a shorter name"
            return {**line, "error": said}
        line[name.split(".")[0]] = str(path)
        del pixels  # before the next are made
    return line | shares


def _outputs(
    image: Image, shape: tuple[int, int], prediction: Prediction, probabilities: bool, overlays: bool
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Names and pixels of an image's files, one after another; the overlay is of the size that was decoded."""
    for head, value in prediction.probabilities.items():
        yield f"{head}.png", enlarged(value, shape, lambda part: np.uint8(255) * (part >= THRESHOLD))
    if probabilities:
        for head, value in prediction.probabilities.items():
            yield (
                f"{head}_probability.png",
                enlarged(value, shape, lambda part: (part * 65535 + 0.5).astype(np.uint16)),
            )
    if overlays:
        yield "overlay.jpg", overlay(image, prediction)[..., ::-1]


def enlarged(
    value: Probability, shape: tuple[int, int], made: Callable[[Probability], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """What is made of each pixel of probabilities (h, w) brought to `shape` (H, W) as OpenCV's linear resizing does: a
    strip of rows at a time, as the whole takes four bytes a pixel."""
    if value.shape == shape:
        return made(value)
    height, width = shape
    place = np.clip((np.arange(height) + 0.5) * len(value) / height - 0.5, 0, len(value) - 1)
    above = place.astype(np.intp)
    below = np.minimum(above + 1, len(value) - 1)
    part = (place - above).astype(np.float32)[:, None]
    result = np.empty(shape, made(value[:1, :1]).dtype)
    for top in range(0, height, _STRIP):
        strip = slice(top, top + _STRIP)
        first, end = above[strip][0], below[strip][-1] + 1
        wide = np.asarray(
            cv2.resize(value[first:end], (width, int(end - first)), interpolation=cv2.INTER_LINEAR)
        )
        upper, lower = wide[above[strip] - first], wide[below[strip] - first]
        result[strip] = made(upper + part[strip] * (lower - upper))
    return result
