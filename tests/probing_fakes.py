"""Frames without Blender: a square of the first person's skin before a wall, drawn from the scene alone, and a model
that fails on them in a known way."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from skinseg.probing.scoring import Shot, Studio
from skinseg.synthetic.config import TRACKS
from skinseg.synthetic.label_image import encode_labels
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.rendering.develop import develop
from skinseg.synthetic.scene import SENSOR, Scene
from skinseg.tones.ita import LUMINANCE, linear_to_srgb

SIZE = 48
PART = {"face": 0.25, "hand": 0.2, "whole": 0.6}
"""Metres of skin about a tracked part, across."""


def frame(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels: the nearer the tracked part, the larger the square; the walls' colour is the wall's."""
    side = 8 + 5 * TRACKS.index(scene.camera.track)
    wall = np.mean(scene.room.walls.colors, axis=0) * 2.0**scene.camera.exposure
    light = np.broadcast_to(wall, (SIZE, SIZE, 3)).copy()
    light[:side, :side] = scene.people[0].skin.albedo
    noise = np.random.default_rng(scene.camera.seed).normal(0, 0.01, light.shape)
    image = (linear_to_srgb(np.clip(light + noise, 0, 1)) * 255).astype(np.uint8)
    labels = np.full((SIZE, SIZE), PartClass.BACKGROUND, np.uint8)
    labels[:side, :side] = PartClass.SKIN
    return image, labels


def developed(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """As `frame`, with all people's skin in the square, as large as the tracked part is in what the camera spans,
    through the scene's camera, which meters on the skin."""
    camera = scene.camera
    span = SENSOR * math.hypot(camera.radius, camera.rise) / camera.focal_length  # metres at the tracked part
    side = int(np.clip(SIZE * PART.get(camera.track, 0.3) / span, 6, SIZE - 4))
    labels = np.full((SIZE, SIZE), PartClass.BACKGROUND, np.uint8)
    labels[:side, :side] = PartClass.SKIN
    light = np.broadcast_to(np.mean(scene.room.walls.colors, axis=0), (SIZE, SIZE, 3)).copy()
    light[labels == PartClass.SKIN] = np.mean([person.skin.albedo for person in scene.people], axis=0)
    return develop(light.astype(np.float32), labels, scene)[0], labels


class Sets:
    """In place of `shoot`; remembers the scenes of each set, and how many frames had to be made."""

    def __init__(self, made: Callable[[Scene], tuple[np.ndarray, np.ndarray]] = frame) -> None:
        self.made = made
        self.scenes: dict[str, list[str]] = {}
        self.rendered = 0

    def shoot(self, scenes: Sequence[Scene], name: str, studio: Studio) -> list[Shot]:
        texts = [scene.to_json() for scene in scenes]
        before = self.scenes.setdefault(name, [])
        assert texts[: len(before)] == before[: len(texts)], f"{name}: other scenes than before"
        shots = []
        for i, scene in enumerate(scenes):
            path = studio.out / name / "images" / f"{i:06d}.png"
            if not path.is_file():
                self.rendered += 1
                image, labels = self.made(scene)
                path.parent.mkdir(parents=True, exist_ok=True)
                (path.parents[1] / "masks").mkdir(exist_ok=True)
                cv2.imwrite(str(path), image[..., ::-1])
                (path.parents[1] / "masks" / path.name).write_bytes(encode_labels(labels))
            shots.append(Shot(scene, path))
        self.scenes[name] = max(before, texts, key=len)
        return shots


def misses_dark(image: np.ndarray) -> np.ndarray:
    """Finds the square where it is light, half of it where it is not: skin IoU 1 or about a half."""
    corner = image[:8, :8].reshape(-1, 3).mean(axis=0) / 255
    found = np.abs(image.astype(float) - image[2, 2]).sum(axis=2) < 40
    if float(corner @ LUMINANCE) < 0.5:
        found[:, ::2] = False
    return found.astype(np.uint8)


def studio(folder: Path) -> Studio:
    return Studio(folder / "frames", 1, progress=False)
