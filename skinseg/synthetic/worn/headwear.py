"""Hats and headbands."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.solids import Solid, ball, joined, moved, sheet, tinted
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.worn.accessory import AccessoryKind
from skinseg.synthetic.worn.fitting import AZIMUTHS, HAIR_ROOM, UP, Cover, Rim, Wearer, accent, rng_of

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


def _blended(low: Rim, high: Rim, share: float) -> Rim:
    """The rim at `share` of the way from one to the other."""
    mixed = (1 - share) * np.array(low) + share * np.array(high)
    return tuple((float(x), float(y), float(z)) for x, y, z in mixed)


def _beanie_cover(size: float) -> Cover:
    return Cover(_blended(_BEANIE_HIGH, _BEANIE_LOW, size), ears=size > 0.45)


def _cap_cover(size: float) -> Cover:
    return Cover(_CAP_RIM)


def _hat_cover(size: float) -> Cover:
    return Cover(_HAT_RIM)


def _band_cover(size: float) -> Cover:
    return Cover(_BAND_RIM, top=0.10 + 0.3 * size)


def _beanie(accessory: Accessory, wearer: Wearer) -> Solid:
    """A knitted cap with or without a turned-up cuff, a slack top and a bobble."""
    shell, rng = _beanie_cover(accessory.size).shell(wearer.head), rng_of(accessory)
    cuff = rng.uniform(0.2, 0.4) * (rng.random() < 0.7)
    slack, bobble = rng.uniform(0.0, 0.035), rng.random() < 0.25
    ribs = 0.0008 * np.cos(np.arange(AZIMUTHS) * 2 * np.pi / 4)  # every other vertex: fine vertical ribs
    heights = np.r_[0.0, 0.0, 0.02, np.linspace(0.07, 1, 14)]
    thick = HAIR_ROOM + 0.004 + slack * np.square(np.clip(heights, 0, 1)) * (1 - 0.3 * heights)
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


def _cap(accessory: Accessory, wearer: Wearer) -> Solid:
    """A crown of six panels with a curved visor, one in six the wrong way round."""
    shell, rng = _cap_cover(accessory.size).shell(wearer.head), rng_of(accessory)
    back_to_front = rng.random() < 1 / 6
    azimuth = np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS
    front = np.pi / 2 if back_to_front else -np.pi / 2
    away = np.abs((azimuth - front + np.pi) % (2 * np.pi) - np.pi)
    heights = np.r_[0.0, 0.0, np.linspace(0.06, 1, 13)]
    stiff = 0.012 * np.exp(-np.square(away / 0.8)) * np.sin(np.pi * np.clip(heights, 0, 1) ** 0.8)[:, None]
    seams = -0.0008 * (np.arange(AZIMUTHS) % (AZIMUTHS // 6) == 0)
    clearance = HAIR_ROOM + 0.003 + stiff + 0.004 * heights[:, None] + seams
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


def _brim_hat(accessory: Accessory, wearer: Wearer) -> Solid:
    """A crown with a band round it and a brim all around: from trilby to sun hat by size."""
    shell, rng = _hat_cover(accessory.size).shell(wearer.head), rng_of(accessory)
    skull = shell.surface(np.linspace(0, 1, 16), np.full(16, HAIR_ROOM + 0.002))
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


def _headband(accessory: Accessory, wearer: Wearer) -> Solid:
    """An elastic band round the forehead and the back of the head."""
    cover = _band_cover(accessory.size)
    shell, top = cover.shell(wearer.head), cover.top
    heights = np.r_[0.0, 0.0, np.linspace(0.1, 0.9, 5) * top, top, top]
    clearance = np.r_[0.0, 0.003, np.full(5, 0.0045), 0.003, 0.0] + HAIR_ROOM
    clearance[[0, -1]] = 0.0005
    return wearer.head.world(sheet(shell.surface(heights, clearance), wrap_columns=True))


HEADWEAR = {
    "beanie": AccessoryKind(_beanie, "head", 0.25, cover=_beanie_cover),
    "cap": AccessoryKind(_cap, "head", 0.35, cover=_cap_cover),
    "brim_hat": AccessoryKind(_brim_hat, "head", 0.3, cover=_hat_cover),
    "headband": AccessoryKind(_headband, "head", 0.1, cover=_band_cover),
}
