"""One reference body, an average adult at rest, on which places are named: hems, hairline, groin.

Every body shares its topology, so what is decided here holds for each of them. Reference coordinates are
metres, Z up, facing -Y, the body's left at +X.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from skinseg.synthetic.body.anatomy import body_image, body_model, face_groups, face_uvs, texels
from skinseg.synthetic.geometry.arrays import Floats, Ints
from skinseg.synthetic.geometry.quads import vertex_normals

BODY_VERTICES = 13380  # the first of a person's vertices are the body's own


@dataclass(frozen=True)
class Reference:
    """V = 19158 vertices as in `PosedBody`, B = 163 bones.

    rest: float32 (V, 3). bones: name to head, float32 (3,).
    weights: float32 (V, B), skinning weights, columns in the order of `bones`.
    groin, chest: vertices that clothing must always cover (chest: on women), int32.
    """

    rest: Floats
    bones: dict[str, Floats]
    weights: Floats
    groin: Ints
    chest: Ints

    def bone_share(self, *prefixes: str) -> Floats:
        """How much each vertex follows bones whose names start so: float32 (V,) in [0, 1]."""
        chosen = [index for index, name in enumerate(self.bones) if name.startswith(prefixes)]
        return np.asarray(self.weights[:, chosen].sum(axis=1), np.float32)


@cache
def reference_body() -> Reference:
    """The reference body (loads the body model)."""
    import torch

    model = body_model()
    with torch.inference_mode():
        shape = model(phenotype_kwargs={"gender": 0.5, "age": 0.7})
    rest = shape["rest_vertices"][0].float().numpy()
    heads = shape["rest_bone_heads"][0].float().numpy()
    weights = np.zeros((len(rest), len(heads)), np.float32)
    rows = np.arange(len(rest))[:, None]
    np.add.at(weights, (rows, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy())

    points = rest[:BODY_VERTICES]
    x, y, z = points.T
    groin = (np.abs(x) < 0.035) & (z > 0.045) & (z < 0.14) & (y < 0.09)
    nipples = np.array([[0.105, -0.155, 0.527], [-0.105, -0.155, 0.527]])
    breasts = np.linalg.norm(points[:, None] - nipples, axis=2).min(axis=1)
    chest = (_vertex_mask("aureolae") > 0.2) | (breasts < 0.045)
    return Reference(
        rest=rest,
        bones=dict(zip(model.bone_labels, heads, strict=True)),
        weights=weights,
        groin=np.flatnonzero(groin).astype(np.int32),
        chest=np.flatnonzero(chest).astype(np.int32),
    )


def body_normals(posed: Floats) -> Floats:
    """Unit normals of a posed body's skin, float32 (13380, 3)."""
    return vertex_normals(posed[:BODY_VERTICES], face_groups()["body"])


def _vertex_mask(name: str) -> Floats:
    """MakeHuman's UV mask `mpfb_<name>.jpg` at each vertex of the body, float32 (13380,) in [0, 1]."""
    mask = body_image(f"mpfb2/textures/mpfb_{name}.jpg")[..., 0]
    values = np.zeros(BODY_VERTICES, np.float32)
    values[face_groups()["body"].ravel()] = texels(mask, face_uvs()["body"].reshape(-1, 2)) / 255
    return values
