"""`skinseg probe`, `skinseg balance` and `skinseg audit`, from what a user gives to files in a folder."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg import presets
from skinseg.errors import UserError

OBJECTIVES = ("cells", "worst-group")

if TYPE_CHECKING:
    from skinseg.probing.scoring import Studio
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.room.backgrounds import Photos


def probe(
    checkpoint: Path,
    out: Path,
    *,
    scenes: int = 40,
    factors: str = "tone,light,framing,clothing,background,worn",
    renders: int = 0,
    choose: int = 0,
    config: str | None = None,
    seed: int = 0,
    backgrounds: Path | None = None,
    workers: int = 0,
    scheduler: str | None = None,
    device: str = "auto",
) -> None:
    """Ask the generator why a model fails: scenes with one thing changed, and a search for failures.

    The same scenes are rendered in all six tones, lights, framings, clothes and so on, one factor at a time: effects
    are paired, and are causes. Killed at any moment, the same command goes on; another checkpoint in the same folder
    costs no new frames but those of its search.

    Args:
        checkpoint: a .ckpt, a run, a folder of runs (newest), an exported folder or an .onnx file
        out: frames, probe.parquet, failures.jsonl and the report go here
        scenes: how many scenes are changed
        factors: what is changed, some of tone, light, framing, clothing, background, worn
        renders: frames to spend on the search for failures
        choose: write so many scenes to train on, failures and mutants of them, to chosen.jsonl
        config: generator settings, a name or a file [mixed]
        seed: of the scenes and of the search
        backgrounds: your photographs, for walls
        workers: render processes [one per core]
        scheduler: render on a dask cluster, tcp://host:8786
        device: auto, cpu or cuda
    """
    from skinseg.models.loading import load
    from skinseg.probing.pages import write_probe
    from skinseg.probing.probe import factors_named, file_hash, run_probe, write
    from skinseg.probing.scoring import Studio, skin_of
    from skinseg.reports.console import print_tables

    names = factors_named(factors)
    if choose and not renders:
        raise UserError(
            "--choose without --renders: expected frames for the search for failures; give --renders 120"
        )
    model = _file_of(checkpoint)
    segment = skin_of(load(checkpoint, device), checkpoint)
    studio = Studio(out / "frames", workers or os.cpu_count() or 1, _photos(backgrounds), scheduler)
    probed = run_probe(
        _settings(config), seed, scenes, names, renders, choose, segment, file_hash(model), studio
    )
    write(probed, out)
    words: dict[str, object] = {
        "checkpoint": checkpoint,
        "scenes": scenes,
        "factors": ",".join(names),
        "out": out,
    }
    words |= {"renders": renders} if renders else {}
    words |= {"choose": choose} if choose else {}
    said, tables = write_probe(probed, segment, str(checkpoint), _command("probe", words), out)
    print_tables(tables, said)
    print(f"report: {out / 'report.html'}")


def balance(
    out: Path,
    *,
    count: int,
    cells: str = "tone,framing,light",
    way: str = "balance",
    objective: str = "cells",
    trials: int = 100,
    fit: str = "",
    config: str | None = None,
    seed: int = 0,
    backgrounds: Path | None = None,
    workers: int = 0,
    scheduler: str | None = None,
) -> None:
    """Render a set that is even in what a camera sees: tone, framing and light as measured, not as asked for.

    A pilot at random teaches what scenes come out as; then many scenes are drawn for each that is rendered, and those
    that are likely to fill the emptiest cells are taken. The set's generator.yaml holds the chosen scenes. Killed at
    any moment, the same command goes on to the same bytes.

    Args:
        out: the set's folder
        count: frames to render, the pilot among them
        cells: what to be even in, some of tone, framing, light
        way: balance, or for comparison uniform, rejection, or queue (Jain et al.)
        objective: cells, or worst-group: move the settings so that the worst tone group of frames held out does best
            (renders and trains in every trial)
        trials: of worst-group
        fit: more options of `skinseg fit`, in one string, for worst-group
        config: generator settings, a name or a file [mixed]
        seed: of the scenes
        backgrounds: your photographs, for walls
        workers: render processes [one per core]
        scheduler: render on a dask cluster, tcp://host:8786
    """
    from skinseg.probing.balance import WAYS, run_balance
    from skinseg.probing.cells import axes_named
    from skinseg.probing.pages import write_balance
    from skinseg.probing.scoring import Studio
    from skinseg.reports.console import print_tables

    axes = axes_named(cells)
    if way not in WAYS:
        raise UserError(f"--way {way}: no such way, expected one of {', '.join(WAYS)}")
    if objective not in OBJECTIVES:
        raise UserError(
            f"--objective {objective}: no such objective, expected one of {', '.join(OBJECTIVES)}"
        )
    cores = workers or os.cpu_count() or 1
    if objective == "worst-group":
        studio = Studio(out, cores, _photos(backgrounds), scheduler)
        _search_settings(_settings(config), count, trials, seed, tuple(shlex.split(fit)), studio)
        return
    studio = Studio(out.parent, cores, _photos(backgrounds), scheduler)
    balanced = run_balance(_settings(config), seed, count, axes, way, out.name, studio)
    words: dict[str, object] = {"count": count, "cells": cells, "way": way, "seed": seed, "out": out}
    said, tables = write_balance(balanced, way, _command("balance", words), out)
    print_tables(tables, said)
    print(f"report: {out / 'report.html'}")


def audit(
    rendered: Path,
    against: Path,
    out: Path,
    *,
    images: int = 100,
    seed: int = 0,
    weights: str = "imagenet",
) -> None:
    """Say how a rendered set differs from photographs, dimension by dimension, with no total score.

    Light and colour of skin and of the rest; crops of skin as a network sees them, against the distance between sets of
    photographs; what was asked for against what shows; which tones, framings and lights there are.

    Args:
        rendered: a set that `skinseg render` wrote
        against: folder that holds the datasets of photographs
        out: audit.json and the report go here
        images: how many of each set to look at, at most
        seed: of the choice of images and of the halves
        weights: imagenet (an installed package's or the hub's), or a file with those of EfficientNet-Lite0
    """
    from skinseg.datasets.registry import find_datasets, open_dataset
    from skinseg.datasets.rendered import Rendered
    from skinseg.probing.audit import run_audit
    from skinseg.probing.distances import imagenet_features
    from skinseg.probing.pages import write_audit
    from skinseg.reports.console import print_tables

    ours = open_dataset(Rendered.name, rendered)
    assert isinstance(ours, Rendered)
    found = run_audit(ours, find_datasets(against), images, lambda: imagenet_features(weights), seed)
    words: dict[str, object] = {"against": against, "images": images, "seed": seed, "out": out}
    said, tables = write_audit(found, _command(f"audit {shlex.quote(str(rendered))}", words), out)
    print_tables(tables, said)
    print(f"report: {out / 'report.html'}")


def _search_settings(
    config: "GeneratorConfig", count: int, trials: int, seed: int, fit: tuple[str, ...], studio: "Studio"
) -> None:
    from skinseg.files import written_whole
    from skinseg.probing.settings import search_settings, worst_group

    found = search_settings(worst_group(count, seed, fit, studio), config, trials, seed, studio.out)
    best = max(found, key=lambda trial: trial.value)
    with written_whole(studio.out / "best.yaml") as beside:
        beside.write_text(best.config.to_yaml(), encoding="utf-8")
    print(
        f"{len(found)} trials: worst group {found[0].value:.3f} with the settings as given, {best.value:.3f} with the "
        f"best; render with --config {studio.out / 'best.yaml'}"
    )


def _file_of(checkpoint: Path) -> Path:
    """The file whose contents are the model."""
    from skinseg.models.checkpoint import newest_checkpoint
    from skinseg.models.exported import ONNX, meant

    path = meant(checkpoint)
    if path.suffix == ".onnx":
        if not path.is_file():
            raise UserError(f"checkpoint {path} does not exist; name a file that `skinseg export` wrote")
        return path
    only_onnx = (path / ONNX).is_file() and not any(path.glob("*.safetensors"))
    return path / ONNX if only_onnx else newest_checkpoint(path)


def _settings(config: str | None) -> "GeneratorConfig":
    from skinseg.synthetic.config import GeneratorConfig

    return GeneratorConfig.load(presets.config_file(config, "render")) if config else GeneratorConfig()


def _photos(backgrounds: Path | None) -> "Photos | None":
    if backgrounds is None:
        return None
    from skinseg.synthetic.room.backgrounds import find_photos

    return find_photos(backgrounds.resolve())


def _command(name: str, words: dict[str, object]) -> str:
    return " ".join(
        ["skinseg", name, *(f"--{key} {shlex.quote(str(value))}" for key, value in words.items())]
    )
