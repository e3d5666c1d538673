"""Losses against a loop anyone can read, against torch's own, and the silence of unlabelled heads."""

import math

import pytest
import torch
import torch.nn.functional as F

from skinseg.models.unet import TwoHeadUnet
from skinseg.training.losses import cross_entropy, dice_loss, head_loss, head_losses, inverse_frequency


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn((2, 5, 7), generator=generator)
    target = torch.tensor([0, 0, 0, 1, 255], dtype=torch.uint8)[
        torch.randint(0, 5, (2, 5, 7), generator=generator)
    ]
    return logits, target


@pytest.mark.parametrize("weights", [None, (0.6, 3.0)])
def test_cross_entropy_is_the_loop(weights: tuple[float, float] | None) -> None:
    logits, target = batch()
    total = norm = 0.0
    for value, label in zip(logits.flatten().tolist(), target.flatten().tolist(), strict=True):
        if label == 255:
            continue
        probability = 1 / (1 + math.exp(-value))
        weight = 1.0 if weights is None else weights[label]
        total -= weight * math.log(probability if label else 1 - probability)
        norm += weight
    given = None if weights is None else torch.tensor(weights)
    assert float(cross_entropy(logits, target, given)) == pytest.approx(total / norm, rel=1e-4)


def test_cross_entropy_is_torch_s_two_class_one() -> None:
    logits, target = batch()
    weights = torch.tensor([0.6, 3.0])
    two = torch.stack([torch.zeros_like(logits), logits], dim=1)
    expected = F.cross_entropy(two, target.long(), weight=weights, ignore_index=255)
    torch.testing.assert_close(cross_entropy(logits, target, weights), expected)


def test_dice_is_the_loop_over_images_that_show_foreground() -> None:
    logits, target = batch()
    empty = torch.where(target[:1] == 1, 0, target[:1])
    logits, target = torch.cat([logits, logits[:1]]), torch.cat([target, empty])
    losses = []
    for values, labels in zip(logits[:2].flatten(1).tolist(), target[:2].flatten(1).tolist(), strict=True):
        overlap = size = 0.0
        for value, label in zip(values, labels, strict=True):
            if label != 255:
                probability = 1 / (1 + math.exp(-value))
                overlap += probability * label
                size += probability + label
        losses.append(1 - (2 * overlap + 1) / (size + 1))
    assert float(dice_loss(logits, target)) == pytest.approx(sum(losses) / 2, rel=1e-5)
    assert float(dice_loss(logits[2:], target[2:])) == 0


def test_perfect_answers_cost_nothing_and_ignored_pixels_never_count() -> None:
    _, target = batch()
    perfect = torch.where(target == 1, 50.0, -50.0)
    perfect[target == 255] = 50.0
    loss = head_loss(perfect, target, None, dice=1.0)
    assert loss is not None
    assert float(loss) == pytest.approx(0, abs=1e-5)
    logits, _ = batch()
    moved = torch.where(target == 255, logits + 9, logits)
    torch.testing.assert_close(head_loss(moved, target, None, 1.0), head_loss(logits, target, None, 1.0))


def test_inverse_frequency_balances_the_classes() -> None:
    target = torch.tensor([[0] * 6 + [1] * 2 + [255] * 3], dtype=torch.uint8)
    torch.testing.assert_close(inverse_frequency(target), torch.tensor([8 / 12, 8 / 4]))
    one_class = torch.zeros((1, 4, 4), dtype=torch.uint8)
    torch.testing.assert_close(inverse_frequency(one_class), torch.tensor([0.5, 0.0]))


def test_weights_of_the_training_set_come_before_the_batch_s() -> None:
    logits, target = batch()
    known = {"skin": torch.tensor([1.0, 5.0])}
    given = head_losses({"skin": logits}, {"skin": target}, known, balance=True)["skin"]
    torch.testing.assert_close(given, cross_entropy(logits, target, known["skin"]))
    from_batch = head_losses({"skin": logits}, {"skin": target}, {}, balance=True)["skin"]
    torch.testing.assert_close(from_batch, cross_entropy(logits, target, inverse_frequency(target)))
    plain = head_losses({"skin": logits}, {"skin": target}, known, balance=False)["skin"]
    torch.testing.assert_close(plain, cross_entropy(logits, target))


@pytest.mark.parametrize("head_split", ["conv", "decoder"])
def test_an_unlabelled_head_gets_no_gradient_and_changes_nothing(head_split: str) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (2, 3, 32, 32), generator=generator, dtype=torch.uint8)
    skin = torch.randint(0, 2, (2, 32, 32), generator=generator, dtype=torch.uint8)
    unlabelled = torch.full_like(skin, 255)

    def gradients(both: bool) -> tuple[TwoHeadUnet, dict[str, torch.Tensor | None]]:
        torch.manual_seed(0)
        model = TwoHeadUnet(decoder_channels=(16, 16, 8, 8, 8), head_split=head_split)
        logits = model(image)
        if both:
            losses = head_losses(logits, {"skin": skin, "person": unlabelled}, dice=1.0)
        else:
            losses = head_losses({"skin": logits["skin"]}, {"skin": skin}, dice=1.0)
        assert list(losses) == ["skin"]
        torch.stack(list(losses.values())).sum().backward()
        return model, {name: parameter.grad for name, parameter in model.named_parameters()}

    model, with_person = gradients(both=True)
    _, alone = gradients(both=False)
    assert all(parameter.grad is None for parameter in model.head_parameters("person"))
    for name, expected in alone.items():
        found = with_person[name]
        assert (found is None) == (expected is None), name
        if found is not None and expected is not None:
            assert torch.equal(found, expected), name
