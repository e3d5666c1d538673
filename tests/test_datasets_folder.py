"""Any folder of pairs: by names, or by a table; and what is wrong with one in a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skinseg.data.splits import make_split
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from tests import fakes


def test_images_and_masks_pair_by_name(tmp_path: Path) -> None:
    dataset = open_dataset("folder", fakes.make_folder(tmp_path / "holiday 2024", 4))
    assert dataset.name == "holiday 2024"
    assert dataset.items[0].image_id == "My photo (1) [crop]"
    np.testing.assert_array_equal(dataset[0].masks["skin"], fakes.fake(0).skin)
    assert dataset[0].dataset == "holiday 2024"


def test_a_table_names_people_tones_and_splits(tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "studio", 16, table=True)
    for given in (root, root / "pairs.csv"):
        dataset = open_dataset("folder", given)
        assert dataset.name == ("studio" if given is root else "pairs")
        by_id = {item.image_id: item for item in dataset.items}
        assert next(iter(by_id)) == "images/My photo (1) [crop]"
        assert [item.tone for item in dataset.items] == [fakes.fake(i).tone for i in range(16)]
        first, second = dataset[0], dataset[1]
        assert second.masks.keys() == {"skin"}
        assert first.masks.keys() == {"skin", "person"}
        np.testing.assert_array_equal(first.masks["skin"], fakes.fake(0).skin)
        assert first.masks["person"].sum() > first.masks["skin"].sum()
        split = make_split(dataset)
        assert split.source == "comes with the dataset"
        assert len(split.train) == 8
        assert len(split.validation) == len(split.test) == 4


def own_masks(tmp_path: Path, *masks: np.ndarray | Image.Image) -> Path:
    """A folder of photographs with these masks, written as they are."""
    root = tmp_path / "own"
    (root / "masks").mkdir(parents=True)
    for number, mask in enumerate(masks):
        picture = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
        fakes.write(
            root / "images" / f"{number}.jpg", fakes.fake(number, picture.height, picture.width).image
        )
        picture.save(root / "masks" / f"{number}.png")
    return root


def halves(left: int, right: int, dtype: type = np.uint8) -> np.ndarray:
    levels = np.full((20, 30), left, dtype)
    levels[:, 15:] = right
    return levels


def palette(mask: np.ndarray, *colours: tuple[int, int, int]) -> Image.Image:
    picture = Image.fromarray(mask, "P")
    picture.putpalette([value for colour in colours for value in colour])
    return picture


def many_labels(ignored: int) -> np.ndarray:
    """0 to 18, as of a face's parts, and one more."""
    labels = np.repeat(np.arange(20, dtype=np.uint8), 60).reshape(40, 30)
    labels[-2:] = ignored
    return labels


def in_blue(level: int) -> np.ndarray:
    return np.dstack([halves(0, 0), halves(0, 0), halves(0, level)])


def alpha_only() -> Image.Image:
    picture = Image.new("RGBA", (30, 20))
    picture.putalpha(Image.fromarray(halves(0, 255)))
    return picture


def one_level_is_air(mask: np.ndarray | Image.Image) -> Image.Image:
    """Level or index 0 (of a palette) or 255 is transparent, without an alpha channel."""
    picture = Image.fromarray(mask) if isinstance(mask, np.ndarray) else mask
    picture.info["transparency"] = 0 if picture.mode == "P" else 255
    return picture


