"""Weights & Biases, offline: what a run wrote is read back from its file, and its failures stop nothing."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from skinseg import tracking
from skinseg.cli import main
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.models import checkpoint as checkpoints
from skinseg.models.unet import TwoHeadUnet
from skinseg.reports.results import read_results
from skinseg.reports.wandb_results import COLUMNS
from skinseg.training import wandb_run
from tests import fakes

SIDE = 64
TINY = ["--model.decoder_channels", "[16,16,8,8,8]", "--trainer.accelerator", "cpu", "--model.lr", "0.003"]
QUIET = ["--trainer.enable_progress_bar", "false", "--data.augmentation", "paper"]
DATA = ["--data.data_root", "set", "--data.size", str(SIDE), "--data.cache_long_side", str(SIDE)]


class Written:
    """What an offline run wrote: its record, config, summary, history rows and artifacts, and its files."""

    def __init__(self, path: Path) -> None:
        self.files = path.parent / "files"
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.artifacts: list[Any] = []
        for record in finished(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                self.run = record.run
                self.config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            elif kind == "config":
                self.config |= {item.key: json.loads(item.value_json) for item in record.config.update}
            elif kind == "summary":
                self.summary |= {name_of(item): json.loads(item.value_json) for item in record.summary.update}
            elif kind == "history":
                self.history.append({name_of(i): json.loads(i.value_json) for i in record.history.item})
            elif kind == "artifact":
                self.artifacts.append(record.artifact)

    def artifact(self, kind: str) -> Any:
        (found,) = [artifact for artifact in self.artifacts if artifact.type == kind]
        return found

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.history if name in row]


def name_of(item: Any) -> str:
    return item.key or ".".join(item.nested_key)


def records(path: Path) -> Iterator[Any]:
    """The records of a .wandb file: LevelDB's log format, blocks of 32 KiB after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def finished(path: Path) -> list[Any]:
    """All records, once the last is there: W&B's service closes the file shortly after `finish` has returned."""
    for _ in range(200):
        found = list(records(path))
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{path} has no end")


def runs_in(folder: Path) -> list[Written]:
    return [Written(path) for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))]


def contents(artifact: Any) -> dict[str, Path]:
    return {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}


