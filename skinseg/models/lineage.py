"""What a model started from and was trained on, its parents included, and whether it can have seen an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown"
IMAGENET, SCRATCH = "ImageNet", "scratch"

SEEN = ("never", "held out", UNKNOWN, "maybe", "trained on")
"""From harmless to not: no training used the image's dataset; one did, but held this image out; nobody knows;
one used the dataset under another split, which may have this image in its training part; one used the image."""


@dataclass(frozen=True)
class Training:
    """One training on one set: the dataset's name and the hash of its split, None where there was none.

    labels: whether its masks were used; an adaptation method may be shown the images of a target without them.
    """

    dataset: str
    split: str | None
    labels: bool = True

    @property
    def name(self) -> str:
        """The dataset, and that its masks were not used, where they were not."""
        return self.dataset if self.labels else f"{self.dataset} without labels"


@dataclass(frozen=True)
class Start:
    """What the encoder's weights were before any training of ours: that of a fine-tuned model is its root's.

    name: `IMAGENET`, `SCRATCH` or `UNKNOWN`. source: the package, the file's name or "hub", None of scratch.
    sha256: of the file; of the hub's, over the tensors (`skinseg.models.encoder.weights_sha256`).
    """

    name: str
    source: str | None = None
    sha256: str | None = None

    @property
    def short(self) -> str:
        """What tells it from others wherever its file lay: "ImageNet 0123456789ab"."""
        return self.name if self.sha256 is None else f"{self.name} {self.sha256[:12]}"

    def __str__(self) -> str:
        if self.source is None or self.sha256 is None:
            return self.name
        return f"{self.name} ({self.source}, SHA-256 {self.sha256[:12]})"


def start_of(metadata: Mapping[str, Any]) -> Start:
    """The start of a checkpoint, from its "skinseg" record; checkpoints of earlier versions do not tell."""
    return Start(**metadata["start"]) if metadata.get("start") else Start(UNKNOWN)


def lineage_of(metadata: Mapping[str, Any]) -> tuple[Training, ...]:
    """All trainings behind a checkpoint, the first one first, from its "skinseg" record.

    Checkpoints of earlier versions do not tell: theirs is one training on an unknown dataset.
    """
    recorded = metadata.get("lineage")
    if not recorded:
        return (Training(UNKNOWN, metadata.get("split")),)
    return tuple(
        Training(str(entry["dataset"]), entry["split"], bool(entry.get("labels", True))) for entry in recorded
    )


def tones_of(metadata: Mapping[str, Any]) -> dict[str, list[int]]:
    """Training images of Fitzpatrick groups 1 to 6 by kind ("real", "re-toned", "rendered"), from a "skinseg"
    record: of each kind the last training that counted them. Photographs are counted where a training re-toned some."""
    return {str(kind): [int(count) for count in counts] for kind, counts in metadata.get("tones", {}).items()}


def recorded(lineage: Sequence[Training], now: Sequence[Training]) -> list[dict[str, Any]]:
    """The checkpoint's record of a lineage that goes on with one more run, on one set or on several at once, the
    one that it validates on last; a run that is resumed, or one that goes on with the same data, adds nothing."""
    every = [*lineage] if tuple(lineage[-len(now) :]) == tuple(now) else [*lineage, *now]
    return [
        {"dataset": training.dataset, "split": training.split}
        | ({} if training.labels else {"labels": False})
        for training in every
    ]


def trained_on(lineage: Sequence[Training]) -> tuple[str, str | None]:
    """The dataset of the last training, and those before it or beside it ("a + b", each once) or None."""
    last = lineage[-1].name
    before = dict.fromkeys(training.name for training in lineage[:-1] if training.name != last)
    return last, " + ".join(before) or None


def seen(lineage: Sequence[Training], dataset: str, split: str, held_out: bool) -> str:
    """Which of `SEEN` is true of an image of a dataset; `held_out` says that `split` has it in its test part.

    Equal split hashes mean equal lists of names, whatever the dataset was called. An image whose mask was not
    used was shown all the same, and counts as trained on.
    """

    def by(training: Training) -> str:
        if training.split == split:
            return "held out" if held_out else "trained on"
        if training.dataset == UNKNOWN:
            return UNKNOWN
        return "maybe" if training.dataset == dataset else "never"

    return max((by(training) for training in lineage), key=SEEN.index)
