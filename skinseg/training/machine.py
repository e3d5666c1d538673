"""What a training ran on, in words."""

import os
import platform
from pathlib import Path
from typing import Any

import torch


def decoder_precision(accelerator: Any, precision: Any) -> str:
    """What `--model.decoder_precision auto` means for a trainer's options: "bf16" or "32".

    bf16 where a processor with AMX multiplies in it and the rest is float32; elsewhere it would be emulated, and a
    GPU has `--trainer.precision`.
    """
    on_cpu = accelerator == "cpu" or (accelerator in (None, "auto") and not torch.accelerator.is_available())
    return "bf16" if on_cpu and str(precision) in ("None", "32", "32-true") and has_amx() else "32"


def has_amx() -> bool:
    """Whether this processor has AMX tiles for bfloat16, as Intel's have since 2023."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux, where torch does not use them either
        return False
    return "amx_bf16" in flags


def machine() -> str:
    """The GPU's name, or the processor's and how many of its cores this process may use."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0] if names else platform.machine()}, {cores} cores"
