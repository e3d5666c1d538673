"""`skinseg fit`, `validate`, `test`, which are Lightning's to parse, and `hardware`.

Lightning's parser imports torch, which takes many seconds. So the options that matter most stand in the docstrings
here, and a test holds them against those that there are; and what can be refused without torch is.
"""

import ast
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from skinseg import presets
from skinseg.commands.checks import check_model, check_place
from skinseg.commands.parser import no_value, refuse_unknown
from skinseg.errors import UserError, did_you_mean
from skinseg.models.exported import AUTO
from skinseg.records import check_plain_text, plain_yaml


def fit(*options: str) -> None:
    """Train (pretrain or fine-tune): --preset auto --config pretrain, any field as an option.

    Every field of a YAML is an option too: later files override earlier ones, and options override files.

    Args:
        preset (WORD): cpu, gpu or auto, which asks the machine; paper: the paper's recipe, over auto's and over
            every --config
        config (YAML): pretrain, finetune, adapt, or a file of your own
        data.dataset (NAME): what to train on: rendered, ecu, hgr, sfa, abdomen, pratheepan, or folder
        data.data_root (DIR): folder that holds it
        data.split (CSV): your own split: image,part
        data.limit_train (N): only N of its training images, a nested subset
        data.retone (WORD): off, or balance: fill skin tones that your photographs lack; docs/tones.md
        adapt (WORD): none, finetune, bgc, fda, dann or pixmatch, from
        data.source (NAME): a labelled set, usually rendered, in
        data.source_root (DIR): its folder
        model.pretrained (PATH): start from a checkpoint, a run, a folder of runs (its newest) or released;
            auto for runs/pretrain, else released; null for scratch
        model.encoder (NAME): any of segmentation-models-pytorch's
        model.encoder_weights (W): imagenet (an installed package's or the hub's), a file, or null for scratch
        data.size (PIXELS): side of a training patch
        data.batch_size (N): images a step
        model.lr (RATE): learning rate at its highest
        model.criterion (SCORE): whose highest epoch is the best: val/skin_miou or val/skin_worst_tone
        trainer.max_epochs (N): length of the run
        trainer.accelerator (NAME): auto, cpu or gpu
        job (NAME): the run goes to runs/NAME/<time> [train]
        runs (DIR): another folder of runs
        trust: let a config name any class to run, not Lightning's plain ones alone: docs/security.md
        seed_everything (N): of weights, order and augmentation [0]
        ckpt_path (PATH): go on from a run's last whole epoch, bit for bit
        help-all: every option, its type and its default (seconds)

    Example:
        skinseg fit --preset auto --config pretrain --data.data_root rendered/default
    """
    _run("fit", options)


def validate(*options: str) -> None:
    _run("validate", options)


def test(*options: str) -> None:
    _run("test", options)


_SCORING = """Score a checkpoint on the {part} split.

    Of one dataset; it prints the means. `skinseg evaluate` scores all datasets, with intervals and a report.

    Args:
        ckpt_path (PATH): a .ckpt, a run, or a folder of runs [runs]
        data.dataset (NAME): rendered, ecu, hgr, sfa, abdomen, pratheepan, or folder
        data.data_root (DIR): folder that holds it
        data.split (CSV): your own split: image,part
        trust: let a config name any class to run: docs/security.md
        help-all: every option, its type and its default (seconds)

    Example:
        skinseg {name} --ckpt_path runs/finetune --data.dataset hgr --data.data_root data
    """
validate.__doc__ = _SCORING.format(name="validate", part="validation")
test.__doc__ = _SCORING.format(name="test", part="test")


def hardware() -> None:
    """Print the preset that fits this machine, cpu or gpu, and what the decoders train in.

    `skinseg fit --preset auto` takes the preset; on a processor with AMX, --model.decoder_precision auto is bf16.

    Example:
        skinseg hardware
    """
    from skinseg.training.machine import decoder_precision, machine

    print(presets.fitting())
    print(f"{machine()}; decoder_precision auto: {decoder_precision('auto', '32-true')}")


def _run(name: str, options: Sequence[str]) -> None:
    trusted = "--trust" in options
    options = [word for word in options if word != "--trust"]
    if "--help-all" in options:
        words = ["--help"]
    else:
        _check(name, options, trusted)
        words = presets.with_files(options)

    from skinseg.training import command

    command.main([name, *words], trusted)


# ------------------------------------------------------------------------- refusals that need no torch


