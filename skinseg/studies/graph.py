"""A study at a scale, on the data at hand, as a graph of nodes: render, fit, score."""

import dataclasses
import functools
import inspect
import itertools
import os
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinseg import __version__
from skinseg.data.splits import make_split
from skinseg.datasets.base import Dataset
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from skinseg.models.configuration import flat
from skinseg.records import typed
from skinseg.studies.definition import RENDER, RENDER_ALL, TRAINED_ON, Axis, Fit, Scale, Study, read_keys
from skinseg.studies.identity import Node
from skinseg.training.adaptation import ADAPTATIONS, METHODS

RENDERED = "rendered"
TARGET = "target"
FOUND = "found"
_NOT_DECIDING = (
    "job", "runs", "seed_everything", "data.num_workers", "data.cache_dir", "data.data_root", "data.source_root",
    "data.source", "adapt", "trainer.devices", "trainer.enable_progress_bar", "model.pretrained",
)  # fmt: skip
"""Options that change no result, or that stand in an identity in another form: the seed, data, what is gone on from."""
_NUMBERS = ("lr", "weight_decay", "warmup", "dice", "person_weight")
"""Options of the model that have a range."""


@dataclass(frozen=True)
class Inputs:
    """What is at hand, and what is chosen in place of the scale's.

    rendered: a set to use in place of the study's. target, seeds: in place of the scale's. datasets: in place of the
    points of the axis along which the training set varies.
    """

    data_root: Path
    rendered: Path | None = None
    backgrounds: Path | None = None
    target: str | None = None
    datasets: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    def chosen(self, scale: Scale) -> Scale:
        """The scale with the target and the seeds that were chosen."""
        seeds = tuple(dict.fromkeys(self.seeds)) or scale.seeds
        return dataclasses.replace(scale, target=self.target or scale.target, seeds=seeds)


@dataclass(frozen=True)
class Cell:
    """One scored run: an arm, the labels of its point on the axes, and its seed."""

    arm: str
    point: tuple[str, ...]
    seed: int
    score: Node

    @property
    def name(self) -> str:
        """For instance "scratch@30"."""
        return "@".join((self.arm, ",".join(self.point))) if self.point else self.arm


@dataclass(frozen=True)
class Graph:
    """nodes: parents before children, each once. test_sets: what is scored on what is here, the headline's first.
    missing: data sets that are not. notes: sentences for the reader."""

    nodes: tuple[Node, ...]
    cells: tuple[Cell, ...]
    test_sets: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def expand(study: Study, scale_name: str, inputs: Inputs) -> Graph:
    """Every node of the study. Writes nothing but the digests of the data's files.

    Raises UserError where a target or a chosen training set is missing, no test set is there, or an axis or option
    names no parameter.
    """
    scale = inputs.chosen(study.scale(scale_name))
    here = {dataset.name: dataset for dataset in find_datasets(inputs.data_root)}
    builder = _Builder(study, scale, scale_name, inputs, here)
    check_parameters(study)
    cells = [
        Cell(fit.name, point, seed, builder.score(fit, point, seed))
        for fit in study.fits
        if not fit.stage
        for point in builder.points(fit)
        for seed in scale.seeds
    ]
    if not cells:
        names = ", ".join(builder.missing)
        raise UserError(f"study {study.name}: none of its training sets is in {inputs.data_root} ({names})")
    nodes: dict[str, Node] = {}
    for cell in cells:
        _collect(cell.score, nodes)
    for node in nodes.values():
        if node.kind == "fit":
            _check_values(study, node)
    # All rendering first, then seed by seed, so that what stands after half the time is a whole, smaller study.
    order = {"render": 0, "fit": 1, "score": 1}
    ranked = sorted(nodes.values(), key=lambda node: (order[node.kind], node.cost.get("seed", 0)))
    notes = [*study.notes, *builder.notes()]
    return Graph(tuple(ranked), tuple(cells), builder.test_sets, tuple(builder.missing), tuple(notes))


def _collect(node: Node, nodes: dict[str, Node]) -> None:
    for parent in node.parents:
        _collect(parent, nodes)
    nodes.setdefault(node.key, node)


