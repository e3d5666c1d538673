"""Training of a recogniser: frames of one person to a file, resumable at every epoch, bit for bit."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from skinseg.data import streams
from skinseg.data.splits import make_split
from skinseg.data.streams import Part
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.models.encoder import HUB
from skinseg.recognition.frames import Frame, one_person, read_frames
from skinseg.recognition.network import ToneNetwork, negative_log_likelihood
from skinseg.recognition.recogniser import (
    FILE,
    HALF_90,
    KEY,
    Calibration,
    Recogniser,
    load,
    raw_answers,
    stacked,
    write,
)
from skinseg.recognition.view import GREY, SIDE, View, greyed, hidden, view_of

STATE = "state.ckpt"
RESULT = "result.json"
GREYED = 0.1
"""Share of the views that are shown with grey skin and somebody else's tone: what is left then says nothing."""
FEWEST = 20
"""Validation frames below which answers are not calibrated."""
_KEPT = SIDE * 5 // 4  # side of the views that training cuts its own from


@dataclass(frozen=True)
class Options:
    """What decides a training. encoder, weights: see `skinseg.models.encoder.build`. lr: learning rate at its highest.

    limit: train on this many frames only, None for all.
    """

    encoder: str = "tu-tf_efficientnet_lite0"
    weights: str | None = HUB
    epochs: int = 20
    batch_size: int = 32
    lr: float = 1e-3
    seed: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name.replace('_', '-')} {value}: expected 1 or more")


@dataclass(frozen=True)
class Shown:
    """A frame that training knows: its view, larger than what is shown at once, and its tone."""

    view: View
    ita: float
    group: int


def train(dataset: Rendered, out: Path, options: Options, said: Callable[[str], None] = print) -> Recogniser:
    """Train on a rendered set's training part, calibrate on its validation part, write `out`/recogniser.ckpt.

    Killed at any moment, the same call goes on from the last whole epoch; finished, it reads what is there.
    said: gets a line per epoch. Raises UserError where `out` holds a training by other options or on other frames,
    where the set has no frames of one person, and as the encoder does.
    """
    split = make_split(dataset)
    record: dict[str, Any] = {
        **dataclasses.asdict(options),
        "dataset": dataset.name,
        "split": split.hash,
        "frames": fingerprint(dataset),
    }
    if (out / FILE).is_file():
        found = load(out / FILE)
        _check(out / FILE, dict(found.record), record)
        said(f"{out / FILE}: finished before")
        return found
    scenes = one_person(dataset)
    known = [each for each in map(_shown, read_frames(dataset, scenes, split.train)) if each]
    known = known[: options.limit]
    if len(known) < 2:
        raise UserError(f"{dataset.root}: {len(known)} frames of one person to train on; render a larger set")
    torch.manual_seed(int(streams.generator(options.seed, Part.TONE_WEIGHTS).integers(2**63)))
    network = ToneNetwork(options.encoder, options.weights)
    steps = max(1, len(known) // options.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=options.epochs * steps)
    begun = _resume(out / STATE, record, network, optimizer, schedule)
    for epoch in range(begun, options.epochs):
        losses = []
        network.train()
        for views, ita in _batches(known, epoch, steps, options):
            mean, deviation = network(*stacked(views))
            loss = negative_log_likelihood(mean, deviation, torch.tensor(ita, dtype=torch.float32))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        said(f"epoch {epoch + 1} of {options.epochs}: loss {np.mean(losses):.3f} on {len(known)} frames")
        with written_whole(out / STATE) as beside:
            state: dict[str, Any] = {"network": network, "optimizer": optimizer, "schedule": schedule}
            parts = {name: each.state_dict() for name, each in state.items()}
            torch.save({KEY: record, "epoch": epoch + 1, **parts}, beside)
    network.eval()
    held_out = [each for each in map(_shown, read_frames(dataset, scenes, split.validation)) if each]
    calibration = calibrate(network, held_out)
    start = dataclasses.asdict(network.start)
    with written_whole(out / FILE) as beside:
        write(beside, network, calibration, {**record, "trained_on": len(known), "start": start})
    found = load(out / FILE)
    result = {**found.record, "sha256": found.sha256}
    with written_whole(out / RESULT) as beside:
        beside.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (out / STATE).unlink()
    return found


def calibrate(network: ToneNetwork, frames: Sequence[Shown]) -> Calibration:
    """What held-out frames say of the network's answers; no change where there are fewer than `FEWEST`."""
    if len(frames) < FEWEST:
        return Calibration(frames=len(frames))
    # One view a row of a batch: a mean over all of them at once would hold every map of every view.
    raw = np.concatenate([raw_answers(network, [_middle(each.view)]) for each in frames])
    truth = np.array([each.ita for each in frames])
    groups = np.array([each.group for each in frames])
    weight = 1 / np.bincount(groups)[groups]
    slope, intercept = np.polyfit(truth, raw[:, 0], 1, w=np.sqrt(weight))
    slope = float(np.clip(slope, 0.5, 1.2))
    intercept = (
        float(np.average(raw[:, 0] - slope * truth, weights=weight)) if slope in (0.5, 1.2) else intercept
    )
    errors = np.abs((raw[:, 0] - intercept) / slope - truth) / (raw[:, 1] / slope)
    # The rank that a new frame's error is below with probability 0.9 (split conformal prediction, Lei et al. 2018).
    rank = min(1.0, np.ceil(0.9 * (len(errors) + 1)) / len(errors))
    spread = float(np.quantile(errors, rank, method="higher")) / HALF_90
    return Calibration(slope, float(intercept), spread, len(frames))


def balanced(groups: npt.NDArray[np.intp], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """As many positions as there are, each group as often as another, in a random order; rare ones come again."""
    present = np.unique(groups)
    each = -(-len(groups) // len(present))
    drawn = [np.resize(generator.permutation(np.flatnonzero(groups == group)), each) for group in present]
    return generator.permutation(np.stack(drawn, axis=1).reshape(-1)[: len(groups)])


def shown(view: View, generator: np.random.Generator) -> View:
    """One of the many views that training cuts from a frame's: moved, turned, in another light and camera.

    The tone stays what it was: that the picture's colours follow the light as well is what there is to learn. Told
    parts are grey in one half of them, and of a random colour in the other, as photographs do not say where they are.
    """
    view = _moved(view, generator)
    if generator.random() < 0.5:
        view = hidden(view)
    else:
        image = view.image.copy()
        gain = np.exp(generator.normal(0, 0.6, 3)) * np.exp(generator.normal(0, 0.6))
        image[view.told == 1] = (image[view.told == 1] * gain).clip(0, 255).astype(np.uint8)
        view = View(image, view.skin, view.known, view.told)
    return View(_in_another_light(view.image, generator), view.skin, view.known, view.told)


def _in_another_light(image: npt.NDArray[np.uint8], generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    linear = (image.astype(np.float32) / 255) ** 2.2
    gain = 2.0 ** (generator.normal(0, 0.25) + generator.normal(0, (0.1, 0.03, 0.1)))
    linear = (linear * gain.astype(np.float32)).clip(0, 1) ** float(np.exp(generator.normal(0, 0.08)))
    grey = linear.mean(axis=2, keepdims=True)
    linear = (grey + (linear - grey) * float(generator.uniform(0.8, 1.15))).clip(0, 1)
    noise = generator.normal(0, abs(generator.normal(0, 0.015)), linear.shape).astype(np.float32)
    return np.asarray(255 * (linear ** (1 / 2.2) + noise).clip(0, 1), np.uint8)


def _moved(view: View, generator: np.random.Generator) -> View:
    side = view.image.shape[0]
    zoom = SIDE / side * float(np.exp(generator.uniform(-0.2, 0.35)))
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), float(generator.uniform(-20, 20)), zoom)
    matrix[:, 2] += SIDE / 2 - side / 2 + generator.uniform(-0.06, 0.06, 2) * SIDE
    flip = bool(generator.random() < 0.5)

    def move(pixels: npt.NDArray[np.uint8], fill: tuple[int, ...], method: int) -> npt.NDArray[np.uint8]:
        moved = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=method, borderValue=fill)
        return np.ascontiguousarray(moved[:, ::-1] if flip else moved).astype(np.uint8)

    skin = move(view.skin, (0,), cv2.INTER_LINEAR)
    if np.count_nonzero(skin) < side:  # moved out of sight
        return _middle(view)
    return View(
        move(view.image, GREY, cv2.INTER_LINEAR),
        skin,
        move(view.known, (0,), cv2.INTER_NEAREST),
        move(view.told, (0,), cv2.INTER_NEAREST),
    )


def _middle(view: View) -> View:
    """The view at the size that is shown."""

    def small(pixels: npt.NDArray[np.uint8], method: int) -> npt.NDArray[np.uint8]:
        return np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=method), np.uint8)

    return hidden(
        View(
            small(view.image, cv2.INTER_AREA),
            small(view.skin, cv2.INTER_AREA),
            small(view.known, cv2.INTER_NEAREST),
            small(view.told, cv2.INTER_NEAREST),
        )
    )


