"""What a scene is likely to look like before it is rendered: ridge regression on its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from skinseg.evaluation.bootstrap import Floats
from skinseg.probing.cells import Axis
from skinseg.synthetic.clothes.wardrobe import kind_of
from skinseg.synthetic.config import TRACKS
from skinseg.synthetic.room.panoramas import PANORAMAS
from skinseg.synthetic.scene import SENSOR, Scene, Surface
from skinseg.tones.ita import ITA_RANGES, LUMINANCE

RIDGE = 3.0  # on standardised features: as much as three frames that say nothing


def features(scene: Scene) -> Floats:
    """What of a scene goes with tone, framing and light as a camera sees them, float64 (F,)."""
    person, camera, room = scene.people[0], scene.camera, scene.room
    skin = person.skin
    cloth = [each for each in person.garments if not kind_of(each).underwear]
    # Metres that the frame spans at the tracked part.
    span = math.log(SENSOR * math.hypot(camera.radius, camera.rise) / camera.focal_length)
    tracks = [float(camera.track == track) for track in TRACKS]
    dressed = float(bool(cloth))
    walls, floor, ceiling = (_brightness(each) for each in (room.walls, room.floor, room.ceiling))
    sky = float(np.dot(room.sky, LUMINANCE)) if room.sky else 0.0
    seen = room.panorama
    panorama = [float(seen is not None and seen.kind == kind) for kind in PANORAMAS]
    areas = sum(light.power for light in scene.lights if light.edge > 0)
    sun = sum(light.power for light in scene.lights if light.edge <= 0)
    warmth = float(np.mean([light.temperature for light in scene.lights])) if scene.lights else 5000.0
    front = math.cos(camera.theta - 1.5 * math.pi)
    return np.array(
        [
            skin.ita,
            *(float(skin.fitzpatrick == group) for group in ITA_RANGES),
            *tracks,
            *(span * track for track in tracks),
            *(dressed * track for track in tracks),
            dressed,
            sum(each.sleeve for each in cloth),
            sum(each.leg for each in cloth),
            person.body.phenotype.get("gender", 0.5),
            person.body.phenotype.get("weight", 0.5),
            math.log(len(scene.people)),
            front,
            abs(camera.shift[0]) + abs(camera.shift[1]),
            camera.exposure,
            *camera.white_balance,
            camera.contrast,
            camera.saturation,
            camera.vignette,
            walls,
            floor,
            ceiling,
            walls * (seen is None),
            sky,
            float(room.sky is not None),
            *panorama,
            math.log(seen.strength) if seen else 0.0,
            math.log1p(areas),
            sun,
            warmth / 1000,
            float(bool(person.accessories)),
        ]
    )


def _brightness(surface: Surface) -> float:
    return float(np.mean([np.dot(color, LUMINANCE) for color in surface.colors])) if surface.colors else 0.3


@dataclass(frozen=True)
class Foresight:
    """Fitted on frames; sees scenes. weights: (F + 1, axes); spread: of the error per axis, leaving each frame out."""

    centre: Floats
    scale: Floats
    weights: Floats
    spread: Floats

    def levels(self, axes: Sequence[Axis], scenes: Floats) -> list[Floats]:
        """Per axis the chance of each level, (scenes, levels), from features (scenes, F)."""
        foreseen = _with_one((scenes - self.centre) / self.scale) @ self.weights
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
    inputs = _with_one((scenes - centre) / scale)
    penalty = RIDGE * np.eye(inputs.shape[1])
    penalty[-1, -1] = 1e-9
    solved = np.linalg.solve(inputs.T @ inputs + penalty, inputs.T)
    weights = solved @ values
    leverage = np.einsum("ij,ji->i", inputs, solved)
    left_out = (values - inputs @ weights) / np.maximum(1 - leverage, 0.05)[:, None]
    spread = np.maximum(np.sqrt((left_out**2).mean(axis=0)), 1e-6)
    return Foresight(centre, scale, weights, spread)


def _with_one(values: Floats) -> Floats:
    return np.hstack([values, np.ones((len(values), 1))])
