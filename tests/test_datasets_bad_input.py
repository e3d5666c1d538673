"""What is wrong with a user's files is said in one sentence: the file, what was found, what to do."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from tests import fakes


def complaint(name: str, root: Path) -> str:
    """The sentence that opening and reading the dataset ends in."""
    with pytest.raises(UserError) as caught:
        list(open_dataset(name, root))
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_missing_and_empty_data_root(tmp_path: Path) -> None:
    for root, found in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "is empty")):
        for call in (find_datasets, lambda folder: open_dataset("ecu", folder)):
            with pytest.raises(UserError, match=found) as caught:
                call(root)
            assert f"DATA_ROOT {root}" in str(caught.value)


def test_unknown_name_lists_the_valid_ones(tmp_path: Path) -> None:
    sentence = complaint("ecuu", tmp_path)
    assert "'ecuu'" in sentence
    assert "ecu, hgr, sfa, abdomen, pratheepan, rendered" in sentence


def test_not_found_says_what_was_looked_for(tmp_path: Path) -> None:
    fakes.make_ecu(tmp_path / "ecu", 2)
    sentence = complaint("sfa", tmp_path)
    assert str(tmp_path) in sentence
    assert "ORI/" in sentence
    assert "scenes.parquet" in complaint("rendered", tmp_path)


def test_root_without_any_dataset(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("no dataset")
    with pytest.raises(UserError, match="none of the datasets ecu, hgr, sfa, abdomen, pratheepan"):
        find_datasets(tmp_path)


def test_folder_without_its_masks(tmp_path: Path) -> None:
    fakes.make_ecu(tmp_path / "ecu", 2)
    shutil.rmtree(tmp_path / "ecu" / "skin_masks")
    assert "folder skin_masks/ is missing" in complaint("ecu", tmp_path)
    with pytest.raises(UserError, match="skin_masks/ is missing"):
        find_datasets(tmp_path)


def test_folder_without_its_images(tmp_path: Path) -> None:
    fakes.make_ecu(tmp_path / "ecu", 2)
    shutil.rmtree(tmp_path / "ecu" / "origin_images")
    assert "does not hold origin_images/" in complaint("ecu", tmp_path)


def test_empty_image_folder(tmp_path: Path) -> None:
    for folder in ("origin_images", "skin_masks"):
        (tmp_path / folder).mkdir()
    assert "no images found" in complaint("ecu", tmp_path)


def test_image_without_mask_and_the_reverse(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path, 3)
    (root / "skin_masks" / "im00002.png").unlink()
    sentence = complaint("ecu", root)
    assert "1 images have no mask (im00002)" in sentence
    (root / "origin_images" / "im00002.jpg").unlink()
    (root / "origin_images" / "im00003.jpg").unlink()
    assert "1 masks have no image (im00003)" in complaint("ecu", root)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path, 2)
    shutil.copy(root / "origin_images" / "im00001.jpg", root / "origin_images" / "im00001.jpeg")
    assert "both im00001.jpeg and im00001.jpg found" in complaint("ecu", root)


def test_two_copies_of_a_dataset(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        fakes.make_ecu(tmp_path / copy, 2)
    assert "expected one copy" in complaint("ecu", tmp_path)
    (tmp_path / "one").rename(tmp_path / "ECU")
    assert open_dataset("ecu", tmp_path).root == tmp_path / "ECU"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ecu", "origin_images/im00001.jpg"),
        ("ecu", "skin_masks/im00001.png"),
        ("hgr", "hgr1_skin/skin_masks/0_P_hgr1_id01_1.bmp"),
        ("sfa", "GT/img (1).jpg"),
    ],
)
@pytest.mark.parametrize("kept", [0.0, 0.5, None])
def test_files_that_do_not_decode(name: str, file: str, kept: float | None, tmp_path: Path) -> None:
    root = fakes.MAKERS[name][0](tmp_path, 2)
    path = root / file
    whole = path.read_bytes()
    path.write_bytes(b"<html>404</html>" if kept is None else whole[: int(len(whole) * kept)])
    sentence = complaint(name, root)
    assert str(path) in sentence
    assert "does not decode" in sentence or "cut off" in sentence


def test_mask_of_another_size(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path, 2)
    fakes.write(root / "skin_masks" / "im00002.png", np.zeros((10, 20), np.uint8))
    sentence = complaint("ecu", root)
    assert "im00002.png: 20x10 pixels found, expected 96x72" in sentence


@pytest.mark.parametrize("name", ["ecu", "hgr", "abdomen", "pratheepan"])
def test_mask_that_is_a_grey_photograph(name: str, tmp_path: Path) -> None:
    root = fakes.MAKERS[name][0](tmp_path, 4)
    item = open_dataset(name, root).items[0]
    height, width = fakes.fake(0).skin.shape if name != "abdomen" else (64, 64)
    fakes.write(item.mask_path, np.full((height, width), 128, np.uint8))
    sentence = complaint(name, root)
    assert str(item.mask_path) in sentence
    assert "100% of its pixels are neither black nor white" in sentence


@pytest.mark.parametrize(("name", "mask"), [("ecu", "skin_masks/im00001.png"), ("sfa", "GT/img (1).jpg")])
def test_cut_out_of_another_image(name: str, mask: str, tmp_path: Path) -> None:
    root = fakes.MAKERS[name][0](tmp_path, 2)
    other = np.empty((fakes.HEIGHT, fakes.WIDTH, 3), np.uint8)
    other[:] = (20, 240, 90)
    fakes.write(root / mask, other)
    sentence = complaint(name, root)
    assert str(root / mask) in sentence
    assert "expected a cut-out of the image on" in sentence


def test_hgr_name_without_subject(tmp_path: Path) -> None:
    root = fakes.make_hgr(tmp_path, 2)
    for path in root.rglob("0_P_hgr1_id01_1.*"):
        path.rename(path.with_stem("holiday"))
    assert "file name holiday names no subject" in complaint("hgr", root)


def test_rendered_set_with_a_lost_frame(tmp_path: Path) -> None:
    root = fakes.make_rendered(tmp_path, 3)
    for folder in ("images", "masks"):
        (root / folder / "000001.png").unlink()
    assert "1 of 3 frames of scenes.parquet lack an image (000001)" in complaint("rendered", root)


def test_rendered_set_with_a_foreign_table_or_label(tmp_path: Path) -> None:
    root = fakes.make_rendered(tmp_path, 3)
    fakes.write(root / "masks" / "000000.png", np.full((64, 64), 77, np.uint8))
    assert "label 77 found, expected classes 0 to" in complaint("rendered", root)
    pd.DataFrame({"colour": [1]}).to_parquet(root / "scenes.parquet")
    assert "no table with the columns image and fitzpatrick" in complaint("rendered", root)
    (root / "scenes.parquet").write_bytes(b"PAR1")
    assert "no table with the columns" in complaint("rendered", root)
