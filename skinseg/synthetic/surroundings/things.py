"""Everyday objects and furniture that are no part of a person: class BACKGROUND, and they occlude people."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Mesh
from skinseg.synthetic.people.anatomy import PosedBody
from skinseg.synthetic.people.reference import BODY_VERTICES, Floats, reference_body
from skinseg.synthetic.scene import Thing
from skinseg.synthetic.streams import Part, stream
from skinseg.synthetic.surroundings.solids import (
    Solid,
    ball,
    box,
    joined,
    lathe,
    mesh_of,
    moved,
    prism,
    sheet,
    tinted,
    tube,
    turned,
)

Hand = tuple[Floats, Floats]


def hand_frame(body: PosedBody, side: str) -> Hand:
    """Middle of the palm's skin, float32 (3,), and axes, float32 (3, 3), of the "left" or "right" hand.

    Rows of the axes: along the fingers, across towards the thumb, out of the palm; left-handed on the right.
    Raises ValueError on another side.
    """
    if side not in ("left", "right"):
        raise ValueError(f"unknown hand {side!r}: expected left or right")
    letter = side[0].upper()
    bones = body.posed_bones
    wrist, *knuckles = (
        bones[f"{name}.{letter}"].astype(np.float64)
        for name in ("wrist", *(f"finger{i}-1" for i in (2, 3, 4, 5)))
    )
    middle = np.mean(knuckles, axis=0)
    along = (middle - wrist) / np.linalg.norm(middle - wrist)
    across = knuckles[0] - knuckles[3]
    across -= (across @ along) * along
    across /= np.linalg.norm(across)
    out = np.cross(along, across) * (1 if side == "left" else -1)
    axes = np.stack([along, across, out])
    centre = wrist + 0.68 * (middle - wrist)
    share = (
        reference_body().bone_share(
            f"metacarpal1.{letter}",
            f"metacarpal2.{letter}",
            f"metacarpal3.{letter}",
            f"metacarpal4.{letter}",
            f"wrist.{letter}",
        )[:BODY_VERTICES]
        > 0.5
    )
    skin = (body.posed[:BODY_VERTICES][share] - centre) @ axes.T
    near = skin[(np.hypot(skin[:, 0], skin[:, 1]) < 0.02)]
    height = float(near[:, 2].max()) if len(near) else 0.012
    return (centre + height * out).astype(np.float32), axes.astype(np.float32)


@dataclass(frozen=True)
class Sitter:
    """Who sits on a thing: height of the lowest skin above it and where the back ends along +Y, metres, before
    they were turned by `facing` (radians) and moved to `place`."""

    height: float
    back: float
    place: tuple[float, float]
    facing: float


def sitter(body: PosedBody, place: tuple[float, float], facing: float) -> Sitter:
    """One who sits with feet at z = 0, facing -Y."""
    legs = reference_body().bone_share("upperleg", "pelvis", "root")[:BODY_VERTICES] > 0.5
    skin = body.posed[:BODY_VERTICES][legs].astype(np.float64)
    back = float(skin[:, 1].max())
    return Sitter(float(skin[skin[:, 1] > back - SEAT_DEPTH, 2].min()), back, place, facing)


def build_things(
    things: tuple[Thing, ...], hands: dict[str, Hand], sitters: Mapping[int, Sitter]
) -> list[Mesh]:
    """One mesh for each thing, class BACKGROUND, material "thing:<index>", with UV in metres.

    hands: `hand_frame` by the name that `Thing.held` may have. sitters: by the number that `Thing.under` may have.
    Raises ValueError on an unknown kind, on a kind that no hand can hold or nobody can sit on, and on a hand or a
    sitter that is not given.
    """
    meshes = []
    for index, thing in enumerate(things):
        if thing.kind not in _MODELS:
            raise ValueError(f"unknown kind of thing {thing.kind!r}: expected one of {', '.join(KINDS)}")
        rng = stream(Part.THING, thing.seed)
        if thing.under is not None:
            solid = _under(thing, sitters, rng)
        elif thing.held:
            solid = _in_hand(thing, _MODELS[thing.kind](thing.size, rng), hands)
        else:
            model = _MODELS[thing.kind](thing.size, rng)
            solid = moved(model, np.array(thing.position), turned(thing.turn))
        meshes.append(mesh_of(solid, PartClass.BACKGROUND, f"thing:{index}"))
    return meshes


def _under(thing: Thing, sitters: Mapping[int, Sitter], rng: np.random.Generator) -> Solid:
    """The model with its seat below the sitter and its back, if it has one, behind theirs."""
    if thing.under is None or thing.under not in sitters:
        raise ValueError(f"{thing.kind} is under person {thing.under}: expected one of {[*sitters]}")
    if thing.kind not in SEATS:
        raise ValueError(f"nobody sits on a {thing.kind}: expected one of {', '.join(SEATS)}")
    who = sitters[thing.under]
    model = _MODELS[thing.kind](who.height / SEATS[thing.kind], rng)
    rest = model.vertices[model.vertices[:, 2] > 1.2 * who.height, 1]
    behind = rest.min() - 0.015 if len(rest) else model.vertices[:, 1].max() - 0.02
    model = moved(model, (0.0, who.back - behind, 0.0))
    return moved(model, (*who.place, 0.0), turned(who.facing))


def _in_hand(thing: Thing, model: Solid, hands: dict[str, Hand]) -> Solid:
    """The model, whose lowest point's middle is the origin, put into the palm."""
    if thing.held not in hands:
        raise ValueError(f"{thing.kind} is held by {thing.held!r}: expected one of {', '.join(hands)}")
    if thing.kind not in GRIPS:
        raise ValueError(f"{thing.kind} cannot be held: expected one of {', '.join(GRIPS)}")
    palm, axes = (array.astype(np.float64) for array in hands[thing.held])
    along, across, out = axes
    points = model.vertices
    height = float(points[:, 2].max())
    if thing.kind == "bag":  # hangs from the bent fingers
        flat = along * np.array([1, 1, 0])
        flat /= max(float(np.linalg.norm(flat)), 1e-6)
        up = np.array([0.0, 0.0, 1.0])
        place = palm + 0.035 * along + 0.02 * out - height * up
        return moved(model, place, np.stack([np.cross(flat, up), flat, up]))
    if thing.kind == "ball":
        return moved(model, palm + 0.02 * along + (height / 2) * out - np.array([0, 0, height / 2]))
    upright = across if across[2] > -0.1 or thing.kind == "phone" else -across
    if thing.kind in ("phone", "book", "plate"):
        # Flat on palm and fingers, the long side along them and a little towards the thumb.
        lean = 0.5 if thing.kind == "phone" else 0.25
        long = np.cos(lean) * along + np.sin(lean) * across
        wide = np.cross(long, out)
        if thing.kind == "plate":
            return moved(model, palm + 0.04 * along + 0.026 * out, np.stack([wide, long, out]))
        thick = float(np.abs(points[:, 1]).max())
        place = palm + 0.02 * along + (thick + 0.004) * out - 0.4 * height * long
        return moved(model, place, np.stack([wide, -out, long]))
    grip = _GRIP_HEIGHTS.get(thing.kind, 0.45) * height
    near = np.abs(points[:, 2] - grip) < 0.12 * height
    radius = float(np.percentile(np.hypot(*points[near, :2].T), 40)) if near.any() else 0.01
    place = palm + (0.01 + 0.4 * radius) * along + (radius + 0.002) * out - grip * upright
    handle = np.cross(out, upright)  # the handle of a cup lies where the fingers close
    return moved(model, place, np.stack([out, -handle, upright]))


