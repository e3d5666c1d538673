"""Requested against rendered skin tone, in neutral light and with everything that the generator varies.

    python benchmarks/tones.py --count 120 --work rendered/tones --out benchmarks/results/tones.json

Renders one set by configs/render/neutral.yaml (daylight, a perfect camera) and one by mixed.yaml, a person a frame,
measures the ITA of the true skin pixels as the evaluation does, and prints the correlation with the ITA
that was asked for, the bias, and the confusion table of the Fitzpatrick groups. A set that is there already goes on.

    python benchmarks/tones.py --rendered rendered/default --out benchmarks/results/tones-default.json

measures a set that was rendered before instead, its frames of one person.
"""

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import skin_mask
from skinseg.synthetic.rendering.renderer import render_set
from skinseg.tones.ita import estimate_tone

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "render"


def measure(folder: Path) -> list[dict[str, Any]]:
    """Per frame with enough skin: ita and group asked for, and measured."""
    frames = []
    table = pd.read_parquet(folder / "scenes.parquet")
    # One person: the mask does not say whose skin a pixel is.
    for row in table[table["people"] == 1].itertuples():
        image = cv2.imread(str(folder / "images" / str(row.image)), cv2.IMREAD_COLOR)
        skin = skin_mask(read_labels(folder / "masks" / str(row.image)))
        found = estimate_tone(np.ascontiguousarray(image[:, :, ::-1]), skin)
        if found is not None:
            frames.append(
                {
                    "asked_ita": round(float(row.ita), 2),
                    "asked": int(row.fitzpatrick),
                    "ita": round(found[0], 2),
                    "found": found[1],
                }
            )
    return frames


def report(name: str, frames: list[dict[str, Any]]) -> str:
    """Markdown: correlation, bias and the confusion table."""
    table = pd.DataFrame(frames)
    correlation = np.corrcoef(table["asked_ita"], table["ita"])[0, 1]
    bias = (table["ita"] - table["asked_ita"]).median()
    medians = table.groupby("asked")["ita"].median()
    within = float(((table["asked"] - table["found"]).abs() <= 1).mean())
    exact = float((table["asked"] == table["found"]).mean())
    counts = pd.crosstab(table["asked"], table["found"]).reindex(
        index=range(1, 7), columns=range(1, 7), fill_value=0
    )
    lines = [
        f"{name}: n = {len(table)}, correlation {correlation:.3f}, median bias {bias:+.1f}°, same group {exact:.2f}, "
        f"within one group {within:.2f}",
        "",
        "| asked for | " + " | ".join(f"found {group}" for group in range(1, 7)) + " | median ITA |",
        "|---" * 8 + "|",
    ]
    lines += [
        f"| {group} | "
        + " | ".join(str(counts.loc[group, other]) for other in range(1, 7))
        + f" | {medians[group]:.0f}° |"
        for group in range(1, 7)
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=120)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--work", type=Path)
    place.add_argument("--rendered", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    record = {}
    if options.rendered is not None:
        record["rendered"] = measure(options.rendered)
        print(report(options.rendered.name, record["rendered"]))
    for name in () if options.work is None else ("neutral", "mixed"):
        config = dataclasses.replace(
            GeneratorConfig.load(CONFIGS / f"{name}.yaml"), resolution=128, p_second=0.0
        )
        folder = options.work / name
        render_set(config, options.count, seed=3, workers=os.cpu_count() or 1, out=folder)
        record[name] = measure(folder)
        print(report(name, record[name]), end="\n\n")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
