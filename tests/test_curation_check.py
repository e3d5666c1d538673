"""`skinseg data check` and `list` as their user meets them: all of it, whatever is wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg.cli import main
from skinseg.curation.check import polarity_of
from skinseg.datasets.base import Dataset
from skinseg.datasets.hgr import Hgr
from skinseg.datasets.registry import PHOTOGRAPHS
from tests import fakes


def check(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Exit code and findings by dataset."""
    code = main(["data", "check", "--json", *map(str, arguments)])
    return code, {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_every_layout_is_found_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.make_all(tmp_path, 12)
    fakes.make_folder(tmp_path / "own", 12, table=True)
    code, found = check(capsys, tmp_path)
    assert code == 0
    assert list(found) == ["ecu", "hgr", "sfa", "abdomen", "pratheepan", "own"]
    for name, finding in found.items():
        assert finding["images"] == 12
        assert finding["wrong"] == finding["warnings"] == []
        assert finding["polarity"]["found"] == "as expected"
        assert finding["sizes"]["median"] == ([64, 64] if name == "abdomen" else [fakes.WIDTH, fakes.HEIGHT])
        assert 0.1 < finding["skin_share"]["mean"] < 0.4
        assert len(finding["split"]["hash"]) == 12
        assert sum(finding["split"]["images"].values()) == 12
        ((source, tones),) = finding["tones"].items()
        assert source == ("labelled" if name == "own" else "estimated")
        assert sum(tones.values()) == 12
    assert {name: finding["published"] for name, finding in found.items()} == {
        "ecu": 4000,
        "hgr": 1558,
        "sfa": 1118,
        "abdomen": 1400,
        "pratheepan": 78,
        "own": None,
    }
    assert sum(found["hgr"]["split"]["subjects"].values()) == 5
    assert found["ecu"]["split"]["subjects"] is None
    assert found["abdomen"]["split"]["source"] == "comes with the dataset"
    assert found["own"]["tones"]["labelled"] == {str(group): 2 for group in range(1, 7)}
    assert found["own"]["heads"] == ["skin", "person"]
    assert found["sfa"]["ignored_share"] > 0


def test_every_bad_file_is_named_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = fakes.make_all(tmp_path, 12)
    ecu, hgr = root / "ecu", root / "hgr"
    (ecu / "skin_masks" / "im00001.png").unlink()
    (ecu / "origin_images" / "im00002.jpg").unlink()
    shutil.copy(ecu / "origin_images" / "im00003.jpg", ecu / "origin_images" / "im00003.PNG")
    photo = ecu / "origin_images" / "im00004.jpg"
    photo.write_bytes(photo.read_bytes()[:-500])
    (ecu / "origin_images" / "im00005.jpg").write_bytes(b"")
    fakes.write(ecu / "skin_masks" / "im00006.png", np.full((fakes.HEIGHT, fakes.WIDTH), 128, np.uint8))
    fakes.write(ecu / "skin_masks" / "im00007.png", np.zeros((10, 10), np.uint8))
    fakes.write(ecu / "skin_masks" / "im00008.png", np.zeros((fakes.HEIGHT, fakes.WIDTH), np.uint8))
    (ecu / "tones.csv").write_text("image,tone\nim00009,7\n")
    for path in list(hgr.rglob("0_P_hgr1_id01_1.*")):
        path.rename(path.with_stem("holiday"))
    shutil.rmtree(root / "SFA" / "GT")
    fakes.make_pratheepan(root / "second")
    code, found = check(capsys, root)
    assert code == 2
    assert list(found) == ["ecu", "hgr", "sfa", "abdomen", "pratheepan"]

    wrong: dict[str, str] = {}
    for entry in found["ecu"]["wrong"]:
        wrong.setdefault(Path(entry["file"]).name, entry["reason"])
    expected = {
        "im00001.jpg": "no file of the same name in",
        "im00002.png": "no file of the same name in",
        "im00003.PNG": "both im00003.PNG and im00003.jpg found",
        "im00003.jpg": "both im00003.PNG and im00003.jpg found",
        "im00003.png": "no file of the same name in",
        "im00004.jpg": "the JPEG is cut off",
        "im00005.jpg": "does not decode as an image (0 bytes)",
        "im00006.jpg": "100% of its pixels are neither black nor white",
        "im00007.jpg": "10x10 pixels found, expected 96x72",
        "tones.csv": "tone '7' of im00009",
    }
    for name, reason in expected.items():
        assert reason in wrong[name]
    assert wrong.keys() == expected.keys()
    assert found["ecu"]["images"] == 5
    ((warning),) = found["ecu"]["warnings"]
    assert warning["file"].endswith("im00008.png")
    assert "no skin in it" in warning["reason"]

    ((flaw),) = found["hgr"]["wrong"]
    assert "names no subject" in flaw["reason"]
    assert found["hgr"]["images"] == 11
    assert "folder GT/ is missing" in found["sfa"]["wrong"][0]["reason"]
    assert found["abdomen"]["wrong"] == []

    assert main(["data", "check", str(root)]) == 2
    printed = capsys.readouterr().out
    for name in (*expected, "im00008.png", "holiday", "GT/ is missing"):
        assert name in printed


def test_inverted_masks_are_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.make_hgr(tmp_path / "hgr", 12)
    assert check(capsys, tmp_path)[1]["hgr"]["polarity"]["found"] == "as expected"
    monkeypatch.setattr(Hgr, "masks", Dataset.masks)  # as if white were skin
    code, found = check(capsys, tmp_path)
    assert code == 0
    assert found["hgr"]["polarity"]["found"] == "inverted"
    ((warning),) = found["hgr"]["warnings"]
    assert "masks look inverted (black is skin expected)" in warning["reason"]


@pytest.mark.parametrize(
    ("colour", "border", "found"),
    [
        (0.7, 0.0, "as expected"),
        (0.7, 0.9, "as expected"),  # a face that fills the frame
        (-0.7, 0.1, "inverted"),
        (0.05, 0.1, "as expected"),  # grey photographs: people are in the middle
        (0.0, 0.9, "inverted"),
        (-0.05, 0.5, "unclear"),
    ],
)
def test_colours_decide_and_the_border_where_they_do_not(colour: float, border: float, found: str) -> None:
    assert polarity_of(colour, border) == found


def test_a_rendered_set_is_checked_in_its_own_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fakes.make_rendered(tmp_path / "set", 12)
    (root / "masks" / "000003.png").unlink()
    code, found = check(capsys, root)
    assert code == 2
    assert found["rendered"]["images"] == 11
    assert found["rendered"]["heads"] == ["skin", "person", "hair"]
    assert found["rendered"]["labels"]["lips"] == "background"
    ((flaw),) = found["rendered"]["wrong"]
    assert "000003.png" in flaw["file"]


def test_the_users_split_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.make_ecu(tmp_path / "ecu", 12)
    table = tmp_path / "mine.csv"
    table.write_text("image,part\nim00001,test\nim00002,train\nim00003,train\n")
    _, found = check(capsys, tmp_path, "--split", table)
    assert found["ecu"]["split"]["images"] == {"train": 1, "validation": 1, "test": 1}
    assert found["ecu"]["split"]["source"] == "file mine.csv"
    fakes.make_sfa(tmp_path / "SFA", 12)
    assert main(["data", "check", str(tmp_path), "--split", str(table)]) == 2
    assert "expected a column dataset" in capsys.readouterr().err


def test_the_list_tells_of_all_five(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    printed = capsys.readouterr().out
    for kind in PHOTOGRAPHS:
        for fact in (kind.title, kind.offer, kind.terms, kind.citation, str(kind.published), *kind.layout):
            assert fact
            assert fact in printed
    assert "Any folder of your own" in printed
