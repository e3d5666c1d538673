"""How separate should the two heads be? Trains each `head_split` with several seeds at equal budget.

    python benchmarks/heads.py --data-root rendered/default --seeds 3 --epochs 20 --out benchmarks/heads.json

Prints, per split: validation mIoU of both heads at the last epoch (mean and standard deviation over seeds; no
epoch is picked), parameters, and the time of a training step relative to "conv". Seeds and splits take turns,
and so do the timed steps: a machine that slows down slows all of them. Raw samples go to the JSON file.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Any, get_args

import pytorch_lightning as pl
import torch

from skinseg.data.datamodule import SkinDataModule
from skinseg.files import written_whole
from skinseg.models.unet import HeadSplit
from skinseg.training.command import quieten
from skinseg.training.module import SkinPersonModule

SPLITS = get_args(HeadSplit)


def train(options: argparse.Namespace, head_split: HeadSplit, seed: int) -> dict[str, Any]:
    """One run; the scores are of the last epoch on the validation split."""
    pl.seed_everything(seed, verbose=False)
    data = SkinDataModule(
        "rendered",
        str(options.data_root),
        size=options.size,
        batch_size=options.batch_size,
        repeat=options.repeat,
        seed=seed,
    )
    module = SkinPersonModule(head_split=head_split, size=options.size, seed=seed)
    trainer = pl.Trainer(
        max_epochs=options.epochs,
        accelerator="auto",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        check_val_every_n_epoch=options.epochs,
    )
    trainer.fit(module, datamodule=data)
    scores = {
        name: float(value) for name, value in trainer.callback_metrics.items() if name.endswith("_miou")
    }
    return {"head_split": head_split, "seed": seed, **scores}


def step_seconds(options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of forward and backward on one batch, the splits in turns; the first round is warm-up."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    networks = {split: SkinPersonModule(head_split=split).network.to(device).train() for split in SPLITS}
    side = options.size
    image = torch.randint(0, 256, (options.batch_size, 3, side, side), dtype=torch.uint8, device=device)
    image = image.contiguous(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = {split: [] for split in SPLITS}
    for _ in range(options.steps + 1):
        for split, network in networks.items():
            network.zero_grad()
            start = time.perf_counter()
            torch.stack([value.square().mean() for value in network(image).values()]).sum().backward()
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds[split].append(time.perf_counter() - start)
    return {split: values[1:] for split, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-root", type=Path, required=True, help="a rendered set")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS, help="[all]")
    parser.add_argument("--seeds", type=int, default=3, help="runs per split [3]")
    parser.add_argument("--epochs", type=int, default=20, help="[20]")
    parser.add_argument("--size", type=int, default=128, help="patch side, pixels [128]")
    parser.add_argument("--batch-size", type=int, default=8, help="images per step [8]")
    parser.add_argument("--repeat", type=int, default=1, help="times an epoch shows each frame [1]")
    parser.add_argument("--steps", type=int, default=20, help="timed steps per split [20]")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all samples")
    options = parser.parse_args()
    quieten()

    seconds = step_seconds(options)
    parameters = {
        split: sum(p.numel() for p in SkinPersonModule(head_split=split).network.parameters())
        for split in SPLITS
    }
    runs: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        for split in options.splits:
            runs.append(train(options, split, seed))
            print(json.dumps(runs[-1]), flush=True)
            record = {
                "options": {name: str(value) for name, value in vars(options).items()},
                "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
                "torch": torch.__version__,
                "parameters": parameters,
                "step_seconds": seconds,
                "runs": runs,
            }
            with written_whole(
                options.out
            ) as path:  # after each run: an interrupted benchmark keeps what it has
                path.write_text(json.dumps(record, indent=1) + "\n")

    print("\n| heads | skin mIoU | person mIoU | parameters | step |\n|---|---|---|---|---|")
    base = statistics.median(seconds["conv"])
    for split in options.splits:
        cells = []
        for head in ("skin", "person"):
            values = [run[f"val/{head}_miou"] for run in runs if run["head_split"] == split]
            spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.3f}{spread}")
        ratio = statistics.median(seconds[split]) / base
        print(f"| {split} | {cells[0]} | {cells[1]} | {parameters[split] / 1e6:.2f} M | ×{ratio:.2f} |")


if __name__ == "__main__":
    main()
