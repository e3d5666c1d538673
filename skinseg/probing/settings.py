"""Which settings of the generator make the worst tone group do best: CMA-ES over shares, weights and spreads.

A trial renders, trains and scores, so it is dear: each is kept as it comes, and the same call goes on.
"""

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skinseg.errors import UserError, install
from skinseg.evaluation.bootstrap import Floats
from skinseg.probing.scoring import Studio, score, shots_in, skin_of
from skinseg.probing.streams import Part, stream
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.renderer import render_set
from skinseg.synthetic.rendering.scene_list import read_scenes

WEIGHTS = ("tones", "track")
SHARES = (
    "p_clothed", "p_background", "p_panorama", "p_outdoors", "p_things", "p_second", "skin_like_share", "warm_share",
)  # fmt: skip
SPREADS = ("exposure_sd", "white_balance_sd", "saturation_sd", "contrast_sd", "noise_max", "blur_max")
STEP = 0.7  # of the first generation: a weight doubles or halves, a share of .5 goes to .33 or .67
MOST = 3.0  # how far a number may go: a weight to a twentieth or twenty times what it was
TRIALS = "trials.jsonl"

Objective = Callable[[GeneratorConfig], float]


@dataclass(frozen=True)
class Trial:
    """Settings and what they reached, higher is better."""

    config: GeneratorConfig
    value: float


def knobs(config: GeneratorConfig) -> int:
    """How many numbers move."""
    return len(moves(config))


def moves(config: GeneratorConfig) -> list[tuple[str, str]]:
    """What each number moves: a setting, and a name in it where it has weights."""
    weights = [
        (name, each) for name in WEIGHTS for each, weight in getattr(config, name).items() if weight > 0
    ]
    return [*weights, *((name, "") for name in (*SHARES, *SPREADS))]


def moved(config: GeneratorConfig, by: Floats) -> GeneratorConfig:
    """The settings with weights and spreads times e^x and the odds of shares times e^x, within their bounds."""
    record: dict[str, Any] = {name: dict(getattr(config, name)) for name in WEIGHTS}
    fields = {field.name: field.metadata for field in dataclasses.fields(config)}
    for (name, inside), x in zip(moves(config), by, strict=True):
        if inside:
            record[name][inside] = getattr(config, name)[inside] * math.exp(x)
            continue
        value, low, high = getattr(config, name), fields[name]["low"], fields[name]["high"]
        if name in SHARES:
            share = min(max(value, 0.005), 0.995)
            record[name] = 1 / (1 + (1 - share) / share * math.exp(-x))
        else:
            record[name] = min(max(value * math.exp(x), low), high)
    return GeneratorConfig.from_record(dataclasses.asdict(config) | record, "the search")


def search_settings(
    objective: Objective,
    config: GeneratorConfig,
    trials: int,
    seed: int,
    out: Path | None = None,
    population: int | None = None,
) -> list[Trial]:
    """Spend `trials` on settings about `config`, which are the first; all, in order.

    out: a folder whose trials.jsonl holds what was tried: none of that is tried again. Equal arguments and values,
    equal trials. Raises UserError where cmaes is not installed.
    """
    try:
        from cmaes import CMA
    except ModuleNotFoundError as error:
        raise UserError(f"--objective worst-group: cmaes is not installed; {install('search')}") from error

    known = _read(out)

    def tried(each: GeneratorConfig) -> Trial:
        if each.hash not in known:
            known[each.hash] = objective(each)
            _keep(out, each, known[each.hash])
        return Trial(each, known[each.hash])

    count = knobs(config)
    number = int(stream(Part.SETTINGS, seed).integers(2**31))
    bounds = np.array([[-MOST, MOST]] * count)
    way = CMA(mean=np.zeros(count), sigma=STEP, bounds=bounds, seed=number, population_size=population)
    found = [tried(config)]
    while len(found) < trials:
        asked = [way.ask() for _ in range(way.population_size)]
        new = [tried(moved(config, by)) for by in asked[: trials - len(found)]]
        found += new
        if len(new) == len(asked):
            way.tell([(by, -trial.value) for by, trial in zip(asked, new, strict=True)])
    return found


def _read(out: Path | None) -> dict[str, float]:
    if out is None or not (out / TRIALS).is_file():
        return {}
    known = {}
    for line in (out / TRIALS).read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
            known[str(record["config_hash"])] = float(record["value"])
        except (ValueError, KeyError, TypeError):
            continue  # half a line, as a kill leaves it
    return known


def _keep(out: Path | None, config: GeneratorConfig, value: float) -> None:
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    record = {"config_hash": config.hash, "value": value, "config": dataclasses.asdict(config)}
    with (out / TRIALS).open("a", encoding="utf-8") as file:
        file.write("\n" * _is_torn(out / TRIALS) + json.dumps(record) + "\n")


def _is_torn(path: Path) -> bool:
    data = path.read_bytes() if path.is_file() else b""
    return bool(data) and not data.endswith(b"\n")


def worst_group(count: int, seed: int, fit: tuple[str, ...], studio: Studio) -> Objective:
    """Renders `count` frames, trains on them and gives the mean skin IoU of the worst tone group of frames held out.

    Those are as many of the settings that the first trial has, drawn by another seed: no label of photographs, of a
    test split least of all, is looked at. fit: more options of `skinseg fit`.
    """

    def objective(config: GeneratorConfig) -> float:
        folder = studio.out / config.hash
        held_out = studio.out / "held-out"
        if not (held_out / "scenes.parquet").is_file():
            _render(config, count, seed + 1, held_out, studio)
        _render(config, count, seed, folder / "frames", studio)
        from skinseg.models.checkpoint import newest_checkpoint
        from skinseg.models.loading import load

        command = [sys.executable, "-m", "skinseg.cli", "fit", "--preset", "auto", "--config", "pretrain"]
        command += ["--data.data_root", str(folder / "frames"), "--seed_everything", str(seed)]
        command += ["--runs", str(folder), "--job", "run", *fit]
        done = subprocess.run(command, check=False)
        if done.returncode:
            raise UserError(
                f"{folder}: training on these settings failed (exit code {done.returncode}), expected a run; see "
                "what it printed, correct that and give the same command again to go on"
            )
        path = newest_checkpoint(folder / "run")
        segment = skin_of(load(path), path)
        shots = shots_in(held_out, read_scenes(held_out / "scenes.parquet"))
        groups = np.array([shot.scene.people[0].skin.fitzpatrick for shot in shots])
        iou = np.array([each.iou for each in score(shots, segment)])
        return float(min(iou[groups == group].mean() for group in np.unique(groups)))

    return objective


def _render(config: GeneratorConfig, count: int, seed: int, out: Path, studio: Studio) -> None:
    render_set(config, count, seed, studio.workers, out, photos=studio.photos, scheduler=studio.scheduler)
