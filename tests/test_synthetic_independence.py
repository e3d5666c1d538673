"""Independence: what the sampler draws apart from each other must not go together in what it draws.

Marginals alone cannot see two parts that are drawn from one random stream, each of which is right by itself.
"""

import itertools
import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, false_discovery_control, spearmanr

from skinseg.synthetic import streams
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.scene import Light, Person, Scene
from skinseg.synthetic.streams import Part, stream

COUNT = 3000
WORN_WITH_OUTFITS = ("shirt", "sweater", "dress", "trousers", "skirt", "jacket", "coat")
ACCESSORIES = (
    "glasses",
    "sunglasses",
    "beanie",
    "cap",
    "brim_hat",
    "headband",
    "necklace",
    "earrings",
    "watch",
)

# Pairs that the sampler ties on purpose: two groups of factors, and why. A pair is excused where one factor is in the
# first group and the other in the second.
OUTFIT = (
    "clothed",
    "outfit",
    "sleeve",
    "leg",
    "hem",
    "neckline",
    "garments",
    "cloth_pattern",
    "offset",
    "folds",
)
POSTURE = ("pose_family", "gesture", "turned", "head_turn")
FRAMED = ("radius", "rise", "focal_length", "extent", "shift")
TIES: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (("tone",), ("ita", "freckles", "iris", "hair_lightness", "lip"), "ITA lies in the group; freckles and light "
     "eyes are of light skin, light hair rare on dark; lips are the skin's colour, darker and redder"),
    (("ita",), ("freckles", "iris", "hair_lightness", "lip"), "as the tone"),
    (("tone", "ita", "freckles", "iris"), ("cloth_lightness",), "nobody wears their own skin's colour"),
    (("freckles", "lip"), ("iris", "hair_lightness", "lip", "cloth_lightness"), "through the tone"),
    (("iris",), ("hair_lightness",), "through the tone"),
    (("gender",), ("hair", "hair_length", "curl", "beard", "beard_length", "skirt", "bra", "lip", "opening", *OUTFIT),
     "hairstyles, beards, make-up, skirts, scarves over the hair, and bras are drawn by gender"),
    (("hair", "hair_length", "curl", "beard", "beard_length", "bra", "lip"),
     ("hair", "hair_length", "curl", "beard", "beard_length", "bra", "lip", "hair_lightness", *OUTFIT),
     "through the gender; a style has its own lengths and curl, a beard its own length"),
    (("age",), ("wrinkles", "hair_lightness"), "wrinkles grow with age, hair turns grey"),
    (("wrinkles",), ("hair_lightness",), "through the age"),
    (OUTFIT, (*OUTFIT, "bra", "hat"), "cuts belong to garments, and garments to outfits; no hat on a headscarf"),
    (("cloth_lightness",), OUTFIT, "the outermost garment's colour, drawn apart from underwear's"),
    (("track",), ("radius", "rise", "focal_length", "extent", "shift", *POSTURE, "gesture", "theta_side"),
     "a part has its own framing, and postures that show it are favoured"),
    (("track",), ("people", "theta", "turn", "cloth_lightness", *OUTFIT),
     "crowds are about upper bodies and whole ones; "
     "backs are seen from behind; outfits leave bellies and backs bare that are looked at"),
    (("people", "theta", "turn", "cloth_lightness", *OUTFIT),
     ("people", "theta", "turn", "seated", *OUTFIT, *POSTURE, *FRAMED), "through the track"),
    (FRAMED,
     (*FRAMED, *POSTURE, "people", "outdoors", "panorama", "room", "ceiling", "theta",
      "turn", "sky", "wall_texture", "floor_texture"),
     "span = distance·36/F; walls end the distance, places under the sky are wider, company widens the frame"),
    (POSTURE, (*POSTURE, "seated", "leg", "held", *OUTFIT), "a posture has its own arms and hands; who sits has a "
     "seat, and bent hips have briefs with legs; fingers close round what is held"),
    (("seated",), ("things", "track", "radius", "rise", "focal_length", "extent", "shift", "leg", *OUTFIT),
     "who sits sits on a thing; postures go with the track"),
    (("outdoors", "panorama", "room", "ceiling", "sky", "wall_texture", "floor_texture"),
     ("outdoors", "panorama", "room", "ceiling", "sky", "wall_texture", "floor_texture", "lights", "power",
      "temperature", "light_edge", "light_height", "light_side"),
     "places under the sky are twice as wide, with their own textures and a sun, panoramas as wide and with their own "
     "light; low ceilings end a lamp's height"),
    (("lights", "power", "temperature", "light_edge", "light_height", "light_side"),
     ("lights", "power", "temperature", "light_edge", "light_height", "light_side", "theta", "turn", "radius",
      "rise", "focal_length", "shift", "extent"),
     "a sun has other units than lamps; the first light stands on the camera's side, walls end its distance, and "
     "outdoors the camera stands further away"),
    (("theta",), ("turn", "outdoors", "panorama", "room"), "one is the other without its side; walls"),
    (("wall_texture", "floor_texture"), ("wall_contrast",), "a surface's own"),
    (("african",), ("asian", "caucasian"), "shares of one mixture"),
    (("asian",), ("caucasian",), "shares of one mixture"),
    (("glasses", "hat", "jewellery"), ("accessories",), "counted in them"),
)  # fmt: skip