# ---------------------------------------------------------------------------------------------- models
# Each stands on z = 0 above the origin; size is its largest side, metres.

_Model = Callable[[float, np.random.Generator], Solid]
_DARK, _LIGHT = np.full(3, 0.08), np.full(3, 1.6)


def _raised(solid: Solid, height: float) -> Solid:
    return moved(solid, np.array([0.0, 0.0, height]))


def _block(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], bevel: float) -> Solid:
    """A box between these bounds."""
    bounds = np.array([x, y, z])
    width, depth, height = (float(extent) for extent in bounds[:, 1] - bounds[:, 0])
    return moved(box((width, depth, height), bevel), bounds.mean(axis=1))


def _carton(size: float, rng: np.random.Generator) -> Solid:
    sides = size * np.array([1.0, rng.uniform(0.4, 1.0), rng.uniform(0.3, 1.0)])
    sides = rng.permutation(sides)
    return _raised(box((sides[0], sides[1], sides[2]), 0.01 * size), sides[2] / 2)


def _ball(size: float, rng: np.random.Generator) -> Solid:
    return _raised(ball(size / 2, sides=28), size / 2)


def _can(size: float, rng: np.random.Generator) -> Solid:
    """A tin, a candle or a drum: a cylinder with rounded edges."""
    radius, edge = size * rng.uniform(0.2, 0.45), 0.02 * size
    return lathe(
        ((0.0, 0.0), (radius - edge, 0.0), (radius, edge), (radius, size - edge), (radius - edge, size)),
        ((radius - edge, size), (radius - 2 * edge, size - edge), (0.0, size - edge)),
        sides=32,
    )


