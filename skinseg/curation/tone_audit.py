"""`skinseg tones audit`: can re-toned photographs of a group be told from real ones of it?

The check that critics of synthetic dark skin ask for (Daneshjou, of Rezk et al. 2022): against real pictures. A
classifier of two samples (Lopez-Paz, Oquab 2017) on numbers of colour, texture and rim of the skin; .5 says that they
cannot be told apart by these, not that nobody could.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import rankdata

from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.images.decoding import Image
from skinseg.images.encoding import write_image
from skinseg.tones.ita import estimate_tone, fitzpatrick_of
from skinseg.tones.retone import GROUPS_AWAY, Retoned, retone

Floats = npt.NDArray[np.float64]

FEWEST = 20
"""Real photographs of a group below which nothing is said of it."""
MOST = 200
"""Photographs of a kind that are compared, at most."""
FOLDS = 5
NULLS = 10
SIDE = 256
"""Long side in pixels at which numbers are taken."""
_RIDGE = 1.0
_TILE = 160


@dataclass(frozen=True)
class Audit:
    """AUC of telling two kinds of photographs apart, by colour and by texture and rim: .5 is chance.

    retoned, before: re-toned ones, and the same before they were, against the group's real ones. null_real,
    null_retoned: halves of one kind against each other. real, copies: how many.
    """

    group: int
    features: str
    real: int
    copies: int
    retoned: float
    before: float
    null_real: float
    null_retoned: float


@dataclass(frozen=True)
class Picture:
    """name: of the photograph, the same for its copy."""

    name: str
    image: Image
    skin: npt.NDArray[np.uint8]
    ita: float
    group: int


def audit(data_root: Path, out: Path, datasets: Sequence[str] = (), seed: int = 0) -> None:
    """Audit re-toning on your photographs: per group, a two-sample classifier of real against re-toned ones.

    Writes audit.csv and, to look at, sheets/group-N.jpg: before, re-toned, and a real one beside it. The arguments are
    those of `skinseg tones audit`.
    """
    opened = [open_dataset(name, data_root) for name in datasets] if datasets else find_datasets(data_root)
    pictures: list[Picture] = []
    console = Console(stderr=True)
    for dataset in opened:
        for item in track(dataset.items, f"read {dataset.name}", console=console, transient=True):
            picture = _picture(dataset.read(item))
            if picture is not None:
                pictures.append(picture)
    audits: list[Audit] = []
    for group in range(1, 7):
        real = [each for each in pictures if each.group == group]
        if len(real) < FEWEST:
            print(f"group {group}: {len(real)} real, {FEWEST} expected at least: not audited")
            continue
        found, sheet = audit_group(group, real, pictures, np.random.default_rng([seed, group]))
        if not found:
            print(f"group {group}: fewer than {FEWEST} photographs could be re-toned to it: not audited")
            continue
        audits += found
        write_image(out / "sheets" / f"group-{group}.jpg", sheet[..., ::-1])
    if not audits:
        raise UserError(
            f"{data_root}: no group can be audited, expected {FEWEST} real photographs of one and as many that can be "
            "re-toned to it"
        )
    with written_whole(out / "audit.csv") as beside:
        pd.DataFrame([asdict(each) for each in audits]).to_csv(beside, index=False, float_format="%.3f")
    shown = Table(
        "group", "by", "real", "re-toned", "AUC re-toned", "AUC before", "null: real", "null: re-toned"
    )
    for each in audits:
        numbers = (each.retoned, each.before, each.null_real, each.null_retoned)
        shown.add_row(
            str(each.group), each.features, str(each.real), str(each.copies), *(f"{n:.2f}" for n in numbers)
        )
    Console().print(shown)
    print(out)


def audit_group(
    group: int, real: Sequence[Picture], pictures: Sequence[Picture], generator: np.random.Generator
) -> tuple[list[Audit], Image]:
    """A group's audits, and a sheet of pictures; none with fewer than `FEWEST` copies.

    Copies are given the ITA of real ones, drawn at random: else the tone itself would tell them apart.
    """
    real = [real[i] for i in generator.permutation(len(real))[:MOST]]
    others = [each for each in pictures if 0 < abs(each.group - group) <= GROUPS_AWAY]
    before: list[Picture] = []
    copies: list[Picture] = []
    for i in generator.permutation(len(others)):
        if len(copies) == min(MOST, 3 * len(real)):
            break
        ita = real[int(generator.integers(len(real)))].ita
        made = retone(others[i].image, others[i].skin, ita)
        if isinstance(made, Retoned):
            before.append(others[i])
            copies.append(Picture(others[i].name, made.image, others[i].skin, made.ita, group))
    if len(copies) < FEWEST:
        return [], np.zeros((1, 1, 3), np.uint8)
    audits = []
    for kind, numbers in (("colour", colour_numbers), ("texture and rim", texture_numbers)):
        of_real, of_before, of_copies = (
            np.array([numbers(each.image, each.skin) for each in some]) for some in (real, before, copies)
        )
        names_real, names = [each.name for each in real], [each.name for each in copies]
        audits.append(
            Audit(
                group,
                kind,
                len(real),
                len(copies),
                distinguishable(of_real, of_copies, names_real, names, generator),
                distinguishable(of_real, of_before, names_real, names, generator),
                _null(of_real, names_real, generator),
                _null(of_copies, names, generator),
            )
        )
    rows = [
        np.hstack([_tile(each.image) for each in trio])
        for trio in zip(before[:12], copies[:12], real[:12], strict=False)
    ]
    half = [np.hstack(pair) for pair in zip(rows[::2], rows[1::2], strict=False)]
    return audits, np.vstack(half)


def distinguishable(
    first: Floats, second: Floats, names: Sequence[str], others: Sequence[str], generator: np.random.Generator
) -> float:
    """AUC of a ridge logistic regression that tells rows of `second` from those of `first`, out of fold.

    names, others: of the photographs; those of one name are in one fold. A photograph whose copy were in another would
    teach the classifier to answer wrongly.
    """
    values = np.concatenate([first, second])
    truth = np.repeat([0.0, 1.0], [len(first), len(second)])
    codes = pd.factorize(np.array([*names, *others], dtype=object))[0]
    fold = generator.permutation(codes.max() + 1)[codes] % FOLDS
    total, pairs = 0.0, 0
    for i in range(FOLDS):
        train = fold != i
        held = truth[~train]
        compared = int(held.sum() * (1 - held).sum())
        if not compared or not 0 < truth[train].sum() < train.sum():
            continue
        middle, scale = values[train].mean(axis=0), values[train].std(axis=0) + 1e-9
        weights = _logistic((values[train] - middle) / scale, truth[train])
        scores = ((values[~train] - middle) / scale) @ weights[1:]
        # Pairs of one fold only: classifiers of two folds have scales of their own.
        total += compared * area_under_curve(scores, held)
        pairs += compared
    return total / pairs if pairs else float("nan")


def area_under_curve(scores: Floats, truth: Floats) -> float:
    """Chance that a row of truth 1 scores above one of truth 0, ties counting half (Mann and Whitney)."""
    ranks, ones = rankdata(scores), truth == 1
    count = int(ones.sum())
    total = float(ranks[ones].sum()) - count * (count + 1) / 2
    return total / (count * (len(truth) - count))


def _null(values: Floats, names: Sequence[str], generator: np.random.Generator) -> float:
    """Mean AUC of random halves."""
    found = []
    for _ in range(NULLS):
        order = generator.permutation(len(values))
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        of_one, of_other = ([names[i] for i in half] for half in (one, other))
        found.append(distinguishable(values[one], values[other], of_one, of_other, generator))
    return float(np.mean(found))


def _logistic(values: Floats, truth: Floats) -> Floats:
    """Weights, the intercept first, by Newton's method; each class weighs alike, the intercept is not shrunk."""
    design = np.column_stack([np.ones(len(values)), values])
    share = truth.mean()
    importance = np.where(truth == 1, 0.5 / share, 0.5 / (1 - share))
    shrink = np.full(design.shape[1], _RIDGE)
    shrink[0] = 1e-9
    weights = np.zeros(design.shape[1])
    for _ in range(15):
        p = 1 / (1 + np.exp(-(design @ weights).clip(-30, 30)))
        gradient = design.T @ (importance * (p - truth)) + shrink * weights
        curvature = (design * (importance * (p * (1 - p) + 1e-6))[:, None]).T @ design + np.diag(shrink)
        weights -= np.linalg.solve(curvature, gradient)
    return weights


