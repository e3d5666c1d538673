"""The command line as its user meets it: help, refusals, and the whole way from fakes to a report."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import pytest

from skinseg.cli import COMMANDS, main
from skinseg.commands import parser, training
from skinseg.commands.parser import AtLeast, NotNegative
from skinseg.data.splits import make_split
from skinseg.datasets.registry import open_dataset
from skinseg.errors import UserError
from skinseg.evaluation.rows import read_rows
from tests import fakes

ROOT = Path(__file__).parents[1]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run a command that must be refused; give the one sentence it prints."""
    assert main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr().err.strip().rpartition("\n")[2]  # after a progress bar
    assert printed.startswith("skinseg: error: ")
    assert "Traceback" not in printed
    return printed


METHODS = {"--bgc", "--dann", "--fda", "--pixmatch"}
HEAVY = "{'torch', 'pytorch_lightning', 'anny', 'pandas', 'scipy'}"


def test_help_of_every_command_takes_no_torch() -> None:
    script = (
        "import sys\nfrom skinseg.cli import COMMANDS, main\n"
        "for name in ('', 'data', 'study', 'tones', *COMMANDS):\n    assert main([*name.split(), '--help']) == 0\n"
        f"assert not ({HEAVY} | {{'numpy', 'cv2'}}) & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert f"\n    {command} " in done.stdout
        assert f"usage: skinseg {command} [-h]" in done.stdout
        assert f"example: skinseg {command}" in done.stdout


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_help_of_training_names_options_that_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "-h"]) == 0
    named = set(re.findall(r"--[a-z_.]+(?= [A-Z])", capsys.readouterr().out))
    assert {"--data.dataset", "--ckpt_path"} < named
    assert named <= set(training.known([]))