def _cup(size: float, rng: np.random.Generator) -> Solid:
    """A mug, a tumbler or a paper cup."""
    low, high = sorted(size * rng.uniform(0.3, 0.46, 2))
    wall = 0.003
    body = lathe(
        ((0.0, 0.0), (low - 0.003, 0.0), (low, 0.003), (high, size - 0.001)),
        ((high, size - 0.001), (high - wall / 2, size), (high - wall, size - 0.001), (low - wall, 0.006)),
        ((low - wall, 0.006), (0.0, 0.006)),
        sides=32,
    )
    if rng.random() < 0.5:
        return body
    angle = np.linspace(-1.45, 1.45, 11)
    middle = (low + high) / 2
    path = np.stack(
        [np.zeros(11), middle - 0.004 + 0.3 * size * np.cos(angle), size * (0.5 + 0.29 * np.sin(angle))],
        axis=1,
    )
    return joined(body, tube(path, 0.05 * size, sides=8))


def _bottle(size: float, rng: np.random.Generator) -> Solid:
    radius, neck = size * rng.uniform(0.12, 0.19), size * rng.uniform(0.045, 0.06)
    shoulder, throat = size * rng.uniform(0.5, 0.68), size * rng.uniform(0.74, 0.85)
    bend = np.linspace(0, 1, 7)
    curve = neck + (radius - neck) * 0.5 * (1 + np.cos(np.pi * bend))
    profile = [(0.0, 0.0), (radius * 0.93, 0.0), (radius, 0.02 * size)]
    profile += [
        (float(r), float(z)) for r, z in zip(curve, shoulder + bend * (throat - shoulder), strict=True)
    ]
    top = size * 0.93
    lid = lathe(((neck * 1.15, top), (neck * 1.15, size)), ((neck * 1.15, size), (0.0, size)), sides=20)
    glass = lathe([*profile, (neck, top)], ((neck, top), (neck * 1.15, top)), sides=28)
    label = lathe(((radius + 0.0006, 0.2 * size), (radius + 0.0006, 0.42 * size)), sides=28)
    second = rng.uniform(0.3, 1.8, 3)
    return joined(glass, tinted(lid, second), tinted(label, _LIGHT * rng.uniform(0.6, 1.4, 3)))


def _vase(size: float, rng: np.random.Generator, sides: int = 32) -> Solid:
    height = np.linspace(0, 1, 16)
    wave = 0.22 + 0.1 * np.sin(2 * np.pi * (height * rng.uniform(0.5, 1.1) + rng.random()))
    wave = size * np.clip(wave * rng.uniform(0.7, 1.3), 0.05, 0.45)
    outside = [(0.0, 0.0), *((float(r), float(z)) for r, z in zip(wave, height * size, strict=True))]
    inside = [(float(r) - 0.005, float(z)) for r, z in zip(wave[:6:-1], (height * size)[:6:-1], strict=True)]
    return lathe(outside, inside, sides=sides)


def _phone(size: float, rng: np.random.Generator) -> Solid:
    width, thick = 0.48 * size, 0.0085
    # The screen looks along -y, away from the palm.
    screen = _block(
        (-0.46 * width, 0.46 * width), (-thick / 2 - 0.0003, 0), (0.02 * size, 0.98 * size), 0.0002
    )
    lens = _block((0.2 * width, 0.42 * width), (0, thick / 2 + 0.0012), (0.8 * size, 0.95 * size), 0.001)
    body = _raised(box((width, thick, size), 0.002), size / 2)
    return joined(body, tinted(screen, _DARK), tinted(lens, _DARK))


