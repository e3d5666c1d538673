"""Clothes: what each kind covers, how it is cut and hangs, and what a person wears at least.

A garment is a scalar field over the reference body: negative where cloth is, zero at its edges (metres, about
a distance). The same field cuts the cloth and says which body faces it covers, so that the two agree on every
body and in every pose.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Mesh
from skinseg.synthetic.people.anatomy import PosedBody, face_groups
from skinseg.synthetic.people.cloth import (
    CLEARANCE,
    TORSO,
    Hem,
    Numbers,
    Piece,
    PosedShell,
    Rings,
    cut,
    folds,
    grid,
    hang,
    joined,
    laid_over,
    pose_shell,
    reference_shell,
    ring_points,
    stack_rings,
    trimmed,
    with_rim,
    wrinkle_noise,
)
from skinseg.synthetic.people.reference import BODY_VERTICES, Floats, Ints, body_normals, reference_body
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Part, stream

# Inner pieces first: an outer piece lies further out.
_LAYER = {
    "briefs": 0,
    "bra": 0,
    "swimsuit": 1,
    "trousers": 2,
    "shirt": 3,
    "dress": 3,
    "skirt": 4,
    "sweater": 5,
    "jacket": 6,
    "coat": 7,
    "headscarf": 8,
    "scarf": 9,
}
KINDS = tuple(_LAYER)
# anny's gender: 0 = male, 1 = female. Below this the largest cup size adds a millimetre to a man's chest; at 0.34 it
# doubles it.
CHEST_COVERED_FROM_GENDER = 0.05

UNDERWEAR = ("briefs", "bra")
_TOPS = ("shirt", "dress", "sweater", "jacket", "coat")
_OPEN_FRONTS = ("jacket", "coat")
_SKIRTED = ("skirt", "dress", "coat")
# Beside the body's shell these have a part that is open from below and covers nothing for good.
_OPEN = ("skirt",)

# Heights on the reference body, metres.
_CROTCH, _WAIST, _NAVEL, _ANKLE, _COLLAR, _NECK = 0.063, 0.19, 0.27, -0.72, 0.66, 0.752
_HEAD_BONES = ("head", "jaw", "special", "oris", "tongue", "levator", "eye", "orbi", "temp", "oculi", "risor")
_LAYER_GAP = 0.0025  # metres between one cloth and the next
_TUCKED = 0.006  # metres that cloth stands off under a waistband and at a collar
_NECKLINES = {
    "shirt": ("round", "round", "v", "boat", "straps", "collar", "collar"),
    "dress": ("round", "v", "boat", "straps", "strapless"),
}


def required_underwear(gender: float) -> tuple[str, ...]:
    """Kinds that a person always wears under the other clothes; gender 0 = male, 1 = female."""
    return UNDERWEAR if gender >= CHEST_COVERED_FROM_GENDER else UNDERWEAR[:1]


def layer(garment: Garment) -> int:
    """0 = next to the skin; a larger one is worn over a smaller one. Raises ValueError on an unknown kind."""
    if garment.kind not in _LAYER:
        raise ValueError(f"unknown garment kind {garment.kind!r}: expected one of {', '.join(KINDS)}")
    return _LAYER[garment.kind]


def covers_hair(garments: tuple[Garment, ...]) -> bool:
    """Whether a headscarf hides all scalp hair."""
    return any(garment.kind == "headscarf" for garment in garments)


# ------------------------------------------------------------------------------------------------- fields


@dataclass(frozen=True)
class _Places:
    """Where fields are read: points float32 (N, 3) on the reference body, and their shares of some bones."""

    points: Floats
    arm: Floats
    hand: Floats
    head: Floats
    sleeve: Floats  # metres from the shoulder towards the wrist
    reach: float  # metres from shoulder to wrist


@cache
def _body_places() -> _Places:
    reference = reference_body()
    return _places(
        reference.rest,
        reference.bone_share("upperarm", "lowerarm", "wrist", "finger", "metacarpal"),
        reference.bone_share("wrist", "finger", "metacarpal"),
        reference.bone_share("neck02", "neck03", *_HEAD_BONES),
    )


@cache
def _shell_places() -> _Places:
    shell, body = reference_shell(), _body_places()
    shares = np.stack([body.arm, body.hand, body.head], axis=1)[shell.coarse]
    arm, hand, head = np.asarray(shell.matrix @ shares, np.float32).T
    return _places(shell.rest, arm, hand, head)


def _places(points: Floats, arm: Floats, hand: Floats, head: Floats) -> _Places:
    shoulder, elbow, wrist = (
        reference_body().bones[f"{name}.L"] for name in ("upperarm01", "lowerarm01", "wrist")
    )
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(mirrored[:, 0])
    upper, lower = elbow - shoulder, wrist - elbow
    upper_length, lower_length = np.linalg.norm(upper), np.linalg.norm(lower)
    upper, lower = upper / upper_length, lower / lower_length
    bisector = (upper + lower) / np.linalg.norm(upper + lower)
    past_elbow = np.clip((mirrored - elbow) @ bisector / 0.08 + 0.5, 0, 1)
    along = (1 - past_elbow) * ((mirrored - shoulder) @ upper) + past_elbow * (
        upper_length + (mirrored - elbow) @ lower
    )
    return _Places(points, arm, hand, head, along, float(upper_length + lower_length))


def field(garment: Garment) -> Floats:
    """The garment's scalar field at the reference body's vertices: float32 (V,), negative where cloth is.

    briefs: hips, with legs cut diagonally, or straight at `leg` where it is above 0. bra: round the chest.
    swimsuit: both in one. shirt, sweater, jacket: torso from `neckline` to `hem`, arms to `sleeve`; a jacket is
    open in front. dress, coat: the same down to the hips; the skirt below covers nothing for good. trousers:
    waist to `leg`. skirt: waist to `leg`, open from below. headscarf: head and neck but for the face. scarf: its
    ends on the chest.
    Raises ValueError on an unknown kind.
    """
    return _field(garment, _body_places())


def _field(garment: Garment, at: _Places) -> Floats:
    values = np.maximum.reduce([*_edges(garment, at).values(), at.hand - 0.5])
    return np.asarray(values, np.float32)


def _edges(garment: Garment, at: _Places) -> dict[str, Floats]:
    """Each edge of a garment as a field of its own, negative inside, by name; the garment is within all."""
    x, y, z = at.points.T
    layer(garment)  # refuses an unknown kind
    kind = garment.kind
    if kind == "briefs":
        legs = _leg_end(garment.leg) - z if garment.leg else _leg_holes(at)
        return {"waist": z - _WAIST, "legs": legs, "arms": _arm_field(at, 0.0)}
    if kind == "bra":
        top = z - 0.605
        if _drawn(garment, 2) < 0.7:
            strap = np.maximum(np.abs(np.abs(x) - 0.088 - 0.1 * np.clip(0.66 - z, 0, 1)) - 0.009, z - 0.75)
            top = np.minimum(top, strap)
        return {"top": top, "bottom": 0.445 - z, "arms": _arm_field(at, 0.0)}
    if kind == "swimsuit":
        neck = np.maximum(_neckline("round", max(garment.neckline, 0.6), at), _straps(at))
        return {"neck": neck, "legs": _leg_holes(at), "arms": _arm_field(at, 0.0)}
    if kind in ("trousers", "skirt"):
        return {"waist": z - (_WAIST + 0.02), "leg": _leg_end(garment.leg) - z, "arms": _arm_field(at, 0.0)}
    if kind == "headscarf":
        return {"face": _face_opening(at.points), "bottom": 0.70 - z, "arms": _arm_field(at, 0.0)}
    if kind == "scarf":
        side = 0.055 if _drawn(garment, 2) < 0.5 else -0.055
        ends = np.maximum.reduce([np.abs(x - side) - 0.05, y + 0.04, z - 0.73])
        return {"ends": ends, "bottom": 0.42 + 0.1 * _drawn(garment, 3) - z}
    # Tops end above the crotch: below it the shell is two legs.
    hem = _NAVEL - 0.02 + garment.hem * (_CROTCH + 0.045 - _NAVEL)
    if kind in ("dress", "coat"):
        hem = _WAIST - 0.06
    style = _neckline_style(garment)
    edges = {"hem": hem - z, "neck": _neckline(style, garment.neckline, at)}
    edges["sleeve"] = _arm_field(at, 0.0 if style in ("straps", "strapless") else garment.sleeve)
    if style == "straps":
        edges["neck"] = np.maximum(edges["neck"], _straps(at))
    if kind in _OPEN_FRONTS:
        edges["front"] = np.minimum(_front_gap(garment, z) - np.abs(x), -0.03 - y)
    return edges


def _leg_end(leg: float) -> float:
    """Height at which trouser legs end: 0 = crotch, 1 = ankle."""
    return _CROTCH - 0.05 + leg * (_ANKLE - _CROTCH + 0.05)


def _leg_holes(at: _Places) -> Floats:
    x, _, z = at.points.T
    return np.asarray(_CROTCH - 0.045 + 0.55 * np.clip(np.abs(x) - 0.05, 0, None) - z)


def _straps(at: _Places) -> Floats:
    """Positive beyond the armhole of a tank top."""
    x, _, z = at.points.T
    return np.asarray(np.abs(x) - (0.108 + 0.9 * np.clip(0.66 - z, 0, None)))


def _arm_field(at: _Places, sleeve: float) -> Floats:
    """Positive beyond the sleeve's end: distance along the arm from shoulder (0) to wrist (1)."""
    end = sleeve * (at.reach - 0.01)
    # Shallow about the armpit, where skinning weights change within centimetres; deep in the torso.
    torso = 0.04 * (at.arm - 0.5) - 3 * np.clip(0.1 - at.arm, 0, None)
    return np.asarray(np.minimum(at.sleeve - end, torso), np.float32)


