"""`skinseg evaluate`: a checkpoint or a folder of masks, every dataset at hand, and a folder of result rows."""

import datetime
import importlib.metadata
import json
import platform
import secrets
import shlex
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skinseg import __version__
from skinseg.data.splits import Split, make_split
from skinseg.datasets.base import Dataset
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.name_table import ids_named
from skinseg.datasets.rendered import read_scenes_table
from skinseg.errors import UserError
from skinseg.evaluation.asked import RECOGNISED, asked
from skinseg.evaluation.curves import CURVES, keep_curves
from skinseg.evaluation.masks import MaskFolder
from skinseg.evaluation.panels import PANELS, write_panels_id
from skinseg.evaluation.rows import ROWS, RUN, SCENES, ResultRow, write_rows
from skinseg.evaluation.score import Origin, Source, score
from skinseg.files import swapped_in, written_whole
from skinseg.images.files import as_text
from skinseg.models import lineage
from skinseg.models.checkpoint import model_of, newest_checkpoint, read_checkpoint
from skinseg.models.configuration import configuration_hash, configuration_of
from skinseg.models.inference import Predictor, device_named, lanes
from skinseg.models.prediction import THRESHOLD
from skinseg.models.views import AveragedViews, parse_views
from skinseg.recognition import recogniser as recognisers
from skinseg.recognition.recogniser import Recogniser

FILES = (PANELS, CURVES, SCENES, RUN, ROWS)
"""What an evaluation writes, all of it or nothing; without the last there are no results."""
_DISTRIBUTIONS = ("torch", "segmentation-models-pytorch", "numpy", "opencv-python-headless")


@dataclass(frozen=True)
class _Part:
    """What is scored of a dataset: `image_ids` of those `chosen` by the subset."""

    dataset: Dataset
    split: Split
    chosen: tuple[str, ...]
    image_ids: tuple[str, ...]


def evaluate(
    checkpoint: Path | None,
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
    masks: Path | None = None,
    name: str | None = None,
    recogniser: Path = recognisers.DEFAULT,
    views: str | None = None,
) -> Path:
    """Score a checkpoint, or a folder of masks, on every dataset found, and return `out`.

    out: gets rows.parquet, run.json, panels/, of a rendered set scenes.parquet, and curves.csv where the checkpoint
        lies in its training run's folder.
    checkpoint: a file, a run, or a folder of runs (the newest finished one). masks: instead of it, see
        `skinseg.evaluation.masks.MaskFolder`; name: what made them, for people.
    data_root: searched for datasets of photographs. rendered: a rendered set's folder.
    subset: "test", the test part of `make_split(dataset, split_seed)`, or "all" images.
    device: "auto", or what torch calls it.
    split_file, tones, exclude: tables by image: the user's split, the user's tones, and images to leave out (as
        `skinseg data leaks` writes them). A column dataset says of which a row speaks; with more than one
        dataset it has to be there.
    tones may also be the word "recognised": then recogniser, what `skinseg tones train` wrote, tells the tone of what
        is not labelled.
    names: of the datasets to score on, where not on all that are found.
    labels: changes to the datasets' label policies, see `label_policy.parse_labels`. Where there are any, they
        enter the hash that the rows call `config`.

    views: as `skinseg.models.loading.load`; they enter the hash too.

    Results that were in `out` before are replaced as a whole once all datasets are scored; where one fails, by what
    was finished before it, if anything was. Masks are all read once before any is scored.
    Raises UserError for a bad checkpoint, mask, option, dataset or image, and where there is nothing to score on.
    """
    trained = recognisers.load(recogniser) if tones == RECOGNISED else None
    tones = None if trained else tones
    changes, datasets = asked(
        checkpoint, masks, name, subset, data_root, rendered, labels, names, (split_file, tones, exclude)
    )
    parts = [_part(dataset, subset, split_seed, split_file, tones, exclude) for dataset in datasets]
    source, model, described = _source(checkpoint, masks, name, parts, device, views)
    run = _describe(model, described, subset, split_seed, {"labels": changes, "views": views})
    run["tables"] = {
        name: None if path is None else as_text(path.as_posix())
        for name, path in (("split", split_file), ("tones", tones), ("exclude", exclude))
    }
    run["recogniser"] = None if trained is None else trained.sha256
    run["id"] = secrets.token_hex(16)

    rows: list[ResultRow] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        if isinstance(source, MaskFolder):
            for part in parts:
                items = {item.image_id: item for item in part.dataset.items}
                said = f"check masks of {part.dataset.name}"
                source.check(
                    part.dataset.read(items[each])
                    for each in progress.track(part.image_ids, description=said)
                )
        with swapped_in(out, FILES) as beside:
            write_panels_id(beside, run["id"])
            keep_curves(Path(run["checkpoint"]), beside)
            for part in parts:
                dataset = part.dataset
                task = progress.add_task(f"evaluate {dataset.name}", total=len(part.image_ids))
                images = set()
                seen = _seen(part, run)
                for row in _score(source, part, run, seen, beside, trained):
                    rows.append(row)
                    images.add(row.image)
                    progress.update(task, completed=len(images))
                run["datasets"][dataset.name] = _scored(part, seen, len(images))
                if (dataset.root / SCENES).is_file():
                    _write_scenes(dataset.root / SCENES, images, beside / SCENES)
                with written_whole(beside / RUN) as unfinished:
                    unfinished.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
                write_rows(beside / ROWS, rows, run["id"])
    return out


