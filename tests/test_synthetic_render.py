"""Rendering a set: what the parent does with workers that answer, die, hang or find nothing, and real frames."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from skinseg import cli
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import PartClass, skin_mask
from skinseg.synthetic.rendering import frames, renderer, worker_process
from skinseg.synthetic.rendering.frames import FrameRenderer
from skinseg.synthetic.rendering.renderer import render_job, render_set
from skinseg.synthetic.rendering.worker_process import WorkerFailure, WorkerProcess, find_worker_command
from skinseg.synthetic.scene import Scene
from tests.stand_in import CONFIG, PlainJob, write_script

ROOT = Path(__file__).parents[1]

Workers = Callable[[str], list[str]]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Put workers of a given behaviour in place of Blender."""

    def install(behaviour: str = "") -> list[str]:
        command = write_script(tmp_path / "stand_in.py", behaviour)
        monkeypatch.setattr(renderer, "find_worker_command", lambda: command)
        return command

    return install


def render(out: Path, count: int, workers: int = 1) -> renderer.RenderReport:
    return render_job(PlainJob(CONFIG, 0), count, workers, out, progress=False)


def files_of(out: Path) -> dict[str, bytes]:
    """All of a set that depends on nothing but its job."""
    names = ["README.md", "contact_sheet.jpg", "generator.yaml", "scenes.parquet"]
    paths = [*sorted(out.rglob("*.png")), *(out / name for name in names)]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_a_set_goes_on_where_it_stopped(tmp_path: Path, stand_in: Workers) -> None:
    stand_in()
    out = tmp_path / "set"
    assert render(out, 2).rendered == 2
    before = {path: path.read_bytes() for path in out.rglob("*.png")}
    # A crash in the middle of a line and of a file, and a frame whose image is gone.
    with (out / "scenes.jsonl").open("a") as journal:
        journal.write('{"index": 7, "ima')
    (out / "masks" / ".000002.4711.png").write_bytes(b"\x89PNG")
    (out / ".unfinished-1").mkdir()
    (out / "images" / "000001.png").unlink()

    report = render(out, 4, workers=2)

    assert (report.frames, report.rendered) == (4, 3)
    assert before == {path: path.read_bytes() for path in before}
    assert pd.read_parquet(out / "scenes.parquet")["index"].tolist() == [0, 1, 2, 3]
    assert [path.name for path in out.rglob(".*")] == [".lock"]
    assert render(out, 4).rendered == 0
    # As after a crash between the last frame and the table.
    (out / "README.md").unlink()
    assert render(out, 3).frames == 4
    assert "4 frames" in (out / "README.md").read_text()


@pytest.mark.slow
def test_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path, stand_in: Workers) -> None:
    stand_in("time.sleep(0.02 * (index % 3))")
    render(tmp_path / "one", 7, workers=1)
    render(tmp_path / "three", 7, workers=3)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "three")


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_set(tmp_path: Path, stand_in: Workers) -> None:
    stand_in()
    render(tmp_path / "whole", 60, workers=2)
    out, rng = tmp_path / "killed", random.Random(5)
    script = write_script(tmp_path / "slow.py", "time.sleep(0.02)")[0]
    command = [sys.executable, "-m", "tests.stand_in", str(out), "60", "2", script]
    counts = []
    for _ in range(4):
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
        have = sum(counts[-1:])
        while process.poll() is None and len(list(out.glob("images/[0-9]*"))) <= have + 3:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.wait()
        counts.append(len(list(out.glob("images/[0-9]*"))))
        for path in out.glob("*/[0-9]*.png"):  # whole, under its final name
            assert cv2.imread(str(path)) is not None
    assert counts[0] < 60

    render(out, 60, workers=2)

    assert files_of(out) == files_of(tmp_path / "whole")
    indices = [json.loads(line)["index"] for line in (out / "scenes.jsonl").read_text().splitlines()]
    assert sorted(indices) == list(range(60))


