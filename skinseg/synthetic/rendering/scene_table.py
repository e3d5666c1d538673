"""`scenes.parquet`: a row per frame with the main factors of its Scene as columns, and the Scene itself."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.synthetic.clothes.wardrobe import GARMENTS
from skinseg.synthetic.rendering.frames import Row

# Of the journal's row. Seconds, memory and platform differ between machines; equal sets have equal tables.
_KEPT = ("index", "image", "attempt", "skin_share", "gain", "image_sha256", "mask_sha256")


def factors(row: Row) -> Row:
    """A row of the table from a row of the journal. Those of a person are of the one the camera tracks."""
    # Plain JSON: reading a Scene with its types takes longer than the rest of a large table.
    scene = json.loads(row["scene"])
    person, camera, room, people = scene["people"][0], scene["camera"], scene["room"], scene["people"]
    skin, hair, phenotype = person["skin"], person["hair"], person["body"]["phenotype"]
    garments = [garment["kind"] for garment in person["garments"]]
    areas = [light for light in scene["lights"] if light["edge"] > 0]
    suns = [light for light in scene["lights"] if light["edge"] <= 0]
    return {
        **{key: row[key] for key in _KEPT},
        "people": len(people),
        "fitzpatrick": skin["fitzpatrick"],
        "ita": skin["ita"],
        **{f"skin_{key}": skin[key] for key in ("redness", "freckles", "moles", "blemishes", "wrinkles")},
        "skin_sheen": skin["sheen"],
        **{
            key: phenotype[key] for key in ("gender", "age", "weight", "muscle", "height") if key in phenotype
        },
        "pose_family": person["body"]["pose_family"],
        "hair": hair["style"],
        "hair_length": hair["length"],
        "beard": hair["beard"],
        "clothed": any(not GARMENTS[kind].underwear for kind in garments),
        "garments": " ".join(garments),
        "accessories": " ".join(accessory["kind"] for one in people for accessory in one["accessories"]),
        "things": " ".join(thing["kind"] for thing in scene["things"]),
        "held": any(thing["held"] for thing in scene["things"]),
        **{key: camera[key] for key in ("track", "theta", "radius", "rise", "focal_length", "roll")},
        **{key: camera[key] for key in ("exposure", "contrast", "saturation", "blur", "noise", "jpeg")},
        "motion": sum(part**2 for part in camera["motion"]) ** 0.5,
        "outdoors": room["sky"] is not None,
        "panorama": (room["panorama"] or {"kind": ""})["kind"],
        **{f"{part}_texture": room[part]["texture"] for part in ("walls", "floor", "ceiling")},
        "photo": room["walls"]["photo"],
        "light_power": float(sum(light["power"] for light in areas)),
        "sun_power": float(sum(light["power"] for light in suns)),
        "temperature": _mean_temperature(areas or suns),
        "scene": row["scene"],
    }


def write_table(rows: Iterable[Row], path: Path) -> Any:
    """Write the rows of a journal, sorted by index, and return them as a pandas DataFrame."""
    import pandas as pd

    table = pd.DataFrame([_read(row, path) for row in sorted(rows, key=lambda row: int(row["index"]))])
    with written_whole(path) as beside:
        table.to_parquet(beside, index=False)
    return table


def _read(row: Row, path: Path) -> Row:
    try:
        return factors(row)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise UserError(
            f"{path.with_name('scenes.jsonl')}: the scene of frame {row['index']} is none of this version's "
            f"({type(error).__name__}: {error}); restore the file, or remove the frame's line to have it rendered again"
        ) from error


def read_table(path: Path) -> list[Row]:
    """The journal's rows as far as the table has them; none where it is missing or unreadable."""
    import pyarrow
    import pyarrow.parquet

    try:
        rows: list[Row] = pyarrow.parquet.read_table(path, columns=[*_KEPT, "scene"]).to_pylist()
    except (OSError, ValueError, KeyError, pyarrow.ArrowException):
        return []
    return rows


def _mean_temperature(lights: list[Row]) -> float:
    """Kelvin, weighted by power; 0 without lights."""
    power = sum(light["power"] for light in lights)
    if power <= 0:
        return 0.0
    return float(sum(light["power"] * light["temperature"] for light in lights) / power)
