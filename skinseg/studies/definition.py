"""A study as data: what is rendered, which fits there are, along which axes, and what is said of the scores.

docs/studies.md says what each key of a study file means.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field

from skinseg.errors import UserError
from skinseg.records import Count, Number, Positive, Truth, grown, is_huge, plain_yaml, typed
from skinseg.studies.claims import NEEDS, Claim
from skinseg.studies.estimates import METRICS
from skinseg.training.adaptation import ADAPTATIONS, METHODS

SCALES = ("laptop", "paper")
SETS = ("source", "target", "both")
TRAINED_ON = "data.dataset"
"""The parameter of an axis along which the training set varies."""
RENDER = "render."
"""What the name of a parameter begins with that is a setting of the generator."""
RENDER_ALL = f"{RENDER}*"
"""The parameter of an axis whose points are several of the generator's settings each."""
TONES = "tones"
"""The column that stands for the tone groups."""
_WAY_OUT = "docs/studies.md says what each key means"

# They become parts of names of folders.
Named = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Some = Field(min_length=1)


@dataclass(frozen=True)
class Scale:
    """One size of a study: the same grid, with other counts.

    configs: of the runs, beside the study's folder, later ones override. options: of every fit, over those, and of the
    frames (render.resolution); fit_options: of some, by name, over all others.
    target: the data set of photographs. frames: in the rendered set. steps: optimiser steps by name.
    epochs: into how many a fit's steps are cut; a killed fit goes on from the last whole one.
    """

    configs: tuple[str, ...]
    seeds: Annotated[tuple[Seed, ...], Some]
    frames: Positive
    steps: Mapping[str, Positive]
    target: str = ""
    epochs: Positive = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    fit_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Fit:
    """One kind of training run; scored and shown as an arm unless it is a `stage` of others.

    data: "source" (rendered frames), "target" (photographs) or "both". steps: names in the scale's, added up.
    after: the fit whose last weights it starts from. axes: names of the axes it varies along.
    budget: why its steps, all before it included, are not those of the other arms.
    """

    name: str
    data: str
    steps: Annotated[tuple[str, ...], Some]
    title: str = ""
    after: str | None = None
    adapt: str = "none"
    stage: Truth = False
    options: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[str, ...] = ()
    budget: str | None = None
    __pydantic_config__ = ConfigDict(extra="forbid")


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
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Frames:
    """How the study's frames are rendered. config: a generator's, beside the study's folder; settings: over it."""

    config: str = "../render/mixed.yaml"
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: Count = 0
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Published:
    """The paper's values, by arm or arm@point, one for each column or null."""

    columns: tuple[str, ...]
    values: Mapping[str, tuple[Number | None, ...]]
    source: str = ""
    note: str = ""
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Study:
    """What a study file says.

    score: data set ("target" is the scale's, "found" every other one that is there) to subset; the first is the
    headline's. compare: pairs of arms, the headline first. columns: metrics, or "tones". audited: whether each rendered
    set is audited, and its dimensions related to what was trained on it. saved: two arms along an axis of numbers of
    real images, of which the first saves some.
    """

    name: Named
    title: str
    paper: str
    path: Path
    scales: Annotated[Mapping[Named, Scale], Some]
    fits: Annotated[tuple[Fit, ...], Some]
    score: Annotated[Mapping[str, Literal["test", "all"]], Some]
    axes: tuple[Axis, ...] = ()
    render: Frames = Frames()
    columns: Annotated[tuple[str, ...], Some] = ("iou",)
    compare: tuple[tuple[str, str], ...] = ()
    claims: tuple[Claim, ...] = ()
    published: Published | None = None
    notes: tuple[str, ...] = ()
    saved: tuple[str, str] | None = None
    audited: Truth = False
    __pydantic_config__ = ConfigDict(extra="forbid")

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
    record = read_keys(path)
    scales = {
        name: typed(Scale, value, f"{path}: scales.{name}", _WAY_OUT)
        for name, value in _mapping(record.pop("scales", None), f"{path}: scales").items()
    }
    axes = tuple(_axis(value, f"{path}: axes") for value in _list(record.pop("axes", []), f"{path}: axes"))
    every = tuple(axis.name for axis in axes)
    fits = tuple(
        _fit(str(name), value, every, f"{path}: fits.{name}")
        for name, value in _mapping(record.pop("fits", None), f"{path}: fits").items()
    )
    study = typed(
        Study, record | {"path": path, "scales": scales, "axes": axes, "fits": fits}, str(path), _WAY_OUT
    )
    _check(study)
    return study


def read_keys(path: Path) -> dict[str, Any]:
    """A YAML file of keys with values. Raises UserError where it is none."""
    try:
        text = path.read_text(encoding="utf-8")
        if found := grown(text, aliases=True):
            raise UserError(f"{path}: {found} found, expected fewer; {_WAY_OUT}")
        record = plain_yaml(text)
        if is_huge(record):
            raise UserError(
                f"{path}: aliases make more than 100,000 values of it, expected fewer; {_WAY_OUT}"
            )
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: cannot be read as YAML ({' '.join(str(error).split())}); correct it"
        ) from error
    return {} if record is None else _mapping(record, str(path))


