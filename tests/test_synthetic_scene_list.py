"""Scenes that are given: read, refused, rendered, and gone on with."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from skinseg import cli
from skinseg.errors import UserError
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.geometry.mesh import Figure
from skinseg.synthetic.rendering import claim, lanes, renderer
from skinseg.synthetic.rendering.renderer import render_scenes, verify_set
from skinseg.synthetic.rendering.scene_list import ListedJob, listed_job, read_scenes, scene_hashes
from skinseg.synthetic.scene import Scene
from tests import stand_in as plain
from tests.stand_in import write_script


def plain_scene(index: int, attempt: int = 0) -> Scene:
    """One as large as settings allow at the least."""
    return dataclasses.replace(plain.plain_scene(index, attempt), resolution=16)


class PlainList(ListedJob):
    """Given scenes without geometry."""

    def build(self, scene: Scene) -> Figure:
        return Figure(())


def plain_list(scenes: Iterable[Scene | str], photos: object = None) -> ListedJob:
    job = listed_job(scenes)
    return PlainList(job.config, job.seed, None, job.scenes)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = write_script(tmp_path / "stand_in.py")
    monkeypatch.setattr(renderer, "find_worker_command", lambda: command)
    monkeypatch.setattr(renderer, "listed_job", plain_list)
    monkeypatch.setattr(claim, "listed_job", plain_list)
    monkeypatch.setattr(lanes, "PRELOAD", [])


def write_lines(path: Path, scenes: Iterable[Scene]) -> Path:
    path.write_text("".join(scene.to_json() + "\n" for scene in scenes))
    return path


def test_scenes_come_back_from_every_form(tmp_path: Path) -> None:
    scenes = [plain_scene(index) for index in range(3)]
    assert read_scenes(write_lines(tmp_path / "scenes.jsonl", scenes)) == scenes
    rows = [{"index": 7, "scene": scene.to_json()} for scene in scenes]
    (tmp_path / "journal.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    assert read_scenes(tmp_path / "journal.jsonl") == scenes
    pd.DataFrame(rows).to_parquet(tmp_path / "scenes.parquet")
    assert read_scenes(tmp_path / "scenes.parquet") == scenes
    job = listed_job(scenes)
    assert [job.draw(index, 5) for index in range(3)] == scenes
    assert job.config.min_skin_share == 0
    assert len(set(scene_hashes(job))) == 3


def bad(scene: Scene, **changes: object) -> Scene:
    return dataclasses.replace(scene, people=(dataclasses.replace(scene.people[0], **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no scenes"),
        ("{", "line 1 is not JSON"),
        ('{"index": 3}', "scene 1: not a scene of this version"),
        ("[1]", "scene 1: not a scene of this version"),
        (bad(plain_scene(0), garments=()).to_json(), "the underwear that everybody wears (see briefs)"),
        (plain_scene(0).to_json().replace('"age": 0.7', '"age": 0.3'), "expected adults only"),
        (plain_scene(0).to_json().replace('"age": 0.7', '"age": "0.7"'), "expected adults only"),
        (plain_scene(0).to_json().replace('"age": 0.7', '"age": NaN'), "NaN is no number"),
        (plain_scene(0).to_json().replace('"theta": 4.7', '"theta": 1e999'), "1e999 is no number"),
        ("[" * 100_000, "is not JSON"),
        (plain_scene(0).to_json().replace('"shirt"', '"cape"'), "see cape"),
        (plain.plain_scene(0).to_json(), "resolution is 8, expected a whole number from 16 to 4096"),
    ],
)
def test_bad_scenes_are_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = tmp_path / "scenes.jsonl"
    path.write_text(text)
    out = tmp_path / "set"
    assert cli.main(["render", "--scenes", str(path), "--out", str(out), "--no-wandb"]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert str(path) in printed
    assert not out.exists()


def test_options_that_go_against_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_lines(tmp_path / "scenes.jsonl", [plain_scene(0)])
    assert cli.main(["render", "--scenes", str(path), "--seed", "1", "--out", str(tmp_path / "set")]) == 2
    assert "a given scene is complete" in capsys.readouterr().err
    photo = dataclasses.replace(plain_scene(0).room.walls, texture="photo", photo="a.jpg", photo_hash="0")
    scene = plain_scene(0)
    scene = dataclasses.replace(scene, room=dataclasses.replace(scene.room, walls=photo))
    with pytest.raises(UserError, match=r"scene 1: shows a photograph.*--backgrounds"):
        render_scenes([scene], 1, tmp_path / "set", progress=False)


@pytest.mark.slow
def test_a_list_is_rendered_extended_verified_and_no_other(
    tmp_path: Path, stand_in: None, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = [plain_scene(index, attempt=2) for index in (5, 3, 4)]
    path, out = write_lines(tmp_path / "scenes.jsonl", scenes), tmp_path / "set"
    assert (
        cli.main(["render", "--scenes", str(path), "--count", "2", "--workers", "1", "--out", str(out)]) == 0
    )
    assert "2 frames, 2 of them new" in capsys.readouterr().out
    report = render_scenes(scenes, 1, out, progress=False)
    assert (report.frames, report.rendered) == (3, 1)
    # Fewer than there are: nothing to do, and nothing is lost.
    assert render_scenes(scenes[:1], 1, out, progress=False).frames == 3
    table = pd.read_parquet(out / "scenes.parquet")
    assert [Scene.from_json(text) for text in table["scene"]] == scenes
    assert yaml.safe_load((out / "generator.yaml").read_text())["scenes"] == scene_hashes(listed_job(scenes))
    assert "their scenes were given" in (out / "README.md").read_text()

    with pytest.raises(UserError, match=r"scene 2 of the set is another one"):
        render_scenes([scenes[0], scenes[2]], 1, out, progress=False)
    with pytest.raises(UserError, match=r"holds a set of given scenes"):
        renderer.render_set(GeneratorConfig(min_skin_share=0.0), 3, 0, 1, out, progress=False)

    before = (out / "images" / "000001.png").read_bytes()
    (out / "images" / "000001.png").write_bytes(b"")
    checked = verify_set(out, 1, progress=False)
    assert list(checked.damaged) == [1]
    assert not checked.different
    assert (out / "images" / "000001.png").read_bytes() == before


@pytest.mark.slow
def test_given_scenes_are_the_frames_of_their_set(tmp_path: Path) -> None:
    """Blender itself: a scene that was drawn and one in another tone."""
    from skinseg.probing.tone import in_tone

    config = GeneratorConfig(
        resolution=64, samples=1, p_second=0.0, p_things=0.0, tones={"II": 1.0}, track={"face": 1.0}
    )
    renderer.render_set(config, 1, 0, 1, tmp_path / "drawn", progress=False)
    drawn = read_scenes(tmp_path / "drawn" / "scenes.parquet")[0]
    render_scenes([drawn, in_tone(drawn, 6)], 1, tmp_path / "given", progress=False)
    first = (tmp_path / "given" / "images" / "000000.png").read_bytes()
    assert first == (tmp_path / "drawn" / "images" / "000000.png").read_bytes()
    table = pd.read_parquet(tmp_path / "given" / "scenes.parquet")
    assert table["fitzpatrick"].tolist() == [2, 6]
    assert table["mask_sha256"].nunique() == 1  # nothing but the colour of the skin is another
    assert table["image_sha256"].nunique() == 2
    assert draw_scene(config, 0, 0, drawn.attempt) == drawn
