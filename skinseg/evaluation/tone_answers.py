"""What several ways to tell a skin's tone say of the same pictures, and how far off they are.

Answers are a table, a row per source and picture: source, test_set, image, subject; true_group (Fitzpatrick 1 to 6) and
true_ita (degrees, NaN where only a group is known); ita, group and deviation, NaN where the source has none; rank: any
number that falls or rises with tone, of a source on a scale of its own; light: in words, of rendered frames.
"""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from skinseg.datasets.base import Dataset
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.evaluation.bootstrap import Floats, bootstrap_interval, units_of
from skinseg.evaluation.factors import Effect, explained, scene_factors
from skinseg.images.decoding import Image
from skinseg.recognition.frames import one_person, read_frames
from skinseg.recognition.recogniser import HALF_90, Recogniser
from skinseg.recognition.view import view_of
from skinseg.tones.ita import estimate_tone, fitzpatrick_of, ita_of, linear_to_lab, srgb_to_linear

ITA, MODEL = "ITA", "recogniser"
COLUMNS = (
    "source", "test_set", "image", "subject", "true_group", "true_ita", "ita", "group", "deviation", "rank", "light",
)  # fmt: skip
_NO_FACTORS = (
    "index", "image", "scene", "image_sha256", "mask_sha256", "people", "fitzpatrick", "ita", "attempt",
)  # fmt: skip
_BATCH = 32


@dataclass(frozen=True)
class Mean:
    """A mean over `images` pictures with its 95 % interval."""

    value: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class Others:
    """Another tool's answers: a row per file name without folder and suffix, with ita, group and rank. name: what gave
    them."""

    name: str
    rows: pd.DataFrame


def read_others(path: Path) -> Others:
    """A CSV of somebody's answers, by the columns that it has, in this order:

    ita in degrees; tone, a Fitzpatrick group 1 to 6; "skin tone", an sRGB colour "#c58c85", as skin-tone-classifier's
    result.csv has it; label, a number on any other scale, which gets a rank correlation only: another scale's steps,
    Monk's among them, are no Fitzpatrick groups. Pictures are named by image or file; of several rows of one picture
    (faces) the first counts. Raises UserError where it cannot be read so.
    """
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as CSV ({' '.join(str(error).split())}); give a table with a line per picture"
        ) from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    named = next((name for name in ("image", "file") if name in table), None)
    said = next((name for name in ("ita", "tone", "skin tone", "label") if name in table), None)
    if named is None or said is None:
        raise UserError(
            f"{path}: columns {', '.join(table.columns)} found, expected image (or file) and one of ita, tone, skin "
            "tone, label; rename them"
        )
    rows = table.assign(image=[Path(str(name)).stem for name in table[named]])
    rows = rows.drop_duplicates("image").set_index("image")
    try:
        if said == "skin tone":
            ita = pd.Series([_ita_of_hex(text) for text in rows[said]], rows.index)
        else:
            ita = rows[said].astype("float64") if said == "ita" else pd.Series(np.nan, rows.index)
        groups = rows[said] if said == "tone" else ita.map(_group, na_action="ignore")
        groups = groups.astype("float64")
        rank = rows[said].astype("float64") if said == "label" else ita.fillna(-groups)
    except ValueError as error:
        raise UserError(f"{path}: column {said}: {error}; correct it") from error
    if np.isinf(rank).any():
        raise UserError(f"{path}: column {said}: a number that is not finite found; correct it")
    if said == "tone" and not groups.dropna().isin(range(1, 7)).all():
        raise UserError(
            f"{path}: column tone holds other than 1 to 6; another scale's go into a column label"
        )
    return Others(path.stem, pd.DataFrame({"ita": ita, "group": groups, "rank": rank}))


def _ita_of_hex(text: object) -> float:
    digits = str(text).strip().lstrip("#")
    if len(digits) != 6:
        return float("nan")  # no face was found
    rgb = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return float(ita_of(linear_to_lab(srgb_to_linear(rgb))))


def _group(ita: float) -> int:
    return fitzpatrick_of(ita)


