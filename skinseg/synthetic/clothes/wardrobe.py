"""Clothes: what people wear at least, and how garments are put on a posed body, one over the other.

A garment is a scalar field over the reference body: negative where cloth is, zero at its edges (metres, about
a distance). The same field cuts the cloth and says which body faces it covers, so that the two agree on every
body and in every pose.
"""

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody, face_groups
from skinseg.synthetic.body.reference import reference_body
from skinseg.synthetic.clothes.bottoms import BOTTOMS
from skinseg.synthetic.clothes.collar import collar
from skinseg.synthetic.clothes.fields import TUCKED, Places, body_places, shell_places
from skinseg.synthetic.clothes.garment import GarmentKind
from skinseg.synthetic.clothes.hang import folds, hang
from skinseg.synthetic.clothes.headscarf import HEADSCARVES
from skinseg.synthetic.clothes.pieces import Piece, cut, sewn, with_rim
from skinseg.synthetic.clothes.scarf import SCARVES
from skinseg.synthetic.clothes.shell import CLEARANCE, TORSO, PosedShell, pose_shell, reference_shell
from skinseg.synthetic.clothes.tops import TOPS
from skinseg.synthetic.clothes.underwear import CHEST_COVERED_FROM_GENDER, UNDERWEAR
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.geometry.mesh import Mesh
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Garment

GARMENTS: dict[str, GarmentKind] = UNDERWEAR | BOTTOMS | TOPS | HEADSCARVES | SCARVES
_LAYER_GAP = 0.0025  # metres between one cloth and the next


def required_underwear(gender: float) -> tuple[str, ...]:
    """Kinds that a person always wears under the other clothes; gender 0 = male, 1 = female."""
    return tuple(
        name
        for name, kind in GARMENTS.items()
        if kind.required_from is not None and gender >= kind.required_from
    )


def kind_of(garment: Garment) -> GarmentKind:
    """Raises ValueError on an unknown kind."""
    if garment.kind not in GARMENTS:
        raise ValueError(f"unknown garment kind {garment.kind!r}: expected one of {', '.join(GARMENTS)}")
    return GARMENTS[garment.kind]


def layer(garment: Garment) -> int:
    """0 = next to the skin; a larger one is worn over a smaller one. Raises ValueError on an unknown kind."""
    return kind_of(garment).layer


def covers_hair(garments: tuple[Garment, ...]) -> bool:
    """Whether one of them hides all scalp hair."""
    return any(kind_of(garment).covers_hair for garment in garments)


def field(garment: Garment) -> Floats:
    """The garment's scalar field at the reference body's vertices: float32 (V,), negative where cloth is.

    Raises ValueError on an unknown kind.
    """
    return _field(garment, body_places())


def _field(garment: Garment, at: Places) -> Floats:
    values = np.maximum.reduce([*kind_of(garment).edges(garment, at).values(), at.hand - 0.5])
    return np.asarray(values, np.float32)


def dress(
    garments: tuple[Garment, ...], gender: float, body: PosedBody
) -> tuple[list[Mesh], npt.NDArray[np.bool_]]:
    """Cloth meshes, and which faces of the "body" group they hide, bool (F,).

    Raises ValueError on an unknown kind, and without the required underwear, whatever is worn over it.
    """
    fields = [field(garment) for garment in garments]
    check_coverage(garments, fields, gender)
    faces = face_groups()["body"]
    # Groin and chest go whatever the margin at a hem: underwear fits closely there.
    closed = _closed(garments, fields)
    private = np.union1d(reference_body().groin, reference_body().chest)
    hidden = np.asarray(np.isin(faces, private).any(axis=1) & (closed[faces] < 0).all(axis=1))
    for garment, values in zip(garments, fields, strict=True):
        if not kind_of(garment).open_below:  # open from below: what it covers may still be seen
            # The further the cloth stands off, the deeper one sees in at its hem.
            hidden |= (values[faces] < -0.012 - min(garment.offset, 0.03)).all(axis=1)
    # Under two garments skin is well hidden, however near the hem of either: a waist bent sharply shows none.
    covering = [
        (values[faces] < -0.006).all(axis=1)
        for worn, values in zip(garments, fields, strict=True)
        if not kind_of(worn).open_below
    ]
    hidden |= np.sum(covering, axis=0) > 1

    posed = pose_shell(body)
    on_shell = [_field(garment, shell_places()) for garment in garments]
    meshes: list[Mesh] = []
    worn = np.zeros(len(posed.points), np.float32)  # metres from the shell to the outside of what is worn
    for index in sorted(range(len(garments)), key=lambda index: layer(garments[index])):
        garment = garments[index]
        over = [
            values
            for other, values in zip(garments, on_shell, strict=True)
            if layer(other) > layer(garment)
            and kind_of(other).hides
            and not kind_of(garment).underwear  # that is always there, and whole
        ]
        tucked = [
            values
            for other, values in zip(garments, on_shell, strict=True)
            if layer(other) > layer(garment) and kind_of(other).tucks
        ]
        piece, worn = _made(garment, on_shell[index], over, tucked, worn, posed, body)
        if piece is None:  # hidden altogether
            continue
        classes = np.full(len(piece.faces), PartClass.CLOTHING, np.uint8)
        cloth = "knit" if kind_of(garment).knitted else "cloth"
        meshes.append(Mesh(piece.points, piece.faces, classes, f"{cloth}:0:{index}", piece.uv))
    return meshes, hidden


