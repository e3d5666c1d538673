"""Adaptation methods on toy problems whose answer is known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from skinseg.datasets.sample import IGNORE
from skinseg.errors import UserError
from skinseg.models.unet import TwoHeadUnet
from skinseg.training.adaptation.base import frozen_statistics
from skinseg.training.adaptation.bgc import Bgc
from skinseg.training.adaptation.dann import Dann, reversal_strength, reverse_gradient
from skinseg.training.adaptation.fda import Fda, restyled, swap_amplitude
from skinseg.training.adaptation.pixmatch import Pixmatch, cutmix, pseudo_label, recoloured
from skinseg.training.losses import cross_entropy


def noise(count: int, side: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)


# ---------------------------------------------------------------------------------------------------- BGC


class Toy:
    """A linear network whose loss on a batch is known; keeps which batches passed it."""

    def __init__(self, progress: float = 0.0) -> None:
        self.network = nn.Linear(3, 1, bias=False)
        self.progress = progress
        self.passed: list[str] = []

    def supervised_loss(self, batch: dict[str, Tensor], prefix: str = "", weights: Any = None) -> Tensor:
        self.passed.append(prefix or "target")
        return self.network(batch["x"]).sum()  # its gradient is the sum of x


PAIR = {"source": {"x": torch.tensor([[0.0, 8.0, 6.0]])}, "target": {"x": torch.tensor([[4.0, 3.0, 0.0]])}}


def bgc_gradient(toy: Toy, method: Bgc) -> list[float]:
    loss = method.loss(toy, PAIR)  # type: ignore[arg-type]
    assert loss is not None
    loss.backward()  # type: ignore[no-untyped-call]
    method.after_backward(toy.network)  # type: ignore[arg-type]
    gradient = toy.network.weight.grad
    assert gradient is not None
    return gradient[0].tolist()


def test_bgc_mixes_the_two_gradients() -> None:
    mixed = bgc_gradient(Toy(), Bgc(ratio=0.25, bound=None))
    assert mixed == pytest.approx([3.0, 0.75 * 3 + 0.25 * 8, 1.5])
    # 0.75 x 5 is longer than 0.25 x 10: nothing is shortened.
    assert bgc_gradient(Toy(), Bgc(ratio=0.25, bound=1.0)) == pytest.approx(mixed)
    # |0.5 x source| = 5 is shortened to 0.1 x |0.5 x target| = 0.25.
    bounded = bgc_gradient(Toy(), Bgc(ratio=0.5, bound=0.1))
    assert bounded == pytest.approx([2.0, 1.5 + 0.25 * 0.8, 0.25 * 0.6])


@given(st.floats(0.05, 0.95), st.floats(0, 1))
def test_bgc_within_its_bound_never_climbs_the_target_s_loss(ratio: float, bound: float) -> None:
    against = {"source": {"x": -10 * PAIR["target"]["x"]}, "target": PAIR["target"]}
    toy, method = Toy(), Bgc(ratio=ratio, bound=bound)
    loss = method.loss(toy, against)  # type: ignore[arg-type]
    assert loss is not None
    loss.backward()  # type: ignore[no-untyped-call]
    method.after_backward(toy.network)  # type: ignore[arg-type]
    assert toy.network.weight.grad is not None
    assert float((toy.network.weight.grad * PAIR["target"]["x"]).sum()) >= -1e-4


def test_bgc_at_its_ends_passes_one_set_alone() -> None:
    toy = Toy()
    assert bgc_gradient(toy, Bgc(ratio=0)) == [4.0, 3.0, 0.0]
    assert toy.passed == ["target"]
    toy = Toy()
    assert bgc_gradient(toy, Bgc(ratio=1)) == [0.0, 8.0, 6.0]
    assert toy.passed == ["source_"]
    toy = Toy(progress=1.0)
    assert bgc_gradient(toy, Bgc(ratio=0.5, schedule="cosine")) == [4.0, 3.0, 0.0]
    assert toy.passed == ["target"]
    assert [Bgc(0.4, "cosine").share(p) for p in (0.0, 0.5)] == pytest.approx([0.4, 0.2])


def test_frozen_statistics_leave_batch_normalisation_where_it_was() -> None:
    network = TwoHeadUnet(decoder_channels=(8, 8, 8, 8, 8), head_split="conv").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with frozen_statistics(network):
        frozen = network(noise(2, 64, 0))["skin"]
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert torch.equal(network(noise(2, 64, 0))["skin"], frozen)
    assert any(not torch.equal(value, network.state_dict()[name]) for name, value in before.items())


# ---------------------------------------------------------------------------------------------------- FDA


def numpy_path(image: np.ndarray, style: np.ndarray, beta: float) -> np.ndarray:
    """The centred window of the authors' NumPy code, of one channel, in double precision."""
    height, width = image.shape
    band = int(np.floor(min(height, width) * beta))
    spectrum, other = np.fft.fftshift(np.fft.fft2(image)), np.fft.fftshift(np.fft.fft2(style))
    amplitude = np.abs(spectrum)
    rows = slice(height // 2 - band, height // 2 + band + 1)
    columns = slice(width // 2 - band, width // 2 + band + 1)
    amplitude[rows, columns] = np.abs(other)[rows, columns]
    return np.asarray(np.fft.ifft2(np.fft.ifftshift(amplitude * np.exp(1j * np.angle(spectrum)))).real)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 48), (64, 31)])
