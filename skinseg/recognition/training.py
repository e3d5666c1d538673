"""Training of a recogniser: frames of one person to a file, in a minute or two."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from skinseg.data import streams
from skinseg.data.splits import make_split
from skinseg.data.streams import Part
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.recognition.camera import Cameras, cameras_of, linear, taken, undone
from skinseg.recognition.frames import one_person, read_frames
from skinseg.recognition.network import ToneNetwork, features_of, mixed, negative_log_likelihood
from skinseg.recognition.recogniser import FILE, HALF_90, Calibration, Recogniser, load, write
from skinseg.recognition.view import view_of

RESULT = "result.json"
FEWEST = 20
"""Validation frames below which answers are not calibrated."""
_CAMERAS = 8  # through which each validation frame is seen


@dataclass(frozen=True)
class Options:
    """What decides a training. epochs: how often each frame is shown. lr: learning rate at its highest."""

    epochs: int = 150
    batch_size: int = 128
    lr: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)}: expected 1 or more")


@dataclass(frozen=True)
class Known:
    """Frames and their tones. light: (n, PIXELS, 3), what came into the cameras; cameras: (n, 5), see
    `skinseg.recognition.camera`. ita: (n,), degrees. groups: (n,)."""

    light: Tensor
    cameras: Tensor
    ita: Tensor
    groups: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls,
        views: Sequence[npt.NDArray[np.uint8]],
        cameras: Cameras,
        ita: Sequence[float],
        groups: Sequence[int],
    ) -> "Known":
        """Of frames as `view_of` shows them, at least one."""
        through = torch.from_numpy(cameras)
        return cls(
            undone(linear(torch.from_numpy(np.stack(views))), through),
            through,
            torch.tensor(ita, dtype=torch.float32),
            np.asarray(groups, np.intp),
        )

    def __len__(self) -> int:
        return len(self.ita)


def train(dataset: Rendered, out: Path, options: Options, said: Callable[[str], None] = print) -> Recogniser:
    """Train on a rendered set's training part, calibrate on its validation part, write `out`/recogniser.ckpt.

    Equal arguments give equal weights on one machine; finished, the same call reads what is there. said: gets a line
    now and then. Raises UserError where `out` holds a training by other options or on other frames, and where the set
    has no frames of one person or does not say by which camera.
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
    known, held_out = (_read(dataset, ids) for ids in (split.train, split.validation))
    if known is None or len(known) < 2:
        raise UserError(
            f"{dataset.root}: {0 if known is None else len(known)} frames of one person to train on; render a larger "
            "set"
        )
    network = _fitted(known, options, said)
    calibration = Calibration() if held_out is None else calibrate(network, held_out)
    with written_whole(out / FILE) as beside:
        write(beside, network, calibration, {**record, "trained_on": len(known)})
    found = load(out / FILE)
    with written_whole(out / RESULT) as beside:
        result = {**found.record, "sha256": found.sha256}
        beside.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return found


def _fitted(known: Known, options: Options, said: Callable[[str], None]) -> ToneNetwork:
    torch.manual_seed(int(streams.generator(options.seed, Part.TONE_WEIGHTS).integers(2**63)))
    network = ToneNetwork()
    features = features_of(taken(known.light, known.cameras))
    network.mean.copy_(features.mean(dim=0))
    network.std.copy_(features.std(dim=0) + 1e-3)
    steps = max(1, len(known) // options.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=options.epochs * steps)
    for epoch in range(options.epochs):
        losses = []
        network.train()
        order = balanced(known.groups, streams.generator(options.seed, Part.TONE_ORDER, epoch))
        for step in range(steps):
            generator = streams.generator(options.seed, Part.TONE_AUGMENT, epoch, step)
            features, ita = shown(known, order[step::steps], generator)
            mean, deviation = network(features)
            loss = negative_log_likelihood(mean, deviation, ita)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        if (epoch + 1) % 25 == 0 or epoch + 1 == options.epochs:
            said(f"epoch {epoch + 1} of {options.epochs}: loss {np.mean(losses):.3f} on {len(known)} frames")
    return network.eval()


def calibrate(network: ToneNetwork, frames: Known) -> Calibration:
    """What held-out frames, each seen through several cameras, say of the network's answers; no change where there are
    fewer than `FEWEST`."""
    if len(frames) < FEWEST:
        return Calibration(frames=len(frames))
    seen = [frames.cameras.roll(i, 0) for i in range(_CAMERAS)]
    with torch.inference_mode():
        raw = [torch.stack(mixed(*network(features_of(taken(frames.light, each))))) for each in seen]
    mean, deviation = torch.cat(raw, dim=1).double().numpy()
    truth = np.tile(frames.ita.double().numpy(), len(seen))
    groups = np.tile(frames.groups, len(seen))
    weight = 1 / np.bincount(groups)[groups]
    slope, intercept = np.polyfit(truth, mean, 1, w=np.sqrt(weight))
    slope = float(np.clip(slope, 0.5, 1.2))
    intercept = float(np.average(mean - slope * truth, weights=weight))
    errors = np.abs((mean - intercept) / slope - truth) / (deviation / slope)
    # The rank that a new frame's error is below with probability 0.9 (split conformal prediction, Lei et al. 2018).
    rank = min(1.0, np.ceil(0.9 * (len(frames) + 1)) / len(frames))
    spread = float(np.quantile(errors, rank)) / HALF_90
    return Calibration(slope, intercept, spread, len(frames))


def balanced(groups: npt.NDArray[np.intp], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """As many positions as there are, each group as often as another, in a random order; rare ones come again."""
    present = np.unique(groups)
    each = -(-len(groups) // len(present))
    drawn = [np.resize(generator.permutation(np.flatnonzero(groups == group)), each) for group in present]
    return generator.permutation(np.stack(drawn, axis=1).reshape(-1)[: len(groups)])


def shown(known: Known, which: npt.NDArray[np.intp], generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """What the network goes by of these frames, each through the camera of a frame of chance, and their tones, (B,).
    The tone stays what it was: that colours follow the camera as well is what there is to learn."""
    chosen = torch.from_numpy(which)
    cameras = known.cameras[torch.from_numpy(generator.integers(len(known), size=len(which)))]
    return features_of(taken(known.light[chosen], cameras)), known.ita[chosen]


def _read(dataset: Rendered, ids: Sequence[str]) -> Known | None:
    """These frames, as far as they show one person and enough of the skin; None where none does."""
    scenes = one_person(dataset)
    names, views, ita, groups = [], [], [], []
    for frame in read_frames(dataset, scenes, ids):
        view = view_of(frame.image, frame.skin)
        if view is not None:  # and its image is let go
            names.append(frame.image_id)
            views.append(view)
            ita.append(frame.ita)
            groups.append(frame.group)
    return Known.of(views, cameras_of(scenes.loc[names]), ita, groups) if names else None


def _check(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    other = [name for name, value in wanted.items() if found.get(name) != value]
    if other:
        said = ", ".join(f"{name} {found.get(name)}" for name in other)
        raise UserError(
            f"{path}: of a training with {said}, expected {', '.join(f'{n} {wanted[n]}' for n in other)}; give another "
            "--out, or the same options and frames"
        )
