"""The decoded cache gives back what was read, and never anything stale."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from skinseg.data.cache import open_cache, shrink
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import IGNORE
from skinseg.errors import UserError
from tests import fakes
from tests.test_datasets_fingerprint import invert_masks


def test_round_trip_is_exact_where_nothing_shrinks(tmp_path: Path) -> None:
    for name, make in (("rendered", fakes.make_rendered), ("hgr", fakes.make_hgr)):
        dataset = open_dataset(name, make(tmp_path / name, 4))
        cache = pickle.loads(pickle.dumps(open_cache(dataset, 1000, tmp_path / "cache")))
        assert len(cache) == len(dataset)
        assert cache.heads == (("skin", "person") if name == "rendered" else ("skin",))
        for i, item in enumerate(dataset.items):
            read, cached = dataset[i], cache.sample(cache.position[item.image_id])
            np.testing.assert_array_equal(cached.image, read.image)
            assert tuple(cached.masks) == cache.heads
            for head, mask in cached.masks.items():
                np.testing.assert_array_equal(mask, read.masks[head])
                assert cache.entries[i].counts[head] == ((mask == 0).sum(), (mask == 1).sum())
            assert (cached.dataset, cached.image_id) == (name, item.image_id)
            assert (cached.subject, cached.tone) == (read.subject, read.tone)


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "empty", "no list", "lost pixels", "flipped pixel", "flipped mask"]
)
def test_a_damaged_cache_is_made_again(damage: str, tmp_path: Path) -> None:
    dataset = open_dataset("hgr", fakes.make_hgr(tmp_path / "hgr", 4))
    folder = open_cache(dataset, 32, tmp_path / "cache").folder
    index, pixels = folder / "index.json", folder / "images.u8"
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    text = whole["index.json"]
    changed = {
        "cut": text[:-9], "flipped": text.replace(b'"height": 24', b'"height": 26'), "empty": b"", "no list": b"[]\n",
        **dict.fromkeys(("lost pixels", "flipped pixel", "flipped mask"), text),
    }  # fmt: skip
    index.write_bytes(changed[damage])
    if damage == "lost pixels":
        pixels.write_bytes(whole["images.u8"][:-5])
    elif damage.startswith("flipped "):
        name = "images.u8" if damage == "flipped pixel" else "skin.u8"
        (folder / name).write_bytes(whole[name][:70] + bytes([whole[name][70] ^ 1]) + whole[name][71:])
    assert len(open_cache(dataset, 32, tmp_path / "cache")) == 4
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_a_further_head_has_a_cache_of_its_own_where_it_may_be_labelled(tmp_path: Path) -> None:
    three = ("skin", "person", "hair")
    rendered = open_dataset("rendered", fakes.make_rendered(tmp_path / "rendered", 4))
    two, more = (open_cache(rendered, 32, tmp_path / "cache", heads) for heads in (("skin", "person"), three))
    assert (two.heads, more.heads) == (three[:2], three)
    assert two.folder != more.folder
    for name in ("images.u8", "skin.u8", "person.u8"):
        assert (two.folder / name).read_bytes() == (more.folder / name).read_bytes()
    assert open_cache(rendered, 32, tmp_path / "cache", ("skin",)).folder == two.folder
    ecu = open_dataset("ecu", fakes.make_ecu(tmp_path / "ecu", 3))
    photographs = open_cache(ecu, 32, tmp_path / "cache", three)
    assert photographs.heads == ("skin",)
    assert photographs.folder == open_cache(ecu, 32, tmp_path / "cache").folder


def test_images_shrink_to_the_long_side_and_masks_keep_their_values(tmp_path: Path) -> None:
    dataset = open_dataset("sfa", fakes.make_sfa(tmp_path / "SFA", 3))
    cache = open_cache(dataset, 48, tmp_path / "cache")
    for i in range(3):
        sample = cache.sample(i)
        assert sample.image.shape == (36, 48, 3)
        assert set(np.unique(sample.masks["skin"])) <= {0, 1, IGNORE}
        full = dataset[i].masks["skin"]
        assert (sample.masks["skin"] == 1).mean() == pytest.approx((full == 1).mean(), abs=0.03)


def test_a_small_mask_pixel_is_what_most_of_its_area_is() -> None:
    mask = np.array([[1, 1, 0, 0], [1, 0, 255, 255], [0, 0, 255, 255], [0, 1, 255, 255]], np.uint8)
    image = np.zeros((4, 4, 3), np.uint8)
    _, masks = shrink(image, {"skin": mask}, 2)
    np.testing.assert_array_equal(masks["skin"], [[1, 0], [0, 255]])


def test_cache_is_reused_until_a_file_changes(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path / "ecu", 3)
    first = open_cache(open_dataset("ecu", root), 48, tmp_path / "cache")
    stamp = (first.folder / "images.u8").stat().st_mtime_ns
    again = open_cache(open_dataset("ecu", root), 48, tmp_path / "cache")
    assert again.folder == first.folder
    assert (again.folder / "images.u8").stat().st_mtime_ns == stamp
    assert open_cache(open_dataset("ecu", root), 40, tmp_path / "cache").folder != first.folder

    changed = root / "skin_masks" / "im00001.png"
    fakes.write(changed, np.zeros((fakes.HEIGHT, fakes.WIDTH), np.uint8))
    rebuilt = open_cache(open_dataset("ecu", root), 48, tmp_path / "cache")
    assert rebuilt.folder != first.folder
    skin = rebuilt.mask(0, "skin")
    assert skin is not None
    assert skin.sum() == 0


def test_inverted_masks_of_the_same_size_are_another_cache(tmp_path: Path) -> None:
    root = fakes.make_hgr(tmp_path / "hgr", 4)
    first = open_cache(open_dataset("hgr", root), 1000, tmp_path / "cache")
    invert_masks(root)
    second = open_cache(open_dataset("hgr", root), 1000, tmp_path / "cache")
    for i in range(4):
        turned = [entry.counts["skin"] for entry in (first.entries[i], second.entries[i])]
        assert turned[0] == turned[1][::-1]
    # A copy elsewhere is the same data.
    copy = shutil.copytree(root, tmp_path / "copy" / "hgr", copy_function=shutil.copyfile)
    assert open_cache(open_dataset("hgr", copy), 1000, tmp_path / "cache").folder == second.folder


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path / "ecu", 3)
    (root / "origin_images" / "im00003.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"im00003\.jpg"):
        open_cache(open_dataset("ecu", root), 48, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["digests"]


def test_a_build_that_comes_second_uses_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset("ecu", fakes.make_ecu(tmp_path / "ecu", 3))
    cache_dir = tmp_path / "cache"
    from skinseg.data import cache as module

    write = module._write

    def overtaken(*arguments: object) -> None:
        monkeypatch.setattr(module, "_write", write)
        open_cache(dataset, 48, cache_dir)
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_write", overtaken)
    cache = open_cache(dataset, 48, cache_dir)
    assert {path.name for path in cache_dir.iterdir()} == {cache.folder.name, "digests"}
    assert len(cache) == 3


def test_a_cache_of_images_alone_opens_no_mask(tmp_path: Path) -> None:
    for name, make in (("rendered", fakes.make_rendered), ("hgr", fakes.make_hgr)):
        dataset = open_dataset(name, make(tmp_path / name, 4))
        whole = open_cache(dataset, 1000, tmp_path / "cache")
        for item in dataset.items:
            item.mask_path.write_bytes(b"no image")
        alone = open_cache(dataset, 1000, tmp_path / "cache", heads=())
        assert alone.heads == ()
        for i in range(4):
            np.testing.assert_array_equal(alone.image(i), whole.image(i))
            assert alone.sample(i).masks == {}
        # Masks come and go; images alone stay the same set.
        assert open_cache(dataset, 1000, tmp_path / "cache", heads=()).folder == alone.folder
