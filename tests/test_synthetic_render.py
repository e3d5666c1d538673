"""Rendering a set: what the parent does with workers that answer, die, hang or find nothing, and real frames."""

import json
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.synthetic import renderer, worker_process
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.labels import PartClass, skin_mask
from skinseg.synthetic.renderer import render_set
from skinseg.synthetic.scene import Scene
from skinseg.synthetic.worker_process import WorkerFailure, WorkerProcess, find_worker_command

CONFIG = GeneratorConfig(resolution=96, samples=1)

# Speaks the worker's protocol without Blender; the text in place of BEHAVIOUR may answer, exit or sleep.
STAND_IN = """
import json, os, sys, time
import cv2, numpy as np
print("Blender 0.0 says hello")
print(json.dumps({"ready": True, "blender": "stand-in"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    scene = json.loads(request["scene"])
    index, attempt, empty = scene["index"], scene["attempt"], False
    BEHAVIOUR
    if not empty:
        labels = np.full((8, 8), 1, np.uint8)
        cv2.imwrite(request["labels"], labels)
        cv2.imwrite(request["image"], np.full((8, 8, 3), 10 * index + attempt, np.uint8))
    print(json.dumps({"ok": True, "empty": empty, "skin_share": 1.0 - empty, "gain": 1.0}), flush=True)
"""

Workers = Callable[[str], list[str]]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Put workers of a given behaviour in place of Blender, and no body in the figure file."""

    def install(behaviour: str) -> list[str]:
        script = tmp_path / "stand_in.py"
        body = textwrap.indent(textwrap.dedent(behaviour), "    ").strip() or "pass"
        script.write_text(STAND_IN.replace("BEHAVIOUR", body))
        command = [sys.executable, str(script)]
        monkeypatch.setattr(renderer, "find_worker_command", lambda: command)
        return command

    monkeypatch.setattr(renderer, "_build", lambda scene, path: None)
    return install


def render(out: Path, count: int, seed: int = 0, workers: int = 1) -> renderer.RenderReport:
    return render_set(CONFIG, count=count, seed=seed, workers=workers, out=out, progress=False)


def files_of(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.png"))}


@pytest.mark.slow
def test_a_set_goes_on_where_it_stopped(tmp_path: Path, stand_in: Workers) -> None:
    stand_in("")
    out = tmp_path / "set"
    assert render(out, 2).rendered == 2
    before = files_of(out)
    # A crash in the middle of a line, and a frame whose image is gone.
    with (out / "scenes.jsonl").open("a") as journal:
        journal.write('{"index": 7, "ima')
    (out / "images" / "000001.png").unlink()

    report = render(out, 4, workers=2)

    assert (report.frames, report.rendered) == (4, 3)
    assert before.items() <= files_of(out).items()
    assert pd.read_parquet(out / "scenes.parquet")["index"].tolist() == [0, 1, 2, 3]
    assert len((out / "scenes.jsonl").read_text().splitlines()) == 4
    assert not list(out.glob(".*"))
    assert render(out, 4).rendered == 0


@pytest.mark.slow
def test_frames_without_skin_are_drawn_again_and_counted(tmp_path: Path, stand_in: Workers) -> None:
    stand_in("empty = index == 1 and attempt < 2")
    report = render(tmp_path / "set", 3)
    assert report.redrawn == 2
    assert pd.read_parquet(tmp_path / "set" / "scenes.parquet")["attempt"].tolist() == [0, 2, 0]
    # The row has the scene that was rendered, not the one given up.
    assert cv2.imread(str(tmp_path / "set" / "images" / "000001.png"))[0, 0, 0] == 12


@pytest.mark.slow
def test_a_configuration_that_shows_no_skin_is_refused(
    tmp_path: Path, stand_in: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderer, "MOST_REDRAWS", 3)
    stand_in("empty = True")
    with pytest.raises(UserError, match=r"frame 0: 3 scenes in a row.*min_skin_share"):
        render(tmp_path / "set", 1)


@pytest.mark.slow
def test_a_worker_that_dies_costs_no_frame(tmp_path: Path, stand_in: Workers) -> None:
    died = tmp_path / "died"
    stand_in(
        f"""
        if index == 1 and not os.path.exists({str(died)!r}):
            open({str(died)!r}, "w").close()
            os._exit(9)
        """
    )
    report = render(tmp_path / "set", 3)
    assert (report.frames, report.restarts) == (3, 1)


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
    stand_in("")
    assert render(out, 4).rendered == 2


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(
    tmp_path: Path, stand_in: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("if index == 2: os.kill(os.getppid(), 2); time.sleep(600)")
    out = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        render(out, 4)
    assert pd.read_parquet(out / "scenes.parquet")["index"].tolist() == [0, 1]
    assert not list(out.glob(".unfinished*"))


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed(tmp_path: Path, stand_in: Workers) -> None:
    worker = WorkerProcess(stand_in("time.sleep(600)"), tmp_path / "log")
    with pytest.raises(WorkerFailure, match="gave no answer"):
        worker.render({"scene": '{"index": 0, "attempt": 0}'}, limit=0.2)
    assert worker.process.returncode == -signal.SIGKILL


def test_another_seed_or_configuration_in_a_folder_is_refused(tmp_path: Path) -> None:
    renderer._claim(tmp_path / "set", CONFIG, seed=0)
    renderer._claim(tmp_path / "set", CONFIG, seed=0)
    with pytest.raises(UserError, match="seed 0, asked for 1"):
        renderer._claim(tmp_path / "set", CONFIG, seed=1)
    with pytest.raises(UserError, match="config hash"):
        renderer._claim(tmp_path / "set", GeneratorConfig(resolution=97), seed=0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"not empty and has no generator\.yaml"):
        renderer._claim(tmp_path / "mine", CONFIG, seed=0)


def test_no_renderer_gets_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKINSEG_BPY_PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker_process, "WORKER", tmp_path / "a" / "b" / "worker.py")
    with pytest.raises(UserError, match=r"Python 3\.11 with bpy.*make setup"):
        find_worker_command()
    monkeypatch.setenv("SKINSEG_BPY_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"SKINSEG_BPY_PYTHON is .*nowhere"):
        find_worker_command()


@pytest.fixture(scope="module")
def real_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames by Blender, one worker."""
    out = tmp_path_factory.mktemp("real") / "set"
    report = render(out, 3)
    assert report.rendered == 3
    return out


