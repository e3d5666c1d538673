"""`skinseg data check`: what lies under DATA_ROOT, what of it is complete, and what is wrong, file by file."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from skinseg.data.splits import PARTS, make_split
from skinseg.datasets.base import Dataset, Item
from skinseg.datasets.folder import Folder
from skinseg.datasets.heads import HEADS
from skinseg.datasets.label_policy import policy_text
from skinseg.datasets.name_table import check_speaks_of
from skinseg.datasets.registry import PHOTOGRAPHS, check_folder, locate, locate_folders, nothing_in
from skinseg.datasets.rendered import Rendered
from skinseg.datasets.sample import FOREGROUND
from skinseg.errors import UserError
from skinseg.images.decoding import Image
from skinseg.tones.ita import estimate_tone

if TYPE_CHECKING:  # it imports torch, which only --recogniser needs
    from skinseg.recognition.recogniser import Recogniser

WRONG = 2  # exit code where a file is wrong

# A large photograph takes a gigabyte for a moment: not one on each of many cores.
THREADS = min(8, os.cpu_count() or 1)

# A set's masks count as inverted or not where this much speaks for it; in between the colours do not tell.
_CLEAR = 0.1


@dataclass
class Finding:
    """What was found of one dataset. Plain types: it is written as JSON as it is.

    images: pairs that read well. published: images of a complete copy, where that is known.
    wrong: every file that does not belong, pair or read, with the reason; warnings do not make a set wrong.
    skin_share: of all pixels that are not ignored, over images. sizes: width and height, of the image with the
    fewest pixels, the median one and the one with the most.
    polarity: see `polarity_of`. tones: source ("labelled", "estimated" or "recognised") to Fitzpatrick group to images.
    """

    name: str
    title: str
    root: str
    images: int = 0
    published: int | None = None
    wrong: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    mask_form: str = ""
    polarity: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    label_policy: str = ""
    heads: list[str] = field(default_factory=list)
    skin_share: dict[str, float] = field(default_factory=dict)
    ignored_share: float = 0.0
    sizes: dict[str, list[int]] = field(default_factory=dict)
    tones: dict[str, dict[str, int]] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Look:
    """What one pair shows, or why it does not read."""

    wrong: str | None = None
    width: int = 0
    height: int = 0
    skin_share: float | None = None
    ignored_share: float = 0.0
    heads: tuple[str, ...] = ()
    colour: float | None = None
    border: float = 0.0
    tone: int | None = None
    estimated: bool = False
    recognised: int | None = None


def check(data_root: Path, split_file: Path | None = None, recogniser: Path | None = None) -> list[Finding]:
    """Look at every file of every dataset under `data_root`; never stops at a bad one.

    recogniser: what `skinseg tones train` wrote; it tells the tones beside ITA.
    A rendered set is looked at where `data_root` is its own folder. Raises UserError where the folder is
    missing, empty, or holds no dataset.
    """
    trained = None
    if recogniser is not None:
        from skinseg.recognition.recogniser import load

        trained = load(recogniser)
    opened = list(_open_all(data_root))
    if split_file is not None:
        check_speaks_of(split_file, [dataset.name for dataset in opened])
    findings = [_finding(dataset, split_file, trained) for dataset in opened]
    if not findings:
        raise UserError(nothing_in(data_root))
    return findings


def run_check(
    data_root: Path, split_file: Path | None = None, as_json: bool = False, recogniser: Path | None = None
) -> int:
    """Print what `check` finds, as tables or as JSON. Returns 2 where a file is wrong, else 0."""
    findings = check(data_root, split_file, recogniser)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        print_findings(findings)
    return WRONG if any(finding.wrong for finding in findings) else 0


def skin_like(image: Image) -> npt.NDArray[np.bool_]:
    """Pixels with a skin's chroma: 77 <= Cb <= 127 and 133 <= Cr <= 173 (Chai and Ngan 1999). bool (H, W)."""
    ycrcb = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    return cv2.inRange(ycrcb, np.array((0, 133, 77)), np.array((255, 173, 127))) > 0


def polarity_of(colour: float, border: float) -> str:
    """Whether masks are "as expected", "inverted" or "unclear", by two inferences over a whole set.

    colour: mean over images of the share of skin-like pixels inside the mask minus that outside, -1 to 1.
    border: mean share of the pictures' border that the masks call skin, 0 to 1: people are in the middle.

    The colours decide. Where they hardly differ, the border does, if it is clear itself.
    """
    vote = colour if abs(colour) >= _CLEAR else 0.5 - border
    if abs(vote) < _CLEAR:
        return "unclear"
    return "as expected" if vote > 0 else "inverted"


