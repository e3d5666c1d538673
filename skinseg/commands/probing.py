"""`skinseg probe`, `balance` and `audit`: questions to the generator; docs/probing.md says what they answer."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from skinseg.commands.checks import check_model
from skinseg.commands.parser import AtLeastOne, NotNegative
from skinseg.errors import UserError
from skinseg.models.exported import ONNX, RELEASED, meant
from skinseg.presets import config_file
from skinseg.records import check_plain

if TYPE_CHECKING:
    from skinseg.probing.scoring import Studio
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.room.backgrounds import Photos


def probe(
    *,
    checkpoint: Path = Path(RELEASED),
    scenes: AtLeastOne = 40,
    factors: str = "tone,light,framing,clothing,background,worn",
    renders: NotNegative = 0,
    choose: NotNegative = 0,
    device: str = "auto",
    out: Path,
    config: str | None = None,
    seed: NotNegative = 0,
    backgrounds: Path | None = None,
    workers: NotNegative = 0,
    scheduler: str | None = None,
) -> None:
    """Ask the generator why a model fails: scenes with one thing changed, and a search for failures.

    The same scenes in all six tones, lights, framings and clothes: effects are paired, and are causes. The same
    command goes on where it was stopped.

    Args:
        checkpoint (PATH): a .ckpt, a run, a folder of runs (newest), an exported folder or an .onnx file [the released
            model]
        scenes (N): scenes that are changed [40]
        factors (NAME,...): what is changed [tone,light,framing,clothing,background,worn]
        renders (N): frames for the search [0]
        choose (N): scenes to train on, to chosen.jsonl: half of them fail, half are at random [0]
        device: auto, cpu or cuda [auto]
        out (DIR): frames, rows and report
        config (YAML): generator settings, a name or a file [mixed]
        seed (S): [0]
        backgrounds (DIR): your photographs, for walls
        workers (W): [one per core]
        scheduler (ADDRESS): render on a dask cluster, tcp://host:8786

    Example:
        skinseg probe --checkpoint runs/pretrain --out results/probe --renders 120 --choose 200
    """
    if choose and not renders:
        raise UserError(
            "--choose without --renders: expected frames for the search for failures; give --renders 120"
        )
    check_model(checkpoint)

    from skinseg.models.loading import load
    from skinseg.probing.probe import factors_named, file_hash, run_probe, write
    from skinseg.probing.probe_page import write_probe
    from skinseg.probing.scoring import Studio, skin_of
    from skinseg.reports.console import print_tables

    names = factors_named(factors)
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
        "renders": renders or None,
        "choose": choose or None,
        "config": config,
        "seed": seed,
        "backgrounds": backgrounds,
        "out": out,
    }
    said, tables = write_probe(probed, segment, str(checkpoint), _command("probe", words), out)
    print_tables(tables, said)
    print(f"report: {out / 'report.html'}")


def balance(
    *,
    count: AtLeastOne,
    cells: str = "tone,framing,light",
    way: Literal["balance", "uniform", "rejection", "queue"] = "balance",
    objective: Literal["cells", "worst-group"] = "cells",
    trials: AtLeastOne = 100,
    fit: str = "",
    out: Path,
    config: str | None = None,
    seed: NotNegative = 0,
    backgrounds: Path | None = None,
    workers: NotNegative = 0,
    scheduler: str | None = None,
) -> None:
    """Render a set that is even in tone, framing and light as a camera sees them.

    A pilot teaches what scenes come out as; then those are rendered that are likely to fill the emptiest cells. The
    same command goes on where it was stopped, to the same bytes.

    Args:
        count (N): frames, the pilot among them
        cells (NAME,...): [tone,framing,light]
        way: the others for comparison; queue is Jain et al.'s [balance]
        objective: cells, or settings by which the worst tone group of frames held out does best: renders and trains
            in every trial [cells]
        trials (N): of worst-group [100]
        fit (OPTIONS): of `skinseg fit`, in one string, for worst-group
        out (DIR): the set's folder; goes on there
        config (YAML): generator settings, a name or a file [mixed]
        seed (S): [0]
        backgrounds (DIR): your photographs, for walls
        workers (W): [one per core]
        scheduler (ADDRESS): render on a dask cluster, tcp://host:8786

    Example:
        skinseg balance --count 300 --cells tone,framing,light --out rendered/balanced
    """
    from skinseg.probing.cells import axes_named

    axes = axes_named(cells)

    from skinseg.probing.balance import run_balance
    from skinseg.probing.balance_page import write_balance
    from skinseg.probing.scoring import Studio
    from skinseg.reports.console import print_tables

    cores = workers or os.cpu_count() or 1
    if objective == "worst-group":
        studio = Studio(out, cores, _photos(backgrounds), scheduler)
        _search_settings(_settings(config), count, trials, seed, tuple(shlex.split(fit)), studio)
        return
    studio = Studio(out.parent, cores, _photos(backgrounds), scheduler)
    balanced = run_balance(_settings(config), seed, count, axes, way, out.name, studio)
    words: dict[str, object] = {
        "count": count,
        "cells": cells,
        "way": way,
        "config": config,
        "seed": seed,
        "backgrounds": backgrounds,
        "out": out,
    }
    said, tables = write_balance(balanced, way, _command("balance", words), out)
    print_tables(tables, said)
    print(f"report: {out / 'report.html'}")


def audit(
    rendered: Path,
    *,
    against: Path,
    out: Path = Path("results/audit"),
    images: AtLeastOne = 100,
    seed: NotNegative = 0,
    weights: str = "imagenet",
) -> None:
    """Say how a rendered set differs from photographs, dimension by dimension.

    There is no total score: what a dimension is worth, only transfer tells.

    Args:
        rendered (RENDERED): a set that `render` wrote
        against (DATA_ROOT): datasets of photographs
        out (DIR): [results/audit]
        images (N): of each set, at most [100]
        seed (S): [0]
        weights (W): of EfficientNet-Lite0, or a file [imagenet]

    Example:
        skinseg audit rendered/default --against data --out results/audit
    """
    from skinseg.datasets.registry import find_datasets, open_dataset
    from skinseg.datasets.rendered import Rendered

    ours, photographs = open_dataset(Rendered.name, rendered), find_datasets(against)
    assert isinstance(ours, Rendered)

    from skinseg.probing.audit import run_audit
    from skinseg.probing.audit_page import write_audit
    from skinseg.probing.distances import imagenet_features
    from skinseg.reports.console import print_tables

    found = run_audit(ours, photographs, images, lambda: imagenet_features(weights), seed)
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

    path = meant(checkpoint)
    if path.suffix == ".onnx":
        if not path.is_file():
            raise UserError(f"checkpoint {path} does not exist; name a file that `skinseg export` wrote")
        return path
    only_onnx = (path / ONNX).is_file() and not any(path.glob("*.safetensors"))
    return path / ONNX if only_onnx else newest_checkpoint(path)


def _settings(config: str | None) -> "GeneratorConfig":
    from skinseg.synthetic.config import GeneratorConfig

    if not config:
        return GeneratorConfig()
    path = config_file(config, "render")
    check_plain(path, "--config")
    return GeneratorConfig.load(path)


def _photos(backgrounds: Path | None) -> "Photos | None":
    if backgrounds is None:
        return None
    from skinseg.synthetic.room.backgrounds import find_photos

    return find_photos(backgrounds.resolve())


def _command(name: str, words: dict[str, object]) -> str:
    """What gives the same numbers again; an option that is None was not given."""
    given = (f"--{key} {shlex.quote(str(value))}" for key, value in words.items() if value is not None)
    return " ".join(["skinseg", name, *given])
