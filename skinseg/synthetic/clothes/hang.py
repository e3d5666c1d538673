"""How cloth falls and folds on the shell."""

import numpy as np
from scipy.ndimage import map_coordinates

from skinseg.synthetic.clothes.shell import (
    LEFT_ARM,
    RIGHT_ARM,
    TORSO,
    PosedShell,
    limb_coordinates,
    reference_shell,
)
from skinseg.synthetic.geometry.arrays import Floats, Ints, Numbers
from skinseg.synthetic.geometry.rings import hull_reach, hulls_of
from skinseg.synthetic.streams import Part, stream


def hang(posed: PosedShell, slope: float) -> Floats:
    """How far cloth that falls from the widest place above stands off the shell: float32 (N,), metres.

    It spans hollows round each limb, and follows the limb inwards by at most `slope` metres a metre.
    Found at rest, where down is along every limb.
    """
    shell = reference_shell()
    count = len(shell.coarse)
    lift = np.zeros(count)
    for limb, axis in enumerate(posed.axes):
        on = np.flatnonzero(shell.limbs[:count] == limb)
        plane, along = limb_coordinates(posed.coarse_rest[on], axis)
        step = 0.035
        row = np.clip((along - along.min()) / step, 0, None)
        hulls = hulls_of(plane, row, int(row.max()) + 2)
        for lower in range(1, len(hulls)):
            hulls[lower] = np.maximum(hulls[lower], hulls[lower - 1] - slope * step)
        radius = np.linalg.norm(plane, axis=1)
        angle = np.arctan2(plane[:, 1], plane[:, 0])
        low, share = row.astype(int), (row % 1)[:, None]
        reach = hull_reach((1 - share) * hulls[low] + share * hulls[low + 1], angle)
        lift[on] = np.clip(reach - radius, 0, 0.09)
        if limb in (LEFT_ARM, RIGHT_ARM):
            lift[on] *= np.clip((along - 0.03) / 0.1, 0, 1)  # cloth lies on the shoulder
    for _ in range(3):
        # Never less: a narrow furrow is spanned in full, and its surroundings rise with it.
        lift = np.maximum(lift, 0.5 * (lift + shell.neighbors @ lift))
    return np.asarray(shell.matrix @ lift, np.float32)


def wrinkle_noise(
    across: Numbers, along: Numbers, cells: int, length: float, shear: float, rng: np.random.Generator
) -> Floats:
    """Smooth noise (N,) in about [-1, 1]; `cells` of it round a limb, each `length` metres long.

    across: angle in radians, without a seam. shear: cells that a pattern winds round per metre along.
    """
    lattice = rng.uniform(-1, 1, (cells, 48))
    place = np.stack([across * cells / (2 * np.pi) + shear * along, along / length])
    return np.asarray(1.6 * map_coordinates(lattice, place, order=3, mode="grid-wrap"), np.float32)


def folds(posed: PosedShell, used: Ints, loose: Floats, seed: int) -> Floats:
    """Height of folds at the shell's vertices `used`, float32 (n,) in [0, 1].

    Long ones fall from where cloth is wide (loose, float32 (n,) in [0, 1]); slanting ones cross each other
    about joints and where the pose presses cloth together.
    """
    shell = reference_shell()
    across, along, limbs = shell.across[used], shell.along[used], shell.limbs[used]
    bend = posed.bend[used]
    height = np.zeros(len(used), np.float32)
    for limb in range(5):
        on = limbs == limb
        if not on.any():
            continue
        a, s = across[on], along[on]
        trunk = limb == TORSO
        cells = (11, 7, 7, 9, 9)[limb]
        rngs = [stream(Part.FOLDS, seed, number=4 * limb + layer) for layer in range(4)]
        fall = wrinkle_noise(a, s, cells, 0.35, 0.6, rngs[0])
        one = wrinkle_noise(a, s, cells // 2, 0.08 if not trunk else 0.10, 11.0, rngs[1])
        other = wrinkle_noise(a, s, cells // 2, 0.08 if not trunk else 0.10, -11.0, rngs[2])
        where = wrinkle_noise(a, s, 3, 0.2, 0.0, rngs[3])
        joint = 0.0
        if not trunk:
            knee = float(np.linalg.norm(posed.axes[limb][1] - posed.axes[limb][0]))
            joint = np.exp(-(((s - knee) / 0.09) ** 2)) + 0.6 * np.exp(-(((s - 0.02) / 0.07) ** 2))
        crossing = np.clip(0.25 + 0.45 * where + 0.4 * joint + 0.9 * bend[on], 0.05, 1.1)
        ridges = 1 - (1 - _ridge(one)) * (1 - _ridge(other))
        height[on] = 0.9 * loose[on] * (0.5 + 0.5 * fall) + crossing * ridges
    return np.clip(height, 0, 1.4)


def _ridge(noise: Numbers) -> Floats:
    """Rounded crests along the noise's zero lines, 0-1."""
    return np.asarray(np.exp(-((noise / 0.42) ** 2)), np.float32)
