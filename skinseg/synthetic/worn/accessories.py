"""Worn things that are neither cloth nor body: their meshes, and the hair that they press down.

What sits on the head is modelled on the person's own head at rest, between named places of the body, and then
carried along by the head's rigid motion. What sits on a limb or hangs round the neck is fitted to the posed
body.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.mesh import Mesh, Strands
from skinseg.synthetic.geometry.solids import mesh_of
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.worn.accessory import AccessoryKind
from skinseg.synthetic.worn.fitting import AZIMUTHS, HAIR_ROOM, HeadShell, fit_to, resting_head
from skinseg.synthetic.worn.glasses import GLASSES
from skinseg.synthetic.worn.headwear import HEADWEAR
from skinseg.synthetic.worn.jewellery import JEWELLERY

ACCESSORIES: dict[str, AccessoryKind] = GLASSES | HEADWEAR | JEWELLERY


def _kind_of(accessory: Accessory) -> AccessoryKind:
    if accessory.kind not in ACCESSORIES:
        raise ValueError(
            f"unknown accessory kind {accessory.kind!r}: expected one of {', '.join(ACCESSORIES)}"
        )
    return ACCESSORIES[accessory.kind]


def wear(accessories: tuple[Accessory, ...], body: PosedBody, cloth: Sequence[Mesh] = ()) -> list[Mesh]:
    """Meshes of what is worn, class ACCESSORY, in world coordinates.

    Materials are "accessory:0:<index>", and "glass:0:<index>" for clear lenses. The second colour is a tint
    on the first. cloth: the clothes' meshes, so that a necklace lies on them; a watch or bracelet under a
    sleeve is left out. Raises ValueError on an unknown kind.
    """
    if not accessories:
        return []
    wearer = fit_to(body, cloth)
    meshes = []
    for index, accessory in enumerate(accessories):
        kind = _kind_of(accessory)
        for material, build in (("accessory", kind.build), ("glass", kind.glass)):
            solid = build(accessory, wearer) if build is not None else None
            if solid is not None:
                meshes.append(mesh_of(solid, PartClass.ACCESSORY, f"{material}:0:{index}"))
    return meshes


def tuck(strands: Sequence[Strands], accessories: tuple[Accessory, ...], body: PosedBody) -> list[Strands]:
    """The hair that still shows below hats and headbands, pressed so that none pokes through.

    Hair that is covered from root to tip is left out; where nothing covers any, hair stays as it is.
    """
    covers = [
        kind.cover(accessory.size)
        for accessory in accessories
        if (kind := _kind_of(accessory)).cover is not None
    ]
    if not covers:
        return list(strands)
    head = resting_head(body)
    shells = [(cover.shell(head), cover.top) for cover in covers]
    result = []
    for group in strands:
        points = (group.points.astype(np.float64) - head.shift) @ head.rotation
        shown = np.ones(len(points), np.bool_)
        for shell, top in shells:
            points, covered = _pressed(points, shell, top)
            shown &= ~covered
        if shown.any():
            world = points[shown] @ head.rotation.T + head.shift
            result.append(replace(group, points=world.astype(np.float32)))
    return result


def _pressed(points: Array, shell: HeadShell, top: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Strands (S, P, 3) at rest held below a shell from its rim up to `top`, and which it covers wholly."""
    local = points - shell.centre
    distance = np.maximum(np.linalg.norm(local, axis=2), 1e-6)
    elevation = np.arcsin(np.clip(local[..., 2] / distance, -1, 1))
    azimuth = np.arctan2(local[..., 1], local[..., 0]) % (2 * np.pi)
    rim = np.interp(azimuth, np.linspace(0, 2 * np.pi, AZIMUTHS + 1), np.r_[shell.rim, shell.rim[0]])
    upper = rim + top * (np.pi / 2 - rim) if top < 1 else np.full_like(rim, np.inf)
    outside = np.maximum(np.maximum(rim - elevation, elevation - upper), 0)
    # Beyond the rim hair swells again, in a slope and not in a step.
    limit = shell.radius(azimuth, elevation) + 0.6 * HAIR_ROOM + 0.15 * outside
    scale = np.minimum(1, limit / distance)
    covered = (outside == 0).all(axis=1) if top >= 1 else np.zeros(len(points), np.bool_)
    pressed = shell.centre + local * scale[..., None]
    return pressed, covered
