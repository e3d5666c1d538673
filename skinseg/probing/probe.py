"""Why a model fails: the same scenes with one thing changed, and a search for the scenes that it fails on."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skinseg.errors import UserError, did_you_mean
from skinseg.evaluation.bootstrap import Floats
from skinseg.files import written_whole
from skinseg.probing.changes import AS_DRAWN, FACTORS
from skinseg.probing.effects import Effect, effects, gap
from skinseg.probing.failures import Found, Search, again, failed, located, mutated, search
from skinseg.probing.scoring import Segment, Studio, score, shoot
from skinseg.probing.streams import Part, stream
from skinseg.probing.tone import told_from_all
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.scene import Scene

TABLE, FAILURES, CHOSEN = "probe.parquet", "failures.jsonl", "chosen.jsonl"
MOST_EMPTY = 20  # scenes that may show too little skin for each that shows enough


@dataclass(frozen=True)
class Row:
    """A scored frame. number: of the scene at random that it is, or is a change of; in the search, its place there."""

    factor: str
    level: str
    number: int
    found: Found


@dataclass(frozen=True)
class Probed:
    """What was found out. effects: of each factor, by size within it; gaps: best against worst level of a factor;
    confirmed: failures whose IoU stays below the threshold in other noise, the worst first."""

    scenes: int
    given_up: int
    rows: list[Row]
    effects: dict[str, list[Effect]]
    gaps: dict[str, Effect]
    search: Search | None
    confirmed: list[Found]
    chosen: list[Scene]


def factors_named(names: str) -> list[str]:
    """The factors of a list like "tone,light". Raises UserError for one that does not exist."""
    given = [name.strip() for name in names.split(",") if name.strip()]
    for name in given:
        if name not in FACTORS:
            raise UserError(
                f"--factors {names}: no factor {name!r}{did_you_mean(name, FACTORS)}, expected some of "
                f"{', '.join(FACTORS)}"
            )
    return list(dict.fromkeys(given))


def run_probe(
    config: GeneratorConfig,
    seed: int,
    scenes: int,
    names: Sequence[str],
    renders: int,
    choose: int,
    segment: Segment,
    model: str,
    studio: Studio,
) -> Probed:
    """Probe a model; frames lie below `studio.out`, and those that are there are not rendered again.

    names: of `FACTORS`. renders: frames that the search for failures may cost, 0 for none, those that look again at
    what it found apart. choose: how many scenes to give for training. model: hash of the weights, which decide where
    the search goes.
    """
    base, given_up = _at_random(config, seed, scenes, segment, studio)
    rows = [Row("none", AS_DRAWN, number, each) for number, each in enumerate(base)]
    found: dict[str, list[Effect]] = {}
    gaps: dict[str, Effect] = {}
    for name in names:
        changed = _changed(name, base, config, segment, studio)
        rows += changed
        iou = _iou(name, base, changed, config.min_skin_share)
        found[name] = effects(name, iou, FACTORS[name].reference, seed)
        widest = gap(name, iou, seed) if FACTORS[name].reference is None else None
        gaps |= {name: widest} if widest else {}
    searched, confirmed = None, []
    if renders:
        # The search goes on where fewer renders ended; with other scenes to start from it is another.
        name = f"{model}-{scenes}"
        searched = search(base, f"search-{name}", renders, config, seed, studio, segment)
        rows += [Row("search", "mutant", number, each) for number, each in enumerate(searched.found)]
        worst = _failures(searched)
        noisy = shoot([again(each.shot.scene, seed) for each in worst], f"again-{name}-{renders}", studio)
        second = score(noisy, segment)
        confirmed = [
            each for each, other in zip(worst, second, strict=True) if other.iou < searched.threshold
        ]
    chosen = _chosen(confirmed, choose, config, seed, len(base) + given_up, studio) if choose else []
    return Probed(len(base), given_up, rows, found, gaps, searched, confirmed, chosen)


def _at_random(
    config: GeneratorConfig, seed: int, count: int, segment: Segment, studio: Studio
) -> tuple[list[Found], int]:
    """Scenes as they are drawn, in cloth told from every skin, without those that show too little skin."""
    given_up = 0
    while True:
        drawn = [draw_scene(config, seed, index, photos=studio.photos) for index in range(count + given_up)]
        shots = shoot([told_from_all(each, config) for each in drawn], "as-drawn", studio)
        able = [(shot, each) for shot, each in zip(shots, score(shots, segment), strict=True)
                if each.skin_share >= config.min_skin_share]  # fmt: skip
        if len(able) >= count:
            return [located(*each, config.min_skin_share) for each in able[:count]], given_up
        given_up = len(shots) - len(able)
        if given_up > MOST_EMPTY * count:
            raise UserError(
                f"{given_up} of {len(shots)} scenes show less than {config.min_skin_share:.1%} skin, expected one in "
                f"{MOST_EMPTY} at least to show more; lower min_skin_share or p_clothed in the configuration"
            )


def _changed(
    name: str, base: Sequence[Found], config: GeneratorConfig, segment: Segment, studio: Studio
) -> list[Row]:
    """The frames of every level of a factor; where a level is what the scene is already, its own frame."""
    places: list[tuple[str, int]] = []
    scenes: list[Scene] = []
    rows: list[Row] = []
    for number, each in enumerate(base):
        for level, change in FACTORS[name].levels.items():
            scene = change(each.shot.scene, config)
            if scene == each.shot.scene:
                rows.append(Row(name, level, number, each))
            elif scene is not None:
                places.append((level, number))
                scenes.append(scene)
    shots = shoot(scenes, name, studio)
    rows += [
        Row(name, level, number, located(shot, scored, config.min_skin_share))
        for (level, number), shot, scored in zip(places, shots, score(shots, segment), strict=True)
    ]
    return rows


def _iou(name: str, base: Sequence[Found], rows: Sequence[Row], min_skin_share: float) -> dict[str, Floats]:
    """Per level, the IoU of each scene; NaN where it has no such frame, or one that shows too little skin."""
    table = {level: np.full(len(base), np.nan) for level in FACTORS[name].levels}
    if FACTORS[name].reference == AS_DRAWN:
        table[AS_DRAWN] = np.array([each.score.iou for each in base])
    for row in rows:
        if row.found.score.skin_share >= min_skin_share:
            table[row.level][row.number] = row.found.score.iou
    return table


def _failures(searched: Search) -> list[Found]:
    """The grid's frames below the threshold, the worst first."""
    return sorted(
        failed(searched.grid.values(), searched.threshold),
        key=lambda each: (each.score.iou, str(each.shot.path)),
    )