def _book(size: float, rng: np.random.Generator) -> Solid:
    width, thick = rng.uniform(0.62, 0.8) * size, rng.uniform(0.008, 0.04)
    cover, half = 0.0025, thick / 2
    x, z = width / 2, (0.0, size)
    pages = _block((-x + cover, x - 0.004), (-half + cover, half - cover), (0.004, size - 0.004), 0.0005)
    return joined(
        tinted(pages, _LIGHT),
        _block((-x, x), (-half, -half + cover), z, 0.0008),
        _block((-x, x), (half - cover, half), z, 0.0008),
        _block((-x, -x + cover), (-half, half), z, 0.0008),
    )


def _plate(size: float, rng: np.random.Generator) -> Solid:
    r, rise = size / 2, size * rng.uniform(0.06, 0.2)
    return lathe(
        ((0.0, 0.0), (0.55 * r, 0.0), (0.62 * r, 0.006), (0.98 * r, rise), (r, rise + 0.002)),
        ((r, rise + 0.002), (0.98 * r, rise + 0.003), (0.62 * r, 0.009), (0.55 * r, 0.005), (0.0, 0.005)),
        sides=36,
    )


def _bag(size: float, rng: np.random.Generator) -> Solid:
    """A shopping bag or handbag: it bellies a little, with two handles."""
    high, width = 0.62 * size, size * rng.uniform(0.5, 0.75)
    depth = width * rng.uniform(0.25, 0.5)
    angle = np.arange(32) * 2 * np.pi / 32
    square = 2 / rng.uniform(3.0, 6.0)
    outline = np.stack(
        [np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** square * width / 2,
         np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** square * depth / 2],
        axis=1,
    )  # fmt: skip
    rows = []
    heights = np.r_[0.0, 0.0, 0.03, np.linspace(0.15, 0.95, 6), 1.0, 0.97, 0.9]
    scale = np.r_[0.01, 0.92, 1.0, 1.04, 1.05, 1.03, 1.0, 0.97, 0.95, 0.94, 0.92, 0.9]
    pinch = np.r_[0.01, 0.92, 1.0, 1.08, 1.05, 0.95, 0.8, 0.65, 0.55, 0.5, 0.45, 0.4]
    for z, s, p in zip(heights, scale, pinch, strict=True):
        rows.append(np.c_[outline * [s, p], np.full(32, z * high)])
    sack = sheet(np.stack(rows), wrap_columns=True)
    arc = np.linspace(0, np.pi, 13)
    handles = []
    for side in (-1, 1):
        # Both meet at the top, where a hand takes them.
        y = side * depth * 0.24 * (1 - np.sin(arc))
        path = np.stack(
            [0.22 * width * np.cos(arc), y, 0.93 * high + (size - 0.93 * high) * np.sin(arc)], axis=1
        )
        handles.append(tube(path, 0.006, sides=6))
    return joined(sack, *(tinted(handle, rng.uniform(0.4, 1.2, 3)) for handle in handles))


def _stick(size: float, rng: np.random.Generator) -> Solid:
    """A rod, a wand or the handle of a tool, with a knob or without."""
    radius = rng.uniform(0.006, 0.014)
    rod = lathe(
        ((0.0, 0.0), (radius, 0.0)), ((radius, 0.0), (0.9 * radius, size)), ((0.9 * radius, size), (0, size))
    )
    if rng.random() < 0.4:
        knob = _raised(ball(min(2.2 * radius, 0.4 * size), sides=16), size - min(2.2 * radius, 0.4 * size))
        return joined(rod, tinted(knob, rng.uniform(0.2, 1.5, 3)))
    return rod


def _leaf(length: float, width: float, droop: float) -> Solid:
    """A blade along x from the origin that bends down and folds along its middle."""
    share, side = np.linspace(0, 1, 7)[:, None], np.linspace(-1, 1, 5)[None, :]
    half = width / 2 * np.sin(np.pi * np.clip(share * 0.93 + 0.06, 0, 1)) ** 0.8
    y = half * side
    x = length * np.broadcast_to(share, y.shape) * (1 - 0.15 * droop)
    z = length * (0.25 * share - droop * share**2) + 0.35 * np.abs(y)
    return sheet(np.stack([x, y, z], axis=2))


