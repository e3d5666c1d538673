"""Masks against geometry: what a ray through a pixel hits first decides its class, by an intersection of our own."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.geometry.mesh import Figure
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import SENSOR, Scene

FRAMES, PIXELS = 4, 400


def camera_rays(
    scene: Scene, figure: Figure, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Origin (3,) and unit directions (N, 3) of the rays through the middles of pixels."""
    camera = scene.camera
    target = np.array(figure.tracks[camera.track])
    circle = np.array([math.cos(camera.theta), math.sin(camera.theta), 0.0])
    origin = target + camera.radius * circle
    origin[2] = min(max(target[2] + camera.rise, 0.1), scene.room.size[2] - 0.1)
    forward = (target - origin) / np.linalg.norm(target - origin)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    cosine, sine = math.cos(camera.roll), math.sin(camera.roll)
    right, up = cosine * right + sine * up, cosine * up - sine * right
    size = scene.resolution
    across = ((columns + 0.5) / size - 0.5 + camera.shift[0]) * SENSOR / camera.focal_length
    upward = (0.5 - (rows + 0.5) / size + camera.shift[1]) * SENSOR / camera.focal_length
    directions = forward + across[:, None] * right + upward[:, None] * up
    return origin, directions / np.linalg.norm(directions, axis=1, keepdims=True)


def first_hits(
    origin: np.ndarray, directions: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Index of the nearest triangle (T, 3, 3) that each ray hits, -1 for none, and how far it is.

    Moeller and Trumbore 1997, J. Graphics Tools 2:21-28.
    """
    edge1, edge2 = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    offset = origin - triangles[:, 0]
    across = np.cross(offset, edge1)
    nearest, distance = np.full(len(directions), -1), np.full(len(directions), np.inf)
    for number, direction in enumerate(directions):
        normal = np.cross(direction, edge2)
        determinant = np.einsum("ij,ij->i", edge1, normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("ij,ij->i", offset, normal) / determinant
            v = across @ direction / determinant
            t = np.einsum("ij,ij->i", edge2, across) / determinant
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-6)
        if hit.any():
            nearest[number] = np.flatnonzero(hit)[t[hit].argmin()]
            distance[number] = t[nearest[number]]
    return nearest, distance


def triangles_of(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    """All faces but clear glass as triangles (T, 3, 3), and their classes (T,)."""
    corners, classes = [], []
    for mesh in figure.meshes:
        if mesh.material.startswith("glass:"):
            continue
        quads = mesh.faces[:, 3] >= 0
        for faces, values in (
            (mesh.faces[:, [0, 1, 2]], mesh.classes),
            (mesh.faces[quads][:, [0, 2, 3]], mesh.classes[quads]),
        ):
            corners.append(mesh.vertices[faces])
            classes.append(values)
    return np.concatenate(corners).astype(np.float64), np.concatenate(classes)


@pytest.mark.slow
def test_a_pixel_has_the_class_that_its_ray_hits(tmp_path: Path) -> None:
    from skinseg.synthetic.rendering.figure import build_figure
    from skinseg.synthetic.rendering.renderer import render_set

    config = GeneratorConfig(resolution=96, samples=1)
    out = tmp_path / "set"
    render_set(config, FRAMES, seed=11, workers=2, out=out, progress=False)
    rng = np.random.default_rng(0)
    compared = skin = agreed = 0
    for row in pd.read_parquet(out / "scenes.parquet").itertuples():
        scene = Scene.from_json(str(row.scene))
        labels = read_labels(out / "masks" / str(row.image))
        figure = build_figure(scene)
        # Hair is made of curves, which have no triangles: what it hides is left out.
        rows, columns = np.nonzero(labels != PartClass.HAIR)
        chosen = rng.choice(len(rows), PIXELS, replace=False)
        rows, columns = rows[chosen], columns[chosen]
        triangles, classes = triangles_of(figure)
        nearest, _ = first_hits(*camera_rays(scene, figure, rows, columns), triangles)
        expected = np.where(nearest >= 0, classes[nearest], PartClass.BACKGROUND)
        found = labels[rows, columns]
        kept = expected != PartClass.HAIR
        compared += int(kept.sum())
        skin += int((found[kept] == PartClass.SKIN).sum())
        agreed += int((expected[kept] == found[kept]).sum())
    assert compared > 0.9 * FRAMES * PIXELS
    assert skin > 0.05 * compared
    assert agreed >= 0.995 * compared
