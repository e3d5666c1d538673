"""Weights & Biases: online or not, one run that can fail without harm, and the artifacts that link the runs.

A rendered set, a model and a table of result rows are artifacts, named by what is in them. Whoever uses one hands
the same files in again: equal content is one version, so the links come out right in whatever order offline runs
are synced. Pixels of frames and photographs are not uploaded as data.
"""

import importlib.util
import json
import netrc
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import yaml

from skinseg.errors import UserError, install
from skinseg.files import written_whole
from skinseg.records import check_plain

DATASET, MODEL, ROWS = "dataset", "model", "results"
"""Types of artifacts."""

REACH_SECONDS = 2.5
"""How long the W&B server gets to answer before a run of a user with a key goes offline."""

_SET_FILES = ("generator.yaml", "README.md", "scenes.parquet", "contact_sheet.jpg")


class Tracking:
    """A W&B run that never stops the work it records: its first failure is printed, and ends the recording.

    run: what `wandb.init` returned.
    """

    def __init__(self, run: Any) -> None:
        self.run = run
        self.dropped = False

    def attempt(self, work: Callable[[Any], object]) -> None:
        """Call `work` with the run, unless something has failed before."""
        if self.dropped:
            return
        try:
            work(self.run)
        except Exception as error:
            self.dropped = True
            reason = (str(error).splitlines() or [""])[0]
            print(
                f"W&B failed ({type(error).__name__}: {reason}); the work goes on, "
                "and the rest of it is not logged there",
                file=sys.stderr,
            )

    def finish(self, failed: bool = False) -> None:
        """Close the run, with what was logged before a failure too."""
        try:
            self.run.finish(exit_code=1 if failed else 0)
        except Exception as error:
            if not self.dropped:
                print(f"W&B could not close its run ({type(error).__name__}: {error})", file=sys.stderr)
            self.dropped = True


def project() -> str:
    """WANDB_PROJECT, or "skinseg"."""
    return os.environ.get("WANDB_PROJECT") or "skinseg"


def is_installed() -> bool:
    """Whether wandb can be imported."""
    return importlib.util.find_spec("wandb") is not None


def is_offline() -> bool:
    """False where WANDB_MODE is "online", or is not set and the user has a key (WANDB_API_KEY or netrc)."""
    mode = os.environ.get("WANDB_MODE")
    if mode:
        return mode != "online"
    if os.environ.get("WANDB_API_KEY"):
        return False
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(_server().hostname or "") is None
    except (OSError, netrc.NetrcParseError):
        return True


def is_wanted(asked: bool | None) -> bool:
    """Whether a command other than `fit` logs a run.

    asked: --wandb, --no-wandb, or None for neither: then it does where runs go online. WANDB_MODE=disabled is
    always no. Raises UserError where it was asked for and wandb is not installed.
    """
    if asked is False or os.environ.get("WANDB_MODE") == "disabled":
        return False
    if not is_installed():
        if asked:
            raise UserError(f"--wandb: W&B is not installed; {install('wandb')} adds it")
        return False
    return asked or not is_offline()


def shows_pictures() -> bool:
    """False where SKINSEG_WANDB_PICTURES is "no": then no photograph, nor panel of one, is logged."""
    return os.environ.get("SKINSEG_WANDB_PICTURES", "yes").lower() not in ("no", "0", "false")


def start(
    job_type: str, name: str, folder: Path, config: Mapping[str, Any], group: str, run_id: str | None = None
) -> Tracking:
    """Begin a run; its files go to `folder`/wandb.

    job_type: render, pretrain, finetune, evaluate or study. config: plain values; the commit of skinseg joins them.
    group, name: WANDB_RUN_GROUP and WANDB_NAME go before them. run_id: of the run that goes on.
    A user with a key and no network gets an offline run and a sentence. Raises UserError where W&B refuses the run.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    offline = is_offline()
    if not offline and not os.environ.get("WANDB_MODE") and not _is_reachable():
        print(f"W&B: {_server().hostname} does not answer; this run is logged offline, for `wandb sync`")
        offline = True
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run = wandb.init(
            project=project(),
            name=os.environ.get("WANDB_NAME") or name,
            group=os.environ.get("WANDB_RUN_GROUP") or group,
            job_type=job_type,
            dir=folder.resolve(),  # the service that writes may have started in another folder
            config={**config, "git_commit": git_commit()},
            mode="offline" if offline else "online",
            # An id that is not known yet starts a run. Offline, a second part is a folder with the same id.
            id=run_id or os.environ.get("WANDB_RUN_ID"),
            resume="allow",
        )
    except (wandb.Error, OSError) as error:
        raise UserError(
            f"W&B does not let this run in ({error}); WANDB_MODE=offline goes without it"
        ) from error
    return Tracking(run)


@contextmanager
def started(
    job_type: str, name: str, folder: Path, config: Mapping[str, Any], group: str
) -> Iterator[Tracking]:
    """`start`, and the run's end however the block ends."""
    tracking = start(job_type, name, folder, config, group)
    failed = True
    try:
        yield tracking
        failed = False
    finally:
        tracking.finish(failed)