def _plant(size: float, rng: np.random.Generator) -> Solid:
    """Leaves on stems in a pot."""
    pot_high = size * rng.uniform(0.18, 0.3)
    pot_radius = pot_high * rng.uniform(0.4, 0.6)
    pot = lathe(
        ((0.0, 0.0), (0.75 * pot_radius, 0.0), (pot_radius, pot_high), (0.9 * pot_radius, pot_high)),
        ((0.9 * pot_radius, pot_high), (0.88 * pot_radius, 0.9 * pot_high), (0.0, 0.9 * pot_high)),
    )
    green = np.array([0.35, 0.9, 0.25]) * rng.uniform(0.6, 1.4)
    crown, parts = size - pot_high, [pot]
    count = int(rng.integers(14, 30))
    long, wide = crown * rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.6)
    for index in range(count):
        turn = 2.4 * index + rng.uniform(-0.3, 0.3)
        high = crown * (0.1 + 0.75 * index / count) - 0.2 * long
        leaf = _leaf(long * rng.uniform(0.7, 1.1), long * wide, rng.uniform(0.1, 0.9))
        leaf = moved(leaf, np.zeros(3), turned(-rng.uniform(0.1, 1.1), axis=1))
        stem_lean = 0.15 * crown * rng.normal(size=2) * index / count
        place = np.array([*stem_lean, pot_high + max(high, 0.0)])
        leaf = moved(leaf, place, turned(turn))
        stem = np.stack([[0, 0, 0.9 * pot_high], 0.5 * place + [0, 0, 0.45 * pot_high], place])
        stem = stem + np.array([[0.0, 0, 0], [0, 0, 0], [0.0, 0, 0.002]])
        parts += [
            tinted(leaf, green * rng.uniform(0.7, 1.3)),
            tinted(tube(stem, 0.004, sides=5), 0.8 * green),
        ]
    plant = joined(*parts)
    top = plant.vertices[:, 2].max()
    return replace(plant, vertices=plant.vertices * [1, 1, size / top])


def _flower(size: float, rng: np.random.Generator) -> Solid:
    """A few stems with blossoms."""
    green, color = np.array([0.3, 0.8, 0.2]), rng.uniform(0.3, 1.8, 3)
    parts = []
    for _ in range(int(rng.integers(1, 6))):
        lean = 0.12 * size * rng.normal(size=2)
        top = np.array([*lean, size * rng.uniform(0.8, 0.95)])
        path = np.stack([np.array([0, 0, 0.0]), top * [0.2, 0.2, 0.5], top])
        parts.append(tinted(tube(path, 0.0025, sides=5), green))
        count, radius = int(rng.integers(5, 14)), size * rng.uniform(0.08, 0.14)
        for index in range(count):
            petal = _leaf(radius, radius * rng.uniform(0.4, 0.7), 0.3)
            petal = moved(petal, np.zeros(3), turned(-0.5, axis=1))
            parts.append(tinted(moved(petal, top, turned(2 * np.pi * index / count)), color))
        heart = ball(0.22 * radius, sides=10)
        parts.append(tinted(_raised(moved(heart, top), 0.004), (1.5, 1.2, 0.2)))
        leaf = moved(_leaf(0.3 * size, 0.09 * size, 0.4), top * 0.5, turned(rng.uniform(0, 6)))
        parts.append(tinted(leaf, green))
    return joined(*parts)


def _legs(x: float, y: float, high: float, thick: float, splay: float) -> list[Solid]:
    """Four legs that taper and lean outwards."""
    legs = []
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot = np.array([sx * x * (1 + splay), sy * y * (1 + splay), 0.0])
            head = np.array([sx * x, sy * y, high])
            legs.append(
                tube(np.stack([foot, (foot + head) / 2, head]), np.array([0.7, 0.85, 1.0]) * thick, sides=8)
            )
    return legs


