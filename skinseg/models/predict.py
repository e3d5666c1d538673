"""`skinseg predict`: masks for the user's own photographs."""

import glob
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from skinseg.datasets.base import IMAGE_SUFFIXES, is_image_name
from skinseg.datasets.decoding import read_image
from skinseg.datasets.sample import Image
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.models.inference import Prediction, load

SKIPPED = 1  # exit code where an image could not be read; the others have their masks
TABLE = "predictions.jsonl"

_TINT: dict[str, tuple[int, int, int]] = {"skin": (0, 158, 255), "person": (255, 214, 0)}  # RGB


@dataclass(frozen=True)
class _Photo:
    """path: where it is. name: what its outputs are called, a path without suffix below the output folder."""

    path: Path
    name: str


def predict(
    images: Sequence[str],
    checkpoint: Path,
    out: Path,
    device: str = "auto",
    probabilities: bool = False,
    overlays: bool = False,
) -> int:
    """Segment photographs, print a line per image that was skipped, and return 0, or 1 where one was.

    images: files, folders (with all folders below) and patterns with `*`. checkpoint: as `newest_checkpoint`.
    out: gets NAME_skin.png and NAME_person.png, 8 bit, 255 where the head's probability is at least 0.5, at the
        photograph's own resolution, turned as its EXIF orientation says; NAME_skin_probability.png and so on,
        16 bit, 65535 is 1; NAME_overlay.jpg; and predictions.jsonl, an object per image: what was found, or why
        it was skipped.
    Raises UserError where there is no image, two would have one name, or the checkpoint or device is bad.
    """
    photos = find_photos(images)
    predictor = load(checkpoint, device)
    lines: list[dict[str, Any]] = []
    for photo in track(photos, "predict", console=Console(stderr=True)):
        try:
            image = read_image(photo.path)
        except UserError as error:
            print(f"skipped: {error}")
            lines.append({"image": str(photo.path), "error": str(error)})
            continue
        prediction = predictor.predict(image)
        lines.append(_written(photo, image, prediction, out, probabilities, overlays))
    with written_whole(out / TABLE) as beside:
        beside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    skipped = sum("error" in line for line in lines)
    print(
        f"{out}: {len(lines) - skipped} images segmented, {skipped} skipped; one line each in {out / TABLE}"
    )
    return SKIPPED if skipped else 0


def find_photos(images: Sequence[str]) -> list[_Photo]:
    """The photographs that files, folders and patterns name, each once, in order.

    Raises UserError for what does not exist or holds no image, and for two outputs of one name.
    """
    photos: dict[Path, _Photo] = {}
    for given in images:
        path = Path(given)
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.is_file() and is_image_name(file))
            named = [_Photo(file, file.relative_to(path).with_suffix("").as_posix()) for file in found]
        else:
            # A file whose name has brackets is itself and no pattern.
            matches = [path] if path.is_file() else [Path(name) for name in sorted(glob.glob(given))]
            named = [
                _Photo(file, file.stem)
                for file in matches
                if path.is_file() or (file.is_file() and is_image_name(file))
            ]
        if not named:
            what = "holds no image" if path.is_dir() else "is no image file and matches none"
            raise UserError(
                f"{given} {what}, expected photographs ({', '.join(sorted(IMAGE_SUFFIXES))}); name files, a folder "
                "or a pattern"
            )
        for photo in named:
            photos.setdefault(photo.path.resolve(), photo)
    first: dict[str, _Photo] = {}
    for photo in photos.values():
        twin = first.setdefault(photo.name, photo)
        if twin is not photo:
            raise UserError(
                f"{twin.path} and {photo.path} would both be written as {photo.name}_skin.png, expected names that "
                "differ; give the folder that holds both, or predict them into two folders"
            )
    return list(photos.values())


def overlay(image: Image, prediction: Prediction) -> Image:
    """The photograph, uint8 (H, W, 3), darker outside the person where the model sees one, with skin tinted blue
    and each head's mask outlined."""
    masks = prediction.masks  # cut from the probabilities at each call
    shown = image.astype(np.float32)
    if "person" in masks:
        shown[~masks["person"]] *= 0.6
    skin = masks["skin"]
    shown[skin] = 0.55 * shown[skin] + 0.45 * np.asarray(_TINT["skin"], np.float32)
    picture = shown.round().astype(np.uint8)
    width = max(1, round(max(skin.shape) / 500))
    for head, mask in masks.items():
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, _TINT[head], width)
    return picture


def _written(
    photo: _Photo, image: Image, prediction: Prediction, out: Path, probabilities: bool, overlays: bool
) -> dict[str, Any]:
    """Write an image's files; its line of the table."""
    masks = prediction.masks
    height, width = image.shape[:2]
    line: dict[str, Any] = {"image": str(photo.path), "width": width, "height": height}
    files: dict[str, npt.NDArray[Any]] = {
        f"{head}.png": mask.astype(np.uint8) * 255 for head, mask in masks.items()
    }
    if probabilities:
        for head, value in prediction.probabilities.items():
            files[f"{head}_probability.png"] = (value * 65535 + 0.5).astype(np.uint16)
    if overlays:
        files["overlay.jpg"] = np.ascontiguousarray(overlay(image, prediction)[..., ::-1])
    for name, pixels in files.items():
        path = out / f"{photo.name}_{name}"
        _, data = cv2.imencode(path.suffix, pixels)
        with written_whole(path) as beside:
            beside.write_bytes(data.tobytes())
        line[name.split(".")[0]] = str(path)
    line |= {f"{head}_share": round(float(mask.mean()), 6) for head, mask in masks.items()}
    return line
