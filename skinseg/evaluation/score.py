"""From what predicts and a dataset to result rows: each image once, every head that is labelled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from skinseg.background import in_background
from skinseg.datasets.base import Dataset
from skinseg.datasets.confusion import confusion
from skinseg.datasets.heads import HEADS
from skinseg.datasets.sample import IGNORE, Sample
from skinseg.evaluation.contour import contour_counts
from skinseg.evaluation.image_properties import image_properties
from skinseg.evaluation.panels import panel, panel_paths, write_panel
from skinseg.evaluation.rows import ResultRow
from skinseg.evaluation.score_histogram import score_histogram
from skinseg.models.prediction import Probability
from skinseg.recognition.recogniser import Recogniser
from skinseg.tones.ita import estimate_tone

Given = TypeVar("Given")
Made = TypeVar("Made")


class Source(Protocol[Given, Made]):
    """What says how likely each pixel is a head's: a network (`skinseg.models.inference.Predictor`), or a folder of
    masks (`skinseg.evaluation.masks.MaskFolder`). The steps run in three threads, for three images at once."""

    def prepare(self, sample: Sample, /) -> Given:
        """What the second step takes, in the thread that reads; it sees the sample's labels and must not use them."""

    def forward(self, prepared: Given, /) -> Made:
        """In the caller's thread."""

    def finish(self, found: Made, shape: tuple[int, ...], /) -> dict[str, Probability]:
        """By head, float32 (H, W) in [0, 1] for an image of that shape, in the thread that counts."""


@dataclass(frozen=True)
class Origin:
    """What all rows of one dataset share: what was run on which part of which split. See ResultRow."""

    run: str
    subset: str
    threshold: float
    trained_on: str
    pretrained_on: str | None
    seed: int | None
    weights: str
    config: str
    split: str


def score(
    source: Source[Given, Made],
    dataset: Dataset,
    image_ids: Sequence[str],
    origin: Origin,
    seen: Callable[[str], str],
    results: Path,
    recogniser: Recogniser | None = None,
    lanes: int = 1,
) -> Iterator[ResultRow]:
    """Score the named images of a dataset, in the order given.

    Yields one row per image and head that is labelled and that the source has.
    seen: of an image id, one of `skinseg.models.lineage.SEEN`. recogniser: see `tone_of`.

    The probability map has the image's own resolution and is cut at `origin.threshold`; the mask is never resized.
    A panel of the first labelled head (in the order of the table) is written under `results`/panels.
    lanes: of 1, the source runs in the calling thread; one thread reads ahead of it and one counts behind it. Of more,
        that many threads and one more take an image each from reading to counting: for a source whose steps use one
        core.
    Raises UserError for an image or mask that cannot be read, as the dataset does.
    """
    items = {item.image_id: item for item in dataset.items}

    def read(image_id: str) -> tuple[Sample, Given]:
        sample = dataset.read(items[image_id])
        return sample, source.prepare(sample)

    def count(predicted: tuple[Sample, Made]) -> list[ResultRow]:
        sample, found = predicted
        probabilities = source.finish(found, sample.image.shape[:2])
        return _rows(
            probabilities, sample, origin, seen(sample.image_id), results, tone_of(sample, recogniser)
        )

    def whole(image_id: str) -> list[ResultRow]:
        sample, prepared = read(image_id)
        return count((sample, source.forward(prepared)))

    if lanes > 1:
        # One more, so that no core idles while a panel goes to the disk.
        for rows in in_background(whole, image_ids, lanes + 1, lanes + 1):
            yield from rows
        return
    read_ahead = in_background(read, image_ids)
    predictions = ((sample, source.forward(prepared)) for sample, prepared in read_ahead)
    for rows in in_background(count, predictions):
        yield from rows


def tone_of(
    sample: Sample, recogniser: Recogniser | None = None
) -> tuple[int | None, str | None, float | None]:
    """Fitzpatrick group 1-6, where it comes from, and the ITA of the true skin pixels in degrees.

    A labelled tone is taken as it is; else the group is the recogniser's, where one is given, or estimated from the
    ITA: never the one where the other has no answer. (None, None, None) where there is neither a label nor enough skin.
    """
    estimate = None
    if "skin" in sample.masks:
        estimate = estimate_tone(sample.image, sample.masks["skin"])
    ita = None if estimate is None else estimate[0]
    if sample.tone is not None:
        return sample.tone, "labelled", ita
    if recogniser is not None:
        answer = recogniser.recognise(sample)
        return (None, None, ita) if answer is None else (answer.group, "recognised", ita)
    return (None, None, None) if estimate is None else (estimate[1], "estimated", ita)


def _rows(
    probabilities: dict[str, Probability],
    sample: Sample,
    origin: Origin,
    seen: str,
    results: Path,
    told: tuple[int | None, str | None, float | None],
) -> list[ResultRow]:
    predicted = {head: value >= origin.threshold for head, value in probabilities.items()}
    tone, tone_source, ita = told
    properties = asdict(image_properties(sample))
    rows: list[ResultRow] = []
    for head in HEADS:
        mask = sample.masks.get(head)
        if mask is None or head not in predicted:
            continue
        if not rows:
            paths = panel_paths(results, sample.dataset, sample.image_id)
            write_panel(paths, *panel(sample.image, mask, predicted[head]))
        outside = None
        if head == "skin" and "person" in predicted:
            outside = int(np.count_nonzero(predicted["skin"] & ~predicted["person"] & (mask != IGNORE)))
        positives, negatives = score_histogram(probabilities[head], mask)
        rows.append(
            ResultRow(
                test_set=sample.dataset,
                image=sample.image_id,
                head=head,
                **asdict(confusion(predicted[head], mask)),
                **asdict(contour_counts(predicted[head], mask)),
                width=sample.image.shape[1],
                height=sample.image.shape[0],
                outside_person=outside,
                positives=positives,
                negatives=negatives,
                tone=tone,
                tone_source=tone_source,
                ita=ita,
                subject=sample.subject,
                seen=seen,
                **properties,
                **asdict(origin),
            )
        )
    return rows
