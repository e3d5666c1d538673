"""What a checkpoint, an export and an ONNX model say of themselves, typed: a stranger's file may say anything."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict

from skinseg.models.lineage import Start, Training
from skinseg.records import Count, Number, Positive, Whole

LARGEST_SIZE = 8192
"""Pixels of the long side that a network sees, at most: a pass over more takes the memory of any machine."""

# A head's name becomes part of names of files and of modules.
Head = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
Channels = Annotated[list[Number], Field(min_length=3, max_length=3)]


def _each_once(heads: list[str]) -> list[str]:
    if len(set(heads)) < len(heads):
        raise ValueError("each head once")
    return heads


@dataclass(frozen=True)
class Network:
    """Arguments of `TwoHeadUnet`. encoder_weights: none, as the file brings its own, and nothing else is opened."""

    encoder: str
    decoder_channels: Annotated[list[Positive], Field(min_length=5, max_length=5)]
    head_split: str
    heads: Annotated[list[Head], Field(min_length=1, max_length=64), AfterValidator(_each_once)]
    mean: Channels | None = None
    std: Annotated[list[Annotated[Number, Field(gt=0)]], Field(min_length=3, max_length=3)] | None = None
    encoder_weights: None = None

    @property
    def least_numbers(self) -> int:
        """Of weights in its decoders, at least: one convolution of each stage. Known before anything is built."""
        decoders = len(self.heads) if self.head_split == "decoder" else 1
        return decoders * sum(9 * width * width for width in self.decoder_channels)


@dataclass(frozen=True)
class TrainingRecord:
    """What is known of a training; all of it may be missing, as of masks of somebody's."""

    seed: Whole | None = None
    split: str | None = None
    parent: str | None = None
    start: Start | None = None
    lineage: list[Training] = field(default_factory=list)
    adapt: str = "none"
    criterion: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    epoch: Count | None = None
    patch_size: Annotated[int, Strict(), Field(ge=1, le=LARGEST_SIZE)] | None = None


@dataclass(frozen=True, kw_only=True)
class ModelRecord(TrainingRecord):
    """The "skinseg" record: see `skinseg.models.checkpoint`. sha256: of the weights."""

    model: Network
    size: Annotated[int, Strict(), Field(ge=1, le=LARGEST_SIZE)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


@dataclass(frozen=True, kw_only=True)
class OnnxRecord(ModelRecord):
    """And what else the metadata of an ONNX model say."""

    stride: Annotated[int, Strict(), Field(ge=1, le=1024)]
    threshold: Annotated[Number, Field(ge=0, le=1)] = 0.5
