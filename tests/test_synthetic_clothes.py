"""Clothes on posed bodies: always underwear, no skin through the cloth, outer pieces over inner ones."""

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.clothes.underwear import CHEST_COVERED_FROM_GENDER
from skinseg.synthetic.clothes.wardrobe import GARMENTS, covers_hair, layer, required_underwear
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Body, Garment

pytestmark = pytest.mark.slow  # each loads the body model

Floats = npt.NDArray[np.float32]


def garment(kind: str, **changes: Any) -> Garment:
    plain = Garment(kind, 0.0, 0.0, 0.0, 0.0, 0.005, 0.0, (0.2,) * 3, "plain", (0.5,) * 3, 20.0, 0.8, 1)
    return dataclasses.replace(plain, **changes)


BRIEFS, BRA = garment("briefs"), garment("bra")
SHIRT = garment("shirt", sleeve=0.35, neckline=0.3, hem=0.8, offset=0.02, folds=0.008)
TROUSERS = garment("trousers", leg=0.95, offset=0.015, folds=0.008)
SKIRT = garment("skirt", leg=0.4, offset=0.012, folds=0.01)
DRESS = garment("dress", sleeve=0.3, leg=0.5, neckline=0.2, offset=0.02, folds=0.01)
SWEATER = garment("sweater", sleeve=0.98, hem=0.9, offset=0.025, folds=0.01)
JACKET = garment("jacket", sleeve=0.97, hem=0.9, offset=0.025, folds=0.01)
COAT = garment("coat", sleeve=0.97, leg=0.4, offset=0.03, folds=0.01)
HEADSCARF = garment("headscarf", offset=0.012, folds=0.01)
SCARF = garment("scarf", offset=0.02, folds=0.01)
OUTFITS = (
    (),
    (TROUSERS, SHIRT),
    (SKIRT, SHIRT, HEADSCARF),
    (DRESS, SCARF),
    (TROUSERS, SHIRT, JACKET),
    (TROUSERS, SHIRT, COAT),
    (TROUSERS, SWEATER),
)


def people(count: int = 4) -> list[tuple[float, PosedBody]]:
    """Random bodies with their gender, women and men by turns."""
    return [drawn(seed) for seed in range(count)]


@cache
def drawn(seed: int) -> tuple[float, PosedBody]:
    from skinseg.synthetic.body.human import pose_body
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.draw.body import draw_body

    body = draw_body(np.random.default_rng([5, seed]), GeneratorConfig(), "whole")
    gender = (0.02, 0.95)[seed % 2]
    return gender, pose_body(dataclasses.replace(body, phenotype={**body.phenotype, "gender": gender}))


@pytest.mark.parametrize(("gender", "cup"), [(0.9, 1.0), (0.7, 0.7), (0.6, 0.5)])
def test_nipples_do_not_show_through_cloth(gender: float, cup: float) -> None:
    from skinseg.synthetic.body.human import pose_body
    from skinseg.synthetic.clothes.shell import pose_shell, reference_shell

    shell = reference_shell()
    posed = pose_shell(pose_body(Body({"gender": gender, "age": 0.7, "cupsize": cup}, {}, "a_pose", {})))
    # Cloth as it lies, a quad's side of 5 mm: how far a vertex stands out of its neighbours' mean.
    out = posed.points[shell.breast] - shell.breast_mean @ posed.points
    relief = np.abs((out * posed.normals[shell.breast]).sum(axis=1))
    assert len(relief) > 200
    assert relief.max() < 0.0012  # 1.4 to 4 mm without the smoothing


def standing(family: str, gender: float, weight: float) -> Body:
    """An average adult but for gender and weight, in a posture without noise."""
    sliders = {"age": 0.75, "muscle": 0.5, "height": 0.5, "proportions": 0.5, "cupsize": 0.5, "firmness": 0.5}
    origin = {"african": 0.3, "asian": 0.3, "caucasian": 0.4}
    phenotype = {**sliders, **origin, "gender": gender, "weight": weight}
    return Body(phenotype, {}, family, dict(POSTURES[family].joints))


def underwear(gender: float) -> tuple[Garment, ...]:
    return tuple(garment(kind) for kind in required_underwear(gender))


def number(material: str) -> int:
    return int(material.split(":")[2])


def test_required_underwear_covers_the_chest_from_the_threshold_on() -> None:
    assert required_underwear(0.0) == ("briefs",)
    assert required_underwear(np.nextafter(CHEST_COVERED_FROM_GENDER, 0)) == ("briefs",)
    assert required_underwear(CHEST_COVERED_FROM_GENDER) == ("briefs", "bra")
    assert required_underwear(1.0) == ("briefs", "bra")


