"""`skinseg export`: a trained model as safetensors and as ONNX, which is checked against torch before it is written."""

import dataclasses
import hashlib
import json
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from skinseg.errors import UserError, install
from skinseg.export.quantization import INT8, Quantized, quantized
from skinseg.files import written_whole
from skinseg.images.decoding import Image, read_image
from skinseg.models.checkpoint import Checkpoint, model_of, newest_checkpoint, read_checkpoint
from skinseg.models.encoder import weights_sha256
from skinseg.models.exported import CONFIG, ONNX, WEIGHTS
from skinseg.models.inference import Predictor
from skinseg.models.onnx_model import BESIDE, INPUT, KEY, SEAL, UNSEALED, OnnxPredictor, sealed
from skinseg.models.prediction import THRESHOLD, ImagePredictor
from skinseg.models.unet import STRIDE, TwoHeadUnet
from skinseg.predict.pictures import find_pictures

TOLERANCE = 1e-4
"""Largest difference of a probability between torch and ONNX Runtime, where rounding alone is some 1e-6."""

ROUNDED_FROM = "rounded_from"
"""Of the record of weights in half precision: the SHA-256 of those they were rounded from."""

OPSET = 17
SAMPLE = (2, 3, 128, 160)  # of no square and more than one image, so that no size is taken for a constant


@dataclass(frozen=True)
class Difference:
    """Between torch and ONNX Runtime: of probabilities, the largest; of masks, the share of pixels. images: how many;
    generated: whether they were drawn, and not the user's."""

    probability: float
    mask: float
    images: int
    generated: bool


@dataclass(frozen=True)
class Exported:
    """checkpoint: what was exported. int8: how it scored, None where it was not asked for; `kept` where written."""

    out: Path
    checkpoint: Checkpoint
    difference: Difference
    int8: Quantized | None


def export(
    path: Path, out: Path, images: Sequence[str] = (), int8_data: Path | None = None, half: bool = False
) -> Exported:
    """Write model.safetensors, config.json and model.onnx into `out`.

    path: as `newest_checkpoint`. images: photographs to check the ONNX model with, as `find_pictures`; drawn ones
        where there are none.
    int8_data: a folder of datasets: model.int8.onnx is calibrated on their training parts, and written only if
        mIoU falls by at most `quantization.ALLOWED` on the test part of each.
    half: weights are rounded to half precision first, and stored once: model.onnx is the graph alone, and reads them
        from the model.safetensors beside it. They compute in single precision.
    Raises UserError for a bad checkpoint or image, a package that is missing, and an ONNX model that differs from
    torch by more than `TOLERANCE`; nothing is written then.
    """
    checkpoint = read_checkpoint(newest_checkpoint(path))
    if half:
        checkpoint = halved(checkpoint)
    predictor = Predictor(model_of(checkpoint), checkpoint.size)
    record = checkpoint.metadata | {"sha256": checkpoint.sha256}
    pictures = (
        [read_image(source.path) for source in find_pictures(images).sources] if images else drawn_images()
    )
    weights = safetensors.torch.save(
        {name: value.contiguous() for name, value in checkpoint.state_dict.items()}
    )
    onnx_model = to_onnx(predictor.model, record, weights if half else None)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ((WEIGHTS, weights), (ONNX, onnx_model)):
            Path(folder, name).write_bytes(content)
        exported = OnnxPredictor(Path(folder, ONNX), "cpu")
    difference = compared(predictor, exported, pictures, generated=not images)
    if not difference.probability <= TOLERANCE:  # nor where it is no number
        raise UserError(
            f"checkpoint {checkpoint.path}: its ONNX model differs from torch by {difference.probability:.2g} in "
            f"probability, at most {TOLERANCE:g} expected; nothing was written: report this encoder, "
            f"{checkpoint.model.get('encoder')}"
        )
    int8 = None
    if int8_data is not None:
        int8 = quantized(to_onnx(predictor.model, record) if half else onnx_model, exported, int8_data)
    # The record first: by it a folder is known for an export, should the rest not be written.
    files = {
        CONFIG: (json.dumps(record, indent=2) + "\n").encode(),
        WEIGHTS: weights,
        ONNX: onnx_model,
    }
    if int8 is not None and int8.kept:
        files[INT8] = int8.model
    for name, content in files.items():
        with written_whole(out / name) as beside:
            beside.write_bytes(content)
    if INT8 not in files:
        (out / INT8).unlink(missing_ok=True)  # an earlier export's, of other weights perhaps
    return Exported(out, checkpoint, difference, int8)


