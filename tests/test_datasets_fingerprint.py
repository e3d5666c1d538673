"""One fingerprint of a dataset: by contents wherever it lies, read once, and never thrown by what it keeps."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PillowImage

from skinseg.datasets import fingerprint as module
from skinseg.datasets.fingerprint import file_digests, fingerprint
from skinseg.datasets.label_policy import parse_labels
from skinseg.datasets.registry import open_dataset
from skinseg.errors import UserError
from tests import fakes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fakes.make_hgr(tmp_path / "hgr", 4)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def invert_masks(root: Path) -> None:
    """The same names and sizes, and the opposite of what the masks said."""
    for path in root.rglob("skin_masks/*.bmp"):
        size = path.stat().st_size
        fakes.write_bilevel(path, ~np.array(PillowImage.open(path).convert("1")))
        assert path.stat().st_size == size


def kept(cache: Path) -> Path:
    (path,) = (cache / "digests").iterdir()
    return path


def test_contents_decide_and_neither_place_nor_time(root: Path, cache: Path, tmp_path: Path) -> None:
    first = fingerprint(open_dataset("hgr", root), cache)
    copy = shutil.copytree(root, tmp_path / "elsewhere" / "hgr", copy_function=shutil.copyfile)
    assert fingerprint(open_dataset("hgr", copy), tmp_path / "another cache") == first
    assert fingerprint(open_dataset("hgr", copy), cache) == first
    (file, *_) = root.rglob("*.jpg")
    os.utime(file, ns=(1, 1))
    assert fingerprint(open_dataset("hgr", root), cache) == first
    invert_masks(root)
    assert fingerprint(open_dataset("hgr", root), cache) != first
    assert fingerprint(open_dataset("hgr", copy), cache) == first


def test_images_alone_know_no_mask(root: Path, cache: Path) -> None:
    dataset = open_dataset("hgr", root)
    alone = fingerprint(dataset, cache, labelled=False)
    assert alone != fingerprint(dataset, cache)
    for item in dataset.items:
        item.mask_path.unlink()
    assert fingerprint(dataset, cache, labelled=False) == alone
    with pytest.raises(UserError, match=r"skin_masks.*: cannot be read"):
        fingerprint(dataset, cache)


def test_every_fact_counts(cache: Path, tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "studio", 4, table=True)
    table = (root / "pairs.csv").read_text()

    def now() -> str:
        return fingerprint(open_dataset("folder", root), cache)

    first = now()
    person = next(item.more_masks["person"] for item in open_dataset("folder", root).items if item.more_masks)
    before, time = person.read_bytes(), person.stat().st_mtime_ns
    fakes.write(person, np.zeros((fakes.HEIGHT, fakes.WIDTH), np.uint8))
    assert now() != first
    person.write_bytes(before)
    os.utime(person, ns=(time, time))
    assert now() == first
    for column, value in (("subject", "another"), ("tone", 5), ("person", None)):
        changed = pd.read_csv(root / "pairs.csv")
        assert changed.loc[0, column] != value
        changed.loc[0, column] = value
        changed.to_csv(root / "pairs.csv", index=False)
        assert now() != first, column
        (root / "pairs.csv").write_text(table)
    assert now() == first
    # The same file as a mask of something else.
    (root / "pairs.csv").write_text(table.replace(",person,", ",hair,"))
    assert open_dataset("folder", root).heads == ("skin", "hair")
    assert now() != first

    ecu = fakes.make_ecu(tmp_path / "ecu", 3)
    policies = {
        fingerprint(open_dataset("ecu", ecu, parse_labels(text)), cache) for text in ("", "unsure=ignore")
    }
    assert len(policies) == 2


def test_a_second_time_reads_nothing_and_a_new_time_of_change_is_read(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [path for item in open_dataset("hgr", root).items for path in (item.image_path, item.mask_path)]
    read = []
    usual = module.hashlib.file_digest

    def counted(file: object, name: str) -> object:
        read.append(Path(file.name))  # type: ignore[attr-defined]
        return usual(file, name)  # type: ignore[arg-type]

    monkeypatch.setattr(module.hashlib, "file_digest", counted)
    first = file_digests(files, cache / "digests.json")
    assert sorted(read) == sorted(files)
    read.clear()
    assert file_digests(files, cache / "digests.json") == first
    assert not read
    status = files[1].stat()
    files[1].write_bytes(bytes(reversed(files[1].read_bytes())))
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    second = file_digests(files, cache / "digests.json")
    assert read == [files[1]]
    assert {path for path in files if first[path] != second[path]} == {files[1]}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(b"\xff\x00"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(json.dumps({name: [1, 2] for name in json.loads(path.read_text())})),
        lambda path: path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), "x"))),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (shutil.rmtree(path.parent), path.parent.write_text("a file where the folder was")),
    ],
)
def test_damage_of_what_is_kept_does_no_harm(
    root: Path, cache: Path, damage: Callable[[Path], object]
) -> None:
    first = fingerprint(open_dataset("hgr", root), cache)
    damage(kept(cache))
    assert fingerprint(open_dataset("hgr", root), cache) == first
    assert fingerprint(open_dataset("hgr", root), cache) == first


def test_processes_at_once_agree_and_leave_a_whole_file(root: Path, cache: Path) -> None:
    pool = multiprocessing.get_context("fork").Pool(4)
    with pool:
        found = pool.starmap(_fingerprint, [(root, cache)] * 16)
    assert len(set(found)) == 1
    assert [path.suffix for path in (cache / "digests").iterdir()] == [".json"]
    assert len(json.loads(kept(cache).read_text())) == 8


def _fingerprint(root: Path, cache: Path) -> str:
    return fingerprint(open_dataset("hgr", root), cache)