@pytest.mark.parametrize("beta", [0.01, 0.1, 0.3])
def test_fda_is_the_authors_numpy_path(height: int, width: int, beta: float) -> None:
    image, style = (np.random.default_rng(seed).uniform(0, 255, (height, width)) for seed in (0, 1))
    ours = swap_amplitude(
        *(torch.tensor(x, dtype=torch.float32)[None, None] for x in (image, style)), beta=beta
    )
    np.testing.assert_allclose(ours[0, 0].numpy(), numpy_path(image, style, beta), atol=2e-3)


def test_fda_keeps_the_phase_and_swaps_the_amplitude_of_the_band_alone() -> None:
    image, style = noise(2, 64, 0).float(), noise(2, 64, 1).float()
    mixed = swap_amplitude(image, style, 0.1)
    before, after, other = (torch.fft.rfft2(x.double()) for x in (image, mixed, style))
    turned = (after / after.abs() - before / before.abs()).abs()
    assert float(turned[before.abs() > 100].max()) < 1e-3
    low = torch.zeros(64, 33, dtype=torch.bool)
    low[:7, :7] = low[-6:, :7] = True
    assert torch.allclose(after.abs()[..., low], other.abs()[..., low], rtol=1e-3, atol=0.5)
    assert torch.allclose(after.abs()[..., ~low], before.abs()[..., ~low], rtol=1e-3, atol=0.5)


def test_fda_with_beta_0_is_the_identity_and_bytes_stay_bytes() -> None:
    image, style = noise(3, 32, 0), noise(2, 32, 1)
    assert torch.equal(restyled(image, style, [0.0]), image)
    assert torch.equal(swap_amplitude(image.float(), style.float(), 0.0), image.float())
    mixed = restyled(image, style, [0.2])
    assert mixed.dtype == torch.uint8
    assert mixed.shape == image.shape
    assert not torch.equal(mixed[2], image[2])  # fewer target images than source images go round
    assert torch.equal(restyled(image, image, [0.2]), image)


def test_each_image_draws_its_band() -> None:
    image, style = noise(16, 32, 0), noise(16, 32, 1)
    torch.manual_seed(0)
    same = (restyled(image, style, [0.0, 0.2]) == image).flatten(1).all(1)
    assert 3 < int(same.sum()) < 13


def test_fda_trains_on_the_source_s_own_labels() -> None:
    seen: dict[str, Tensor] = {}
    training = SimpleNamespace(supervised_loss=lambda batch: seen.update(batch))
    skin = torch.full((2, 32, 32), IGNORE, dtype=torch.uint8)
    source = {"image": noise(2, 32, 0), "skin": skin, "person": skin}
    target = {"image": noise(2, 32, 1)}
    Fda(0.1).loss(training, {"source": source, "target": target})  # type: ignore[arg-type]
    assert seen["skin"] is skin
    assert seen["person"] is skin
    assert torch.equal(seen["image"], restyled(source["image"], target["image"], [0.1]))


