"""What the generator draws from: every knob with its unit, its bounds and what it does."""

import dataclasses
import hashlib
import json
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skinseg.errors import UserError

TRACKS = ("upper_body", "face", "whole", "hand", "abdomen")

Weights = dict[str, float]


def _field(default: Any, low: float, high: float) -> Any:
    """A field with a default and the bounds (inclusive) that `load` checks."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class GeneratorConfig:
    """The distributions that scenes are drawn from. Between *_min and *_max: uniform, unless said.

    Raises UserError from `load` for an unknown key, a value of the wrong type or one out of bounds.
    """

    # frame
    resolution: int = _field(256, 16, 4096)  # pixels, square
    samples: int = _field(4, 1, 4096)  # Cycles samples per pixel before denoising
    min_skin_share: float = _field(0.01, 0.0, 0.9)  # frames with less skin are drawn again

    # person
    p_clothed: float = _field(0.7, 0.0, 1.0)  # share dressed over the underwear
    p_hair: float = _field(0.85, 0.0, 1.0)  # share with short hair; the rest is bald

    # camera, after S2MGen: theta = 3π/2 + π·D·X^p_front, z ~ U(z_min, z_max),
    # F = (f_max - f_min)·X^(1/p_focal) + f_min, then the radius that frames the tracked part
    p_front: float = _field(2.5, 0.01, 100.0)  # 1: any side alike; larger: more from the front
    p_focal: float = _field(1.0, 0.01, 100.0)  # 1: uniform; larger: more long lenses, flatter perspective
    f_min: float = _field(24.0, 5.0, 1000.0)  # mm on a 36 mm sensor
    f_max: float = _field(120.0, 5.0, 1000.0)  # mm
    z_min: float = _field(0.8, 0.05, 10.0)  # height of the camera, metres, for upper body and whole
    z_max: float = _field(2.0, 0.05, 10.0)  # metres
    radius_min: float = _field(1.0, 0.5, 20.0)  # horizontal distance to the tracked point, metres
    radius_max: float = _field(4.0, 0.5, 20.0)  # metres; the walls end it earlier
    exposure_sd: float = _field(0.35, 0.0, 2.0)  # stops about the metered exposure, normal, cut at ±0.8
    track: Weights = dataclasses.field(  # share of frames that aim at each part
        default_factory=lambda: {"upper_body": 0.45, "face": 0.2, "whole": 0.15, "hand": 0.1, "abdomen": 0.1}
    )

    # room and light
    p_textured: float = _field(0.85, 0.0, 1.0)  # share of surfaces with a texture, not plain paint
    skin_like_share: float = _field(0.3, 0.0, 1.0)  # share of wall and cloth colours in hues of skin
    room_min: float = _field(4.4, 2.5, 40.0)  # metres, both horizontal sides
    room_max: float = _field(7.5, 2.5, 40.0)  # metres
    ceiling_min: float = _field(2.4, 2.2, 20.0)  # height of the room, metres
    ceiling_max: float = _field(3.4, 2.2, 20.0)  # metres
    light_power_min: float = _field(50.0, 0.1, 1e6)  # watts of each of the three area lights
    light_power_max: float = _field(1000.0, 0.1, 1e6)  # watts
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
                "configs/render.yaml is one"
            ) from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            where = " ".join(str(error).split())
            raise UserError(f"{path}: not YAML ({where}); compare it with configs/render.yaml") from error
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


def _ordered(config: GeneratorConfig, low: str, high: str, source: str) -> None:
    if getattr(config, low) > getattr(config, high):
        raise UserError(
            f"{source}: {low} is {getattr(config, low):g} and {high} is {getattr(config, high):g}, "
            f"expected {low} to be the smaller; swap them"
        )


def _checked(value: Any, kind: Any, bounds: typing.Mapping[str, float], where: str) -> Any:
    """The value in the field's type, or UserError."""
    if kind == Weights:
        return _weights(value, where)
    return _number(value, kind, bounds, where)


def _number(value: Any, kind: type, bounds: typing.Mapping[str, float], where: str) -> Any:
    wanted = "a whole number" if kind is int else "a number"
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        raise UserError(f"{where} is {value!r}, expected {wanted}")
    low, high = bounds["low"], bounds["high"]
    if not low <= value <= high:
        raise UserError(f"{where} is {value!r}, expected {wanted} from {low:g} to {high:g}")
    return kind(value)


def _weights(value: Any, where: str) -> Weights:
    if not isinstance(value, dict) or not value:
        raise UserError(f"{where} is {value!r}, expected weights by name, such as {{upper_body: 1}}")
    for name, weight in value.items():
        if name not in TRACKS:
            raise UserError(f"{where} names {name!r}, expected some of {', '.join(TRACKS)}")
        _number(weight, float, {"low": 0.0, "high": 1e6}, f"{where}.{name}")
    if sum(value.values()) <= 0:
        raise UserError(f"{where} has no weight above 0; give at least one of {', '.join(TRACKS)} a weight")
    return {name: float(weight) for name, weight in value.items()}