@pytest.mark.parametrize(
    ("masks", "left", "right"),
    [
        ((halves(0, 255), halves(0, 0)), 0, 1),
        ((halves(0, 1), halves(1, 1)), 0, 1),
        ((halves(0, 1), halves(1, 255)), 0, 1),
        ((halves(0, 255), halves(0, 1), halves(1, 255)), 0, 255),  # 255 beside 0 and 1 is the ignored
        ((halves(0, 1, np.uint16), halves(0, 0, np.uint16)), 0, 1),
        ((halves(0, 65535, np.uint16),), 0, 1),
        ((halves(0, 255, np.uint16),), 0, 1),
        ((halves(0, 128), halves(0, 0)), 0, 1),
        ((palette(halves(0, 1), (0, 0, 0), (255, 255, 255)),), 0, 1),
        ((palette(halves(1, 0), (255, 255, 255), (0, 0, 0)),), 0, 1),
        ((halves(255, 255), halves(255, 255)), 1, 1),
    ],
)
def test_the_levels_of_all_masks_say_what_one_means(
    masks: tuple[np.ndarray, ...], left: int, right: int, tmp_path: Path
) -> None:
    skin = open_dataset("folder", own_masks(tmp_path, *masks))[0].masks["skin"]
    assert skin is not None
    assert (skin[:, :15] == left).all()
    assert (skin[:, 15:] == right).all()


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ((halves(1, 2), halves(2, 2)), r"levels 1, 2 found .*--labels 1=background,2=skin"),
        ((halves(0, 1), halves(1, 2)), r"levels 0, 1, 2 found"),
        ((halves(1, 2, np.uint16),), r"levels 1, 2 found"),
        ((halves(0, 128), halves(128, 255)), r"levels 0, 128, 255 found"),
        ((halves(0, 1), halves(0, 255)), r"levels 0, 1, 255 found"),  # labels here, black and white there
        ((halves(0, 255), halves(0, 65535, np.uint16)), r"some of 8 bits and some of 16"),
        ((palette(halves(0, 1), (0, 0, 0), (128, 0, 0)),), r"coloured.*palette.*--labels"),
        ((np.dstack([halves(0, 128), halves(0, 0), halves(0, 0)]),), r"50\.0% of its pixels are coloured"),
        ((alpha_only(),), r"all of its shape in the alpha channel"),
        ((one_level_is_air(halves(255, 254)),), r"levels 254, 255 found"),
        (
            (one_level_is_air(palette(halves(0, 1), (255, 255, 255), (255, 255, 255))),),
            r"in the alpha channel",
        ),
        ((np.tile(np.arange(30, dtype=np.uint8) * 8, (20, 1)),), r"neither black nor white"),
        ((many_labels(18),), r"areas of the levels 0, 1, 2, .* found, expected black and white"),
        ((many_labels(255),), r"areas of the levels 0, 1, 2, .* found, expected black and white"),
        ((np.tile(np.arange(30, dtype=np.uint8), (20, 1)),), r"levels up to 29 found"),
        ((in_blue(1),), r"50\.0% of its pixels are coloured"),
        ((in_blue(60),), r"50\.0% of its pixels are coloured"),
    ],
)
def test_levels_that_leave_it_open_are_refused_by_name(
    masks: tuple[np.ndarray, ...], said: str, tmp_path: Path
) -> None:
    dataset = open_dataset("folder", own_masks(tmp_path, *masks))
    with pytest.raises(UserError, match=said):
        dataset[0]


@pytest.mark.parametrize(
    ("suffix", "made", "said"),
    [
        # What Pillow alone would cut to its upper eight bits, take for another first channel, or round to nothing.
        ("png", lambda: np.dstack([halves(0, 1, np.uint16)] * 3), None),
        ("tif", lambda: np.dstack([halves(0, 1, np.uint16)] * 3), None),
        ("png", lambda: np.dstack([halves(0, 65535, np.uint16)] * 3), None),
        ("tif", lambda: Image.fromarray(halves(0, 255)).convert("RGB").convert("CMYK"), None),
        ("tif", lambda: Image.fromarray(halves(0, 1).astype(np.float32)), None),
        ("webp", lambda: Image.fromarray(halves(0, 255)).convert("RGB"), None),
        ("tif", lambda: Image.fromarray(halves(0, 1).astype(np.float32) / 2), "levels run from 0 to 0.5"),
        ("tif", lambda: Image.fromarray(halves(0, 1).astype(np.float32) * np.nan), "levels run from nan"),
        ("tif", lambda: Image.fromarray(halves(0, 1).astype(np.int32) * 65536), "levels run from 0 to 65536"),
        ("tif", lambda: Image.fromarray(halves(0, 1).astype(np.int32) - 1), "levels run from -1 to 0"),
    ],
)
def test_any_depth_and_mode_of_a_mask_is_read_right_or_refused(
    suffix: str, made: Callable[[], Any], said: str | None, tmp_path: Path
) -> None:
    root = own_masks(tmp_path, halves(0, 255))
    (root / "masks" / "0.png").unlink()
    mask = made()
    if isinstance(mask, np.ndarray):  # Pillow cannot write it
        assert cv2.imwrite(str(root / "masks" / f"0.{suffix}"), mask)
    else:
        mask.save(root / "masks" / f"0.{suffix}", lossless=True)
    dataset = open_dataset("folder", root)
    if said is not None:
        with pytest.raises(UserError, match=said):
            dataset[0]
        return
    np.testing.assert_array_equal(dataset[0].masks["skin"], halves(0, 1))


def test_what_the_user_says_of_levels_is_not_said_of_colours(tmp_path: Path) -> None:
    labels = {"0": "background", "1": "skin"}
    for number, mask in enumerate((in_blue(1), alpha_only())):
        with pytest.raises(UserError, match=r"coloured|alpha channel"):
            open_dataset("folder", own_masks(tmp_path / str(number), mask), labels)[0]