def halved(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its weights in half precision, under their own hash.

    Raises UserError where a weight is too large for it.
    """
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in checkpoint.state_dict.items()
    }
    for name, value in weights.items():
        if not bool(torch.isfinite(value).all()):
            raise UserError(
                f"checkpoint {checkpoint.path}: {name} does not fit half precision; export without --half"
            )
    metadata = checkpoint.metadata | {ROUNDED_FROM: checkpoint.sha256}
    return dataclasses.replace(
        checkpoint, state_dict=weights, sha256=weights_sha256(weights), metadata=metadata
    )


def to_onnx(model: TwoHeadUnet, record: dict[str, Any], weights: bytes | None = None) -> bytes:
    """The network as an ONNX model: "image", uint8 (B, 3, h, w), RGB, sides multiples of 32, to a probability,
    float32 (B, h, w), under each head's name. Normalisation is inside; so is the record, under `onnx_model.KEY`.

    weights: a safetensors file of the model's; the ONNX model then is the graph alone, and reads its parameters from
    that file, which must lie beside it as model.safetensors.
    By the exporter that traces: the newer one takes ten times as long for the same graph, and onnxscript.
    Raises UserError where onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise UserError(
            f"onnx is not installed, which `skinseg export` needs; {install('export')}"
        ) from error
    axes = {0: "batch", 1: "height", 2: "width"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        traced = Path(folder, ONNX)
        warnings.simplefilter("ignore")  # of deprecation, and of the size check, which the trace leaves out
        torch.onnx.export(
            _Probabilities(model).eval(),
            (torch.zeros(SAMPLE, dtype=torch.uint8),),
            traced,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(model.heads),
            dynamic_axes={INPUT: {0: "batch", 2: "height", 3: "width"}} | dict.fromkeys(model.heads, axes),
            # What reads parameters from their own file must have them as that has them, not folded.
            training=torch.onnx.TrainingMode.EVAL if weights is None else torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=weights is None,
        )
        graph = onnx.load_model(traced)
    described = record | {"stride": STRIDE, "threshold": THRESHOLD, SEAL: UNSEALED}
    if weights is not None:
        _point_into(graph, weights)
        described[BESIDE] = hashlib.sha256(weights).hexdigest()
    onnx.helper.set_model_props(graph, {KEY: json.dumps(described)})
    return sealed(bytes(graph.SerializeToString()))


def _point_into(graph: Any, weights: bytes) -> None:
    """Let an ONNX model read its parameters from the safetensors file that will lie beside it.

    Both formats keep a tensor's bytes in a row: an initializer names its place in the file, and a cast, which ONNX
    Runtime does once when it opens the model, brings it to single precision.
    """
    import onnx

    length = int.from_bytes(weights[:8], "little")
    places = json.loads(weights[8 : 8 + length])
    kinds = {"F16": onnx.TensorProto.FLOAT16, "F32": onnx.TensorProto.FLOAT}
    kept, casts = [], []
    for tensor in graph.graph.initializer:
        place = places.get(tensor.name.removeprefix("model."))
        if place is None or place["dtype"] not in kinds:
            kept.append(tensor)
            continue
        start, end = place["data_offsets"]
        stored = onnx.TensorProto(
            name=f"{tensor.name}.stored", data_type=kinds[place["dtype"]], dims=tensor.dims
        )
        where = {"location": WEIGHTS, "offset": 8 + length + start, "length": end - start}
        for key, value in where.items():
            stored.external_data.add(key=key, value=str(value))
        stored.data_location = onnx.TensorProto.EXTERNAL
        kept.append(stored)
        casts.append(onnx.helper.make_node("Cast", [stored.name], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.initializer[:], graph.graph.node[:]
    graph.graph.initializer.extend(kept)
    graph.graph.node.extend(nodes)


def compared(
    first: ImagePredictor, second: ImagePredictor, images: Sequence[Image], generated: bool
) -> Difference:
    """How far two predictors are apart on images, each alone and twice in a batch of two."""
    largest, flipped, pixels = 0.0, 0, 0
    for image in images:
        single = first.network_input(image)
        for batch in (single, np.concatenate([single, single[:, :, ::-1]])):
            ours, theirs = first.run(batch), second.run(batch)
            for head, value in ours.items():
                # Not max(), which takes the first where one is no number.
                largest = float(np.maximum(largest, np.abs(value - theirs[head]).max()))
                flipped += int(np.count_nonzero((value >= THRESHOLD) != (theirs[head] >= THRESHOLD)))
                pixels += value.size
    return Difference(largest, flipped / pixels, len(images), generated)


def drawn_images() -> list[Image]:
    """Four pictures of different shapes, the same each time: noise, and ellipses in colours of skin and cloth."""
    generator = np.random.default_rng(6)
    pictures = []
    for height, width in ((240, 320), (320, 240), (200, 200), (90, 400)):
        picture = np.full((height, width, 3), generator.integers(40, 220, 3), np.float32)
        for color in ((224, 180, 152), (130, 86, 62), (60, 90, 150), (84, 56, 44)):
            centre = (int(generator.integers(width)), int(generator.integers(height)))
            axes = (int(generator.integers(10, 80)), int(generator.integers(10, 80)))
            cv2.ellipse(picture, centre, axes, float(generator.integers(180)), 0, 360, color, -1)
        picture += generator.normal(0, 12, picture.shape)
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    return pictures


class _Probabilities(nn.Module):
    """A model's heads as a tuple of probabilities, in their order."""

    def __init__(self, model: TwoHeadUnet) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(value.sigmoid() for value in self.model(image).values())
