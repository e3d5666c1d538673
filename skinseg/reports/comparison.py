"""Several runs side by side: what each was trained on against what it was scored on, and paired differences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skinseg.evaluation.bootstrap import bootstrap_interval, interval, resampled_means, units_of
from skinseg.evaluation.metrics import FEW_IMAGES, Difference, paired_difference, with_metrics
from skinseg.models.configuration import differing, short
from skinseg.models.lineage import SEEN
from skinseg.reports.arms import Arm, Column, arms, by_name, without_pretraining
from skinseg.reports.charts import forest
from skinseg.reports.published import RENDERED, is_partial, published_miou, table, why_not_comparable
from skinseg.reports.results import Results
from skinseg.reports.tables import Entry, Figure, Table, Value


@dataclass(frozen=True)
class Score:
    """What an arm reached on a test set.

    miou: mean over images, each the mean over the seeds, with its 95 % interval over images or subjects.
    seeds_sd: standard deviation of the mIoU over seeds; NaN of one. seen: the worst of `SEEN` over the images, and
    trained: how many of them training showed. published: the paper's mIoU, or None; `comparable` says whether it is
    about the same data.
    """

    miou: Difference
    seeds_sd: float
    seen: str
    trained: int
    published: float | None
    comparable: bool


class Comparison:
    """Runs in arms, their scores and differences. Raises nothing: runs without a test set in common have none."""

    def __init__(self, runs: Sequence[Results]) -> None:
        self.runs = runs
        self.arms = arms(runs)
        found = {column for arm in self.arms for column in arm.rows}
        self.columns = sorted(found, key=lambda column: (column[0] == RENDERED, column))
        # The least where runs differ.
        self.complete: dict[str, int] = {}
        for run in runs:
            for name, entry in run.run["datasets"].items():
                self.complete[name] = min(entry["complete"], self.complete.get(name, entry["complete"]))
        self.own_splits = {
            entry["split"]
            for run in runs
            if run.run["tables"].get("split")
            for entry in run.run["datasets"].values()
        }
        self.scores = {
            (arm.label, column): self._score(arm, column, rows)
            for arm in self.arms
            for column, rows in arm.rows.items()
        }
        with_and_without = [
            (first, second) for first in self.arms for second in without_pretraining(first, self.arms)
        ]
        self.by_pretraining = bool(with_and_without)
        self.pairs = with_and_without or [(arm, self.arms[0]) for arm in self.arms[1:]]
        self.differences: dict[tuple[str, str, Column], Difference] = {}
        for first, second in self.pairs:
            for column in first.rows.keys() & second.rows.keys():
                difference = paired_difference(first.rows[column], second.rows[column])
                if difference is not None:
                    self.differences[first.label, second.label, column] = difference

    def title(self, column: Column) -> str:
        """The data set's title; subset and split are added where one name stands for several."""
        name, subset, split = column
        title = next(run.title(name) for run in self.runs if name in run.run["datasets"])
        times = Counter(name for name, _, _ in self.columns)
        return f"{title}, {subset} of split {split}" if times[name] > 1 else title

    def verdict(self) -> str:
        """What pretraining is worth, or the best score where no runs tell, with its interval; and what is compared."""
        said = f"{len(self.runs)} runs in {len(self.arms)} arms on {len(self.columns)} test sets."
        all_ = [each for each in self.differences.values() if each.images >= FEW_IMAGES]
        if not (self.by_pretraining and all_):
            best = self._best()
            return f"{best} {said}" if best else said
        better, worse = (
            sum(_excludes_zero(each) and sign * each.value > 0 for each in all_) for sign in (1, -1)
        )
        return (
            f"{self._worth()}{said} Of {len(all_)} pairs of training set and test set with at least {FEW_IMAGES} "
            f"images, pretraining is better on {better} and worse on {worse}; on the others the 95 % interval of the "
            "difference holds zero."
        )

    def _worth(self) -> str:
        """The mean paired difference over the photographs' test sets with enough images, else over the rendered."""
        enough = {column for (*_, column), each in self.differences.items() if each.images >= FEW_IMAGES}
        columns = [column for column in self.columns if column in enough]
        columns = [column for column in columns if column[0] != RENDERED] or columns
        pairs = [
            [(first.rows[column], second.rows[column]) for first, second in self.pairs
             if (first.label, second.label, column) in self.differences]
            for column in columns
        ]  # fmt: skip
        worth = mean_difference(pairs)
        if worth is None:
            return ""
        value = _value(worth, stressed=False, signed=True)
        return (
            f"Pretraining changes skin mIoU by {value.text} (95 % interval {value.interval}), the mean over "
            f"{', '.join(map(self.title, columns))} ({worth.images} images) and {max(map(len, pairs))} "
            f"training set{'s' * (max(map(len, pairs)) > 1)}. "
        )

    def _best(self) -> str:
        """The best score on the test set with the most images, in a sentence; empty where none competes."""
        scores = {key: score for key, score in self.scores.items() if _may_win(score)}
        if not scores:
            return ""
        (label, column), score = max(
            scores.items(), key=lambda item: (item[1].miou.images, item[1].miou.value)
        )
        value = _value(score.miou, stressed=False)
        return (
            f"Highest skin mIoU on {self.title(column)} ({value.images} images): {label}, {value.text} (95 % interval "
            f"{value.interval})."
        )

    def tables(self) -> list[Table]:
        """The cross-dataset matrix and the paired differences."""
        return [self._matrix(), *([self._difference_table()] if self.pairs else [])]

    def frame(self) -> pd.DataFrame:
        """For CSV: a line per arm and test set, then a line per difference, of `arm` minus `minus`."""
        lines = []
        for arm in self.arms:
            for column in arm.rows:
                score = self.scores[arm.label, column]
                lines.append(
                    _line(arm.label, None, column, score.miou)
                    | {
                        "trained_on": arm.trained_on,
                        "pretrained_on": arm.pretrained_on,
                        "config": arm.config,
                        "seeds": len(arm.runs),
                        "seeds_sd": score.seeds_sd,
                        "seen": score.seen,
                        "trained_images": score.trained,
                        "published": score.published,
                        "published_comparable": score.comparable,
                    }
                )
        lines += [
            _line(first, second, column, value) for (first, second, column), value in self.differences.items()
        ]
        return pd.DataFrame(lines)

    def _score(self, arm: Arm, column: Column, rows: pd.DataFrame) -> Score:
        measured = with_metrics(rows)
        by_image = measured.groupby("image")["iou"].mean()
        units = dict(zip(rows["image"], units_of(rows), strict=True))
        low, high = bootstrap_interval(
            by_image.to_numpy(np.float64),
            [units[image] for image in by_image.index],
            np.random.default_rng([0]),
        )
        by_seed = measured.groupby("weights")["iou"].mean()
        # The paper's matrix is of plain training and fine-tuning.
        published = None if arm.adapt else published_miou(arm.trained_on, arm.pretrained_on, column[0])
        return Score(
            miou=Difference(float(by_image.mean()), low, high, len(by_image)),
            seeds_sd=float(by_seed.std(ddof=1)) if len(by_seed) > 1 else float("nan"),
            seen=str(max(rows["seen"].unique(), key=SEEN.index)),
            trained=int(rows.loc[rows["seen"] == "trained on", "image"].nunique()),
            published=published,
            comparable=published is not None
            and self._why_not_comparable(column) is None
            and not is_partial(arm.trained_on, self.complete)
            and not arm.is_limited,
        )

    def _why_not_comparable(self, column: Column) -> str | None:
        name, subset, split = column
        return why_not_comparable(name, subset, self.complete, split in self.own_splits)

    def _matrix(self) -> Table:
        best = {
            column: max(
                (
                    score.miou.value
                    for (_, there), score in self.scores.items()
                    if there == column and _may_win(score)
                ),
                default=None,
            )
            for column in self.columns
        }
        lines: list[tuple[Entry, ...]] = []
        for arm in self.arms:
            line: list[Entry] = [arm.label, str(len(arm.runs))]
            for column in self.columns:
                score = self.scores.get((arm.label, column))
                wins = score is not None and _may_win(score) and score.miou.value == best[column]
                line.append(None if score is None else _value(score.miou, stressed=wins, notes=_notes(score)))
            lines.append(tuple(line))
        return Table(
            title="Trained on (rows), tested on (columns)",
            header=("trained on", "seeds", *map(self.title, self.columns)),
            lines=lines,
            notes=self._matrix_notes(),
            text_columns=2,
            heat=tuple(range(2, 2 + len(self.columns))),
        )

    def _matrix_notes(self) -> tuple[str, ...]:
        notes = [
            "Rows: what a model was trained on last, + what before that. mIoU of the skin head, mean over images; bold "
            "is a column's best."
        ]
        trained = [arm for arm in self.arms if "name" not in arm.runs[0].run]
        for name, several in by_name(trained).items():
            found = differing([arm.configuration for arm in several])
            if len({arm.config for arm in several}) > 1:
                notes.append(
                    f"{name}: {len({arm.config for arm in several})} configurations under one name, which differ in "
                    f"{', '.join(dict.fromkeys(map(short, found))) or 'what was not recorded'}."
                )
        named = [arm.label for arm in self.arms if "name" in arm.runs[0].run]
        notes += [f"Masks that were scored as they came: {', '.join(named)}."] if named else []
        for column in self.columns:
            if column[0] != RENDERED:
                reason = self._why_not_comparable(column)
                split = table()["splits"].get(column[0], {}).get("split")
                said = (
                    f"not comparable with the paper: {reason}"
                    if reason
                    else f"{split}, as in the paper, drawn anew"
                )
                notes.append(f"{self.title(column)}: {said}.")
        partial = dict.fromkeys(
            arm.label if arm.is_limited else arm.trained_on
            for arm in self.arms
            if arm.is_limited or is_partial(arm.trained_on, self.complete)
        )
        if partial:
            notes.append(
                f"Trained on a part, or on a set whose size is not known here: {', '.join(partial)}; the paper's rows "
                "of these names are about more images."
            )
        notes.append(
            f"Paper: {table()['citation']}. Its value stands in a cell only where all of this matches."
        )
        return tuple(notes)

    def _difference_table(self) -> Table:
        lines: list[tuple[Entry, ...]] = []
        for first, second in self.pairs:
            found = [self.differences.get((first.label, second.label, column)) for column in self.columns]
            values = [
                None if each is None else _value(each, stressed=_excludes_zero(each), signed=True)
                for each in found
            ]
            lines.append((f"{first.label} minus {second.label}", *values))
        titles = [*map(self.title, self.columns)]
        drawn = [
            (f"{line[0]}, on {title}", value.value, value.low or 0.0, value.high or 0.0, value.few)
            for i, title in enumerate(titles, 1)
            for line in lines
            if isinstance(value := line[i], Value)
        ]
        pretraining = "With and without pretraining: p" if self.by_pretraining else "P"
        return Table(
            title=f"{pretraining}aired differences in mIoU, on the same images",
            header=("arms", *titles),
            lines=lines,
            figure=_forest(drawn),
            notes=(
                "Bold: the 95 % interval excludes zero, as one in twenty does by chance. It is over images or "
                "subjects: how much another seed of training changes is not in it.",
            ),
        )