def _neckline_style(garment: Garment) -> str:
    if garment.kind == "sweater":
        return "high" if garment.neckline < 0.35 else "round"
    if garment.kind in _OPEN_FRONTS:
        return "collar"
    styles = _NECKLINES[garment.kind]
    return styles[int(_drawn(garment, 1) * len(styles))]


def _neckline(style: str, depth: float, at: _Places) -> Floats:
    """Positive inside the opening for the neck; depth 0-1."""
    x, y, z = at.points.T
    if style == "high":
        return np.asarray(z - 0.785 - 0.06 * np.clip(y + 0.03, 0, None))
    if style == "strapless":
        return np.asarray(z - 0.618)
    if style in ("v", "collar"):
        depth, deep = 0.0, depth
    elif style == "straps":
        depth = max(depth, 0.4)
    center = np.array([0.0, -0.02 - 0.07 * depth, _NECK + 0.005 - 0.03 * depth], np.float32)
    away = at.points - center
    if style == "boat":
        away = away * np.array([0.62, 1.0, 1.0], np.float32)
    collar = 0.085 + 0.035 * depth - np.linalg.norm(away, axis=1)
    above = np.maximum(z - (_NECK - 0.01 - 0.02 * depth), 0.2 * (at.head - 0.5))
    if style == "v":
        bottom = _NECK - 0.09 - 0.13 * deep
        wedge = 0.55 * (z - bottom) - np.abs(x)
        above = np.maximum(above, np.minimum(0.9 * wedge, -0.03 - y))
    return np.asarray(0.008 * np.logaddexp(collar / 0.008, above / 0.008))  # a maximum, its corner rounded


