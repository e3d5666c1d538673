"""The second data contract: the Scene, one frozen record per frame, complete enough to render it again.

Everything random is drawn in `draw/` and stored here as plain numbers, so that the human builder and
the render worker are deterministic functions of a Scene. Lengths are metres, angles radians, colours linear
RGB in [0, 1] unless a field says otherwise; Z is up and a person faces -Y, standing at the origin.

Free of everything but the standard library: the render worker imports it in its own environment.
"""

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass
from typing import Any

Vector = tuple[float, float, float]
Color = tuple[float, float, float]

YOUNGEST_ADULT = 2 / 3  # anny's age slider: 1/3 is a child, 2/3 a young adult, 1 old
SENSOR = 36.0  # width and height of the camera's sensor, mm


@dataclass(frozen=True)
class Body:
    """Build, expression and pose of one adult.

    phenotype: anny's sliders in [0, 1] by name (gender 0 = male, age, muscle, weight, height, proportions,
        african, asian, caucasian, ...). `age` is at least 2/3, anny's young adult; 1 is old.
    expression: facial action name to weight in [0, 1].
    pose_family: the base posture the joints were drawn around, for analysis.
    joints: bone name to rotation vector (radians, world axes of the rest pose), only bones that move.
    """

    phenotype: dict[str, float]
    expression: dict[str, float]
    pose_family: str
    joints: dict[str, Vector]


@dataclass(frozen=True)
class Skin:
    """fitzpatrick 1-6 and ita (degrees) are what was asked for; albedo is the linear RGB that has that ITA.

    All amounts run 0-1, 0 = none; details lie where `seed` puts them, and leave the mean albedo as it is.
    """

    fitzpatrick: int
    ita: float
    albedo: Color
    roughness: float
    subsurface: float
    mottling: float  # amplitude of low-frequency albedo variation, relative, 0-0.3
    lip_tint: Color  # factors on the albedo
    redness: float  # flush of cheeks, nose, ears, knuckles, elbows and knees
    freckles: float  # density on face, shoulders and arms
    moles: int  # on the whole body
    blemishes: float  # red spots, scars and uneven patches
    wrinkles: float  # depth of lines and pores
    sheen: float  # oily or wet film
    seed: int


@dataclass(frozen=True)
class Hair:
    """Scalp hair, brows, lashes and beard; `seed` roots the strands.

    style: one of `hair.grow.STYLES`; beard: "none" or one of `hair.beards.BEARDS`. Lengths in metres, of the longest
    strands.
    """

    style: str
    length: float
    density: float  # strands per square metre of scalp, thousands
    curl: float  # 0 = straight, 1 = tight curls
    color: Color
    brows: float  # thickness, 0 = none, 1 = bushy
    lashes: float  # length, 0 = none, 1 = long
    beard: str
    beard_length: float
    seed: int


@dataclass(frozen=True)
class Garment:
    """A piece of cloth: a shell about the body cut along iso-lines, or a hull that hangs about it.

    kind: one of `clothes.wardrobe.GARMENTS`.
    Fractions run 0-1 along the limb: sleeve 0 = shoulder, 1 = wrist; leg 0 = crotch, 1 = ankle;
    neckline 0 = at the neck, 1 = deep; hem 0 = waist, 1 = crotch. Unused ones are 0.
    """

    kind: str
    sleeve: float
    leg: float
    neckline: float
    hem: float
    offset: float  # how far free cloth stands off, metres; edges that hold stay close
    folds: float  # height of folds, metres
    color: Color
    pattern: str  # one of `clothes.patterns.PATTERNS`
    pattern_color: Color
    pattern_scale: float  # repeats per metre
    roughness: float
    seed: int


@dataclass(frozen=True)
class Accessory:
    """Something worn that is neither cloth nor body: class ACCESSORY.

    kind: one of `worn.accessories.ACCESSORIES`; size 0-1 between the smallest and the largest of its kind.
    """

    kind: str
    size: float
    color: Color
    accent: Color  # a second colour: lenses, a brim, a stone
    roughness: float
    metallic: float
    seed: int


@dataclass(frozen=True)
class Person:
    """One adult with all that is worn, standing with the pelvis above `place` (metres).

    facing: turn about Z, 0 looks towards -Y. Garments are listed from the inside out.
    """

    body: Body
    skin: Skin
    hair: Hair
    iris: Color
    garments: tuple[Garment, ...]
    accessories: tuple[Accessory, ...]
    place: tuple[float, float] = (0.0, 0.0)
    facing: float = 0.0


@dataclass(frozen=True)
class Surface:
    """A wall, floor, ceiling or the hull of a thing.

    texture: one of `room.textures.tile.TEXTURES` with `colors` as its palette, or "photo": then `photo` is the file's
    name in the backgrounds folder, and `photo_hash` the first 12 hex digits of its SHA-256.
    """

    texture: str
    colors: tuple[Color, ...]
    scale: float  # repeats per metre
    seed: int
    roughness: float
    contrast: float = 1.0  # exponent of the texture's luminance about its mean; a photograph keeps its own
    photo: str = ""
    photo_hash: str = ""


