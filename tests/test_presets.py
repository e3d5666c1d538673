"""Configurations by name: what a name means, in which order files override, and that they travel in the wheel."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from skinseg import cli, presets
from skinseg.errors import UserError
from tests import fakes

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def stems(options: list[str]) -> list[str]:
    """Names of the files in the order in which they are read, then the other options."""
    return [Path(word).stem if word.endswith(".yaml") else word for word in options if word != "--config"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--preset cpu --config pretrain --job x", "cpu pretrain --job x"),
        ("--config=pretrain --preset=gpu", "gpu pretrain"),
        ("--data.size 64 --config finetune --preset auto", "gpu finetune --data.size 64"),
        ("--preset paper --config adapt", "gpu adapt paper"),
        ("--preset paper --preset cpu --config adapt", "cpu adapt paper"),
        ("--config paper --config pretrain", "paper pretrain"),
        ("--job x", "--job x"),
    ],
)
def test_the_machine_first_the_paper_last_and_options_over_both(
    given: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(presets, "fitting", lambda: "gpu")
    assert stems(presets.with_files(given.split())) == expected.split()


def test_a_name_means_ours_unless_such_a_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert presets.config_file("hands", "render") == CONFIGS / "render/hands.yaml"
    assert presets.config_file("adaptation", "studies") == CONFIGS / "studies/adaptation.yaml"
    (tmp_path / "hands").write_text("p_hat: 1\n")
    assert presets.config_file("hands", "render") == Path("hands")
    # As in a wheel.
    packaged = tmp_path / "site/skinseg/configs"
    packaged.mkdir(parents=True)
    (packaged / "cpu.yaml").touch()
    monkeypatch.setattr(presets, "PACKAGE", packaged.parent)
    assert presets.config_file("cpu") == packaged / "cpu.yaml"
    with pytest.raises(UserError, match=r"--config gpu: no such file, .* one of the names: cpu$"):
        presets.config_file("gpu")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fit --preset tpu", "--preset tpu: expected auto, cpu, gpu or paper"),
        ("fit --config pretrian", "--config pretrian: no such file"),
        ("render --config feet --count 1 --out set", "--config feet: no such file"),
        ("study run adaptatoin --data-root .", "study adaptatoin: no such file"),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words.split()) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("preset", "read"), [("cpu", ["cpu", "finetune"]), ("paper", ["auto", "finetune", "paper"])]
)
def test_make_names_the_preset_and_the_job(preset: str, read: list[str], tmp_path: Path) -> None:
    command = [
        "make",
        "--no-print-directory",  # as a make within make would
        "--dry-run",
        "--old-file=setup",
        "finetune",
        f"DATA_ROOT={tmp_path}",
        f"PRESET={preset}",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    words = done.stdout.splitlines()[-1].split()[2:]
    expected = stems(presets.with_files(words))[: len(read)]
    assert expected == [presets.fitting() if name == "auto" else name for name in read]


@pytest.mark.slow
def test_the_wheel_alone_knows_its_presets_and_studies(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    ours = sorted(path.relative_to(CONFIGS) for path in CONFIGS.rglob("*.yaml"))
    packaged = tmp_path / "site/skinseg/configs"
    assert sorted(path.relative_to(packaged) for path in packaged.rglob("*.yaml")) == ours
    fakes.make_hgr(tmp_path / "data/hgr", 16)

    def skinseg(*words: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "WANDB_MODE": "disabled"}
        command = [sys.executable, "-m", "skinseg.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed = yaml.safe_load(skinseg("fit", "--preset", "cpu", "--config", "finetune", "--print_config"))
    recipe = yaml.safe_load((CONFIGS / "cpu.yaml").read_text())
    assert printed["job"] == "finetune"
    assert printed["model"]["encoder"] == recipe["model"]["encoder"]
    assert "fit: " in skinseg("study", "run", "adaptation", "--data-root", "data", "--dry-run")


def test_hardware_names_the_preset_and_what_decoders_train_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(presets, "fitting", lambda: "cpu")
    assert cli.main(["hardware"]) == 0
    preset, told = capsys.readouterr().out.splitlines()
    assert preset == "cpu"
    assert told.endswith(("; decoder_precision auto: bf16", "; decoder_precision auto: 32"))
