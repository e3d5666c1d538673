"""The two-head U-Net: shapes, refusals, and heads that really are separate."""

import pytest
import torch

from skinseg.errors import UserError
from skinseg.models.unet import TwoHeadUnet, padded_side
from skinseg.training.losses import head_losses

SPLITS = ("conv", "decoder")


def small(head_split: str = "decoder") -> TwoHeadUnet:
    torch.manual_seed(0)
    return TwoHeadUnet(decoder_channels=(16, 16, 8, 8, 8), head_split=head_split)


def image(height: int = 64, width: int = 96, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (batch, 3, height, width), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("head_split", SPLITS)
def test_gives_one_logit_map_per_head_at_the_image_size(head_split: str) -> None:
    logits = small(head_split)(image())
    assert {head: tuple(value.shape) for head, value in logits.items()} == {
        "skin": (2, 64, 96),
        "person": (2, 64, 96),
    }
    assert not torch.equal(logits["skin"], logits["person"])


@pytest.mark.parametrize("head_split", SPLITS)
@pytest.mark.parametrize(("head", "other"), [("skin", "person"), ("person", "skin")])
def test_a_head_s_loss_sends_no_gradient_into_the_other_head(head_split: str, head: str, other: str) -> None:
    model = small(head_split)
    model(image())[head].square().mean().backward()
    assert all(parameter.grad is None for parameter in model.head_parameters(other))
    assert all(parameter.grad is not None for parameter in model.head_parameters(head))
    shared = {id(p) for h in model.heads for p in model.head_parameters(h)}
    rest = [p for p in model.parameters() if id(p) not in shared]
    assert rest
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in rest)


def test_splits_differ_in_what_a_head_owns() -> None:
    owned = [sum(p.numel() for p in small(split).head_parameters("skin")) for split in SPLITS]
    assert owned[0] < owned[1]
    model = small("decoder")
    assert not {id(p) for p in model.head_parameters("skin")} & {
        id(p) for p in model.head_parameters("person")
    }


def test_uint8_and_float_images_are_the_same_image() -> None:
    model = small().eval()
    with torch.no_grad():
        assert torch.equal(model(image())["skin"], model(image().float())["skin"])


def test_normalises_with_imagenet_statistics_from_scratch() -> None:
    model = small().eval()
    seen: list[torch.Tensor] = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(torch.full((1, 3, 32, 32), 255, dtype=torch.uint8))
    expected = (torch.ones(3) - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen[0][0, :, 0, 0], expected)


def test_names_the_size_to_pad_to() -> None:
    with pytest.raises(ValueError, match=r"65x96.*pad to 96x96"):
        small()(image(65, 96))


@pytest.mark.parametrize(("side", "expected"), [(1, 32), (32, 32), (33, 64), (160, 160)])
def test_padded_side(side: int, expected: int) -> None:
    assert padded_side(side) == expected


@pytest.mark.parametrize("encoder", ["resnet99", "tu-no_such_model"])
def test_unknown_encoder_is_a_sentence(encoder: str) -> None:
    with pytest.raises(UserError, match=encoder):
        TwoHeadUnet(encoder)


def test_wrong_number_of_decoder_stages_is_a_sentence() -> None:
    with pytest.raises(UserError, match="5 expected"):
        TwoHeadUnet(decoder_channels=(16, 8))


@pytest.mark.parametrize("head_split", SPLITS)
def test_bf16_decoders_train_as_float32_ones_do_and_predict_with_the_same_bits(head_split: str) -> None:
    """Emulated where the processor has none: the numbers are those of any."""
    target = {head: (image(64, 64, 4)[:, 0] > 128).to(torch.uint8) for head in ("skin", "person")}
    found = []
    for bf16 in (False, True):
        model = small(head_split)
        model.bf16_decoders = bf16
        with torch.no_grad():
            predicted = model.eval()(image(64, 64, 4))["skin"]
        logits = model.train()(image(64, 64, 4))
        assert {value.dtype for value in logits.values()} == {torch.float32}
        loss = torch.stack([*head_losses(logits, target, dice=1.0).values()]).sum()
        loss.backward()
        assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}
        gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        found.append((predicted, loss.detach(), gradient))
    (predicted, loss, gradient), (predicted_16, loss_16, gradient_16) = found
    assert torch.equal(predicted, predicted_16)
    assert float(loss_16) == pytest.approx(float(loss), rel=0.001)
    assert not torch.equal(gradient, gradient_16)
    # 8 bits of mantissa through eleven layers there and back: the encoder's part is off by up to a fifth of its
    # length, and points the same way.
    assert torch.cosine_similarity(gradient, gradient_16, 0) > 0.97
