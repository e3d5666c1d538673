"""From a function to a command: its parameters are the options, its docstring is the help.

    def draw(images: Sequence[Path], *, out: Path, size: AtLeastOne = 64, fast: bool = False) -> int | None:
        '''Draw pictures. What more there is to say.

        Args:
            images (IMAGE): what to draw
            out (DIR): where to [here]

        Example:
            skinseg draw a.png --out drawn
        '''

A parameter before `*` is a word of its own, one after it an option (`data_root` is --data-root); without a default it
has to be given. A sequence takes one word or more, a bool is a flag, a `bool | None` also has its --no-. The word in
brackets is what the help calls a value. `*options: str` takes every word as it is, and the docstring lists its options,
as they are written.

Modules of commands import nothing heavy before a command runs: help and refusals come at once.
"""

import argparse
import importlib
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from skinseg.commands.checks import check_place
from skinseg.errors import UserError, did_you_mean

Command = Callable[..., int | None]


def call(name: str, at: str, words: Sequence[str]) -> int:
    """Call a command with the words that follow its name; its exit code. Raises UserError for words that it does not
    take, and as it does.

    name: as its user writes it. at: where it is, "module:function".
    """
    command = _found(at)
    options = words[: words.index("--")] if "--" in words else words
    if any(word in ("--help", "-h") for word in options):
        print(_parser(command, name).format_help(), end="")
        return 0
    if _takes_all(command):
        return command(*words) or 0
    positional, named = _parsed(command, name, words)
    if isinstance(named.get("out"), Path):
        check_place("--out", named["out"])
    return command(*positional, **named) or 0


