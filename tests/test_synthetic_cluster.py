"""Rendering on a dask cluster, without Blender: every frame exactly once, whatever dies."""

import json
import os
import signal
from pathlib import Path

import pytest

from skinseg.errors import UserError
from skinseg.synthetic.rendering import cluster, renderer
from skinseg.synthetic.rendering.renderer import render_job
from tests.stand_in import CONFIG, PlainJob, write_script

distributed = pytest.importorskip("dask.distributed")

JOB = PlainJob(CONFIG, 0)


@pytest.mark.slow
def test_every_frame_exactly_once_though_a_machine_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    script = write_script(
        tmp_path / "stand_in.py",
        f"open({str(pids)!r} + f'/{{index}}-{{os.getppid()}}', 'w').close(); time.sleep(0.05)",
    )
    monkeypatch.setenv("SKINSEG_BPY_PYTHON", script[0])
    killed: list[int] = []
    add = renderer.SetFolder.add

    def adding(folder: renderer.SetFolder, frame: object) -> None:
        add(folder, frame)  # type: ignore[arg-type]
        if len(folder.rows) == 8 and not killed:
            killed.append(int(next(pids.iterdir()).name.split("-")[1]))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(renderer.SetFolder, "add", adding)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path / "dask")
    ) as machines:
        report = render_job(JOB, 40, 1, tmp_path / "set", False, machines.scheduler_address)
    assert killed
    assert (report.frames, report.rendered) == (40, 40)
    lines = (tmp_path / "set" / "scenes.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["index"] for line in lines) == list(range(40))
    assert len({path.name.split("-")[1] for path in pids.iterdir()}) >= 2

    monkeypatch.setattr(renderer, "find_worker_command", lambda: script)
    render_job(JOB, 40, 2, tmp_path / "here", False)
    for path in (tmp_path / "here").rglob("*.png"):
        assert path.read_bytes() == (tmp_path / "set" / path.relative_to(tmp_path / "here")).read_bytes()


@pytest.mark.slow
def test_what_goes_wrong_on_a_cluster_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = write_script(tmp_path / "stand_in.py", "if index == 5: sys.exit(9)")
    monkeypatch.setenv("SKINSEG_BPY_PYTHON", script[0])
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path / "dask")
    ) as machines:
        with pytest.raises(UserError, match="frame 5: 3 render workers failed"):
            render_job(JOB, 8, 1, tmp_path / "set", False, machines.scheduler_address)
        monkeypatch.setattr(cluster, "generator_code", lambda: {})
        with pytest.raises(
            UserError, match=r"a machine of the cluster has other code of the generator \(\w{12}\)"
        ):
            list(cluster.cluster_frames(JOB, [0], machines.scheduler_address))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://", "localhost:1"])
def test_an_unreachable_scheduler_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with pytest.raises(UserError, match=f"--scheduler {address}: no dask scheduler answers there"):
        render_job(JOB, 1, 1, tmp_path / "set", False, address)