@pytest.mark.parametrize(
    ("gender", "worn"),
    [
        (0.0, ()),
        (0.0, (SHIRT,)),
        (0.0, (BRA,)),
        (0.0, (SKIRT,)),
        (1.0, (BRIEFS,)),
        (1.0, (BRA,)),
        (1.0, (SHIRT, TROUSERS)),
        (1.0, (DRESS,)),
        (CHEST_COVERED_FROM_GENDER, (BRIEFS, SKIRT)),
    ],
)
def test_without_underwear_nobody_is_dressed(gender: float, worn: tuple[Garment, ...]) -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    _, body = people(1)[0]
    with pytest.raises(ValueError, match="underwear"):
        dress(worn, gender, body)


@pytest.mark.parametrize("over", [(), (SKIRT,), (TROUSERS, SHIRT), (DRESS,)])
def test_groin_and_chest_lie_under_cloth_on_every_body(over: tuple[Garment, ...]) -> None:
    """Their faces are dropped, and closed cloth lies close by: a skirt, open from below, does not count."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.anatomy import face_groups
    from skinseg.synthetic.body.reference import reference_body
    from skinseg.synthetic.clothes.wardrobe import dress

    faces = face_groups()["body"]
    for gender, body in people():
        worn = underwear(gender) + over
        cloth, covered = dress(worn, gender, body)
        private = reference_body().groin
        if gender >= CHEST_COVERED_FROM_GENDER:
            private = np.union1d(private, reference_body().chest)
        assert covered[np.isin(faces, private).all(axis=1)].all()
        closed = [mesh for mesh in cloth if worn[number(mesh.material)].kind != "skirt"]
        points = np.concatenate([mesh.vertices for mesh in closed])
        reach, _ = cKDTree(points).query(body.posed[private])
        assert reach.max() < 0.05


@pytest.mark.parametrize("over", OUTFITS)
def test_cloth_is_sound(over: tuple[Garment, ...]) -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    for gender, body in people(2):
        worn = underwear(gender) + over
        cloth, _ = dress(worn, gender, body)
        assert len(cloth) == len(worn)
        for mesh in cloth:
            assert set(np.unique(mesh.classes)) == {PartClass.CLOTHING}
            assert len(mesh.classes) == len(mesh.faces)
            assert mesh.faces.min() >= 0
            assert mesh.faces.max() < len(mesh.vertices)
            assert mesh.uv is not None
            assert mesh.uv.shape == (*mesh.faces.shape, 2)
            assert np.isfinite(mesh.vertices).all()
            assert np.isfinite(mesh.uv).all()
            assert worn[number(mesh.material)] is not None


@pytest.mark.parametrize("family", tuple(POSTURES))
def test_skin_that_is_left_under_a_hem_stays_below_the_cloth(family: str) -> None:
    """Deeper in, skin is dropped: so none shows through a garment, in any posture and build."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.anatomy import face_groups
    from skinseg.synthetic.body.human import pose_body
    from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals, reference_body
    from skinseg.synthetic.clothes.wardrobe import dress, field

    for gender, weight, over in (
        (0.05, 0.2, (TROUSERS, SHIRT)),
        (0.95, 0.8, (TROUSERS, SWEATER)),
        (0.95, 0.2, (DRESS,)),
    ):
        body = pose_body(standing(family, gender, weight))
        worn = underwear(gender) + over
        cloth, covered = dress(worn, gender, body)
        left = np.unique(face_groups()["body"][~covered])
        normals = body_normals(body.posed)
        # In a crease, where the air above the skin belongs to another part of the body, nothing is seen.
        rest, points = reference_body().rest[:BODY_VERTICES], body.posed[:BODY_VERTICES]
        beside = cKDTree(points).query(points[left] + 0.02 * normals[left])[1]
        left = left[np.linalg.norm(rest[beside] - rest[left], axis=1) < 0.05]
        for mesh in cloth:
            values = field(worn[number(mesh.material)])
            skin = left[values[left] < -0.004]
            if not len(skin):
                continue
            reach, nearest = cKDTree(mesh.vertices).query(body.posed[skin])
            above = np.einsum("ij,ij->i", mesh.vertices[nearest] - body.posed[skin], normals[skin])
            assert reach.max() < 0.12
            assert np.sum(above < -0.001) <= 8  # of a body's 13380


def test_an_outer_garment_lies_over_an_inner_one() -> None:
    """Where both are, along the shell's normals, whatever the pose."""
    from skinseg.synthetic.clothes.fields import shell_places
    from skinseg.synthetic.clothes.shell import pose_shell
    from skinseg.synthetic.clothes.wardrobe import _field, _lift

    for _, body in people(2):
        posed = pose_shell(body)
        inner, outer = (_field(piece, shell_places()) for piece in (SHIRT, JACKET))
        worn = _lift(SHIRT, inner, [], np.zeros(len(posed.points), np.float32), posed)
        over = _lift(JACKET, outer, [], worn, posed)
        both = (inner < 0) & (outer < 0)
        assert both.any()
        assert (over[both] > worn[both]).all()


