"""The YAML files that come with skinseg, by name: presets and jobs of `fit`, settings of `render`, studies.

They lie in configs/ of a checkout, and travel in the package as skinseg/configs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from skinseg.errors import UserError, did_you_mean

PACKAGE = Path(__file__).parent
MACHINES = ("auto", "cpu", "gpu")
PAPER = "paper"


def config_file(given: str, room: str = ".", option: str = "--config") -> Path:
    """The file that a path, or the bare name of one of ours, means; a file that is there goes before a name.

    room: the folder of configs that has the name: ".", "render" or "studies". option: who asks, for the message.
    Raises UserError where there is none.
    """
    folder = _configs() / room
    named = folder / f"{given}.yaml"
    path = Path(given) if Path(given).is_file() or not named.is_file() else named
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        raise UserError(
            f"{option} {given}: no such file{did_you_mean(given, known)}, expected a YAML file or one of the names: "
            f"{', '.join(known)}"
        )
    return path


def fitting() -> Literal["cpu", "gpu"]:
    """The preset that fits this machine: "gpu" where torch sees a CUDA device, else "cpu"."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def with_files(options: Sequence[str]) -> list[str]:
    """Options of `fit`, `validate` or `test` with every --preset and named --config as --config FILE, files first.

    The machine's preset goes before every --config, and `paper`, on the machine's own where none is given, after
    them; so options override files wherever they stand. Raises UserError for a name that means no file.
    """
    presets, configs, rest = parted(options)
    files = [config_file(each) for each in _ordered(presets, configs)]
    return [*(word for file in files for word in ("--config", str(file))), *rest]


def parted(options: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Values of every --preset, of every --config, and the other words. Raises UserError for an unknown preset."""
    configs: list[str] = []
    presets: list[str] = []
    rest: list[str] = []
    words = iter(options)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ("--config", "--preset"):
            rest.append(word)
            continue
        value = value if equals else next(words, "")
        if name == "--preset" and value not in (*MACHINES, PAPER):
            raise UserError(
                f"--preset {value}: expected auto, cpu, gpu or paper{did_you_mean(value, (*MACHINES, PAPER))}; "
                "a file goes to --config"
            )
        (configs if name == "--config" else presets).append(value)
    return presets, configs, rest


def _ordered(presets: Sequence[str], configs: Sequence[str]) -> Iterator[str]:
    if presets:
        chosen = [each for each in presets if each != PAPER] or ["auto"]
        yield fitting() if chosen[-1] == "auto" else chosen[-1]
    yield from configs
    if PAPER in presets:
        yield PAPER


def _configs() -> Path:
    packaged = PACKAGE / "configs"
    return packaged if packaged.is_dir() else PACKAGE.parent / "configs"