def _chair(size: float, rng: np.random.Generator) -> Solid:
    """size is the height of its back, which is at +y: one who sits on it looks along -y."""
    seat, half = 0.48 * size, 0.235 * size
    thick = 0.03 + 0.04 * (rng.random() < 0.3)
    parts = [_block((-half, half), (-half, half), (seat - thick, seat), 0.012)]
    parts += _legs(0.85 * half, 0.85 * half, seat - thick, 0.018, rng.uniform(0.0, 0.2))
    lean = rng.uniform(0.03, 0.12)
    back = []
    if rng.random() < 0.5:
        back.append(_block((-half, half), (-0.012, 0.012), (seat + 0.1 * size, size), 0.008))
    else:
        for x in np.linspace(-0.8, 0.8, int(rng.integers(3, 7))) * half:
            back.append(_block((x - 0.012, x + 0.012), (-0.008, 0.008), (seat, size - 0.03), 0.003))
        back.append(_block((-half, half), (-0.012, 0.012), (size - 0.07, size), 0.006))
    back += [
        _block((s - 0.016, s + 0.016), (-0.014, 0.014), (seat - 0.03, size), 0.005)
        for s in (-0.93 * half, 0.93 * half)
    ]
    rest = joined(*back)
    behind = 0.9 * half + lean * (rest.vertices[:, 2] - seat)
    parts.append(replace(rest, vertices=rest.vertices + np.stack([0 * behind, behind, 0 * behind], axis=1)))
    return joined(*parts)


def _stool(size: float, rng: np.random.Generator) -> Solid:
    """size is its height: a round or square seat on legs, or a block."""
    half, thick = rng.uniform(0.17, 0.22), rng.uniform(0.025, 0.06)
    kind = rng.choice(("round", "square", "block"))
    if kind == "block":
        return _block((-half, half), (-half, half), (0.0, size), rng.uniform(0.005, 0.04))
    angle = np.arange(32) * 2 * np.pi / 32
    if kind == "round":
        seat = prism(half * np.stack([np.cos(angle), np.sin(angle)], axis=1), size - thick, size, 0.01)
    else:
        seat = _block((-half, half), (-half, half), (size - thick, size), 0.01)
    return joined(seat, *_legs(0.62 * half, 0.62 * half, size - thick, 0.016, rng.uniform(0.1, 0.4)))


def _table(size: float, rng: np.random.Generator) -> Solid:
    """size is the longer side of the top; as high as tables are, low ones lower."""
    deep = size * rng.uniform(0.45, 0.9)
    high = rng.uniform(0.70, 0.78) if size > 0.65 else 0.62 * size
    thick = rng.uniform(0.018, 0.045)
    if rng.random() < 0.3:
        angle = np.arange(40) * 2 * np.pi / 40
        top = prism(
            np.stack([size / 2 * np.cos(angle), deep / 2 * np.sin(angle)], axis=1), high - thick, high, 0.004
        )
    else:
        top = _block((-size / 2, size / 2), (-deep / 2, deep / 2), (high - thick, high), 0.005)
    if rng.random() < 0.3:
        foot = lathe(
            ((0.0, 0.0), (0.25 * deep, 0.0), (0.25 * deep, 0.015), (0.03, 0.04), (0.03, high - thick))
        )
        return joined(top, foot)
    apron = _block(
        (-0.4 * size, 0.4 * size), (-0.38 * deep, 0.38 * deep), (high - thick - 0.07, high - thick), 0.003
    )
    return joined(top, apron, *_legs(0.4 * size, 0.38 * deep, high - thick, rng.uniform(0.018, 0.035), 0.02))


def _sofa(size: float, rng: np.random.Generator) -> Solid:
    """size is its width; the back is at +y."""
    high, deep = min(0.85, 0.45 * size), min(0.95, 0.5 * size)
    seat, arm, back = 0.5 * high, 0.14 * deep + 0.03, 0.25 * deep
    x, y = size / 2, deep / 2
    parts = [
        _block((-x, x), (y - back, y), (0.06, high), 0.06),
        _block((-x, -x + arm), (-y, y), (0.06, 0.72 * high), 0.045),
        _block((x - arm, x), (-y, y), (0.06, 0.72 * high), 0.045),
        _block((-x + arm, x - arm), (-y + 0.02, y - back), (0.06, seat - 0.12 * high), 0.02),
    ]
    count = 2 if size > 1.2 else 1
    edges = np.linspace(-x + arm, x - arm, count + 1)
    for low, up in itertools.pairwise(edges):
        parts.append(_block((low, up), (-y, y - back), (seat - 0.13 * high, seat), 0.035))
    return joined(*parts, *_legs(0.9 * x, 0.8 * y, 0.07, 0.02, 0.0))


