"""What a probe found, as a page: effects, the search, and failures to look at."""

import base64
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skinseg.evaluation.bootstrap import RESAMPLES
from skinseg.files import written_whole
from skinseg.images.decoding import Image
from skinseg.probing.changes import AS_DRAWN, FACTORS
from skinseg.probing.effects import Effect, ranked
from skinseg.probing.failures import GENERATION, QUANTILE, Found, Search, failed
from skinseg.probing.pages import write_page
from skinseg.probing.probe import Probed
from skinseg.probing.scoring import Segment
from skinseg.reports.tables import Entry, Figure, Table, Value

CELL, COLUMNS, MOST = 144, 4, 48  # pixels of a frame on the sheet, pairs in a row, frames at most

_DEFINITIONS = (
    ("Effect", "mean over scenes of the difference in skin IoU between the same scene with one thing changed and with "
     "what the line says it is held against."),
    ("Interval", f"95 %, percentile bootstrap, {RESAMPLES} resamples of the scenes, each with all of its frames."),
    ("Unpaired", "the width that the interval would have were the frames of either side of other scenes."),
    ("Tone", "everybody in the scene in one Fitzpatrick group, nothing drawn anew; cloth is told from all six. Colour "
     "of hair and eyes stays, so some combinations are rare in people."),
)  # fmt: skip


def write_probe(
    probed: Probed, segment: Segment, model: str, command: str, out: Path
) -> tuple[str, list[Table]]:
    """The page of a probe and failures.jpg; gives what it says and its tables."""
    said = verdict(probed)
    tables = probe_tables(probed)
    if probed.confirmed:
        sheet = failure_sheet(probed.confirmed[:MOST], segment)
        with written_whole(out / "failures.jpg") as beside:
            beside.write_bytes(sheet)
        tables.append(_sheet_table(sheet, len(probed.confirmed)))
    method = [
        f"Model: {model}. {probed.scenes} scenes at random and their changes; {probed.given_up} more were given up for "
        "showing too little skin. A frame is a function of its scene: all that differs between two frames of a pair is "
        "what the factor changes, and what light makes of it. Frames that show too little skin to be labelled are in "
        "no pair.",
        "Causes within the generator: what they are worth on photographs is a question to photographs.",
    ]
    write_page("Why it fails", said, tables, method, _DEFINITIONS, command, out)
    return said, tables


def verdict(probed: Probed) -> str:
    parts = []
    if "tone" in probed.gaps:
        widest = probed.gaps["tone"]
        parts.append(
            f"The same people in the same scenes: group {widest.level} does better than group {widest.against} by "
            f"{widest.value:.3f} IoU ({widest.low:+.3f} to {widest.high:+.3f}, {widest.scenes} scenes)."
        )
    largest = ranked([each for some in probed.effects.values() for each in some])
    if largest and largest[0].scenes:
        first = largest[0]
        parts.append(
            f"The largest effect of all is {first.factor}, {first.level}: {first.value:+.3f} against {first.against}."
        )
    if probed.search is not None:
        search = probed.search
        parts.append(
            f"The search found {search.searched:.2f} failures (IoU below {search.threshold:.3f}) a render, "
            f"scenes at random {search.at_random:.2f}; {len(probed.confirmed)} cells hold one that other noise "
            "does not mend."
        )
    return " ".join(parts) or "Nothing was asked."


