"""Where a report's numbers come from: method, models, splits with their hashes, versions and commands."""

import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from skinseg.data.retoning import said
from skinseg.datasets.label_policy import policy_text
from skinseg.models.lineage import start_of, tones_of
from skinseg.reports.results import Results
from skinseg.reports.tables import Entry, Table

SHORT = 12
"""Characters of a hash in a table; the facts of each run have all of it."""


def method(runs: Sequence[Results]) -> list[str]:
    """What was done, in sentences, each as general as the runs are alike."""
    masks = dict.fromkeys(
        f"{run.run['name']}: masks, scored as they came." for run in runs if "name" in run.run
    )
    networks = dict.fromkeys(_network(run.run) for run in runs if "name" not in run.run)
    scaled = (
        "Each photograph is scaled to the network's size, and the probability map back to the photograph's. "
        if networks
        else ""
    )
    thresholds = dict.fromkeys(str(run.run["threshold"]) for run in runs)
    return [
        *networks,
        *masks,
        f"{scaled}A pixel is foreground from a probability of {', '.join(thresholds)} on. Each image is predicted "
        "once: every number here is a reduction of the stored counts of its pixels (rows.parquet).",
    ]


def provenance_tables(named: Sequence[tuple[str, Results]]) -> list[Table]:
    """The models, and the test sets with their splits. named: a title for each run."""
    models: list[tuple[Entry, ...]] = [
        (
            title or str(run.run.get("name", "this run")),
            start_of(run.run["training"]).name,
            str(run.run["trained_on"]),
            run.run["pretrained_on"] or "–",
            str(run.run["training"].get("seed")),
            str(run.run["checkpoint"]),
            str(run.run["weights"])[:SHORT],
            str(run.run["config"])[:SHORT],
        )
        for title, run in named
    ]
    splits: dict[tuple[Entry, ...], None] = {}
    for _, run in named:
        for name, entry in run.run["datasets"].items():
            line = (
                run.title(name),
                str(run.run["subset"]),
                f"{entry['images']} of {entry['complete']}",
                str(entry["excluded"]),
                str(entry["split"]),
                str(run.run["tables"].get("split") or f"skinseg's, seed {run.run['split_seed']}"),
                policy_text(entry["labels"]),
            )
            splits[line] = None
    header = ("model", "start", "trained on", "before that", "seed", "checkpoint", "weights", "configuration")
    hashes = f"Hashes: the first {SHORT} characters of SHA-256."
    return [
        Table("Models", header, models, (hashes,), brief=0, text_columns=8),
        Table(
            "Test sets and splits",
            ("data set", "part", "images", "left out", "split", "drawn by", "labels"),
            list(splits),
            ("Split: a hash of the file names in each part.",),
            brief=0,
            text_columns=7,
        ),
    ]  # fmt: skip


def versions(runs: Sequence[Results]) -> list[str]:
    """The software of each run, each set of versions once."""
    return list(
        dict.fromkeys(
            ", ".join(f"{name} {text}" for name, text in run.run["versions"].items()) for run in runs
        )
    )


def commands(runs: Sequence[Results], out: Path, with_slices: bool) -> list[str]:
    """What was typed: each run's training, where its folder is known, its evaluation, and this report."""
    lines = []
    for run in runs:
        checkpoint = PurePosixPath(str(run.run["checkpoint"]))
        if checkpoint.parent.name == "checkpoints":
            config = checkpoint.parent.parent / "config.yaml"
            lines.append(shlex.join(["skinseg", "fit", "--config", str(config)]))
        lines.append(str(run.run["command"]))
    folders = [run.folder.as_posix() for run in runs]
    where = [] if [out] == [run.folder for run in runs] else ["--out", out.as_posix()]
    lines.append(shlex.join(["skinseg", "report", *folders, *where, *["--slices"] * with_slices]))
    return list(dict.fromkeys(lines))


def facts(results: Results) -> dict[str, Any]:
    """All that is recorded of a run, by name."""
    run = results.run
    trained = (
        f"{run['trained_on']}, before that {run['pretrained_on']}"
        if run["pretrained_on"]
        else run["trained_on"]
    )
    found = {
        "command": run["command"],
        "date": run["date"],
        "checkpoint": run["checkpoint"],
        "start": str(start_of(run["training"])),
        "trained on": trained,
        **(
            {"training images by tone": "; ".join(said(counts))}
            if (counts := tones_of(run["training"]))
            else {}
        ),
        "seed": run["training"].get("seed"),
        "weights, SHA-256": run["weights"],
        "configuration, SHA-256": run["config"],
        "training options": ", ".join(
            f"{name} {value}" for name, value in run["training"].get("options", {}).items()
        )
        or "not recorded",
        **({"recogniser of tones, SHA-256": run["recogniser"]} if run.get("recogniser") else {}),
        "threshold": run["threshold"],
        "split seed": run["split_seed"],
    }
    for name, entry in run["datasets"].items():
        found[f"split of {results.title(name)}"] = entry["split"]
        found[f"labels of {results.title(name)}"] = policy_text(entry["labels"])
    return found | {"versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items())}


def _network(run: dict[str, Any]) -> str:
    model = run.get("model")
    if not isinstance(model, dict) or "encoder" not in model:
        return "The network is the checkpoint's."
    heads = " and ".join(map(str, model.get("heads", ())))
    seen = (
        f"each image's probabilities are the mean over views of it, {run['views']}: pixels along its long side as the "
        "network sees it, mirror: also left for right."
        if run.get("views")
        else f"images are {run.get('size')} pixels along the long side when the network sees them."
    )
    return (
        f"A U-Net (Ronneberger, Fischer, Brox 2015) with skip connections, encoder {model['encoder']}, and a head each "
        f"for {heads}; {seen}"
    )