def _front_gap(garment: Garment, z: Numbers) -> Floats:
    """Half the width of a jacket's opening at each height, metres: closed ones open above the breast only."""
    lapel = 0.32 * np.clip(z - (0.52 - 0.12 * _drawn(garment, 4)), 0, None)
    if _drawn(garment, 5) < 0.35:
        return np.asarray(np.minimum(lapel, 0.07) - 0.004)
    width = 0.03 + 0.05 * _drawn(garment, 6)
    return np.asarray(np.minimum(width + 0.06 * (0.6 - z), 0.12))


def _face_opening(points: Floats) -> Floats:
    """Positive where a headscarf leaves the face free: an oval from brow to under the chin."""
    x, y, z = points.T
    across, up = x / 0.073, (z - 0.885) / np.where(z > 0.885, 0.095, 0.088)
    oval = 0.07 * (1 - np.sqrt(across**2 + up**2))
    return np.asarray(np.minimum(oval, -0.055 - y))


def _drawn(garment: Garment, number: int) -> float:
    """The garment's own random number `number`, in [0, 1)."""
    return float(_rng(garment, number).random())


def _rng(garment: Garment, number: int) -> np.random.Generator:
    return stream(Part.GARMENT, garment.seed, number=number)


# -------------------------------------------------------------------------------------------------- dress


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
        if garment.kind not in _OPEN:  # open from below: what it covers may still be seen
            # The further the cloth stands off, the deeper one sees in at its hem.
            hidden |= (values[faces] < -0.012 - min(garment.offset, 0.03)).all(axis=1)
    # Under two garments skin is well hidden, however near the hem of either: a waist bent sharply shows none.
    covering = [
        (values[faces] < -0.006).all(axis=1)
        for worn, values in zip(garments, fields, strict=True)
        if worn.kind not in _OPEN
    ]
    hidden |= np.sum(covering, axis=0) > 1

    posed = pose_shell(body)
    on_shell = [_field(garment, _shell_places()) for garment in garments]
    meshes: list[Mesh] = []
    worn = np.zeros(len(posed.points), np.float32)  # metres from the shell to the outside of what is worn
    for index in sorted(range(len(garments)), key=lambda index: layer(garments[index])):
        garment = garments[index]
        over = [
            values
            for other, values in zip(garments, on_shell, strict=True)
            if layer(other) > layer(garment)
            and other.kind not in (*_OPEN_FRONTS, *_OPEN, "scarf", "headscarf")
            and garment.kind not in UNDERWEAR  # that is always there, and whole
        ]
        tucked = [
            values
            for other, values in zip(garments, on_shell, strict=True)
            if layer(other) > layer(garment) and other.kind == "skirt"
        ]
        piece, worn = _made(garment, on_shell[index], over, tucked, worn, posed, body)
        if piece is None:  # hidden altogether
            continue
        classes = np.full(len(piece.faces), PartClass.CLOTHING, np.uint8)
        meshes.append(Mesh(piece.points, piece.faces, classes, f"cloth:0:{index}", piece.uv))
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
    """The least field of all garments but skirts, float32 (V,): negative where one of them covers."""
    closed = [values for worn, values in zip(garments, fields, strict=True) if worn.kind not in _OPEN]
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
    pieces: list[Piece] = []
    if garment.kind not in ("skirt", "headscarf"):
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
            if garment.kind in _TOPS and _neckline_style(garment) == "collar":
                pieces += _collar(garment, cloth, used, hem, body)
        worn = outer.astype(np.float32)
    surface = posed.points + worn[:, None] * posed.normals
    if garment.kind in _SKIRTED:
        pieces.append(_skirt(garment, surface, body))
    elif garment.kind == "headscarf":
        pieces.append(_headscarf(garment, surface, posed, body))
    elif garment.kind == "scarf":
        pieces += _scarf_loops(garment, surface, body)
    return (joined(pieces) if pieces else None), worn


