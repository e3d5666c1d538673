"""The runs of a report as arms: those of one kind and configuration, one per seed, under one label."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from skinseg.data.arrangement import PLAIN
from skinseg.models.configuration import UNRECORDED, configuration_of, differing, short
from skinseg.models.lineage import UNKNOWN, start_of
from skinseg.reports.published import RENDERED
from skinseg.reports.results import Results

HEAD = "skin"
SHORT = 6
"""Characters of a configuration's hash in a label."""
LONGEST_LABEL = 60
"""Characters of the options that tell arms of one name apart; beyond it their configuration's hash does."""

Column = tuple[str, str, str]
"""A test set: name, subset, hash of its split. Runs are compared on the same three only."""


@dataclass(frozen=True)
class Arm:
    """Runs of one kind, one per seed: what they were trained on, and before that; see `skinseg.models.lineage`.
    adapt: the method that brought the two together, where it was not plain training. config: hash of the
    configuration that all of its runs share, see `skinseg.models.configuration`."""

    label: str
    trained_on: str
    pretrained_on: str | None
    adapt: str | None
    config: str
    runs: tuple[Results, ...]

    @property
    def name(self) -> str:
        """What it was trained on, which arms of several configurations share."""
        name = f"{self.trained_on} + {self.pretrained_on}" if self.pretrained_on else self.trained_on
        return f"{name} by {self.adapt}" if self.adapt else name

    @property
    def start(self) -> str:
        """A `Start`'s name."""
        return start_of(self.runs[0].run["training"]).name

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """What decided the runs, by option."""
        return _configuration(self.runs[0])

    @property
    def is_limited(self) -> bool:
        """Whether it was shown a part of its training sets only."""
        return any(self.configuration.get(f"data.limit_{part}") for part in ("train", "source"))

    @cached_property
    def rows(self) -> dict[Column, pd.DataFrame]:
        """The skin head's rows of all seeds by test set."""
        rows = pd.concat([run.rows for run in self.runs], ignore_index=True)
        groups = rows[rows["head"] == HEAD].groupby(["test_set", "subset", "split"])
        return {(str(key[0]), str(key[1]), str(key[2])): part for key, part in groups}


def arms(runs: Sequence[Results]) -> list[Arm]:
    """The runs by what they were trained on, without pretraining first, the rendered set's own last.

    Runs of one kind and configuration are seeds of one arm; where two of them have the same seed, or the kind is
    unknown, they differ in something else, and each is an arm of its own that bears its folder's name; one of masks
    bears theirs alone where no other arm does. Where one kind has several configurations, labels say what differs.
    """
    kinds: dict[tuple[str, str | None, str | None, str], list[Results]] = {}
    for run in runs:
        word = run.run["training"].get("adapt")
        adapt = None if word is None or word in PLAIN else str(word)
        kind = (run.run["trained_on"], run.run["pretrained_on"], adapt, run.run["config"])
        kinds.setdefault(kind, []).append(run)
    found = []
    for several in by_name([Arm("", *kind, tuple(members)) for kind, members in kinds.items()]).values():
        for arm, label in zip(several, _labels(several), strict=True):
            seeds = [run.run["training"].get("seed") for run in arm.runs]
            if arm.trained_on == UNKNOWN or len(set(seeds)) < len(seeds):
                found += [
                    replace(arm, label=run.run.get("name", f"{label} ({run.folder})"), runs=(run,))
                    for run in arm.runs
                ]
            else:
                found.append(replace(arm, label=label))
    times = Counter(arm.label for arm in found)
    return sorted(
        (
            replace(arm, label=f"{arm.label} ({arm.runs[0].folder})")
            if "name" in arm.runs[0].run and times[arm.label] > 1
            else arm
            for arm in found
        ),
        key=lambda arm: (arm.trained_on == UNKNOWN, arm.trained_on == RENDERED, arm.trained_on, arm.label),
    )


def by_name(several: Sequence[Arm]) -> dict[str, list[Arm]]:
    names: dict[str, list[Arm]] = {}
    for arm in several:
        names.setdefault(arm.name, []).append(arm)
    return names


def _labels(several: Sequence[Arm]) -> list[str]:
    """A label for each of the configurations under one name: with the options that differ, or their hash."""
    if len(several) == 1:
        return [several[0].name]
    names = differing([arm.configuration for arm in several])
    said = [", ".join(f"{short(name)} {arm.configuration.get(name)}" for name in names) for arm in several]
    if len(set(said)) < len(said) or UNRECORDED in names or max(map(len, said)) > LONGEST_LABEL:
        said = [f"configuration {arm.config[:SHORT]}" for arm in several]
    return [f"{arm.name}, {text}" for arm, text in zip(several, said, strict=True)]


def _configuration(run: Results) -> dict[str, Any]:
    labels = run.run.get("labels")
    return configuration_of(run.run["training"]) | ({"labels": labels} if labels else {})


def without_pretraining(first: Arm, every: Sequence[Arm]) -> list[Arm]:
    """What an arm with pretraining is held against: the arms without it, of those the most alike in their options."""
    found = [second for second in every if _is_with_and_without(first, second)]
    apart = [len(differing([first.configuration, second.configuration])) for second in found]
    return [second for second, count in zip(found, apart, strict=True) if count == min(apart)]


def _is_with_and_without(first: Arm, second: Arm) -> bool:
    return (
        first.trained_on == second.trained_on != UNKNOWN
        and first.start == second.start
        and first.pretrained_on is not None
        and second.pretrained_on is None
        and not (first.adapt or second.adapt)
    )