def probe_tables(probed: Probed) -> list[Table]:
    tables = []
    if probed.gaps:
        tables.append(
            Table(
                "Best level against worst",
                ("factor", "best", "worst", "difference", "unpaired width", "scenes"),
                [
                    (name, each.level, each.against, _value(each), f"{each.unpaired:.3f}", str(each.scenes))
                    for name, each in probed.gaps.items()
                ],
                notes=(
                    "Which are best and worst is read off the same frames: a little too large where there is none.",
                ),
                counted=False,
                text_columns=3,
            )
        )
    for name, found in probed.effects.items():
        against = FACTORS[name].reference or "the mean of all levels of the same scene"
        tables.append(
            Table(
                f"{name.capitalize()}: effect on the skin IoU against {against}",
                ("level", "mIoU", "effect", "unpaired width", "scenes"),
                [
                    (
                        each.level,
                        f"{each.mean:.3f}" if each.scenes else None,
                        _value(each),
                        f"{each.unpaired:.3f}" if each.scenes > 1 else None,
                        str(each.scenes),
                    )
                    for each in found
                ],
                counted=False,
            )
        )
    every = [each for some in probed.effects.values() for each in some if each.scenes]
    if len(probed.effects) > 1 and every:
        tables.append(
            Table(
                "All effects by size",
                ("factor", "level", "effect", "scenes"),
                [(each.factor, each.level, _value(each), str(each.scenes)) for each in ranked(every)],
                notes=(f"Against: {AS_DRAWN}, bare head (worn), or the mean of all levels (tone, framing).",),
                counted=False,
                text_columns=2,
                brief=0,
            )
        )
    if probed.search is not None:
        tables.append(_search_table(probed))
    return tables


def _search_table(probed: Probed) -> Table:
    search = probed.search
    assert search is not None
    lines: list[tuple[Entry, ...]] = [
        ("scenes at random", str(probed.scenes), f"{search.at_random:.3f}"),
        ("search", str(len(search.found)), f"{search.searched:.3f}"),
    ]
    return Table(
        "Failures a render",
        ("scenes", "renders", "failures a render"),
        lines,
        notes=(
            f"A failure is a frame with an IoU below {search.threshold:.3f}, the {QUANTILE:.0%} quantile of scenes at "
            f"random, that shows enough skin. Grid of tone, framing and light: {len(search.grid)} cells filled, "
            f"generations of {GENERATION}. Looking at the failures again in other noise cost a render each. "
            f"{_variety(search)}",
        ),
        counted=False,
    )


def _variety(search: Search) -> str:
    """How many scenes at random the failures descend from: mutants of one are much alike."""
    roots = Counter(each.shot.scene.index for each in failed(search.found, search.threshold))
    if not roots:
        return "The search found none."
    return (
        f"The search's {roots.total()} come from {len(roots)} of the scenes at random, {max(roots.values())} of them "
        "from one."
    )


def _value(effect: Effect) -> Value | None:
    if not effect.scenes:
        return None
    return Value(effect.value, effect.low, effect.high, effect.scenes, signed=True)


def _sheet_table(sheet: bytes, count: int) -> Table:
    height, width = np.asarray(cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_COLOR)).shape[:2]
    data = base64.b64encode(sheet).decode("ascii")
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/jpeg;base64,{data}"/></svg>'
    )
    alt = f"{min(count, MOST)} scenes on which the model fails, each beside what it found and missed"
    return Table(
        "Failures to look at",
        (),
        [],
        notes=(
            f"{count} in all. The worst of each cell, worst first: the frame, and beside it what was found (blue), a "
            "false alarm (orange) and missed (yellow). To train on them: `skinseg render --scenes failures.jsonl`.",
        ),
        figure=Figure(svg, alt),
        brief=0,
        folded=True,
    )


def failure_sheet(found: Sequence[Found], segment: Segment) -> bytes:
    """A JPEG grid: each frame beside what the model made of it."""
    pairs = []
    for each in found:
        image, skin = each.shot.read()
        pairs.append(np.hstack([_small(image), _small(_outcomes(image, skin, segment(image)))]))
    blank = np.full((CELL, 2 * CELL, 3), 255, np.uint8)
    pairs += [blank] * (-len(pairs) % COLUMNS)
    rows = [np.hstack(pairs[start : start + COLUMNS]) for start in range(0, len(pairs), COLUMNS)]
    _, data = cv2.imencode(".jpg", np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()


def _small(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (CELL, CELL), interpolation=cv2.INTER_AREA), np.uint8)


def _outcomes(image: Image, skin: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]) -> Image:
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.float32)
    true, found = skin == 1, predicted > 0
    for where, color in (
        (true & found, (0, 114, 178)),
        (~true & found, (213, 94, 0)),
        (true & ~found, (240, 228, 66)),
    ):
        grey[where] = 0.4 * grey[where] + 0.6 * np.array(color, np.float32)
    return grey.astype(np.uint8)
