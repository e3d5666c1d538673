"""`skinseg export`: the exported files, and beside them a model card filled from stored result rows."""

from collections.abc import Sequence
from pathlib import Path

from skinseg.data.retoning import said
from skinseg.datasets.registry import DATASETS
from skinseg.errors import UserError
from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.export.command import ROUNDED_FROM, Exported, export, halved
from skinseg.export.quantization import ALLOWED, INT8
from skinseg.files import written_whole
from skinseg.models.checkpoint import Checkpoint, newest_checkpoint, read_checkpoint, result_of
from skinseg.models.exported import CONFIG, ONNX, WEIGHTS
from skinseg.models.lineage import IMAGENET, UNKNOWN, lineage_of, start_of, tones_of
from skinseg.reports.markdown import table_text
from skinseg.reports.results import Results, read_results
from skinseg.reports.tables import dataset_tables, tone_tables

CARD = "README.md"
_COLUMNS = ("data set", "images", "mIoU", "pooled IoU", "F1", "average precision")


def export_with_card(
    path: Path,
    out: Path,
    images: Sequence[str] = (),
    int8_data: Path | None = None,
    results: Sequence[Path] = (),
    half: bool = False,
) -> Exported:
    """`skinseg.export.command.export`, and its card as README.md.

    results: folders that `skinseg evaluate` wrote with this checkpoint; with half, with what this wrote before.
    Raises UserError as `export` and `read_results`, and for results of other weights, before anything is written.
    """
    checkpoint = read_checkpoint(newest_checkpoint(path))
    if half:
        checkpoint = halved(checkpoint)
    scored = [read_results(folder) for folder in results]
    for each in scored:
        if each.run["weights"] != checkpoint.sha256:
            raise UserError(
                f"results {each.folder} are of weights {str(each.run['weights'])[:12]}, {checkpoint.sha256[:12]} "
                f"expected, those of {checkpoint.path}; score it with `skinseg evaluate --checkpoint` first"
            )
    exported = export(checkpoint.path, out, images, int8_data, half)
    with written_whole(out / CARD) as beside:
        beside.write_text(model_card(exported, scored), encoding="utf-8")
    return exported


def model_card(exported: Exported, results: Sequence[Results]) -> str:
    """The card in Markdown, with the front matter that model hubs read. What is not known is said to be not known."""
    checkpoint = exported.checkpoint
    size, heads = checkpoint.size, " and ".join(checkpoint.model["heads"])
    parts = [
        "---\nlibrary_name: skinseg\npipeline_tag: image-segmentation\ntags: [skin-segmentation, onnx, safetensors]\n"
        "license: other\nlicense_name: terms-of-the-training-data\n---",
        "# Skin segmentation, U-Net",
        f"Finds {heads} in photographs: a probability and a mask per pixel, at the photograph's own resolution. "
        f"Encoder `{checkpoint.model['encoder']}`; the network sees each picture with its long side at {size} pixels. "
        f"Weights SHA-256 `{checkpoint.sha256}`.",
        "## Use",
        '```python\nimport skinseg\n\nprediction = skinseg.load("path/to/this/folder").predict("photo.jpg")\n'
        'prediction.masks["skin"]  # bool (H, W)\n```',
        f"`{WEIGHTS}` with `{CONFIG}` needs torch; `{ONNX}` needs ONNX Runtime only: input `image`, uint8 "
        "(B, 3, H, W), RGB, H and W multiples of 32; a probability (B, H, W) for each head; normalisation is inside.",
        "## Training data",
        *_training_data(checkpoint),
        "## How well it does",
        *(_scores(results) or ["Not measured: exported without result rows (`--results`)."]),
        "## Intended use",
        "Research on skin segmentation, and masks of one's own photographs that a person looks at. Threshold "
        "0.5; it was not tuned.",
        "Not for: telling who somebody is, their ethnicity or age, diagnosis, or deciding anything about a person. A "
        "mask says where skin is visible to this model, not whose it is.",
        "## Limits",
        "- Pictures unlike the training data are segmented worse, and the tables above show only what was scored.\n"
        "- Fitzpatrick groups without a number above were not measured; estimated groups follow the light as well as "
        "the skin. Under 20 images a number carries little.\n"
        f"- People much smaller than in the training pictures are missed at {size} pixels; `--tiles` may find them.\n"
        "- Wood, sand, and cloth in colours of skin are the usual false alarms.",
        "## Exported files",
        *_files(exported),
        "## Time, energy and carbon",
        *_cost(checkpoint),
    ]
    return "\n\n".join(parts) + "\n"


