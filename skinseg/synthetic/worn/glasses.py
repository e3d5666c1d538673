"""Glasses: rims, bridge and temples on the person's own nose and ears, and the panes."""

from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.solids import Solid, joined, sheet, tinted, tube
from skinseg.synthetic.scene import Accessory
from skinseg.synthetic.streams import Part, stream
from skinseg.synthetic.worn.accessory import AccessoryKind
from skinseg.synthetic.worn.fitting import (
    EAR_BACK,
    EAR_TOP,
    RestingHead,
    Wearer,
    accent,
    outer_vertices,
    path_through,
    rng_of,
)


@dataclass(frozen=True)
class _Lens:
    """The left lens at rest: outline (N, 3) counter-clockwise from the outer side; the right one mirrors it about
    x = middle."""

    outline: Array
    centre: Array
    middle: float

    def mirrored(self, points: Array) -> Array:
        """Points (..., 3) on the other side of the face."""
        return np.asarray(points * np.array([-1.0, 1, 1]) + np.array([2 * self.middle, 0, 0]))


def _lens(accessory: Accessory, wearer: Wearer, dark: bool) -> _Lens:
    """Outline by size and seed, in front of the brow, the lashes and the cheek; dark ones are larger."""
    rng, head, body = rng_of(accessory), wearer.head, wearer.body
    left, right = body.bones["eye.L"].astype(np.float64), body.bones["eye.R"].astype(np.float64)
    middle, gap = (left + right) / 2, float(np.linalg.norm(left - right))
    width = gap * (0.385 + 0.05 * accessory.size + 0.025 * dark)
    height = width * rng.uniform(0.6, 0.95) if not dark else width * rng.uniform(0.7, 0.95)
    exponent, drop = rng.uniform(2.0, 4.5), rng.uniform(-0.1, 0.18)
    angle = np.arange(36) * 2 * np.pi / 36
    cos, sin = np.cos(angle), np.sin(angle)
    across = np.sign(cos) * np.abs(cos) ** (2 / exponent)
    up = np.sign(sin) * np.abs(sin) ** (2 / exponent)
    x = 0.5 * gap + 0.045 * gap + width * across * (1 + drop * up * 0.5)
    z = -0.03 * gap + height * up - drop * 0.25 * width * across * (up < 0)
    tilt, curve = 0.10, (2.2 if dark else 1.1)

    outer, of_ear = outer_vertices()
    face = head.rest[outer[~of_ear]] - middle
    beside = (np.abs(face[:, 0]) > 0.17 * gap) & (np.abs(face[:, 0]) < x.max() + 0.003)
    near = beside & (np.abs(face[:, 2]) < height + 0.004) & (face[:, 1] < 0)
    face = face[near]
    front = (face[:, 1] + tilt * face[:, 2] - curve * np.square(face[:, 0])).min() - 0.0035
    # Lashes stand a centimetre in front of the eyeball.
    front = min(front, -0.026)
    y = front - tilt * z + curve * np.square(x)
    outline = np.stack([x, y, z], axis=1)
    return _Lens(middle + outline, middle + outline.mean(axis=0), float(middle[0]))


def _frame(accessory: Accessory, wearer: Wearer, dark: bool = False) -> Solid:
    """Rims, bridge and temples."""
    head = wearer.head
    lens = _lens(accessory, wearer, dark)
    rng = stream(Part.GLASSES, accessory.seed)
    thick = rng.uniform(0.0011, 0.0026) if accessory.metallic < 0.5 else rng.uniform(0.0007, 0.0011)
    inner = lens.outline[np.argmin(lens.outline[:, 0] - 0.6 * (lens.outline[:, 2] - lens.centre[2]))]
    parts = [
        tube(outline, thick, sides=6, closed=True) for outline in (lens.outline, lens.mirrored(lens.outline))
    ]
    parts.append(tube(_bridge(head, inner, lens.middle, thick), thick, sides=6))
    temple = _temple(head, lens, thick)
    parts += [tube(path, max(thick, 0.0012), sides=6) for path in (temple, lens.mirrored(temple))]
    return head.world(joined(*parts))


def _bridge(head: RestingHead, inner: Array, middle: float, thick: float) -> Array:
    """An arch over the nose from one lens to the other, (9, 3)."""
    share = np.linspace(-1, 1, 9)
    arch = np.cos(share * np.pi / 2)
    points = np.stack([share, np.zeros(9), np.zeros(9)], axis=1) * (inner[0] - middle)
    points += np.array([middle, inner[1], inner[2]])
    points[:, 2] += 0.003 * arch
    outer, _ = outer_vertices()
    nose = head.rest[outer]
    nose = nose[(np.abs(nose[:, 0] - middle) < 0.008) & (np.abs(nose[:, 2] - points[4, 2]) < 0.006)]
    front = min(float(nose[:, 1].min(initial=np.inf)) - thick - 0.001, float(inner[1]))
    points[:, 1] = inner[1] + arch * (front - inner[1])
    return np.asarray(points)


def _temple(head: RestingHead, lens: _Lens, thick: float) -> Array:
    """From the left lens's upper outer corner along the side of the head, over the ear and down behind it."""
    corner = lens.outline[np.argmax(lens.outline[:, 0] + 0.4 * lens.outline[:, 2])]
    top, behind = head.place(EAR_TOP), head.place(EAR_BACK)
    side = max(top[0] - lens.middle, corner[0] - lens.middle + 0.002) + lens.middle
    hinge = corner + np.array([0.004, 0.004, 0.0])
    hook = [
        np.array([side, corner[1] + 0.25 * (top[1] - corner[1]), corner[2]]),
        np.array([top[0] + 0.0015, top[1], top[2] + thick + 0.001]),
        np.array([top[0], top[1] + 0.012, top[2] - 0.003]),
        behind + np.array([0.001, 0.003, 0.0]),
        behind + np.array([0.0, 0.006, -0.018]),
    ]
    path = path_through(np.array([corner, hinge, *hook]), 22, 1.0)
    outer, of_ear = outer_vertices()
    skull = head.rest[outer[~of_ear]]
    skull = skull[skull[:, 0] > lens.middle]
    distance = np.linalg.norm(skull[:, 1:] - path[:, None, 1:], axis=2)
    widest = np.where(distance < 0.009, skull[:, 0], -np.inf).max(axis=1)
    path[2:, 0] = np.maximum(path[2:, 0], widest[2:] + thick + 0.0005)
    return np.asarray(path)


def _lenses(accessory: Accessory, wearer: Wearer, dark: bool = False) -> Solid:
    """Two panes that bulge a little."""
    lens = _lens(accessory, wearer, dark)
    share = np.array([1.0, 0.7, 0.35, 0.001])[:, None, None]
    pane = lens.centre + share * (lens.outline - lens.centre)
    pane[..., 1] -= 0.0015 * (1 - np.square(share[..., 0]))
    panes = [sheet(points, wrap_columns=True) for points in (pane, lens.mirrored(pane))]
    return wearer.head.world(joined(*panes))


def _sunglasses(accessory: Accessory, wearer: Wearer) -> Solid:
    return joined(
        _frame(accessory, wearer, dark=True), tinted(_lenses(accessory, wearer, dark=True), accent(accessory))
    )


GLASSES = {
    "glasses": AccessoryKind(_frame, "eyes", 0.75, glass=_lenses, polished=True),
    "sunglasses": AccessoryKind(_sunglasses, "eyes", 0.25, polished=True),
}