@pytest.mark.slow
def test_real_frames_show_a_lit_person_with_exact_classes(real_set: Path) -> None:
    for index in range(3):
        image = cv2.imread(str(real_set / "images" / f"{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        labels = cv2.imread(str(real_set / "labels" / f"{index:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert image.shape == (96, 96, 3)
        assert labels.shape == (96, 96)
        assert set(np.unique(labels)) <= {int(part) for part in PartClass}
        skin = skin_mask(labels).astype(bool)
        assert skin.mean() >= CONFIG.min_skin_share
        assert 15 < image[skin].mean() < 240
        assert (image.min(axis=2) > 250).mean() < 0.5


@pytest.mark.slow
def test_a_real_set_is_one_the_reader_takes(real_set: Path) -> None:
    table = pd.read_parquet(real_set / "scenes.parquet")
    dataset = Rendered(real_set)
    assert len(dataset) == 3
    assert [sample.tone for sample in (dataset[i] for i in range(3))] == table["fitzpatrick"].tolist()
    for row in table.itertuples():
        assert Scene.from_json(str(row.scene)).skin.ita == row.ita
    assert (real_set / "contact_sheet.jpg").stat().st_size > 1000


@pytest.mark.slow
def test_pixels_depend_neither_on_the_number_of_workers_nor_on_one_that_is_killed(
    real_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = WorkerProcess.render
    killed: list[int] = []

    def killing(worker: WorkerProcess, request: dict[str, object], limit: float) -> dict[str, object]:
        if not killed and json.loads(str(request["scene"]))["index"] == 1:
            killed.append(worker.process.pid)
            os.kill(worker.process.pid, signal.SIGKILL)
        return original(worker, request, limit)

    monkeypatch.setattr(WorkerProcess, "render", killing)
    report = render(tmp_path / "set", 3, workers=2)
    assert report.restarts == len(killed) == 1
    assert files_of(tmp_path / "set") == files_of(real_set)
