"""A trained recogniser of tones: its file, and its answers."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field, Strict

from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.models.checkpoint import damaged_member
from skinseg.models.encoder import check_finite, weights_sha256
from skinseg.recognition.camera import linear
from skinseg.recognition.network import ToneNetwork, features_of, mixed
from skinseg.recognition.view import view_of
from skinseg.records import typed
from skinseg.tones.ita import ITA_RANGES, fitzpatrick_of

KEY = "skinseg tones"
FORMAT = 2
FILE = "recogniser.ckpt"
DEFAULT = Path("runs", "tones")
"""Where `skinseg tones train` writes unless it is told otherwise, and where a recogniser is looked for."""
HALF_90 = 1.6449
"""Deviations from the middle of a normal distribution to the ends of its middle 90 %."""


@dataclass(frozen=True)
class Calibration:
    """What validation frames said of the network's answers.

    slope, intercept: of the answers over the true ITA, each group weighing alike; they are undone, as a network that
    is unsure leans to the middle, and calls dark skin lighter than it is. spread: factor on the deviation, so that 90 %
    of the errors lie in the middle 90 %. frames: on how many.
    """

    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    intercept: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    spread: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    frames: int = 0


_Size = Annotated[int, Strict(), Field(ge=1, le=1024)]


@dataclass(frozen=True)
class _Record:
    """What a recogniser's file says of its network. sha256: of the weights; files of earlier versions have none."""

    members: _Size
    width: _Size
    calibration: Calibration
    sha256: str | None = None


@dataclass(frozen=True)
class Answer:
    """ita, deviation: of a normal distribution, degrees. groups: probability of the Fitzpatrick groups 1 to 6."""

    ita: float
    deviation: float
    groups: tuple[float, ...]

    @property
    def group(self) -> int:
        """The middle group of the distribution, 1 to 6: where the answer is unsure, the most probable ones are those
        that are widest in degrees, and groups 2 and 3 would hardly be told."""
        return fitzpatrick_of(self.ita)

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 90 %, degrees."""
        return self.ita - HALF_90 * self.deviation, self.ita + HALF_90 * self.deviation


def groups_of(ita: float, deviation: float) -> tuple[float, ...]:
    """Probability of each group 1 to 6 under a normal distribution of ITA; the outer groups have no end."""
    below = [0.5 * math.erfc((ita - low) / (deviation * math.sqrt(2))) for low, _ in ITA_RANGES.values()]
    edges = [1.0, *below[:-1], 0.0]
    return tuple(high - low for high, low in itertools.pairwise(edges))


class Recogniser:
    """Answers of a network, calibrated. record: what is known of it, plain types."""

    def __init__(self, network: ToneNetwork, calibration: Calibration, record: Mapping[str, Any]) -> None:
        self.network = network.eval()
        self.calibration = calibration
        self.record = record
        self.sha256 = weights_sha256(network.state_dict())

    def recognise(self, sample: Sample) -> Answer | None:
        """Of a sample with a mask of its skin; None without one, or with too little skin."""
        view = None if "skin" not in sample.masks else view_of(sample.image, sample.masks["skin"])
        return None if view is None else self.answers([view])[0]

    def answers(self, views: Sequence[npt.NDArray[np.uint8]]) -> list[Answer]:
        """Of each picture as `view_of` shows it."""
        if not views:
            return []
        colors = torch.from_numpy(np.stack(views))
        with torch.inference_mode():
            mean, deviation = mixed(*self.network(features_of(linear(colors))))
        return [
            calibrated(float(one), float(other), self.calibration)
            for one, other in zip(mean, deviation, strict=True)
        ]


def calibrated(mean: float, deviation: float, calibration: Calibration) -> Answer:
    """An answer from what the network says."""
    ita = (mean - calibration.intercept) / calibration.slope
    wide = deviation * calibration.spread / calibration.slope
    return Answer(ita, wide, groups_of(ita, wide))


def write(path: Path, network: ToneNetwork, calibration: Calibration, record: Mapping[str, Any]) -> None:
    """The file that `load` reads: weights and plain values."""
    sha256 = weights_sha256(network.state_dict())
    known = {
        "format": FORMAT,
        **record,
        **network.shape,
        "calibration": vars(calibration),
        "sha256": sha256,
    }
    torch.save({KEY: known, "state_dict": network.state_dict()}, path)


def load(path: Path) -> Recogniser:
    """A recogniser's file, or the one in a folder that `skinseg tones train` wrote. Runs no code from it.

    Raises UserError where there is none, where it is another kind of file, and where it is not as it was written.
    """
    file = path / FILE if path.is_dir() or path == DEFAULT else path
    if not file.is_file():
        raise UserError(
            f"recogniser {file}: does not exist, expected what `skinseg tones train` writes; train one on a "
            "rendered set, or name another with --recogniser"
        )
    what, way_out = f"recogniser {file}", "train it again, or take another file"
    try:
        damaged = damaged_member(file)
        content: Any = None if damaged else torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # on bytes of another kind the unpickler fails in any way, IndexError too
        raise UserError(
            f"{what}: cannot be read ({type(error).__name__}), expected what `skinseg tones train` writes; {way_out}"
        ) from error
    record = content.get(KEY) if isinstance(content, dict) else None
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(record, dict) or not isinstance(weights, dict):
        said = f"{damaged} is not as it was written" if damaged else "no recogniser's record in it"
        raise UserError(f"{what}: {said}, expected what `skinseg tones train` writes; {way_out}")
    if record.get("format") != FORMAT:
        raise UserError(
            f"{what}: format {record.get('format')!r}, {FORMAT} expected; use the skinseg that wrote it"
        )
    found = typed(_Record, record, what, way_out)
    check_finite(weights, what)
    if found.sha256 not in (None, weights_sha256(weights)):
        raise UserError(f"{what}: its weights are not those that were written, by their hash; {way_out}")
    network = ToneNetwork(found.members, found.width)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{what}: its weights do not fit its record; {way_out}") from error
    return Recogniser(network, found.calibration, record)
