"""Somebody's masks as a source of result rows: of another model, a rule, or a person who draws."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from skinseg.datasets.base import Dataset
from skinseg.datasets.heads import HEADS
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.images.decoding import read_levels
from skinseg.images.files import canonical, is_clutter
from skinseg.models.prediction import Probability

LAYOUT = f"<dataset>/<{' or '.join(HEADS)}>/<image id>.png"
WHITE = 65535
"""The level of a 16-bit PNG that says probability 1, as `skinseg predict --probabilities` writes it."""


class MaskFolder:
    """Masks in `root`/<dataset>/<head>/<image id>.png, each of its image's size as a viewer shows it.

    8 bit: two levels, 0 and 255 or 0 and 1. 16 bit: probabilities, 65535 is 1. A head without a folder is not
    scored; where there is one dataset, its level may be left out. It is a `skinseg.evaluation.score.Source`.

    parts: each dataset with the ids of the images to score. Opening compares names and decodes nothing. Raises
    UserError where a folder is missing, a scored image has no mask, or a file is no image's of the dataset.
    """

    def __init__(self, root: Path, parts: Sequence[tuple[Dataset, Sequence[str]]]) -> None:
        if not root.is_dir():
            raise UserError(
                f"--masks {root}: no such folder, expected one that holds {LAYOUT}; correct the path"
            )
        self.root = root
        self.files: dict[str, dict[str, dict[str, Path]]] = {}
        """By dataset, head and image id."""
        for dataset, image_ids in parts:
            base = root / dataset.name
            if len(parts) == 1 and not base.is_dir():
                base = root
            folders = {head: base / head for head in HEADS if (base / head).is_dir()}
            if not folders:
                raise UserError(
                    f"--masks {root}: neither {' nor '.join(f'{head}/' for head in HEADS)} found in {base}, expected "
                    f"at least one with the masks of dataset {dataset.name}; add it, or choose others with --datasets"
                )
            self.files[dataset.name] = {
                head: _checked(folder, dataset, image_ids) for head, folder in folders.items()
            }

    def hash(self, name: str) -> str:
        """Hex SHA-256 over the name of what made the masks, and path and bytes of every PNG below the root."""
        digest = hashlib.sha256(name.encode())
        for path in sorted(path for path in self.root.rglob("*.png") if path.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"\n{canonical(path.relative_to(self.root).as_posix())} {content}".encode())
        return digest.hexdigest()

    def check(self, samples: Iterable[Sample]) -> None:
        """Read all masks of a dataset's samples, so that a bad one is told before anything is written.

        Raises UserError as `prepare`, and where none of the samples is labelled for a head that there are masks of.
        """
        labelled: set[str] = set()
        dataset = ""
        highest: dict[str, float] = {}
        for sample in samples:
            dataset = sample.dataset
            prepared = self.prepare(sample)
            labelled |= {head for head in prepared if head in sample.masks}
            for head, value in prepared.items():
                highest[head] = max(highest.get(head, 0), float(value.max()))
        for head, most in highest.items():
            if 0 < most <= 255 / WHITE:
                raise UserError(
                    f"--masks {self.root}: {head} masks of dataset {dataset} are of 16 bits and reach level "
                    f"{round(most * WHITE)} at most, expected probabilities up to {WHITE}, or 8 bits; save them so"
                )
        if not labelled:
            raise UserError(
                f"--masks {self.root}: masks of {' and '.join(self.files[dataset])} found, which dataset {dataset} "
                "does not label, expected a head that it labels; choose other datasets with --datasets"
            )

    def prepare(self, sample: Sample) -> dict[str, Probability]:
        """Probabilities by head, float32 (H, W) in [0, 1]. Raises UserError for a mask that is not as it should be."""
        return {
            head: read_probability(files[sample.image_id], sample.image.shape[:2])
            for head, files in self.files[sample.dataset].items()
        }

    def forward(self, prepared: dict[str, Probability]) -> dict[str, Probability]:
        return prepared

    def finish(self, found: dict[str, Probability], shape: tuple[int, ...]) -> dict[str, Probability]:
        return found


def read_probability(path: Path, shape: tuple[int, ...]) -> Probability:
    """Probabilities, float32 (H, W) in [0, 1], of a mask file for an image of this (H, W).

    Raises UserError where it does not decode, has another size or colours, or 8 bits and not two levels.
    """
    stored = read_levels(path)
    pixels = stored.turned
    if pixels.shape[:2] != shape:
        raise UserError(
            f"mask {path}: {pixels.shape[1]}x{pixels.shape[0]} pixels found, expected {shape[1]}x{shape[0]} as its "
            "image has; resize the probabilities before they are cut, or draw it again"
        )
    if pixels.ndim == 3 or stored.coloured:
        colors = pixels[..., :3]
        if stored.coloured or (colors != colors[..., :1]).any():
            raise UserError(f"mask {path}: coloured, expected black and white or grey; save it as grey")
        pixels = colors[..., 0]
    if pixels.dtype == np.uint16:
        return np.asarray(pixels / np.float32(WHITE), np.float32)
    levels = np.flatnonzero(np.bincount(pixels.reshape(-1), minlength=256)).tolist()
    if not (set(levels) <= {0, 255} or set(levels) <= {0, 1}):
        named = ", ".join(map(str, levels[:4])) + (f", ... ({len(levels)} in all)" if len(levels) > 4 else "")
        raise UserError(
            f"mask {path}: levels {named} found, expected 0 and 255, or 0 and 1, in an 8-bit mask; cut it, or save "
            f"probabilities in 16 bits ({WHITE} is 1)"
        )
    return np.asarray(pixels > 0, np.float32)


def _checked(folder: Path, dataset: Dataset, image_ids: Sequence[str]) -> dict[str, Path]:
    """Image id to the mask file in a folder. Raises UserError where a scored image has none, or a file is none's."""
    names = {path: path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()}
    file_of = {canonical(name.as_posix()): path for path, name in names.items()}
    missing = [image_id for image_id in image_ids if f"{image_id}.png" not in file_of]
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(image_ids)} images of dataset {dataset.name} have no mask "
            f"({_some(missing)}), expected {missing[0]}.png; add the rest, or leave those images out with --exclude"
        )
    known = {f"{item.image_id}.png" for item in dataset.items}
    extra = [
        name
        for name, path in file_of.items()
        if name not in known and not any(map(is_clutter, names[path].parts))
    ]
    if extra:
        raise UserError(
            f"{folder}: files that are no image's of dataset {dataset.name}: {len(extra)} ({_some(extra)}), expected "
            f"names like {dataset.items[0].image_id}.png; remove or rename them"
        )
    return {name.removesuffix(".png"): path for name, path in file_of.items() if name in known}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