@pytest.fixture(scope="module", autouse=True)
def wandb_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What W&B stages for upload goes elsewhere than to the home folder."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path_factory.mktemp("wandb-data")))
        yield


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rendered set in the working folder, with all the files that `skinseg render` leaves."""
    monkeypatch.chdir(tmp_path)
    root = Path("set")
    fakes.make_rendered(root, count=30, size=SIDE)
    (root / "generator.yaml").write_text(
        "skinseg: '0.1'\nseed: 3\nconfig_hash: abc\nphotographs: 0\nphotographs_hash: ''\nconfig: {resolution: 64}\n"
    )
    (root / "README.md").write_text("a card\n")
    cv2.imwrite(str(root / "contact_sheet.jpg"), np.full((8, 8, 3), 90, np.uint8))
    return root


def fit(*more: str) -> int:
    return main(["fit", *TINY, *QUIET, *DATA, "--data.batch_size", "8", *more])


@pytest.mark.slow
def test_fit_offline_keeps_all_that_sync_will_show_and_goes_on_in_the_same_run(
    rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_run, "PICTURES", 2)
    assert fit("--job", "pretrain", "--trainer.max_epochs", "2") == 0
    (folder,) = Path("runs", "pretrain").iterdir()
    (first,) = runs_in(folder)
    dataset = open_dataset("rendered", rendered)
    best = checkpoints.read_checkpoint(folder / checkpoints.BEST)

    assert (first.run.project, first.run.job_type, first.run.run_group) == ("skinseg", "pretrain", "pretrain")
    assert first.run.display_name == f"pretrain/{folder.name}"
    assert first.config["data"]["data_root"] == "set"
    assert first.config["training_data"]["split"] == best.metadata["split"]
    assert first.config["training_data"]["fingerprint"] == fingerprint(dataset)
    assert first.config["git_commit"] == tracking.git_commit()

    with (folder / "metrics.csv").open() as file:
        assert "val/skin_miou" in file.readline()
    assert len(first.column("val/skin_miou")) == len(first.column("train/loss")) == 2
    assert first.summary["best/sha256"] == best.sha256

    # The same two images each epoch, each with four masks that open as they were.
    overlays = [
        {
            key.removeprefix("val/overlays."): value
            for key, value in row.items()
            if key.startswith("val/overlays.")
        }
        for row in first.history
    ]
    overlays = [shown for shown in overlays if shown]
    assert len(overlays) == 2
    assert overlays[0]["captions"] == overlays[1]["captions"]
    assert len(overlays[0]["captions"]) == 2
    layers = overlays[-1]["all_masks"][0]
    assert set(layers) == {"skin truth", "skin prediction", "person truth", "person prediction"}
    image_id = overlays[-1]["captions"][0].split()[1]
    (index,) = [i for i, item in enumerate(dataset.items) if item.image_id == image_id]
    stored = cv2.imread(str(first.files / layers["skin truth"]["path"]), cv2.IMREAD_UNCHANGED)
    rim = (256 - SIDE) // 2
    assert stored.shape == (256, 256)
    assert np.array_equal(stored[rim:-rim, rim:-rim], dataset[index].masks["skin"])

    data, model = first.artifact("dataset"), first.artifact("model")
    assert data.use_after_commit
    assert data.name == "rendered-abc-seed3"
    assert set(contents(data)) == {"generator.yaml", "README.md", "scenes.parquet", "contact_sheet.jpg"}
    assert not model.use_after_commit
    assert model.name == "model-rendered"
    assert set(model.aliases) == {"best", "latest"}
    assert contents(model)["best.ckpt"].samefile(folder / checkpoints.BEST)
    assert first.config["inputs"] == {"rendered-abc-seed3": data.digest}

    # More epochs of the same run are the same W&B run, at later steps.
    assert fit("--job", "pretrain", "--trainer.max_epochs", "3", "--ckpt_path", "last") == 0
    _, second = runs_in(folder)
    assert second.run.run_id == first.run.run_id
    assert second.run.resume
    assert second.run.job_type == "pretrain"
    assert min(second.column("_step")) > max(first.column("_step"))

    # What is trained from it names it as its input, by the same content.
    assert fit("--job", "tuned", "--model.pretrained", "runs/pretrain", "--trainer.max_epochs", "1") == 0
    (tuned,) = runs_in(next(Path("runs", "tuned").iterdir()))
    assert tuned.run.job_type == "finetune"
    (used,) = [
        artifact for artifact in tuned.artifacts if artifact.type == "model" and artifact.use_after_commit
    ]
    assert (used.name, used.digest) == (second.artifact("model").name, second.artifact("model").digest)


@pytest.mark.slow
def test_wandb_that_fails_in_mid_run_stops_nothing(
    rendered: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wandb

    calls: list[int] = []

    def breaks(self: Any, *args: Any, **kwargs: Any) -> None:
        calls.append(1)
        raise BrokenPipeError("the service is gone")

    monkeypatch.setattr(wandb.Run, "log", breaks)
    assert fit("--job", "pretrain", "--trainer.max_epochs", "2") == 0
    printed = capsys.readouterr().err
    assert printed.count("W&B failed (BrokenPipeError: the service is gone)") == 1
    assert len(calls) == 1
    (folder,) = Path("runs", "pretrain").iterdir()
    assert json.loads((folder / "result.json").read_text())["epochs"] == 2
    assert not runs_in(folder)[0].history


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a random model on two sets of fakes, logged offline."""
    root = tmp_path_factory.mktemp("scored")
    torch.manual_seed(0)
    model = TwoHeadUnet(decoder_channels=(16, 16, 8, 8, 8))
    path = root / "runs" / "study" / "arm" / "time" / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    weights = {checkpoints.PREFIX + name: value for name, value in model.state_dict().items()}
    trained = [{"dataset": "rendered", "split": "r"}, {"dataset": "hgr", "split": "h"}]
    record = checkpoints.metadata_of(model, 64, epoch=0, seed=7, split="h", parent=None, lineage=trained)
    torch.save({"state_dict": weights, checkpoints.KEY: record}, path)
    fakes.make_rendered(root / "set", 12)
    fakes.make_hgr(root / "data", 16)
    arguments = ["evaluate", "--checkpoint", path, "--rendered", root / "set", "--data-root", root / "data"]
    assert (
        main([str(word) for word in [*arguments, "--subset", "all", "--out", root / "out", "--wandb"]]) == 0
    )
    return root / "out"


