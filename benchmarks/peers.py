"""What others find, beside ours: their masks, scored by `skinseg evaluate --masks`, in one report.

    .venv/bin/uv venv --python 3.11 .venv-peers
    .venv/bin/uv pip install --python .venv-peers/bin/python mediapipe==0.10.21
    .venv/bin/python benchmarks/peers.py --data-root /path/to/data --datasets pratheepan --subset all \
        --out results/peers --json benchmarks/results/peers.json

MediaPipe has an environment of its own because it pins numpy < 2 and brings another OpenCV; 0.10.21 still carries its
models in the package (0.10.35 does not), so nothing is downloaded. Peers: its selfie segmentation (general model,
256 x 256; person), the colour rules of `color_rules.py` (skin), and the RGB rule within what MediaPipe takes for the
person (both). A peer is scored on the datasets that label one of its heads. MediaPipe's probabilities are kept in
16 bits and cut at 0.5 as everybody's.

Masks, rows and report go to OUT; the JSON file gets the numbers, no pictures.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from color_rules import rgb_rule, ycbcr_box

from skinseg.datasets.base import Dataset
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.images.decoding import Image

Levels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Peer = Callable[[Image], dict[str, Levels]]


def white(found: npt.NDArray[np.bool_]) -> Levels:
    return found.astype(np.uint8) * np.uint8(255)


class Selfie:
    """MediaPipe's process: probability of a person, uint16 (H, W), 65535 is 1, of an image, uint8 (H, W, 3) RGB."""

    def __init__(self, python: Path) -> None:
        worker = Path(__file__).with_name("mediapipe_selfie.py")
        # A PYTHONPATH is for our environment.
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [python, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=own
        )

    def __call__(self, image: Image) -> Levels:
        height, width = image.shape[:2]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{height} {width}\n".encode() + image.tobytes())
        self.process.stdin.flush()
        answer = self.process.stdout.read(height * width * 2)
        return np.frombuffer(answer, np.uint16).reshape(height, width)


def peers(selfie: Selfie) -> dict[str, Peer]:
    """By name: of an image, uint8 (H, W, 3) RGB, what a PNG of each head stores, (H, W)."""

    def rgb_in_selfie(image: Image) -> dict[str, Levels]:
        person = selfie(image)
        return {"person": person, "skin": white(rgb_rule(image) & (person >= 32768))}

    return {
        "MediaPipe selfie": lambda image: {"person": selfie(image)},
        "RGB rule": lambda image: {"skin": white(rgb_rule(image))},
        "YCbCr box": lambda image: {"skin": white(ycbcr_box(image))},
        "RGB rule in MediaPipe selfie": rgb_in_selfie,
    }


def write_masks(peer: Peer, datasets: Sequence[Dataset], masks: Path) -> list[str]:
    """Write a peer's masks of all images; the names of the datasets that label one of its heads."""
    labelled = []
    for dataset in datasets:
        has = False
        for item in dataset.items:
            sample = dataset.read(item)
            for head, levels in peer(sample.image).items():
                has |= head in sample.masks
                path = masks / dataset.name / head / f"{item.image_id}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                if not cv2.imwrite(str(path), levels):
                    raise OSError(f"{path}: not written")
        labelled += [dataset.name] * has
    return labelled


def numbers(report: Path) -> list[dict[str, Any]]:
    """The lines of a report.csv without empty cells and paths; numbers as numbers."""

    def value(text: str) -> str | float:
        try:
            return float(text)
        except ValueError:
            return text

    with report.open(encoding="utf-8", newline="") as file:
        return [
            {name: value(text) for name, text in line.items() if text and name != "run"}
            for line in csv.DictReader(file)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-root", type=Path, help="datasets of photographs")
    parser.add_argument("--rendered", type=Path, help="a rendered set")
    parser.add_argument("--datasets", help="names, with commas [all found]")
    parser.add_argument("--subset", choices=("test", "all"), default="test", help="[test]")
    parser.add_argument(
        "--checkpoint", type=Path, action="append", default=[], help="ours, any number of times"
    )
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"), metavar="PYTHON")
    parser.add_argument("--out", type=Path, required=True, help="masks, results and report")
    parser.add_argument("--json", type=Path, required=True, help="the numbers")
    options = parser.parse_args()

    datasets: list[Dataset] = [] if options.data_root is None else find_datasets(options.data_root)
    if options.rendered is not None:
        datasets.append(open_dataset("rendered", options.rendered))
    names = options.datasets.split(",") if options.datasets else [dataset.name for dataset in datasets]
    datasets = [dataset for dataset in datasets if dataset.name in names]
    places = [
        f"--{key.replace('_', '-')}={path}"
        for key in ("data_root", "rendered")
        if (path := vars(options)[key])
    ]

    def skinseg(*arguments: str | Path) -> None:
        subprocess.run([sys.executable, "-m", "skinseg.cli", *arguments], check=True)

    def evaluate(what: Sequence[str], on: Sequence[str], out: Path) -> Path:
        chosen = ["--datasets", ",".join(on), "--subset", options.subset]
        skinseg("evaluate", *what, *places, *chosen, "--no-wandb", "--out", out)
        return out

    results = []
    for name, peer in peers(Selfie(options.peers_python)).items():
        folder = options.out / name.replace(" ", "-")
        labelled = write_masks(peer, datasets, folder / "masks")
        if labelled:
            what = ["--masks", str(folder / "masks"), "--name", name]
            results.append(evaluate(what, labelled, folder / "results"))
        else:
            print(f"{name}: none of {', '.join(names)} labels its head, so it is not scored")
    for i, checkpoint in enumerate(options.checkpoint):
        results.append(evaluate(["--checkpoint", str(checkpoint)], names, options.out / f"ours-{i}"))
    if len(results) > 1:
        skinseg("report", *results, "--out", options.out / "report")
    content = {
        "subset": options.subset,
        "each": {
            result.relative_to(options.out).parts[0]: numbers(result / "report.csv") for result in results
        },
        "compared": numbers(options.out / "report" / "report.csv") if len(results) > 1 else [],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
