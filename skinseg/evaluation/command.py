"""`skinseg evaluate`: a checkpoint, every dataset at hand, and a folder of result rows."""

import datetime
import importlib.metadata
import json
import platform
import shlex
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skinseg import __version__
from skinseg.data.splits import make_split
from skinseg.datasets.base import Dataset
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.label_policy import parse_labels
from skinseg.datasets.name_table import check_speaks_of, ids_named
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from skinseg.evaluation.curves import keep_curves
from skinseg.evaluation.rows import SCENES, ResultRow, write_rows
from skinseg.evaluation.score import Origin, score
from skinseg.files import written_whole
from skinseg.models import lineage
from skinseg.models.checkpoint import Checkpoint, model_of, newest_checkpoint, read_checkpoint
from skinseg.models.configuration import configuration_hash, configuration_of
from skinseg.models.inference import THRESHOLD, Predictor, device_named

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
    split_file: Path | None = None,
    labels: str | None = None,
    tones: Path | None = None,
    exclude: Path | None = None,
    names: Collection[str] | None = None,
) -> Path:
    """Score a checkpoint on every dataset found, and return `out`.

    out: gets rows.parquet, run.json, panels/, of a rendered set scenes.parquet, and curves.csv where the checkpoint
        lies in its training run's folder.
    checkpoint: a file, a run, or a folder of runs (the newest finished one).
    data_root: searched for datasets of photographs. rendered: a rendered set's folder.
    subset: "test", the test part of `make_split(dataset, split_seed)`, or "all" images.
    device: "auto", or what torch calls it.
    split_file, tones, exclude: tables by image: the user's split, the user's tones, and images to leave out (as
        `skinseg data leaks` writes them). A column dataset says of which a row speaks; with more than one
        dataset it has to be there.
    names: of the datasets to score on, where not on all that are found.
    labels: changes to the datasets' label policies, see `label_policy.parse_labels`. Where there are any, they
        enter the hash that the rows call `config`.

    The rows of each finished dataset are on disk before the next is begun. Raises UserError for a bad
    checkpoint, option, dataset or image, and where there is nothing to score on.
    """
    if subset not in SUBSETS:
        raise UserError(f"--subset {subset}: one of {', '.join(SUBSETS)} expected")
    changes = parse_labels(labels)
    datasets = _named(_datasets(data_root, rendered, changes), names)
    for table in filter(None, (split_file, tones, exclude)):
        check_speaks_of(table, [dataset.name for dataset in datasets])
    record = read_checkpoint(newest_checkpoint(checkpoint))
    predictor = Predictor(model_of(record), record.size, device_named(device))
    run = _describe(record, subset, split_seed, str(predictor.device), changes)
    run["tables"] = {
        name: None if path is None else path.as_posix()
        for name, path in (("split", split_file), ("tones", tones), ("exclude", exclude))
    }
    trainings = lineage.lineage_of(record.metadata)
    keep_curves(record.path, out)

    rows: list[ResultRow] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        for dataset in datasets:
            if tones is not None:
                dataset.label_tones(tones)
            split = make_split(dataset, split_seed, split_file)
            every = [item.image_id for item in dataset.items]
            chosen = split.test if subset == "test" else every
            left_out = ids_named(exclude, every, dataset.name) if exclude is not None else set()
            image_ids = [image_id for image_id in chosen if image_id not in left_out]
            if not image_ids:
                raise UserError(
                    f"dataset {dataset.name}: none of {len(chosen)} images is left to score; "
                    "look at --split and --exclude"
                )
            origin = Origin(
                run=run["checkpoint"],
                subset=subset,
                threshold=THRESHOLD,
                trained_on=run["trained_on"],
                pretrained_on=run["pretrained_on"],
                seed=record.metadata.get("seed"),
                weights=record.sha256,
                config=run["config"],
                split=split.hash,
            )
            held_out = frozenset(split.test)
            seen = {
                image_id: lineage.seen(trainings, dataset.name, split.hash, image_id in held_out)
                for image_id in image_ids
            }
            task = progress.add_task(f"evaluate {dataset.name}", total=len(image_ids))
            images = set()
            for row in score(predictor, dataset, image_ids, origin, seen.__getitem__, out):
                rows.append(row)
                images.add(row.image)
                progress.update(task, completed=len(images))
            run["datasets"][dataset.name] = {
                "title": dataset.title,
                "split": split.hash,
                "fingerprint": fingerprint(dataset),
                "images": len(images),
                "excluded": len(chosen) - len(image_ids),
                "labels": dataset.labels,
                "complete": len(dataset),
                "seen": dict(Counter(seen.values())),
            }
            if (dataset.root / SCENES).is_file():
                _write_scenes(dataset.root / SCENES, images, out / SCENES)
            write_rows(out / "rows.parquet", rows)
            with written_whole(out / "run.json") as beside:
                beside.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    return out


def _datasets(data_root: Path | None, rendered: Path | None, labels: dict[str, str]) -> list[Dataset]:
    found = [] if rendered is None else [open_dataset("rendered", rendered, labels, strict_labels=False)]
    found += [] if data_root is None else find_datasets(data_root, labels)
    if not found:
        raise UserError(
            "nothing to evaluate on: name a folder of datasets (--data-root, DATA_ROOT= with make) "
            "or a rendered set (--rendered)"
        )
    return found


def _named(datasets: list[Dataset], names: Collection[str] | None) -> list[Dataset]:
    found = [dataset.name for dataset in datasets]
    for name in names or ():
        if name not in found:
            raise UserError(
                f"--datasets: {name!r} is not among those found ({', '.join(found)}); choose from them, or leave the "
                "option out to score on all"
            )
    return [dataset for dataset in datasets if names is None or dataset.name in names]


def _write_scenes(table: Path, images: Collection[str], path: Path) -> None:
    """The rows of a set's table for these images, by `image` without suffix, and without the Scene's JSON."""
    scenes = pd.read_parquet(table)
    scenes = scenes.drop(columns=[name for name in _NOT_FACTORS if name in scenes])
    scenes["image"] = [Path(name).stem for name in scenes["image"]]
    with written_whole(path) as beside:
        scenes[scenes["image"].isin(images)].to_parquet(beside, index=False)


_NOT_FACTORS = ("index", "scene", "image_sha256", "mask_sha256")


def _describe(
    record: Checkpoint, subset: str, split_seed: int, device: str, labels: dict[str, str]
) -> dict[str, Any]:
    changed = {"labels": labels} if labels else {}
    trained_on, pretrained_on = lineage.trained_on(lineage.lineage_of(record.metadata))
    return {
        "checkpoint": record.path.as_posix(),
        "weights": record.sha256,
        "config": configuration_hash(configuration_of(record.metadata) | changed),
        "model": record.model,
        "size": record.size,
        **changed,
        "training": record.metadata,
        "trained_on": trained_on,
        "pretrained_on": pretrained_on,
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
