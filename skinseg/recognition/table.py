"""The table of tones that `skinseg tones recognise` writes and `skinseg evaluate --tones` reads."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from skinseg.datasets.base import Dataset
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.recognition.recogniser import Recogniser
from skinseg.tones.ita import estimate_tone

Line = dict[str, object]
_NUMBERS = ("ita", "deviation", "low", "high")
_GROUPS = {"labelled": "labelled", "estimated": "estimated", "tone": "recognised"}


def write_table(datasets: Sequence[Dataset], trained: Recogniser, path: Path) -> list[Line]:
    """Write every image's tone as a recogniser tells it, as ITA estimates it and as it is labelled; the table's lines.

    Columns: dataset, image, tone (the recogniser's group, 1 to 6), ita, deviation, low, high (degrees), estimated
    (ITA's group), estimated_ita, labelled; empty where there is none. Raises UserError where no image shows skin.
    """
    lines = [line for dataset in datasets for line in _lines(dataset, trained)]
    if not lines:
        names = ", ".join(dataset.name for dataset in datasets)
        raise UserError(f"{names}: no image with a mask of its skin; expected some to recognise")
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return lines


def counts_by_group(lines: Sequence[Line]) -> Iterator[str]:
    """For people: of each dataset, how many images are in groups 1 to 6, by each source that there is."""
    for dataset in dict.fromkeys(line["dataset"] for line in lines):
        for column, source in _GROUPS.items():
            groups = Counter(line[column] for line in lines if line["dataset"] == dataset)
            if set(groups) - {""}:
                yield f"{dataset}, groups 1 to 6, {source}: {' '.join(str(groups[group]) for group in range(1, 7))}"


def _lines(dataset: Dataset, trained: Recogniser) -> Iterator[Line]:
    console = Console(stderr=True)
    for item in track(dataset.items, f"recognise {dataset.name}", console=console, transient=True):
        sample = dataset.read(item)
        answer = trained.recognise(sample)
        estimate = None if "skin" not in sample.masks else estimate_tone(sample.image, sample.masks["skin"])
        numbers = (answer.ita, answer.deviation, *answer.interval) if answer else ()
        yield {
            "dataset": dataset.name,
            "image": item.image_id,
            "tone": answer.group if answer else "",
            **dict.fromkeys(_NUMBERS, ""),
            **{name: f"{value:.1f}" for name, value in zip(_NUMBERS, numbers, strict=False)},
            "estimated": estimate[1] if estimate else "",
            "estimated_ita": f"{estimate[0]:.1f}" if estimate else "",
            "labelled": sample.tone or "",
        }
