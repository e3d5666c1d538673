"""Jewellery and watches: in the ears, round the neck, the wrists and the fingers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.body.contact import hand_frame
from skinseg.synthetic.body.reference import BODY_VERTICES, reference_body
from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.solids import Solid, ball, box, joined, lathe, moved, sheet, tinted, tube
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.worn.accessory import AccessoryKind
from skinseg.synthetic.worn.fitting import LOBE, UP, Wearer, accent, pushed_out, rng_of


def _earrings(accessory: Accessory, wearer: Wearer) -> Solid:
    """Studs, hoops or drops in both lobes; what hangs, hangs down in the world."""
    head, rng = wearer.head, rng_of(accessory)
    style = rng.choice(["stud", "hoop", "drop"])
    parts = []
    for side in (1.0, -1.0):
        lobe = head.place((side * LOBE[0], LOBE[1], LOBE[2])) + np.array([side * 0.001, 0, 0])
        hole = head.rotation @ lobe + head.shift
        out = head.rotation @ np.array([side, 0, 0])
        forward = head.rotation @ np.array([0, -1.0, 0])
        size = accessory.size
        if style == "stud":
            parts.append(moved(ball(0.002 + 0.003 * size, sides=12), hole + 0.001 * out))
        elif style == "hoop":
            radius, angle = 0.006 + 0.022 * size, np.arange(28) * 2 * np.pi / 28
            plane = forward - (forward @ UP) * UP
            plane /= np.linalg.norm(plane)
            circle = np.cos(angle)[:, None] * plane + (np.sin(angle)[:, None] - 1) * UP
            parts.append(tube(hole + 0.002 * out + radius * circle, 0.0011, sides=6, closed=True))
        else:
            length = 0.01 + 0.03 * size
            start = hole + 0.002 * out
            parts.append(tube(np.stack([start, start - length * UP]), 0.0007, sides=5))
            stone = ball(0.0028 + 0.003 * size, sides=12)
            stone = replace(stone, vertices=stone.vertices * np.array([1, 1, 1.5]))
            parts.append(tinted(moved(stone, start - length * UP), accent(accessory)))
    return joined(*parts)


def _necklace(accessory: Accessory, wearer: Wearer) -> Solid:
    """A chain or beads that hang round the neck on body and clothes, some with a pendant."""
    rng, (surface, normals) = rng_of(accessory), _bust(wearer)
    length, beads = 0.41 + 0.22 * accessory.size, rng.random() < 0.35
    radius = rng.uniform(0.0025, 0.005) if beads else rng.uniform(0.0009, 0.0022)
    path = _hung_loop(wearer.body, surface, normals, length, radius + 0.0008)
    if beads:
        second = accent(accessory) if rng.random() < 0.4 else np.ones(3)
        return _strung(path, radius, (np.ones(3), second))
    parts = [tube(path, radius, sides=6, closed=True)]
    if rng.random() < 0.6:
        lowest = path[path[:, 2].argmin()] - 0.006 * UP
        _, nearest = cKDTree(surface).query(lowest)
        out = normals[nearest]
        side = np.cross(UP, out) / max(float(np.linalg.norm(np.cross(UP, out))), 1e-6)
        disc = lathe(((0.0, -0.001), (0.007, -0.001), (0.008, 0.0), (0.007, 0.001), (0.0, 0.0015)), sides=16)
        place = pushed_out(lowest[None], surface, normals, 0.004)[0]
        disc = moved(disc, place, np.stack([side, np.cross(out, side), out]))
        parts.append(tinted(disc, accent(accessory)))
    return joined(*parts)


def _strung(path: Array, radius: float, tints: Sequence[Array]) -> Solid:
    """Beads that touch along a closed path (N, 3), their tints by turns."""
    ring = np.concatenate([path, path[:1]])
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))]
    places = np.linspace(0, along[-1], max(int(along[-1] / (2.04 * radius)), 1), endpoint=False)
    centres = np.stack([np.interp(places, along, ring[:, axis]) for axis in range(3)], axis=1)
    bead = ball(radius, sides=8)
    return joined(*(tinted(moved(bead, c), tints[i % len(tints)]) for i, c in enumerate(centres)))


def _bust(wearer: Wearer) -> tuple[Array, Array]:
    """Points of neck, chest and shoulders and of the cloth on them, (N, 3), with their normals."""
    rest = reference_body().rest[:BODY_VERTICES]
    near = (rest[:, 2] > 0.42) & (rest[:, 2] < 0.80) & (np.abs(rest[:, 0]) < 0.23)
    close = np.linalg.norm(wearer.cloth - wearer.body.posed_bones["neck01"], axis=1) < 0.35
    return (
        np.concatenate([wearer.body.posed[:BODY_VERTICES][near], wearer.cloth[close]]).astype(np.float64),
        np.concatenate([wearer.normals[near], wearer.cloth_normals[close]]),
    )


def _hung_loop(body: PosedBody, surface: Array, normals: Array, length: float, gap: float) -> Array:
    """A closed chain (64, 3) let fall on a surface: position-based dynamics, a few milliseconds."""
    neck, base = body.posed_bones["neck02"].astype(np.float64), body.posed_bones["neck01"].astype(np.float64)
    tree = cKDTree(surface)
    axis = (neck - base) / np.linalg.norm(neck - base)
    front = -(body.posed_bones["spine01"] - body.posed_bones["clavicle.L"]).astype(np.float64)
    left = (body.posed_bones["clavicle.L"] - body.posed_bones["clavicle.R"]).astype(np.float64)
    left -= (left @ axis) * axis
    left /= np.linalg.norm(left)
    forward = np.cross(left, axis) * np.sign(np.cross(left, axis) @ front)
    angle = np.arange(64) * 2 * np.pi / 64
    circle = np.sin(angle)[:, None] * left + np.cos(angle)[:, None] * forward
    points = base + 0.018 * axis + 0.085 * circle + 0.03 * np.cos(angle)[:, None] * forward
    step = length / 64
    before = points.copy()
    for _ in range(90):
        moving = 0.9 * (points - before)
        before = points
        points = points + moving - 0.0006 * UP
        for _ in range(4):
            for pair in (0, 1):  # every other link at once, so that no point is moved twice
                first, second = np.arange(pair, 64, 2), np.arange(pair + 1, 65, 2) % 64
                link = points[second] - points[first]
                size = np.linalg.norm(link, axis=1, keepdims=True)
                change = 0.5 * (1 - step / np.maximum(size, 1e-9)) * link
                points[first] += change
                points[second] -= change
        _, nearest = tree.query(points)
        height = np.einsum("ij,ij->i", points - surface[nearest], normals[nearest])
        inside = height < gap
        points += np.where(inside, gap - height, 0)[:, None] * normals[nearest]
        before = np.where(inside[:, None], 0.6 * points + 0.4 * before, before)  # friction
    return pushed_out(gaussian_filter1d(points, 1.0, axis=0, mode="wrap"), surface, normals, gap)


def _section(points: Array, centre: Array, first: Array, second: Array) -> Array:
    """Radii (48,) that enclose points round an axis through `centre`: an ellipse-like curve, tight."""
    flat = points - centre
    x, y = flat @ first, flat @ second
    angle, radius = np.arctan2(y, x), np.hypot(x, y)

    def waves(a: Array) -> Array:
        return np.stack([np.ones_like(a), np.cos(a), np.sin(a), np.cos(2 * a), np.sin(2 * a)], axis=1)

    share, *_ = np.linalg.lstsq(waves(angle), radius, rcond=None)
    short = float((radius - waves(angle) @ share).max()) if len(radius) else 0.0
    return np.asarray(waves(np.arange(48) * 2 * np.pi / 48) @ share + max(short, 0.0) * 0.7)


def _circle(sides: int, axes: Array) -> Array:
    """Unit vectors (sides, 3) round the axis axes[2], from axes[0] towards axes[1]."""
    angle = np.arange(sides) * 2 * np.pi / sides
    return np.asarray(np.cos(angle)[:, None] * axes[0] + np.sin(angle)[:, None] * axes[1])


def _loop(centre: Array, radii: Array, axes: Array, profile: Sequence[tuple[float, float]]) -> Solid:
    """A ring round the axis axes[2]: profile of (distance above the section, place along the axis), closed."""
    circle = _circle(len(radii), axes)
    rows = [centre + (radii + out)[:, None] * circle + along * axes[2] for out, along in profile]
    return sheet(np.stack(rows), wrap_rows=True, wrap_columns=True)


def _cut(
    body: PosedBody, side: str, bones: tuple[str, ...], place: Array, along: Array, width: float
) -> tuple[Array, Array, Array]:
    """Centre (3,), radii (48,) and axes of a limb at `place`, by its skin within `width` metres along it.

    bones: those that the skin follows. axes: out of the back of the hand, across, along.
    """
    _, hand = hand_frame(body, {"L": "left", "R": "right"}[side])
    out = -hand[2].astype(np.float64)
    out -= (out @ along) * along
    out /= np.linalg.norm(out)
    axes = np.stack([out, np.cross(along, out), along])
    share = reference_body().bone_share(*bones)[:BODY_VERTICES] > 0.5
    skin = body.posed[:BODY_VERTICES][share].astype(np.float64)
    slab = skin[np.abs((skin - place) @ along) < width]
    centre = slab.mean(axis=0) if len(slab) else place
    centre = centre + ((place - centre) @ along) * along
    return centre, _section(slab, centre, axes[0], axes[1]), axes


def _wrist(wearer: Wearer, side: str, back: float) -> tuple[Array, Array, Array] | None:
    """Centre (3,), radii (48,) and axes of the forearm `back` metres from the wrist's joint.

    axes: out of the back of the hand, across, along the forearm to the hand. None where a sleeve covers it.
    """
    bones = wearer.body.posed_bones
    wrist, elbow = (bones[f"{name}.{side}"].astype(np.float64) for name in ("wrist", "lowerarm02"))
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    forearm = (f"lowerarm02.{side}", f"wrist.{side}")
    centre, radii, axes = _cut(wearer.body, side, forearm, wrist - back * along, along, 0.016)
    sleeve = wearer.cloth - centre
    over = (np.abs(sleeve @ along) < 0.012) & (np.linalg.norm(sleeve, axis=1) < 0.07)
    if over.sum() > 5:
        return None
    return centre, radii, axes


def _watch(accessory: Accessory, wearer: Wearer) -> Solid | None:
    """A strap with a round or a square case on the back of the wrist."""
    rng = rng_of(accessory)
    fitted = _wrist(wearer, "L" if rng.random() < 0.75 else "R", 0.022)
    if fitted is None:
        return None
    centre, radii, axes = fitted
    half, thick = 0.007 + 0.004 * accessory.size, 0.0028
    strap = _loop(centre, radii, axes, ((0.0002, -half), (thick, -half), (thick, half), (0.0002, half)))
    radius, high = 0.014 + 0.008 * accessory.size, rng.uniform(0.007, 0.011)
    place = centre + (radii[0] - 0.001) * axes[0]
    frame = np.stack([axes[1], axes[2], axes[0]])
    if rng.random() < 0.7:
        case = lathe(
            ((radius, 0.0), (radius, high - 0.0015)),
            ((radius, high - 0.0015), (radius - 0.0015, high), (0.85 * radius, high)),
            sides=28,
        )
        dial = lathe(((0.86 * radius, high - 0.0004), (0.0, high - 0.0004)), sides=28)
    else:
        case = moved(box((1.7 * radius, 2 * radius, high), 0.003), np.array([0, 0, high / 2]))
        dial = moved(box((1.45 * radius, 1.75 * radius, 0.001), 0.0003), np.array([0, 0, high]))
    dial = tinted(dial, accent(accessory))
    return joined(strap, moved(case, place, frame), moved(dial, place, frame))


def _bracelet(accessory: Accessory, wearer: Wearer) -> Solid | None:
    """One to four bangles, a cuff or a string of beads."""
    rng = rng_of(accessory)
    fitted = _wrist(wearer, "L" if rng.random() < 0.5 else "R", 0.014)
    if fitted is None:
        return None
    centre, radii, axes = fitted
    style = rng.choice(["bangles", "cuff", "beads"])
    circle = _circle(len(radii), axes)
    if style == "cuff":
        half = 0.006 + 0.014 * accessory.size
        profile = ((0.001, -half), (0.0035, -half), (0.004, 0.0), (0.0035, half), (0.001, half))
        return _loop(centre, radii + 0.001, axes, profile)
    if style == "beads":
        bead = 0.0025 + 0.0025 * accessory.size
        path = centre + (radii + bead)[:, None] * circle
        return _strung(path, bead, (accent(accessory), np.ones(3), np.ones(3)))
    parts = []
    thick = 0.0012 + 0.0013 * accessory.size
    for index in range(int(rng.integers(1, 5))):
        # Loose: each hangs and leans a little of its own.
        lean = rng.uniform(-0.2, 0.2, 2)
        shift = -0.008 * index + circle @ axes[0] * lean[0] * 0.03 + circle @ axes[1] * lean[1] * 0.03
        path = centre + (radii + thick + 0.002)[:, None] * circle + shift[:, None] * axes[2]
        bangle = tube(path, thick, sides=8, closed=True)
        parts.append(tinted(bangle, accent(accessory)) if index % 2 else bangle)
    return joined(*parts)


def _rings(accessory: Accessory, wearer: Wearer) -> Solid:
    """One to four finger rings, some with a stone."""
    rng, body = rng_of(accessory), wearer.body
    fingers = [(finger, side) for side in "LR" for finger in (2, 3, 4, 5)]
    chosen = rng.choice(len(fingers), size=int(rng.integers(1, 5)), replace=False)
    parts = []
    for finger, side in (fingers[index] for index in chosen):
        start, end = (body.posed_bones[f"finger{finger}-{j}.{side}"].astype(np.float64) for j in (1, 2))
        along = (end - start) / np.linalg.norm(end - start)
        place = start + 0.62 * (end - start)
        centre, radii, axes = _cut(body, side, (f"finger{finger}-1.{side}",), place, along, 0.007)
        half, thick = 0.0012 + 0.003 * accessory.size * rng.random(), 0.0012
        profile = ((-0.0004, -half), (thick, -0.8 * half), (thick, 0.8 * half), (-0.0004, half))
        parts.append(_loop(centre, radii, axes, profile))
        if rng.random() < 0.35:
            stone = ball(0.0025 + 0.002 * accessory.size, sides=10)
            parts.append(tinted(moved(stone, centre + (radii[0] + 0.002) * axes[0]), accent(accessory)))
    return joined(*parts)


JEWELLERY = {
    "necklace": AccessoryKind(_necklace, "jewellery", polished=True, metal=0.7),
    "earrings": AccessoryKind(_earrings, "jewellery", polished=True, metal=0.7),
    "watch": AccessoryKind(_watch, "jewellery", polished=True, metal=0.7),
    "bracelet": AccessoryKind(_bracelet, "jewellery", polished=True, metal=0.7),
    "rings": AccessoryKind(_rings, "jewellery", polished=True, metal=0.7),
}
