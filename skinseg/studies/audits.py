"""What an audit's dimensions say of transfer: of each set that a study rendered, against training on it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.evaluation.rows import as_frame, read_rows
from skinseg.files import written_whole
from skinseg.probing.audit import run_audit
from skinseg.probing.correlation import Correlation, Foretold, correlations, foretold
from skinseg.probing.distances import imagenet_features
from skinseg.studies.estimates import HEAD, METRICS, Scores
from skinseg.studies.graph import Cell, Graph

IMAGES = 100
FEWEST = 4  # variants of which a correlation is worth printing


def write_audits(graph: Graph, data_root: Path, out: Path) -> dict[str, Path]:
    """Audit every rendered set of a study, and write audits.md and audits.json; what is audited is kept in out/audits.

    Raises UserError where the study renders too few sets to relate anything.
    """
    sets = {cell.name: _rendered(cell) for cell in graph.cells}
    if len({*sets.values()}) < FEWEST:
        raise UserError(
            f"{out}: a study of {len({*sets.values()})} rendered sets, expected at least {FEWEST} to relate their "
            "audits to transfer; leave out `audited`, or vary how frames are rendered"
        )
    transfer = transfer_of(graph, out)
    dimensions = {name: _audited(folder, data_root, out / "audits") for name, folder in sets.items()}
    return write_correlations(dimensions, transfer, out)


def transfer_of(graph: Graph, out: Path) -> dict[str, float]:
    """Skin mIoU by cell, over its seeds: the mean over its test sets."""
    frame = as_frame(read_rows(out / "rows.parquet"))
    found: dict[str, float] = {}
    for name in dict.fromkeys(cell.name for cell in graph.cells):
        scores = Scores({name: frame[frame["run"].str.rpartition(", seed ")[0] == name]})
        means = [scores.mean(name, test_set, next(iter(METRICS))) for test_set, _ in graph.test_sets]
        found[name] = float(np.mean([each.value for each in means if each is not None]))
    return found


def write_correlations(
    dimensions: Mapping[str, Mapping[str, float]], transfer: Mapping[str, float], out: Path
) -> dict[str, Path]:
    """audits.md and audits.json, from dimensions and transfer by variant."""
    names = list(dimensions)
    given, scores = [dimensions[name] for name in names], [transfer[name] for name in names]
    found, errors = correlations(given, scores), foretold(given, scores)
    record = {
        "variants": {name: {"transfer": transfer[name], **dimensions[name]} for name in names},
        "correlations": [
            {"dimension": each.dimension, "srcc": each.srcc, "krcc": each.krcc, "plcc": each.plcc}
            for each in found
        ],
        "foretold": {"mean": errors.mean, "single": errors.single, "combined": errors.combined},
    }
    texts = {"json": json.dumps(record, indent=1) + "\n", "md": _markdown(found, errors, len(names))}
    paths = {kind: out / f"audits.{kind}" for kind in texts}
    for kind, path in paths.items():
        with written_whole(path) as beside:
            beside.write_text(texts[kind], encoding="utf-8")
    return {f"audits {kind}": path for kind, path in paths.items()}


def _rendered(cell: Cell) -> Path:
    """The folder of the set that a cell's model was trained on."""
    (fit,) = cell.score.parents
    rendered = [node for node in fit.parents if node.kind == "render"]
    if len(rendered) != 1:
        raise UserError(
            f"{cell.name}: trained on no set that the study rendered, expected one, to audit it; leave out `audited`"
        )
    return rendered[0].folder


def _audited(folder: Path, data_root: Path, kept: Path) -> dict[str, float]:
    path = kept / f"{folder.name}.json"
    if not path.is_file():
        ours = open_dataset(Rendered.name, folder)
        assert isinstance(ours, Rendered)
        audit = run_audit(ours, find_datasets(data_root), IMAGES, imagenet_features, 0)
        with written_whole(path) as beside:
            beside.write_text(json.dumps(audit.dimensions, indent=1) + "\n", encoding="utf-8")
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _markdown(found: Sequence[Correlation], errors: Foretold, variants: int) -> str:
    lines = [
        f"# What an audit says of transfer: {variants} variants",
        "",
        f"Correlation over variants of each dimension with the {HEAD} mIoU on photographs of what was trained on the "
        "set, its 95 % interval by resampling variants. Spearman (SRCC), Kendall (KRCC), Pearson (PLCC).",
        "",
        "| dimension | SRCC | KRCC | PLCC |",
        "|---|--:|--:|--:|",
        *(
            f"| {each.dimension} | {_said(each.srcc)} | {_said(each.krcc)} | {_said(each.plcc)} |"
            for each in found
        ),
        "",
        _verdict(found, errors),
    ]
    return "\n".join(lines) + "\n"


def _said(value: tuple[float, float, float]) -> str:
    number, low, high = value
    return "–" if number != number else f"{number:+.2f} ({low:+.2f} to {high:+.2f})"


def _verdict(found: Sequence[Correlation], errors: Foretold) -> str:
    clear = [each.dimension for each in found if each.srcc[1] > 0 or each.srcc[2] < 0]
    said = (
        f"{len(clear)} of {len(found)} dimensions have an interval of SRCC without zero ({', '.join(clear)}); of so "
        "many, one in twenty has by chance."
        if clear
        else "No dimension predicts transfer: every interval of SRCC holds zero."
    )
    pays = (
        "All dimensions together foretell a variant that is left out better than the best single one"
        if errors.combining_pays
        else "All dimensions together foretell a variant that is left out no better than the best single one or the "
        "mean, so there is no combined score"
    )
    return (
        f"{said} {pays}: root mean squared error {errors.combined:.4f}, single {errors.single:.4f}, mean "
        f"{errors.mean:.4f}."
    )
