"""How soon does `skinseg predict` answer, how much memory does it take, and how fast is a folder?

    .venv/bin/uv venv --python 3.11 .venv-peers
    .venv/bin/uv pip install --python .venv-peers/bin/python mediapipe==0.10.21
    python benchmarks/prediction.py --images /path/to/photographs --out benchmarks/results/speed/prediction.json

Each run is a process of its own on `--cores`, from its start to its end, the released model where it is ours:

  ours         `skinseg predict FILES --out FOLDER`
  onnxruntime  a script that opens the same ONNX file, and reads, shrinks, predicts, enlarges and writes PNGs: `--arm`
  mediapipe    MediaPipe's selfie segmentation, one mask an image (`--peers-python`; left out where that is not there)

First on one photograph, then on all of them; images/s of the folder is without the time of one. Arms take turns; raw
seconds and the largest resident memory go to the JSON file, the table to the console.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turns import keep, machine, say

RELEASED = Path(__file__).parents[1] / "skinseg" / "weights" / "model.onnx"
SIZE = int(json.loads(RELEASED.with_name("config.json").read_text())["size"])  # pixels: of the long side


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of JPEGs or PNGs")
    parser.add_argument("--count", type=int, default=40, help="of them [40]")
    parser.add_argument("--rounds", type=int, default=5, help="[5]")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="[1 2]")
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"), metavar="PYTHON")
    parser.add_argument("--out", type=Path, help="JSON of all samples")
    parser.add_argument("--arm", choices=("onnxruntime", "mediapipe"), help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        files = sorted(options.images.iterdir())
        {"onnxruntime": onnxruntime_script, "mediapipe": mediapipe_script}[options.arm](files, options.to)
        return
    found = [
        path for path in sorted(options.images.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    ]
    with tempfile.TemporaryDirectory() as place:
        many, one = Path(place, "many"), Path(place, "one")
        for folder, count in ((many, options.count), (one, 1)):
            folder.mkdir()
            for i, path in enumerate(found[:: max(1, len(found) // count)][:count]):
                shutil.copyfile(path, folder / f"{i:04}{path.suffix.lower()}")
        count = len([*many.iterdir()])
        measured = [{"cores": cores, "runs": compared(one, many, cores, options)} for cores in options.cores]
    for each in measured:
        print(f"\n{each['cores']} cores, {count} images")
        say(lines(each["runs"], count))
    if options.out:
        keep(options.out, {"images": count, **machine(), "measured": measured})


def compared(one: Path, many: Path, cores: int, options: argparse.Namespace) -> dict[str, Any]:
    commands = {
        "ours": [sys.executable, "-m", "skinseg.cli", "predict"],
        "onnxruntime": [sys.executable, __file__, "--arm", "onnxruntime", "--images"],
    }
    if options.peers_python.exists():
        commands["mediapipe"] = [str(options.peers_python), __file__, "--arm", "mediapipe", "--images"]
    runs: dict[str, Any] = {name: {"one": [], "many": []} for name in commands}
    for turn in range(options.rounds + 1):
        for name, command in commands.items():
            for kind, folder in (("one", one), ("many", many)):
                with tempfile.TemporaryDirectory() as out:
                    option = "--out" if name == "ours" else "--to"
                    spent = run([*command, str(folder), option, out], cores)
                if turn:
                    runs[name][kind].append(spent)
    return runs


def run(command: Sequence[str], cores: int) -> dict[str, float]:
    """Wall and processor seconds of a process, and the most memory that it held, MB."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    own = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if ".venv-peers" in command[0]:
        own.pop("PYTHONPATH", None)  # it is for our environment
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: ended with code {process.returncode}")
    return {"wall": wall, "busy": usage.ru_utime + usage.ru_stime, "MB": usage.ru_maxrss / 1024}


def lines(runs: dict[str, Any], count: int) -> list[tuple[str, ...]]:
    table = [
        (
            "arm",
            "one photograph, s",
            "busy, s",
            "its memory, MB",
            "a folder's",
            "images/s",
            "busy ms an image",
            "ours / arm",
        )
    ]
    each = {
        kind: {
            name: [
                (many[kind] - one[kind]) / (count - 1)
                for one, many in zip(turns["one"], turns["many"], strict=True)
            ]
            for name, turns in runs.items()
        }
        for kind in ("wall", "busy")
    }
    for name, turns in runs.items():
        first = [one["wall"] for one in turns["one"]]
        ratios = [other / own for other, own in zip(each["busy"][name], each["busy"]["ours"], strict=True)]
        table.append((
            name, f"{statistics.median(first):.2f} ({min(first):.2f} to {max(first):.2f})",
            f"{statistics.median(one['busy'] for one in turns['one']):.2f}",
            *(f"{max(run['MB'] for run in turns[kind]):.0f}" for kind in ("one", "many")),
            f"{1 / statistics.median(each['wall'][name]):.1f}",
            f"{1000 * statistics.median(each['busy'][name]):.0f}",
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        ))  # fmt: skip
    return table


def onnxruntime_script(files: Sequence[Path], out: Path) -> None:
    import cv2
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(str(RELEASED), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for file in files:
        image = cv2.imread(str(file))[..., ::-1]
        height, width = image.shape[:2]
        scale = SIZE / max(height, width)
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        rows, columns = small.shape[:2]
        padded = cv2.copyMakeBorder(small, 0, -rows % 32, 0, -columns % 32, cv2.BORDER_REPLICATE)
        answers = session.run(
            None, {session.get_inputs()[0].name: np.ascontiguousarray(padded.transpose(2, 0, 1)[None])}
        )
        for name, answer in zip(names, answers, strict=True):
            probability = cv2.resize(answer.reshape(answer.shape[-2:])[:rows, :columns], (width, height))
            cv2.imwrite(str(out / f"{file.stem}_{name}.png"), np.uint8(255) * (probability >= 0.5))


def mediapipe_script(files: Sequence[Path], out: Path) -> None:
    import cv2
    import mediapipe
    import numpy as np

    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
        for file in files:
            found = network.process(cv2.imread(str(file))[..., ::-1].copy()).segmentation_mask
            cv2.imwrite(str(out / f"{file.stem}_person.png"), np.uint8(255) * (found >= 0.5))


if __name__ == "__main__":
    main()
