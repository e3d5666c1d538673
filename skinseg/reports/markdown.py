"""The report as Markdown."""

from collections.abc import Iterable, Sequence

from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.results import Results
from skinseg.reports.tables import TONES, Cell, dataset_tables, tone_tables, verdict


def markdown(results: Results, definitions: Sequence[tuple[str, str]]) -> str:
    """Verdict, tables, definitions and where it all comes from."""
    run = results.run
    parts = ["# Skin segmentation report", verdict(results)]
    for head, lines in dataset_tables(results).items():
        parts += [
            f"## {head.capitalize()} head, per data set",
            _table(
                ("data set", "part", "images", "mIoU", "95 % interval", "over", "pooled IoU",
                 "IoU with background", "F1", "pooled F1", "accuracy", "empty"),
                [
                    (line.title, line.subset, str(line.miou.images), _value(line.miou), line.miou.interval,
                     line.resampled, f"{line.iou_pooled:.3f}", f"{line.iou_with_background:.3f}",
                     f"{line.f1:.3f}", f"{line.f1_pooled:.3f}", f"{line.accuracy:.3f}",
                     str(line.empty_on_empty))
                    for line in lines
                ],
                text_columns=2,
            ),
        ]  # fmt: skip
    for table in tone_tables(results):
        parts += [
            f"## {table.head.capitalize()} head, mIoU per Fitzpatrick group, {table.source}",
            _table(
                ("data set", *(str(tone) for tone in TONES)),
                [(title, *(_tone(cell) for cell in cells)) for title, cells in table.lines],
                text_columns=1,
            ),
        ]
    parts.append(f"In italics: fewer than {FEW_IMAGES} images, too few to conclude from.")
    parts += ["## Definitions", "\n".join(f"- **{name}**: {text}" for name, text in definitions)]
    facts = {
        "command": run["command"],
        "date": run["date"],
        "checkpoint": run["checkpoint"],
        "weights": run["weights"],
        "config": run["config"],
        "threshold": run["threshold"],
        "split seed": run["split_seed"],
    }
    facts |= {f"split of {name}": entry["split"] for name, entry in run["datasets"].items()}
    facts |= {f"version of {name}": version for name, version in run["versions"].items()}
    code = "\n".join(f"{name}: {value}" for name, value in facts.items())
    parts += ["## Origin", f"```\n{code}\n```"]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[str], lines: Iterable[Sequence[str]], text_columns: int) -> str:
    rule = ["---"] * text_columns + ["--:"] * (len(header) - text_columns)
    escaped = [[value.replace("|", "\\|") for value in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *escaped))


def _value(cell: Cell) -> str:
    return f"*{cell.value:.3f}*" if cell.few else f"{cell.value:.3f}"


def _tone(cell: Cell | None) -> str:
    return "–" if cell is None else f"{_value(cell)} (n={cell.images})"
