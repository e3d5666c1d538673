"""Hats, headbands, face masks and headphones, and the hair that they press down."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from skinseg.synthetic.mesh import Strands
from skinseg.synthetic.people.anatomy import PosedBody
from skinseg.synthetic.people.fitting import (
    AZIMUTHS,
    CLEARANCE,
    EAR_BACK,
    EAR_TOP,
    LOBE,
    UP,
    RestingHead,
    Rim,
    Shell,
    Wearer,
    accent,
    path_through,
    resting_head,
    rng_of,
    shell_above,
)
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.surroundings.solids import (
    Array,
    Solid,
    ball,
    joined,
    lathe,
    moved,
    sheet,
    tinted,
    tube,
)

# Where rims run: places on the reference body from the middle of the front round the left side to the middle
# of the back; the right side mirrors them.
_HAT_RIM: Rim = (
    (0.0, -0.154, 0.953),
    (0.062, -0.11, 0.944),
    (0.077, -0.03, 0.93),
    (0.06, 0.02, 0.917),
    (0.0, 0.049, 0.908),
)
_CAP_RIM: Rim = (
    (0.0, -0.151, 0.958),
    (0.062, -0.11, 0.946),
    (0.077, -0.03, 0.925),
    (0.06, 0.02, 0.902),
    (0.0, 0.045, 0.885),
)
_BEANIE_HIGH: Rim = (
    (0.0, -0.146, 0.965),
    (0.062, -0.11, 0.945),
    (0.077, -0.03, 0.921),
    (0.06, 0.02, 0.895),
    (0.0, 0.043, 0.878),
)
_BEANIE_LOW: Rim = (
    (0.0, -0.156, 0.942),
    (0.066, -0.105, 0.915),
    (0.082, -0.035, 0.870),
    (0.06, 0.0, 0.862),
    (0.0, 0.031, 0.857),
)
_BAND_RIM: Rim = (
    (0.0, -0.156, 0.945),
    (0.062, -0.115, 0.936),
    (0.077, -0.03, 0.922),
    (0.06, 0.02, 0.905),
    (0.0, 0.047, 0.893),
)
_MASK_RIM: Rim = (
    (0.0, -0.1664, 0.8774),
    (0.033, -0.145, 0.877),
    (0.066, -0.082, 0.852),
    (0.053, -0.099, 0.81),
    (0.0, -0.119, 0.781),
)


def _beanie_cover(size: float) -> tuple[Rim, bool, float]:
    return _blended(_BEANIE_HIGH, _BEANIE_LOW, size), size > 0.45, 1.0


def _band_cover(size: float) -> tuple[Rim, bool, float]:
    return _BAND_RIM, False, 0.10 + 0.3 * size


# Kinds that press hair: rim, whether the ears lie under it, and the height (1 = pole) up to which it covers.
_COVERS: dict[str, Callable[[float], tuple[Rim, bool, float]]] = {
    "beanie": _beanie_cover,
    "cap": lambda size: (_CAP_RIM, False, 1.0),
    "brim_hat": lambda size: (_HAT_RIM, False, 1.0),
    "headband": _band_cover,
    "face_mask": lambda size: (_MASK_RIM, False, 1.0),
}


def tuck(strands: Sequence[Strands], accessories: tuple[Accessory, ...], body: PosedBody) -> list[Strands]:
    """The hair that still shows below hats, headbands and masks, pressed so that none pokes through.

    Hair that is covered from root to tip is left out; where nothing covers any, hair stays as it is.
    """
    covers = [accessory for accessory in accessories if accessory.kind in _COVERS]
    if not covers:
        return list(strands)
    head = resting_head(body)
    shells = [(_shell_of(cover, head), _COVERS[cover.kind](cover.size)[2]) for cover in covers]
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


def _pressed(points: Array, shell: Shell, top: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Strands (S, P, 3) at rest held below a shell from its rim up to `top`, and which it covers wholly."""
    local = (points - shell.centre) @ shell.axes.T
    distance = np.maximum(np.linalg.norm(local, axis=2), 1e-6)
    elevation = np.arcsin(np.clip(local[..., 2] / distance, -1, 1))
    azimuth = np.arctan2(local[..., 1], local[..., 0]) % (2 * np.pi)
    rim = np.interp(azimuth, np.linspace(0, 2 * np.pi, AZIMUTHS + 1), np.r_[shell.rim, shell.rim[0]])
    upper = rim + top * (np.pi / 2 - rim) if top < 1 else np.full_like(rim, np.inf)
    outside = np.maximum(np.maximum(rim - elevation, elevation - upper), 0)
    # Beyond the rim hair swells again, in a slope and not in a step.
    limit = shell.radius(azimuth, elevation) + 0.6 * CLEARANCE + 0.15 * outside
    scale = np.minimum(1, limit / distance)
    covered = (outside == 0).all(axis=1) if top >= 1 else np.zeros(len(points), np.bool_)
    pressed = shell.centre + (local * scale[..., None]) @ shell.axes
    return pressed, covered


