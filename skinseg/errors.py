"""The one exception the command line turns into a sentence."""


class UserError(Exception):
    """Something the user gave or the machine lacks: a file, an option, an environment.

    The message is one sentence or two that a reader can act on: the file or option, what was found,
    what was expected, and the way out. `skinseg.cli` prints it without a stack trace and exits with 2.
    """
