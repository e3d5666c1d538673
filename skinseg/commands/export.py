"""`skinseg export`."""

from collections.abc import Sequence
from pathlib import Path

from skinseg.commands.checks import check_model, check_own
from skinseg.models.exported import CONFIG, ONNX, WEIGHTS


def export(
    checkpoint: Path,
    *,
    out: Path,
    images: Sequence[str] = (),
    results: Sequence[Path] = (),
    int8: Path | None = None,
    half: bool = False,
) -> None:
    """Write a checkpoint as safetensors and ONNX, with a model card.

    The ONNX model is compared with torch before it is written, and runs without torch.

    Args:
        checkpoint (CHECKPOINT): a .ckpt, a run, or a folder of runs
        out (DIR): files go here
        images (IMAGE): check the ONNX model on these [drawn pictures]
        results (DIR): for the card, as `evaluate` wrote them
        int8 (DATA_ROOT): also in 8 bit, calibrated on the datasets here; kept where mIoU holds
        half: round weights to half precision and store them once, for both forms

    Example:
        skinseg export runs/finetune --out exported --results results/latest
    """
    check_model(checkpoint)
    check_own(out, (CONFIG, WEIGHTS, ONNX, "model.int8.onnx", "README.md"), {CONFIG: b'"sha256"'})

    from skinseg.export.quantization import ALLOWED
    from skinseg.reports.model_card import export_with_card

    exported = export_with_card(checkpoint, out, images, int8, results, half)
    difference = exported.difference
    kind = "drawn pictures (--images for your own)" if difference.generated else "photographs"
    print(
        f"ONNX against torch on {difference.images} {kind}: largest difference of a probability "
        f"{difference.probability:.1e}, mask pixels that differ {difference.mask:.1e}"
    )
    if exported.int8 is not None:
        for line in exported.int8.scores:
            print(
                f"int8 on {line.dataset}, {line.images} test images: skin mIoU {line.float32:.3f} to {line.int8:.3f}"
            )
        verdict = "written" if exported.int8.kept else "not written"
        print(f"int8: {verdict}; mIoU may fall by {ALLOWED} at most on each")
    if not results:
        print("model card without scores: give the folders that `skinseg evaluate` wrote with --results")
    print(f"{exported.out}: model.safetensors with config.json, model.onnx, README.md")
