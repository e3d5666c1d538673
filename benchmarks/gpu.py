"""On a machine with a CUDA GPU: how fast is `skinseg fit --preset gpu`, and how much of a bare step's speed is left?

    python benchmarks/gpu.py --rendered rendered/default --out benchmarks/results/speed/gpu.json

The two arms "ours" and "bare" of `training.py` take turns with what configs/gpu.yaml says: images/s, and ours / bare,
the share of the step on tensors that lie on the GPU (.90 is aimed at: below it, the loader is the limit, see
`--data.num_workers`). Then the largest batch of a bare step that the GPU's memory takes, a power of two.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
import yaml
from training import HEADS, bare_step

from skinseg.presets import config_file


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rendered", type=Path, required=True, help="a rendered set")
    parser.add_argument("--rounds", type=int, default=7, help="[7]")
    parser.add_argument("--steps", type=int, default=20, help="of a turn [20]")
    parser.add_argument("--out", type=Path, required=True, help="JSON of all samples")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("torch sees no CUDA GPU; nothing was measured")
    preset = yaml.safe_load(config_file("gpu").read_text(encoding="utf-8"))
    model, data = preset["model"], preset["data"]
    words = [
        *("--rendered", options.rendered, "--out", options.out, "--rounds", options.rounds),
        *("--steps", options.steps, "--preset", "gpu", "--arms", "ours", "bare", "--threads", 1),
        *("--encoder", model["encoder"], "--widths", *model["decoder_channels"]),
        *("--size", data["size"], "--batch", data["batch_size"], "--images", 4 * data["batch_size"]),
    ]
    script = Path(__file__).with_name("training.py")
    subprocess.run([sys.executable, script, *map(str, words)], check=True)
    largest = largest_batch(model["encoder"], model["decoder_channels"], data["size"])
    print(f"\n{torch.cuda.get_device_name()}: largest batch at {data['size']} pixels: {largest}")


def largest_batch(encoder: str, widths: list[int], side: int) -> int:
    """Images, a power of two."""
    step = bare_step(encoder, widths, "cuda", bf16_decoders=False)
    batch = 1
    while True:
        try:
            images = torch.zeros((batch, 3, side, side), dtype=torch.uint8, device="cuda")
            masks = torch.zeros((batch, side, side), dtype=torch.uint8, device="cuda")
            step(images.contiguous(memory_format=torch.channels_last), dict.fromkeys(HEADS, masks))
            torch.cuda.synchronize()
        except torch.OutOfMemoryError:
            return batch // 2
        batch *= 2


if __name__ == "__main__":
    main()