def log_set(root: Path, facts: Mapping[str, float]) -> None:
    """Log a rendered set as one run of job type render: its settings, contact sheet and artifact.

    facts: numbers for the run's summary. Raises UserError where W&B refuses the run.
    """
    import wandb

    generator = yaml.safe_load((root / "generator.yaml").read_text(encoding="utf-8"))
    with started("render", f"render/{root.resolve().name}", root.parent, generator, "render") as tracked:
        tracked.attempt(lambda run: run.summary.update(dict(facts)))
        tracked.attempt(lambda run: run.log({"contact_sheet": wandb.Image(str(root / "contact_sheet.jpg"))}))
        tracked.attempt(lambda run: run.log_artifact(set_artifact(root)))


def use_artifact(run: Any, artifact: Any) -> None:
    """Record that the run used an artifact, and its name and digest in the run's config."""
    run.config.update(
        {"inputs": {**run.config.get("inputs", {}), artifact.name: artifact.digest}}, allow_val_change=True
    )
    if run.offline:
        # `use_artifact` refuses offline, because it would ask the server for the version. What it sends for
        # files at hand needs no answer, and `wandb sync` knows what to do with it.
        run._log_artifact(artifact, aliases=[], is_user_created=True, use_after_commit=True)
    else:
        run.use_artifact(artifact)


def set_artifact(root: Path) -> Any | None:
    """A rendered set without its pixels: settings, data card, table (which has the SHA-256 of every frame) and
    contact sheet. None where `root` is no finished set."""
    files = [root / name for name in _SET_FILES]
    if not all(file.is_file() for file in files):
        return None
    check_plain(files[0], "the set's")
    generator = yaml.safe_load(files[0].read_text(encoding="utf-8"))
    if not isinstance(generator, dict) or not generator.keys() >= {"config_hash", "seed"}:
        return None
    identity = {key: value for key, value in generator.items() if key != "config"}
    return _artifact(f"rendered-{generator['config_hash']}-seed{generator['seed']}", DATASET, identity, files)


def dataset_artifact(root: Path, name: str, facts: Mapping[str, Any], folder: Path) -> Any:
    """What is known of a dataset: a rendered set's own artifact, else `facts` as JSON, and no photograph.

    facts: plain values that name the data, such as its fingerprint. folder: dataset.json is written there.
    """
    rendered = set_artifact(root)
    if rendered is not None:
        return rendered
    file = folder / f"dataset-{name}.json"
    with written_whole(file) as beside:
        beside.write_text(json.dumps(dict(facts), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return _artifact(file.stem, DATASET, facts, [file], "dataset.json")


def model_artifact(checkpoint: Path, sha256: str, metadata: Mapping[str, Any]) -> Any:
    """A checkpoint; its versions are the models that were trained on the same datasets in the same order.

    sha256: of the weights. metadata: its "skinseg" record.
    """
    datasets = [str(training["dataset"]) for training in metadata.get("lineage") or [{"dataset": "unknown"}]]
    name = "model-" + "-".join(dict.fromkeys(datasets))
    return _artifact(name, MODEL, {"weights": sha256, **metadata}, [checkpoint], "best.ckpt")


def rows_artifact(folder: Path, facts: Mapping[str, Any]) -> Any:
    """A folder of results: rows, and what there is of run.json, tables and report. facts: plain values about it."""
    reports = ("report.csv", "report.md", "report.html", "study.csv", "study.md")
    names = ("rows.parquet", "run.json", "scenes.parquet", *reports)
    files = [folder / name for name in names if (folder / name).is_file()]
    # The report's page shows photographs.
    files = [file for file in files if shows_pictures() or file.suffix != ".html"]
    return _artifact(f"results-{folder.resolve().name}", ROWS, facts, files)


def _artifact(
    name: str, kind: str, metadata: Mapping[str, Any], files: list[Path], as_name: str | None = None
) -> Any:
    import wandb

    artifact = wandb.Artifact(re.sub(r"[^\w.-]+", "-", name)[:128], kind, metadata=dict(metadata))
    for file in files:
        # Not copied to W&B's own folder: the file itself is uploaded, now or by `wandb sync`.
        artifact.add_file(str(file.resolve()), name=as_name or file.name, policy="immutable", skip_cache=True)
    return artifact


def git_commit() -> str | None:
    """The commit that skinseg runs from, "-dirty" where files differ; None where it is installed from a package."""
    source = Path(__file__)

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(source.parent), *words], capture_output=True, text=True, timeout=2
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # A package in another project's environment lies in that project's repository, and is no file of it.
    if git("ls-files", "--error-unmatch", source.name) is None:
        return None
    return git("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")


def _server() -> Any:
    return urlparse(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai")


def _is_reachable() -> bool:
    """Whether the server takes a connection in time; behind a proxy that is the proxy's to know."""
    if urllib.request.getproxies():
        return True
    server = _server()
    port = server.port or (80 if server.scheme == "http" else 443)
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((server.hostname, port), timeout=REACH_SECONDS).close()
            answered.set()
        except OSError:
            pass

    # In a thread, because looking up a name has no time limit of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return answered.is_set()
