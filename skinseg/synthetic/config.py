"""What the generator draws from: every knob with its unit, its bounds and what it does.

Names and default weights of postures, hairstyles and patterns are those of their records.
"""

import dataclasses
import hashlib
import json
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skinseg.errors import UserError
from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.clothes.patterns import PATTERNS
from skinseg.synthetic.hair.grow import STYLES
from skinseg.synthetic.scene import YOUNGEST_ADULT

Weights = dict[str, float]


def _field(default: Any, low: float, high: float) -> Any:
    """A field with a default and the bounds (inclusive) that `load` checks."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def _share(default: float) -> Any:
    return _field(default, 0.0, 1.0)


def _weights(weights: Weights) -> Any:
    """A choice among the names given here: what a configuration leaves out is never drawn."""
    shares = {name: float(weight) for name, weight in weights.items()}
    return dataclasses.field(default_factory=shares.copy, metadata={"names": tuple(weights)})


@dataclass(frozen=True)
class GeneratorConfig:
    """The distributions that scenes are drawn from. Between *_min and *_max: uniform, unless said.

    Raises UserError from `load` for an unknown key, a value of the wrong type or one out of bounds.
    """

    # frame
    resolution: int = _field(256, 16, 4096)  # pixels, square
    samples: int = _field(3, 1, 4096)  # Cycles samples per pixel before denoising
    min_skin_share: float = _field(0.01, 0.0, 0.9)  # frames with less skin are drawn again

    # people
    p_second: float = _share(0.25)  # share of frames with a second person
    p_third: float = _share(0.35)  # share of those with a third one
    p_crowd: float = _share(0.1)  # share of upper bodies and whole ones with four to twelve people about them
    age_min: float = _field(YOUNGEST_ADULT, YOUNGEST_ADULT, 1.0)  # anny's slider: 2/3 young adult, 1 old
    age_max: float = _field(1.0, YOUNGEST_ADULT, 1.0)
    p_woman: float = _share(0.5)
    build_sd: float = _field(0.16, 0.0, 0.5)  # deviation of the weight and muscle sliders about 0.5
    height_sd: float = _field(0.15, 0.0, 0.5)  # deviation of the height slider about 0.5
    ethnicity: Weights = _weights(
        {"african": 1, "asian": 1, "caucasian": 1}
    )  # of the body; tone is drawn apart
    p_expression: float = _share(0.8)  # share of faces with an expression
    poses: Weights = _weights({name: posture.weight for name, posture in POSTURES.items()})
    p_gesture: float = _share(0.5)  # share of hands that make a gesture; the rest hang relaxed

    # skin: amounts are drawn from 0 to the largest, small ones more often
    tones: Weights = _weights(dict.fromkeys(("I", "II", "III", "IV", "V", "VI"), 1))  # Fitzpatrick groups
    redness_max: float = _share(1.0)  # flush of cheeks, nose, ears and joints
    freckles_max: float = _share(1.0)  # on light skin only
    moles_max: int = _field(30, 0, 1000)  # on the whole body
    blemishes_max: float = _share(1.0)
    wrinkles_max: float = _share(1.0)  # grow with age
    sheen_max: float = _share(0.7)

    # hair
    hair_women: Weights = _weights({name: style.women for name, style in STYLES.items()})
    hair_men: Weights = _weights({name: style.men for name, style in STYLES.items()})
    p_dyed: float = _share(0.05)  # share of hair in a colour that does not grow
    p_beard: float = _share(0.45)  # share of men with facial hair
    p_brows: float = _share(0.97)
    p_lashes: float = _share(0.9)

    # clothes; everyone wears underwear at least
    p_clothed: float = _share(0.8)  # share dressed over the underwear
    p_bare: float = _share(0.6)  # share of tracked bellies and backs that an outfit leaves bare
    fit_max: float = _share(1.0)  # looseness and folds: 0 = skin-tight, 1 = wide
    patterns: Weights = _weights({name: pattern.share for name, pattern in PATTERNS.items()})
    skin_like_share: float = _share(0.2)  # share of wall, thing and cloth colours in hues of skin
    warm_share: float = _share(0.1)  # of the others, share of vivid reds, pinks and oranges

    # worn, held, in the way
    p_glasses: float = _share(0.15)
    p_hat: float = _share(0.1)
    p_scarf: float = _share(0.06)  # round the neck or over the hair
    p_jewellery: float = _share(0.3)
    p_held: float = _share(0.12)  # share of frames with a thing in a hand
    p_things: float = _share(0.3)  # share of frames with things that stand about, some in front of people

    # camera, after S2MGen: theta = 3π/2 + π·D·X^p_front, z ~ U(z_min, z_max),
    # F = (f_max - f_min)·X^(1/p_focal) + f_min, then the radius that frames the tracked part
    track: Weights = _weights(
        {
            "upper_body": 0.28,
            "face": 0.18,
            "whole": 0.2,
            "hand": 0.14,
            "abdomen": 0.12,
            "back": 0.03,
            "arm": 0.05,
        }
    )
    p_front: float = _field(2.5, 0.01, 100.0)  # 1: any side alike; larger: more from the front
    p_focal: float = _field(1.0, 0.01, 100.0)  # 1: uniform; larger: more long lenses, flatter perspective
    f_min: float = _field(24.0, 5.0, 1000.0)  # mm on a 36 mm sensor
    f_max: float = _field(120.0, 5.0, 1000.0)  # mm
    z_min: float = _field(0.8, 0.05, 10.0)  # height of the camera, metres, for upper body and whole
    z_max: float = _field(2.0, 0.05, 10.0)  # metres
    radius_min: float = _field(1.0, 0.3, 20.0)  # horizontal distance to the tracked point, metres
    radius_max: float = _field(5.0, 0.3, 20.0)  # metres; the walls end it earlier
    shift_sd: float = _field(0.1, 0.0, 0.5)  # of the tracked point off the centre, share of the frame
    exposure_sd: float = _field(
        0.5, 0.0, 2.0
    )  # stops about the metered exposure, normal, cut at 2.5 deviations
    white_balance_sd: float = _field(0.15, 0.0, 1.0)  # stops of red and blue against green, normal
    # Cameras make pictures more vivid than the light was: 1 is as it was.
    contrast_mean: float = _field(1.1, 0.1, 10.0)  # exponent of the tone curve about middle grey
    contrast_sd: float = _field(0.15, 0.0, 1.0)  # of its logarithm
    saturation_mean: float = _field(1.05, 0.0, 10.0)  # factor on the distance from grey
    saturation_sd: float = _field(0.25, 0.0, 1.0)
    vignette_max: float = _share(0.3)  # light lost in the corners
    blur_max: float = _field(5.0, 0.0, 50.0)  # thousandths of the frame's width; small ones more often
    p_motion: float = _share(0.06)  # share of shaken frames
    noise_max: float = _field(0.03, 0.0, 0.5)  # deviation at middle grey; small ones more often
    p_jpeg: float = _share(0.7)  # share of frames that went through a JPEG
    jpeg_min: int = _field(35, 1, 100)  # quality
    jpeg_max: int = _field(95, 1, 100)

    # surroundings
    p_background: float = _share(0.8)  # share of surfaces with a photo or texture, not plain paint
    texture_contrast_max: float = _field(
        1.8, 1.0, 4.0
    )  # exponent of a texture's luminance about its mean, from 1
    p_photo: float = _share(0.8)  # of those, share of walls with a photograph, given --backgrounds
    p_panorama: float = _share(0.3)  # share of frames that a photograph all round surrounds and lights
    p_outdoors: float = _share(0.25)  # of the others, share under the sky
    p_polished: float = _share(0.2)  # share of floors that show reflections
    room_min: float = _field(4.4, 2.5, 40.0)  # metres, both horizontal sides
    room_max: float = _field(9.0, 2.5, 40.0)  # metres
    ceiling_min: float = _field(2.4, 2.2, 20.0)  # height of the room, metres
    ceiling_max: float = _field(3.4, 2.2, 20.0)  # metres
    light_power_min: float = _field(50.0, 0.1, 1e6)  # watts of each of the three area lights
    light_power_max: float = _field(1000.0, 0.1, 1e6)  # watts
    light_height_min: float = _field(1.0, 0.1, 20.0)  # metres above the floor; the ceiling ends it
    light_height_max: float = _field(3.0, 0.1, 20.0)  # metres
    light_edge_min: float = _field(
        0.2, 0.01, 10.0
    )  # metres, side of the square: small ones cast hard shadows
    light_edge_max: float = _field(1.5, 0.01, 10.0)  # metres
    temperature_min: float = _field(2700.0, 1000.0, 20000.0)  # kelvin
    temperature_max: float = _field(7500.0, 1000.0, 20000.0)  # kelvin

    @property
    def hash(self) -> str:
        """12 hex digits that differ where any setting differs."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_yaml(self) -> str:
        """YAML that `load` reads back to an equal configuration."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False)

    @classmethod
    def load(cls, path: Path) -> "GeneratorConfig":
        """Read a YAML file; keys it leaves out keep their defaults."""
        try:
            record = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(
                f"{path}: {error.strerror or error}, expected a YAML file of generator settings; "
                "configs/render/mixed.yaml is one"
            ) from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            where = " ".join(str(error).split())
            raise UserError(
                f"{path}: not YAML ({where}); compare it with configs/render/mixed.yaml"
            ) from error
        return cls.from_record({} if record is None else record, str(path))

    @classmethod
    def from_record(cls, record: Any, source: str) -> "GeneratorConfig":
        """Check a mapping of settings; `source` names it in messages."""
        if not isinstance(record, dict):
            raise UserError(
                f"{source}: {type(record).__name__} found, expected settings as `key: value` lines"
            )
        fields = {field.name: field for field in dataclasses.fields(cls)}
        kinds = typing.get_type_hints(cls)
        values = {}
        for key, value in record.items():
            if key not in fields:
                raise UserError(f"{source}: unknown setting {key!r}; known are {', '.join(fields)}")
            values[key] = _checked(value, kinds[key], fields[key].metadata, f"{source}: {key}")
        config = cls(**values)
        for low in (name for name in fields if name.endswith("_min")):
            _ordered(config, low, low.removesuffix("_min") + "_max", source)
        if config.radius_min >= config.room_min / 2:
            raise UserError(
                f"{source}: radius_min is {config.radius_min:g} and room_min is {config.room_min:g}, "
                "expected radius_min below half of room_min; the camera would stand outside the room"
            )
        return config


TRACKS: tuple[str, ...] = tuple(GeneratorConfig().track)
TONES: tuple[str, ...] = tuple(GeneratorConfig().tones)


def _ordered(config: GeneratorConfig, low: str, high: str, source: str) -> None:
    if getattr(config, low) > getattr(config, high):
        raise UserError(
            f"{source}: {low} is {getattr(config, low):g} and {high} is {getattr(config, high):g}, "
            f"expected {low} to be the smaller; swap them"
        )


def _checked(value: Any, kind: Any, limits: typing.Mapping[str, Any], where: str) -> Any:
    """The value in the field's type, or UserError."""
    if kind == Weights:
        return _checked_weights(value, limits["names"], where)
    return _number(value, kind, limits["low"], limits["high"], where)


def _number(value: Any, kind: type, low: float, high: float, where: str) -> Any:
    wanted = "a whole number" if kind is int else "a number"
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        raise UserError(f"{where} is {value!r}, expected {wanted}")
    if not low <= value <= high:
        raise UserError(f"{where} is {value!r}, expected {wanted} from {low:g} to {high:g}")
    return kind(value)


def _checked_weights(value: Any, names: tuple[str, ...], where: str) -> Weights:
    if not isinstance(value, dict) or not value:
        raise UserError(f"{where} is {value!r}, expected weights by name, such as {{{names[0]}: 1}}")
    for name, weight in value.items():
        if name not in names:
            raise UserError(f"{where} names {name!r}, expected some of {', '.join(names)}")
        _number(weight, float, 0.0, 1e6, f"{where}.{name}")
    if sum(value.values()) <= 0:
        raise UserError(f"{where} has no weight above 0; give at least one of {', '.join(names)} a weight")
    return {name: float(weight) for name, weight in value.items()}
