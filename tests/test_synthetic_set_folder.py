"""A set's folder: whose it is, that nothing half gets in, and what `--verify` finds and repairs."""

import errno
import hashlib
import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from skinseg.errors import UserError
from skinseg.source import one_hash
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.label_image import PALETTE, encode_labels, read_labels
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.rendering import lanes, renderer, set_folder
from skinseg.synthetic.rendering.claim import SEAL, check_claim, claim, sealed
from skinseg.synthetic.rendering.frames import Frame
from skinseg.synthetic.rendering.renderer import render_job, verify_set
from skinseg.synthetic.rendering.set_folder import SetFolder, disk_errors, locked
from skinseg.synthetic.room.backgrounds import Photos
from tests.stand_in import CONFIG, PlainJob, read_plain_job, write_script

JOB = PlainJob(CONFIG, 0)


def stand_in(folder: Path, patch: pytest.MonkeyPatch) -> None:
    command = write_script(folder / "stand_in.py")
    patch.setattr(renderer, "find_worker_command", lambda: command)
    patch.setattr(lanes, "PRELOAD", [])


@pytest.fixture(scope="module")
def plain_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of five plain frames."""
    folder = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as patch:
        stand_in(folder, patch)
        render_job(JOB, 5, 2, folder / "set", progress=False)
    return folder / "set"


@pytest.fixture
def finished(plain_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and the worker that made it in place of Blender."""
    stand_in(tmp_path, monkeypatch)
    return shutil.copytree(plain_set, tmp_path / "set")


def verify(out: Path, **more: Any) -> renderer.VerifyReport:
    return verify_set(out, workers=1, progress=False, job_of=read_plain_job, **more)


def frame(index: int) -> Frame:
    row = {"index": index, "image": f"{index:06d}.png", "attempt": 0, "skin_share": 0.5, "gain": 1.0}
    row |= {"image_sha256": "a", "mask_sha256": "b", "scene": "{}"}
    return Frame(row, b"image", b"mask", 0)


def test_a_mask_shows_colours_and_holds_indices(tmp_path: Path) -> None:
    labels = np.arange(9, dtype=np.uint8).reshape(3, 3)
    path = tmp_path / "mask.png"
    path.write_bytes(encode_labels(labels))
    np.testing.assert_array_equal(read_labels(path), labels)
    shown = np.asarray(Image.open(io.BytesIO(encode_labels(labels))).convert("RGB"))
    assert tuple(shown[2, 2]) == PALETTE[PartClass.ACCESSORY]
    assert cv2.imread(str(path)).shape == (3, 3, 3)
    assert encode_labels(labels) == encode_labels(labels.copy(order="F"))


def test_what_is_no_mask_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    with pytest.raises(UserError, match="cannot be read"):
        read_labels(path)
    path.write_bytes(encode_labels(np.ones((64, 64), np.uint8))[:60])
    with pytest.raises(UserError, match=r"mask\.png: .*--verify"):
        read_labels(path)
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UserError, match="mode RGB found, expected one of class indices"):
        read_labels(path)
    cv2.imwrite(str(path), np.full((4, 4), 77, np.uint8))
    with pytest.raises(UserError, match="label 77 found, expected classes 0 to 8"):
        read_labels(path)


def test_another_seed_configuration_or_photographs_in_a_folder_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "set"
    out.mkdir()
    claim(out, JOB)
    claim(out, JOB)
    with pytest.raises(UserError, match=r"seed 0, asked for 1.*continue with --seed 0"):
        claim(out, PlainJob(CONFIG, 1))
    with pytest.raises(UserError, match="set with configuration"):
        claim(out, PlainJob(GeneratorConfig(resolution=97), 0))
    photos = Photos(tmp_path, ("a.jpg", "b.jpg"), ("0" * 12, "1" * 12))
    with pytest.raises(UserError, match="number of photographs 0, asked for 2"):
        claim(out, PlainJob(CONFIG, 0, photos))
    other = tmp_path / "other"
    other.mkdir()
    claim(other, PlainJob(CONFIG, 0, photos))
    claim(other, PlainJob(CONFIG, 0, Photos(tmp_path / "moved", photos.names, photos.hashes)))
    with pytest.raises(UserError, match=r"set with photographs .*--backgrounds"):
        claim(other, PlainJob(CONFIG, 0, Photos(tmp_path, photos.names, ("0" * 12, "2" * 12))))


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"not empty and has no generator\.yaml"):
        render_job(JOB, 1, 1, tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / "generator.yaml").write_text("seed: 0\nconfig_hash: 1\nconfig: {}\n")
    with pytest.raises(UserError, match="older skinseg may have written it"):
        check_claim(tmp_path, JOB)
    (tmp_path / "generator.yaml").write_text("seed: [")
    with pytest.raises(UserError, match=r"generator\.yaml: cannot be read"):
        check_claim(tmp_path, JOB)


