"""The second data contract: the Scene, one frozen record per frame, complete enough to render it again.

Everything random is drawn in `sampling.py` and stored here as plain numbers, so that the human builder and
the render worker are deterministic functions of a Scene. Lengths are metres, angles radians, colours linear
RGB in [0, 1] unless a field says otherwise; Z is up and a person faces -Y, standing at the origin.

Free of everything but the standard library: the render worker imports it in its own environment.
"""

import dataclasses
import json
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

    lip_tint: factors on the albedo.
    """

    fitzpatrick: int
    ita: float
    albedo: Color
    roughness: float
    subsurface: float
    mottling: float  # amplitude of low-frequency albedo variation, relative, 0-0.3
    lip_tint: Color


@dataclass(frozen=True)
class Hair:
    """style "bald" or "short"; length of strands in metres; seed of the strand roots."""

    style: str
    length: float
    density: float  # strands per square metre of scalp, thousands
    color: Color
    brows: bool
    seed: int


@dataclass(frozen=True)
class Garment:
    """A piece cut from the body's tights geometry along iso-lines and offset outwards.

    kind: "briefs", "bra", "shirt", "trousers" or "skirt"; what each covers is in `wardrobe.py`.
    Fractions run 0-1 along the limb: sleeve 0 = shoulder, 1 = wrist; leg 0 = crotch, 1 = ankle;
    neckline 0 = at the neck, 1 = deep; hem 0 = waist, 1 = crotch. Unused ones are 0.
    offset: distance from the body, metres.
    """

    kind: str
    sleeve: float
    leg: float
    neckline: float
    hem: float
    offset: float
    color: Color
    pattern: str  # "plain", "stripes", "checks", "noise"
    pattern_color: Color
    pattern_scale: float  # repeats per metre
    roughness: float


@dataclass(frozen=True)
class Surface:
    """A wall, floor or ceiling. texture: a generator in `textures.py`; colours are its palette."""

    texture: str
    colors: tuple[Color, ...]
    scale: float  # repeats per metre
    seed: int
    roughness: float


@dataclass(frozen=True)
class Room:
    """A closed box: size (x, y, z) around the origin, floor at z = 0."""

    size: Vector
    walls: Surface
    floor: Surface
    ceiling: Surface


@dataclass(frozen=True)
class Light:
    """A square area light that points at `target`; power in watts; temperature in kelvin."""

    position: Vector
    target: Vector
    edge: float
    power: float
    temperature: float


@dataclass(frozen=True)
class Camera:
    """The paper's camera on a circle around the tracked point.

    theta: azimuth, 3π/2 is straight in front; radius: horizontal distance from the tracked point; z: height;
    focal_length in mm on a 36 mm sensor; track: "face", "upper_body", "whole", "hand" or "abdomen";
    exposure: stops above the worker's own metering, which reads the light that falls on the skin;
    shift: where the tracked point lies off the centre, fractions of the frame; roll about the view axis.
    """

    theta: float
    radius: float
    z: float
    focal_length: float
    track: str
    exposure: float
    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0


@dataclass(frozen=True)
class Scene:
    """All that decides a frame's pixels. `attempt` counts re-draws of frames that showed too little skin."""

    index: int
    seed: int
    attempt: int
    resolution: int  # pixels, square frame
    samples: int  # Cycles samples per pixel
    body: Body
    skin: Skin
    hair: Hair
    garments: tuple[Garment, ...]
    room: Room
    lights: tuple[Light, ...]
    camera: Camera

    def to_json(self) -> str:
        """One line of JSON, keys sorted: equal scenes have equal text."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """The inverse of `to_json`. Raises TypeError or KeyError on a record of another shape."""
        record = json.loads(text)
        record["body"]["joints"] = {bone: tuple(v) for bone, v in record["body"]["joints"].items()}
        return cls(
            **{name: record[name] for name in ("index", "seed", "attempt", "resolution", "samples")},
            body=Body(**record["body"]),
            skin=Skin(**_tuples(record["skin"])),
            hair=Hair(**_tuples(record["hair"])),
            garments=tuple(Garment(**_tuples(garment)) for garment in record["garments"]),
            room=Room(
                size=tuple(record["room"]["size"]),
                **{name: Surface(**_tuples(record["room"][name])) for name in ("walls", "floor", "ceiling")},
            ),
            lights=tuple(Light(**_tuples(light)) for light in record["lights"]),
            camera=Camera(**_tuples(record["camera"])),
        )


def _tuples(record: dict[str, Any]) -> dict[str, Any]:
    """JSON has only lists; records have only tuples, nested ones too."""
    return {key: _as_tuple(value) for key, value in record.items()}


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value
