"""Surfaces of quads: normals, the vertices that they use, neighbours, subdivision."""

import numpy as np
from scipy.sparse import csr_matrix, diags

from skinseg.synthetic.geometry.arrays import Floats, Ints


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Unit normals float32 (V, 3), area-weighted over the quads `faces` (F, 4) at a vertex; 0 where none."""
    corners = vertices[faces]
    face_normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    index = faces.ravel()
    sums = [
        np.bincount(index, np.repeat(face_normals[:, axis], 4), minlength=len(vertices)) for axis in range(3)
    ]
    normals = np.stack(sums, axis=1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, 1e-12), np.float32)


def compacted(faces: Ints, count: int) -> tuple[Ints, Ints]:
    """Which of `count` vertices the faces (F, 4) use, in order, and the faces in their numbers."""
    used = np.zeros(count, np.bool_)
    used[faces] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    return np.flatnonzero(used).astype(np.int32), np.asarray(number[faces], np.int32)


def subdivision(count: int, faces: Ints) -> tuple[csr_matrix, Ints]:
    """One step of Catmull-Clark on quads: sparse (new, count), and the new quads int32 (4F, 4).

    Split in four, then every vertex moves to the mean of its quads' centres (Warren and Weimer's factored
    form); vertices on a border stay where the split put them.
    """
    sides = np.sort(np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)]), axis=1)
    edges, edge_of, times = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    middle = count + edge_of.reshape(4, -1).T
    center = count + len(edges) + np.arange(len(faces))
    total = count + len(edges) + len(faces)
    rows = np.concatenate([np.arange(count), np.repeat(np.arange(count, center[0]), 2), np.repeat(center, 4)])
    columns = np.concatenate([np.arange(count), edges.ravel(), faces.ravel()])
    shares = np.repeat([1.0, 0.5, 0.25], [count, 2 * len(edges), 4 * len(faces)])
    split = csr_matrix((shares, (rows, columns)), shape=(total, count))
    quads = np.concatenate(
        [np.stack([faces[:, i], middle[:, i], center, middle[:, (i + 3) % 4]], axis=1) for i in range(4)]
    )
    of_quad = csr_matrix((np.ones(quads.size), (quads.ravel(), np.repeat(np.arange(len(quads)), 4))))
    mean = of_quad @ csr_matrix(
        (np.full(quads.size, 0.25), (np.repeat(np.arange(len(quads)), 4), quads.ravel()))
    )
    mean = diags(1 / np.asarray(mean.sum(axis=1)).ravel()) @ mean
    border = np.zeros(total, bool)
    border[edges[times == 1].ravel()] = True
    border[count : count + len(edges)] = times == 1
    moved = diags((~border).astype(float)) @ mean + diags(border.astype(float))
    return (moved @ split).tocsr(), quads.astype(np.int32)


def neighbor_means(count: int, faces: Ints) -> csr_matrix:
    """Sparse (count, count): the mean over a vertex's neighbours along the quads' sides."""
    sides = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    both = np.concatenate([sides, sides[:, ::-1]])
    links = csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    links.data[:] = 1
    return (diags(1 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)) @ links).tocsr()