def _lift(garment: Garment, values: Floats, tucked: list[Floats], worn: Floats, posed: PosedShell) -> Floats:
    """How far the garment stands off the shell: float32 (N,), metres; right wherever its field is near 0 or
    negative."""
    near = np.flatnonzero(values < 0.03).astype(np.int32)
    lift = np.full(len(values), _TUCKED, np.float32)
    if garment.kind in (*UNDERWEAR, "swimsuit"):
        lift[:] = np.clip(garment.offset, 0.002, 0.0035)
        # Elastic lies on the skin.
        lift -= np.clip(1 + values / 0.03, 0, 1) * np.clip(posed.above - CLEARANCE, 0, 0.02)
        lift[worn > 0] = np.maximum(lift, worn + 0.0015)[worn > 0]
        return lift
    at = _shell_places()
    edges = _edges(garment, at)
    # Offsets of 6 mm are tight, of 4 cm as wide as clothes are worn.
    loose = float(np.clip((garment.offset - 0.006) / 0.03, 0, 1))
    free = np.ones(len(near), np.float32)
    for name, reach in _held(garment).items():
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
    off = _TUCKED + free * ((garment.offset - _TUCKED) * down + fall)
    off += free * np.minimum(garment.folds, 0.8 * off + 0.006) * folds(posed, near, wide, garment.seed)
    room = np.maximum(posed.room[near] - worn[near], 0)
    off = np.minimum(off, _TUCKED + room)
    lift[near] = np.maximum(off, worn[near] + _LAYER_GAP)
    return lift


