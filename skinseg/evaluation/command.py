"""`skinseg evaluate`: a checkpoint, every dataset at hand, and a folder of result rows."""

import datetime
import hashlib
import importlib.metadata
import json
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skinseg import __version__
from skinseg.data.splits import make_split
from skinseg.datasets.base import Dataset
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from skinseg.evaluation.rows import ResultRow, write_rows
from skinseg.evaluation.score import Origin, score
from skinseg.files import written_whole
from skinseg.models.checkpoint import Checkpoint, model_of, newest_checkpoint, read_checkpoint
from skinseg.models.inference import THRESHOLD, Predictor

SUBSETS = ("test", "all")
_DISTRIBUTIONS = ("torch", "segmentation-models-pytorch", "numpy", "opencv-python-headless")


def evaluate(
    checkpoint: Path,
    out: Path,
    data_root: Path | None = None,
    rendered: Path | None = None,
    subset: str = "test",
    device: str = "auto",
    split_seed: int = 0,
) -> Path:
    """Score a checkpoint on every dataset found, and return `out`.

    out: gets rows.parquet, run.json and panels/.
    checkpoint: a file, a run, or a folder of runs (the newest finished one).
    data_root: searched for datasets of photographs. rendered: a rendered set's folder.
    subset: "test", the test part of `make_split(dataset, split_seed)`, or "all" images.
    device: "auto", or what torch calls it.

    The rows of each finished dataset are on disk before the next is begun. Raises UserError for a bad
    checkpoint, option, dataset or image, and where there is nothing to score on.
    """
    if subset not in SUBSETS:
        raise UserError(f"--subset {subset}: one of {', '.join(SUBSETS)} expected")
    datasets = _datasets(data_root, rendered)
    record = read_checkpoint(newest_checkpoint(checkpoint))
    predictor = Predictor(model_of(record), record.size, _device(device))
    run = _describe(record, subset, split_seed, str(predictor.device))

    rows: list[ResultRow] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        for dataset in datasets:
            split = make_split(dataset, split_seed)
            image_ids = split.test if subset == "test" else [item.image_id for item in dataset.items]
            origin = Origin(
                run=run["checkpoint"],
                subset=subset,
                threshold=THRESHOLD,
                weights=record.sha256,
                config=run["config"],
                split=split.hash,
            )
            task = progress.add_task(f"evaluate {dataset.name}", total=len(image_ids))
            images = set()
            for row in score(predictor, dataset, image_ids, origin, out):
                rows.append(row)
                images.add(row.image)
                progress.update(task, completed=len(images))
            run["datasets"][dataset.name] = {
                "title": dataset.title,
                "split": split.hash,
                "images": len(images),
                # A checkpoint names the split of its last training; what its parents saw is not known here.
                "trained_on": record.metadata.get("split") == split.hash,
            }
            write_rows(out / "rows.parquet", rows)
            with written_whole(out / "run.json") as beside:
                beside.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    return out


def _datasets(data_root: Path | None, rendered: Path | None) -> list[Dataset]:
    found = [] if rendered is None else [open_dataset("rendered", rendered)]
    found += [] if data_root is None else find_datasets(data_root)
    if not found:
        raise UserError(
            "nothing to evaluate on: name a folder of datasets (--data-root, DATA_ROOT= with make) "
            "or a rendered set (--rendered)"
        )
    return found


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: not usable on this machine; choose auto or cpu") from error
    return device


def _describe(record: Checkpoint, subset: str, split_seed: int, device: str) -> dict[str, Any]:
    model = {"model": record.model, "size": record.size}
    return {
        "checkpoint": record.path.as_posix(),
        "weights": record.sha256,
        "config": hashlib.sha256(json.dumps(model, sort_keys=True, default=list).encode()).hexdigest(),
        **model,
        "training": record.metadata,
        "threshold": THRESHOLD,
        "subset": subset,
        "split_seed": split_seed,
        "datasets": {},
        "device": device,
        "versions": {"skinseg": __version__, "python": platform.python_version()}
        | {name: _version(name) for name in _DISTRIBUTIONS},
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed under this name"
