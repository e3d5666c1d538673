"""Files and folders are whole or absent, whatever stops their writer, and nothing else is touched on the way."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import skinseg
from skinseg import files
from skinseg.files import folder_beside, folder_whole, swapped_in, written_whole

PACKAGE = Path(skinseg.__file__).parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_cleared", set())


def test_what_is_written_replaces_what_was_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    with written_whole(path) as beside:
        assert (beside.parent, beside.suffix) == (path.parent, path.suffix)
        beside.write_text("first")
        assert not path.exists()
    with pytest.raises(KeyboardInterrupt), written_whole(path) as beside:  # noqa: PT012
        beside.write_text("sec")
        raise KeyboardInterrupt
    assert (path.read_text(), names(path.parent)) == ("first", ["a.json"])


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("fsync"), fsync(file))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("replace"), replace(a, b))[1])
    with written_whole(tmp_path / "a.txt") as beside:
        beside.write_text("whole")
    assert done == ["fsync", "replace", "fsync"], "the file, its name, and the folder that holds the name"
    done.clear()
    with folder_whole(tmp_path / "b") as beside:
        (beside / "inner").mkdir()
        (beside / "inner" / "c.txt").write_text("whole")
    assert len(done) == 2 + 1 + 1, "two folders, a file, and the folder of them all"
    assert (tmp_path / "b" / "inner" / "c.txt").read_text() == "whole"


def test_a_name_that_somebody_laid_a_link_at_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("theirs")
    numbers = iter([7, 7, 8])
    monkeypatch.setattr(files.secrets, "randbelow", lambda below: next(numbers))
    with written_whole(tmp_path / "a.txt") as guessed:
        pass
    monkeypatch.setattr(files.secrets, "randbelow", lambda below: next(numbers))
    guessed.symlink_to(theirs)
    monkeypatch.setattr(files, "_clear", lambda folder: None)
    with written_whole(tmp_path / "a.txt") as beside:
        assert beside != guessed
        beside.write_text("ours")
    assert theirs.read_text() == "theirs"


@pytest.mark.parametrize("name", ["x" * 240 + ".json", "名" * 80 + ".png", "a." + "x" * 240, ".hidden", "a"])
def test_any_name_that_a_disk_takes_can_be_written(name: str, tmp_path: Path) -> None:
    with written_whole(tmp_path / name) as beside:
        beside.write_text("whole")
    assert names(tmp_path) == [name]


WRITER = """
import os, signal, sys
from pathlib import Path
from skinseg.files import folder_whole, written_whole
with written_whole(Path("a.txt")) as file, folder_whole(Path("b")) as folder:
    file.write_text("half")
    (folder / "c.txt").write_text("half")
    print(file.name, folder.name, flush=True)
    sys.stdin.read()
"""


def test_what_a_dead_writer_left_is_cleared_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    theirs = tmp_path / ".unfinished_work.txt"
    theirs.write_text("not ours")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER], cwd=tmp_path, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        )
        for _ in range(2)
    ]  # fmt: skip
    dead, living = ([*(writer.stdout or ()).__next__().split()] for writer in writers)
    writers[0].send_signal(signal.SIGKILL)
    writers[0].wait()
    assert {*dead, *living} <= {*names(tmp_path)}
    with written_whole(tmp_path / "d.txt") as beside:
        beside.write_text("whole")
    assert names(tmp_path) == sorted([*living, theirs.name, "a.txt", "d.txt"])
    assert (tmp_path / "a.txt").read_text() == "old"
    writers[1].communicate("")
    assert names(tmp_path) == sorted([theirs.name, "a.txt", "b", "d.txt"])
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b" / "c.txt").read_text() == "half"


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "theirs.txt").touch()
    with pytest.raises(OSError), folder_whole(tmp_path / "b") as beside:  # noqa: PT011
        (beside / "ours.txt").touch()
    with folder_beside(tmp_path / "b") as beside:
        (beside / "ours.txt").touch()
    assert (names(tmp_path), names(tmp_path / "b")) == (["b"], ["theirs.txt"])


def test_no_other_file_of_the_package_renames_or_makes_temporary_names() -> None:
    """All but files.py, and the generator, whose worker has a folder of its own."""
    ours = [
        path for path in PACKAGE.rglob("*.py") if "synthetic" not in path.parts and path.name != "files.py"
    ]
    for path in ours:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                assert called not in ("os.replace", "os.rename", "shutil.move", "tempfile.mkstemp"), path


MADE = ("pictures", "extra.txt", "rows.txt")


def test_what_is_swapped_in_belongs_together(tmp_path: Path) -> None:
    """All of the new or all of the old, whatever happens; what has another name stays."""
    folder = tmp_path / "results"

    def fill(beside: Path, word: str, *made: str) -> None:
        for name in made:
            path = beside / name / word if name == "pictures" else beside / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(word)

    def found() -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in folder.rglob("*")
            if path.is_file()
        }

    with pytest.raises(RuntimeError), swapped_in(folder, MADE) as beside:  # noqa: PT012
        fill(beside, "none", "pictures")
        raise RuntimeError
    assert not folder.exists()
    with swapped_in(folder, MADE) as beside:
        fill(beside, "old", *MADE)
    (folder / "mine.txt").write_text("mine")
    old = found()
    assert old == {
        "pictures/old": "old", "extra.txt": "old", "rows.txt": "old", "mine.txt": "mine"
    }  # fmt: skip
    with pytest.raises(RuntimeError), swapped_in(folder, MADE) as beside:  # noqa: PT012
        fill(beside, "new", "pictures", "extra.txt")
        raise RuntimeError
    assert found() == old
    # Two at once: the later one's, and nothing of the other's.
    with swapped_in(folder, MADE) as beside, swapped_in(folder, MADE) as other:
        fill(beside, "new", "pictures", "rows.txt")
        fill(other, "other", *MADE)
    assert found() == {"pictures/new": "new", "rows.txt": "new", "mine.txt": "mine"}
    assert names(folder) == ["mine.txt", "pictures", "rows.txt"]


def test_a_kill_while_things_are_swapped_in_leaves_none_that_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Path.rename
    for kill in range(1, 6):
        folder = tmp_path / str(kill)
        with swapped_in(folder, MADE) as beside:
            for name in MADE:
                (beside / name).write_text("old")
        renamed: list[Path] = []

        def rename(path: Path, target: Path, kill: int = kill, renamed: list[Path] = renamed) -> Path:
            renamed.append(path)
            if len(renamed) == kill + 1:
                raise KeyboardInterrupt
            return usual(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename)
            with pytest.raises(KeyboardInterrupt), swapped_in(folder, MADE) as beside:  # noqa: PT012
                for name in MADE:
                    (beside / name).write_text("new")
        assert not (folder / MADE[-1]).exists(), kill