def _held(garment: Garment) -> dict[str, float]:
    """Edges at which the cloth lies close, and within how many metres of them it comes free."""
    if garment.kind == "trousers":
        return {"waist": 0.1}
    if garment.kind == "sweater":
        return {"neck": 0.07, "hem": 0.05, "sleeve": 0.06}
    if garment.kind in ("dress", "coat"):
        return {"neck": 0.06, "hem": 0.09}
    if garment.kind == "scarf":
        return {}
    held = {"neck": 0.07}
    if garment.kind == "shirt" and garment.sleeve > 0.85 and _drawn(garment, 7) < 0.7:
        held["sleeve"] = 0.04
    return held


# ------------------------------------------------------------------------------- collars, skirts, scarves


def _collar(garment: Garment, cloth: Piece, used: Ints, hem: Hem, body: PosedBody) -> list[Piece]:
    """A stand-up collar that falls over, along the neckline, with a gap in front."""
    at = _shell_places()
    rest = at.points[used[hem.ends]]
    edges = {name: value[used[hem.ends]] for name, value in _edges(garment, at).items()}
    on_neck = (rest[:, 2] > 0.6) & (np.abs(edges.pop("neck")) <= np.abs(np.max(list(edges.values()), axis=0)))
    if on_neck.sum() < 12:
        return []
    angle = np.arctan2(rest[on_neck, 0], -(rest[on_neck, 1] + 0.03))  # 0 = front, left positive
    order = np.argsort(angle)
    angle = angle[order]
    gap = max(0.12, float(np.abs(angle).min()) + 0.02)
    turns = np.linspace(gap, 2 * np.pi - gap, 61)
    turns = np.where(turns > np.pi, turns - 2 * np.pi, turns)

    def along(values: Floats) -> Floats:
        ordered = values[on_neck][order]
        columns = [np.interp(turns, angle, column, period=2 * np.pi) for column in ordered.T]
        smooth = np.stack(columns, axis=1)
        for _ in range(4):
            smooth[1:-1] = 0.5 * smooth[1:-1] + 0.25 * (smooth[:-2] + smooth[2:])
        return np.asarray(smooth)

    base, normals, inwards = along(cloth.points[hem.ends]), along(hem.normals), along(hem.inwards)
    up = body.posed_bones["neck02"] - body.posed_bones["neck01"]
    up = up / np.linalg.norm(up)
    out = normals - (normals @ up)[:, None] * up
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    front = np.clip((np.cos(turns) - 0.2) / 0.8, 0, 1)[:, None]
    stand = 0.016 + 0.014 * _drawn(garment, 8)
    fall = stand + 0.02 + (0.015 + 0.02 * _drawn(garment, 9)) * front**2
    top = base + stand * (1 - 0.6 * front) * up + 0.004 * out
    rows = [
        base + 0.012 * inwards - 0.001 * normals,
        base + 0.001 * normals,
        0.5 * (base + top) + 0.002 * out,
        top,
    ]
    end = base + fall * inwards + 0.009 * normals + 0.002 * out
    for share in (0.1, 0.35, 0.7, 1.0):
        bulge = 0.010 * np.sin(np.pi * min(share + 0.15, 1.0))
        rows.append((1 - share) * (top + 0.004 * out) + share * end + bulge * out)
    rows.append(end - 0.003 * normals - 0.002 * inwards)
    points = np.stack(rows)
    lengths = np.linalg.norm(np.diff(points.mean(axis=1), axis=0), axis=1)
    v = np.concatenate([[0], np.cumsum(lengths)])
    u = np.linspace(-0.2, 0.2, len(turns))
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=2)
    return [grid(points, uv, closed=False)]


