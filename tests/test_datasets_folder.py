"""Any folder of pairs: by names, or by a table; and what is wrong with one in a sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.data.splits import make_split
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from tests import fakes


def test_images_and_masks_pair_by_name(tmp_path: Path) -> None:
    dataset = open_dataset("folder", fakes.make_folder(tmp_path / "holiday 2024", 4))
    assert dataset.name == "holiday 2024"
    assert dataset.items[0].image_id == "My photo (1) [crop]"
    np.testing.assert_array_equal(dataset[0].skin, fakes.fake(0).skin)
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
        assert second.person is None
        assert first.person is not None
        assert first.skin is not None
        np.testing.assert_array_equal(first.skin, fakes.fake(0).skin)
        assert first.person.sum() > first.skin.sum()
        split = make_split(dataset)
        assert split.source == "comes with the dataset"
        assert len(split.train) == 8
        assert len(split.validation) == len(split.test) == 4


def test_a_mask_may_be_a_map_of_labels(tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "own", 3)
    fakes.write(root / "masks" / "photo-01.PNG", fakes.fake(1).skin.astype(np.uint8))
    np.testing.assert_array_equal(open_dataset("folder", root)[1].skin, fakes.fake(1).skin)


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


def test_nothing_to_pair(tmp_path: Path) -> None:
    (tmp_path / "own" / "images").mkdir(parents=True)
    with pytest.raises(UserError, match=r"expected images/ and masks/, or pairs\.csv"):
        open_dataset("folder", tmp_path)
    (tmp_path / "own" / "masks").mkdir()
    with pytest.raises(UserError, match="no images found"):
        open_dataset("folder", tmp_path / "own")
