"""What a study logs to Weights & Biases: its fits in one group, and its table as a run of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from skinseg import tracking


@contextmanager
def grouped(study: str) -> Iterator[bool]:
    """Within it every run belongs to the study's group; yields whether anything is logged.

    That is so where runs go online, or WANDB_MODE says so: dozens of offline runs that nobody asked for only fill the
    disk. A WANDB_RUN_GROUP of the user's own stays.
    """
    before = {name: os.environ.get(name) for name in ("WANDB_MODE", "WANDB_RUN_GROUP")}
    asked = before["WANDB_MODE"] not in (None, "disabled")
    logs = tracking.is_installed() and (asked or tracking.is_wanted(None))
    if not logs:
        os.environ["WANDB_MODE"] = "disabled"
    os.environ.setdefault("WANDB_RUN_GROUP", study)
    try:
        yield logs
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def log_study(study: str, scale: str, out: Path) -> None:
    """Log a finished study's folder as one run of job type study: each mean as `<metric>_<arm>/<test set>` with the
    ends of its interval, study.csv as a table, and the files as an artifact."""
    import wandb

    table = pd.read_csv(out / "study.csv")
    means = table[table["minus"].isna()]
    summary: dict[str, float] = {}
    for line in means.to_dict("records"):
        tone = "" if pd.isna(line["tone"]) else f"_tone_{int(line['tone'])}"
        for end, column in (("", "value"), ("_low", "low"), ("_high", "high")):
            name = f"{line['metric']}_{line['cell']}{tone}{end}/{line['test_set']}"
            if not pd.isna(line[column]):
                summary[name] = float(line[column])
    facts = {"study": study, "scale": scale}
    with tracking.started("study", f"study/{out.resolve().name}", out, facts, study) as tracked:
        tracked.attempt(lambda run: run.summary.update(summary))
        tracked.attempt(lambda run: run.log({"study": wandb.Table(dataframe=table)}))
        tracked.attempt(lambda run: run.log_artifact(tracking.rows_artifact(out, facts)))