def _skirt(garment: Garment, surface: Floats, body: PosedBody) -> Piece:
    """Cloth that hangs from the waist round both legs to `leg`, in flutes; a coat's is open in front."""
    shell = reference_shell()
    count = len(shell.coarse)
    height = shell.rest[:count, 2]
    top = _WAIST + (0.02 if garment.kind == "skirt" else 0.0)
    bottom = min(_CROTCH - 0.05 + garment.leg * (_ANKLE - _CROTCH + 0.05), 0.0)
    near = (height < top + 0.06) & np.isin(shell.limbs[:count], (TORSO, 3, 4)) & (height > bottom - 0.08)
    stations = np.linspace(top, bottom, max(4, round((top - bottom) / 0.035)))
    side = body.posed_bones["upperleg01.L"] - body.posed_bones["upperleg01.R"]
    rings = stack_rings(surface[:count][near], height[near], shell.rest[:count, 0][near] > 0, stations, side)
    step = (top - bottom) / (len(stations) - 1)
    loose = float(np.clip((garment.offset - 0.006) / 0.03, 0, 1))
    flare = 0.35 * loose * _drawn(garment, 10)
    hulls = rings.hulls.copy()
    for row in range(1, len(hulls)):
        hulls[row] = np.maximum(hulls[row], hulls[row - 1] + step * (flare - 0.25 * (1 - loose)))
    for _ in range(2):
        hulls[1:-1] = np.maximum(hulls[1:-1], 0.5 * hulls[1:-1] + 0.25 * (hulls[:-2] + hulls[2:]))
    rings = Rings(rings.centers, rings.sides, rings.fronts, hulls)

    rows = max(12, round((top - bottom) / 0.016))
    gap = 0.0
    if garment.kind in _OPEN_FRONTS:
        gap = max(0.02, float(_front_gap(garment, np.array(top))) / 0.16)
    # 90 degrees is the front.
    angles = np.pi / 2 + (np.linspace(gap, 2 * np.pi - gap, 144) if gap else np.arange(144) * 2 * np.pi / 144)
    drop = np.linspace(0, 1, rows)[:, None]
    metres = drop * (top - bottom)
    cells = 9 + int(8 * _drawn(garment, 11))
    across, down = np.broadcast_arrays(angles[None], metres)
    flutes = wrinkle_noise(across.ravel(), down.ravel(), cells, 0.9, 0.15, _rng(garment, 12)).reshape(
        across.shape
    )
    depth = (
        np.clip(1.6 * garment.folds + 0.05 * flare, 0, 0.05)
        * np.clip(metres / 0.25, 0, 1)
        * (0.4 + 0.6 * drop)
    )
    # A dress's and a coat's skirt comes out from under the bodice; a skirt's band lies over what is tucked in.
    band = _TUCKED if garment.kind == "skirt" else -0.002
    close = band + (garment.offset - band) * np.clip(metres / 0.07, 0, 1)
    lift = close + depth * (1 + flutes)
    points = ring_points(rings, angles, rows, lift.astype(np.float32))
    inner = ring_points(rings, angles, rows, (lift - 0.003).astype(np.float32))
    # A band to hold it and a turned-in hem.
    points = np.concatenate([inner[1:2], inner[:1], points, inner[-1:], inner[-3:-2]])
    v = np.concatenate([[0.01, 0.0], metres[:, 0], metres[-1:, 0], metres[-3:-2, 0]])
    closed = not gap
    u = np.linspace(0, 2 * np.pi * 0.17, len(angles) + closed)
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=2)
    return grid(points, uv, closed=closed)


