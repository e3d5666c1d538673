"""Which preset fits this machine."""

from typing import Literal


def preset() -> Literal["cpu", "gpu"]:
    """ "gpu" where torch sees a CUDA device, else "cpu": the name of a file in configs/."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"