def mean_difference(
    test_sets: Sequence[Sequence[tuple[pd.DataFrame, pd.DataFrame]]], seed: int = 0
) -> Difference | None:
    """The mean over test sets of the mean paired difference in IoU, with its 95 % interval (NaN where a test set has
    fewer than two units); None where a test set's pairs share no image.

    test_sets: of each, the rows of pairs, as for `paired_difference`. An image's differences are averaged over the
    pairs first; then each test set is drawn on its own (stratified percentile bootstrap), over subjects where known.
    """
    generator = np.random.default_rng([seed])
    means, drawn, images = [], [], 0
    for pairs in test_sets:
        by_pair = [
            with_metrics(first).groupby("image")["iou"].mean()
            - with_metrics(second).groupby("image")["iou"].mean()
            for first, second in pairs
        ]
        values = pd.concat(by_pair, axis=1).dropna().mean(axis=1).sort_index()
        if values.empty:
            return None
        rows = pairs[0][0]
        units = dict(zip(rows["image"], units_of(rows), strict=True))
        values.index = values.index.map(units)
        values = values.sort_index(kind="stable")
        means.append(float(values.mean()))
        drawn.append(resampled_means(values.to_numpy(np.float64), list(values.index), generator))
        images += len(values)
    if not means:
        return None
    if any(len(each) == 0 for each in drawn):
        return Difference(float(np.mean(means)), float("nan"), float("nan"), images)
    low, high = interval(np.mean(drawn, axis=0))
    return Difference(float(np.mean(means)), float(low), float(high), images)