def _headscarf(garment: Garment, surface: Floats, posed: PosedShell, body: PosedBody) -> Piece:
    """Cloth round head and neck down to the shoulders, with an oval for the face."""
    rest, left, heights = _scarf_reference()
    shell = reference_shell()
    count = len(shell.coarse)
    chosen = _draped_skin()
    on_shell = _draped_shell()
    points = np.concatenate([body.posed[chosen], surface[:count][on_shell]])
    bones = body.posed_bones
    head, shoulders = bones["eye.L"] - bones["eye.R"], bones["clavicle.L"] - bones["clavicle.R"]
    turn = np.clip((_HEADSCARF_STATIONS - 0.74) / 0.08, 0, 1)[:, None]
    sides = turn * head / np.linalg.norm(head) + (1 - turn) * shoulders / np.linalg.norm(shoulders)
    rings = stack_rings(points, heights, left, _HEADSCARF_STATIONS, sides)
    angles = np.arange(120) * 2 * np.pi / 120
    rows = 72
    drop = np.linspace(_HEADSCARF_STATIONS[0], _HEADSCARF_STATIONS[-1], rows)
    places = ring_points(_draped(rest), angles, rows, np.zeros((rows, 120), np.float32)).reshape(-1, 3)
    face = _face_opening(places)
    wave = wrinkle_noise(angles, np.zeros(120, np.float32), 4, 1.0, 0.0, _rng(garment, 24))
    bottom = 0.68 - 0.04 * _drawn(garment, 23) + 0.015 * wave
    values = np.maximum(face, np.tile(bottom, rows) - np.repeat(drop, 120)).astype(np.float32)
    inside = np.clip(-face.reshape(rows, 120) / 0.03, 0, 1)
    across, down = np.broadcast_arrays(angles[None], drop[:, None])
    waves = wrinkle_noise(across.ravel(), down.ravel(), 5, 0.07, 6.0, _rng(garment, 21))
    cross = wrinkle_noise(across.ravel(), down.ravel(), 5, 0.07, -6.0, _rng(garment, 22))
    height = np.exp(-((np.minimum(np.abs(waves), np.abs(cross)) / 0.3) ** 2)).reshape(rows, 120)
    below = np.clip((0.86 - down) / 0.06, 0.15, 1)  # stretched over the skull, gathered at the neck
    lift = 0.004 + inside * (garment.offset - 0.004) + 1.5 * inside * below * garment.folds * height
    points = ring_points(_draped(rings), angles, rows, lift.astype(np.float32))
    # The rim lies on the face, the rest over shoulders and sleeves.
    skin = body_normals(body.posed)
    rim = (1 - inside.ravel()) * (face < 0.02) * (places[:, 1] < -0.07)
    points = laid_over(points.reshape(-1, 3), body.posed[chosen], skin[chosen], 0.004, rim)
    low = np.repeat(drop, 120) < 0.74
    about = shell.rest[:, 2] > 0.52
    points[low] = laid_over(points[low], surface[about], posed.normals[about], 0.008, np.zeros(low.sum()))
    points = points.reshape(rows, 120, 3)
    points[1:-1] = 0.5 * points[1:-1] + 0.25 * (points[:-2] + points[2:])
    points = 0.5 * points + 0.25 * (np.roll(points, 1, axis=1) + np.roll(points, -1, axis=1))
    # The crown: half an ellipsoid on the first ring.
    center = points[0].mean(axis=0)
    up = np.cross(rings.sides[0], rings.fronts[0])
    up = up if up[2] > 0 else -up
    tall = float(((body.posed[chosen] - center) @ up).max()) + garment.offset
    turns = np.linspace(np.pi / 2, 0, 7)[:-1, None, None]
    points = np.concatenate(
        [center + np.cos(turns) * (points[0] - center) + np.sin(turns) * tall * up, points]
    )
    u = np.linspace(0, 2 * np.pi * 0.1, 121)
    v = np.concatenate([drop[0] + 0.015 * np.arange(6, 0, -1), drop])
    cloth = grid(points, np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=2), closed=True)
    cloth, _, hem = trimmed(cloth, np.concatenate([np.full(6 * 120, -1.0, np.float32), values]))
    return with_rim(cloth, hem, np.full(len(hem.ends), 0.002, np.float32), depth=0.004)


_HEADSCARF_STATIONS = np.linspace(1.0, 0.61, 27)


@cache
def _draped_skin() -> Ints:
    """Vertices of head and neck, which a headscarf is laid over."""
    at = _body_places()
    head = reference_body().bone_share("neck", *_HEAD_BONES)[: len(at.points)] > 0.6
    head[BODY_VERTICES:] = False
    return np.flatnonzero(head & (at.points[:, 2] > 0.7)).astype(np.int32)


