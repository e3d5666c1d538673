"""The `skinseg` command: a table of names, and what becomes of errors. A command is imported when it is called."""

import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence

from skinseg import __version__
from skinseg.errors import UserError, did_you_mean

COMMANDS = {
    "render": "skinseg.commands.render:render",
    "fit": "skinseg.commands.training:fit",
    "validate": "skinseg.commands.training:validate",
    "test": "skinseg.commands.training:test",
    "evaluate": "skinseg.commands.results:evaluate",
    "report": "skinseg.commands.results:report",
    "study run": "skinseg.commands.study:run",
    "predict": "skinseg.commands.predict:predict",
    "export": "skinseg.commands.export:export",
    "probe": "skinseg.commands.probing:probe",
    "balance": "skinseg.commands.probing:balance",
    "audit": "skinseg.commands.probing:audit",
    "data list": "skinseg.commands.data:catalogue",
    "data unpack": "skinseg.commands.data:unpack",
    "data check": "skinseg.commands.data:check",
    "data leaks": "skinseg.commands.data:leaks",
    "tones train": "skinseg.commands.tones:train",
    "tones recognise": "skinseg.commands.tones:recognise",
    "tones compare": "skinseg.commands.tones:compare",
    "tones retone": "skinseg.commands.tones:retone",
    "tones audit": "skinseg.commands.tones:audit",
    "dashboard": "skinseg.commands.results:dashboard",
    "hardware": "skinseg.commands.training:hardware",
}
SAID = "Skin segmentation: render people with exact masks, train on them, score on photographs."
HELP = ("--help", "-h")

_UNUSABLE = frozenset({
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG,
    errno.ENODEV, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.ENXIO, errno.EPERM, errno.EROFS, errno.ESTALE,
})  # fmt: skip
"""What a disk says of a place where nothing can be written, or read."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 2 where the user has to change something: an option, a place on
    the disk, or a file that `data check` found wrong."""
    for stream in (sys.stdout, sys.stderr):
        # A file's name need not be text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        print(f"skinseg: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skinseg: stopped; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe (`| head`) left; nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in _UNUSABLE:
            raise
        if error.errno == errno.ENOENT and not error.filename:
            error.filename = "the working folder"  # it was removed, and whoever asks for it names no file
        print(
            f"skinseg: error: {error.filename or 'the disk'}: {error.strerror}; make room, or name another place; "
            "what was finished is kept",
            file=sys.stderr,
        )
        return 2


def _run(words: list[str]) -> int:
    """Look up the command that the first word, or the first two, name, and call it with the rest."""
    if words[:1] == ["--version"]:
        print(f"skinseg {__version__}")
        return 0
    known: Mapping[str, str] = COMMANDS
    group = ""
    if words and any(name.startswith(f"{words[0]} ") for name in COMMANDS):
        group = f" {words.pop(0)}"
        known = {name.split()[1]: at for name, at in COMMANDS.items() if name.startswith(f"{group[1:]} ")}
    if words and words[0] in known:
        from skinseg.commands.parser import call

        return call(f"skinseg{group} {words[0]}", known[words[0]], words[1:])
    if words and words[0] in HELP:
        from skinseg.commands.parser import summary

        print(f"usage: skinseg{group} COMMAND ...\n")
        if not group:
            print(f"{SAID}\n")
        print("commands:")
        width = max(map(len, known))
        for name, at in known.items():
            print(f"    {name:<{width}}  {summary(at)}")
        print(f"\n`skinseg{group} COMMAND --help` says what one does, and which options it has.")
        return 0
    names = list(dict.fromkeys(name.split()[0] for name in known))
    found = f"{words[0]}: no such command{did_you_mean(words[0], names)}" if words else "no command given"
    raise UserError(f"{group} {found}; expected one of {', '.join(names)}, or --help".lstrip())


if __name__ == "__main__":
    sys.exit(main())
