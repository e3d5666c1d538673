"""Rotation vectors and matrices."""

import numpy as np

from skinseg.synthetic.geometry.arrays import Array


def rotation_matrix(vector: Array) -> Array:
    """Rotation (3, 3) of a rotation vector (3,) in radians: Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def rotation_vector(matrix: Array) -> Array:
    """The inverse of `rotation_matrix`, for rotations (3, 3) by less than a half turn."""
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    sine, cosine = np.linalg.norm(axis) / 2, (np.trace(matrix) - 1) / 2
    return np.asarray(axis / 2 * (np.arctan2(sine, cosine) / sine if sine > 1e-9 else 1.0))
