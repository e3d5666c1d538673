"""Every reader of files that are not ours, or were ours before something happened to them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import safetensors.torch
import torch
import yaml

from skinseg.commands.training import _check_config, _flat
from skinseg.curation.unpack import unpack
from skinseg.data.cache import open_cache
from skinseg.data.splits import make_split
from skinseg.datasets.folder import Folder
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.evaluation.command import evaluate
from skinseg.evaluation.masks import read_probability
from skinseg.images.decoding import check_sums, read_image, read_levels
from skinseg.models.checkpoint import metadata_of, read_checkpoint
from skinseg.models.onnx_model import OnnxPredictor
from skinseg.models.unet import TwoHeadUnet
from skinseg.predict.command import written_before
from skinseg.predict.pictures import Source, read_pictures
from skinseg.recognition import recogniser
from skinseg.recognition.network import ToneNetwork
from skinseg.reports.results import read_results
from skinseg.studies.definition import read_study
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.label_image import encode_labels, read_labels
from skinseg.synthetic.rendering.claim import check_claim, check_settings, claim, read_generator
from tests import fakes
from tests.faults.tally import Tally
from tests.stand_in import CONFIG, PlainJob
from tests.test_curation_unpack import make_tar, make_zip
from tests.test_evaluation_masks import draw_masks, truth
from tests.test_models_checkpoint import CHANNELS, saved
from tests.test_studies_graph import write_study

MUTATIONS = ("bit", "bytes", "zeros", "cut", "lost", "twice", "swapped", "tail", "empty", "other")


def mutate(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """What was done, and a file's bytes after it: flips and blocks anywhere, cuts, and what is not the file at all."""
    kind = str(rng.choice(MUTATIONS, p=[0.3, 0.15, 0.1, 0.15, 0.08, 0.06, 0.06, 0.06, 0.01, 0.03]))
    size = len(data)
    at = int(rng.integers(size))
    length = int(min(size - at, 1 + rng.geometric(1 / 64)))
    noise = rng.bytes(length)
    match kind:
        case "bit":
            changed = data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :]
        case "bytes":
            changed = data[:at] + noise + data[at + length :]
        case "zeros":
            changed = data[:at] + bytes(length) + data[at + length :]
        case "cut":
            changed = data[:at]
        case "lost":
            changed = data[:at] + data[at + length :]
        case "twice":
            changed = data[: at + length] + data[at:]
        case "swapped":
            other = int(rng.integers(size - length + 1))
            low, high = sorted((at, other))
            changed = data[:low] + data[high : high + length] + data[low + length :]
        case "tail":
            changed = data + noise
        case "empty":
            changed = b""
        case _:
            changed = noise
    return f"{kind} at {at} of {size}", changed


@dataclass(frozen=True)
class Reader:
    """file: what is mutated; the file must be there, whole, when `read` is called for the first time.

    read: to a value that can be compared. summed: whether the file, by its own sums or hashes, tells any change that
    matters: then a value that differs is wrong. Else it must be of the right form, which `form` says.
    """

    name: str
    file: Path
    read: Callable[[], Any]
    summed: bool = True
    form: Callable[[Any], bool] = lambda value: True


def pixels(value: Any) -> bool:
    return bool(value.ndim == 3 and value.shape[2] == 3 and value.dtype == np.uint8 and value.size)


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_readers(root: Path) -> list[Reader]:
    """Whole files below a folder, and what reads them. Raises whatever reading them raises."""
    return [
        *_pictures(root / "pictures"),
        *_tables(root / "tables"),
        *_weights(root / "weights"),
        *_ours(root / "ours"),
    ]


def _pictures(root: Path) -> list[Reader]:
    readers = []
    for suffix in ("jpg", "png", "webp", "tif", "bmp", "gif"):
        path = root / f"a.{suffix}"
        if suffix == "gif":
            PIL.Image.fromarray(fakes.fake(0).image).save(path)
        else:
            fakes.write(path, fakes.fake(0).image)
        read = lambda path=path: read_image(path)  # noqa: E731
        readers.append(Reader(f"picture, {suffix}", path, read, suffix == "png", pixels))
    mask = root / "mask.png"
    fakes.write(mask, fakes.fake(0).skin.astype(np.uint8) * 255)
    readers.append(Reader("mask", mask, lambda: read_levels(mask).turned))
    readers.append(Reader("mask to score", mask, lambda: read_probability(mask, fakes.fake(0).skin.shape)))
    labels = root / "labels.png"
    labels.write_bytes(encode_labels(np.arange(64, dtype=np.uint8).reshape(8, 8) % 9))
    readers.append(Reader("label image", labels, lambda: (check_sums(labels), read_labels(labels))[1]))
    for suffix, codec in (("mp4", "mp4v"), ("avi", "MJPG")):
        clip = root / f"clip.{suffix}"
        writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*codec), 5.0, (96, 72))
        for i in range(3):
            writer.write(fakes.fake(i).image)
        writer.release()
        read = lambda clip=clip: _frames(clip)  # noqa: E731
        form = lambda found: all(map(pixels, found)) and 0 < len(found) < 1000  # noqa: E731
        readers.append(Reader(f"video, {suffix}", clip, read, False, form))
    return readers


