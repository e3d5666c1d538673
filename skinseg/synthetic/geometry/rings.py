"""Hulls of points about an axis: rows of them, and stacks of rings that span what they surround."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from skinseg.synthetic.geometry.arrays import Floats, Numbers

TURNS = 36  # directions of a hull


def hulls_of(plane: Numbers, row: Numbers, rows: int) -> Floats:
    """Support function of the points (N, 2) about rows that they lie between: (rows, 36), metres.

    row: (N,), in [0, rows - 1).
    """
    angles = np.arange(TURNS) * 2 * np.pi / TURNS
    reach = plane @ np.stack([np.cos(angles), np.sin(angles)])
    above = row.astype(int)
    order = np.argsort(above, kind="stable")
    present, starts = np.unique(above[order], return_index=True)
    largest = np.maximum.reduceat(reach[order], starts, axis=0)
    hulls = np.full((rows, TURNS), -np.inf)
    hulls[present] = largest
    hulls[present + 1] = np.maximum(hulls[present + 1], largest)
    for index in range(1, rows):
        if not np.isfinite(hulls[index, 0]):
            hulls[index] = hulls[index - 1]
    if not np.isfinite(hulls[0, 0]):
        hulls[0] = hulls[1]
    return np.asarray(hulls)


def hull_reach(hulls: Numbers, angle: Numbers) -> Floats:
    """Distance (N,) from the axis to a hull's border (N, 36) in direction `angle` (N,)."""
    angles = np.arange(TURNS) * 2 * np.pi / TURNS
    cosine = np.cos(angle[:, None] - angles)
    return np.asarray(np.where(cosine > 0.25, hulls / np.maximum(cosine, 0.25), np.inf).min(axis=1))


@dataclass(frozen=True)
class Rings:
    """A stack of hulls: centers, sides, fronts float32 (R, 3), the last two unit and across the stack;
    hulls float32 (R, 36), the distance of the hull's tangent in each direction, side = 0, front = 90 degrees."""

    centers: Numbers
    sides: Numbers
    fronts: Numbers
    hulls: Numbers


def stack_rings(
    points: Numbers, heights: Numbers, left: npt.NDArray[np.bool_], stations: Numbers, side: Numbers
) -> Rings:
    """Hulls of what lies about each station, each across the line through their middles.

    points: (N, 3) with a height (N,) on the reference body; stations: (R,) heights from the top down, evenly
    spaced. left: bool (N,): a ring's middle is between those on the left and those on the right.
    side: (3,) or (R, 3), towards the left.
    """
    half = 1.1 * abs(float(stations[1] - stations[0])) + 0.006
    groups = [np.flatnonzero(np.abs(heights - station) < half) for station in stations]
    middles = np.stack(
        [0.25 * (
            points[group[left[group]]].min(axis=0) + points[group[left[group]]].max(axis=0)
            + points[group[~left[group]]].min(axis=0) + points[group[~left[group]]].max(axis=0)
        ) for group in groups]
    )  # fmt: skip
    for _ in range(4):
        middles[1:-1] = 0.5 * middles[1:-1] + 0.25 * (middles[:-2] + middles[2:])
    tangents = np.gradient(middles, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    sides = np.broadcast_to(side, tangents.shape)
    sides = sides - (sides * tangents).sum(axis=1, keepdims=True) * tangents
    sides = sides / np.linalg.norm(sides, axis=1, keepdims=True)
    fronts = np.cross(tangents, sides)
    angles = np.arange(TURNS) * 2 * np.pi / TURNS
    hulls = np.empty((len(stations), TURNS))
    for row, group in enumerate(groups):
        away = points[group] - middles[row]
        plane = np.stack([away @ sides[row], away @ fronts[row]], axis=1)
        hulls[row] = (plane @ np.stack([np.cos(angles), np.sin(angles)])).max(axis=0)
    return Rings(middles, sides, fronts, hulls)


def ring_points(rings: Rings, angles: Numbers, rows: int, lift: Numbers) -> Floats:
    """Points (rows, K, 3) evenly down the stack at `angles` (K,), `lift` (rows, K) metres outside the hulls."""
    place = np.linspace(0, len(rings.centers) - 1, rows)
    low = np.minimum(place.astype(int), len(rings.centers) - 2)
    share = (place - low)[:, None]

    def between(values: Floats) -> Floats:
        return np.asarray((1 - share) * values[low] + share * values[low + 1])

    hulls = between(rings.hulls)
    reach = np.stack([hull_reach(hulls, np.full(rows, angle)) for angle in angles], axis=1) + lift
    away = (
        np.cos(angles)[:, None] * between(rings.sides)[:, None]
        + np.sin(angles)[:, None] * between(rings.fronts)[:, None]
    )
    return np.asarray(between(rings.centers)[:, None] + reach[..., None] * away, np.float32)


def laid_over(
    points: Numbers, under: Numbers, normals: Numbers, distance: float, drawn_in: Numbers
) -> Floats:
    """Lift points (N, 3) that lie nearer than `distance` metres to a surface, or below it.

    under, normals: (M, 3), the surface's points and unit normals. drawn_in: share (N,) in [0, 1] by which
    points that stand further off are drawn in to that distance.
    """
    tree = cKDTree(under)
    for _ in range(2):
        reach, nearest = tree.query(points)
        height = np.einsum("ij,ij->i", points - under[nearest], normals[nearest])
        lift = np.clip(distance - height, 0, None) - drawn_in * np.clip(height - distance, 0, None)
        # Far off, the nearest point is beyond the surface's border.
        points = points + ((reach < 0.05) * lift)[:, None] * normals[nearest]
    return np.asarray(points, np.float32)