def answers_on(
    dataset: Dataset, image_ids: Sequence[str], recogniser: Recogniser | None, others: Sequence[Others] = ()
) -> pd.DataFrame:
    """Every source's answers on those of these images whose tone is known: of a rendered set the frames of one
    person, of photographs the labelled ones. Raises UserError where there are none, and as the dataset does."""
    told = _rendered(dataset, image_ids) if isinstance(dataset, Rendered) else _labelled(dataset, image_ids)
    rows: list[dict[str, object]] = []
    waiting: list[tuple[dict[str, object], Image]] = []
    for known, view, estimate in told:
        ita = float("nan") if estimate is None else estimate
        rows.append({**known, "source": ITA, "ita": ita, "group": _group(ita) if ita == ita else np.nan})
        rows += [
            {**known, "source": each.name, **{str(key): value for key, value in each.rows.loc[name].items()}}
            for each in others
            if (name := PurePosixPath(str(known["image"])).name) in each.rows.index
        ]
        if recogniser is not None and view is not None:
            waiting.append((known, view))
        if recogniser is not None and len(waiting) == _BATCH:
            rows += _recognised(recogniser, waiting)
            waiting = []
    if recogniser is not None and waiting:
        rows += _recognised(recogniser, waiting)
    if not rows:
        raise UserError(
            f"{dataset.title} in {dataset.root}: no picture of known tone; label them in tones.csv (image,tone)"
        )
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    numbers = ["true_group", "true_ita", "ita", "group", "deviation", "rank"]
    table[numbers] = table[numbers].astype("float64")
    table["rank"] = table["rank"].where(table["rank"].notna(), table["ita"])
    return table.sort_values(["source", "image"], ignore_index=True)


def _rendered(
    dataset: Rendered, image_ids: Sequence[str]
) -> Iterator[tuple[dict[str, object], Image | None, float | None]]:
    scenes = one_person(dataset)
    lights, people = light_of(scenes).to_dict(), person_of(scenes).to_dict()
    for frame in read_frames(dataset, scenes, image_ids):
        estimate = estimate_tone(frame.image, frame.skin)
        known: dict[str, object] = {
            "test_set": dataset.name,
            "image": frame.image_id,
            "subject": people[frame.image_id],
            "true_group": frame.group,
            "true_ita": frame.ita,
            "light": lights[frame.image_id],
        }
        view = view_of(frame.image, frame.skin)
        yield known, view, None if estimate is None else estimate[0]


def _labelled(
    dataset: Dataset, image_ids: Sequence[str]
) -> Iterator[tuple[dict[str, object], Image | None, float | None]]:
    wanted = set(image_ids)
    for item in dataset.items:
        if item.tone is None or item.image_id not in wanted:
            continue
        sample = dataset.read(item)
        if "skin" not in sample.masks:
            continue
        known: dict[str, object] = {
            "test_set": dataset.name,
            "image": item.image_id,
            "subject": item.subject,
            "true_group": item.tone,
        }
        estimate = estimate_tone(sample.image, sample.masks["skin"])
        yield known, view_of(sample.image, sample.masks["skin"]), None if estimate is None else estimate[0]


def _recognised(
    recogniser: Recogniser, waiting: Sequence[tuple[dict[str, object], Image]]
) -> Iterator[dict[str, object]]:
    answers = recogniser.answers([view for _, view in waiting])
    for (known, _), answer in zip(waiting, answers, strict=True):
        yield {
            **known,
            "source": MODEL,
            "ita": answer.ita,
            "group": answer.group,
            "deviation": answer.deviation,
        }


def light_of(scenes: pd.DataFrame) -> pd.Series:
    """The light of each frame in words, by where it comes from and, in rooms, how warm it is."""

    def word(row: Mapping[Hashable, Any]) -> str:
        if row.get("panorama"):
            return "panorama"
        if row["outdoors"]:
            return "outdoors"
        kelvin = float(row["temperature"])
        return f"room, {'warm' if kelvin < 4000 else 'neutral' if kelvin < 5500 else 'cool'}"

    if not {"outdoors", "temperature"} <= set(scenes.columns):
        return pd.Series("", scenes.index)
    return pd.Series([word(row) for row in scenes.to_dict("records")], scenes.index)


