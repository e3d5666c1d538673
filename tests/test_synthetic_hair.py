"""Hair on posed bodies: rooted where it grows, off the face, out of the body, falling in the world."""

import dataclasses
import hashlib
import math
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Body, Hair, Vector

pytestmark = pytest.mark.slow  # each loads the body model

Floats = npt.NDArray[np.float32]

HAIR = Hair("short", 0.03, 260.0, 0.2, (0.05, 0.03, 0.02), 0.6, 0.7, "none", 0.0, 7)
LENGTHS = {
    "bald": 0.0, "buzz": 0.006, "short": 0.04, "curly": 0.08, "afro": 0.09, "bob": 0.25, "long": 0.5,
    "ponytail": 0.45, "bun": 0.35, "receding": 0.03,
}  # fmt: skip
GROWING = [style for style in LENGTHS if style != "bald"]
HANGING = ("bob", "long", "ponytail")


@cache
def person(head: Vector = (0.0, 0.0, 0.0), gender: float = 0.9, weight: float = 0.5) -> PosedBody:
    """An adult at rest but for the head, turned by a rotation vector."""
    from skinseg.synthetic.body.human import pose_body

    return pose_body(Body({"gender": gender, "age": 0.75, "weight": weight}, {}, "a_pose", {"head": head}))


def hair_of(style: str, **changes: float | str) -> Hair:
    return dataclasses.replace(HAIR, style=style, length=LENGTHS[style], **changes)


def scalp_hair(hair: Hair, body: PosedBody) -> list[Strands]:
    from skinseg.synthetic.hair.grow import grow_hair

    return grow_hair(dataclasses.replace(hair, brows=0.0, lashes=0.0, beard="none"), body)