@pytest.mark.parametrize(
    ("masks", "labels", "left", "right"),
    [
        ((halves(1, 2), halves(3, 2)), {"1": "skin", "2": "background", "3": "ignore"}, 1, 0),
        ((palette(halves(0, 1), (0, 0, 0), (128, 0, 0)),), {"0": "background", "1": "skin"}, 0, 1),
        ((halves(0, 300, np.uint16),), {"0": "skin", "300": "ignore"}, 1, 255),
    ],
)
def test_the_user_says_what_levels_mean(
    masks: tuple[np.ndarray, ...], labels: dict[str, str], left: int, right: int, tmp_path: Path
) -> None:
    dataset = open_dataset("folder", own_masks(tmp_path, *masks), labels)
    assert (dataset[0].masks["skin"][:, :15] == left).all()
    assert (dataset[0].masks["skin"][:, 15:] == right).all()
    assert all(f"{level}={choice}" in dataset.policy for level, choice in labels.items())
    few = dict(list(labels.items())[:1])
    with pytest.raises(UserError, match=r"levels? .*have no meaning; say what they mean"):
        open_dataset("folder", own_masks(tmp_path / "again", *masks), few)[0]


def test_folders_are_found_beside_published_datasets_and_told_apart(tmp_path: Path) -> None:
    fakes.make_ecu(tmp_path / "ecu", 4)
    fakes.make_rendered(tmp_path / "set", 4)
    for name in ("spring", "deep/autumn"):
        fakes.make_folder(tmp_path / name, 4)
    fakes.make_folder(tmp_path / "ecu" / "scraps", 4)  # inside another dataset: part of it
    assert [dataset.name for dataset in find_datasets(tmp_path)] == ["ecu", "spring", "autumn"]
    assert open_dataset("autumn", tmp_path).root == tmp_path / "deep" / "autumn"
    with pytest.raises(UserError, match=r"both .*spring and .*autumn|both .*scraps and"):
        open_dataset("folder", tmp_path)
    fakes.make_folder(tmp_path / "other" / "spring", 4)
    with pytest.raises(UserError, match="expected a name of its own"):
        find_datasets(tmp_path)


def test_a_folder_cannot_take_a_datasets_name(tmp_path: Path) -> None:
    fakes.make_folder(tmp_path / "rendered", 4)
    with pytest.raises(UserError, match="called as a dataset is"):
        find_datasets(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (
            "image",
            "images/photo-02.JPG",
            r"line 4: image images/photo-02.JPG is named a second time \(first on line 3\)|line 4",
        ),
        ("image", "", "line 3: image is empty, expected a path"),
        ("image", "/", "line 3: image / does not exist"),
        ("mask", "masks/none.png", "line 3: mask masks/none.png does not exist"),
        ("person", "none.png", "line 3: person none.png does not exist"),
        ("tone", "7", "line 3: tone '7' of images/photo-01.JPG, expected a Fitzpatrick group"),
        ("split", "holdout", "line 3: split 'holdout'"),
        ("split", "", "1 images have no split"),
        (
            "image",
            "images/../images/photo-02.JPG",
            "line 4: image images/photo-02.JPG is named a second time",
        ),
    ],
)
def test_a_bad_line_is_named(column: str, value: str, said: str, tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "own", 8, table=True)
    table = pd.read_csv(root / "pairs.csv", dtype=str, keep_default_na=False)
    table.loc[1, column] = value
    table.to_csv(root / "pairs.csv", index=False)
    with pytest.raises(UserError, match=said) as caught:
        open_dataset("folder", root)
    assert "pairs.csv" in str(caught.value)


def test_a_table_without_its_columns(tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "own", 3)
    (root / "pairs.csv").write_text("photo,mask\na,b\n")
    with pytest.raises(UserError, match="column image is missing"):
        open_dataset("folder", root)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,mask,mask\na,b,c\n", "two columns mask found, expected one of each name"),
        ("image,mask,subjct\na,b,c\n", "column subjct is not read, did you mean subject"),
        ("image,mask,subject\na,b,Smith, Ann\n", "line 2: 'Ann' is in no column, expected 3 values"),
        ("image,mask\n", "no line of data in it"),
        ("image,mask\n\n,\n", "no line of data in it"),
    ],
)
def test_a_table_of_another_form_is_refused(text: str, said: str, tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "own", 3)
    (root / "pairs.csv").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        open_dataset("folder", root)
    assert "pairs.csv" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["\ufeffimage,mask\n{}", "image , mask\r\n {} \r\n\r\n", "image,mask\r{}\r", "note,image,mask\nx,{},,"],
)
def test_a_table_as_other_programs_write_it_is_read(text: str, tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "own", 3)
    (root / "pairs.csv").write_text(text.format("images/photo-01.JPG,masks/photo-01.PNG"), newline="")
    assert [item.image_id for item in open_dataset("folder", root).items] == ["images/photo-01"]


def test_nothing_to_pair(tmp_path: Path) -> None:
    (tmp_path / "own" / "images").mkdir(parents=True)
    with pytest.raises(UserError, match=r"expected images/ and masks/, or pairs\.csv"):
        open_dataset("folder", tmp_path)
    (tmp_path / "own" / "masks").mkdir()
    with pytest.raises(UserError, match="no images found"):
        open_dataset("folder", tmp_path / "own")
