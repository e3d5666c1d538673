"""`skinseg study`: a study is a YAML file; the paper's go by name, and docs/studies.md says what one may say."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import yaml

from skinseg.commands.parser import AtLeastOne, NotNegative
from skinseg.errors import UserError
from skinseg.presets import config_file
from skinseg.records import plain_yaml


def run(
    study: str,
    *,
    scale: str = "laptop",
    data_root: Path,
    out: Path | None = None,
    target: str | None = None,
    datasets: Sequence[str] = (),
    seeds: Sequence[NotNegative] = (),
    rendered: Path | None = None,
    backgrounds: Path | None = None,
    dry_run: bool = False,
    workers: AtLeastOne | None = None,
    scheduler: str | None = None,
    other_code: Literal["refuse", "again", "accept"] = "refuse",
) -> None:
    """Run what is missing of an experiment, the paper's or your own, then write its tables.

    A finished run is never done again; killed, the same command goes on. Frames, runs and scores lie below rendered/,
    runs/ and results/studies/, shared by all studies.

    Args:
        study (STUDY): adaptation, scarce_real, ..., or a YAML of your own
        scale (SCALE): laptop or paper [laptop]
        data_root (DIR): folder that holds the datasets
        out (DIR): rows, tables and report [results/studies/NAME-SCALE]
        target (DATASET): train on this one [the scale's]
        datasets (NAME): train on each of these, where a study varies that [as it says]
        seeds (N): of training [the scale's]
        rendered (DIR): use this rendered set; render none
        backgrounds (DIR): your photographs, for rendered walls
        dry_run: print runs, what is finished, and the cost
        workers (N): runs at the same time [one per GPU, one on a CPU]
        scheduler (ADDRESS): run on a dask cluster with a shared disk
        other_code: what to do about finished runs that other code made [refuse]

    Example:
        skinseg study run scarce_real --scale laptop --data-root data
    """
    path = config_file(study, "studies", "study")
    known = _scales(path)
    if known and scale not in known:
        raise UserError(f"--scale {scale}: {path} has {', '.join(known)}; choose one of them")

    from skinseg.datasets.registry import check_folder

    check_folder(data_root)

    from skinseg.studies.command import run_study

    run_study(
        study,
        scale,
        data_root=data_root,
        out=out,
        target=target,
        datasets=datasets,
        seeds=seeds,
        rendered=rendered,
        backgrounds=backgrounds,
        dry_run=dry_run,
        workers=workers,
        scheduler=scheduler,
        other_code=other_code,
    )


def _scales(study: Path) -> list[str]:
    """Names of a study's scales; none where it is no such file, of which `read_study` says more."""
    with suppress(OSError, ValueError, yaml.YAMLError, TypeError, KeyError):
        return [str(name) for name in plain_yaml(study.read_text(encoding="utf-8"))["scales"]]
    return []
