"""What decided a training, but for its seed and the places of its files: the options that tell kinds of run apart."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

ROOMS = ("data", "model", "trainer")
NOT_DECIDING = frozenset({
    # the seed
    "data.seed", "model.seed",
    # places, and what is looked up there: the split and the weights to start from are recorded as hashes
    "data.data_root", "data.source_root", "data.cache_dir", "data.split", "model.pretrained",
    "trainer.default_root_dir",
    # the machine, which changes how fast and not what
    "data.num_workers", "model.compile", "model.channels_last", "trainer.accelerator", "trainer.devices",
    "trainer.num_nodes", "trainer.strategy", "trainer.plugins", "trainer.benchmark", "trainer.deterministic",
    "trainer.use_distributed_sampler", "trainer.inference_mode",
    # what is shown and logged
    "trainer.logger", "trainer.enable_checkpointing", "trainer.enable_progress_bar", "trainer.enable_model_summary",
    "trainer.log_every_n_steps", "trainer.profiler", "trainer.model_registry", "trainer.detect_anomaly",
    "trainer.barebones", "trainer.num_sanity_val_steps", "trainer.reload_dataloaders_every_n_epochs",
    "trainer.enable_autolog_hparams",
    # told by another option
    "data.size", "data.heads",
})  # fmt: skip
UNRECORDED = "what was not recorded"
"""Stands for the options of a checkpoint that an earlier version wrote."""


def deciding(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a `fit`, as its config.yaml has them, that decide what comes out: by dotted name, plain values.

    The settings of the method of adaptation are among them, those of methods that are not used are not.
    """
    adapt = str(options.get("adapt", "none"))
    kept = {
        room: {key: value for key, value in given.items() if f"{room}.{key}" not in NOT_DECIDING}
        for room in (*ROOMS, adapt)
        if (given := options.get(room))
    }
    plain: dict[str, Any] = json.loads(json.dumps({"adapt": adapt, **flat(kept)}, default=str))
    return plain


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options by dotted name."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def configuration_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What decided a checkpoint's training, by option, from its "skinseg" record: the recorded options and the network.

    Checkpoints of earlier versions, and those that no command trained, tell of the network alone.
    """
    network = {f"model.{name}": value for name, value in (metadata.get("model") or {}).items()}
    return {**(metadata.get("options") or {}), **network, "size": metadata.get("size")}


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """Hex SHA-256: equal for runs that differ in their seed and in places only."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True, default=list).encode()).hexdigest()


def differing(configurations: Sequence[Mapping[str, Any]]) -> list[str]:
    """The dotted names of the options in which these are not all alike.

    Where options of one are not recorded, those are left out, and `UNRECORDED` stands for them.
    """
    names = dict.fromkeys(name for each in configurations for name in each)
    unrecorded = [each for each in configurations if "adapt" not in each]
    found = [
        name
        for name in names
        if (not unrecorded or all(name in each for each in unrecorded))
        and len({json.dumps(each.get(name), default=list) for each in configurations}) > 1
    ]
    return found + [UNRECORDED] * (0 < len(unrecorded) < len(configurations))


def short(name: str) -> str:
    """An option as a reader knows it: "lr" of "model.lr"."""
    return name.rpartition(".")[2]