def _blended(low: Rim, high: Rim, share: float) -> Rim:
    """The rim at `share` of the way from one to the other."""
    mixed = (1 - share) * np.array(low) + share * np.array(high)
    return tuple((float(x), float(y), float(z)) for x, y, z in mixed)


def _shell_of(accessory: Accessory, head: RestingHead) -> Shell:
    rim, ears, _ = _COVERS[accessory.kind](accessory.size)
    return shell_above(head, rim, ears=ears, face=accessory.kind == "face_mask")


def beanie(accessory: Accessory, wearer: Wearer) -> Solid:
    """A knitted cap with or without a turned-up cuff, a slack top and a bobble."""
    shell, rng = _shell_of(accessory, wearer.head), rng_of(accessory)
    cuff = rng.uniform(0.2, 0.4) * (rng.random() < 0.7)
    slack, bobble = rng.uniform(0.0, 0.035), rng.random() < 0.25
    ribs = 0.0008 * np.cos(np.arange(AZIMUTHS) * 2 * np.pi / 4)  # every other vertex: fine vertical ribs
    heights = np.r_[0.0, 0.0, 0.02, np.linspace(0.07, 1, 14)]
    thick = CLEARANCE + 0.004 + slack * np.square(np.clip(heights, 0, 1)) * (1 - 0.3 * heights)
    thick[0] = 0.001
    clearance = thick[:, None] + ribs * np.clip(4 - 4 * heights, 0, 1)[:, None]
    parts = [sheet(shell.surface(heights, clearance), wrap_columns=True)]
    if cuff:
        rows = np.r_[0.0, -0.01, 0.0, np.linspace(0.03, cuff - 0.02, 5), cuff, cuff]
        over = thick[3] + np.r_[0.0, 0.002, 0.0045, np.full(5, 0.005), 0.004, -0.002]
        folded = shell.surface(rows, over[:, None] + 1.5 * ribs)
        parts.append(tinted(sheet(folded, wrap_columns=True), accent(accessory) if bobble else (1, 1, 1)))
    if bobble:
        top = shell.surface([1.0], thick[-1:])[0, 0]
        fluffy = ball(0.028, sides=28)
        rough = 1 + 0.03 * rng.normal(size=(len(fluffy.vertices), 1))
        fluffy = replace(fluffy, vertices=fluffy.vertices * rough)
        parts.append(tinted(moved(fluffy, top + 0.022 * UP), accent(accessory)))
    return wearer.head.world(joined(*parts))