class _Builder:
    """Makes the nodes of one study at one scale; the same piece of work is the same node."""

    def __init__(
        self, study: Study, scale: Scale, scale_name: str, inputs: Inputs, here: Mapping[str, Dataset]
    ) -> None:
        self.study, self.scale, self.scale_name = study, scale, scale_name
        self.inputs, self.here = inputs, here
        self.config = _merged(study, scale)
        self.axes = {axis.name: self._at_hand(axis) for axis in study.axes}
        if inputs.datasets and not any(axis.parameter == TRAINED_ON for axis in study.axes):
            raise UserError(
                f"--datasets {' '.join(inputs.datasets)}: study {study.name} does not vary what it trains on, expected "
                "no such option; name its training set with --target"
            )
        self.missing: dict[str, None] = {}
        self.prints: dict[str, str] = {}
        wanted: dict[str, str] = {}
        for name, subset in study.score.items():
            for each in here if name == FOUND else (scale.target if name == TARGET else name,):
                wanted.setdefault(each, subset)
        self.test_sets = tuple((name, subset) for name, subset in wanted.items() if self._is_here(name))
        if not self.test_sets:
            raise UserError(
                f"study {study.name}: none of its test sets {', '.join(wanted)} is in {inputs.data_root}, expected "
                "at least one; `skinseg data list` says where they are offered"
            )

    def points(self, fit: Fit) -> list[tuple[str, ...]]:
        """Labels along the fit's axes, without training sets that are not here."""
        axes = [self.axes[name] for name in fit.axes]
        return [
            labels
            for labels in itertools.product(*(axis.points[self.scale_name] for axis in axes))
            if all(
                axis.parameter != TRAINED_ON or self._is_here(str(self._value(axis, label)))
                for axis, label in zip(axes, labels, strict=True)
            )
        ]

    def score(self, fit: Fit, point: tuple[str, ...], seed: int) -> Node:
        run = self.fit(fit, dict(zip(fit.axes, point, strict=True)), seed)
        spec = {name: [subset, self._print(name)] for name, subset in self.test_sets}
        images = sum(
            len(self.here[name] if subset == "all" else make_split(self.here[name]).test)
            for name, subset in self.test_sets
        )
        return Node(
            "score", f"score {_titled(fit, point, seed)}", {"test_sets": spec}, (run,),
            {"data_root": str(self.inputs.data_root)}, {"images": images, "seed": seed},
        )  # fmt: skip

    def fit(self, fit: Fit, point: Mapping[str, str], seed: int) -> Node:
        options = dict(self.config) | dict(fit.options) | dict(self.scale.fit_options.get(fit.name, {}))
        settings = {
            key.removeprefix(RENDER): options.pop(key) for key in list(options) if key.startswith(RENDER)
        }
        # The settings of methods that this fit does not use decide nothing.
        unused = [f"{name}." for name in ADAPTATIONS if name != fit.adapt]
        options = {key: value for key, value in options.items() if not key.startswith(tuple(unused))}
        target = self.scale.target
        for name in fit.axes:
            axis, value = self.axes[name], self._value(self.axes[name], point[name])
            if axis.parameter == RENDER_ALL:
                settings |= value
            elif axis.parameter.startswith(RENDER):
                settings[axis.parameter.removeprefix(RENDER)] = value
            elif axis.parameter == TRAINED_ON:
                target = str(value)
            else:
                options[axis.parameter] = value
        steps = sum(self.scale.steps[name] for name in fit.steps)
        if steps % self.scale.epochs:
            raise UserError(
                f"{self.study.path}: {steps} steps of {fit.name} do not fall into {self.scale.epochs} epochs; "
                "choose steps that do"
            )
        options |= {"data.epoch_steps": steps // self.scale.epochs, "trainer.max_epochs": self.scale.epochs}
        spec: dict[str, Any] = {"seed": seed, "adapt": fit.adapt}
        parents: list[Node] = []
        data: dict[str, str] = {}
        if fit.data == "source":
            options["data.dataset"] = RENDERED
        else:
            if not self._is_here(target):
                raise UserError(
                    f"study {self.study.name}: {fit.name} trains on {target}, which is not in {self.inputs.data_root}; "
                    "add it there, or name another data set with --target"
                )
            options["data.dataset"] = target
            data[target] = self._print(target)
        options["data.source"] = RENDERED if fit.data == "both" else None
        if fit.data != "target":
            if self.inputs.rendered is None:
                parents.append(self.render(settings))
            elif settings:
                raise UserError(
                    f"--rendered {self.inputs.rendered}: study {self.study.name} says how frames are rendered, so this "
                    "set cannot stand for them; leave the option out"
                )
            else:
                data[RENDERED] = self._print(RENDERED)
        if fit.after:
            before = self.study.fit(fit.after)
            parents.append(self.fit(before, {name: point[name] for name in before.axes}, seed))
        spec |= {"options": options, "data": data}
        cost = {
            "steps": steps, "size": options.get("data.size", 256), "batch_size": options.get("data.batch_size", 8),
            "encoder": options.get("model.encoder"), "adapt": fit.adapt, "seed": seed,
            "accelerator": options.get("trainer.accelerator", "auto"),
        }  # fmt: skip
        how = {
            "data_root": str(self.inputs.data_root),
            "rendered": None if self.inputs.rendered is None else str(self.inputs.rendered),
        }
        title = f"fit {_titled(fit, tuple(point.values()), seed)}"
        return Node("fit", title, spec, tuple(parents), how, cost)

    def render(self, settings: Mapping[str, Any]) -> Node:
        from skinseg.synthetic.config import GeneratorConfig

        given = self.study.render
        config = self.study.path.parent / given.config
        if not config.is_file():
            raise UserError(
                f"{self.study.path}: render.config {config} does not exist; name a generator's YAML"
            )
        record = read_keys(config) | dict(given.settings) | dict(settings)
        checked = GeneratorConfig.from_record(record, f"{self.study.path}: render")
        spec: dict[str, Any] = {
            "config": dataclasses.asdict(checked), "count": self.scale.frames, "seed": given.seed,
            "skinseg": __version__,
        }  # fmt: skip
        if self.inputs.backgrounds is not None:
            spec["backgrounds"] = _photographs(self.inputs.backgrounds)
        said = ", ".join(f"{name} {value}" for name, value in settings.items())
        how = {"backgrounds": None if self.inputs.backgrounds is None else str(self.inputs.backgrounds)}
        title = f"render {self.scale.frames} frames" + (f", {said}" if said else "")
        cost = {"frames": self.scale.frames, "resolution": checked.resolution}
        return Node("render", title, spec, (), how, cost)

    def notes(self) -> list[str]:
        said = [f"Not on this machine, and left out: {', '.join(self.missing)}."] if self.missing else []
        if self.inputs.rendered is not None:
            frames = len(open_dataset(RENDERED, self.inputs.rendered))
            said.append(f"Frames: {frames}, of a set that was there before, not rendered by the study.")
        return said

    def _at_hand(self, axis: Axis) -> Axis:
        """The axis with the training sets that were chosen, or with those that "found" stands for."""
        if axis.parameter != TRAINED_ON:
            return axis
        points = dict(axis.points[self.scale_name])
        if self.inputs.datasets:
            for name in self.inputs.datasets:
                if name not in self.here:
                    raise UserError(
                        f"--datasets: {name!r} is not among those found in {self.inputs.data_root} "
                        f"({', '.join(self.here)}); choose from them"
                    )
            points = {name: name for name in self.inputs.datasets}
        elif points.pop(FOUND, None):
            points |= {name: name for name in self.here if name not in points.values()}
        return dataclasses.replace(axis, points={self.scale_name: points})

    def _is_here(self, name: str) -> bool:
        if name in self.here:
            return True
        self.missing[name] = None
        return False

    def _value(self, axis: Axis, label: str) -> Any:
        return axis.points[self.scale_name][label]

    def _print(self, name: str) -> str:
        if name not in self.prints:
            if name == RENDERED:
                assert self.inputs.rendered is not None
                dataset = open_dataset(RENDERED, self.inputs.rendered)
            else:
                dataset = self.here[name]
            self.prints[name] = f"{fingerprint(dataset)} split {make_split(dataset).hash}"
        return self.prints[name]


def check_parameters(study: Study) -> None:
    """Raise UserError where an axis or an option names no parameter of generator, data, model or trainer."""
    from pytorch_lightning import Trainer

    from skinseg.data.datamodule import SkinDataModule
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.training.module import SkinPersonModule

    known = {
        "render": ["*", *(each.name for each in dataclasses.fields(GeneratorConfig))],
        **{
            room: list(inspect.signature(kind).parameters)
            for room, kind in (
                ("data", SkinDataModule),
                ("model", SkinPersonModule),
                ("trainer", Trainer),
                *METHODS.items(),
            )
        },
    }
    given = [(f"axis {axis.name}", axis.parameter) for axis in study.axes]
    given += [(f"fits.{fit.name}", option) for fit in study.fits for option in fit.options]
    given += [
        (f"scales.{name}.fit_options", option)
        for name, scale in study.scales.items()
        for options in scale.fit_options.values()
        for option in options
    ]
    given += [(f"scales.{name}", option) for name, scale in study.scales.items() for option in scale.options]
    for where, parameter in given:
        room, _, name = parameter.partition(".")
        if name not in known.get(room, ()):
            rooms = ", ".join(f"{each}.*" for each in known)
            close = ", ".join(known.get(room, ())) or rooms
            raise UserError(
                f"{study.path}: {where}: {parameter!r} names no parameter, expected one of {close}"
            )


def _check_values(study: Study, node: Node) -> None:
    """Raise UserError where an option of a fit has a value that `fit` would refuse: not after others have trained."""
    from skinseg.data.datamodule import SkinDataModule
    from skinseg.training.module import SkinPersonModule, check_ranges

    where = f"{study.path}: {node.title}"
    values: dict[str, dict[str, Any]] = {}
    for room, kind in (("data", SkinDataModule), ("model", SkinPersonModule)):
        options = node.spec["options"].items()
        given = {key.partition(".")[2]: value for key, value in options if key.startswith(f"{room}.")}
        found: Any = typed(_arguments(kind), given, f"{where}: {room}", "correct it")
        values[room] = {name: getattr(found, name) for name in given}
    try:
        data = SkinDataModule(**values["data"])
        numbers = {name: each for name, each in values["model"].items() if name in _NUMBERS}
        check_ranges(data.size, node.spec["seed"], **numbers)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


@functools.cache
def _arguments(kind: type) -> type:
    """A record of what a class is made with, all of which may be left out."""
    hints = {name: hint for name, hint in typing.get_type_hints(kind.__init__).items() if name != "return"}  # type: ignore[misc]
    fields = [(name, hint, dataclasses.field(default=None)) for name, hint in hints.items()]
    return dataclasses.make_dataclass(kind.__name__, fields)


def _merged(study: Study, scale: Scale) -> dict[str, Any]:
    """Every option of the scale's configs and its own, by dotted name, without those that decide nothing."""
    merged: dict[str, Any] = {}
    for name in scale.configs:
        path = study.path.parent / name
        if not path.is_file():
            raise UserError(f"{study.path}: configs names {name}, but {path} does not exist; correct it")
        merged |= flat(read_keys(path))
    merged |= dict(scale.options)
    return {key: value for key, value in merged.items() if key not in _NOT_DECIDING}


def _titled(fit: Fit, point: Sequence[str], seed: int) -> str:
    return f"{'@'.join((fit.name, ','.join(point))) if point else fit.name}, seed {seed}"


def _photographs(folder: Path) -> list[int | str]:
    from skinseg.synthetic.room.backgrounds import find_photos

    photos = find_photos(folder.resolve())
    lines = [f"{name} {digest}" for name, digest in zip(photos.names, photos.hashes, strict=True)]
    import hashlib

    return [len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]]


def processors() -> int:
    return os.cpu_count() or 1