@dataclass(frozen=True)
class Panorama:
    """A photograph all round with the light that was there, which takes the place of walls, ceiling and sky.

    kind: one of `room.panoramas.PANORAMAS`. The ground is the photograph too, as it lies below the place it was taken
    from.
    """

    kind: str
    turn: float  # about Z, radians
    strength: float  # factor on its radiance
    eye: float  # how high above the ground it was taken, metres


@dataclass(frozen=True)
class Room:
    """A box around the origin, size (x, y, z), floor at z = 0. Outdoors it has no ceiling.

    sky: linear RGB radiance of the sky, or None in a closed room. panorama: what is about the people instead of the
    box, whose size then only keeps cameras and things near.
    """

    size: Vector
    walls: Surface
    floor: Surface
    ceiling: Surface
    sky: Color | None = None
    panorama: Panorama | None = None


@dataclass(frozen=True)
class Thing:
    """An object that is no part of a person: class BACKGROUND, and it occludes people.

    kind: one of `room.things.build.THINGS`. held: "" stands free at `position` (its lowest point's middle, metres),
    else "left" or "right": in that hand of the first person, and position is not used. under: number of the person who
    sits on it; it then stands where they do and is as high as they sit, and position, turn and size are not used.
    """

    kind: str
    held: str
    position: Vector
    turn: float  # about Z, radians
    size: float  # the largest side, metres
    surface: Surface
    seed: int
    under: int | None = None


@dataclass(frozen=True)
class Light:
    """A light that points at `target`; temperature in kelvin.

    An edge above 0: a square area light, power in watts. Edge 0: a sun, power in W/m², only its direction
    counts.
    """

    position: Vector
    target: Vector
    edge: float
    power: float
    temperature: float


@dataclass(frozen=True)
class Camera:
    """The paper's camera on a circle around the tracked point of the first person, and what it does to light.

    theta: azimuth, 3π/2 is straight in front; radius: horizontal distance from the tracked point; rise: height
    above it, metres; focal_length in mm on a 36 mm sensor; track: one of `config.TRACKS`;
    shift: where the tracked point lies off the centre, fractions of the frame; roll about the view axis.
    """

    theta: float
    radius: float
    rise: float
    focal_length: float
    track: str
    shift: tuple[float, float]
    roll: float
    exposure: float  # stops above the metering, which reads the light that falls on the skin
    white_balance: tuple[float, float]  # error in stops of red and of blue, green fixed
    contrast: float  # exponent of the tone curve about middle grey, 1 = as it is
    saturation: float  # 0 = grey, 1 = as it is
    vignette: float  # share of light lost in the corners
    blur: float  # deviation of a Gaussian, thousandths of the frame's width
    motion: tuple[float, float]  # shake during the exposure, thousandths of the frame's width
    noise: float  # deviation at middle grey, of values in [0, 1]
    jpeg: int  # quality 1-100 of a JPEG in between, 0 = none
    seed: int


@dataclass(frozen=True)
class Scene:
    """All that decides a frame's pixels. `attempt` counts re-draws of frames that showed too little skin.

    people: the first is the one that the camera tracks.
    """

    index: int
    seed: int
    attempt: int
    resolution: int  # pixels, square frame
    samples: int  # Cycles samples per pixel
    people: tuple[Person, ...]
    things: tuple[Thing, ...]
    room: Room
    lights: tuple[Light, ...]
    camera: Camera

    def eye(self, target: Vector) -> Vector:
        """Where the camera stands that aims at `target`, the tracked point; kept off floor and ceiling."""
        camera, ceiling = self.camera, self.room.size[2]
        return (
            target[0] + camera.radius * math.cos(camera.theta),
            target[1] + camera.radius * math.sin(camera.theta),
            min(max(target[2] + camera.rise, 0.1), ceiling - 0.1),
        )

    def to_json(self) -> str:
        """One line of JSON, keys sorted: equal scenes have equal text."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """The inverse of `to_json`. Raises TypeError or KeyError on a record of another shape."""
        scene: Scene = _read(cls, json.loads(text))
        return scene


def _read(kind: Any, value: Any) -> Any:
    """A JSON value as the type that a field declares: JSON has only lists; records have only tuples."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        kinds = typing.get_type_hints(kind)
        return kind(**{name: _read(kinds[name], item) for name, item in value.items()})
    if typing.get_origin(kind) is tuple:
        items = typing.get_args(kind)
        of_each = items[:1] * len(value) if items[-1] is Ellipsis else items
        return tuple(_read(item, part) for item, part in zip(of_each, value, strict=True))
    if typing.get_origin(kind) is dict:
        return {name: _read(typing.get_args(kind)[1], item) for name, item in value.items()}
    if isinstance(kind, types.UnionType):  # Color | None, Panorama | None
        return None if value is None else _read(typing.get_args(kind)[0], value)
    return value
