"""The record of one kind of thing, and how hands hold things."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.solids import Solid, moved
from skinseg.synthetic.streams import Random, Span

Hold = Callable[["Grip"], Solid]


@dataclass(frozen=True)
class Grip:
    """A model, whose lowest point's middle is the origin, and the palm and its axes that shall hold it; height: the
    share of the model's height where it is held."""

    model: Solid
    palm: Array
    axes: Array
    height: float


def in_fist(grip: Grip) -> Solid:
    """Upright through the closed hand."""
    along, across, out = grip.axes
    points = grip.model.vertices
    upright = across if across[2] > -0.1 else -across
    held = grip.height * float(points[:, 2].max())
    near = np.abs(points[:, 2] - held) < 0.12 * float(points[:, 2].max())
    radius = float(np.percentile(np.hypot(*points[near, :2].T), 40)) if near.any() else 0.01
    place = grip.palm + (0.01 + 0.4 * radius) * along + (radius + 0.002) * out - held * upright
    handle = np.cross(out, upright)  # the handle of a cup lies where the fingers close
    return moved(grip.model, place, np.stack([out, -handle, upright]))


@dataclass(frozen=True)
class Held:
    """How a hand holds a thing: sizes from and to; curl: how far its fingers bend round it, radians at each of a
    finger's three joints; put: into the palm; height: the share of its height where it is held."""

    sizes: Span
    curl: float
    put: Hold = in_fist
    height: float = 0.45


@dataclass(frozen=True)
class ThingKind:
    """What is known of one kind of thing.

    model: of a size, its largest side in metres, on z = 0 above the origin. stands: sizes from and to in which it
    stands about, or None. held: how a hand holds it, or None. seat: how high one sits on it as a share of its size, or
    None where nobody does.
    """

    model: Callable[[float, Random], Solid]
    stands: Span | None = None
    held: Held | None = None
    seat: float | None = None


def hung(grip: Grip) -> Solid:
    """From the bent fingers, as a bag is."""
    along, _, out = grip.axes
    height = float(grip.model.vertices[:, 2].max())
    flat = along * np.array([1, 1, 0])
    flat /= max(float(np.linalg.norm(flat)), 1e-6)
    up = np.array([0.0, 0.0, 1.0])
    place = grip.palm + 0.035 * along + 0.02 * out - height * up
    return moved(grip.model, place, np.stack([np.cross(flat, up), flat, up]))


def rested(grip: Grip) -> Solid:
    """On the palm, as a ball is."""
    along, _, out = grip.axes
    height = float(grip.model.vertices[:, 2].max())
    place = grip.palm + 0.02 * along + (height / 2) * out - np.array([0, 0, height / 2])
    return moved(grip.model, place)


def laid(grip: Grip, lean: float = 0.25) -> Solid:
    """Flat on palm and fingers, the long side along them and `lean` radians towards the thumb."""
    along, across, out = grip.axes
    points = grip.model.vertices
    height = float(points[:, 2].max())
    long = np.cos(lean) * along + np.sin(lean) * across
    wide = np.cross(long, out)
    thick = float(np.abs(points[:, 1]).max())
    place = grip.palm + 0.02 * along + (thick + 0.004) * out - 0.4 * height * long
    return moved(grip.model, place, np.stack([wide, -out, long]))


def carried(grip: Grip) -> Solid:
    """Level with palm and fingers, as a plate is."""
    along, across, out = grip.axes
    long = np.cos(0.25) * along + np.sin(0.25) * across
    return moved(
        grip.model, grip.palm + 0.04 * along + 0.026 * out, np.stack([np.cross(long, out), long, out])
    )
