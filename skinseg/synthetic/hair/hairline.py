"""Where hair grows: heights above the hairline on the reference body, and roots drawn there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import body_classes, face_groups
from skinseg.synthetic.body.reference import BODY_VERTICES, reference_body
from skinseg.synthetic.geometry.arrays import Array, Floats
from skinseg.synthetic.hair.strands import Head, Roots, smooth_noise, unit
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, Random, stream

Hairline = Callable[[Hair, Array], Array]
"""From hair and places in the head, (N, 3), to heights above its hairline, (N,), metres."""


@dataclass(frozen=True)
class Spots:
    """Points on the body's skin: the corners of their quads (N, 4), the share of each (4, N, 1), and the place
    in the head (N, 3)."""

    quads: npt.NDArray[np.int32]
    share: Array
    reference: Array

    def __getitem__(self, chosen: npt.NDArray[np.bool_]) -> "Spots":
        return Spots(self.quads[chosen], self.share[:, chosen], self.reference[chosen])

    def roots(self, head: Head, depth: Array) -> Roots:
        """These points on a posed head; depth: (N,)."""
        place, normal = (_between(values, self.quads, self.share) for values in (head.skin, head.normals))
        return Roots(place, unit(normal), self.reference, depth)


@cache
def reference_skin() -> Array:
    """Places of the body's vertices in the head, (13380, 3)."""
    return reference_body().rest[:BODY_VERTICES].astype(np.float64)


def scalp_depth(reference: Array) -> Array:
    """Height above the hairline: forehead, temples, round the ear, nape."""
    x, y, z = reference.T
    line = np.interp(
        y,
        [-0.16, -0.12, -0.1, -0.085, -0.072, -0.06, -0.028, 0.0, 0.1],
        [0.972, 0.965, 0.945, 0.924, 0.906, 0.903, 0.905, 0.83, 0.8],
    )
    # Temples recede a little from the middle of the forehead.
    line = line + 0.015 * np.exp(-np.square((np.abs(x) - 0.05) / 0.015)) * (y < -0.07)
    ear = 0.006 * (np.abs(x) > 0.076)
    return np.asarray(z - line - ear)


def no_hairline(hair: Hair, reference: Array) -> Array:
    """Nothing is above it: a bald head's."""
    return np.full(len(reference), -1.0)


def plain_hairline(hair: Hair, reference: Array) -> Array:
    return scalp_depth(reference)


def hairline_with_sideburns(hair: Hair, reference: Array) -> Array:
    _, y, z = reference.T
    sideburn = np.minimum(np.minimum(y + 0.078, -0.052 - y), z - 0.884)
    return np.maximum(scalp_depth(reference), np.where(z < 0.93, sideburn, -1.0))


def scalp_roots(hair: Hair, head: Head, hairline: Hairline, per_square_metre: float, radius: float) -> Roots:
    """Roots over the scalp of strands of a radius, thinning out at the hairline.

    How many they are depends on the distance, which must not change the style: they are drawn for themselves.
    """
    rng = stream(Part.SCALP, hair.seed)
    near = hairline(hair, reference_skin()) > -0.02
    spots = scatter(rng, near, per_square_metre * head.share(radius))
    ragged = smooth_noise(rng, spots.reference, 0.012, 1)[:, 0] * 0.002
    depth = hairline(hair, spots.reference) + ragged - rng.exponential(0.0025, len(ragged))
    kept = depth > 0
    return spots[kept].roots(head, depth[kept])


def scatter(
    rng: Random, vertices: npt.NDArray[np.bool_], per_square_metre: float, skin_only: bool = False
) -> Spots:
    """Random points on the body faces whose vertices are all chosen."""
    faces = face_groups()["body"]
    chosen = vertices[faces].all(axis=1)
    if skin_only:
        chosen &= body_classes() == PartClass.SKIN
    faces = faces[chosen]
    corners = reference_body().rest[faces]
    area = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1) / 2
    count = rng.poisson(area.sum() * per_square_metre)
    quads = faces[rng.choice(len(faces), size=count, p=area / area.sum())]
    u, v = rng.random((2, count, 1))
    share = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v])
    return Spots(quads, share, _between(reference_body().rest, quads, share))


def _between(values: Floats, quads: npt.NDArray[np.int32], share: Array) -> Array:
    """Values (V, 3) of the corners of quads (N, 4), mixed by their shares (4, N, 1): (N, 3)."""
    a, b, c, d = (part * values[corner] for part, corner in zip(share, quads.T, strict=True))
    return np.asarray(a + b + c + d)


def spread(rng: Random, roots: Roots, count: int) -> npt.NDArray[np.intp]:
    """About `count` of the roots, no two of them close: one from each occupied cell of a grid."""
    cell = np.sqrt(0.065 / count)
    cells = np.floor((roots.reference + rng.random(3) * cell) / cell).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return np.asarray(first, np.intp)