def _shelf(size: float, rng: np.random.Generator) -> Solid:
    """An open case with books, boxes and bowls; size is its height."""
    wide, deep, thick = size * rng.uniform(0.4, 0.8), rng.uniform(0.22, 0.35), 0.02
    x, y = wide / 2, deep / 2
    levels = np.linspace(0.04, size - thick, int(rng.integers(3, 6)))
    parts = [_block((s, s + thick), (-y, y), (0, size), 0.002) for s in (-x, x - thick)]
    parts += [_block((-x + thick, x - thick), (-y, y), (z, z + thick), 0.002) for z in levels]
    parts.append(_block((-x, x), (y - 0.006, y), (0, size), 0.001))
    for low, high in itertools.pairwise(levels):
        room, place = high - low - thick, -x + thick + 0.01
        while place < x - 0.08:
            color = rng.uniform(0.1, 1.6, 3)
            if rng.random() < 0.12:
                place += rng.uniform(0.03, 0.12)
            elif rng.random() < 0.12:
                radius = min(0.06, (x - place) / 2, 0.4 * room)
                pot = moved(
                    _vase(min(0.75 * room, 3 * radius), rng), np.array([place + radius, 0, low + thick])
                )
                parts.append(tinted(pot, color))
                place += 2.2 * radius
            else:
                width = rng.uniform(0.012, 0.05)
                tall, far = room * rng.uniform(0.55, 0.92), deep * rng.uniform(0.55, 0.8)
                book = _block(
                    (place, place + width),
                    (y - 0.01 - far, y - 0.01),
                    (low + thick, low + thick + tall),
                    0.002,
                )
                parts.append(tinted(book, color))
                place += width + 0.001
    return joined(*parts)


def _lamp(size: float, rng: np.random.Generator) -> Solid:
    """A standing lamp with a shade of cloth, open at both ends."""
    foot, shade = 0.09 * size + 0.02, size * rng.uniform(0.17, 0.28)
    low, high = shade * rng.uniform(0.6, 0.85), shade * rng.uniform(0.3, 0.6)
    pole = lathe(
        ((0.0, 0.0), (foot, 0.0)),
        ((foot, 0.0), (foot, 0.015), (0.014, 0.03), (0.011, 0.06), (0.011, size - 0.3 * shade)),
    )
    cloth = lathe(
        ((low, size - shade), (high, size)),
        ((high, size), (high - 0.003, size), (low - 0.003, size - shade)),
        sides=36,
    )
    return joined(tinted(pole, rng.uniform(0.1, 1.0) * np.ones(3)), cloth)


def _board(size: float, rng: np.random.Generator) -> Solid:
    """A plain panel that stands upright: a door, a canvas, a plank."""
    wide, high = rng.permutation([size, size * rng.uniform(0.25, 0.9)])
    return _raised(box((float(wide), rng.uniform(0.015, 0.05), float(high)), 0.004), float(high) / 2)


_MODELS: dict[str, _Model] = {
    "box": _carton,
    "ball": _ball,
    "can": _can,
    "cup": _cup,
    "bottle": _bottle,
    "vase": _vase,
    "phone": _phone,
    "book": _book,
    "plate": _plate,
    "bag": _bag,
    "stick": _stick,
    "flower": _flower,
    "plant": _plant,
    "chair": _chair,
    "stool": _stool,
    "table": _table,
    "sofa": _sofa,
    "shelf": _shelf,
    "lamp": _lamp,
    "board": _board,
}
KINDS = tuple(_MODELS)

# What one can sit on, and how high its seat is as a share of its size.
SEATS: dict[str, float] = {"chair": 0.48, "stool": 1.0}
SEAT_DEPTH = 0.4  # metres from the back within which a sitter's legs rest

# What a hand can hold, and how far its fingers bend round it: radians at each of a finger's three joints.
GRIPS: dict[str, float] = {
    "ball": 0.45,
    "can": 0.75,
    "cup": 0.75,
    "bottle": 0.8,
    "phone": 0.35,
    "book": 0.25,
    "plate": 0.0,
    "bag": 1.25,
    "stick": 1.2,
    "flower": 1.25,
}
_GRIP_HEIGHTS = {"bottle": 0.35, "stick": 0.2, "flower": 0.25}  # share of the height where it is held
