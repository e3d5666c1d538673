"""Files that somebody made to do harm, each through the reader that would meet it: refused in a sentence, no code of
theirs run, no file of theirs written anywhere, and no memory beyond what files of that size are worth."""

import io
import json
import os
import pickle
import resource
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from skinseg.commands.probing import _settings as settings
from skinseg.commands.training import _check_config
from skinseg.curation.unpack import unpack
from skinseg.images.decoding import read_image
from skinseg.models.checkpoint import load_model, metadata_of, model_of, read_checkpoint
from skinseg.models.onnx_model import OnnxPredictor
from skinseg.models.unet import TwoHeadUnet
from skinseg.predict.command import predict
from skinseg.recognition import recogniser
from skinseg.reports.results import read_run
from skinseg.studies.definition import read_study
from skinseg.synthetic.rendering.claim import read_generator
from tests import fakes
from tests.faults.mutations import tiny_graph
from tests.faults.tally import Tally
from tests.test_curation_unpack import EVIL, make_tar, make_zip
from tests.test_models_checkpoint import CHANNELS

MOST = 400_000
"""kB that reading a hostile file may take beyond what was taken before."""


class _Runs:
    """Pickled, it runs a command when it is opened."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.place}",)


Act = tuple[str, Callable[[], Any]]


def run(root: Path, tally: Tally) -> None:
    """Every case once."""
    root.mkdir(parents=True, exist_ok=True)
    ran = root / "ran"
    for campaign, cases in (
        ("hostile checkpoints", _checkpoints(root / "checkpoints", ran)),
        ("hostile archives", _archives(root / "archives")),
        ("hostile configs", _configs(root / "configs", ran)),
        ("hostile pictures", _pictures(root / "pictures")),
    ):
        for name, act in cases:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            tally.judge(campaign, act, lambda found: False, f"{name}: taken")
            taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            if ran.exists() or taken > MOST:
                tally.add(
                    campaign, "wrong", f"{name}: {'its code ran' if ran.exists() else f'took {taken} kB'}"
                )
                ran.unlink(missing_ok=True)
    strange_names(root / "names", tally)


def _checkpoints(root: Path, ran: Path) -> Iterator[Act]:
    root.mkdir(parents=True)
    model = TwoHeadUnet(decoder_channels=CHANNELS)
    record = metadata_of(model, size=96)
    weights = {f"network.{name}": value for name, value in model.state_dict().items()}

    def written(name: str, change: dict[str, Any]) -> Path:
        path = root / f"{name}.ckpt"
        torch.save({"epoch": 1, "state_dict": weights, "skinseg": record} | change, path)
        return path

    def read(path: Path) -> Callable[[], Any]:
        return lambda: model_of(read_checkpoint(path))

    (root / "pickle.ckpt").write_bytes(pickle.dumps(_Runs(ran)))
    yield "a pickle that runs a command", read(root / "pickle.ckpt")
    torch.save({"skinseg": record, "state_dict": weights, "more": _Runs(ran)}, root / "inside.ckpt")
    yield "a command beside the weights", read(root / "inside.ckpt")
    torch.save(model, root / "model.ckpt")
    yield "a whole module", read(root / "model.ckpt")
    with zipfile.ZipFile(root / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(3 * 10**7))
    yield "a bomb", read(root / "bomb.ckpt")
    for name, change in {
        "60,000 channels": {"model": record["model"] | {"decoder_channels": [60_000] * 5}},
        "a size of a million": {"size": 10**6},
        "a size of -1": {"size": -1},
        "a size that is a word": {"size": "96"},
        "a head with a path": {"model": record["model"] | {"heads": ["../../evil"]}},
        "a thousand heads": {"model": record["model"] | {"heads": [f"h{i}" for i in range(1000)]}},
        "weights from a place": {"model": record["model"] | {"encoder_weights": "imagenet"}},
        "an encoder that is a path": {"model": record["model"] | {"encoder": "../../evil"}},
        "another hash": {"sha256": "0" * 64},
        "a future format": {"format": 10**6},
        "no record": {"model": None},
        "a lineage that is none": {"lineage": [[]]},
    }.items():
        yield name, read(written(name, {"skinseg": record | change}))
    for name, state in {
        "not a number": {n: v * float("nan") if v.is_floating_point() else v for n, v in weights.items()},
        "no weights": {},
        "weights that are words": dict.fromkeys(weights, "x"),
        "one number seen as many": {n: torch.zeros(()).expand(v.shape) for n, v in weights.items()},
        "sparse weights": {n: v.to_sparse() if v.dim() else v for n, v in weights.items()},
    }.items():
        yield name, read(written(name, {"state_dict": state}))
    folder = root / "exported"
    folder.mkdir()
    safetensors.torch.save_file(dict(model.state_dict()), folder / "model.safetensors")
    for name, text in {
        "no config": None,
        "a config that is a list": "[]",
        "a deep config": "[" * 100_000,
        "a config of another": json.dumps(record | {"sha256": "0" * 64}),
        "a config without a hash": json.dumps({k: v for k, v in record.items() if k != "sha256"}),
    }.items():
        config = folder / "config.json"
        config.unlink(missing_ok=True)
        if text is not None:
            config.write_text(text)
        yield name, lambda: load_model(folder / "model.safetensors")
    header = json.dumps(
        {"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}
    ).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (folder / "config.json").write_text(json.dumps(record))
    yield "safetensors of terabytes", lambda: load_model(folder / "model.safetensors")
    for name, described in {
        "ONNX of a size of a million": record | {"size": 10**6},
        "ONNX with a head of a path": record | {"model": record["model"] | {"heads": ["skin", "a/b"]}},
        "ONNX of a future format": record | {"format": 7},
    }.items():
        graph = tiny_graph(described)
        yield name, lambda graph=graph: OnnxPredictor(graph, "cpu")  # type: ignore[misc]
    outside = _graph_that_reads(Path("/etc/hostname"), record)
    yield "ONNX with weights of another file", lambda: OnnxPredictor(outside, "cpu")
    for name, content in {
        "a recogniser that runs a command": _Runs(ran),
        "a recogniser without a record": {"state_dict": {}},
        "a recogniser whose record is a list": {recogniser.KEY: [], "state_dict": {}},
        "a recogniser of no encoder": {recogniser.KEY: {"format": 1, "encoder": 3}, "state_dict": {}},
        "a recogniser of no weights": {
            recogniser.KEY: {
                "format": 1, "encoder": "tu-mobilenetv3_small_100", "mean": [0.5] * 3, "std": [0.5] * 3,
                "calibration": {},
            },
            "state_dict": {},
        },
    }.items():  # fmt: skip
        path = root / f"{name}.pt"
        torch.save(content, path)
        yield name, lambda path=path: recogniser.load(path)  # type: ignore[misc]


def _graph_that_reads(place: Path, record: dict[str, Any]) -> bytes:
    import onnx

    model = onnx.load_model_from_string(tiny_graph(record))
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", str(place)), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    return bytes(model.SerializeToString())


def _archives(root: Path) -> Iterator[Act]:
    root.mkdir(parents=True)
    out = root / "out"

    def read(path: Path) -> Callable[[], Any]:
        return lambda: unpack([path], out)

    for i, name in enumerate([*EVIL, "//evil", "\\\\host\\evil", "a/./../../evil", "CON:evil"]):
        yield f"zip of {name!r}", read(make_zip(root / f"{i}.zip", {name: b"evil"}))
        yield f"tar of {name!r}", read(make_tar(root / f"{i}.tar.gz", {name: b"evil"}))
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        yield (
            f"tar of type {kind!r}",
            read(make_tar(root / f"t{kind[0]}.tar.gz", {"a": b""}, kind, "/etc/passwd")),
        )
    yield "zip of a link", read(make_zip(root / "link.zip", {"a": b"/etc/passwd"}, stat.S_IFLNK | 0o777))
    yield "zip of a device", read(make_zip(root / "device.zip", {"a": b""}, stat.S_IFCHR | 0o777))
    yield "zip bomb", read(make_zip(root / "bomb.zip", {f"{i}": bytes(10**7) for i in range(3)}))
    yield "tar bomb", read(make_tar(root / "bomb.tar.gz", {f"{i}": bytes(10**7) for i in range(3)}))
    yield "a name twice", read(make_zip(root / "twice.zip", {"a": b"1", "A": b"2"}))
    yield "a file and a folder of one name", read(make_zip(root / "both.zip", {"a": b"1", "a/b": b"2"}))
    yield "a name of 5,000 letters", read(make_zip(root / "long.zip", {"a" * 5000: b""}))
    yield "5,000 folders in each other", read(make_tar(root / "deep.tar.gz", {"a/" * 5000 + "b": b""}))
    locked = make_zip(root / "locked.zip", {"a": b"secret"})
    data = bytearray(locked.read_bytes())
    for at in (6, data.index(b"PK\1\2") + 8):
        data[at] |= 1  # encrypted, it says
    locked.write_bytes(data)
    yield "an encrypted one", read(locked)
    for name, content in {"nothing": b"", "a picture": b"\x89PNG\r\n\x1a\n", "zeros": bytes(10_000)}.items():
        (root / f"{name}.zip").write_bytes(content)
        yield f"no archive: {name}", read(root / f"{name}.zip")
    yield (
        "what was left outside",
        lambda: _refuse_if(not any(out.iterdir()) and not (root / "evil.txt").exists()),
    )


def _refuse_if(nothing: bool) -> None:
    from skinseg.errors import UserError

    if nothing:
        raise UserError("nothing")


def _configs(root: Path, ran: Path) -> Iterator[Act]:
    root.mkdir(parents=True)
    bomb = "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{f'*{chr(97 + i)},' * 9 if i else 'x'}]\n" for i in range(9)
    )
    texts = {
        "aliases": bomb,
        "depth": "a: " + "[" * 10_000 + "]" * 10_000,
        "a tag of Python": f"a: !!python/object/apply:os.system ['touch {ran}']",
        "a NUL": "a: b\0c",
        "a circle": "a: &a [*a]",
        "no text": b"a: caf\xe9",
        "a list": "- a\n- b\n",
        "a date": "2026-01-01",
    }
    for name, text in texts.items():
        path = root / f"{name}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if name not in ("a tag of Python", "a list", "a date"):  # which fit's own parser refuses
            yield f"fit: {name}", lambda path=path: _check_config(path, False)  # type: ignore[misc]
        yield f"study: {name}", lambda path=path: read_study(path)  # type: ignore[misc]
        yield f"render: {name}", lambda path=path: settings(str(path))  # type: ignore[misc]
        (root / name).mkdir()
        (root / name / "generator.yaml").write_bytes(path.read_bytes())
        yield f"a set: {name}", lambda path=path: read_generator(path.with_suffix(""))  # type: ignore[misc]
    for name, text in {"deep": "[" * 100_000, "no JSON": "{", "a list": "[]", "numbers": "1e999"}.items():
        path = root / f"{name}.json"
        path.write_text(text)
        yield f"run.json: {name}", lambda path=path: read_run(path)  # type: ignore[misc]


def _pictures(root: Path) -> Iterator[Act]:
    import PIL.Image

    root.mkdir(parents=True)
    huge = io.BytesIO()
    PIL.Image.new("1", (40_000, 40_000)).save(huge, "PNG")
    for name, content in {
        "1.6 thousand million pixels in a few bytes": huge.getvalue(),
        "a TIFF that points at itself": b"II*\0\x08\0\0\0"
        + b"\1\0"
        + b"\0\1\4\0\1\0\0\0\xff\xff\xff\x7f"
        + b"\x08\0\0\0",
        "a GIF without pictures": b"GIF89a\1\0\1\0\0\0\0;",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) (w) file\n",
        "a PDF": b"%PDF-1.4\n",
        "nothing": b"",
    }.items():
        path = root / f"{name[:20]}.png"
        path.write_bytes(content)
        yield name, lambda path=path: read_image(path)  # type: ignore[misc]
    pipe = root / "pipe.png"
    os.mkfifo(pipe)
    yield "a pipe that nobody writes to", lambda: read_image(pipe)
    yield "a folder", lambda: read_image(root)


NAMES = [
    b"\xff\xfe.jpg", "\u0301e.jpg".encode(), b"a\nb.jpg", b"-rf.jpg", b"a*b?.jpg", b"[x].jpg", b"%s.jpg", b"{0}.jpg",
    b"$HOME.jpg", b"`id`.jpg", b"a;b.jpg", b"a'b\"c.jpg", b"<b>.jpg", b" .jpg", b"a .jpg", b"\xe2\x80\xae.jpg",
    b"x" * 240 + b".jpg", "é".encode() * 115 + b".jpg", b"CON.jpg", b"a.b.c.jpg", b"A.JPG",
]  # fmt: skip


def strange_names(root: Path, tally: Tally) -> None:
    """Photographs of strange names: every one has its mask inside the output folder, or its sentence."""
    photos, out = root / "photos", root / "out"
    fakes.write(photos / "a.jpg", fakes.fake(0).image)
    plain = (photos / "a.jpg").read_bytes()
    for name in NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(photos), name))).write_bytes(plain)
    model = root / "model.onnx"
    model.write_bytes(tiny_graph(metadata_of(TwoHeadUnet(decoder_channels=CHANNELS), size=96)))
    before = {path for path in root.iterdir() if path != out}
    predict([str(photos)], model, out, "cpu")
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    for line in lines:
        if "error" in line:
            tally.add("strange names", "refused", line["error"])
        else:
            there = all(
                Path(line[head]).resolve().is_relative_to(out.resolve()) for head in ("skin", "person")
            )
            there = there and all(Path(line[head]).is_file() for head in ("skin", "person"))
            tally.add("strange names", "held" if there else "wrong", repr(line["image"]))
    missing = len(NAMES) + 1 - len(lines)
    elsewhere = {path for path in root.iterdir() if path != out} - before
    if missing or elsewhere:
        tally.add("strange names", "wrong", f"{missing} without a line; written elsewhere: {elsewhere}")