def tied(one: str, other: str) -> bool:
    return any(
        (one in first and other in second) or (other in first and one in second) for first, second, _ in TIES
    )


def factors(scene: Scene) -> dict[str, float | str | bool]:
    """What a scene records, one value a factor, of the person that the camera tracks."""
    person, camera, room = scene.people[0], scene.camera, scene.room
    body, skin, hair = person.body, person.skin, person.hair
    sun = room.sky is not None
    first = scene.lights[0] if scene.lights else Light((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0, 0.0)
    side = math.remainder(math.atan2(first.position[1], first.position[0]) - camera.theta, 2 * math.pi)
    held = [thing for thing in scene.things if thing.held]
    seats = [thing for thing in scene.things if thing.under is not None]
    own_seat = any(thing.under == 0 for thing in seats)
    standing = len(scene.things) - len(held) - len(seats)
    return {
        "people": len(scene.people),
        "tone": skin.fitzpatrick,
        "ita": skin.ita,
        "skin_roughness": skin.roughness,
        "subsurface": skin.subsurface,
        "mottling": skin.mottling,
        "redness": skin.redness,
        "freckles": skin.freckles,
        "moles": skin.moles,
        "blemishes": skin.blemishes,
        "wrinkles": skin.wrinkles,
        "sheen": skin.sheen,
        "lip": skin.lip_tint[1],
        **{
            name: body.phenotype[name]
            for name in ("gender", "age", "muscle", "weight", "height", "proportions")
        },
        **{name: body.phenotype[name] for name in ("african", "asian", "caucasian")},
        "expression": bool(body.expression),
        "pose_family": body.pose_family,
        "head_turn": body.joints.get("head", (0.0, 0.0, 0.0))[2],
        "gaze": body.joints.get("eye.L", (0.0, 0.0, 0.0))[0],
        "hair": hair.style,
        "hair_length": hair.length,
        "hair_density": hair.density,
        "curl": hair.curl,
        "hair_lightness": sum(hair.color),
        "brows": hair.brows,
        "lashes": hair.lashes,
        "beard": hair.beard,
        "beard_length": hair.beard_length,
        "iris": person.iris[0],
        **clothes(person),
        "glasses": any("glasses" in each.kind for each in person.accessories),
        "hat": any(each.kind in ("beanie", "cap", "brim_hat", "headband") for each in person.accessories),
        "jewellery": any(
            each.kind in ("necklace", "earrings", "watch", "bracelet", "rings") for each in person.accessories
        ),
        "held": held[0].kind if held else "",
        "things": standing,
        "seated": own_seat,
        "outdoors": sun,
        "panorama": room.panorama.kind if room.panorama else "",
        "room": room.size[0],
        "ceiling": room.size[2],
        "wall_texture": room.walls.texture,
        "wall_contrast": room.walls.contrast,
        "floor_texture": room.floor.texture,
        "lights": len(scene.lights),
        "power": first.power,
        "temperature": first.temperature,
        "light_edge": first.edge,
        "light_height": first.position[2],
        "light_side": side,
        "track": camera.track,
        "theta": camera.theta,
        "turn": abs(camera.theta - 1.5 * math.pi),
        **{name: getattr(camera, name) for name in ("radius", "rise", "focal_length", "roll", "exposure")},
        "extent": 36 * math.hypot(camera.radius, camera.rise) / camera.focal_length,
        "shift": abs(camera.shift[0]),
        "red_balance": camera.white_balance[0],
        "blue_balance": camera.white_balance[1],
        **{
            name: getattr(camera, name)
            for name in ("contrast", "saturation", "vignette", "blur", "noise", "jpeg")
        },
        "motion": camera.motion != (0.0, 0.0),
    }


def clothes(person: Person) -> dict[str, float | str | bool]:
    outer = person.garments[-1]
    kinds = [garment.kind for garment in person.garments]
    return {
        "clothed": any(kind in WORN_WITH_OUTFITS for kind in kinds),
        "garments": len(kinds),
        "outfit": " ".join(kind for kind in kinds if kind in WORN_WITH_OUTFITS),
        "bra": "bra" in kinds,
        **{name: getattr(outer, name) for name in ("sleeve", "leg", "hem", "neckline", "offset", "folds")},
        "cloth_pattern": outer.pattern,
        "cloth_lightness": sum(outer.color),
    }


def associations(scenes: Iterable[Scene]) -> pd.DataFrame:
    """A row per pair of factors that are not tied on purpose: p, and q after Benjamini and Hochberg over all pairs."""
    table = pd.DataFrame([factors(scene) for scene in scenes])
    codes = {name: binned(table[name]) for name in table}
    numbers = {
        name for name in table if pd.api.types.is_numeric_dtype(table[name]) and table[name].nunique() > 8
    }
    rows = []
    for one, other in itertools.combinations(table.columns, 2):
        if tied(one, other):
            continue
        p = chi_square(codes[one], codes[other])
        if {one, other} <= numbers:
            p = min(
                2 * min(p, float(spearmanr(table[one], table[other]).pvalue)), 1.0
            )  # Bonferroni of two tests
        rows.append((one, other, p))
    pairs = pd.DataFrame(rows, columns=["one", "other", "p"])
    return pairs.assign(q=false_discovery_control(pairs["p"])).sort_values("p")


def binned(values: pd.Series) -> np.ndarray:
    """A code per value: five quantiles of a number, or the names, with those rarer than 2 % put together."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 8:
        return np.asarray(pd.qcut(values, 5, labels=False, duplicates="drop"))
    counts = values.value_counts()
    rare = values.isin(counts[counts < 0.02 * len(values)].index)
    return np.asarray(values.astype(str).where(~rare, "rare").astype("category").cat.codes)


def chi_square(one: np.ndarray, other: np.ndarray) -> float:
    counts = np.zeros((one.max() + 1, other.max() + 1), int)
    np.add.at(counts, (one, other), 1)
    counts = counts[:, counts.sum(axis=0) > 20][counts.sum(axis=1) > 20]
    if min(counts.shape) < 2:
        return 1.0
    return float(chi2_contingency(counts, correction=False).pvalue)


@pytest.mark.slow
def test_factors_that_are_drawn_apart_are_independent():
    config = GeneratorConfig()
    pairs = associations(draw_scene(config, 20, index) for index in range(COUNT))
    found = pairs[pairs["q"] < 0.05]
    assert len(pairs) > 1500
    assert found.empty, f"{len(found)} of {len(pairs)} pairs go together:\n{found.head(40).to_string()}"


def first_draws(rng: np.random.Generator) -> tuple[int, int]:
    one, other = rng.integers(2**62, size=2)
    return int(one), int(other)


def test_no_two_streams_are_the_same():
    numbers = (0, 1, 2, 2**31, 2**32 - 1)
    keys = [
        (part, seed, index, attempt, number)
        for part in Part
        for seed in (0, 1, 2**32, 2**64, 2**32 + 1, 2**127)
        for index, attempt, number in itertools.product(numbers[:3], repeat=3)
    ]
    keys += [(Part.ROOM, 0, *each) for each in itertools.product(numbers[3:], repeat=3)]
    assert len({first_draws(stream(*key)) for key in keys}) == len(keys)


@given(
    st.tuples(*[st.integers(0, 2**32 - 1)] * 4, st.sampled_from(list(Part))),
    st.tuples(*[st.integers(0, 2**32 - 1)] * 4, st.sampled_from(list(Part))),
)
def test_streams_differ_where_arguments_do(one, other):
    same = first_draws(stream(one[-1], *one[:-1])) == first_draws(stream(other[-1], *other[:-1]))
    assert same == (one == other)


@pytest.mark.parametrize(
    "arguments", [(-1,), (2**128,), (0, -1), (0, 2**32), (0, 0, 2**32), (0, 0, 0, 2**32)]
)
def test_what_would_share_a_stream_is_refused(arguments):
    with pytest.raises(ValueError, match="out of range"):
        stream(Part.ROOM, *arguments)


def test_nothing_else_in_the_generator_makes_a_generator():
    makes = re.compile(
        r"default_rng|SeedSequence|RandomState|random\.seed|\.spawn\(|import random|manual_seed"
    )
    folder = Path(streams.__file__).parent
    found = [path.name for path in folder.rglob("*.py") if makes.search(path.read_text(encoding="utf-8"))]
    assert found == ["streams.py"]