def colour_numbers(image: Image, skin: npt.NDArray[np.uint8]) -> list[float]:
    """Of the skin's CIELAB: means, deviations, tails, and how hue goes with lightness. At `SIDE`."""
    lab, inside = _lab(image, skin)
    pixels = lab[inside]
    centred = pixels - pixels.mean(axis=0)
    together = centred.T @ centred / len(pixels)
    numbers = [
        pixels.mean(axis=0),
        pixels.std(axis=0),
        np.percentile(pixels, (5, 95), axis=0),
        together[0, 1:],
    ]
    return [float(value) for value in np.concatenate([np.ravel(part) for part in numbers])]


def texture_numbers(image: Image, skin: npt.NDArray[np.uint8]) -> list[float]:
    """Of the skin's lightness: detail at three scales, for its contrast; of its rim: steps to what is inside it and
    outside it. At `SIDE`."""
    lab, inside = _lab(image, skin)
    light = lab[..., 0]
    numbers = []
    for sigma in (1.0, 2.0, 4.0):
        detail = light - cv2.GaussianBlur(light, (0, 0), sigma)
        numbers.append(float(np.log(detail[inside].std() + 0.01)))
    kernel = np.ones((3, 3), np.uint8)
    mask = inside.astype(np.uint8)
    inner = (mask == 1) & (cv2.erode(mask, kernel, iterations=2) == 0)
    outer = (cv2.dilate(mask, kernel, iterations=2) == 1) & (mask == 0)
    core = inside & ~inner
    for ring in (inner, outer):
        if ring.any() and core.any():
            numbers += [float(value) for value in lab[ring].mean(axis=0) - lab[core].mean(axis=0)]
        else:
            numbers += [0.0, 0.0, 0.0]
    return numbers


def _lab(image: Image, skin: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    scale = min(1.0, SIDE / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    share = cv2.resize((skin == 1).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    inside = share > 0.5 if (share > 0.5).any() else share >= share.max()
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32), np.asarray(inside, np.bool_)


def _picture(sample: Sample) -> Picture | None:
    estimate = None if "skin" not in sample.masks else estimate_tone(sample.image, sample.masks["skin"])
    if estimate is None:
        return None
    # Small enough to keep some thousands; numbers are taken at half of it.
    scale = min(1.0, 2 * SIDE / max(sample.image.shape[:2]))
    size = (max(1, round(sample.image.shape[1] * scale)), max(1, round(sample.image.shape[0] * scale)))
    image = np.asarray(cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    skin = np.asarray(cv2.resize(sample.masks["skin"], size, interpolation=cv2.INTER_NEAREST), np.uint8)
    small = estimate_tone(image, skin)
    if small is None:
        return None
    group = sample.tone or fitzpatrick_of(small[0])
    return Picture(f"{sample.dataset}/{sample.image_id}", image, skin, small[0], group)


def _tile(image: Image) -> Image:
    scale = _TILE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tile = np.zeros((_TILE, _TILE, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    return tile