@pytest.mark.slow
def test_frames_without_skin_are_drawn_again_and_counted(tmp_path: Path, stand_in: Workers) -> None:
    stand_in("empty = index == 1 and attempt < 2")
    report = render(tmp_path / "set", 3)
    assert report.redrawn == 2
    table = pd.read_parquet(tmp_path / "set" / "scenes.parquet")
    assert table["attempt"].tolist() == [0, 2, 0]
    # The row has the scene that was rendered, not the one given up.
    assert [json.loads(scene)["attempt"] for scene in table["scene"]] == [0, 2, 0]


@pytest.mark.slow
def test_a_configuration_that_shows_no_skin_is_refused(
    tmp_path: Path, stand_in: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_REDRAWS", 3)
    one = FrameRenderer(stand_in("empty = True"), tmp_path / "scratch")
    with pytest.raises(UserError, match=r"frame 0: 3 scenes in a row.*min_skin_share"):
        one.render(PlainJob(CONFIG, 0), 0)
    one.end()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["os.getpid()", "os.getppid()"], ids=["Blender", "builder"])
def test_a_process_that_is_killed_costs_no_frame(tmp_path: Path, stand_in: Workers, victim: str) -> None:
    died = tmp_path / "died"
    stand_in(
        f"""
        if index == 1 and not os.path.exists({str(died)!r}):
            open({str(died)!r}, "w").close()
            os.kill({victim}, 9)
        """
    )
    report = render(tmp_path / "set", 4, workers=2)
    assert (report.frames, report.restarts) == (4, 1)


