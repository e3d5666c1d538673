"""`skinseg probe`, `balance` and `audit`: questions to the generator; docs/probing.md says what they answer."""

from pathlib import Path

from skinseg.commands.parser import AtLeastOne, NotNegative
from skinseg.models.exported import RELEASED


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
        choose (N): scenes to train on, to chosen.jsonl [0]
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
    from skinseg.probing import command

    command.probe(
        checkpoint,
        out,
        scenes=scenes,
        factors=factors,
        renders=renders,
        choose=choose,
        config=config,
        seed=seed,
        backgrounds=backgrounds,
        workers=workers,
        scheduler=scheduler,
        device=device,
    )


def balance(
    *,
    count: AtLeastOne,
    cells: str = "tone,framing,light",
    way: str = "balance",
    objective: str = "cells",
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

    A pilot teaches what scenes come out as; then those are rendered that are likely to fill the emptiest cells.

    Args:
        count (N): frames, the pilot among them
        cells (NAME,...): [tone,framing,light]
        way (WAY): balance, uniform, rejection or queue [balance]
        objective (WHAT): cells or worst-group [cells]
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
    from skinseg.probing import command

    command.balance(
        out,
        count=count,
        cells=cells,
        way=way,
        objective=objective,
        trials=trials,
        fit=fit,
        config=config,
        seed=seed,
        backgrounds=backgrounds,
        workers=workers,
        scheduler=scheduler,
    )


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
    from skinseg.probing import command

    command.audit(rendered, against, out, images=images, seed=seed, weights=weights)