@pytest.mark.slow
def test_evaluate_logs_what_its_rows_say(scored: Path) -> None:
    (run,) = runs_in(scored)
    results = read_results(scored)
    assert (run.run.job_type, run.run.run_group) == ("evaluate", "study")
    assert run.run.display_name == "evaluate/out"
    assert run.config["weights"] == results.run["weights"]
    hgr = run.config["datasets"]["hgr"]
    assert (hgr["split"], hgr["fingerprint"]) == (
        results.run["datasets"]["hgr"]["split"],
        fingerprint(open_dataset("hgr", scored.parent / "data")),
    )

    rows = results.rows[(results.rows["test_set"] == "rendered") & (results.rows["head"] == "skin")]
    iou = rows["tp"] / (rows["tp"] + rows["fp"] + rows["fn"])
    assert run.summary["miou_skin/rendered"] == pytest.approx(iou.mean())
    assert run.summary["images_skin/rendered"] == 12
    assert run.summary["miou_skin_low/rendered"] <= iou.mean() <= run.summary["miou_skin_high/rendered"]
    for tone, group in iou.groupby(rows["tone"]):
        assert run.summary[f"tone_skin/rendered/labelled_{tone}"] == pytest.approx(group.mean())
    assert "miou_person/rendered" in run.summary
    assert not any("person" in name and "hgr" in name for name in run.summary)

    table = json.loads((run.files / run.summary["predictions.path"]).read_text())
    assert tuple(table["columns"]) == COLUMNS
    assert len(table["data"]) == len(results.rows) == 2 * 12 + 16
    # W&B keeps a table's pictures in an artifact of its own.
    pictures = [name for name in contents(run.artifact("run_table")) if name.endswith(".jpg")]
    assert len(pictures) == 12 + 16

    model, logged = run.artifact("model"), run.artifact("results")
    assert (model.name, model.use_after_commit) == ("model-rendered-hgr", True)
    assert set(contents(logged)) >= {"rows.parquet", "run.json", "report.html"}


