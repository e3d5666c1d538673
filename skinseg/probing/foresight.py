"""What a scene is likely to look like before it is rendered: ridge regression on its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from skinseg.evaluation.bootstrap import Floats
from skinseg.probing.cells import Axis
from skinseg.probing.guesses import brightness, skin_tone
from skinseg.synthetic.clothes.wardrobe import kind_of
from skinseg.synthetic.config import TRACKS
from skinseg.synthetic.room.panoramas import PANORAMAS
from skinseg.synthetic.scene import SENSOR, Scene

PENALTIES = (
    3.0,
    10.0,
    30.0,
    100.0,
    300.0,
)  # of ridge on standardised features, of which each axis takes the best
GUESSES = 2  # features that are guesses of a measured number themselves
BY_RULE = 8.0  # how much more a guess by rule may count than any other feature before it is penalised as much


def features(scene: Scene) -> Floats:
    """What of a scene goes with tone, framing and light as a camera sees them, float64 (F,), guesses by rule first."""
    person, camera, room = scene.people[0], scene.camera, scene.room
    behind, cloth, gain = brightness(scene)
    worn = [each for each in person.garments if not kind_of(each).underwear]
    # Metres that the frame spans at the tracked part.
    span = math.log(SENSOR * math.hypot(camera.radius, camera.rise) / camera.focal_length)
    tracks = {track: float(camera.track == track) for track in TRACKS}
    trunk, limb = tracks["abdomen"] + tracks["back"], tracks["hand"] + tracks["arm"]
    dressed, sleeve = float(bool(worn)), max((each.sleeve for each in worn), default=0.0)
    front, people = math.cos(camera.theta - 1.5 * math.pi), math.log(len(scene.people))
    seen = room.panorama
    return np.array(
        [
            -skin_tone(scene),
            behind,
            person.skin.ita,
            *tracks.values(),
            *(span * track for track in tracks.values()),
            *(dressed * track for track in tracks.values()),
            max((each.hem for each in worn), default=0.0) * trunk,
            sleeve * tracks["upper_body"],
            sleeve * limb,
            front,
            front * (tracks["face"] + tracks["upper_body"]),
            people,
            people * tracks["whole"],
            person.body.phenotype.get("gender", 0.5),
            abs(camera.shift[0]) + abs(camera.shift[1]),
            camera.exposure,
            *camera.white_balance,
            camera.contrast,
            camera.saturation,
            camera.vignette,
            cloth,
            cloth * (trunk + limb),
            behind * (trunk + limb),
            gain,
            float(room.sky is not None),
            *(float(seen is not None and seen.kind == kind) for kind in PANORAMAS),
            float(bool(person.accessories)),
        ]
    )


@dataclass(frozen=True)
class Foresight:
    """Fitted on frames; sees scenes. weights: (F + 1, axes); spread: of the error per axis, leaving each frame out."""

    centre: Floats
    scale: Floats
    weights: Floats
    spread: Floats

    def foreseen(self, scenes: Floats) -> Floats:
        """What is likely to be measured, (scenes, axes), from features (scenes, F)."""
        values: Floats = _with_one((scenes - self.centre) / self.scale) @ self.weights
        return values

    def levels(self, axes: Sequence[Axis], scenes: Floats) -> list[Floats]:
        """Per axis the chance of each level, (scenes, levels), from features (scenes, F)."""
        foreseen = self.foreseen(scenes)
        chances = []
        for place, axis in enumerate(axes):
            below = norm.cdf((np.array(axis.edges) - foreseen[:, place, None]) / self.spread[place])
            ends = np.hstack([np.zeros((len(below), 1)), below, np.ones((len(below), 1))])
            chances.append(np.diff(ends, axis=1))
        return chances

    def cells(self, axes: Sequence[Axis], scenes: Floats) -> Floats:
        """The chance of each cell, (scenes, *levels of each axis), errors taken for independent."""
        chances = self.levels(axes, scenes)
        joint = chances[0]
        for each in chances[1:]:
            joint = joint[..., None] * each.reshape(len(each), *([1] * (joint.ndim - 1)), -1)
        return joint


def fit(scenes: Floats, values: Floats) -> Foresight:
    """From features (n, F) and what was measured (n, axes)."""
    centre, scale = scenes.mean(axis=0), scenes.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    scale[:GUESSES] /= BY_RULE
    mean = values.mean(axis=0)
    left, lengths, right = np.linalg.svd((scenes - centre) / scale, full_matrices=False)
    inside = left.T @ (values - mean)
    weights, spread = np.empty((scenes.shape[1] + 1, len(mean))), np.full(len(mean), np.inf)
    for penalty in PENALTIES:
        kept = lengths**2 / (lengths**2 + penalty)
        leverage = (left**2 @ kept + 1 / len(values))[:, None]
        errors = (values - mean - left @ (kept[:, None] * inside)) / np.maximum(1 - leverage, 0.05)
        found = np.maximum(np.sqrt((errors**2).mean(axis=0)), 1e-6)
        for axis in np.flatnonzero(found < spread):
            spread[axis] = found[axis]
            weights[:-1, axis] = right.T @ ((lengths / (lengths**2 + penalty)) * inside[:, axis])
    weights[-1] = mean
    return Foresight(centre, scale, weights, spread)


def _with_one(values: Floats) -> Floats:
    return np.hstack([values, np.ones((len(values), 1))])
