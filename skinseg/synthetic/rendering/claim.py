"""Whose a set's folder is: what its frames depend on, as its generator.yaml says, and what is held against it."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skinseg import __version__
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.records import grown, plain_yaml
from skinseg.source import generator_code, one_hash
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.frames import Job, Row
from skinseg.synthetic.rendering.scene_list import listed_job, scene_hash, scene_hashes
from skinseg.synthetic.rendering.set_folder import LOCK, SetFolder

SEAL = "record"


@dataclass(frozen=True)
class Identity:
    """What makes two sets the same set: all that its frames depend on.

    code: 12 hex digits over the generator's source, comments and docstrings apart. photographs: how many there are;
    photographs_hash: 12 hex digits over their names and contents, or "".
    """

    code: str
    seed: int
    config_hash: str
    photographs: int
    photographs_hash: str

    @classmethod
    def of(cls, job: Job) -> "Identity":
        """The identity of the set that a job renders with the code at hand."""
        photos, code = job.photos, one_hash(generator_code())
        if photos is None:
            return cls(code, job.seed, job.config.hash, 0, "")
        lines = "".join(f"{n} {h}\n" for n, h in zip(photos.names, photos.hashes, strict=True))
        digest = hashlib.sha256(lines.encode()).hexdigest()[:12]
        return cls(code, job.seed, job.config.hash, len(photos.names), digest)


# For each field of the identity but the code: what to call it, and how a user gets the one of the set.
_WAYS_OUT = {
    "seed": ("seed", "continue with --seed {found}"),
    "config_hash": ("configuration", "continue with the configuration in its generator.yaml"),
    "photographs": ("number of photographs", "continue with the folder of --backgrounds it was begun with"),
    "photographs_hash": ("photographs", "continue with the folder of --backgrounds it was begun with"),
}


def check_claim(out: Path, job: Job) -> None:
    """Raise UserError where the folder holds another set or other files; nothing is written."""
    if (out / "generator.yaml").is_file():
        record = read_generator(out)
        _check_scenes(out, scene_hashes(job), record.get("scenes", []))
        check_identity(out, Identity.of(job), record)
    elif out.exists() and not out.is_dir():
        raise UserError(f"{out}: a file, expected a folder for the set; give --out another name")
    elif out.is_dir() and any(item.name != LOCK for item in out.iterdir()):
        raise UserError(
            f"{out}: the folder is not empty and has no generator.yaml, expected a new folder or one that "
            "`skinseg render` wrote; give --out another folder"
        )


def claim(out: Path, job: Job) -> None:
    """Say in a new or empty folder whose it is, or check that it is this very set's, as `check_claim` does."""
    check_claim(out, job)
    path, scenes = out / "generator.yaml", scene_hashes(job)
    if path.is_file() and len(scenes) <= len(read_generator(out).get("scenes", ())):
        return
    record = {
        "skinseg": __version__,
        **dataclasses.asdict(Identity.of(job)),
        "files": generator_code(),
        "config": dataclasses.asdict(job.config),
        # The scenes of a list, which may grow.
        **({"scenes": scenes} if scenes else {}),
    }
    with written_whole(path) as beside:
        beside.write_text(yaml.safe_dump(sealed(record), sort_keys=False), encoding="utf-8")


