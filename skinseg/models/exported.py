"""The names of the files that `skinseg export` writes into a folder, and the folder that comes with the package."""

from pathlib import Path

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
ONNX = "model.onnx"
RELEASED = "released"
"""Names the model in `WEIGHTS_IN_THE_BOX` wherever a checkpoint is asked for."""
AUTO = "auto"
"""Of `--model.pretrained`: the newest finished run of pretraining, else the released model."""
WEIGHTS_IN_THE_BOX = Path(__file__).parents[1] / "weights"
"""What `make release` exported: trained on rendered people alone; its README.md is the model card."""


def meant(path: Path | str) -> Path:
    """The folder in the box for the name `RELEASED`; any other path, and a file or folder of that name, itself."""
    return WEIGHTS_IN_THE_BOX if str(path) == RELEASED and not Path(path).exists() else Path(path)