@pytest.mark.slow
def test_a_frame_that_kills_every_worker_ends_the_call_and_keeps_the_rest(
    tmp_path: Path, stand_in: Workers
) -> None:
    stand_in(
        """
        if index == 2:
            print("out of memory in the stand-in", file=sys.stderr)
            sys.exit(9)
        """
    )
    out = tmp_path / "set"
    with pytest.raises(UserError, match=r"frame 2: 3 render workers failed.*out of memory in the stand-in"):
        render(out, 4)
    assert pd.read_parquet(out / "scenes.parquet")["index"].tolist() == [0, 1]
    stand_in()
    assert render(out, 4).rendered == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_keeps_what_is_finished(
    tmp_path: Path,
    stand_in: Workers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    stand_in(f"if index == 2: time.sleep(0.5); os.kill({os.getpid()}, {number:d}); time.sleep(600)")
    monkeypatch.setattr(renderer, "Job", PlainJob)
    out = tmp_path / "set"
    # A shell's background jobs ignore Ctrl-C, and so would this process.
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.getsignal(signal.SIGTERM)
    try:
        code = cli.main(["render", "--count", "4", "--workers", "1", "--no-wandb", "--out", str(out)])
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert code == 130
    assert "stopped; what was finished is kept" in capsys.readouterr().err
    assert pd.read_parquet(out / "scenes.parquet")["index"].tolist() == [0, 1]
    assert [path.name for path in out.glob(".*")] == [".lock"]


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed(tmp_path: Path, stand_in: Workers) -> None:
    worker = WorkerProcess(stand_in("time.sleep(600)"), tmp_path / "log")
    with pytest.raises(WorkerFailure, match="gave no answer"):
        worker.render({"scene": '{"index": 0, "attempt": 0}'}, limit=0.2)
    assert worker.process.returncode == -signal.SIGKILL


def test_no_renderer_gets_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKINSEG_BPY_PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker_process, "WORKER", tmp_path / "a" / "b" / "c" / "worker.py")
    with pytest.raises(UserError, match=r"Python 3\.11 with bpy.*make setup"):
        find_worker_command()
    monkeypatch.setenv("SKINSEG_BPY_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"SKINSEG_BPY_PYTHON is .*nowhere"):
        find_worker_command()


@pytest.mark.slow
def test_a_python_without_bpy_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no bpy.*make setup"):
        WorkerProcess([sys.executable, str(worker_process.WORKER)], tmp_path / "log")
    (tmp_path / "empty").touch(mode=0o755)
    with pytest.raises(UserError, match="cannot be started as the renderer"):
        WorkerProcess([str(tmp_path / "empty")], tmp_path / "log")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "set"], "--count is missing"),
        (["--verify", "set", "--count", "3", "--seed", "0"], "--verify with --count, --seed"),
        (["--verify", "set"], "generator.yaml: cannot be read"),
        (["--out", "set", "--count", "1", "--backgrounds", "nowhere"], "no such folder"),
        (["--out", "file", "--count", "1"], "file is a file, expected a folder"),
        (["--out", "file/set", "--count", "1"], "is a file, expected a folder"),
    ],
)
def test_bad_arguments_get_one_sentence_each(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert cli.main(["render", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ------------------------------------------------------------------------------------------------- Blender


REAL = GeneratorConfig(resolution=64, samples=1)


@pytest.fixture(scope="module")
def real_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames by Blender, one worker."""
    out = tmp_path_factory.mktemp("real") / "set"
    assert render_set(REAL, 3, 0, 1, out, progress=False).rendered == 3
    return out


@pytest.mark.slow
def test_real_frames_show_a_lit_person_with_exact_classes(real_set: Path) -> None:
    for index in range(3):
        image = cv2.imread(str(real_set / "images" / f"{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        labels = read_labels(real_set / "masks" / f"{index:06d}.png")
        assert image.shape == (64, 64, 3)
        assert labels.shape == (64, 64)
        assert set(np.unique(labels)) <= {int(part) for part in PartClass}
        skin = skin_mask(labels).astype(bool)
        assert skin.mean() >= REAL.min_skin_share
        assert 10 < image[skin].mean() < 245
        assert (image.min(axis=2) > 250).mean() < 0.5


@pytest.mark.slow
def test_a_real_set_is_one_the_reader_takes(real_set: Path) -> None:
    table = pd.read_parquet(real_set / "scenes.parquet")
    dataset = Rendered(real_set)
    assert len(dataset) == 3
    assert [sample.tone for sample in (dataset[i] for i in range(3))] == table["fitzpatrick"].tolist()
    for row in table.itertuples():
        assert Scene.from_json(str(row.scene)).people[0].skin.ita == row.ita
    assert (real_set / "contact_sheet.jpg").stat().st_size > 1000


@pytest.mark.slow
def test_real_pixels_depend_neither_on_the_number_of_workers_nor_on_one_that_dies(
    real_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = tmp_path / "died"
    relay = tmp_path / "relay.py"
    relay.write_text(
        f"""#!{sys.executable}
import os, subprocess, sys
worker = subprocess.Popen({find_worker_command()!r}, stdin=subprocess.PIPE, text=True)
for line in sys.stdin:
    if '\\\\"index\\\\": 1,' in line and not os.path.exists({str(died)!r}):
        open({str(died)!r}, "w").close()
        worker.kill()
        os._exit(9)
    worker.stdin.write(line)
    worker.stdin.flush()
"""
    )
    relay.chmod(0o755)
    monkeypatch.setattr(renderer, "find_worker_command", lambda: [str(relay)])
    report = render_set(REAL, 3, 0, 2, tmp_path / "set", progress=False)
    assert report.restarts == 1
    assert died.exists()
    assert files_of(tmp_path / "set") == files_of(real_set)


@pytest.mark.slow
def test_a_damaged_real_frame_comes_back_the_same(real_set: Path) -> None:
    path = real_set / "images" / "000002.png"
    before = path.read_bytes()
    path.write_bytes(before[:-9])
    report = renderer.verify_set(real_set, workers=1, progress=False)
    assert report.damaged == {2: "images/000002.png has changed"}
    assert report.different == []
    assert path.read_bytes() == before
    assert dataclasses.asdict(report)["frames"] == 3