def check_coverage(garments: tuple[Garment, ...], fields: list[Floats], gender: float) -> None:
    """Raise ValueError unless underwear is among the garments, and they cover groin and, on women, chest.

    Other clothes do not stand in for underwear; skirts cover nothing here: they are open from below.
    """
    missing = set(required_underwear(gender)) - {garment.kind for garment in garments}
    if missing:
        raise ValueError(f"garments lack underwear: add {' and '.join(sorted(missing, reverse=True))}")
    inside = _closed(garments, fields)
    regions = [("groin", reference_body().groin)]
    if gender >= CHEST_COVERED_FROM_GENDER:
        regions.append(("chest", reference_body().chest))
    for name, vertices in regions:
        if (inside[vertices] >= 0).any():
            kinds = ", ".join(garment.kind for garment in garments) or "none"
            needed = ", ".join(required_underwear(gender))
            raise ValueError(f"garments ({kinds}) leave the {name} bare: add underwear ({needed})")


def _closed(garments: tuple[Garment, ...], fields: list[Floats]) -> Floats:
    """The least field of all garments but those open from below, float32 (V,): negative where one of them covers."""
    closed = [values for worn, values in zip(garments, fields, strict=True) if not kind_of(worn).open_below]
    return np.asarray(np.min(closed, axis=0), np.float32)


def _made(
    garment: Garment,
    values: Floats,
    over: list[Floats],
    tucked: list[Floats],
    worn: Floats,
    posed: PosedShell,
    body: PosedBody,
) -> tuple[Piece | None, Floats]:
    """The garment on a posed body, and how far from the shell its outside is: float32 (N,).

    values: its field on the shell (N,). over, tucked: fields of the garments over it; what the first hide is
    left out, and under the second it lies flat. worn: how far out the inner ones are, float32 (N,).
    """
    kind = kind_of(garment)
    pieces: list[Piece] = []
    if kind.cut:
        lift = _lift(garment, values, tucked, worn, posed)
        shown = values
        if over:
            shown = np.maximum(values, -0.03 - np.min(over, axis=0))
        piece = cut(lift, shown.astype(np.float32), posed)
        inside = np.clip(-values / 0.004, 0, 1)
        outer = np.where(values < 0.02, np.maximum(worn, lift * np.maximum(inside, 0.5)), worn)
        if piece is not None:
            cloth, used, hem = piece
            thick = np.clip(0.45 * lift[used[hem.ends]], 0.0008, 0.0035)
            pieces.append(with_rim(cloth, hem, thick))
            if kind.collared(garment):
                pieces += collar(garment, kind.edges(garment, shell_places()), cloth, used, hem, body)
        worn = outer.astype(np.float32)
    surface = posed.points + worn[:, None] * posed.normals
    pieces += kind.parts(garment, surface, posed, body)
    return (sewn(pieces) if pieces else None), worn


def _lift(garment: Garment, values: Floats, tucked: list[Floats], worn: Floats, posed: PosedShell) -> Floats:
    """How far the garment stands off the shell: float32 (N,), metres; right wherever its field is near 0 or
    negative."""
    near = np.flatnonzero(values < 0.03).astype(np.int32)
    lift = np.full(len(values), TUCKED, np.float32)
    if kind_of(garment).underwear:
        lift[:] = np.clip(garment.offset, 0.002, 0.0035)
        # Elastic lies on the skin.
        lift -= np.clip(1 + values / 0.03, 0, 1) * np.clip(posed.above - CLEARANCE, 0, 0.02)
        lift[worn > 0] = np.maximum(lift, worn + 0.0015)[worn > 0]
        return lift
    at = shell_places()
    edges = kind_of(garment).edges(garment, at)
    # Offsets of 6 mm are tight, of 4 cm as wide as clothes are worn.
    loose = float(np.clip((garment.offset - 0.006) / 0.03, 0, 1))
    free = np.ones(len(near), np.float32)
    for name, reach in kind_of(garment).held(garment).items():
        free *= np.clip(-edges[name][near] / reach, 0, 1)
    for outer in tucked:
        free *= np.clip((outer[near] + 0.06) / 0.05, 0, 1)
    free = free * free * (3 - 2 * free)
    # Cloth rests on what faces upwards and falls away from what faces down.
    down = np.clip(1 - 0.9 * posed.normals[near, 2], 0.25, 1.8)
    fall = hang(posed, 0.55 * (1 - loose) + 0.03)[near] * (0.55 + 0.45 * loose)
    wide = np.clip((fall + 0.5 * garment.offset * down) / 0.035, 0, 1)
    # Over the chest cloth is taut; what hangs from it is not.
    chest = np.clip((0.56 - at.points[near, 2]) / 0.16, 0.05, 1)
    wide = np.where(reference_shell().limbs[near] == TORSO, chest * (0.3 + 0.7 * loose), wide)
    off = TUCKED + free * ((garment.offset - TUCKED) * down + fall)
    off += free * np.minimum(garment.folds, 0.8 * off + 0.006) * folds(posed, near, wide, garment.seed)
    room = np.maximum(posed.room[near] - worn[near], 0)
    off = np.minimum(off, TUCKED + room)
    lift[near] = np.maximum(off, worn[near] + _LAYER_GAP)
    return lift
