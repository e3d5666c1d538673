"""`skinseg tones train` and `recognise`."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from skinseg.datasets.base import Dataset
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.models.encoder import HUB
from skinseg.recognition.recogniser import DEFAULT, FILE, Recogniser, load
from skinseg.recognition.training import Options
from skinseg.recognition.training import train as train_on
from skinseg.tones.ita import estimate_tone


def train(
    rendered: Path,
    out: Path = DEFAULT,
    encoder: str = Options.encoder,
    encoder_weights: str | None = HUB,
    epochs: int = Options.epochs,
    batch_size: int = Options.batch_size,
    lr: float = Options.lr,
    seed: int = 0,
    limit: int | None = None,
) -> None:
    """Train a recogniser of tones on a rendered set's frames of one person.

    Killed at any moment, the same command goes on from the last whole epoch.

    Args:
        rendered: the set's folder; its training part is trained on, its validation part calibrates.
        out: recogniser.ckpt and result.json go here.
        encoder: any of segmentation-models-pytorch's.
        encoder_weights: imagenet (an installed package's or the hub's), a file, or null for scratch.
        epochs: how often each frame is shown.
        batch_size: frames a step.
        lr: learning rate at its highest.
        seed: of weights, order and augmentation.
        limit: train on this many frames only.
    """
    dataset = open_dataset(Rendered.name, rendered)
    assert isinstance(dataset, Rendered)
    weights = None if encoder_weights == "null" else encoder_weights
    options = Options(encoder, weights, epochs, batch_size, lr, seed, limit)
    found = train_on(dataset, out, options)
    known = found.calibration
    print(
        f"{out / FILE}: start {found.record['start']['name']}; calibrated on {known.frames} held-out frames (slope "
        f"{known.slope:.2f}, deviation times {known.spread:.2f})"
    )


def recognise(
    data_root: Path,
    out: Path,
    datasets: Sequence[str] = (),
    recogniser: Path = DEFAULT,
    rendered: bool = False,
) -> None:
    """Write each photograph's tone, as ITA estimates it and as a recogniser does, to a table that --tones reads.

    Args:
        data_root: folder that holds the datasets.
        out: the CSV: dataset, image, tone, ita, deviation, low, high, estimated, estimated_ita, labelled.
        datasets: only these [all found].
        recogniser: what `skinseg tones train` wrote.
        rendered: data_root is a rendered set.
    """
    trained = load(recogniser)
    every: list[Dataset]
    if rendered:
        every = [open_dataset(Rendered.name, data_root)]
    elif datasets:
        every = [open_dataset(name, data_root) for name in dict.fromkeys(datasets)]
    else:
        every = find_datasets(data_root)
    lines = [line for dataset in every for line in _lines(dataset, trained)]
    if not lines:
        raise UserError(f"{data_root}: no image with a mask of its skin; expected some to recognise")
    with written_whole(out) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    for dataset in every:
        for source in ("labelled", "estimated", "tone"):
            groups = Counter(line[source] for line in lines if line["dataset"] == dataset.name)
            if set(groups) - {""}:
                counts = " ".join(str(groups[group]) for group in range(1, 7))
                print(
                    f"{dataset.name}, groups 1 to 6, {'recognised' if source == 'tone' else source}: {counts}"
                )
    print(out)


def _lines(dataset: Dataset, trained: Recogniser) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    console = Console(stderr=True)
    for item in track(dataset.items, f"recognise {dataset.name}", console=console, transient=True):
        sample = dataset.read(item)
        answer = trained.recognise(sample)
        estimate = None if "skin" not in sample.masks else estimate_tone(sample.image, sample.masks["skin"])
        numbers = (answer.ita, answer.deviation, *answer.interval) if answer else ()
        lines.append(
            {
                "dataset": dataset.name,
                "image": item.image_id,
                "tone": answer.group if answer else "",
                **dict.fromkeys(("ita", "deviation", "low", "high"), ""),
                **{
                    name: f"{value:.1f}"
                    for name, value in zip(("ita", "deviation", "low", "high"), numbers, strict=False)
                },
                "estimated": estimate[1] if estimate else "",
                "estimated_ita": f"{estimate[0]:.1f}" if estimate else "",
                "labelled": sample.tone or "",
            }
        )
    return lines