@pytest.mark.slow
def test_no_picture_leaves_where_none_is_wanted(scored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skinseg.reports.wandb_results import prediction_table

    monkeypatch.setenv("SKINSEG_WANDB_PICTURES", "no")
    table = prediction_table(read_results(scored))
    assert {line[0] for line in table.data} == {None}
    assert "report.html" not in tracking.rows_artifact(scored, {}).manifest.entries


@pytest.mark.slow
def test_render_logs_its_set(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skinseg.synthetic.rendering import renderer

    report = renderer.RenderReport(rendered, frames=30, rendered=4, redrawn=1, restarts=0)
    monkeypatch.setattr(renderer, "render_set", lambda *args, **kwargs: report)
    render = ["render", "--count", "30", "--out", "set", "--workers", "1"]
    assert main(render) == 0
    assert not runs_in(Path())  # nobody asked, and there is no key
    assert main([*render, "--wandb"]) == 0
    (run,) = runs_in(Path())
    assert (run.run.job_type, run.run.display_name) == ("render", "render/set")
    assert (run.config["seed"], run.config["config"]) == (3, {"resolution": 64})
    assert (run.summary["frames"], run.summary["rendered"]) == (30, 4)
    assert (run.files / run.summary["contact_sheet.path"]).is_file()
    assert run.artifact("dataset").name == "rendered-abc-seed3"
    assert not list(rendered.glob("wandb*"))


@pytest.mark.slow
def test_a_key_without_a_network_gives_an_offline_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_RUN_GROUP", "a study")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ZeroDivisionError), tracking.started("study", "s", tmp_path, {}, "g"):
        raise ZeroDivisionError
    assert "does not answer" in capsys.readouterr().out
    (run,) = runs_in(tmp_path)
    assert (run.run.job_type, run.run.run_group) == ("study", "a study")


@pytest.mark.parametrize(
    ("environment", "lines", "offline"),
    [
        ({}, "", True),
        ({}, "machine api.wandb.ai login user password secret", False),
        ({"WANDB_API_KEY": "secret"}, "", False),
        ({"WANDB_MODE": "offline", "WANDB_API_KEY": "secret"}, "", True),
        ({"WANDB_MODE": "online"}, "", False),
        ({"WANDB_BASE_URL": "https://wandb.example.org"}, "machine api.wandb.ai login u password s", True),
    ],
)
def test_wandb_is_online_only_where_the_user_has_a_key(
    environment: dict[str, str], lines: str, offline: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "netrc").write_text(lines)
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert tracking.is_offline() is offline
    assert tracking.is_wanted(None) is not offline
    assert tracking.is_wanted(True)
    assert not tracking.is_wanted(False)


def test_without_wandb_a_sentence_and_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda name: None)
    assert len(wandb_run.loggers(tmp_path, {})) == 1
    assert "not installed" in capsys.readouterr().out
    with pytest.raises(UserError, match="--wandb: W&B is not installed"):
        tracking.is_wanted(True)


def test_mask_layers_tell_heads_apart_and_keep_what_is_ignored() -> None:
    skin = np.zeros((300, 600), np.uint8)
    skin[:100], skin[200:] = 1, 255
    sample = Sample(np.zeros((300, 600, 3), np.uint8), {"skin": skin}, "hgr", "a")
    layers = wandb_run.mask_layers(sample, {"skin": np.full((300, 600), 0.7), "person": np.zeros((300, 600))})
    assert set(layers) == {"skin truth", "skin prediction", "person prediction"}
    truth = layers["skin truth"]
    # A square, as W&B shows pictures of one size only.
    assert truth["mask_data"].shape == (256, 256)
    assert not truth["mask_data"][:64].any()
    assert not truth["mask_data"][192:].any()
    assert set(np.unique(truth["mask_data"])) == {0, 1, 255}
    assert truth["class_labels"] == {1: "skin", 255: "ignored"}
    assert layers["skin prediction"]["mask_data"][64:192].all()
    assert layers["person prediction"]["class_labels"] == {2: "person"}


def test_pictures_of_all_shapes_are_of_one_size() -> None:
    shapes = ((300, 600), (600, 300), (20, 30), (1, 999))
    found = [wandb_run._small(np.full((*shape, 3), 9, np.uint8), cv2.INTER_AREA) for shape in shapes]
    assert {picture.shape for picture in found} == {(256, 256, 3)}
    assert all(picture.any() for picture in found)


def test_dashboard_shows_each_key_that_runs_log(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb_workspaces")
    from skinseg.reports.dashboard import workspace

    spec = json.dumps(
        workspace("me", "skinseg", ["hgr", "rendered", "mine"])._to_model().model_dump(mode="json")
    )
    for key in (
        *("miou_skin/hgr", "miou_skin/mine", "tone_skin/hgr/estimated_6", "tone_skin/rendered/labelled_1"),
        *("val/overlays", "val/skin_miou", "train/loss", "predictions", "contact_sheet"),
    ):
        assert key in spec, key
    assert "Skin mIoU per Fitzpatrick group" in spec


@pytest.mark.parametrize(
    ("environment", "missing", "said"),
    [
        ({"WANDB_MODE": "offline"}, None, "WANDB_MODE is offline"),
        ({"NETRC": "/nowhere"}, None, "there is no key"),
        ({"WANDB_MODE": "online"}, "wandb_workspaces", "wandb-workspaces is not installed"),
    ],
)
def test_dashboard_says_why_it_cannot(
    environment: dict[str, str],
    missing: str | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if missing:
        usual = tracking.importlib.util.find_spec
        monkeypatch.setattr(
            tracking.importlib.util, "find_spec", lambda name: None if name == missing else usual(name)
        )
    assert main(["dashboard"]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.slow
def test_dashboard_that_cannot_be_saved_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    wandb_workspaces = pytest.importorskip("wandb_workspaces.workspaces")

    def refuse(self: Any) -> None:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(wandb_workspaces.Workspace, "save", refuse)
    assert main(["dashboard", "--entity", "me"]) == 2
    printed = capsys.readouterr().err
    assert "no route" in printed
    assert len(printed.splitlines()) == 1


def test_tracking_drops_a_run_once_and_still_closes_it(capsys: pytest.CaptureFixture[str]) -> None:
    closed: list[int] = []

    class Run:
        def finish(self, exit_code: int) -> None:
            closed.append(exit_code)
            raise TimeoutError("late")

    tracked = tracking.Tracking(Run())
    done: list[str] = []
    tracked.attempt(lambda run: done.append("first"))
    tracked.attempt(lambda run: 1 / 0)
    tracked.attempt(lambda run: done.append("never"))
    tracked.finish(failed=True)
    assert done == ["first"]
    assert closed == [1]
    assert capsys.readouterr().err.count("W&B") == 1


def test_the_commit_is_known_in_a_checkout_and_not_in_another_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True
        )

    module = tmp_path / "package" / "tracking.py"
    module.parent.mkdir()
    module.write_text("")
    git("init", "-q")
    monkeypatch.setattr(tracking, "__file__", str(module))
    assert tracking.git_commit() is None
    git("add", ".")
    git("commit", "-q", "-m", "first")
    commit = tracking.git_commit()
    assert commit is not None
    assert len(commit) == 40
    module.write_text("x = 1\n")
    assert tracking.git_commit() == f"{commit}-dirty"