@pytest.mark.slow
def test_options_of_training_are_those_that_its_parser_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--help-all"])
    assert stop.value.code == 0
    every = set(re.findall(r"--[a-z_]+(?:\.[a-z_]+)?(?=[ =+,\]\n])", capsys.readouterr().out))
    every = {name for name in every if name.split(".")[0] not in METHODS or name in METHODS}
    read = set(training.known([]))
    assert every <= read
    # Ours, turned into others before the parser sees them; and a link's, which it does not list.
    ours = {"--preset", "--help-all", "--verbose", "--config", "--print_config", "--help", "--trust"}
    assert read - every - METHODS <= ours | {"--model.size", "--model.seed", "--data.seed", "--data.heads"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "no command given"),
        ("rendr", "rendr: no such command, did you mean render?"),
        ("data chek", "data chek: no such command, did you mean check?"),
        ("render --count 0 --out x", "--count: 0 found, a whole number of at least 1 expected"),
        ("render --count 3", "neither of --out and --verify given"),
        ("predict --out x", "the argument images is missing"),
        ("predict a.jpg --chekpoint c --out x", "--chekpoint: no such option, did you mean --checkpoint?"),
        ("predict nowhere.jpg --out x", "nowhere.jpg is no image file"),
        ("evaluate --out", "--out: expected one argument"),
        ("evaluate extra --out x", "extra: not expected here"),
        ("evaluate --checkpoint c --data-root . --out x --subset tst", "--subset: tst found, test or all expected"),
        ("evaluate --checkpoint c --data-root . --out x --datasets hrg", "'hrg' does not exist, did you mean hgr?"),
        ("evaluate --checkpoint c --rendered . --out x", "dataset rendered not found in ."),
        ("study run nonsense --data-root .", "study nonsense: no such file"),
        ("study run tones --data-root nowhere", "DATA_ROOT nowhere: no such folder"),
        ("study run tones --data-root . --seeds 1 -1", "--seeds: -1 found, a whole number of at least 0 expected"),
        ("study run tones --data-root . --other-code agian", "did you mean again?"),
        ("export nowhere --out x", "nowhere does not exist"),
        ("render --scenes s.jsonl --seed 1 --out x", "--scenes with --config or --seed: expected neither"),
        ("render --scenes s.jsonl --verify x", "--verify with --scenes: expected neither"),
        ("tones recognize", "tones recognize: no such command, did you mean recognise?"),
        ("tones compare --subset tst --out x", "--subset: tst found, all or test expected"),
        ("tones train --rendered gone", "DATA_ROOT gone: no such folder"),
        ("balance --count 0 --out x", "--count: 0 found, a whole number of at least 1 expected"),
        ("audit rendered", "--against is missing"),
        ("data check . --json --names", "both of --json and --names given"),
        ("fit", "DATA_ROOT data: no such folder"),
        ("fit --preset auto --config pretrain --data.data_root=gone", "DATA_ROOT gone: no such folder"),
        ("fit --data.datast hgr", "--data.datast: no such option, did you mean --data.dataset?"),
        ("fit --trainer.max_epoch 3", "did you mean --trainer.max_epochs?"),
        ("fit --trainer.callbacks+=Timer --trainer.callbacks.interval=step --data.dataset hrg", "did you mean hgr?"),
        ("fit --adapt bcg", "--adapt bcg: no such method, did you mean bgc?"),
        ("test --data.data_root gone", "DATA_ROOT gone: no such folder"),
    ],
)  # fmt: skip
def test_wrong_words_get_one_sentence_at_once(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("evaluation", "predict", "studies", "training"):
        monkeypatch.setitem(sys.modules, f"skinseg.{name}.command", None)  # what needs torch is not imported
    if words.startswith("predict nowhere"):
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
    printed = refusal(capsys, *words.split())
    assert said in printed
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_picture_that_is_not_there_is_told_without_torch(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom skinseg.cli import main\n"
        f"assert main(['predict', 'nowhere.jpg', '--out', 'x']) == 2\nassert not {HEAVY} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=environment)


def test_a_function_is_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    called: list[object] = []

    def draw(
        images: Sequence[Path],
        *,
        out_dir: Path,
        sizes: Sequence[NotNegative] = (),
        scale: Annotated[float, AtLeast(1)] | Literal["own"] | None = None,
        fast: bool = False,
        said: bool | None = None,
        name: str | None = None,
    ) -> int:
        """Draw 100% of it.

        Args:
            images (IMAGE): what to draw
            out_dir (DIR): where
                to
            fast: in a hurry

        Example:
            skinseg draw a.png --out-dir b
        """
        called.append((images, out_dir, sizes, scale, fast, said, name))
        return 3

    monkeypatch.setattr(parser, "_found", lambda at: draw)
    given = ["a", "b", "--out-dir", "3", "--sizes", "0", "7", "--scale", "own", "--name", "1e3"]
    assert parser.call("skinseg draw", "", given) == 3
    given = ["caf\udce9", "--out-dir", "caf\udce9"]  # of bytes that are no UTF-8
    assert parser.call("skinseg draw", "", given) == 3
    assert called.pop()[:2] == ([Path("caf\udce9")], Path("caf\udce9"))  # type: ignore[index]
    given = ["a", "--fast", "--no-said", "--scale=2", "--out-dir", "null", "--name="]
    assert parser.call("skinseg draw", "", given) == 3
    for value in ("--a 1 --b 2", "--a=1 --b=2", "caf\udce9"):  # options of another command
        assert parser.call("skinseg draw", "", ["a", "--out-dir", "b", "--name", value]) == 3
        assert called.pop()[-1] == value  # type: ignore[index]
    assert called == [
        ([Path("a"), Path("b")], Path("3"), [0, 7], "own", False, None, "1e3"),
        ([Path("a")], Path("null"), (), 2.0, True, False, ""),
    ]
    assert [type(size) for size in called[0][2]] == [int, int]  # type: ignore[index]
    assert parser.call("skinseg draw", "", ["-h"]) == 0
    page = capsys.readouterr().out
    assert "IMAGE [IMAGE ...]" in page
    assert re.search(r"--out-dir DIR +where to\n", page)
    assert "Draw 100% of it." in page
    with pytest.raises(UserError, match=r"--scale: 0\.5 found, own or a number of at least 1 expected"):
        parser.call("skinseg draw", "", ["a", "--out-dir", "b", "--scale", "0.5"])


def test_data_root_that_is_missing_or_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere" in refusal(capsys, "data", "check", tmp_path / "nowhere")
    printed = refusal(capsys, "data", "check", tmp_path)
    for name in ("ecu", "hgr", "sfa", "abdomen", "pratheepan"):
        assert name in printed.lower()


def test_names_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.make_all(tmp_path)
    fakes.make_folder(tmp_path / "own")
    assert main(["data", "check", "--names", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == ["ecu", "hgr", "sfa", "abdomen", "pratheepan", "own"]


def test_checkpoint_that_is_not_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = tmp_path / "foreign.ckpt"
    foreign.write_bytes(b"not a checkpoint")
    fakes.make_ecu(tmp_path / "ecu", 6)
    out = tmp_path / "out"
    printed = refusal(capsys, "evaluate", "--checkpoint", foreign, "--data-root", tmp_path, "--out", out)
    assert "foreign.ckpt" in printed
    nothing = refusal(
        capsys, "evaluate", "--checkpoint", tmp_path / "runs", "--data-root", tmp_path, "--out", out
    )
    assert "runs" in nothing


def test_render_without_its_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKINSEG_BPY_PYTHON", str(tmp_path / "no-python"))
    printed = refusal(capsys, "render", "--count", "1", "--out", tmp_path / "set")
    assert "no-python" in printed
    assert "make setup" in printed


def test_make_help_documents_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in (
        "setup",
        "demo",
        "render",
        "pretrain",
        "finetune",
        "evaluate",
        "crosseval",
        "study",
        "lint",
        "test",
        "test-fast",
    ):
        assert f"  make {target} " in done.stdout


@pytest.mark.slow
def test_crosseval_is_a_study_and_passes_on_what_was_given(tmp_path: Path) -> None:
    given = [
        f"DATA_ROOT={tmp_path}",
        "SCALE=paper",
        "ARGS=--datasets hgr own --seeds 0 1 --other-code again --dry-run",
    ]
    command = ["make", "--no-print-directory", "--dry-run", "--old-file=setup", "crosseval", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    words = shlex.split(done.stdout.splitlines()[-1])
    fakes.make_hgr(tmp_path / "hgr", 16)
    fakes.make_folder(tmp_path / "own")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    study = subprocess.run(
        [sys.executable, "-m", "skinseg.cli", *words[1:]],
        cwd=ROOT, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert study.returncode == 0, study.stderr
    assert study.stdout.startswith("cross_dataset, paper scale: ")
    for arm in ("scratch@hgr", "scratch@own", "pretrained@hgr", "pretrained@own", "frames"):
        for seed in (0, 1):
            assert f"  score {arm}, seed {seed}\n" in study.stdout
    # A pretraining and five arms per seed.
    assert "fit: 12, " in study.stdout


# From scratch: tests need no package of weights, and the small encoder is quick.
SMALL = ["--model.encoder", "tu-mobilenetv3_small_100", "--model.encoder_weights", "null"]
TINY = ["--config", ROOT / "configs/cpu.yaml", *SMALL]
SHORT = ["--data.size", "64", "--data.batch_size", "4", "--trainer.max_epochs", "1"]


@pytest.mark.slow
def test_from_fakes_to_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's way, every command in its words; the first as a process of its own, as a user starts it."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    fakes.make_all(data)
    fakes.make_rendered(data / "rendered", 12)

    def skinseg(*arguments: str | Path) -> str:
        assert main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    pretrain = ["--config", ROOT / "configs/pretrain.yaml", "--data.data_root", data / "rendered"]
    command = [sys.executable, "-m", "skinseg.cli", "fit", *TINY, *pretrain, *SHORT]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("runs/pretrain/*/checkpoints/best.ckpt"))) == 1

    for dataset in ("pratheepan", "hgr"):
        finetune = ["--config", ROOT / "configs/finetune.yaml", "--data.dataset", dataset]
        skinseg("fit", *TINY, *finetune, "--data.data_root", data, *SHORT)
    assert len(list(tmp_path.glob("runs/finetune/*/checkpoints/best.ckpt"))) == 2

    out = tmp_path / "results"
    printed = skinseg("evaluate", "--checkpoint", "runs", "--data-root", data, "--out", out)
    page = (out / "report.html").read_text(encoding="utf-8")
    for title in ("ECU", "HGR", "SFA", "Abdomen", "Pratheepan"):
        assert title in printed
        assert title in page

    (out / "report.html").unlink()
    skinseg("report", out)
    assert (out / "report.html").read_text(encoding="utf-8") == page

    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["start"] == run["training"]["start"]["name"] == "scratch"

    # The newest model, fine-tuned on HGR, beside the one that it started from.
    rows = read_rows(out / "rows.parquet")
    assert {(row.trained_on, row.pretrained_on) for row in rows} == {("hgr", "rendered")}
    assert {row.test_set: row.seen for row in rows}["hgr"] == "held out"
    assert {row.seen for row in rows if row.test_set != "hgr"} == {"never"}
    parent = tmp_path / "parent"
    rendered = ["--rendered", data / "rendered"]
    skinseg("evaluate", "--checkpoint", "runs/pretrain", *rendered, "--out", parent)
    assert {row.seen for row in read_rows(parent / "rows.parquet")} == {"held out"}
    both = tmp_path / "both"
    skinseg("report", out, parent, "--out", both, "--slices")
    text = (both / "report.md").read_text(encoding="utf-8")
    assert "| hgr + rendered | 1 |" in text
    assert "| rendered | 1 |" in text
    assert (both / "slices.csv").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecu", "hgr", "sfa", "abdomen", "pratheepan", "folder"])
def test_every_layout_is_checked_split_and_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    make, folder = fakes.MAKERS.get(name, (fakes.make_folder, "own photographs (1)"))
    root = make(tmp_path / "data" / folder, 16)
    assert main(["data", "check", "--json", "data"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    dataset = open_dataset(name, root)
    assert (found["name"], found["images"]) == (dataset.name, len(dataset))

    parts = ["train"] * 12 + ["validation"] * 2 + ["test"] * 2
    by_subject = sorted(
        dataset.items, key=lambda item: item.subject or ""
    )  # HGR: five, of three or four images
    if name == "hgr":
        parts = [{"05": "test", "04": "validation"}.get(item.subject or "", "train") for item in by_subject]
    lines = [f"{item.image_id},{part}" for item, part in zip(by_subject, parts, strict=False)]
    Path("mine.csv").write_text("\n".join(["image,part", *lines]) + "\n")
    options = ["--data.dataset", name, "--data.data_root", "data", "--data.split", "mine.csv", *SHORT]
    arguments = ["fit", *map(str, TINY), *options, "--data.labels", "unsure=ignore"]
    assert (
        main([*arguments, "--trainer.limit_train_batches", "1", "--trainer.enable_progress_bar", "false"])
        == 0
    )
    (result,) = Path("runs").glob("*/*/result.json")
    assert json.loads(result.read_text())["split"] == make_split(dataset, file=Path("mine.csv")).hash


@pytest.mark.slow
def test_fit_refuses_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    fakes.make_all(data)

    def fit(dataset: str) -> str:
        options = ["--data.dataset", dataset, "--data.data_root", data, *SHORT]
        return refusal(capsys, "fit", *TINY, *options)

    assert "pratheepam" in fit("pratheepam")
    image = next(data.rglob("FacePhoto/*.jpg"))
    cv2.imwrite(str(image), np.zeros((7, 9, 3), np.uint8))
    printed = fit("pratheepan")
    assert image.stem in printed
    assert "9x7" in printed.replace(" ", "").replace("×", "x")


def test_a_working_folder_that_is_gone_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["predict", "a.jpg", "--out", "out"]) == 2
    assert "the working folder: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--job", "../elsewhere"], "--job ../elsewhere: leads out of the folder of runs"),
        (["--job", "/elsewhere"], "--job /elsewhere: leads out of the folder of runs"),
        (["--job", "."], "leads out of the folder of runs"),
        (["--job", ""], "--job: empty, expected a value"),
        (["--runs="], "--runs: empty, expected a value"),
        (["--model.pretrained", ""], "--model.pretrained: empty, expected a value"),
    ],
)
def test_a_run_goes_into_the_folder_of_runs(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fakes.make_rendered(tmp_path / "set", 12, size=32)
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "--data.data_root", "set", *words]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