def person_of(scenes: pd.DataFrame) -> pd.Series:
    """A name per frame that frames of one person share: those whose first person has the same skin and build."""
    if "scene" not in scenes:
        return pd.Series(scenes.index, scenes.index)
    people = [json.loads(text)["people"][0] for text in scenes["scene"]]
    keys = [json.dumps([each["skin"], each["body"]["phenotype"]], sort_keys=True) for each in people]
    return pd.Series([f"person {code}" for code in pd.factorize(np.array(keys, object))[0]], scenes.index)


def mean_of(values: pd.Series, rows: pd.DataFrame, seed: int = 0) -> Mean:
    """The mean with the interval of a bootstrap over subjects, or over pictures where none are known."""
    there = values.notna().to_numpy()
    found = values.to_numpy(np.float64)[there]
    if not len(found):
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    low, high = bootstrap_interval(found, units_of(rows[there]), np.random.default_rng([seed]))
    return Mean(float(found.mean()), low, high, len(found))


def absolute_error(rows: pd.DataFrame) -> pd.Series:
    """Degrees from the true ITA."""
    return (rows["ita"] - rows["true_ita"]).abs()


def signed_error(rows: pd.DataFrame) -> pd.Series:
    """Degrees; above 0 the answer is too light."""
    return rows["ita"] - rows["true_ita"]


def within(rows: pd.DataFrame, groups: int) -> pd.Series:
    """1 where the answered group is at most so far from the true one, else 0; NaN without an answer."""
    return (
        ((rows["group"] - rows["true_group"]).abs() <= groups).astype("float64").where(rows["group"].notna())
    )


def covered(rows: pd.DataFrame) -> pd.Series:
    """1 where the true ITA lies in the answer's 90 % interval, else 0; NaN for sources that give none."""
    inside = signed_error(rows).abs() <= HALF_90 * rows["deviation"]
    return inside.astype("float64").where(rows["deviation"].notna() & rows["true_ita"].notna())


def rank_correlation(rows: pd.DataFrame) -> float:
    """Spearman's, of the answers with the true tone, from light to dark alike; NaN with fewer than three."""
    truth = rows["true_ita"].where(rows["true_ita"].notna(), -rows["true_group"])
    pair = pd.DataFrame({"said": rows["rank"], "true": truth}).dropna()
    if len(pair) < 3 or pair["said"].nunique() < 2 or pair["true"].nunique() < 2:
        return float("nan")
    return float(spearmanr(pair["said"], pair["true"]).statistic)


def difference(answers: pd.DataFrame, source: str, minus: str = ITA) -> Mean:
    """Mean absolute error of a source less another's, paired on the pictures that both answer."""
    first, second = (
        answers[answers["source"] == name].set_index(["test_set", "image"]) for name in (source, minus)
    )
    both = first.index.intersection(second.index)
    first, second = first.loc[both], second.loc[both]
    return mean_of(absolute_error(first) - absolute_error(second), first.reset_index())


def confusion(rows: pd.DataFrame) -> Floats:
    """Pictures by true group (lines) and answered group (columns), (6, 6)."""
    known = rows[rows["group"].notna()]
    counts = np.zeros((6, 6))
    np.add.at(counts, (known["true_group"].astype(int) - 1, known["group"].astype(int) - 1), 1)
    return counts


def spread_over_lights(rows: pd.DataFrame) -> pd.Series:
    """Deviation of the answers on each person who is seen at least twice, degrees."""
    answered = rows[rows["ita"].notna() & rows["subject"].notna()]
    every = answered.groupby("subject")["ita"]
    return every.std()[every.size() > 1]


def fidelity(rows: pd.DataFrame, scenes: pd.DataFrame, seed: int = 0) -> list[Effect]:
    """What of a scene, other than the tone asked for, goes with how far the tone seen lies from it.

    rows: of one source on frames. scenes: of the set's table, by image. The groups' means are signed errors.
    """
    known = rows[rows["ita"].notna()]
    drawn = scenes.loc[known["image"]]
    columns = scene_factors(drawn.drop(columns=[name for name in _NO_FACTORS if name in drawn]))
    columns["light"] = light_of(drawn)
    return explained(signed_error(known).to_numpy(np.float64), units_of(known), columns, seed)
