"""A disk that refuses what is written to it: one sentence, exit code 2, and what was finished is kept."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from skinseg.cli import main
from skinseg.commands.checks import check_place
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.training.saver import WholeCheckpoints
from tests.fakes import fake, make_folder, write
from tests.test_models_checkpoint import saved


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 20 kB: a disk that is full, to whoever writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_does_not_fit_names_its_file_and_leaves_the_old_one(tmp_path: Path, small_files: None) -> None:
    path = tmp_path / "table.bin"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="File too large") as error, written_whole(path) as beside:
        beside.write_bytes(bytes(30_000))
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_that_does_not_fit_says_so(tmp_path: Path, small_files: None) -> None:
    with pytest.raises(OSError, match="File too large") as error:
        WholeCheckpoints().save_checkpoint({"weights": torch.zeros(10_000)}, tmp_path / "last.ckpt")
    assert error.value.filename == str(tmp_path / "last.ckpt")


def test_predict_on_a_full_disk_keeps_what_was_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    saved(tmp_path / "model.ckpt")
    write(tmp_path / "photos" / "a.jpg", fake(0).image)
    write(tmp_path / "photos" / "b.jpg", fake(1, 600, 800).image)
    out = tmp_path / "out"
    request.getfixturevalue("small_files")
    arguments = ["predict", str(tmp_path / "photos"), "--checkpoint", str(tmp_path / "model.ckpt")]
    assert main([*arguments, "--out", str(out), "--device", "cpu", "--overlays", "--probabilities"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"skinseg: error: {out / 'b_'}")
    assert "File too large" in said
    assert (out / "a_skin.png").is_file()
    assert '"image"' in (out / "predictions.jsonl").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "photos", "--checkpoint", "model.ckpt", "--out", "file"],
        ["predict", "photos", "--checkpoint", "model.ckpt", "--out", "file/below"],
        ["evaluate", "--checkpoint", "model.ckpt", "--data-root", "set", "--out", "file/below"],
        ["export", "model.ckpt", "--out", "file"],
        ["data", "leaks", "set", "--out", "file"],
        ["data", "unpack", "a.zip", "--out", "file"],
        ["render", "--count", "1", "--out", "file/below"],
        ["fit", "--data.dataset", "folder", "--data.data_root", "set", "--runs", "file"],
        ["fit", "--data.dataset", "folder", "--data.data_root", "set", "--runs", ".", "--job", "file"],
    ],
)
def test_a_file_where_a_folder_should_be(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "set")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "runs").mkdir()
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "is a file, expected a folder" in said
    assert said.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_without_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the tests may run as root
    with pytest.raises(UserError, match=r"--out .*: .* cannot be written to"):
        check_place("--out", tmp_path / "new" / "er")