def _open_all(data_root: Path) -> Iterator[Dataset | Finding]:
    """Each dataset opened leniently, or a finding that says why it cannot be opened at all."""
    check_folder(data_root)
    if Rendered.is_in(data_root):
        yield _opened(Rendered, data_root)
        return
    taken: list[Path] = []
    for kind in PHOTOGRAPHS:
        try:
            folder = locate(kind, data_root)
        except UserError as error:
            yield Finding(kind.name, kind.title, str(data_root), wrong=[_entry(data_root, error)])
            continue
        if folder is not None:
            taken.append(folder)
            yield _opened(kind, folder)
    try:
        folders = locate_folders(data_root, taken)
    except UserError as error:
        yield Finding(Folder.kind, "folders", str(data_root), wrong=[_entry(data_root, error)])
        return
    for folder in folders:
        yield _opened(Folder, folder)


def _opened(kind: type[Dataset], folder: Path) -> Dataset | Finding:
    try:
        return kind(folder, strict=False)
    except UserError as error:
        name = folder.name if kind is Folder else kind.name
        return Finding(name, kind.title, str(folder), wrong=[_entry(folder, error)])


def _finding(dataset: Dataset | Finding, split_file: Path | None, trained: "Recogniser | None") -> Finding:
    if isinstance(dataset, Finding):
        return dataset
    finding = Finding(
        dataset.name,
        dataset.title,
        str(dataset.root),
        published=dataset.published,
        wrong=[_entry(flaw.path, flaw.reason) for flaw in dataset.flaws],
        mask_form=dataset.mask_form,
        labels=dataset.labels,
        label_policy=dataset.label_policy,
        warnings=[_entry(each.path, f"passed over: {each.reason}") for each in dataset.passed_over],
    )
    looks = _look_at_all(dataset, trained)
    for item, look in zip(dataset.items, looks, strict=True):
        if look.wrong is not None:
            finding.wrong.append({"file": str(item.image_path), "reason": look.wrong})
        elif look.skin_share in (0.0, 1.0):
            side = "no skin" if look.skin_share == 0 else "nothing but skin"
            reason = f"{side} in it; scored as it is: an empty prediction on no skin counts 1"
            finding.warnings.append({"file": str(item.mask_path), "reason": reason})
    _summarise(finding, [look for look in looks if look.wrong is None])
    if finding.polarity.get("found") in ("inverted", "unclear"):
        finding.warnings.append(
            {
                "file": str(dataset.root),
                "reason": f"masks look {finding.polarity['found']} ({dataset.mask_form} expected), by their colours "
                "and borders: an inference, so look at some",
            }
        )
    finding.split = _split(dataset, split_file, finding)
    return finding


def _look_at_all(dataset: Dataset, trained: "Recogniser | None") -> list[_Look]:
    # Decoding lets go of the interpreter: threads are enough.
    with ThreadPoolExecutor(THREADS) as pool:
        looks = pool.map(lambda item: _look(dataset, item, trained), dataset.items)
        console = Console(stderr=True)
        return list(track(looks, f"check {dataset.name}", len(dataset), console=console, transient=True))


def _look(dataset: Dataset, item: Item, trained: "Recogniser | None") -> _Look:
    try:
        sample = dataset.read(item)
    except UserError as error:
        return _Look(wrong=str(error))
    height, width = sample.image.shape[:2]
    heads = tuple(sample.masks)
    if "skin" not in heads:
        return _Look(width=width, height=height, heads=heads)
    mask = sample.masks["skin"]
    inside, outside = mask == FOREGROUND, mask == 0
    skin, rest = int(inside.sum()), int(outside.sum())
    colour = None
    if skin and rest:
        like = skin_like(sample.image)
        colour = float(like[inside].mean() - like[outside].mean())
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    estimate = None if sample.tone is not None else estimate_tone(sample.image, mask)
    answer = None if trained is None or sample.tone is not None else trained.recognise(sample)
    return _Look(
        width=width,
        height=height,
        skin_share=skin / (skin + rest) if skin + rest else None,
        ignored_share=1 - (skin + rest) / mask.size,
        heads=heads,
        colour=colour,
        border=float(border.mean()),
        tone=sample.tone if estimate is None else estimate[1],
        estimated=estimate is not None,
        recognised=None if answer is None else answer.group,
    )


