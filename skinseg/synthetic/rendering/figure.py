"""From a Scene to its geometry: posed, dressed people, and the things about them."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody, body_classes, face_groups, face_uvs
from skinseg.synthetic.body.contact import hand_frame, sitter
from skinseg.synthetic.body.human import compact_mesh, part_meshes, pose_body, track_points
from skinseg.synthetic.body.reference import BODY_VERTICES
from skinseg.synthetic.clothes.wardrobe import covers_hair, dress
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.geometry.mesh import Figure, Mesh, Strands
from skinseg.synthetic.geometry.rotation import rotation_matrix
from skinseg.synthetic.hair.grow import grow_hair, hair_shade, haired_faces, without_scalp_hair
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.room.backgrounds import Photos, load_photo
from skinseg.synthetic.room.things.build import build_things
from skinseg.synthetic.scene import SENSOR, Hair, Person, Scene, Skin
from skinseg.synthetic.worn.accessories import tuck, wear


def build_figure(scene: Scene, photos: Photos | None = None) -> Figure:
    """All people and things of a scene; photos: where its photographs lie.

    A deterministic function of the scene. Raises ValueError for an age below 2/3: adults only, and UserError
    for a photograph that is missing or has changed.
    """
    meshes: list[Mesh] = []
    strands: list[Strands] = []
    bodies = [pose_body(person.body) for person in scene.people]
    tracks = track_points(bodies[0])
    eye = scene.eye(tracks[scene.camera.track])
    for number, (person, body) in enumerate(zip(scene.people, bodies, strict=True)):
        head = _placed(body.posed_bones["head"], person)
        pixel = math.dist(eye, head) * SENSOR / (scene.camera.focal_length * scene.resolution)
        surfaces, hairs = build_person(person, body, pixel)
        meshes += [_placed_mesh(mesh, person, number) for mesh in surfaces]
        strands += [_placed_strands(hair, person, number) for hair in hairs]
    hands = {side: hand_frame(bodies[0], side) for side in ("left", "right")}
    under = {thing.under for thing in scene.things if thing.under is not None}
    sitters = {n: sitter(bodies[n], scene.people[n].place, scene.people[n].facing) for n in under}
    meshes += build_things(scene.things, hands, sitters)
    walls = scene.room.walls
    shown = {}
    if walls.photo and photos is not None:
        shown[walls.photo] = load_photo(photos.folder, walls.photo, walls.photo_hash)
    return Figure(tuple(meshes), tuple(strands), tracks, shown)


def build_person(person: Person, body: PosedBody, pixel: float) -> tuple[list[Mesh], list[Strands]]:
    """Surfaces and hair of one dressed person: feet at z = 0, pelvis at x = y = 0, facing -Y.

    pixel: metres that a pixel of the frame spans at the head.
    """
    clothes, covered = dress(person.garments, person.body.phenotype["gender"], body)
    hair = person.hair
    if covers_hair(person.garments):
        hair = without_scalp_hair(hair)
    worn = wear(person.accessories, body, clothes)
    strands = tuck(grow_hair(hair, body, pixel), person.accessories, body)
    skin = skin_mesh(body, covered, hair, person.skin)
    return [skin, *part_meshes(body), *clothes, *worn], strands


def _placed_mesh(mesh: Mesh, person: Person, number: int) -> Mesh:
    return dataclasses.replace(
        mesh, vertices=_placed(mesh.vertices, person), material=_numbered(mesh.material, number)
    )


def _placed_strands(strands: Strands, person: Person, number: int) -> Strands:
    return dataclasses.replace(
        strands, points=_placed(strands.points, person), material=_numbered(strands.material, number)
    )


def _placed(points: Floats, person: Person) -> Floats:
    """Points (..., 3) turned about Z by the person's facing, then moved to the place."""
    turn = rotation_matrix(np.array([0.0, 0.0, person.facing]))
    return np.asarray(points @ turn.T + np.array([*person.place, 0.0]), np.float32)


def _numbered(material: str, number: int) -> str:
    """A person is built as number 0 of the scene."""
    kind, _, *rest = material.split(":")
    return ":".join([kind, str(number), *rest])


def skin_mesh(body: PosedBody, covered: npt.NDArray[np.bool_], hair: Hair, skin: Skin) -> Mesh:
    """The body without the faces under clothes.

    covered: bool (F,) over the "body" faces: left out. Faces under dense hair are hair where they would be
    skin (what shows between strands is hair to the eye), and skin takes on the colour of stubble.
    """
    shown = ~covered
    faces, classes = face_groups()["body"], body_classes().copy()
    classes[haired_faces(hair) & (classes == PartClass.SKIN)] = PartClass.HAIR
    tint = np.ones_like(body.rest)
    tint[faces[classes == PartClass.MOUTH_INTERIOR]] = (0.5, 0.25, 0.25)
    tint[faces[classes == PartClass.LIPS]] = skin.lip_tint
    shade = np.zeros((len(tint), 1), np.float32)
    shade[:BODY_VERTICES, 0] = hair_shade(hair)
    of_hair = np.asarray(np.divide(hair.color, skin.albedo), np.float32)
    tint *= (1 - shade) + shade * of_hair
    return compact_mesh(body, faces[shown], classes[shown], "skin:0", face_uvs()["body"][shown], tint)
