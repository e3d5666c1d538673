"""A stranger's config runs no code that it brings, and costs no more than its size."""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import jsonargparse._common
import pytest

from skinseg.cli import main
from skinseg.commands.probing import _settings as generator_settings
from skinseg.commands.training import _check_config
from skinseg.errors import UserError
from skinseg.studies.definition import read_study
from skinseg.synthetic.rendering.claim import read_generator
from tests.fakes import make_folder

WORDS = ["fit", "--data.dataset", "folder", "--data.data_root", "set"]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that says when it was imported, and a parser's settings that are put back."""
    settings = dict(jsonargparse._common.parsing_settings)
    verdicts = settings["import_path_verdicts"]  # another test's call may have denied all
    settings["import_path_verdicts"] = {path: verdict for path, verdict in verdicts.items() if path != "*"}
    monkeypatch.setattr("jsonargparse._common.parsing_settings", settings)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    make_folder(tmp_path / "set")
    (tmp_path / "strange.py").write_text(
        "from pathlib import Path\n"
        "from pytorch_lightning import Callback\n"
        "Path('ran').touch()\n"
        "class Own(Callback): pass\n"
        "def function(): pass\n"
    )
    sys.modules.pop("strange", None)


@pytest.mark.parametrize(
    "config",
    [
        "trainer: {callbacks: [{class_path: strange.Own}]}",
        "trainer: {callbacks: {class_path: strange.Own}}",
        "trainer: {callbacks: [strange.Own]}",
        "trainer: {logger: {class_path: strange.function}}",
        "trainer: {logger: [{class_path: strange.Own, init_args: {}}]}",
        "trainer: {plugins: [{class_path: strange.Own}]}",
        "trainer: {strategy: {class_path: strange.Own}}",
        "trainer: {callbacks: [{class_path: pytorch_lightning.callbacks.LambdaCallback, init_args: "
        "{on_fit_start: strange.function}}]}",
        "trainer: {callbacks: [{class_path: os.system}]}",
    ],
)
def test_no_code_of_a_config_runs(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text(config)
    assert main([*WORDS, "--config", "config.yaml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("skinseg: error: ")
    assert "--trust" in said or "trainer.strategy" in said
    assert said.count("\n") == 1
    assert not Path("ran").exists()
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "config"),
    [
        ([], "EarlyStopping, init_args: {monitor: val/skin_miou}"),
        ([], "pytorch_lightning.callbacks.LearningRateMonitor"),
        (["--trust"], "strange.Own"),
    ],
)
def test_plain_classes_and_with_trust_all_may_be_named(
    words: list[str], config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("config.yaml").write_text(f"trainer: {{callbacks: [{{class_path: {config}}}]}}")
    with pytest.raises(SystemExit) as leaving:
        main([*WORDS, *words, "--config", "config.yaml", "--print_config"])
    assert leaving.value.code == 0
    assert config.partition(",")[0].rpartition(".")[2] in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b"*%c," % (97 + i) * 9 if i else b"x") for i in range(9)
        ),
        b"a: " + b"[" * 10_000 + b"]" * 10_000,
        b"job: caf\xe9",
        b"job: a\0b",
    ],
)
def test_a_config_that_is_none_is_refused_at_once(text: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_bytes(text)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert main([*WORDS, "--config", "config.yaml"]) == 2
    said = capsys.readouterr().err
    assert "--config config.yaml: " in said
    assert said.count("\n") == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert time.process_time() - began < 5


@pytest.mark.slow
def test_weights_are_never_unpickled_as_code(tmp_path: Path) -> None:
    (tmp_path / "bad.ckpt").write_bytes(b"cposix\nsystem\n(S'touch ran'\ntR.")
    words = [
        sys.executable,
        "-m",
        "skinseg.cli",
        "predict",
        "set/images",
        "--checkpoint",
        "bad.ckpt",
        "--out",
        "out",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not Path("ran").exists()


TRIPS = ["a: 2026-02-31", "a: " + "9" * 5000, "a: !!int ''", "a: !!bool x", "a: !!timestamp x", "? [a]\n: b"]
"""YAML whose values PyYAML itself trips over, with errors of every kind."""
BOMB = "a: &a [x, x]\nresolution: [*a, *a]\n"


@pytest.mark.parametrize("text", [*TRIPS, BOMB, "resolution: " + "[" * 200])
def test_no_settings_of_the_generator_are_more_than_they_say(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of `render`, `probe` and `balance`, and of a set that lies there."""
    config = tmp_path / "settings.yaml"
    config.write_text(text)
    assert main(["render", "--count", "1", "--out", str(tmp_path / "out"), "--config", str(config)]) == 2
    assert re.fullmatch(r"skinseg: error: --config .*settings\.yaml: .*\n", capsys.readouterr().err)
    with pytest.raises(UserError, match=r"settings\.yaml"):
        generator_settings(str(config))
    (tmp_path / "generator.yaml").write_text(text)
    with pytest.raises(UserError, match=r"generator\.yaml"):
        read_generator(tmp_path)


@pytest.mark.parametrize("text", TRIPS)
def test_values_that_trip_the_parser_are_refused(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml: not YAML"):
        _check_config(config, trusted=True)
    with pytest.raises(UserError, match=r"config\.yaml: cannot be read as YAML"):
        read_study(config)
