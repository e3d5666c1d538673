"""Shapes that several things have."""

import numpy as np

from skinseg.synthetic.geometry.solids import Solid, box, moved, tube

DARK, LIGHT = np.full(3, 0.08), np.full(3, 1.6)


def raised(solid: Solid, height: float) -> Solid:
    return moved(solid, np.array([0.0, 0.0, height]))


def block(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], bevel: float) -> Solid:
    """A box between these bounds."""
    bounds = np.array([x, y, z])
    width, depth, height = (float(extent) for extent in bounds[:, 1] - bounds[:, 0])
    return moved(box((width, depth, height), bevel), bounds.mean(axis=1))


def four_legs(x: float, y: float, high: float, thick: float, splay: float) -> list[Solid]:
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