def _training_data(checkpoint: Checkpoint) -> list[str]:
    start = start_of(checkpoint.metadata)
    lines = []
    for number, training in enumerate(lineage_of(checkpoint.metadata), 1):
        kind = DATASETS.get(training.dataset)
        if training.dataset == UNKNOWN:
            lines.append(f"{number}. Not recorded in this checkpoint.")
        elif kind is None:
            lines.append(f"{number}. `{training.dataset}`, a folder of the trainer's own; terms: theirs.")
        else:
            split = f" Split `{training.split}`." if training.split else ""
            without = "" if training.labels else " Its images only, without their masks."
            lines.append(f"{number}. {kind.title} ({kind.citation}). Terms: {kind.terms}.{split}{without}")
    counts = tones_of(checkpoint.metadata)
    return [
        f"Start: {start}.",
        "\n".join(lines),
        *(
            ["Training images by skin tone:", "\n".join(f"- {line}" for line in said(counts))]
            if counts
            else []
        ),
        "In this order, the last one last. The terms of each apply to what is done with these weights"
        + ("; those of ImageNet and of the encoder's weights too." if start.name == IMAGENET else "."),
    ]


def _scores(results: Sequence[Results]) -> list[str]:
    parts = []
    for each in results:
        for table in (*dataset_tables(each), *tone_tables([("", each)])):
            kept = [i for i, name in enumerate(table.header) if name in _COLUMNS or table.text_columns != 2]
            parts += [f"### {table.title}", table_text(table, kept), *table.notes]
    if parts:
        parts.append(
            f"In brackets: 95 % interval. In italics: fewer than {FEW_IMAGES} images, too few to conclude from. mIoU "
            "is the mean over images of the head's IoU, at each image's own resolution."
        )
    return parts


def _files(exported: Exported) -> list[str]:
    difference = exported.difference
    kind = "drawn pictures" if difference.generated else "photographs"
    parts = [
        f"- `{ONNX}`: differs from torch by at most {difference.probability:.1e} in probability and in "
        f"{difference.mask:.2e} of the mask's pixels, on {difference.images} {kind}."
    ]
    if exported.int8 is not None:
        scores = "; ".join(
            f"{line.dataset} {line.float32:.3f} to {line.int8:.3f} (n = {line.images})"
            for line in exported.int8.scores
        )
        kept = f"`{INT8}`: kept" if exported.int8.kept else "int8: left out"
        parts.append(f"- {kept}; skin mIoU on the test parts, allowed to fall by {ALLOWED}: {scores}.")
    return ["\n".join(parts)]


def _cost(checkpoint: Checkpoint) -> list[str]:
    result = result_of(checkpoint.path, checkpoint.metadata.get(ROUNDED_FROM, checkpoint.sha256))
    minutes, before = result.get("minutes"), result.get("minutes_before")
    several = len(lineage_of(checkpoint.metadata)) > 1
    others = (
        "those before it stand in their own runs" if before is None else f"{before} minutes those before it"
    )
    time = (
        "Training time: not recorded."
        if minutes is None
        else f"Training time: {minutes} minutes, {result.get('epochs')} epochs, on "
        f"{result.get('machine', 'a machine that is not recorded')}"
        + (f", of the last training; {others}." if several else ".")
    )
    return [
        time,
        "Energy and carbon: not measured. To fill in: energy in kWh is minutes / 60 times the machine's mean power in "
        "kW, measured at the wall or by a tool such as codecarbon; carbon is that times the grid's kg CO2e per kWh.",
    ]
