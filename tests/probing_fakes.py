"""Frames without Blender: a square of the first person's skin before a wall, drawn from the scene alone, and a model
that fails on them in a known way."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from skinseg.probing.scoring import Shot, Studio
from skinseg.synthetic.config import TRACKS
from skinseg.synthetic.label_image import encode_labels
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Scene
from skinseg.tones.ita import LUMINANCE, linear_to_srgb

SIZE = 48


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


class Sets:
    """In place of `shoot`; remembers the scenes of each set, and how many frames had to be made."""

    def __init__(self) -> None:
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
                image, labels = frame(scene)
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
