"""Every reader on a fake in its publisher's layout: counts, types, polarity pixel by pixel."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from skinseg.datasets.base import Dataset, Part
from skinseg.datasets.registry import DATASETS, find_datasets, open_dataset
from skinseg.datasets.sample import IGNORE
from tests import fakes

COUNT = 8


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fakes.make_all(tmp_path_factory.mktemp("data"), COUNT)
    fakes.make_rendered(root / "set", COUNT)
    fakes.make_folder(root / "holiday", COUNT)
    return root


@pytest.mark.parametrize("name", DATASETS)
def test_reader_yields_the_sample_contract(name: str, data_root: Path) -> None:
    dataset = open_dataset(name, data_root)
    assert len(dataset) == len(dataset.items) == COUNT
    assert [item.image_id for item in dataset.items] == sorted({item.image_id for item in dataset.items})
    for i in range(len(dataset)):
        sample = dataset[i]
        height, width = sample.image.shape[:2]
        assert sample.image.shape == (height, width, 3)
        assert sample.image.dtype == np.uint8
        assert sample.dataset == ("holiday" if name == "folder" else name)
        assert sample.image_id == dataset.items[i].image_id
        assert sample.masks["skin"].shape == (height, width)
        assert sample.masks["skin"].dtype == np.uint8
        assert set(np.unique(sample.masks["skin"])) <= {0, 1, IGNORE}
        assert sample.masks["skin"][height // 2, width // 2] == 1
        assert sample.masks["skin"][fakes.CORNER] == 0
        # RGB: every tone of the fakes has more red than blue where it is skin
        assert (
            sample.image[sample.masks["skin"] == 1][:, 0].mean()
            > sample.image[sample.masks["skin"] == 1][:, 2].mean() + 20
        )
        assert sample.masks.keys() == ({"skin", "person", "hair"} if name == "rendered" else {"skin"})
        assert sample.masks.keys() <= set(dataset.heads)


@pytest.mark.parametrize("masks", ["png", "bmp", "cut-out"])
def test_ecu_reads_each_form_of_mask(masks: str, tmp_path: Path) -> None:
    dataset = open_dataset("ecu", fakes.make_ecu(tmp_path, 3, masks))
    assert [item.image_id for item in dataset.items] == ["im00001", "im00002", "im00003"]
    for i in range(3):
        np.testing.assert_array_equal(dataset[i].masks["skin"], fakes.fake(i).skin)


def test_hgr_is_inverted_and_knows_its_subjects(data_root: Path) -> None:
    dataset = open_dataset("hgr", data_root)
    index = [item.image_id for item in dataset.items].index("3_A_hgr2B_id04_1")
    np.testing.assert_array_equal(dataset[index].masks["skin"], fakes.fake(3).skin)
    assert {item.subject for item in dataset.items} == {"01", "02", "03", "04", "05"}


def test_hgr_may_lack_a_part(tmp_path: Path) -> None:
    root = fakes.make_hgr(tmp_path, 4)
    for folder in ("hgr2b_images", "hgr2b_skin"):
        (root / folder).rename(tmp_path / f".{folder}")
    assert len(open_dataset("hgr", root)) == 2


def test_sfa_ignores_only_the_fringe_of_its_cut_outs(data_root: Path) -> None:
    dataset = open_dataset("sfa", data_root)
    for item in dataset.items:
        number = int(item.image_id.removeprefix("img (").removesuffix(")"))
        skin = fakes.fake(number - 1).skin
        mask = dataset.read(item).masks["skin"]
        assert mask is not None
        assert 0 < (mask == IGNORE).mean() < 0.1
        sure = mask != IGNORE
        assert ((mask == 1) == skin)[sure].mean() > 0.97


def test_abdomen_publishes_its_split_and_loses_the_bad_label(data_root: Path) -> None:
    dataset = open_dataset("abdomen", data_root)
    assert "train/01227" not in {item.image_id for item in dataset.items}
    assert dataset.native_split is not None
    assert dataset.native_split["train/00001"] == "train"
    assert dataset.native_split["test/00004"] == "test"
    bilevel = next(item for item in dataset.items if item.image_id == "train/00001")
    np.testing.assert_array_equal(dataset.read(bilevel).masks["skin"], fakes.fake(0, 64, 64).skin)


def test_pratheepan_takes_every_suffix(data_root: Path) -> None:
    dataset = open_dataset("pratheepan", data_root)
    assert {item.image_path.suffix for item in dataset.items} == {".jpg", ".JPG", ".jpeg"}
    first = next(item for item in dataset.items if item.image_id == "FacePhoto/photo 00")
    np.testing.assert_array_equal(dataset.read(first).masks["skin"], fakes.fake(0).skin)


def test_rendered_looks_skin_and_person_up(data_root: Path) -> None:
    dataset = open_dataset("rendered", data_root / "set")
    sample = dataset[0]
    assert (sample.masks["skin"][sample.masks["person"] == 0] == 0).all()
    assert sample.masks["person"][10, 32] == 1  # hair
    np.testing.assert_array_equal(np.flatnonzero(sample.masks["hair"].any(axis=1)), range(8, 16))
    assert (sample.masks["person"][sample.masks["hair"] == 1] == 1).all()
    assert sample.masks["skin"][10, 32] == 0
    assert sample.masks["skin"][29, 28] == 0  # an eye
    assert sample.masks["person"][29, 28] == 1
    assert [item.tone for item in dataset.items] == [1, 2, 3, 4, 5, 6, 1, 2]


def test_rendered_leaves_out_frames_without_a_row(tmp_path: Path) -> None:
    root = fakes.make_rendered(tmp_path, 4)
    for folder in ("images", "masks"):
        (root / folder / "000009.png").write_bytes((root / folder / "000000.png").read_bytes())
    assert len(open_dataset("rendered", root)) == 4


def test_find_opens_photographs_and_folders_of_pairs(data_root: Path) -> None:
    assert [dataset.name for dataset in find_datasets(data_root)] == [
        "ecu",
        "hgr",
        "sfa",
        "abdomen",
        "pratheepan",
        "holiday",
    ]


def test_a_dataset_is_found_at_the_root_or_two_levels_down_in_any_case(tmp_path: Path) -> None:
    root = fakes.make_sfa(tmp_path / "downloads" / "sfa_2013", 3)
    (root / "ORI").rename(root / "ori")
    for data_root in (root, root.parent, tmp_path):
        assert open_dataset("sfa", data_root).root == root


def test_nothing_the_user_downloaded_is_touched(tmp_path: Path) -> None:
    root = fakes.make_all(tmp_path, 4)

    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}

    before = state()
    for dataset in find_datasets(root):
        list(dataset)
    assert state() == before


def test_a_new_dataset_is_a_few_lines(tmp_path: Path) -> None:
    class Plain(Dataset):
        name = "plain"
        title = "Plain"
        citation = "none"
        parts = (Part("photos", "masks"),)

    fakes.write(tmp_path / "photos" / "a.png", fakes.fake(0).image)
    cv2.imwrite(str(tmp_path / "photos" / "Thumbs.db.txt.png"), fakes.fake(0).image)
    (tmp_path / "photos" / "Thumbs.db").write_text("not an image")
    for stem in ("a", "Thumbs.db.txt"):
        fakes.write(tmp_path / "masks" / f"{stem}.png", fakes.fake(0).skin.astype(np.uint8) * 255)
    dataset = Plain(tmp_path)
    assert len(dataset) == 2
    np.testing.assert_array_equal(dataset[1].image, fakes.fake(0).image)