def test_layers_go_from_the_skin_outwards() -> None:
    order = ["briefs", "trousers", "shirt", "skirt", "sweater", "jacket", "coat", "headscarf", "scarf"]
    layers = [layer(garment(kind)) for kind in order]
    assert layers == sorted(layers)
    assert len(set(layers)) == len(layers)


def test_hidden_faces_lie_inside_a_garment_and_hands_and_face_stay() -> None:
    from skinseg.synthetic.body.anatomy import body_classes, face_groups
    from skinseg.synthetic.body.reference import reference_body
    from skinseg.synthetic.clothes.wardrobe import dress, field

    faces = face_groups()["body"]
    gender, body = people(1)[0]
    worn = (BRIEFS, TROUSERS, dataclasses.replace(SHIRT, sleeve=1.0), HEADSCARF)
    _, covered = dress(worn, gender, body)
    depth = np.min([field(piece) for piece in worn], axis=0)
    assert (depth[faces[covered]] < 0).all()
    assert covered.mean() > 0.2
    hands = reference_body().bone_share("finger", "metacarpal") > 0.9
    face = reference_body().bone_share("jaw", "oris", "orbi") > 0.9
    assert not covered[(hands | face)[faces].any(axis=1)].any()
    assert not covered[body_classes() != PartClass.SKIN].any()


def test_a_skirt_hides_no_face_for_good() -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    gender, body = people(1)[0]
    bare, skirted = (dress((BRIEFS, *over), gender, body)[1] for over in ((), (SKIRT,)))
    np.testing.assert_array_equal(bare, skirted)


@pytest.mark.parametrize("kind", ["briefs", "bra", "trousers", "shirt"])
def test_hems_follow_the_iso_line(kind: str) -> None:
    """Cut vertices lie on the field's zero: no staircase of whole faces at the hem."""
    from skinseg.synthetic.clothes.fields import shell_places
    from skinseg.synthetic.clothes.pieces import slid_to_edge
    from skinseg.synthetic.clothes.shell import reference_shell
    from skinseg.synthetic.clothes.wardrobe import _field

    shell, values = reference_shell(), _field(garment(kind, leg=0.5), shell_places())
    faces = shell.faces[(values[shell.faces] < 0).any(axis=1)]
    used, compact = np.unique(faces, return_inverse=True)
    rest, signed = shell.rest[used], values[used]
    # With the field as the third coordinate, sliding interpolates it along with the position.
    slid = slid_to_edge(
        np.c_[rest[:, :2], signed].astype(np.float32), signed, compact.reshape(-1, 4).astype(np.int32)
    )
    assert (signed >= 0).any()
    assert np.abs(slid[signed >= 0, 2]).max() < 1e-3
    np.testing.assert_array_equal(slid[signed < 0, 2], signed[signed < 0])


def test_equal_garments_have_equal_bytes_and_the_seed_moves_the_folds() -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    gender, body = people(1)[0]
    first, again, other = (
        dress((BRIEFS, dataclasses.replace(TROUSERS, seed=seed)), gender, body)[0][1] for seed in (1, 1, 2)
    )
    assert first.vertices.tobytes() == again.vertices.tobytes()
    assert first.vertices.shape == other.vertices.shape
    assert not np.array_equal(first.vertices, other.vertices)


def test_folds_stay_within_their_height() -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    gender, body = people(1)[0]
    flat, folded = (
        dress((BRIEFS, dataclasses.replace(TROUSERS, folds=folds)), gender, body)[0][1].vertices
        for folds in (0.0, 0.01)
    )
    moved = np.linalg.norm(folded - flat, axis=1)
    assert 0.001 < moved.max() < 0.02


def test_loose_cloth_stands_off_further() -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.reference import BODY_VERTICES
    from skinseg.synthetic.clothes.wardrobe import dress

    gender, body = people(1)[0]
    tree = cKDTree(body.posed[:BODY_VERTICES])
    near, far = (
        np.median(
            tree.query(dress((BRIEFS, dataclasses.replace(SHIRT, offset=o)), gender, body)[0][1].vertices)[0]
        )
        for o in (0.006, 0.04)
    )
    assert far > near + 0.008


@pytest.mark.parametrize("kind", GARMENTS)
def test_every_kind_can_be_worn(kind: str) -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    gender, body = people(2)[1]
    piece = garment(kind, sleeve=0.5, leg=0.5, neckline=0.2, hem=0.8, offset=0.02, folds=0.01)
    worn = (*underwear(gender), piece)
    cloth, _ = dress(worn, gender, body)
    assert 2 in [number(mesh.material) for mesh in cloth]


def test_only_a_headscarf_hides_hair() -> None:
    assert covers_hair((BRIEFS, HEADSCARF))
    assert not covers_hair((BRIEFS, SCARF, COAT))


def test_an_unknown_garment_is_refused() -> None:
    from skinseg.synthetic.clothes.wardrobe import dress

    gender, body = people(1)[0]
    with pytest.raises(ValueError, match="cape"):
        dress((BRIEFS, garment("cape")), gender, body)
