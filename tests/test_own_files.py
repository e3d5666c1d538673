"""What a command did not write it does not replace, whatever it is called."""

from pathlib import Path

import pytest

from skinseg.cli import main
from skinseg.commands.checks import check_own
from skinseg.errors import UserError
from tests.fakes import make_folder

EVALUATE = ["evaluate", "--checkpoint", "model.ckpt", "--data-root", "set"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["export", "model.ckpt"], "README.md"),
        (["export", "model.ckpt"], "config.json"),
        (["export", "model.ckpt"], "model.onnx"),
        (EVALUATE, "panels/holiday.jpg"),
        (EVALUATE, "report.html"),
        (EVALUATE, "run.json"),
        (["report", "results"], "tables.csv"),
        (["data", "leaks", "set"], "leaks-1.jpg"),
        (["data", "leaks", "set"], "leaks.csv"),
    ],
)
def test_a_file_of_the_user_s_is_kept(
    words: list[str],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "set")
    (tmp_path / "model.ckpt").touch()
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert main([*words, "--out", "mine"]) == 2
    said = capsys.readouterr().err
    assert f"--out mine: {name.split('/')[0]} is there and was not written by skinseg" in said
    assert said.count("\n") == 1
    assert mine.read_text() == "mine"


def test_what_an_earlier_call_wrote_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000 + b"ours" + b"y" * 100)
    (tmp_path / "b").write_bytes(b"x" * 100_000 + b"ours" + b"y" * 100_000)
    check_own(tmp_path, ("a", "b"), {"a": b"ours"})
    check_own(tmp_path, ("c",), {"a": b"no"})
    with pytest.raises(UserError, match="a is there"):
        check_own(tmp_path, ("a", "b"), {"b": b"ours", "gone": b""})