def _fit(name: str, value: Any, axes: tuple[str, ...], where: str) -> Fit:
    given = _mapping(value, where)
    # A stage is shared by all points of an axis; an arm varies along each.
    given.setdefault("axes", () if given.get("stage") else axes)
    steps = given.get("steps")
    given["steps"] = (steps,) if isinstance(steps, str) else steps
    return typed(Fit, {**given, "name": name}, where, _WAY_OUT)


def _axis(value: Any, where: str) -> Axis:
    given = _mapping(value, where)
    points = {}
    for scale, values in _mapping(given.pop("points", None), f"{where}: points").items():
        if isinstance(values, dict):
            points[scale] = {str(label): each for label, each in values.items()}
        else:
            values = _list(values, f"{where}: points.{scale}")
            points[scale] = {str(each): each for each in values}
            if len(points[scale]) < len(values):
                raise UserError(f"{where}: points.{scale}: {values} found, expected each once")
    return typed(Axis, {**given, "points": points}, where, _WAY_OUT)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    """A copy of it, its keys as texts."""
    if not isinstance(value, dict) or not value:
        raise UserError(f"{where}: {_short(value)} found, expected keys with values")
    return {str(key): each for key, each in value.items()}


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f"{where}: {_short(value)} found, expected a list")
    return value


def _short(value: Any) -> str:
    found = repr(value)
    return found if len(found) <= 60 else f"{found[:57]}..."


def _check(study: Study) -> None:
    names = [fit.name for fit in study.fits]
    axes = [axis.name for axis in study.axes]
    if len(set(axes)) < len(axes):
        raise UserError(f"{study.path}: axes: {', '.join(axes)} found, expected each name once")
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
        kind = {TRAINED_ON: str, RENDER_ALL: dict}.get(axis.parameter, object)
        for label, value in itertools.chain.from_iterable(each.items() for each in axis.points.values()):
            if not isinstance(value, kind):
                raise UserError(
                    f"{study.path}: axis {axis.name}: point {label} is {_short(value)}, expected "
                    f"{'a data set' if kind is str else 'settings'}"
                )
    for name, scale in study.scales.items():
        _among(list(scale.fit_options), names, f"{study.path}: scales.{name}: fit_options")
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
    _check_output(study, [fit.name for fit in study.fits if not fit.stage])


def _check_output(study: Study, arms: Sequence[str]) -> None:
    """What is said of the scores is about arms and columns that there are, before anything is trained for it."""
    path = study.path
    if not arms:
        raise UserError(f"{path}: fits: all are stages, expected at least one that is scored")
    if study.columns != (TONES,):
        _among(study.columns, tuple(METRICS), f"{path}: columns (or {TONES} alone)")
    _among([name for pair in study.compare for name in pair], arms, f"{path}: compare")
    for claim in study.claims:
        where = f"{path}: claims: {claim.claim}"
        missing = [name for name in NEEDS[claim.rule] if getattr(claim, name) in ("", None)]
        if missing:
            raise UserError(
                f"{where}: {', '.join(missing)} missing, expected by the rule {claim.rule}; add it"
            )
        for name in filter(None, (claim.arm, claim.minus)):
            _check_cell(study, name, arms, ("first", "last"), where)
        if claim.test_set and not {"target", "found"} & study.score.keys():
            _among([claim.test_set], tuple(study.score), f"{where}: test_set")
    if study.published is not None:
        for name, values in study.published.values.items():
            where = f"{path}: published.values.{name}"
            _check_cell(study, name, arms, (), where)
            if len(values) != len(study.published.columns):
                raise UserError(
                    f"{where}: {len(values)} found, expected one for each of {len(study.published.columns)} columns"
                )
    if study.saved is not None:
        _check_saved(study, study.saved, arms)


def _check_cell(study: Study, name: str, arms: Sequence[str], ends: Collection[str], where: str) -> None:
    """Raise UserError for what is no arm, and no arm@point; training sets are known only where the data are."""
    arm, at, point = name.partition("@")
    _among([arm], arms, where)
    axes = [axis for axis in study.axes if axis.name in study.fit(arm).axes]
    if not at or point in ends or any(axis.parameter == TRAINED_ON for axis in axes):
        return
    points = [
        ",".join(labels)
        for scale in study.scales
        for labels in itertools.product(*(axis.points[scale] for axis in axes))
    ]
    _among([point], [*dict.fromkeys(points), *ends], f"{where}: point of {arm}")


def _check_saved(study: Study, saved: tuple[str, str], arms: Sequence[str]) -> None:
    where = f"{study.path}: saved"
    _among(saved, arms, where)
    axes = {study.fit(name).axes for name in saved}
    along = [axis for axis in study.axes if axes == {(axis.name,)}]
    if not along:
        raise UserError(f"{where}: {', '.join(saved)} found, expected two arms along the same one axis")
    for scale, points in along[0].points.items():
        counts = [int(label) if label.isdecimal() else 0 for label in points]
        if 0 in counts or counts != sorted(counts):
            raise UserError(
                f"{where}: points.{scale} of axis {along[0].name} are {', '.join(points)}, expected rising numbers of "
                "images"
            )


def _varies_target(study: Study, fit: Fit) -> bool:
    return any(axis.parameter == TRAINED_ON and axis.name in fit.axes for axis in study.axes)


def _among(given: Sequence[str], known: Sequence[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise UserError(f"{where}: {name!r} found, expected some of {', '.join(known) or 'none'}")