def surface(body: PosedBody, parts: int = 4) -> tuple[Floats, Floats]:
    """Points all over the body's skin, and the same places on the reference body: float32 (N, 3)."""
    from skinseg.synthetic.body.anatomy import face_groups
    from skinseg.synthetic.body.reference import reference_body

    u, v = (np.indices((parts, parts)).reshape(2, 1, -1, 1) + 0.5) / parts
    places = []
    for vertices in (body.posed, reference_body().rest):
        a, b, c, d = vertices[face_groups()["body"]].transpose(1, 0, 2)[:, :, None]
        inner = (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d
        places.append(np.asarray(inner.reshape(-1, 3), np.float32))
    return places[0], places[1]


def depth_in_body(points: Floats, body: PosedBody) -> Floats:
    """How far points (N, 3) lie under the skin of head and trunk, metres, negative outside: (N,)."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.hair.strands import obstacle_of, posed_head

    obstacle = obstacle_of(posed_head(body, 0.0), ears=False)
    reach, nearest = cKDTree(obstacle.points).query(points)
    depth = -np.einsum("ij,ij->i", points - obstacle.points[nearest], obstacle.normals[nearest])
    return np.where(reach < 0.05, depth, -1.0).astype(np.float32)


def test_unknown_names_are_refused() -> None:
    from skinseg.synthetic.hair.grow import grow_hair, hair_shade, haired_faces

    body = person()
    for wrong in (dataclasses.replace(HAIR, style="mohawk"), dataclasses.replace(HAIR, beard="goat")):
        for call in (lambda hair: grow_hair(hair, body), haired_faces, hair_shade):
            with pytest.raises(ValueError, match=r"mohawk|goat"):
                call(wrong)


@pytest.mark.parametrize("style", GROWING)
def test_equal_records_give_equal_bytes_and_seeds_differ(style: str) -> None:
    body, hair = person(), hair_of(style, beard="full", beard_length=0.02)

    def digest(record: Hair) -> str:
        from skinseg.synthetic.hair.grow import grow_hair

        strands = grow_hair(record, body)
        assert all(group.points.dtype == np.float32 for group in strands)
        return hashlib.sha256(b"".join(group.points.tobytes() for group in strands)).hexdigest()

    assert digest(hair) == digest(hair)
    assert digest(hair) != digest(dataclasses.replace(hair, seed=8))


@pytest.mark.parametrize("style", GROWING)
def test_hair_is_finite_rooted_on_the_scalp_and_not_too_much_to_render(style: str) -> None:
    from scipy.spatial import cKDTree

    body = person(head=(0.2, 0.1, 0.2))
    groups = scalp_hair(hair_of(style), body)
    assert sum(len(group.points) for group in groups) < 30000
    assert max(group.points.shape[1] for group in groups) <= 12
    skin, place = surface(body)
    reach, nearest = cKDTree(skin).query(groups[0].points[:, 0])
    assert reach.max() < 0.006
    # On the reference body the nape ends at 0.79 m, the ears' tops lie at 0.9 m and the brows at 0.925 m.
    _, y, z = place[nearest].T
    assert z.min() > 0.78
    assert z[y < -0.085].min() > 0.9
    assert z[y < -0.10].min() > 0.93
    for group in groups:
        assert np.isfinite(group.points).all()


@pytest.mark.parametrize(
    ("style", "head"),
    [(style, (0.0, 0.0, 0.0)) for style in GROWING]
    + [(style, head) for style in HANGING for head in ((0.35, 0.0, 0.0), (0.0, 0.3, 0.4))],
)
def test_hair_stays_off_the_face_and_out_of_the_body(style: str, head: Vector) -> None:
    from scipy.spatial import cKDTree

    body = person(head=head)
    strands = [group.points[::8, 1:].reshape(-1, 3) for group in scalp_hair(hair_of(style), body)]
    points = np.concatenate(strands)
    for eye in (body.posed_bones["eye.L"], body.posed_bones["eye.R"]):
        assert np.linalg.norm(points - eye, axis=1).min() > 0.02
    # Nothing before nose, mouth and inner cheeks.
    skin, place = surface(body, parts=2)
    reach, nearest = cKDTree(skin).query(points, distance_upper_bound=0.05)
    points, reach, nearest = points[reach < 0.05], reach[reach < 0.05], nearest[reach < 0.05]
    x, y, z = place[nearest].T
    middle = (np.abs(x) < 0.035) & (y < -0.12) & (z > 0.80) & (z < 0.91)
    assert middle.sum() == 0
    depth = depth_in_body(points, body)
    assert np.mean(depth > 0.003) < 0.01
    assert depth.max() < 0.03


@pytest.mark.parametrize("style", HANGING)
def test_long_hair_falls_in_the_world_whatever_the_head_does(style: str) -> None:
    for head in ((0.0, 0.0, 0.0), (0.3, 0.0, 0.3), (0.0, 0.35, 0.0)):
        points = scalp_hair(hair_of(style, curl=0.0), person(head=head))[
            -1 if style == "ponytail" else 0
        ].points
        ends = points[:, -1] - points[:, -3]
        down = -ends[:, 2] / np.linalg.norm(ends, axis=1)
        assert np.median(down) > 0.8
        # No stray arcs: a strand never turns back on itself.
        steps = np.diff(points, axis=1)
        steps /= np.maximum(np.linalg.norm(steps, axis=2, keepdims=True), 1e-6)
        assert np.mean(np.einsum("spi,spi->sp", steps[:, 1:], steps[:, :-1]) < -0.2) < 0.005


def test_length_decides_how_far_hair_hangs() -> None:
    body = person()
    lowest = [
        np.percentile(
            scalp_hair(dataclasses.replace(hair_of("long"), length=length), body)[0].points[..., 2], 1
        )
        for length in (0.2, 0.35, 0.5)
    ]
    assert lowest[0] > lowest[1] + 0.05
    assert lowest[1] > lowest[2] + 0.05


def test_short_hair_hugs_the_skull() -> None:
    from scipy.spatial import cKDTree

    for style, reach_allowed in (("buzz", 0.012), ("short", 0.03), ("receding", 0.03)):
        body = person(gender=0.1)
        reach, _ = cKDTree(surface(body)[0]).query(
            scalp_hair(hair_of(style), body)[0].points[::8].reshape(-1, 3)
        )
        assert reach.max() < reach_allowed


@pytest.mark.parametrize("beard", ["moustache", "goatee", "full"])
def test_a_beard_grows_on_its_part_of_the_face_and_not_on_the_lips(beard: str) -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.anatomy import body_classes
    from skinseg.synthetic.hair.grow import grow_hair

    body = person(gender=0.1)
    bare = dataclasses.replace(HAIR, style="bald", brows=0.0, lashes=0.0)
    (strands,) = grow_hair(dataclasses.replace(bare, beard=beard, beard_length=0.012), body)
    skin, place = surface(body)
    _, nearest = cKDTree(skin).query(strands.points[:, 0])
    x, y, z = place[nearest].T
    assert z.max() < (0.865 if beard != "full" else 0.92)
    assert z.min() > 0.74
    assert y.max() < -0.03
    # The reference face's mouth is 5 cm wide.
    widest = {"moustache": 0.036, "goatee": 0.042, "full": 0.09}[beard]
    assert (
        widest / 2 < np.abs(x).max() < widest + 1e-4
    )  # the nearest of a finite number of points of the skin
    assert (np.repeat(body_classes(), 16)[nearest] == PartClass.LIPS).mean() < 0.01
    assert not grow_hair(dataclasses.replace(bare, beard="stubble", beard_length=0.003), body)


def test_brows_and_lashes_grow_by_their_amount_and_are_absent_at_zero() -> None:
    from skinseg.synthetic.hair.grow import grow_hair

    body = person()
    bare = dataclasses.replace(HAIR, style="bald", brows=0.0, lashes=0.0)
    assert not grow_hair(bare, body)
    eyes = np.stack([body.posed_bones["eye.L"], body.posed_bones["eye.R"]])
    counts = []
    for thickness in (0.1, 0.5, 1.0):
        (brows,) = grow_hair(dataclasses.replace(bare, brows=thickness), body)
        counts.append(len(brows.points))
        left = np.linalg.norm(brows.points[:, :1] - eyes, axis=2).argmin(axis=1) == 0
        assert 0.35 < left.mean() < 0.65
        length = np.linalg.norm(np.diff(brows.points, axis=1), axis=2).sum(axis=1)
        assert 0.003 < length.min() < length.max() < 0.012
    assert counts[0] < counts[1] < counts[2]

    lengths = []
    for amount in (0.2, 1.0):
        (lashes,) = grow_hair(dataclasses.replace(bare, lashes=amount), body)
        assert np.linalg.norm(lashes.points[:, :1] - eyes, axis=2).min(axis=1).max() < 0.035
        assert {"upper", "lower"} == {
            "upper" if up else "lower" for up in lashes.points[:, 0, 2] > eyes[0, 2]
        }
        lengths.append(np.linalg.norm(lashes.points[:, -1] - lashes.points[:, 0], axis=1).mean())
    assert lengths[0] < 0.6 * lengths[1]
    assert 0.003 < lengths[1] < 0.012


def test_faces_under_dense_hair_are_hair_and_stubble_is_skin() -> None:
    from skinseg.synthetic.body.anatomy import body_classes, face_groups
    from skinseg.synthetic.body.reference import reference_body
    from skinseg.synthetic.hair.grow import haired_faces

    bald = dataclasses.replace(HAIR, style="bald")
    assert not haired_faces(bald).any()
    assert not haired_faces(dataclasses.replace(bald, beard="stubble", beard_length=0.004)).any()
    full = haired_faces(dataclasses.replace(bald, beard="full", beard_length=0.03))
    scalp, receding = haired_faces(HAIR), haired_faces(hair_of("receding"))
    assert full.any()
    assert 0 < receding.sum() < scalp.sum()
    assert not (receding & ~scalp).any()
    for chosen in (full, scalp, receding):
        assert (body_classes()[chosen] == PartClass.SKIN).all()
    height = reference_body().rest[face_groups()["body"], 2].mean(axis=1)
    assert height[full].max() < 0.92
    assert height[scalp].min() > 0.79


def test_the_shade_lies_where_hair_is_and_between_none_and_all() -> None:
    from skinseg.synthetic.hair.beards import beard_depth
    from skinseg.synthetic.hair.grow import hair_shade
    from skinseg.synthetic.hair.hairline import reference_skin, scalp_depth

    bald = dataclasses.replace(HAIR, style="bald")
    assert not hair_shade(bald).any()
    stubble = hair_shade(dataclasses.replace(bald, beard="stubble"))
    assert stubble.dtype == np.float32
    np.testing.assert_array_equal(stubble > 0, beard_depth("full", reference_skin()) > 0)
    assert 0 <= stubble.min() < stubble.max() < 1
    assert 0 < hair_shade(HAIR).max() < 1
    assert not hair_shade(HAIR)[scalp_depth(reference_skin()) < -0.05].any()


@pytest.mark.parametrize("style", HANGING)
def test_from_afar_strands_are_fewer_and_as_much_wider(style: str) -> None:
    from skinseg.synthetic.hair.grow import grow_hair

    body, hair = person(), hair_of(style)
    near, middle, far = (grow_hair(hair, body, pixel) for pixel in (0.001, 0.004, 1.0))
    assert [len(group.points) for group in near] == [len(group.points) for group in grow_hair(hair, body)]
    for close, away, farthest in zip(near, middle, far, strict=True):
        assert len(farthest.points) <= len(away.points) <= len(close.points)
        for group in (away, farthest):
            width = len(group.points) * group.radius
            by_chance = 4 / math.sqrt(len(group.points))
            assert width == pytest.approx(len(close.points) * close.radius, rel=by_chance)
        # How far away it is does not change the style.
        shapes = [np.percentile(group.points, (10, 50, 90), axis=(0, 1)) for group in (close, farthest)]
        np.testing.assert_allclose(*shapes, atol=0.015)
    counts = [sum(len(group.points) for group in groups) for groups in (near, middle, far)]
    assert counts[0] > 1.3 * counts[1] > 1.3 * counts[2] > 1000  # a fine head of hair, seen or not
    assert max(group.radius for group in middle) < 0.004 / 2  # no strand is a pixel wide
