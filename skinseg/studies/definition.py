"""A study as data: what is rendered, which fits there are, along which axes, and what is said of the scores.

docs/studies.md says what each key of a study file means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from skinseg.errors import UserError
from skinseg.training.adaptation import ADAPTATIONS, METHODS

SCALES = ("laptop", "paper")
SETS = ("source", "target", "both")
TRAINED_ON = "data.dataset"
"""The parameter of an axis along which the training set varies."""


@dataclass(frozen=True)
class Scale:
    """One size of a study: the same grid, with other counts.

    configs: of the runs, beside the study's folder, later ones override. options: of every fit, over those;
    fit_options: of some, by name, over all others.
    target: the data set of photographs. frames: in the rendered set. steps: optimiser steps by name.
    epochs: into how many a fit's steps are cut; a killed fit goes on from the last whole one.
    """

    configs: tuple[str, ...]
    seeds: tuple[int, ...]
    frames: int
    steps: Mapping[str, int]
    target: str = ""
    epochs: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    fit_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """One kind of training run; scored and shown as an arm unless it is a `stage` of others.

    data: "source" (rendered frames), "target" (photographs) or "both". steps: names in the scale's, added up.
    after: the fit whose last weights it starts from. axes: names of the axes it varies along.
    budget: why its steps, all before it included, are not those of the other arms.
    """

    name: str
    data: str
    steps: tuple[str, ...]
    title: str = ""
    after: str | None = None
    adapt: str = "none"
    stage: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[str, ...] = ()
    budget: str | None = None


@dataclass(frozen=True)
class Axis:
    """parameter: an option of `skinseg fit` (data.limit_train), or a generator's setting (render.p_clothed), or several
    of them in each point (render.*).

    points: values by label, in order, per scale. Of data.dataset, "found" stands for every other one that is there.
    """

    name: str
    parameter: str
    points: Mapping[str, Mapping[str, Any]]
    title: str = ""


@dataclass(frozen=True)
class Study:
    """What a study file says.

    score: data set ("target" is the scale's, "found" every other one that is there) to subset; the first is the
    headline's. compare: pairs of arms, the headline first. columns: metrics, or "tones". published: the paper's
    values, see docs/studies.md. audited: whether each rendered set is audited, and its dimensions related to what was
    trained on it. saved: two arms along an axis of numbers of real images, of which the first saves
    some.
    """

    name: str
    title: str
    paper: str
    path: Path
    scales: Mapping[str, Scale]
    fits: tuple[Fit, ...]
    score: Mapping[str, str]
    axes: tuple[Axis, ...] = ()
    render: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ("iou",)
    compare: tuple[tuple[str, str], ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()
    published: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    saved: tuple[str, str] | None = None
    audited: bool = False

    def scale(self, name: str) -> Scale:
        """Raises UserError for a scale that the study does not have."""
        if name not in self.scales:
            raise UserError(f"--scale {name}: {self.path} has {', '.join(self.scales)}; choose one of them")
        return self.scales[name]

    def fit(self, name: str) -> Fit:
        return next(fit for fit in self.fits if fit.name == name)

    def chain(self, fit: Fit) -> list[Fit]:
        """The fit and those before it, the first one first."""
        return [*(self.chain(self.fit(fit.after)) if fit.after else []), fit]

    def total_steps(self, fit: Fit, scale: Scale) -> int:
        """Optimiser steps of the fit and of all before it."""
        return sum(scale.steps[name] for each in self.chain(fit) for name in each.steps)


def read_study(path: Path) -> Study:
    """Read and check a study file. Raises UserError that names the key, for anything that is not as it should be."""
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: cannot be read as YAML ({' '.join(str(error).split())}); correct it"
        ) from error
    if not isinstance(record, dict):
        raise UserError(f"{path}: {type(record).__name__} found, expected the keys of a study")
    scales = {
        str(name): _build(Scale, value, f"{path}: scales.{name}", configs=tuple, seeds=tuple)
        for name, value in _mapping(record.pop("scales", None), f"{path}: scales").items()
    }
    axes = tuple(_axis(value, f"{path}: axes") for value in record.pop("axes", ()))
    every = tuple(axis.name for axis in axes)
    fits = tuple(
        _fit(str(name), value, every, f"{path}: fits.{name}")
        for name, value in _mapping(record.pop("fits", None), f"{path}: fits").items()
    )
    pairs = tuple((str(first), str(second)) for first, second in record.pop("compare", ()))
    lists = dict.fromkeys(("columns", "claims", "notes", "saved"), tuple)
    given = record | {"path": path, "scales": scales, "axes": axes, "fits": fits, "compare": pairs}
    study: Study = _build(Study, given, str(path), **lists)
    _check(study)
    return study


def _fit(name: str, value: Any, axes: tuple[str, ...], where: str) -> Fit:
    given = dict(_mapping(value, where))
    # A stage is shared by all points of an axis; an arm varies along each.
    given.setdefault("axes", () if given.get("stage") else axes)
    steps = given.get("steps", ())
    given["steps"] = (steps,) if isinstance(steps, str) else steps
    fit: Fit = _build(Fit, given | {"name": name}, where, steps=tuple, axes=tuple)
    return fit


def _axis(value: Any, where: str) -> Axis:
    given = dict(_mapping(value, where))
    points = {}
    for scale, values in _mapping(given.pop("points", None), f"{where}: points").items():
        named = values if isinstance(values, dict) else {str(each): each for each in values}
        points[str(scale)] = {str(label): each for label, each in named.items()}
    axis: Axis = _build(Axis, given | {"points": points}, where)
    return axis


def _build(kind: Any, given: Mapping[str, Any], where: str, **convert: Any) -> Any:
    known = [each.name for each in fields(kind)]
    for key in given:
        if key not in known:
            raise UserError(f"{where}: unknown key {key!r}; known are {', '.join(known)}")
    try:
        return kind(**{key: convert[key](value) if key in convert else value for key, value in given.items()})
    except TypeError as error:
        raise UserError(f"{where}: {' '.join(str(error).split()).removeprefix('__init__() ')}") from error


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise UserError(f"{where}: {value!r} found, expected keys with values")
    return value


def _check(study: Study) -> None:
    names = [fit.name for fit in study.fits]
    axes = [axis.name for axis in study.axes]
    for fit in study.fits:
        where = f"{study.path}: fits.{fit.name}"
        if fit.data not in SETS:
            raise UserError(f"{where}: data is {fit.data!r}, expected one of {', '.join(SETS)}")
        if fit.adapt not in ADAPTATIONS:
            raise UserError(f"{where}: adapt is {fit.adapt!r}, expected one of {', '.join(ADAPTATIONS)}")
        if (fit.adapt in METHODS) != (fit.data == "both"):
            raise UserError(
                f"{where}: adapt: {fit.adapt} with data: {fit.data}; {', '.join(METHODS)} need both sets (data: both), "
                "the others one"
            )
        if fit.after is not None and fit.after not in names[: names.index(fit.name)]:
            raise UserError(f"{where}: after names {fit.after!r}, expected a fit above it")
        _among(fit.axes, axes, f"{where}: axes")
        for name, scale in study.scales.items():
            _among(fit.steps, tuple(scale.steps), f"{where}: steps, at scale {name}")
            if fit.data != "source" and not scale.target and not _varies_target(study, fit):
                raise UserError(
                    f"{study.path}: scales.{name}: {fit.name} adapts to photographs and the scale has no target; "
                    "add target: NAME of a data set"
                )
    for axis in study.axes:
        for name in study.scales:
            if not axis.points.get(name):
                raise UserError(f"{study.path}: axis {axis.name} has no points at scale {name}; add some")
    for name, scale in study.scales.items():
        arms = {
            fit.name: study.total_steps(fit, scale) for fit in study.fits if not (fit.stage or fit.budget)
        }
        if len(set(arms.values())) > 1:
            said = ", ".join(f"{arm} {steps}" for arm, steps in arms.items())
            raise UserError(
                f"{study.path}: at scale {name} the arms have different numbers of optimiser steps ({said}), expected "
                "the same; change steps, or say under `budget` why an arm has another"
            )
    arms_named = {name for pair in study.compare for name in pair}
    _among(sorted(arms_named), [fit.name for fit in study.fits if not fit.stage], f"{study.path}: compare")


def _varies_target(study: Study, fit: Fit) -> bool:
    return any(axis.parameter == TRAINED_ON and axis.name in fit.axes for axis in study.axes)


def _among(given: Sequence[str], known: Sequence[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise UserError(f"{where}: {name!r} found, expected some of {', '.join(known) or 'none'}")