def summary(at: str) -> str:
    """The first line of a command's docstring, as a list shows it."""
    first = inspect.getdoc(_found(at)) or ""
    first = first.partition("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:]


def _found(at: str) -> Command:
    module, _, function = at.partition(":")
    command: Command = getattr(importlib.import_module(module), function)
    return command


def _takes_all(command: Command) -> bool:
    kinds = [each.kind for each in inspect.signature(command).parameters.values()]
    return kinds == [inspect.Parameter.VAR_POSITIONAL]


def option(parameter: str) -> str:
    """The option that a parameter is: "--data-root" of "data_root"."""
    return f"--{parameter.replace('_', '-')}"


def refuse_unknown(name: str, words: Iterable[str], known: Sequence[str]) -> None:
    """Raise UserError for the first word that looks like an option and is none of `known`."""
    for word in words:
        given = word.partition("=")[0]
        if given == "--":
            return
        value = " " in given or " --" in word  # several options in one string, as `balance --fit` takes them
        if given.startswith("--") and not value and given not in known:
            raise UserError(
                f"{given}: no such option{did_you_mean(given, known)}; `{name} --help` lists the options"
            )


# ------------------------------------------------------------------------------------------ the parser


def _parser(command: Command, name: str) -> argparse.ArgumentParser:
    """jsonargparse's, which knows types; it is imported here, as some commands and all refusals of names need none."""
    from docstring_parser import parse
    from jsonargparse import ArgumentParser

    page = parse(inspect.getdoc(command) or "")
    said = " ".join(filter(None, (page.short_description, page.long_description)))
    parser = ArgumentParser(
        prog=name,
        description=" ".join(said.split()),
        epilog="".join(f"example: {' '.join((each.description or '').split())}" for each in page.examples),
        formatter_class=argparse.HelpFormatter,
        exit_on_error=False,
    )
    texts = {each.arg_name: each for each in page.params}
    if _takes_all(command):
        for parameter, text in texts.items():
            taking: dict[str, Any] = (
                {"metavar": text.type_name} if text.type_name else {"action": "store_true"}
            )
            parser.add_argument(f"--{parameter}", help=_help(text), **taking)
        return parser
    hints = typing.get_type_hints(command, include_extras=True)
    for parameter, each in inspect.signature(command).parameters.items():
        documented = texts.get(parameter)
        settings: dict[str, Any] = {"help": _help(documented)}
        required = each.default is inspect.Parameter.empty
        if each.kind is inspect.Parameter.KEYWORD_ONLY:
            names = [option(parameter)]
            settings |= {"required": True} if required else {"default": each.default}
        else:
            names = [parameter]
        settings |= _taking(hints[parameter], documented.type_name if documented else None)
        parser.add_argument(*names, **settings)
    return parser


def _help(text: Any) -> str:
    return " ".join((text.description or "").split()).replace("%", "%%") if text else ""


def _taking(hint: Any, metavar: str | None) -> dict[str, Any]:
    """What `add_argument` is told of a parameter's type."""
    kinds = _kinds(hint)
    if kinds == [bool]:
        return {"action": argparse.BooleanOptionalAction if hint is not bool else "store_true"}
    settings: dict[str, Any] = {"metavar": metavar} if metavar else {}
    if typing.get_origin(hint) is Sequence or typing.get_origin(hint) is typing.get_origin(Sequence[str]):
        kinds = _kinds(typing.get_args(hint)[0])
        settings["nargs"] = "+"
    return settings | {"type": typing.Union[tuple(_known(kind) for kind in kinds)]}  # noqa: UP007


def _kinds(hint: Any) -> list[Any]:
    """The members of a union, None apart."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return [each for each in (typing.get_args(hint) if union else (hint,)) if each is not type(None)]


def _known(kind: Any) -> Any:
    """jsonargparse's type for a member of a union: a number that has a least value is one of its own."""
    least = _least(kind)
    if least is None:
        return kind
    from jsonargparse.typing import NonNegativeInt, PositiveInt, restricted_number_type

    number = typing.get_args(kind)[0]
    whole = {0: NonNegativeInt, 1: PositiveInt} if number is int else {}
    return whole.get(least) or restricted_number_type(None, number, (">=", least))


def _least(kind: Any) -> int | None:
    return next((each.least for each in typing.get_args(kind)[1:] if isinstance(each, AtLeast)), None)


class AtLeast:
    """Marks a number's type with its least value: `Annotated[int, AtLeast(1)]`."""

    def __init__(self, least: int) -> None:
        self.least = least


AtLeastOne = Annotated[int, AtLeast(1)]
NotNegative = Annotated[int, AtLeast(0)]


# ------------------------------------------------------------------------------------------- refusals


def _parsed(command: Command, name: str, words: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for the command. Raises UserError in one sentence."""
    parser = _parser(command, name)
    refuse_unknown(name, words, [each for action in parser._actions for each in action.option_strings])
    _refuse_empty(command, words)
    try:
        found = vars(parser.parse_args([word.translate(_HIDDEN) for word in words]))
    except argparse.ArgumentError as error:
        raise UserError(
            f"{_sentence(str(error), command, words)}; `{name} --help` lists the options"
        ) from error
    parameters = inspect.signature(command).parameters.values()
    values = {each.name: _plain(found[each.name]) for each in parameters}
    positional = [
        values.pop(each.name) for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    return positional, values


def no_value(name: str) -> UserError:
    """What is said of an empty word. name: of its option, or what else it is."""
    return UserError(
        f"{name}: empty, expected a value; is a variable of the shell not set? Give one, or leave it out"
    )


def _refuse_empty(command: Command, words: Sequence[str]) -> None:
    """Raise UserError for an empty word that is no text: as a path it would mean the working folder."""
    hints = typing.get_type_hints(command, include_extras=True)
    texts = {option(each) for each, hint in hints.items() if str in _kinds(hint)}
    for before, word in zip(["", *words], words, strict=False):
        name, equals, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if equals and not value and name not in texts:
            raise no_value(name if name.startswith("--") else "an argument")


# jsonargparse reads words as YAML, which has no place for the bytes of a path that are no UTF-8, as Python holds them.
_HIDDEN = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
_SHOWN = {hidden: shown for shown, hidden in _HIDDEN.items()}


def _plain(value: Any) -> Any:
    """A number of a type of jsonargparse's own as Python's, which YAML and pickle know; a text as it was given."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return value.translate(_SHOWN)
    if isinstance(value, Path):
        return Path(str(value).translate(_SHOWN))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, int) else float(value)


def _sentence(error: str, command: Command, words: Sequence[str]) -> str:
    """jsonargparse's reason, which speaks of keys and types, as the user's option, what was found and what expected."""
    parameters = inspect.signature(command).parameters

    def shown(parameter: str) -> str:
        each = parameters.get(parameter)
        keyword = each is None or each.kind is inspect.Parameter.KEYWORD_ONLY
        return option(parameter) if keyword else f"the argument {parameter}"

    if missing := re.match(r"the following arguments are required: (.*)", error):
        names = [shown(each.strip()) for each in missing[1].split(",")]
        return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing"
    if bad := re.match(r'Parser key "(\w+)"(?: element (\d+))?', error):
        hint = typing.get_type_hints(command, include_extras=True)[bad[1]]
        value = _given(words, option(bad[1]), int(bad[2] or 1))
        return f"{shown(bad[1])}: {value} found, {_expected(hint, value)}"
    if odd := re.match(r"unrecognized arguments: (.*)", error, re.IGNORECASE):
        return f"{odd[1]}: not expected here"
    return textwrap.shorten(error.removeprefix("argument "), 200)


def _given(words: Sequence[str], name: str, number: int) -> str:
    """The value, counted from 1, that follows an option."""
    for place in reversed(range(len(words))):
        given, equals, value = words[place].partition("=")
        if given == name:
            return value if equals else "".join(words[place + number : place + number + 1])
    return ""


def _expected(hint: Any, value: str) -> str:
    """The words "at least 1 expected", and a name that is nearly right."""
    if typing.get_origin(hint) is typing.get_origin(Sequence[str]):
        hint = typing.get_args(hint)[0]
    parts: list[str] = []
    choices: list[str] = []
    for kind in _kinds(hint):
        number = typing.get_args(kind)[0] if _least(kind) is not None else kind
        if typing.get_origin(kind) is Literal:
            choices += map(str, typing.get_args(kind))
        elif number in (int, float):
            least = "" if _least(kind) is None else f" of at least {_least(kind)}"
            parts.append(f"a {'whole ' if number is int else ''}number{least}")
    return f"{' or '.join([*choices, *parts])} expected{did_you_mean(value, choices)}"
