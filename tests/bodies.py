"""Bodies and checks that tests of geometry share."""

from functools import cache

import numpy as np

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.geometry.mesh import Mesh
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Body, Vector


@cache
def person(number: int) -> PosedBody:
    """Three builds and poses: a slight young woman, a heavy old man who looks up, a tall one who nods."""
    from skinseg.synthetic.body.human import pose_body

    builds = (
        {"gender": 0.95, "age": 0.67, "weight": 0.3, "height": 0.3, "asian": 1.0},
        {"gender": 0.05, "age": 1.0, "weight": 0.85, "height": 0.5, "caucasian": 1.0},
        {"gender": 0.3, "age": 0.75, "weight": 0.5, "height": 0.85, "african": 1.0},
    )
    poses: tuple[dict[str, Vector], ...] = (
        {},
        {"head": (-0.3, 0.1, 0.3), "neck01": (-0.1, 0.0, 0.2), "upperarm01.L": (0.0, -1.2, 0.3)},
        {"head": (0.3, 0.2, -0.4), "wrist.R": (0.3, 0.2, 0.1), "lowerarm01.R": (0.5, 0.4, 0.2)},
    )
    return pose_body(Body(builds[number], {"mouthSmileLeft": 0.5}, "a_pose", poses[number]))


def well_formed(mesh: Mesh, part: PartClass) -> None:
    assert np.isfinite(mesh.vertices).all()
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.max() < len(mesh.vertices)
    assert mesh.faces[:, :3].min() >= 0
    assert set(np.unique(mesh.classes)) == {part}
    assert mesh.uv is not None
    assert mesh.uv.shape == (len(mesh.faces), 4, 2)
    assert mesh.tint is not None
    assert mesh.tint.shape == mesh.vertices.shape
    assert np.isfinite(mesh.uv).all()