def test_one_render_at_a_time_writes_to_a_set(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(UserError, match="another `skinseg render` is writing"):
        render_job(JOB, 1, 1, tmp_path, progress=False)
    with locked(tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("write", [4, 5, 6], ids=["image", "mask", "journal"])
def test_a_full_disk_keeps_what_is_finished(
    finished: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    writes = 0

    def filling(file: Any) -> None:
        nonlocal writes
        writes += 1
        if writes >= write:
            file.write(b"half")
            file.flush()
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(set_folder, "_to_disk", filling)
        with pytest.raises(UserError, match=r"set: no space left on its disk.*same command again"):
            render_job(JOB, 9, 1, finished, progress=False)
    assert len(pd.read_parquet(finished / "scenes.parquet")) == 6
    assert render_job(JOB, 9, 1, finished, progress=False).frames == 9
    assert verify(finished).damaged == {}


def test_what_a_disk_refuses_gets_a_sentence_and_bugs_do_not(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written to"), disk_errors(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "nowhere").read_bytes()


def test_a_row_leads_nowhere_but_to_its_own_file(tmp_path: Path) -> None:
    folder = SetFolder(tmp_path)
    for index in (0, 1, 1):
        folder.add(frame(index))
    with (tmp_path / "scenes.jsonl").open("ab") as journal:
        journal.write(json.dumps(frame(2).row | {"image": "../../etc/passwd"}).encode() + b"\n")
        journal.write(b'[]\n"\xff\xfe\n{"index": 3}\n' + json.dumps(frame(4).row).encode()[:-5])
    again = SetFolder(tmp_path)
    assert list(again.rows) == [0, 1]
    assert len((tmp_path / "scenes.jsonl").read_text().splitlines()) == 2


@pytest.mark.slow
def test_verify_finds_and_repairs(finished: Path) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*.png")}
    assert verify(finished).damaged == {}
    (finished / "images" / "000001.png").unlink()
    (finished / "masks" / "000003.png").write_bytes(before[finished / "masks" / "000002.png"])
    # The journal has lost a line, and a table can be written again.
    lines = (finished / "scenes.jsonl").read_text().splitlines()
    (finished / "scenes.jsonl").write_text("\n".join(lines[:-1]) + "\n")

    report = verify(finished)

    assert report.frames == 5
    assert report.damaged == {1: "images/000001.png is missing", 3: "masks/000003.png has changed"}
    assert report.different == []
    assert before == {path: path.read_bytes() for path in before}
    (finished / "scenes.parquet").write_bytes(b"PAR1")
    assert verify(finished).frames == 5
    assert len(pd.read_parquet(finished / "scenes.parquet")) == 5


@pytest.mark.slow
def test_verify_says_where_frames_come_out_otherwise(finished: Path, tmp_path: Path) -> None:
    (finished / "images" / "000002.png").unlink()
    write_script(tmp_path / "stand_in.py", "index += 1")  # as another Blender would
    assert verify(finished).different == [2]
    assert verify(finished).damaged == {}


@pytest.mark.slow
def test_verify_does_not_mix_code_settings_or_photographs(finished: Path) -> None:
    path = finished / "generator.yaml"
    record = yaml.safe_load(path.read_text())
    files = record["files"] | {"synthetic/mesh.py": "0" * 16, "synthetic/gone.py": "1" * 16}
    older = record["config"] | {"old": 1}
    digest = hashlib.sha256(json.dumps(older, sort_keys=True).encode()).hexdigest()[:12]
    other = {"code": one_hash(files), "files": files, "config": older, "config_hash": digest}
    path.write_text(yaml.safe_dump(sealed(record | other)))
    assert verify(finished).damaged == {}  # nothing has to be rendered
    (finished / "masks" / "000000.png").unlink()
    with pytest.raises(
        UserError,
        match=rf"1 frames are damaged \(masks/000000.png is missing\).*code {one_hash(files)}; here "
        rf"{record['code']}; other synthetic/gone.py, synthetic/mesh.py\).*continue with .*--out another",
    ):
        verify(finished)
    path.write_text(yaml.safe_dump(record | {"config": {"samples": 99}}))
    with pytest.raises(UserError, match="was changed since the set was rendered"):
        verify(finished)
    photographs = {"photographs": 3, "photographs_hash": "0123456789ab"}
    path.write_text(yaml.safe_dump(sealed(record | photographs)))
    with pytest.raises(UserError, match=r"number of photographs 3, asked for 0.*--backgrounds"):
        verify(finished)
    path.write_text(yaml.safe_dump(record))
    assert list(verify(finished).damaged) == [0]
    for name in ("scenes.jsonl", "scenes.parquet"):
        (finished / name).unlink()
    with pytest.raises(UserError, match=r"neither scenes\.jsonl nor scenes\.parquet"):
        verify(finished)


CHANGES: list[dict[str, Any]] = [
    {"skinseg": "9.9"},
    {"code": "0123456789ab"},
    {"seed": 1},
    {"seed": "0"},
    {"config_hash": "0123456789ab"},
    {"photographs": 1},
    {"photographs_hash": "0123456789ab"},
    {"files": {}},
    {"files": []},
    {"config": []},
    {"config": {}},
    {"scenes": ["0123456789ab"] * 5},
    {"more": 1},
]


@pytest.mark.slow
def test_verify_tells_changed_settings_and_bad_rows(finished: Path) -> None:
    path = finished / "generator.yaml"
    record = yaml.safe_load(path.read_text())
    config = record["config"]
    changes = [*CHANGES, {"config": config | {"samples": 4}}, {"files": record["files"] | {"a.py": "0" * 16}}]
    without = {key: value for key, value in record.items() if key != SEAL}
    for change in changes:
        path.write_text(yaml.safe_dump(record | change))
        with pytest.raises(UserError, match=r"generator\.yaml: was changed since the set was rendered"):
            verify(finished)
        if not change.keys() & {
            "skinseg",
            "more",
        }:  # of a record of before there were hashes, nothing tells these
            path.write_text(yaml.safe_dump(without | change))
            with pytest.raises(UserError, match=r"generator\.yaml: was changed since the set was rendered"):
                verify(finished)
    path.write_text(yaml.safe_dump(without))
    assert verify(finished).damaged == {}

    journal = finished / "scenes.jsonl"
    lines = journal.read_text().splitlines()
    first = json.loads(lines[0])
    for change in (
        {"skin_share": "much"}, {"attempt": None}, {"gain": [1]}, {"image_sha256": 5}, {"scene": {"seed": 0}},
        {"scene": "no JSON"}, {"scene": "[]"}, {"scene": '{"seed": 0}'}, {"scene": "null"},
    ):  # fmt: skip
        journal.write_text("\n".join([json.dumps(first | change), *lines[1:]]) + "\n")
        with pytest.raises(UserError, match=r"scenes\.jsonl.*restore the file, or remove"):
            verify(finished)
    for bad in (
        "[" * 100_000,
        '{"index": true}',
        "null",
        json.dumps(first | {"index": -1, "image": "-00001.png"}),
    ):
        journal.write_text("\n".join([bad, *lines]) + "\n")
        assert verify(finished).frames == 5


@pytest.mark.slow
def test_table_and_card_say_what_the_set_shows(finished: Path) -> None:
    table = pd.read_parquet(finished / "scenes.parquet")
    assert table["fitzpatrick"].tolist() == [1, 2, 3, 4, 5]
    assert table["clothed"].all()
    assert not table["outdoors"].any()
    assert {"seconds", "memory_mb", "platform"}.isdisjoint(table.columns)
    card = (finished / "README.md").read_text()
    lines = card.split("### Tone by framing")[1].split("## Limits")[0].split("\n| ")[1:]
    counts = [[int(cell) for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert lines[0].startswith(
        "Fitzpatrick group | abdomen | arm | back | face | hand | upper_body | whole |"
    )
    assert sum(map(sum, counts)) == 1000
    drawn = [draw_scene(CONFIG, JOB.seed, index) for index in range(40)]
    first = Counter(
        (scene.people[0].skin.fitzpatrick, scene.camera.track)
        for scene in drawn
        if scene.camera.track == "whole"
    )
    assert all(counts[tone - 1][6] >= count for (tone, _), count in first.items())
    for text in (
        "| 5 | 1 | 20.0% |",
        "| face | 5 | 100.0% |",
        "| dressed | 5 | 100.0% |",
        CONFIG.hash,
        "CC0",
    ):
        assert text in card