def _frames(clip: Path) -> list[Any]:
    found = list(read_pictures([Source(clip, "clip")]))
    for picture in found:
        if picture.error is not None:
            raise UserError(picture.error)
    return [picture.image for picture in found]


def _tables(root: Path) -> list[Reader]:
    fakes.make_folder(root / "folder", 6, table=True)
    pairs, split, tones = root / "folder/pairs.csv", root / "split.csv", root / "tones.csv"
    names = [item.image_id for item in Folder(root / "folder").items]
    parts = ("train", "train", "test", "test", "validation", "validation")
    split.write_text(
        "image,part\n" + "".join(f"{name},{part}\n" for name, part in zip(names, parts, strict=True))
    )
    tones.write_text("image,tone\n" + "".join(f"{name},{i % 6 + 1}\n" for i, name in enumerate(names)))
    study, config, settings = root / "study.yaml", root / "config.yaml", root / "generator.yaml"
    write_study(study)
    options = {
        "model": {"lr": 0.001, "heads": ["skin", "person"]},
        "data": {"size": 64},
        "trainer": {"max_epochs": 2},
    }
    config.write_text(yaml.safe_dump(options))
    settings.write_text(GeneratorConfig().to_yaml())
    predictions = root / "out" / "predictions.jsonl"
    predictions.parent.mkdir()
    lines = [
        {"image": f"{i}.jpg", "skin": str(root / f"out/{i}_skin.png"), "skin_share": 0.1} for i in range(4)
    ]
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def label() -> list[int | None]:
        dataset = Folder(root / "folder")
        dataset.label_tones(tones)
        return [item.tone for item in dataset.items]

    def flat() -> dict[str, Any]:
        _check_config(config, False)
        return _flat(config)

    def inside(found: set[Path]) -> bool:
        return all(path.is_relative_to((root / "out").resolve()) for path in found)

    def are_tones(found: list[int | None]) -> bool:
        return all(each in (None, 1, 2, 3, 4, 5, 6) for each in found)

    return [
        Reader("pairs.csv", pairs, lambda: [item.image_id for item in Folder(root / "folder").items], False),
        Reader("split", split, lambda: make_split(Folder(root / "folder"), file=split).hash, False),
        Reader("tones", tones, label, False, are_tones),
        Reader("study", study, lambda: read_study(study), False),
        Reader("config of fit", config, flat, False),
        Reader("config of render", settings, lambda: GeneratorConfig.load(settings), False),
        Reader("predictions.jsonl", predictions, lambda: written_before(predictions.parent), False, inside),
    ]


def _weights(root: Path) -> list[Reader]:
    path, exported = root / "a.ckpt", root / "exported"
    saved(path)
    exported.mkdir(parents=True)
    torch.manual_seed(3)
    model = TwoHeadUnet(decoder_channels=CHANNELS)
    safetensors.torch.save_file(dict(model.state_dict()), exported / "model.safetensors")
    record = metadata_of(model, size=96)
    (exported / "config.json").write_text(json.dumps(record))
    # As small as a graph can be: what is read is the same.
    onnx = root / "model.onnx"
    onnx.write_bytes(tiny_graph(record))
    tones = root / "tones.pt"
    recogniser.write(tones, ToneNetwork(2, 8), recogniser.Calibration(), {})

    def checkpoint(file: Path) -> Any:
        found = read_checkpoint(file)
        return found.sha256, found.size, found.model

    def session() -> Any:
        predictor = OnnxPredictor(onnx, "cpu")
        return predictor.size, predictor.stride, predictor.heads

    weights = exported / "model.safetensors"
    return [
        Reader("checkpoint", path, lambda: checkpoint(path)),
        Reader("safetensors", weights, lambda: checkpoint(weights)),
        Reader("its config.json", exported / "config.json", lambda: checkpoint(weights), False),
        Reader("ONNX model", onnx, session),
        Reader("recogniser", tones, lambda: dict(recogniser.load(tones).record), False),
    ]


