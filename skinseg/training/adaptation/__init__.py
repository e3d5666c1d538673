"""Adaptation methods: `--adapt bgc|fda|dann|pixmatch`. `none` and `finetune` are plain training and need none."""

from skinseg.training.adaptation.base import Adaptation
from skinseg.training.adaptation.bgc import Bgc
from skinseg.training.adaptation.dann import Dann
from skinseg.training.adaptation.fda import Fda
from skinseg.training.adaptation.pixmatch import Pixmatch

METHODS: dict[str, type[Adaptation]] = {"bgc": Bgc, "fda": Fda, "dann": Dann, "pixmatch": Pixmatch}
