"""From a predictor and a dataset to result rows: one forward pass per image, every head that is labelled."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from skinseg.datasets.base import Dataset
from skinseg.datasets.confusion import confusion
from skinseg.datasets.sample import HEADS, Sample
from skinseg.evaluation.panels import panel, panel_path, write_panel
from skinseg.evaluation.rows import ResultRow
from skinseg.models.inference import Predictor
from skinseg.tones.ita import estimate_tone


@dataclass(frozen=True)
class Origin:
    """What all rows of one dataset share: which model was run on which part of which split. See ResultRow."""

    run: str
    subset: str
    threshold: float
    weights: str
    config: str
    split: str


def score(
    predictor: Predictor, dataset: Dataset, image_ids: Sequence[str], origin: Origin, results: Path
) -> Iterator[ResultRow]:
    """Score the named images of a dataset, in the order given.

    Yields one row per image and head that is labelled and that the model has.

    The probability map comes back at the image's own resolution and is cut at `origin.threshold`; the mask is
    never resized. A panel of the first labelled head (skin before person) is written under `results`/panels.
    Raises UserError for an image or mask that cannot be read, as the dataset does.
    """
    items = {item.image_id: item for item in dataset.items}
    for image_id in image_ids:
        sample = dataset.read(items[image_id])
        probabilities = predictor.probabilities(sample.image)
        tone, tone_source, ita = tone_of(sample)
        shown = False
        for head in HEADS:
            mask = sample.mask(head)
            if mask is None or head not in probabilities:
                continue
            predicted = probabilities[head] >= origin.threshold
            if not shown:
                picture = panel(sample.image, mask, predicted)
                write_panel(panel_path(results, dataset.name, image_id), picture)
                shown = True
            yield ResultRow(
                test_set=dataset.name,
                image=image_id,
                head=head,
                **asdict(confusion(predicted, mask)),
                width=sample.image.shape[1],
                height=sample.image.shape[0],
                tone=tone,
                tone_source=tone_source,
                ita=ita,
                subject=sample.subject,
                **asdict(origin),
            )


def tone_of(sample: Sample) -> tuple[int | None, str | None, float | None]:
    """Fitzpatrick group 1-6, where it comes from, and the ITA of the true skin pixels in degrees.

    A labelled tone is taken as it is; else the group is estimated from the ITA. (None, None, None) where
    there is neither a label nor enough skin to estimate from.
    """
    estimate = None if sample.skin is None else estimate_tone(sample.image, sample.skin)
    ita = None if estimate is None else estimate[0]
    if sample.tone is not None:
        return sample.tone, "labelled", ita
    return (None, None, None) if estimate is None else (estimate[1], "estimated", ita)