def tiny_graph(record: dict[str, Any]) -> bytes:
    """An ONNX model as `skinseg export` seals it, of two nodes: every head's probability is the mean of the channels
    over 255."""
    import onnx
    from onnx import TensorProto, helper

    from skinseg.models.onnx_model import INPUT, KEY, SEAL, UNSEALED, sealed

    axes = ["batch", "height", "width"]
    heads = list(record["model"]["heads"])
    nodes = [
        helper.make_node("Cast", [INPUT], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1], keepdims=0),
        *(helper.make_node("Div", ["mean", "white"], [head]) for head in heads),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info(head, TensorProto.FLOAT, axes) for head in heads],
        [helper.make_tensor("white", TensorProto.FLOAT, [], [255.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    described = record | {"stride": 32, "threshold": 0.5, SEAL: UNSEALED}
    helper.set_model_props(model, {KEY: json.dumps(described)})
    onnx.checker.check_model(model)
    return sealed(bytes(model.SerializeToString()))


def _ours(root: Path) -> list[Reader]:
    rendered = fakes.make_rendered(root / "set", 6, size=32)
    draw_masks(root / "masks", rendered, "rendered", truth, "skin")
    out = evaluate(
        None, root / "results", rendered=rendered, subset="all", masks=root / "masks", name="theirs"
    )
    photos = fakes.make_folder(root / "photos", 4)
    job = PlainJob(CONFIG, 0)
    frames = root / "frames"
    frames.mkdir()
    claim(frames, job)
    cache = open_cache(Folder(photos), 48, root / "cache")
    kept = {path.name: path for path in cache.folder.iterdir()}
    unpacked = iter(range(10**9))

    def results() -> Any:
        found = read_results(out)
        return (
            found.rows.to_json(),
            json.dumps(found.run),
            None if found.scenes is None else len(found.scenes),
        )

    def settings() -> Any:
        record = read_generator(frames)
        check_settings(frames, record, [])
        check_claim(frames, job)
        return record

    def cached() -> Any:
        found = open_cache(Folder(photos), 48, root / "cache")
        return [
            (entry.image_id, found.image(i).tobytes(), entry.counts) for i, entry in enumerate(found.entries)
        ]

    def tree(archive: Path) -> dict[str, str]:
        folder = root / "unpacked" / str(next(unpacked))
        try:
            (inside,) = unpack([archive], folder)
            assert [inside] == list(folder.iterdir())
            return digest(inside)
        except UserError:
            left = list(folder.iterdir()) if folder.is_dir() else []
            if left:  # whole, or absent
                raise AssertionError(f"{left[0]} was left") from None
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    members = {f"a/{i}.txt": bytes([i]) * 300 for i in range(4)}
    archives = [make_zip(root / "a.zip", members), make_tar(root / "a.tar.gz", members)]
    return [
        Reader("rows.parquet", out / "rows.parquet", results),
        Reader("run.json", out / "run.json", results, False),
        Reader("panels/id.txt", out / "panels" / "id.txt", results),
        Reader("scenes.parquet of results", out / "scenes.parquet", results, False),
        Reader(
            "scenes.parquet of a set", rendered / "scenes.parquet", lambda: len(Rendered(rendered)), False
        ),
        Reader("generator.yaml", frames / "generator.yaml", settings),
        Reader("index of a cache", kept["index.json"], cached),
        Reader("pixels of a cache", kept["images.u8"], cached),
        *(Reader(f"archive, {each.suffix[1:]}", each, lambda each=each: tree(each)) for each in archives),  # type: ignore[misc]
    ]


def run(root: Path, tally: Tally, seed: int, count: int) -> None:
    """Mutate each reader's file in turn, `count` times in all; every file is whole again afterwards."""
    readers = make_readers(root)
    expected = [reader.read() for reader in readers]
    for i in range(count):
        reader, meant = readers[i % len(readers)], expected[i % len(readers)]
        whole = reader.file.read_bytes()
        said, changed = mutate(whole, np.random.default_rng([seed, i]))
        reader.file.write_bytes(changed)

        def right(found: Any, reader: Reader = reader, meant: Any = meant) -> bool:
            return same(found, meant) or (not reader.summed and reader.form(found))

        tally.judge(f"mutated {reader.name}", reader.read, right, f"seed {seed}, number {i}: {said}")
        reader.file.parent.mkdir(parents=True, exist_ok=True)
        reader.file.write_bytes(whole)


def same(found: Any, meant: Any) -> bool:
    if isinstance(meant, np.ndarray):
        return isinstance(found, np.ndarray) and found.dtype == meant.dtype and np.array_equal(found, meant)
    if isinstance(meant, list) and meant and isinstance(meant[0], np.ndarray):
        return len(found) == len(meant) and all(map(same, found, meant))
    return bool(found == meant)