def _batches(
    known: Sequence[Shown], epoch: int, steps: int, options: Options
) -> Iterator[tuple[list[View], list[float]]]:
    groups = np.array([each.group for each in known])
    order = balanced(groups, streams.generator(options.seed, Part.TONE_ORDER, epoch))
    size = min(options.batch_size, len(known))
    for step in range(steps):
        views, ita = [], []
        for index in range(step * size, (step + 1) * size):
            generator = streams.generator(options.seed, Part.TONE_AUGMENT, epoch, index)
            each = known[order[index]]
            view, tone = shown(each.view, generator), each.ita
            if generator.random() < GREYED:
                view = greyed(view, int(generator.integers(0, 4)))
                tone = known[order[generator.integers(len(order))]].ita
            views.append(view)
            ita.append(tone)
        yield views, ita


def _shown(frame: Frame) -> Shown | None:
    view = view_of(frame.image, frame.skin, frame.told, _KEPT)
    return None if view is None else Shown(view, frame.ita, frame.group)


def _resume(path: Path, record: dict[str, Any], network: Any, optimizer: Any, schedule: Any) -> int:
    """Take up the state of a training that was stopped, and say how many epochs are done."""
    if not path.is_file():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    _check(path, state[KEY], record)
    for name, each in (("network", network), ("optimizer", optimizer), ("schedule", schedule)):
        each.load_state_dict(state[name])
    return int(state["epoch"])


def _check(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    other = [name for name, value in wanted.items() if found.get(name) != value]
    if other:
        said = ", ".join(f"{name} {found.get(name)}" for name in other)
        raise UserError(
            f"{path}: of a training with {said}, expected {', '.join(f'{n} {wanted[n]}' for n in other)}; give another "
            "--out, or the same options and frames to go on"
        )