def _chosen(
    confirmed: Sequence[Found], count: int, config: GeneratorConfig, seed: int, drawn: int, studio: Studio
) -> list[Scene]:
    """Scenes to train on: the failures themselves, mutants of them in turn, which nobody has rendered yet, and as many
    scenes at random again: alone, the few things that fail are all that a model would learn of.

    drawn: index of the first scene at random that was not probed.
    """
    if not confirmed:
        return []
    random = count // 2
    scenes = [each.shot.scene for each in confirmed[: count - random]]
    for number in range(count - random - len(scenes)):
        parent = confirmed[number % len(confirmed)].shot.scene
        scenes.append(mutated(parent, config, stream(Part.CHOICE, seed, number), studio.photos))
    others = range(drawn, drawn + random)
    return scenes + [draw_scene(config, seed, index, photos=studio.photos) for index in others]


# ----------------------------------------------------------------------------------------------- on disk


def write(probed: Probed, out: Path) -> None:
    """probe.parquet: a row per frame; failures.jsonl and chosen.jsonl: scenes for `skinseg render --scenes`."""
    import pandas as pd

    table = pd.DataFrame([_record(row, out) for row in probed.rows])
    with written_whole(out / TABLE) as beside:
        table.to_parquet(beside, index=False)
    for name, scenes in (
        (FAILURES, [each.shot.scene for each in probed.confirmed]),
        (CHOSEN, probed.chosen),
    ):
        with written_whole(out / name) as beside:
            beside.write_text("".join(scene.to_json() + "\n" for scene in scenes), encoding="utf-8")
    with written_whole(out / "probe.json") as beside:
        beside.write_text(json.dumps(_summary(probed), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _record(row: Row, out: Path) -> dict[str, Any]:
    scene, scored = row.found.shot.scene, row.found.score
    path = row.found.shot.path
    return {
        "factor": row.factor,
        "level": row.level,
        "number": row.number,
        "frame": path.relative_to(out).as_posix() if path.is_relative_to(out) else path.as_posix(),
        "iou": scored.iou,
        **dataclasses.asdict(scored.counts),
        "skin_share": scored.skin_share,
        "fitzpatrick": scene.people[0].skin.fitzpatrick,
        "track": scene.camera.track,
        "scene": scene.to_json(),
    }


def _summary(probed: Probed) -> dict[str, Any]:
    return {
        "scenes": probed.scenes,
        "given_up": probed.given_up,
        "effects": [dataclasses.asdict(each) for some in probed.effects.values() for each in some],
        "gaps": {name: dataclasses.asdict(each) for name, each in probed.gaps.items()},
        "search": None
        if probed.search is None
        else {
            "threshold": probed.search.threshold,
            "renders": len(probed.search.found),
            "failures_per_render": probed.search.searched,
            "failures_per_render_at_random": probed.search.at_random,
            "cells": len(probed.search.grid),
            "confirmed": len(probed.confirmed),
        },
    }


def file_hash(path: Path) -> str:
    """8 hex digits over a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
