"""What a rendered set is worth on photographs: the small model trained on its frames alone, scored on real sets.

    python benchmarks/transfer.py --name baseline --rendered rendered/baseline --data-root /path/to/data \
        --seeds 2 --epochs 40 --out benchmarks/results/transfer

Trains with configs/cpu.yaml and configs/pretrain.yaml, one run per seed and core, and scores the last epoch (no
choice among epochs, so none by chance) on every image of each dataset: frames alone have seen none of them. Writes
OUT/NAME.json, which holds every image's IoU and tone, and those of the set's held-out frames with their framing, and
prints the table of all steps in OUT:

    python benchmarks/transfer.py --out benchmarks/results/transfer

and two steps side by side, paired, per estimated tone and per part of a dataset:

    python benchmarks/transfer.py --out benchmarks/results/transfer --compare perimage mended
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from skinseg.evaluation.bootstrap import bootstrap_interval
from skinseg.evaluation.metrics import with_metrics
from skinseg.evaluation.rows import as_frame, read_rows

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def run(
    rendered: Path, data_root: Path, held_out: Path | None, seed: int, options: list[str], work: Path
) -> dict[str, Any]:
    """Train and score one seed: skin IoU by test set and image, tones likewise, held-out frames, and the minutes."""
    job = work / f"seed{seed}"
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUDA_VISIBLE_DEVICES": "",
    }
    skinseg = [sys.executable, "-m", "skinseg.cli"]
    fit = [*skinseg, "fit", "--config", f"{CONFIGS / 'cpu.yaml'}", "--config", f"{CONFIGS / 'pretrain.yaml'}"]
    fit += ["--data.data_root", str(rendered), "--seed_everything", str(seed)]
    fit += ["--runs", str(work), "--job", job.name, *options]
    started = time.perf_counter()
    with (work / f"seed{seed}.log").open("w", encoding="utf-8") as log:
        subprocess.run(fit, check=True, env=environment, stdout=log, stderr=log)
        minutes = (time.perf_counter() - started) / 60
        last = max(job.rglob("last.ckpt"), key=lambda path: path.stat().st_mtime)
        results = work / f"results{seed}"
        frames = work / f"frames{seed}"
        for where, out in (
            (["--data-root", str(data_root), "--subset", "all"], results),
            (["--rendered", str(held_out or rendered), "--subset", "all" if held_out else "test"], frames),
        ):
            score = ["evaluate", "--checkpoint", str(last), *where, "--out", str(out)]
            subprocess.run([*skinseg, *score], check=True, env=environment, stdout=log, stderr=log)
    rows = skin_rows(results)
    scored = skin_rows(frames).merge(pd.read_parquet(frames / "scenes.parquet"), on="image")
    return {
        "seed": seed,
        "minutes": round(minutes, 1),
        "iou": by_image(rows, "iou"),
        "tone": by_image(rows.dropna(subset=["tone"]).astype({"tone": int}), "tone"),
        "held_out": scored[["image", "iou", "fitzpatrick", "track", "people"]].round(4).to_dict("records"),
    }


def skin_rows(results: Path) -> pd.DataFrame:
    rows = with_metrics(as_frame(read_rows(results / "rows.parquet")))
    return rows[rows["head"] == "skin"].round({"iou": 4})


def by_image(rows: pd.DataFrame, column: str) -> dict[str, dict[str, Any]]:
    """Test set to image to its value."""
    return {
        str(name): dict(zip(part["image"], part[column].tolist(), strict=True))
        for name, part in rows.groupby("test_set")
    }


def table(out: Path) -> str:
    """Markdown: per step and dataset the mIoU of each seed, their mean, and a 95 % interval over images."""
    lines = ["| step | frames | test set | n | per seed | mean | 95 % |", "|---|---|---|---|---|---|---|"]
    for path in sorted(out.glob("*.json"), key=lambda path: json.loads(path.read_text())["order"]):
        record = json.loads(path.read_text())
        for name in record["runs"][0]["iou"]:
            images = pd.DataFrame([run["iou"][name] for run in record["runs"]])
            if images.shape[1] < 20:  # too few to say anything
                continue
            low, high = bootstrap_interval(images.mean().to_numpy(), None, np.random.default_rng(0))
            each = " ".join(f"{value:.3f}" for value in images.mean(axis=1))
            lines.append(
                f"| {record['name']} | {record['frames']} | {name} | {images.shape[1]} | {each} "
                f"| {images.mean().mean():.3f} | {low:.3f} to {high:.3f} |"
            )
    return "\n".join(lines)


# Parts of a dataset that differ in framing, by how their images' names begin or what they hold.
PARTS = {
    "hgr1": "hands near (hgr1)",
    "hgr2B": "hands near (hgr2B)",
    "FacePhoto": "faces",
    "FamilyPhoto": "groups",
}


def comparison(out: Path, old: str, new: str) -> str:
    """Markdown: both steps on the same images, mean over seeds, with the paired difference and its 95 % interval: per
    dataset, part of one and estimated tone, and of held-out frames with one person per tone asked for and framing."""
    before, after = (json.loads((out / f"{name}.json").read_text())["runs"] for name in (old, new))
    tones = pd.json_normalize(after[0]["tone"], sep="/", max_level=1).iloc[0]
    table = pd.DataFrame({"old": by_photograph(before), "new": by_photograph(after), "tone": tones})
    table = table.dropna(subset=["old", "new"])
    table["set"] = [name.split("/")[0] for name in table.index]
    table["part"] = [next((to for key, to in PARTS.items() if key in name), "") for name in table.index]
    groups = list(table.groupby("set"))
    groups += [(f"{name}: {which}", part) for (name, which), part in table.groupby(["set", "part"]) if which]
    groups += [(f"all, tone {tone:.0f} by ITA", part) for tone, part in table.groupby("tone")]
    if all("held_out" in run for run in (*before, *after)):
        frames = by_frame(after).rename(columns={"iou": "new"}).assign(old=by_frame(before)["iou"])
        groups += [("held-out frames", frames)]
        groups += [(f"frames, tone {tone}", part) for tone, part in frames.groupby("fitzpatrick")]
        groups += [(f"frames, {track}", part) for track, part in frames.groupby("track")]
        groups += [
            (f"frames, {track}, tones {low} to {low + 2}", part[part["fitzpatrick"].between(low, low + 2)])
            for track, part in frames.groupby("track")
            for low in (1, 4)
        ]
    lines = [f"| images | n | {old} | {new} | difference | 95 % |", "|---|---|---|---|---|---|"]
    for name, part in groups:
        if len(part) < 8:  # too few to say anything
            continue
        differences = (part["new"] - part["old"]).to_numpy()
        low, high = bootstrap_interval(differences, None, np.random.default_rng(0))
        lines.append(
            f"| {name} | {len(part)} | {part['old'].mean():.3f} | {part['new'].mean():.3f} "
            f"| {differences.mean():+.3f} | {low:+.3f} to {high:+.3f} |"
        )
    return "\n".join(lines)


def by_photograph(runs: list[dict[str, Any]]) -> pd.Series:
    """Mean IoU over seeds by dataset/image."""
    return pd.DataFrame([pd.json_normalize(run["iou"], sep="/", max_level=1).iloc[0] for run in runs]).mean()


def by_frame(runs: list[dict[str, Any]]) -> pd.DataFrame:
    """Held-out frames of one person: mean IoU over seeds, tone and framing, by image."""
    frames = pd.concat([pd.DataFrame(run["held_out"]) for run in runs])
    columns = {"iou": "mean", "fitzpatrick": "first", "track": "first", "people": "first"}
    frames = frames.groupby("image").agg(columns)
    return frames[frames["people"] == 1]


def held_out(out: Path, name: str) -> str:
    """Markdown: mean skin IoU of held-out frames of one person, tone by framing, with n."""
    frames = by_frame(json.loads((out / f"{name}.json").read_text())["runs"])
    tracks = sorted(frames["track"].unique())
    lines = [f"| {name}: tone | {' | '.join(tracks)} | all |", "|---" * (len(tracks) + 2) + "|"]
    for tone, row in frames.groupby("fitzpatrick"):
        cells = [row[row["track"] == track]["iou"] for track in tracks] + [row["iou"]]
        lines.append(
            f"| {tone} | " + " | ".join(f"{c.mean():.3f} ({len(c)})" if len(c) else "" for c in cells) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--name")
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--held-out", type=Path, help="another set, all of whose frames are scored")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"))
    options, more = parser.parse_known_args()
    if options.name:
        work = options.work / options.name
        work.mkdir(parents=True, exist_ok=True)
        extra = ["--trainer.max_epochs", str(options.epochs), *more]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            waiting = [
                pool.submit(run, options.rendered, options.data_root, options.held_out, seed, extra, work)
                for seed in range(options.seeds)
            ]
            runs = [future.result() for future in waiting]
        generator = yaml.safe_load((options.rendered / "generator.yaml").read_text())
        options.out.mkdir(parents=True, exist_ok=True)
        record = {
            "name": options.name,
            "order": len(list(options.out.glob("*.json"))),
            "frames": len(pd.read_parquet(options.rendered / "scenes.parquet", columns=["index"])),
            "config_hash": generator["config_hash"],
            "options": extra,
            "runs": runs,
        }
        (options.out / f"{options.name}.json").write_text(json.dumps(record, indent=1) + "\n")
    if options.compare:
        print(comparison(options.out, *options.compare))
        for name in options.compare:
            print(f"\n{held_out(options.out, name)}")
    else:
        print(table(options.out))


if __name__ == "__main__":
    main()