def _forest(drawn: Sequence[tuple[str, float, float, float, bool]]) -> Figure | None:
    if not drawn:
        return None
    said = "; ".join(f"{title} {value:+.3f}" for title, value, *_ in drawn)
    return Figure(
        forest(drawn, "difference in mIoU, with its 95 % interval"),
        f"A dot with its interval for each paired difference: {said}. The table below has the intervals.",
    )


def _excludes_zero(difference: Difference) -> bool:
    return difference.low * difference.high > 0


def _may_win(score: Score) -> bool:
    """Whether a score competes for its column's best: enough images, and none that training can have shown."""
    return score.miou.images >= FEW_IMAGES and score.seen in ("never", "held out")


def _notes(score: Score) -> tuple[str, ...]:
    seen = {
        "never": "",
        "held out": "held out",
        "maybe": "may be trained on",
        "trained on": f"{score.trained} trained on",
    }
    notes = [f"seeds ± {score.seeds_sd:.3f}"] if score.seeds_sd == score.seeds_sd else []
    notes += [seen.get(score.seen, "training unknown")]
    notes += [f"paper {score.published:.3f}"] if score.comparable else []
    return tuple(note for note in notes if note)


def _value(number: Difference, stressed: bool, signed: bool = False, notes: tuple[str, ...] = ()) -> Value:
    return Value(number.value, number.low, number.high, number.images, signed, stressed, notes)


def _line(arm: str, minus: str | None, column: Column, number: Difference) -> dict[str, object]:
    return {
        "arm": arm,
        "minus": minus,
        "test_set": column[0],
        "subset": column[1],
        "split": column[2],
        "images": number.images,
        "iou_image_mean": number.value,
        "low": number.low,
        "high": number.high,
    }
