"""`skinseg predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from skinseg.commands.checks import check_model, check_views
from skinseg.commands.parser import AtLeast, AtLeastOne
from skinseg.errors import UserError
from skinseg.models.exported import RELEASED


def predict(
    images: Sequence[str],
    *,
    checkpoint: Path = Path(RELEASED),
    out: Path,
    probabilities: bool = False,
    overlays: bool = False,
    tiles: Annotated[float, AtLeast(1)] | Literal["own"] | None = None,
    views: str | None = None,
    batch_size: AtLeastOne | None = None,
    device: str = "auto",
) -> int:
    """Write skin and person masks of your own photographs and videos.

    Masks come at each image's own resolution, turned as EXIF says, with a JSON line for each in
    DIR/predictions.jsonl. A file that cannot be read is named and skipped; the exit code is then 1.

    Args:
        images (IMAGE): files, folders, videos, or patterns with *
        checkpoint (PATH): a .ckpt, a run, a folder of runs (newest), an exported folder or an .onnx file [the released
            model]
        out (DIR): masks go here
        probabilities: also as 16-bit PNG, 65535 is 1
        overlays: also a picture with both masks drawn in
        tiles (FACTOR): see large images in overlapping windows, FACTOR times as large as the network would, or own:
            at their own resolution, up to 64 million pixels [whole]
        views (PIXELS,...): see each image with its long side at these pixels, with the word mirror also mirrored, and
            average, as 240,320,mirror [once, as evaluated]
        batch_size (N): images at once [by memory and size]
        device: auto, cpu or cuda [auto]

    Example:
        skinseg predict photos/ --out masks --overlays
    """
    from skinseg.predict import command

    check_views(views)
    if views is not None and tiles is not None:
        raise UserError("--tiles and --views exclude each other; leave one out")
    command.looked_for(images, out)
    check_model(checkpoint)

    factor = float("inf") if tiles == "own" else tiles
    return command.predict(
        images, checkpoint, out, device, probabilities, overlays, factor, batch_size, views
    )