def _check(name: str, options: Sequence[str], trusted: bool) -> None:
    """Raise UserError for an unknown option, for a config that is none, for data that is not there, and where there is
    no model to start from."""
    chosen, configs, rest = presets.parted(options)
    files = [presets.config_file(each) for each in (*configs, *chosen) if each != "auto"]
    for file in files:
        _check_config(file, trusted)
    named = [word.partition("=")[0].removesuffix("+") for word in rest if word.startswith("--")]
    refuse_unknown(f"skinseg {name}", named, list(known(named)))
    if any(word.startswith("--print_config") for word in rest):
        return
    given = {key: value for file in files for key, value in _flat(file).items()} | dict(_values(rest))

    for key, each in given.items():
        if "\0" in str(each):
            raise UserError(
                f"--{key} {each!r}: a NUL character found, expected none, as no file's name has one"
            )

        if each == "" and not key.endswith("labels"):
            raise no_value(f"--{key}")

    def value(key: str, default: str | None = None) -> str | None:
        found = given.get(key, default)
        return None if found in (None, "null") else str(found)

    adapt = value("adapt", "none") or "none"
    if adapt not in (words := ["none", "finetune", *_methods()]):
        raise UserError(
            f"--adapt {adapt}: no such method{did_you_mean(adapt, words)}; choose one of {', '.join(words)}"
        )
    from skinseg.datasets.registry import open_dataset

    root = Path(value("data.data_root", "data") or "data")
    source = value("data.source")
    if source is None or adapt != "none":
        open_dataset(value("data.dataset", "rendered") or "rendered", root)
    if source is not None and adapt != "finetune":
        open_dataset(source, Path(value("data.source_root") or root))
    if name == "fit":
        job = PurePosixPath(value("job", "train") or "train")
        if job.is_absolute() or ".." in job.parts or not job.parts:
            raise UserError(
                f"--job {job}: leads out of the folder of runs, expected a name or several, as in demo/pretrain; name "
                "another folder of runs with --runs"
            )
        check_place("--runs", Path(value("runs", "runs") or "runs", value("job", "train") or "train"))
    checkpoint = value("ckpt_path", None if name == "fit" else value("runs", "runs"))
    if checkpoint is None:
        checkpoint = value("model.pretrained")
    if checkpoint not in (None, "last", AUTO):
        check_model(Path(str(checkpoint)))


def _check_config(file: Path, trusted: bool) -> None:
    """Raise UserError where a config is no text, or, from a stranger, one that a few lines make huge."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--config {file}: cannot be read as text ({error}); give a YAML file in UTF-8"
        ) from error
    if "\0" in text:
        raise UserError(f"--config {file}: a NUL character found, expected text; give a YAML file in UTF-8")
    more = ", as a run's own config.yaml has; write them out, or give --trust for aliases of your own"
    check_plain_text(text, f"--config {file}", more, aliases=trusted)


def _flat(file: Path) -> dict[str, Any]:
    """Fields of a YAML that `_check_config` has passed as options; nothing where it has none."""
    record = plain_yaml(file.read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for key, value in record.items() if isinstance(record, dict) else ():
        found |= (
            {f"{key}.{name}": each for name, each in value.items()}
            if isinstance(value, dict)
            else {key: value}
        )
    return found


def _values(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word, after in zip(words, [*words[1:], ""], strict=False):
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            yield name, value if equals else after


def known(given: Iterable[str]) -> Iterator[str]:
    """Names of all options, and those of `given` that only the parser itself can tell."""
    methods, fields = _methods(), _fields()
    for name in ("help", "help-all", "config", "preset", "trust", "print_config", "seed_everything", "ckpt_path",
                 "verbose", "job", "runs", "adapt", *methods, *fields):  # fmt: skip
        yield f"--{name}"  # a part or a method by itself takes a YAML of it
    for part, names in fields.items():
        yield from (f"--{part}.{name}" for name in names)
    for name in given:
        part, *inside = name.removeprefix("--").split(".")
        # What a method takes, and a field's own fields, such as a callback's.
        if (part in methods and inside) or (len(inside) > 1 and inside[0] in fields.get(part, ())):
            yield name


def _fields() -> dict[str, list[str]]:
    """Part to the names of its fields, read off the sources."""
    lightning = importlib.util.find_spec("pytorch_lightning")
    assert lightning is not None
    assert lightning.origin is not None
    return {
        "data": _arguments(presets.PACKAGE / "data/datamodule.py", "SkinDataModule"),
        "model": _arguments(presets.PACKAGE / "training/module.py", "SkinPersonModule"),
        "trainer": _arguments(Path(lightning.origin).parent / "trainer/trainer.py", "Trainer"),
    }


def _arguments(file: Path, name: str) -> list[str]:
    """Names of a class's arguments, from its source."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                    return [argument.arg for argument in (*each.args.args[1:], *each.args.kwonlyargs)]
    raise AssertionError(f"{file} has no {name}.__init__")


def _methods() -> list[str]:
    """Adaptation methods: a file each."""
    files = (presets.PACKAGE / "training/adaptation").glob("*.py")
    return sorted(file.stem for file in files if file.stem not in ("__init__", "base"))
