"""How long a node takes: as earlier ones of its kind did, or by a stated rule of thumb."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinseg.errors import UserError
from skinseg.studies.identity import ROOTS, Node
from skinseg.studies.work import FINISHED, NodeRecord, read_record
from skinseg.training.adaptation import METHODS

# Rules of thumb, where nothing was measured: two slow CPU cores, and one GPU.
IMAGES_PER_SECOND = {
    "cpu": 20.0,
    "gpu": 1000.0,
}  # trained on, at 128 pixels a side, a small encoder on the CPU
SCORED_PER_SECOND = 10.0
FRAMES_PER_SECOND = 0.33
SECONDS_PER_RUN = 3.0  # opening data, validation, checkpoints
RULE = (
    f"{IMAGES_PER_SECOND['cpu']:.0f} images/s trained on at 128 pixels ({IMAGES_PER_SECOND['gpu']:.0f} on a GPU), "
    f"{SCORED_PER_SECOND:.0f} scored, {60 * FRAMES_PER_SECOND:.0f} frames/min rendered"
)


@dataclass(frozen=True)
class Estimate:
    """seconds of a node; measured: from finished ones of its kind, else by the rule of thumb."""

    seconds: float
    measured: bool


class Estimator:
    """Reads what finished nodes took, once."""

    def __init__(self, root: Path = Path()) -> None:
        self.rates: dict[tuple[Any, ...], list[float]] = {}
        for kind, folder in ROOTS.items():
            for path in sorted((root / folder).glob(f"*/{FINISHED}")):
                try:
                    record = read_record(NodeRecord, path, "delete it")
                except UserError:
                    continue  # where it is needed, it is refused
                units = {
                    "render": record.frames,
                    "fit": record.timed_steps,
                    "score": record.cost.get("images"),
                }[kind]
                if isinstance(units, int | float) and units > 0:
                    self.rates.setdefault(_sort(kind, record.cost), []).append(record.seconds / units)

    def __call__(self, node: Node) -> Estimate:
        rates = self.rates.get(_sort(node.kind, node.cost))
        units = _units(node.kind, node.cost)
        if rates:
            return Estimate(units * sum(rates) / len(rates), True)
        return Estimate(units * _rule(node.kind, node.cost) + SECONDS_PER_RUN * (node.kind == "fit"), False)


def _units(kind: str, cost: Mapping[str, Any]) -> float:
    return float(cost[{"render": "frames", "fit": "steps", "score": "images"}[kind]])


def _sort(kind: str, cost: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two nodes have in common that take the same time per unit."""
    names = {"fit": ("size", "batch_size", "encoder", "adapt", "accelerator"), "render": ("resolution",)}.get(
        kind, ()
    )
    return (kind, *(str(cost.get(name)) for name in names))


def _rule(kind: str, cost: Mapping[str, Any]) -> float:
    if kind == "render":
        # Measured at 128 and 256 pixels: a third of a frame's time does not depend on them.
        return (1 + 2 * (float(cost["resolution"]) / 256) ** 2) / 3 / FRAMES_PER_SECOND
    if kind == "score":
        return 1 / SCORED_PER_SECOND
    rate = IMAGES_PER_SECOND["cpu" if cost["accelerator"] == "cpu" else "gpu"]
    # Measured between 96 and 160 pixels on a CPU: not quite the number of pixels.
    pixels: float = (float(cost["size"]) / 128) ** 1.85
    method = METHODS.get(str(cost["adapt"]))
    return float(cost["batch_size"]) / rate * pixels * (1.0 if method is None else method.cost)
