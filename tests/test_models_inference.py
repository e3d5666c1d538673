"""Prediction at the image's own resolution."""

import numpy as np
import pytest
import torch
from torch import nn

from skinseg.models.folding import folded
from skinseg.models.inference import Predictor
from skinseg.models.prediction import resized
from skinseg.models.unet import TwoHeadUnet


class Brightness(nn.Module):
    """Stands for a perfect model: the logit says whether a pixel is bright."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        assert image.shape[2] % 32 == 0
        assert image.shape[3] % 32 == 0
        return {"skin": (image.float().mean(dim=1) - 127.5) * 10}


@pytest.mark.parametrize(("height", "width"), [(50, 301), (301, 50), (64, 64), (1, 200), (700, 500)])
def test_probabilities_keep_the_image_s_resolution(height: int, width: int) -> None:
    torch.manual_seed(0)
    predictor = Predictor(TwoHeadUnet(decoder_channels=(16, 16, 8, 8, 8)), size=64)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for value in predictor.probabilities(image).values():
        assert value.shape == (height, width)
        assert value.dtype == np.float32
        assert 0 <= value.min() <= value.max() <= 1


@pytest.mark.parametrize(("height", "width"), [(120, 200), (200, 120), (40, 72)])
def test_probabilities_lie_where_the_image_does(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[: height // 2, width // 4 :] = 255
    found = Predictor(Brightness(), size=96).probabilities(image)["skin"] > 0.5  # type: ignore[arg-type]
    wrong = found != (image[..., 0] > 0)
    assert wrong.mean() < 0.03, "resizing there and back, or the padding, moved the answer"


@pytest.mark.parametrize(("height", "width"), [(100, 50), (50, 100), (10, 3), (64, 64)])
def test_resized_brings_the_long_side_and_keeps_the_aspect(height: int, width: int) -> None:
    result = resized(np.zeros((height, width, 3), dtype=np.uint8), 64)
    assert max(result.shape[:2]) == 64
    assert abs(result.shape[0] / result.shape[1] - height / width) < 0.1


def test_an_image_of_the_right_size_is_not_touched() -> None:
    torch.manual_seed(0)
    model = TwoHeadUnet(decoder_channels=(16, 16, 8, 8, 8)).eval()
    image = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = model(torch.from_numpy(image).permute(2, 0, 1)[None])["person"][0].sigmoid().numpy()
    np.testing.assert_allclose(
        Predictor(model, size=64).probabilities(image)["person"], expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("encoder", ["tu-mobilenetv3_small_100", "tu-tf_efficientnet_lite0", "resnet18"])
def test_folded_gives_the_same_without_a_normalisation(encoder: str) -> None:
    torch.manual_seed(0)
    network = TwoHeadUnet(encoder, (16, 16, 8, 8, 8))
    image = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    with torch.no_grad():
        network(image)  # statistics of its own
        expected = network.eval()(image)
        made = folded(network)
        found = made(image)
    assert not [module for module in made.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for head, value in expected.items():
        torch.testing.assert_close(found[head], value, rtol=1e-3, atol=1e-4)


def test_what_cannot_be_folded_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    network = TwoHeadUnet(decoder_channels=(16, 16, 8, 8, 8))
    with torch.no_grad():
        network.classifiers["skin"][0].bias.fill_(float("nan"))
    assert folded(network) is network
