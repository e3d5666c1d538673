"""Adaptation methods: `--adapt bgc|fda|dann|pixmatch`. `none` and `finetune` are plain training and need none."""

from skinseg.data.arrangement import PLAIN, Arrangement
from skinseg.errors import UserError
from skinseg.training.adaptation.base import Adaptation
from skinseg.training.adaptation.bgc import Bgc
from skinseg.training.adaptation.dann import Dann
from skinseg.training.adaptation.fda import Fda
from skinseg.training.adaptation.pixmatch import Pixmatch

METHODS: dict[str, type[Adaptation]] = {
    "bgc": Bgc,
    "fda": Fda,
    "dann": Dann,
    "pixmatch": Pixmatch,
}
ADAPTATIONS = (*PLAIN, *METHODS)
"""The words of `--adapt`."""


def arrangement(adapt: str, source: str | None) -> Arrangement:
    """What a word of `--adapt` means. Raises UserError for another word, and where a source is missing."""
    if adapt in METHODS and source is None:
        raise UserError(
            f"--adapt {adapt}: no source set to adapt from, expected a labelled one beside --data.dataset, the target; "
            "name it with --data.source (such as rendered) and --data.source_root"
        )
    if adapt in METHODS:
        return METHODS[adapt].arrangement
    if adapt not in PLAIN:
        raise UserError(f"--adapt {adapt}: no such method; choose one of {', '.join(ADAPTATIONS)}")
    # Of one set there is no other to train on.
    return PLAIN[adapt] if source is not None else Arrangement("target")
