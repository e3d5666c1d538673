"""An ONNX model in 8-bit integers, and whether it still segments as well."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinseg.data.splits import make_split
from skinseg.datasets.base import Dataset
from skinseg.datasets.confusion import confusion
from skinseg.datasets.registry import find_datasets
from skinseg.errors import UserError, install
from skinseg.images.decoding import Image
from skinseg.models.onnx_model import INPUT, OnnxPredictor, sealed
from skinseg.models.prediction import THRESHOLD, Batch, ImagePredictor

INT8 = "model.int8.onnx"
ALLOWED = 0.005
"""How far skin mIoU may move on the test part of any dataset, up or down: half a point."""
CALIBRATION = 64
"""Training images of each dataset, at most, that the ranges of activations are taken from."""


@dataclass(frozen=True)
class Int8Score:
    """Skin mIoU over the `images` of a dataset's test part."""

    dataset: str
    images: int
    float32: float
    int8: float


@dataclass(frozen=True)
class Quantized:
    """model: ONNX; scores: a line per dataset."""

    model: bytes
    scores: list[Int8Score]

    @property
    def kept(self) -> bool:
        return all(line.float32 - line.int8 <= ALLOWED for line in self.scores)


def quantized(model: bytes, float32: OnnxPredictor, data_root: Path) -> Quantized:
    """Quantize an ONNX model with the training parts of all datasets below a folder, and score it on the test parts.

    model: what `float32` runs. Raises UserError as `find_datasets`, `make_split` and the datasets' readers do.
    """
    datasets = find_datasets(data_root)
    splits = [make_split(dataset) for dataset in datasets]
    inputs = [
        float32.network_input(image)
        for dataset, split in zip(datasets, splits, strict=True)
        for image in _images(dataset, evenly(split.train, CALIBRATION))
    ]
    content = quantize(model, inputs)
    small = OnnxPredictor(content, "cpu")
    scores = []
    for dataset, split in zip(datasets, splits, strict=True):
        ids = sorted(split.test)
        scores.append(
            Int8Score(
                dataset.name, len(ids), skin_miou(float32, dataset, ids), skin_miou(small, dataset, ids)
            )
        )
    return Quantized(content, scores)


def quantize(model: bytes, inputs: Sequence[Batch]) -> bytes:
    """An ONNX model with the convolutions of its decoders in int8, per channel.

    The encoder stays in float32, and an activation's range is the mean over the inputs of its
    extremes: with the encoder in int8 too, or with the extremes of all inputs, mIoU moved by some points
    (docs/export.md).
    """
    try:
        import onnx
        from onnxruntime.quantization import (
            CalibrationDataReader,
            QuantFormat,
            QuantType,
            quantize_static,
            shape_inference,
        )
    except ImportError as error:
        raise UserError(
            f"onnx or ONNX Runtime is not installed, which int8 needs; {install('export')}"
        ) from error

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.inputs = iter(inputs)

        def get_next(self) -> dict[str, Batch] | None:
            batch = next(self.inputs, None)
            return None if batch is None else {INPUT: batch}

    with tempfile.TemporaryDirectory() as folder:
        given, prepared, made = (Path(folder, name) for name in ("float.onnx", "prepared.onnx", "int8.onnx"))
        given.write_bytes(model)
        shape_inference.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        kept = [
            node.name
            for node in onnx.load(prepared).graph.node
            if node.op_type == "Conv" and "/encoder/" in node.name
        ]
        quantize_static(
            prepared,
            made,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=kept,
            per_channel=True,
            extra_options={"CalibMovingAverage": True},
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,  # without it, sums of products overflow 16 bits on CPUs that lack VNNI
        )
        return sealed(made.read_bytes())


def skin_miou(predictor: ImagePredictor, dataset: Dataset, image_ids: Sequence[str]) -> float:
    """Mean over images of the skin head's IoU, at each image's own resolution."""
    items = {item.image_id: item for item in dataset.items}
    values = []
    for image_id in image_ids:
        sample = dataset.read(items[image_id])
        if "skin" in sample.masks:
            found = predictor.predict(sample.image).probabilities["skin"] >= THRESHOLD
            values.append(confusion(found, sample.masks["skin"]).iou)
    return float(np.mean(values))


def evenly(names: Sequence[str] | frozenset[str], count: int) -> list[str]:
    """At most `count` of the names, spread over their sorted order."""
    ordered = sorted(names)
    return ordered[:: -(-len(ordered) // count)]


def _images(dataset: Dataset, image_ids: Sequence[str]) -> Iterator[Image]:
    items = {item.image_id: item for item in dataset.items}
    for image_id in image_ids:
        yield dataset.read(items[image_id]).image
