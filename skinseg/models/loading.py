"""`skinseg.load`: whatever holds a trained model, ready to predict. Imports torch only where torch is what runs it."""

import importlib.util
from pathlib import Path

from skinseg.errors import UserError
from skinseg.models.exported import ONNX, RELEASED, WEIGHTS, WEIGHTS_IN_THE_BOX, meant
from skinseg.models.prediction import ImagePredictor
from skinseg.models.views import AveragedViews, parse_views


def load(path: Path | str = RELEASED, device: str = "auto", views: str | None = None) -> ImagePredictor:
    """A trained model, ready to predict.

    path: a checkpoint, a run's folder, a folder of runs (its newest finished one), a folder that `skinseg export`
        wrote, its .safetensors file (config.json beside it), or its .onnx file, which needs no torch; without one,
        the model that comes with the package.
    device: auto (a GPU where there is one), cpu, or cuda.
    views: None sees an image once, as the model was evaluated; "240,320,mirror" sees it with its long side at 240
        and at 320 pixels, mirrored too, and averages: slower by their number (measured: docs/results/recipe.md).
    A process that is forked after this hangs in torch's threads: start others with multiprocessing's "spawn", and load
    in each (docs/export.md).
    Raises UserError where there is no model, or a bad one, for a device that this machine lacks, and for other views;
    ValueError for what is no path and no text.
    """
    given = {"path": (path, str | Path), "device": (device, str), "views": (views, str | None)}
    for name, (value, kind) in given.items():
        if not isinstance(value, kind):
            raise ValueError(
                f"{name} is {type(value).__name__}, expected {'a path' if name == 'path' else 'text'}"
            )
    asked = None if views is None else parse_views(views)
    predictor = _loaded(path, device)
    return predictor if asked is None else AveragedViews(predictor, asked)


def _loaded(path: Path | str, device: str) -> ImagePredictor:
    path = meant(path)
    if path == WEIGHTS_IN_THE_BOX and _runs_on_onnx(device):
        path = path / ONNX  # a tenth of torch's time to start
    torch = path.suffix != ".onnx" and importlib.util.find_spec("torch") is not None
    onnx = path if path.suffix == ".onnx" else path / ONNX
    if onnx is path or (onnx.is_file() and not (torch and (path / WEIGHTS).is_file())):
        from skinseg.models.onnx_model import OnnxPredictor

        return OnnxPredictor(onnx, device)
    if not torch:
        raise UserError(
            f"{path}: torch is not installed, which checkpoints and safetensors need; install it, or name the "
            f"{ONNX} that `skinseg export` wrote"
        )
    from skinseg.models.checkpoint import model_of, newest_checkpoint, read_checkpoint
    from skinseg.models.folding import folded
    from skinseg.models.inference import Predictor, device_named

    record = read_checkpoint(newest_checkpoint(path))
    return Predictor(folded(model_of(record)), record.size, device_named(device))


def _runs_on_onnx(device: str) -> bool:
    """Whether ONNX Runtime is there and the processor is what the model will run on."""
    driver = Path("/dev/nvidiactl").exists()
    return importlib.util.find_spec("onnxruntime") is not None and (
        device == "cpu" or (device == "auto" and not driver)
    )
