"""What does a step of each adaptation method cost, relative to a step of fine-tuning?

    python benchmarks/adaptation.py --out benchmarks/results/adaptation.json

One step is forward, backward and optimizer, on batches of random pixels that lie ready in memory: the network's time,
without that of reading and augmenting, which is twice as much where a method is shown two sets. The arms take
turns, so that a machine that slows down slows all of them, and each step's ratio is to fine-tuning's of the same
round. Model and batch are those of configs/cpu.yaml, or of configs/gpu.yaml where there is a GPU. PixMatch lets every
pixel count: with none sure enough it would skip a pass. Raw seconds go to the JSON file.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from skinseg.files import written_whole
from skinseg.presets import fitting
from skinseg.training.adaptation.base import Adaptation
from skinseg.training.adaptation.bgc import Bgc
from skinseg.training.adaptation.dann import Dann
from skinseg.training.adaptation.fda import Fda
from skinseg.training.adaptation.pixmatch import Pixmatch
from skinseg.training.module import SkinPersonModule

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
BASE = "finetune"
ARMS: dict[str, Adaptation | None] = {
    "finetune": None,
    "none": None,
    "bgc": Bgc(),
    "fda": Fda(),
    "dann": Dann(),
    "pixmatch": Pixmatch(threshold=0.5),
    "pixmatch, teacher": Pixmatch(threshold=0.5, ema=0.99),
}


class Arm:
    """A method with a network and an optimizer of its own, at step after step of the same batches."""

    def __init__(
        self, method: Adaptation | None, batch: Any, config: dict[str, Any], device: torch.device
    ) -> None:
        names = (
            "encoder",
            "decoder_channels",
            "head_split",
            "balance",
            "dice",
            "person_weight",
            "channels_last",
        )
        options = {name: config["model"][name] for name in names}
        torch.manual_seed(0)
        self.module = SkinPersonModule(size=config["data"]["size"], **options)
        self.module.adapt_by(method)
        self.module.log = lambda *_, **__: None  # type: ignore[method-assign]
        self.module.to(device).train()
        parameters = [value for value in self.module.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-4)
        self.batch = batch

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss = self.module.training_step(self.batch, 0)
        assert loss is not None
        loss.backward()
        self.module.on_after_backward()
        self.optimizer.step()
        self.module.on_train_batch_end(None, self.batch, 0)


def batches(config: dict[str, Any], device: torch.device) -> dict[str, dict[str, Tensor]]:
    """A source with both heads labelled, and a target with skin alone, of random pixels."""
    count, side = config["data"]["batch_size"], config["data"]["size"]
    found = {}
    for name in ("source", "target"):
        image = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
        skin, person = torch.randint(0, 2, (2, count, side, side), dtype=torch.uint8)
        if name == "target":
            person = torch.full_like(person, 255)
        batch = {"image": image, "skin": skin, "person": person, "inside": torch.ones_like(skin)}
        found[name] = {key: value.to(device) for key, value in batch.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="timed steps of each method [20]")
    parser.add_argument("--size", type=int, help="patch side, pixels [the preset's]")
    parser.add_argument("--threads", type=int, default=1, help="torch threads [1]")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all samples")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    config = yaml.safe_load((CONFIGS / f"{fitting()}.yaml").read_text())
    config["data"]["size"] = options.size or config["data"]["size"]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    shown = batches(config, device)
    single = {"finetune": shown["target"], "none": shown["source"]}
    arms = {name: Arm(method, single.get(name, shown), config, device) for name, method in ARMS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(options.rounds + 2):
        for name, arm in arms.items():
            start = time.perf_counter()
            arm.step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    seconds = {name: values[2:] for name, values in seconds.items()}  # the first two rounds warm up

    print("| method | seconds a step | relative to fine-tuning | middle half |\n|---|---|---|---|")
    ratios = {}
    for name, values in seconds.items():
        each = sorted(value / base for value, base in zip(values, seconds[BASE], strict=True))
        low, _, high = statistics.quantiles(each, n=4)
        ratios[name] = statistics.median(each)
        print(f"| {name} | {statistics.median(values):.3f} | ×{ratios[name]:.2f} | {low:.2f} to {high:.2f} |")
    content = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {device.type}",
        "threads": options.threads,
        "load": [round(value, 1) for value in os.getloadavg()],
        "torch": torch.__version__,
        "encoder": config["model"]["encoder"],
        "size": config["data"]["size"],
        "batch_size": config["data"]["batch_size"],
        "seconds": seconds,
        "ratio": ratios,
    }
    with written_whole(options.out) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