def cap(accessory: Accessory, wearer: Wearer) -> Solid:
    """A crown of six panels with a curved visor, one in six the wrong way round."""
    shell, rng = _shell_of(accessory, wearer.head), rng_of(accessory)
    back_to_front = rng.random() < 1 / 6
    azimuth = np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS
    front = np.pi / 2 if back_to_front else -np.pi / 2
    away = np.abs((azimuth - front + np.pi) % (2 * np.pi) - np.pi)
    heights = np.r_[0.0, 0.0, np.linspace(0.06, 1, 13)]
    stiff = 0.012 * np.exp(-np.square(away / 0.8)) * np.sin(np.pi * np.clip(heights, 0, 1) ** 0.8)[:, None]
    seams = -0.0008 * (np.arange(AZIMUTHS) % (AZIMUTHS // 6) == 0)
    clearance = CLEARANCE + 0.003 + stiff + 0.004 * heights[:, None] + seams
    clearance[0] = 0.001
    crown = sheet(shell.surface(heights, clearance), wrap_columns=True)
    button = moved(ball(0.006, sides=8), shell.surface([1.0], [clearance[-1, 0]])[0, 0])

    near = np.argsort(away, kind="stable")[: AZIMUTHS // 3]
    near = near[np.argsort((azimuth[near] - front + np.pi) % (2 * np.pi), kind="stable")]
    edge = shell.surface([0.01], clearance[1:2])[0][near]
    spread = away[near] / away[near].max()
    length = (0.055 + 0.025 * accessory.size) * np.sqrt(np.clip(1 - spread**2.6, 0, 1))
    share = np.linspace(0, 1, 7)[:, None]
    forward = np.array([0.0, 1.0 if back_to_front else -1.0, 0.0])
    out = edge + (share * length)[..., None] * (forward - rng.uniform(0.1, 0.35) * UP)
    sag = rng.uniform(2.0, 4.0) * np.square(edge[:, 0] - shell.centre[0]) * share
    out[..., 2] -= sag
    under = out - 0.0025 * UP
    visor = sheet(np.concatenate([out, under[::-1]]))
    return wearer.head.world(joined(crown, *(tinted(part, accent(accessory)) for part in (visor, button))))


def brim_hat(accessory: Accessory, wearer: Wearer) -> Solid:
    """A crown with a band round it and a brim all around: from trilby to sun hat by size."""
    shell, rng = _shell_of(accessory, wearer.head), rng_of(accessory)
    skull = shell.surface(np.linspace(0, 1, 16), np.full(16, CLEARANCE + 0.002))
    rim = skull[0]
    flat = skull[..., :2] - shell.centre[:2]
    around = np.linalg.norm(flat, axis=2)
    outwards = flat[0] / around[0][:, None]
    # As wide as the skull is anywhere above the rim, for the crown's sides rise straight.
    wide = gaussian_filter1d(around.max(axis=0) + 0.002, 2.0, mode="wrap")
    top = skull[..., 2].max() + rng.uniform(0.012, 0.035)
    taper, dent = rng.uniform(0.06, 0.2), rng.uniform(0.0, 0.018)
    share = np.r_[np.linspace(0, 0.9, 8), 0.96, 1.0]
    shrink = np.r_[1 - taper * np.linspace(0, 0.9, 8) ** 2, 0.94 - 0.75 * taper, 0.86 - 0.7 * taper]

    def loop(scale: npt.ArrayLike, z: npt.ArrayLike) -> Array:
        xy = shell.centre[:2] + outwards * (wide * scale)[:, None]
        return np.concatenate([xy, np.broadcast_to(z, (AZIMUTHS,))[:, None]], axis=1)

    side = [loop(s, rim[:, 2] + h * (top - rim[:, 2])) for h, s in zip(share, shrink, strict=True)]
    lid = [loop(s * shrink[-1], top - dent * (1 - s) ** 0.5) for s in (0.8, 0.5, 0.2, 0.001)]
    crown = sheet(np.stack([*side, *lid]), wrap_columns=True)
    ribbon = [rim[:, 2] + h for h in (0.002, 0.004, 0.024, 0.026)]
    band = sheet(
        np.stack([loop(1 + g / wide, z) for g, z in zip((0, 0.002, 0.002, 0), ribbon, strict=True)]),
        wrap_columns=True,
    )
    width = 0.035 + 0.07 * accessory.size
    rows, azimuth = np.linspace(0, 1, 7)[:, None], np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS
    phase, wave = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.012)
    lift = rng.uniform(-0.35, 0.1) + 0.3 * np.square(np.cos(azimuth)) * rng.uniform(0, 1)
    z = rim[:, 2] + rows * width * lift + rows**2 * wave * np.sin(3 * azimuth + phase)
    spread = np.stack([loop(1 + r * width / wide, height) for r, height in zip(rows[:, 0], z, strict=True)])
    brim = sheet(np.concatenate([spread, spread[::-1] - 0.002 * UP]), wrap_columns=True)
    return wearer.head.world(joined(crown, tinted(band, accent(accessory)), brim))


def headband(accessory: Accessory, wearer: Wearer) -> Solid:
    """An elastic band round the forehead and the back of the head."""
    shell = _shell_of(accessory, wearer.head)
    _, _, top = _COVERS["headband"](accessory.size)
    heights = np.r_[0.0, 0.0, np.linspace(0.1, 0.9, 5) * top, top, top]
    clearance = np.r_[0.0, 0.003, np.full(5, 0.0045), 0.003, 0.0] + CLEARANCE
    clearance[[0, -1]] = 0.0005
    return wearer.head.world(sheet(shell.surface(heights, clearance), wrap_columns=True))


def face_mask(accessory: Accessory, wearer: Wearer) -> Solid:
    """A surgical mask from the bridge of the nose to below the chin, with loops round the ears."""
    head, shell, rng = wearer.head, _shell_of(accessory, wearer.head), rng_of(accessory)
    heights = np.r_[0.0, 0.0, np.linspace(0.05, 1, 14)]
    loose = 0.002 + 0.006 * rng.uniform() * np.sin(np.pi * np.clip(heights, 0, 1))
    pane = shell.surface(heights, np.r_[0.0005, loose[1:]])
    if rng.random() < 0.6:  # pleats: steps of a millimetre from top to bottom
        pane[..., 1] -= 0.0012 * ((pane[..., 2] - shell.centre[2]) % 0.018) / 0.018
    parts = [sheet(pane, wrap_columns=True)]
    for mirror in (1.0, -1.0):
        ear = [np.array(place) * [mirror, 1, 1] for place in (EAR_TOP, EAR_BACK)]
        top, back = (head.place((float(p[0]), float(p[1]), float(p[2]))) for p in ear)
        low = np.array(LOBE) * [mirror, 1, 1]
        lobe = head.place((float(low[0]), float(low[1]), float(low[2])))
        edge = pane[1]
        side = edge[np.argsort(-mirror * edge[:, 0])[:10]]
        upper, lower = side[side[:, 2].argmax()], side[side[:, 2].argmin()]
        out = np.array([0.003 * mirror, 0, 0])
        hook = [top + out + 0.002 * UP, back + out, lobe - out + np.array([0, 0.008, 0])]
        path = path_through(np.array([upper, *hook, lower]), 17, 0.8)
        parts.append(tube(path, 0.0016, sides=6))
    return head.world(joined(*parts))


def headphones(accessory: Accessory, wearer: Wearer) -> Solid:
    """A padded band over the crown, or pushed a little back, and a cup over each ear."""
    head, rng = wearer.head, rng_of(accessory)
    shell = shell_above(head, _HAT_RIM)
    left, right = (head.place((sign * 0.0815, -0.047, 0.882)) for sign in (1, -1))
    tilt = rng.uniform(-0.1, 0.35)
    angle = np.linspace(0.12, np.pi - 0.12, 21)
    plane = np.stack([np.cos(angle), np.sin(tilt) * np.sin(angle), np.cos(tilt) * np.sin(angle)], axis=1)
    azimuth, elevation = np.arctan2(plane[:, 1], plane[:, 0]) % (2 * np.pi), np.arcsin(plane[:, 2])
    middle = shell.centre + (shell.radius(azimuth, elevation) + 0.016)[:, None] * plane
    radius = 0.034 + 0.009 * accessory.size
    cups, ends = [], []
    for side, ear in ((1, left), (-1, right)):
        out = ear + np.array([side * 0.02, 0, 0])
        ends.append(out + np.array([side * 0.008, 0, 0]))
        shape = lathe(
            ((radius, 0.004), (radius, 0.012), (radius - 0.004, 0.017), (0.0, 0.019)),
            sides=24,
        )
        pad = lathe(
            (
                (0.5 * radius, -0.018),
                (0.8 * radius, -0.02),
                (radius, -0.014),
                (radius, 0.0),
                (0.9 * radius, 0.005),
            ),
            sides=24,
        )
        axes = np.array([[0.0, 1, 0], [0, 0, 1.18], [side, 0, 0]])
        cups += [moved(shape, out, axes), tinted(moved(pad, out, axes), accent(accessory))]
    path = np.concatenate([ends[:1], middle, ends[1:]])
    path = gaussian_filter1d(path, 0.8, axis=0, mode="nearest")
    width = np.interp(
        np.linspace(-1, 1, len(path)), [-1, -0.5, 0, 0.5, 1], [0.006, 0.011, 0.015, 0.011, 0.006]
    )
    return head.world(joined(_strap(path, width, 0.004), *cups))


def _strap(path: Array, half_width: Array, thick: float) -> Solid:
    """A band over the head: wide along y, rounded, about a path (N, 3) in a plane across the head."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    along = np.array([0.0, 1.0, 0.0]) - tangent[:, 1:2] * tangent
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    out = np.cross(along, tangent)
    angle = np.arange(12) * 2 * np.pi / 12
    offsets = [
        half_width[:, None] * np.cos(a) * along + thick * np.sin(a) * out  # an ellipse
        for a in angle
    ]
    return sheet(path[:, None] + np.stack(offsets, axis=1), wrap_columns=True)