@cache
def _draped_shell() -> Ints:
    """Coarse vertices of the shell about the shoulders, which it falls on."""
    shell = reference_shell()
    count = len(shell.coarse)
    return np.flatnonzero((shell.rest[:count, 2] > 0.6) & (_shell_places().arm[:count] < 0.4)).astype(
        np.int32
    )


@cache
def _scarf_reference() -> tuple[Rings, npt.NDArray[np.bool_], Floats]:
    """A headscarf's rings on the reference body, and side and height of the points that it lies on."""
    points = np.concatenate([reference_body().rest[_draped_skin()], reference_shell().rest[_draped_shell()]])
    left = points[:, 0] > 0
    rings = stack_rings(
        points, points[:, 2], left, _HEADSCARF_STATIONS, np.array([1.0, 0.0, 0.0], np.float32)
    )
    return rings, left, points[:, 2]


def _draped(rings: Rings) -> Rings:
    """Rings over which cloth falls: it leaves the widest place above no faster than a steep slope."""
    step = float(_HEADSCARF_STATIONS[0] - _HEADSCARF_STATIONS[1])
    hulls = rings.hulls.copy()
    for row in range(1, len(hulls)):
        hulls[row] = np.maximum(hulls[row], hulls[row - 1] - 0.8 * step)
    for _ in range(2):
        hulls[1:-1] = np.maximum(hulls[1:-1], 0.5 * hulls[1:-1] + 0.25 * (hulls[:-2] + hulls[2:]))
    return Rings(rings.centers, rings.sides, rings.fronts, hulls)


def _scarf_loops(garment: Garment, surface: Floats, body: PosedBody) -> list[Piece]:
    """Two turns of gathered cloth about the neck."""
    shell = reference_shell()
    count = len(shell.coarse)
    height = shell.rest[:count, 2]
    near = (height > 0.68) & (_shell_places().arm[:count] < 0.2)
    side = body.posed_bones["clavicle.L"] - body.posed_bones["clavicle.R"]
    stations = np.linspace(0.79, 0.73, 4)
    rings = stack_rings(surface[:count][near], height[near], shell.rest[:count, 0][near] > 0, stations, side)
    up = body.posed_bones["neck02"] - body.posed_bones["neck01"]
    up = up / np.linalg.norm(up)
    turns, around = 72, 16
    angles = np.arange(turns) * 2 * np.pi / turns
    loops = []
    for number in range(2):
        wave = wrinkle_noise(angles, np.zeros(turns, np.float32), 5, 1.0, 0.0, _rng(garment, 31 + number))
        thick = 0.022 + 0.5 * garment.offset * (1 + 0.3 * wave)
        ring = ring_points(rings, angles, 4, np.zeros((4, turns), np.float32))[1 + number]
        middle = ring.mean(axis=0)
        out = ring - middle
        out -= (out @ up)[:, None] * up
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        front = (0.5 + 0.5 * np.sin(angles))[:, None]
        center = ring + (thick[:, None] * (0.8 + 0.7 * number)) * out
        center += ((0.008 - 0.030 * number) - (0.025 + 0.015 * number) * front + 0.006 * wave[:, None]) * up
        spin = np.arange(around + 1) * 2 * np.pi / around
        twist = spin[:, None] + 2 * angles[None]
        crease = wrinkle_noise(
            twist.ravel(),
            np.broadcast_to(angles[None], twist.shape).ravel() * 0.1,
            5,
            0.1,
            0.0,
            _rng(garment, 41 + number),
        ).reshape(twist.shape)
        radius = thick[None] * (1 + 10 * garment.folds * crease)
        points = (
            center
            + (radius * np.cos(spin)[:, None])[..., None] * out
            + (1.25 * radius * np.sin(spin)[:, None])[..., None] * up
        )
        u = np.linspace(0, 0.8, turns + 1)
        uv = np.stack(np.broadcast_arrays(u[None], (spin * 0.035)[:, None]), axis=2)
        loops.append(grid(points, uv, closed=True))
    return loops