def sealed(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its own hash, 12 hex digits, under "record"."""
    rest = {key: value for key, value in record.items() if key != SEAL}
    return rest | {SEAL: _json_hash(rest)}


def check_settings(out: Path, record: dict[str, Any], rows: Iterable[Row]) -> None:
    """Raise UserError where a set's generator.yaml is not as it was written, or not that of its frames.

    A record of before there were hashes of it is held against the hashes in it, and against the rows.
    """
    flaw = ""
    if SEAL in record and sealed(record) != record:
        flaw = "it does not have the hash that it was written with"
    elif _json_hash(record["config"]) != record["config_hash"]:
        flaw = "its settings do not have the hash beside them"
    elif not isinstance(record["files"], dict) or one_hash(record["files"]) != record["code"]:
        flaw = "its files do not have the hash that code says"
    elif bool(record["photographs"]) != bool(record["photographs_hash"]):
        flaw = f"{record['photographs']} photographs and the hash {record['photographs_hash']!r}"
    else:
        for row in rows:
            drawn, given = _seed_of(row, out), record.get("scenes")
            if given and (row["index"] >= len(given) or scene_hash(row["scene"]) != given[row["index"]]):
                flaw = f"the scene of frame {row['index']} in scenes.jsonl is another"
            elif not given and (drawn != record["seed"] or isinstance(record["seed"], bool)):
                flaw = f"its seed is {record['seed']!r}, that of frame {row['index']} is {drawn!r}"
    if flaw:
        raise UserError(
            f"{out / 'generator.yaml'}: was changed since the set was rendered ({flaw}); restore it, or render the set "
            "in a new folder"
        )


def _seed_of(row: Row, out: Path) -> Any:
    try:
        return json.loads(row["scene"])["seed"]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{out / 'scenes.jsonl'}: the scene of frame {row['index']} cannot be read ({type(error).__name__}: "
            f"{error}); restore the file, or remove the frame's line to have it rendered again"
        ) from error


def _json_hash(record: Any) -> str:
    """12 hex digits, for settings those of `GeneratorConfig.hash`."""
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()[:12]


def read_generator(out: Path) -> dict[str, Any]:
    """The record in generator.yaml. Raises UserError where there is none."""
    path = out / "generator.yaml"
    try:
        text = path.read_text(encoding="utf-8")
        found = grown(text)
        record = None if found else plain_yaml(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: cannot be read, expected the settings of a set that `skinseg render` wrote; "
            "name the folder of such a set"
        ) from error
    if found:
        raise UserError(f"{path}: {found} found, expected the plain values that were written; restore it")
    fields = ["skinseg", *(field.name for field in dataclasses.fields(Identity)), "files"]
    if not isinstance(record, dict) or not record.keys() >= {*fields, "config"}:
        raise UserError(
            f"{path}: not the settings of a set of this kind, expected {', '.join(fields)} and config; an older "
            "skinseg may have written it: restore it, or render the set in a new folder"
        )
    return record


def check_identity(out: Path, identity: Identity, record: dict[str, Any]) -> None:
    """Raise UserError where a set's record differs from what its frames would be rendered from now."""
    _check_code(out, record)
    for field, (what, way_out) in _WAYS_OUT.items():
        found, here = record.get(field), getattr(identity, field)
        if found != here:
            raise UserError(
                f"{out}: holds a set with {what} {found}, asked for {here}, so its frames cannot be "
                f"reproduced; {way_out.format(found=found)}, or give --out another folder"
            )


def _check_scenes(out: Path, asked: list[str], there: list[str]) -> None:
    """Raise UserError unless one of two lists of scenes goes on where the other ends."""
    if bool(asked) != bool(there):
        found = "given scenes" if there else "scenes that were drawn"
        raise UserError(
            f"{out}: holds a set of {found}, expected none or one of the same kind; give --out another folder"
        )
    for number, (one, other) in enumerate(zip(asked, there, strict=False), start=1):
        if one != other:
            raise UserError(
                f"{out}: scene {number} of the set is another one than that asked for, expected the same scenes, or "
                "more after them; give --out another folder"
            )


def _check_code(out: Path, record: dict[str, Any]) -> None:
    then, now = record["files"], generator_code()
    if record["code"] == one_hash(now):
        return
    then = then if isinstance(then, dict) else {}
    differing = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
    raise UserError(
        f"{out}: holds a set that other code of the generator rendered (skinseg {record['skinseg']}, code "
        f"{record['code']}; here {one_hash(now)}; other {', '.join(differing[:3])}{more}), so its frames cannot be "
        "reproduced; continue with the skinseg that began it, or give --out another folder"
    )


def read_job(out: Path, photos: Any) -> Job:
    """The job that rendered a set, with the photographs given here.

    Raises UserError where this code or these photographs would give other frames.
    """
    record = read_generator(out)
    _check_code(out, record)  # first: other code may call its settings otherwise
    config = GeneratorConfig.from_record(record["config"], str(out / "generator.yaml"))
    if config.hash != record["config_hash"] or not isinstance(record["seed"], int):
        raise UserError(
            f"{out / 'generator.yaml'}: was changed since the set was rendered (its settings do not have the "
            "hash beside them); restore it, or render the set in a new folder"
        )
    job = Job(config, record["seed"], photos)
    check_identity(out, Identity.of(job), record)
    return _read_list(out, record["scenes"], photos) if record.get("scenes") else job


def _read_list(out: Path, hashes: list[str], photos: Any) -> Job:
    """The job of a set of given scenes: those of its frames. Raises UserError for a scene that has changed."""
    texts = [""] * len(hashes)
    for index, row in SetFolder(out).rows.items():
        if index >= len(hashes) or scene_hash(row["scene"]) != hashes[index]:
            raise UserError(
                f"{out}: the scene of frame {index} in scenes.jsonl is not the one in generator.yaml; restore the "
                "file, or render the set in a new folder"
            )
        texts[index] = row["scene"]
    return listed_job(texts, photos)