def _summarise(finding: Finding, looks: list[_Look]) -> None:
    finding.images = len(looks)
    if not looks:
        return
    finding.heads = [head for head in HEADS if any(head in look.heads for look in looks)]
    shares = [look.skin_share for look in looks if look.skin_share is not None]
    if shares:
        measures = (("min", np.min), ("median", np.median), ("mean", np.mean), ("max", np.max))
        finding.skin_share = {name: round(float(measure(shares)), 4) for name, measure in measures}
    finding.ignored_share = round(float(np.mean([look.ignored_share for look in looks])), 4)
    ordered = sorted((look.width * look.height, look.width, look.height) for look in looks)
    for name, place in (("min", 0), ("median", len(ordered) // 2), ("max", -1)):
        finding.sizes[name] = list(ordered[place][1:])
    told = [(look.colour, look.border) for look in looks if look.colour is not None]
    if told:
        colour, border = (float(value) for value in np.mean(told, axis=0))
        reversed_images = sum(polarity_of(*each) == "inverted" for each in told)
        finding.polarity = {
            "found": polarity_of(colour, border),
            "colour": round(colour, 3),
            "border": round(border, 3),
            "images_as_expected": len(told) - reversed_images,
            "images": len(told),
        }
    for source, estimated in (("labelled", False), ("estimated", True)):
        groups = Counter(look.tone for look in looks if look.tone is not None and look.estimated is estimated)
        if groups:
            finding.tones[source] = {str(group): groups[group] for group in range(1, 7)}
    recognised = Counter(look.recognised for look in looks if look.recognised is not None)
    if recognised:
        finding.tones["recognised"] = {str(group): recognised[group] for group in range(1, 7)}


def _split(dataset: Dataset, split_file: Path | None, finding: Finding) -> dict[str, Any]:
    try:
        split = make_split(dataset, file=split_file)
    except UserError as error:
        finding.wrong.append(_entry(split_file or dataset.root, error))
        return {}
    subject_of = {item.image_id: item.subject for item in dataset.items}
    subjects = {part: {subject_of[image_id] for image_id in split.part(part)} - {None} for part in PARTS}
    return {
        "hash": split.hash,
        "source": split.source,
        "images": {part: len(split.part(part)) for part in PARTS},
        "subjects": {part: len(subjects[part]) for part in PARTS} if any(subjects.values()) else None,
    }


def _entry(path: Path, reason: object) -> dict[str, str]:
    return {"file": str(path), "reason": str(reason)}


# ------------------------------------------------------------------------------------------------ printing


def print_findings(findings: list[Finding], console: Console | None = None) -> None:
    """Two tables over all datasets, then every file that is wrong and every warning, by name."""
    console = console or Console(width=None if Console().is_terminal else 160)
    overview = Table(
        "dataset", "images", "size, median", "skin", "masks", "tones 1 to 6", "wrong", "warnings"
    )
    for finding in findings:
        overview.add_row(
            finding.title,
            f"{finding.images}" + (f" of {finding.published}" if finding.published else ""),
            "x".join(map(str, finding.sizes["median"])) if finding.sizes else "",
            f"{finding.skin_share['mean']:.0%}" if finding.skin_share else "",
            f"{finding.mask_form}\n{_polarity_words(finding)}".strip(),
            "\n".join(f"{' '.join(map(str, t.values()))} {source}" for source, t in finding.tones.items()),
            str(len(finding.wrong)),
            str(len(finding.warnings)),
        )
    console.print(overview)
    splits = Table("dataset", "train", "validation", "test", "subjects", "split", "hash", "folder")
    for finding in findings:
        images, subjects = finding.split.get("images", {}), finding.split.get("subjects")
        splits.add_row(
            finding.title,
            *(str(images.get(part, "")) for part in PARTS),
            " + ".join(map(str, subjects.values())) if subjects else "not known" if images else "",
            finding.split.get("source", ""),
            finding.split.get("hash", ""),
            finding.root,
        )
    console.print(splits)
    for finding in findings:
        if finding.labels:
            console.print(
                f"{finding.title}: {finding.label_policy} ({policy_text(finding.labels)})",
                highlight=False,
                markup=False,
            )
    for heading, style, entries_of in (("wrong", "red", "wrong"), ("warning", "yellow", "warnings")):
        for finding in findings:
            for entry in getattr(finding, entries_of):
                where = "" if entry["file"] in entry["reason"] else f" {entry['file']}:"
                line = f"{heading}: {finding.title}:{where} {entry['reason']}"
                console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _polarity_words(finding: Finding) -> str:
    found = finding.polarity
    if not found:
        return ""
    return f"{found['found']} ({found['images_as_expected']} of {found['images']} images)"