# --------------------------------------------------------------------------------------------------- DANN


@given(st.floats(0, 10))
def test_gradient_reversal_flips_the_sign(strength: float) -> None:
    value = torch.tensor([1.0, -2.0], requires_grad=True)
    there = reverse_gradient(value, strength)
    assert torch.equal(there, value)
    (there * torch.tensor([3.0, 5.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert value.grad is not None
    assert value.grad.tolist() == pytest.approx([-3 * strength, -5 * strength])


def test_the_strength_rises_as_in_the_paper() -> None:
    assert reversal_strength(0, 10) == 0
    assert reversal_strength(0.1, 10) == pytest.approx(np.tanh(0.5))
    assert reversal_strength(1, 10) == pytest.approx(0.99991, abs=1e-5)


def test_the_discriminator_learns_at_full_strength_and_the_encoder_against_it() -> None:
    torch.manual_seed(0)
    method = Dann()
    method.attach(SimpleNamespace(encoder=SimpleNamespace(out_channels=[3, 5])))  # type: ignore[arg-type]
    maps = torch.randn(6, 5, 2, 2)
    gradients = []
    for strength in (-1.0, 0.5):  # -1 reverses nothing
        method.zero_grad()
        features = maps.clone().requires_grad_()
        method.domain_loss(features, 2, strength).backward()  # type: ignore[no-untyped-call]
        first = method.discriminator[0].weight.grad
        assert features.grad is not None
        assert isinstance(first, Tensor)
        gradients.append((features.grad, first.clone()))
    (plain, full), (reversed_, same) = gradients
    assert torch.equal(full, same)
    assert torch.allclose(reversed_, -0.5 * plain)
    assert float(plain.abs().max()) > 0

    # Two domains apart: the discriminator learns to tell them, source first.
    apart = maps + torch.tensor([3.0, 3, -3, -3, -3, -3])[:, None, None, None]
    optimizer = torch.optim.Adam(method.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        method.domain_loss(apart, 2, 1.0).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    told = method.discriminator(apart.mean((2, 3)))[:, 0] > 0
    assert told.tolist() == [False, False, True, True, True, True]


# ------------------------------------------------------------------------------------------------ PixMatch


def test_pseudo_labels_below_the_threshold_give_no_gradient() -> None:
    clean = torch.tensor([[[3.0, 2.0, 0.5], [-0.5, -2.0, -3.0]]])
    labels, sure = pseudo_label(clean, 0.9)
    assert labels.tolist() == [[[1, 1, 1], [0, 0, 0]]]
    assert sure.tolist() == [[[True, False, False], [False, False, True]]]  # sigmoid(2) is .881
    perturbed = torch.zeros(1, 2, 3, requires_grad=True)
    cross_entropy(perturbed, labels.masked_fill(~sure, IGNORE)).backward()  # type: ignore[no-untyped-call]
    assert perturbed.grad is not None
    assert torch.equal(perturbed.grad != 0, sure)
    assert perturbed.grad.sign()[sure].tolist() == [-1.0, 1.0]


class PixelNetwork(nn.Module):
    """Skin and person logits from the red channel, pixel by pixel."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = nn.ParameterDict({head: nn.Parameter(torch.tensor(gain)) for head in ("skin", "person")})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {head: (image[:, 0].float() - 127) * gain for head, gain in self.gain.items()}


def pixmatch_training(network: PixelNetwork) -> Any:
    class Training:
        def __init__(self) -> None:
            self.network = network
            self.logged: dict[str, float] = {}

        def __call__(self, image: Tensor) -> dict[str, Tensor]:
            return network(image)

        def supervised_loss(self, batch: dict[str, Tensor]) -> None:
            return None

        def laid_out(self, image: Tensor) -> Tensor:
            return image

        def log_mean(self, name: str, value: Tensor, count: int) -> None:
            self.logged[name] = float(value.detach())

    return Training()


def test_pixmatch_learns_where_it_is_sure_and_inside_from_the_skin_head_alone() -> None:
    image = torch.full((2, 3, 8, 8), 127, dtype=torch.uint8)
    image[:, :, :4] = 250  # sure; the rest gives 0.5
    inside = torch.ones(2, 8, 8, dtype=torch.uint8)
    inside[:, :2] = 0
    network = PixelNetwork(0.1)
    training = pixmatch_training(network)
    pair = {"source": {"image": image}, "target": {"image": image, "inside": inside}}
    method = Pixmatch(threshold=0.9, weight=0.5, perturbations=["fourier"], beta=0.0)
    labels = method.pseudo_labels(training, pair["target"])
    assert labels[0, :, 0].tolist() == [IGNORE, IGNORE, 1, 1, IGNORE, IGNORE, IGNORE, IGNORE]
    loss = method.loss(training, pair)
    assert training.logged["train/confident"] == pytest.approx(0.25)
    expected = float(torch.nn.functional.softplus(torch.tensor(-12.3)))
    assert loss is not None
    assert float(loss) == pytest.approx(0.5 * expected, rel=1e-4)
    loss.backward()  # type: ignore[no-untyped-call]
    assert network.gain["skin"].grad is not None
    assert network.gain["person"].grad is None
    # Nobody is sure: nothing to learn, and no gradient at all.
    assert Pixmatch(threshold=1.0).loss(pixmatch_training(PixelNetwork(0.01)), pair) is None


def test_cutmix_moves_labels_with_their_pixels() -> None:
    torch.manual_seed(0)
    for _ in range(5):
        image = noise(4, 24, 3)
        mixed, labels = cutmix(image, image[:, 0])
        assert torch.equal(mixed[:, 0], labels)
        changed = (mixed != image).any(1).float().mean()
        assert 0.05 < float(changed) < 0.6
        assert all(((mixed[i] == image[i]) | (mixed[i] == image[i - 1])).all() for i in range(4))


def test_recoloured_images_keep_their_shapes_and_differ_each() -> None:
    torch.manual_seed(0)
    image = noise(1, 32, 0).expand(3, -1, -1, -1)
    view = recoloured(image)
    assert view.dtype == torch.uint8
    assert not torch.equal(view[0], view[1])
    for changed in view:
        ours, theirs = (x.float().mean(0).flatten() for x in (changed, image[0]))
        assert float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1]) > 0.95


def test_the_teacher_follows_as_a_moving_average_and_never_trains() -> None:
    network = PixelNetwork(1.0)
    method = Pixmatch(ema=0.9)
    method.attach(network)  # type: ignore[arg-type]
    assert not [value for value in method.parameters() if value.requires_grad]
    with torch.no_grad():
        network.gain["skin"].fill_(2.0)
    expected = 1.0
    for _ in range(3):
        method.after_step(network)  # type: ignore[arg-type]
        expected = 0.9 * expected + 0.1 * 2.0
    assert isinstance(method.teacher, nn.Module)
    assert float(method.teacher.gain["skin"]) == pytest.approx(expected)
    assert float(network.gain["skin"]) == 2.0


# ----------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Bgc(ratio=1.5), r"--bgc\.ratio 1\.5: .*0 to 1"),
        (lambda: Bgc(ratio=-0.1), r"--bgc\.ratio"),
        (lambda: Bgc(ratio=float("nan")), r"--bgc\.ratio"),
        (lambda: Bgc(bound=-1.0), r"--bgc\.bound"),
        (lambda: Fda(beta=0.6), r"--fda\.beta 0\.6"),
        (lambda: Fda(bands=[0.01, -1.0]), r"--fda\.bands -1"),
        (lambda: Dann(gamma=-1.0), r"--dann\.gamma"),
        (lambda: Dann(hidden=0), r"--dann\.hidden"),
        (lambda: Pixmatch(threshold=0.2), r"--pixmatch\.threshold"),
        (lambda: Pixmatch(ema=1.0), r"--pixmatch\.ema"),
        (lambda: Pixmatch(perturbations=[]), r"--pixmatch\.perturbations"),
    ],
)
def test_an_option_out_of_its_range_is_one_sentence(build: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        build()
    assert "\n" not in str(error.value)
