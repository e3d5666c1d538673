"""Scenes that are given, not drawn: read from a file, and rendered as they are.

A set of given scenes may grow: one list may go on where another ends. None of its frames is drawn again: what a scene
shows, much skin or little, is what was asked for.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from skinseg.errors import UserError
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.frames import Job
from skinseg.synthetic.scene import YOUNGEST_ADULT, Scene

if TYPE_CHECKING:
    from skinseg.synthetic.room.backgrounds import Photos


@dataclass(frozen=True)
class ListedJob(Job):
    """A job whose frame i is scene i of a list, as JSON texts; "" where a scene is not known and not asked for.

    Build it with `listed_job`: the settings are not used to draw, but ask for no skin.
    """

    scenes: tuple[str, ...] = ()

    def draw(self, index: int, attempt: int) -> Scene:
        return Scene.from_json(self.scenes[index])


def listed_job(scenes: Iterable[Scene | str], photos: "Photos | None" = None) -> ListedJob:
    """A job that renders these scenes, or their JSON texts, in their order; its settings say the first one's size."""
    texts = tuple(each if isinstance(each, str) else each.to_json() for each in scenes)
    first = json.loads(next(filter(None, texts), "{}"))
    size = {name: first[name] for name in ("resolution", "samples") if name in first}
    return ListedJob(GeneratorConfig(min_skin_share=0.0, **size), 0, photos, texts)


def scene_hashes(job: Job) -> list[str]:
    """12 hex digits per scene of a list; none for a job that draws its scenes."""
    return [scene_hash(text) for text in job.scenes] if isinstance(job, ListedJob) else []


def scene_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_scenes(path: Path) -> list[Scene]:
    """Scenes from a table (.parquet) with a column `scene`, or from a text with one JSON record a line: a Scene, or a
    row that holds one under "scene", as a set's scenes.jsonl does.

    Raises UserError where the file cannot be read or holds none, and for a line that is no scene of this version's, or
    shows anyone but an adult in underwear at least.
    """
    scenes = [_scene(text, f"{path}: scene {number}") for number, text in enumerate(_texts(path), start=1)]
    if not scenes:
        raise UserError(f"{path}: no scenes, expected at least one; name a file that `skinseg probe` wrote")
    return scenes


def _texts(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        yield from _column(path)
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}), expected a file of scenes, one JSON record a line, or a .parquet "
            "table with a column scene"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{path}: line {number} is not JSON ({error}), expected a scene; restore the file"
            ) from error
        inside = record.get("scene") if isinstance(record, dict) else None
        yield inside if isinstance(inside, str) else line


def _column(path: Path) -> Sequence[str]:
    import pyarrow.parquet

    try:
        texts: list[str] = pyarrow.parquet.read_table(path, columns=["scene"], partitioning=None).to_pydict()[
            "scene"
        ]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: no table with a column scene, expected scenes.parquet of a rendered set or probe.parquet"
        ) from error
    return texts


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _scene(text: str, where: str) -> Scene:
    try:
        json.loads(text, parse_constant=_no_number, parse_float=_finite)
        scene = Scene.from_json(text)
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{where}: not a scene of this version of skinseg ({type(error).__name__}: {error}); write the file again"
        ) from error
    from skinseg.synthetic.clothes.wardrobe import GARMENTS, required_underwear

    GeneratorConfig.from_record({"resolution": scene.resolution, "samples": scene.samples}, where)
    for person in scene.people:
        phenotype = person.body.phenotype
        age = phenotype.get("age")
        if not isinstance(age, int | float) or not age >= YOUNGEST_ADULT:
            raise UserError(
                f"{where}: a person of age {age!r}, expected adults only, {YOUNGEST_ADULT:.3f} or more; "
                "correct it"
            )
        worn = {garment.kind for garment in person.garments}
        lacking = [*(worn - GARMENTS.keys()), *(set(required_underwear(phenotype.get("gender", 1.0))) - worn)]
        if lacking:
            raise UserError(
                f"{where}: garments {', '.join(sorted(worn)) or 'none'}, expected known ones and the underwear that "
                f"everybody wears (see {', '.join(sorted(lacking))}); correct it"
            )
    return scene