def _score(
    source: Source[Any, Any],
    part: _Part,
    run: Mapping[str, Any],
    seen: Mapping[str, str],
    results: Path,
    recogniser: Recogniser | None,
) -> Iterator[ResultRow]:
    origin = Origin(
        run=run["checkpoint"],
        subset=run["subset"],
        threshold=THRESHOLD,
        trained_on=run["trained_on"],
        pretrained_on=run["pretrained_on"],
        seed=run["training"].get("seed"),
        weights=run["weights"],
        config=run["config"],
        split=part.split.hash,
    )
    with lanes(run.get("device")) as count:
        yield from score(
            source, part.dataset, part.image_ids, origin, seen.__getitem__, results, recogniser, count
        )


def _seen(part: _Part, run: Mapping[str, Any]) -> dict[str, str]:
    """By image, one of `lineage.SEEN`."""
    trainings, held_out = lineage.lineage_of(run["training"]), frozenset(part.split.test)
    return {
        image_id: lineage.seen(trainings, part.dataset.name, part.split.hash, image_id in held_out)
        for image_id in part.image_ids
    }


def _scored(part: _Part, seen: Mapping[str, str], images: int) -> dict[str, Any]:
    """What run.json says of a dataset."""
    dataset = part.dataset
    return {
        "title": dataset.title,
        "split": part.split.hash,
        "fingerprint": fingerprint(dataset),
        "images": images,
        "excluded": len(part.chosen) - len(part.image_ids),
        "labels": dataset.labels,
        "complete": len(dataset),
        "seen": dict(Counter(seen.values())),
    }


def _part(
    dataset: Dataset,
    subset: str,
    split_seed: int,
    split_file: Path | None,
    tones: Path | None,
    exclude: Path | None,
) -> _Part:
    if tones is not None:
        dataset.label_tones(tones)
    split = make_split(dataset, split_seed, split_file)
    every = tuple(item.image_id for item in dataset.items)
    chosen = split.test if subset == "test" else every
    left_out = ids_named(exclude, every, dataset.name) if exclude is not None else set()
    image_ids = tuple(image_id for image_id in chosen if image_id not in left_out)
    if not image_ids:
        raise UserError(
            f"dataset {dataset.name}: none of {len(chosen)} images is left to score; "
            "look at --split and --exclude"
        )
    return _Part(dataset, split, chosen, image_ids)


def _write_scenes(table: Path, images: Collection[str], path: Path) -> None:
    """The rows of a set's table for these images, by `image` without suffix, and without the Scene's JSON."""
    scenes = read_scenes_table(table)
    scenes = scenes.drop(columns=[name for name in _NOT_FACTORS if name in scenes])
    scenes["image"] = [Path(name).stem for name in scenes["image"]]
    with written_whole(path) as beside:
        scenes[scenes["image"].isin(images)].to_parquet(beside, index=False)


_NOT_FACTORS = ("index", "scene", "image_sha256", "mask_sha256")


def _source(
    checkpoint: Path | None,
    masks: Path | None,
    name: str | None,
    parts: Sequence[_Part],
    device: str,
    views: str | None,
) -> tuple[Source[Any, Any], dict[str, Any], dict[str, Any]]:
    """What predicts, what makes up the hash of its configuration, and what else there is to know of it."""
    if masks is not None and name:
        folder = MaskFolder(masks, [(part.dataset, part.image_ids) for part in parts])
        made = {
            "checkpoint": as_text(masks.as_posix()),
            "weights": folder.hash(name),
            "training": {},
            "name": name,
        }
        return folder, {"name": name}, made
    assert checkpoint is not None
    record = read_checkpoint(newest_checkpoint(checkpoint))
    predictor = Predictor(model_of(record), record.size, device_named(device))
    described: dict[str, Any] = {
        "checkpoint": as_text(record.path.as_posix()),
        "weights": record.sha256,
        "model": record.model,
        "size": record.size,
        "training": record.metadata,
        "device": str(predictor.device),
    }
    seen = predictor if views is None else AveragedViews(predictor, parse_views(views))
    return seen, configuration_of(record.metadata), described


def _describe(
    configuration: Mapping[str, Any],
    described: dict[str, Any],
    subset: str,
    split_seed: int,
    asked_for: Mapping[str, Any],
) -> dict[str, Any]:
    changed = {name: value for name, value in asked_for.items() if value}
    trained_on, pretrained_on = lineage.trained_on(lineage.lineage_of(described["training"]))
    return {
        **described,
        "config": configuration_hash({**configuration, **changed}),
        **changed,
        "start": lineage.start_of(described["training"]).name,
        "trained_on": trained_on,
        "pretrained_on": pretrained_on,
        "threshold": THRESHOLD,
        "subset": subset,
        "split_seed": split_seed,
        "datasets": {},
        "versions": {"skinseg": __version__, "python": platform.python_version()}
        | {name: _version(name) for name in _DISTRIBUTIONS},
        "command": as_text(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed under this name"
