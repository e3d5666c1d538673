"""Splits: disjoint, complete, by subject, and a function of names and seed alone."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinseg.data.splits import LISTS, PARTS, Split, draw, make_split, ranked, subset
from skinseg.datasets.base import Dataset
from skinseg.datasets.pratheepan import Pratheepan
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.errors import UserError
from tests import fakes

names = st.sets(st.text("abc0123_/", min_size=1, max_size=8), min_size=1, max_size=40)


@given(names=names, share=st.floats(0.05, 0.5), salt=st.text(max_size=3), data=st.data())
def test_draw_takes_whole_groups_whatever_the_order(
    names: set[str], share: float, salt: str, data: st.DataObject
) -> None:
    groups = {name: data.draw(st.sampled_from("xyzuvw")) for name in sorted(names)}
    drawn = draw(groups, share, salt)
    shuffled = dict(data.draw(st.permutations(list(groups.items()))))
    assert draw(shuffled, share, salt) == drawn
    assert drawn
    assert {groups[name] for name in drawn}.isdisjoint(groups[name] for name in names - drawn)


@given(names=names, share=st.floats(0.0, 1.0))
def test_draw_of_single_images_meets_the_share(names: set[str], share: float) -> None:
    assert abs(len(draw({name: name for name in names}, share, "")) - max(1, share * len(names))) <= 0.5


@given(names=names, seed=st.integers(0, 5), data=st.data())
def test_subsets_are_nested(names: set[str], seed: int, data: st.DataObject) -> None:
    large = data.draw(st.integers(1, len(names)))
    small = data.draw(st.integers(1, large))
    assert set(subset(names, small, seed)) <= set(subset(names, large, seed)) <= names
    assert len(subset(names, small, seed)) == small


def test_subset_says_how_many_there_are() -> None:
    with pytest.raises(UserError, match="limit_train 3: the training split has 2 images"):
        subset(["a", "b"], 3)


def test_every_dataset_splits_disjoint_and_complete(tmp_path: Path) -> None:
    for dataset in find_datasets(fakes.make_all(tmp_path, 20)):
        split = make_split(dataset)
        assert sorted(split.train + split.validation + split.test) == [
            item.image_id for item in dataset.items
        ]
        assert make_split(dataset).hash == split.hash
        assert len(split.hash) == 12
        if dataset.name == "abdomen":
            assert make_split(dataset, 1).test == split.test
            assert all(image_id.startswith("test/") for image_id in split.test)
        else:
            assert len(split.test) == pytest.approx(4, abs=1)
            assert len({make_split(dataset, seed).hash for seed in range(4)}) > 1


def test_subjects_stay_on_one_side(tmp_path: Path) -> None:
    dataset = open_dataset("hgr", fakes.make_hgr(tmp_path, 30))
    subject = {item.image_id: item.subject for item in dataset.items}
    for seed in range(5):
        split = make_split(dataset, seed)
        sides = [
            {subject[image_id] for image_id in part} for part in (split.train, split.validation, split.test)
        ]
        assert sum(len(side) for side in sides) == 5


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 images in 2 groups do not fill a split"):
        make_split(open_dataset("ecu", fakes.make_ecu(tmp_path, 2)))


def test_an_image_in_two_parts_is_refused_and_the_hash_tells_parts_apart() -> None:
    with pytest.raises(ValueError, match="more than one place"):
        Split(("a", "b"), ("c",), ("a",))
    assert Split(("a", "b"), ("c",), ("d",)).hash == Split(("b", "a"), ("c",), ("d",)).hash
    assert Split(("a", "b"), ("c",), ("d",)).hash != Split(("a",), ("b", "c"), ("d",)).hash


def test_the_split_of_a_known_list_never_changes(tmp_path: Path) -> None:
    """A changed hash here means that every published number of this project changes its meaning."""
    assert make_split(open_dataset("pratheepan", fakes.make_pratheepan(tmp_path, 12))).hash == "cb2d3ddb6786"


def listed_pratheepan(root: Path, names: list[str]) -> Dataset:
    """A dataset that holds these images of Pratheepan, all of them empty files: splitting reads none."""
    for name in names:
        part, _, stem = name.partition("/")
        for path in (
            root / "Pratheepan_Dataset" / part / f"{stem}.jpg",
            root / "Ground_Truth" / f"GroundT_{part}" / f"{stem}.png",
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return Pratheepan(root)


def test_the_committed_list_is_what_the_rule_gives_on_the_whole_dataset(tmp_path: Path) -> None:
    with (LISTS / "pratheepan.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["image"]: row["part"] for row in csv.DictReader(file)}
    assert len(rows) == 78
    # the rule, written out: the first of a shuffle by hashes
    test = set(ranked(rows, "test/0")[:16])
    validation = set(ranked(rows.keys() - test, "validation/0")[:6])
    assert {name for name, part in rows.items() if part == "test"} == test
    assert {name for name, part in rows.items() if part == "validation"} == validation

    split = make_split(listed_pratheepan(tmp_path / "whole", list(rows)))
    assert (split.hash, split.source) == ("f4d7223d104f", "committed list of names")
    assert make_split(listed_pratheepan(tmp_path / "whole", list(rows)), seed=1).source.startswith("rule")
    # a copy that lacks images keeps the rest where it was
    partial = make_split(listed_pratheepan(tmp_path / "part", sorted(rows)[:50]))
    for part in PARTS:
        assert set(partial.part(part)) <= set(split.part(part))


def write_split(path: Path, *lines: str, header: str = "image,part") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_split_file_overrides_every_other(tmp_path: Path) -> None:
    dataset = open_dataset("abdomen", fakes.make_abdomen(tmp_path / "abdomen", 12))
    file = write_split(
        tmp_path / "mine.csv", "test/00004,train", "train/00001.jpg,test", "train/00002,validation"
    )
    split = make_split(dataset, file=file)
    assert (split.train, split.validation, split.test) == (
        ("test/00004",),
        ("train/00002",),
        ("train/00001",),
    )
    assert split.source == "file mine.csv"
    assert split.hash == Split(split.train, split.validation, split.test).hash != make_split(dataset).hash
    # without validation images they come out of the training ones
    names = [item.image_id for item in dataset.items]
    file = write_split(tmp_path / "two.csv", f"{names[0]},test", *(f"{name},train" for name in names[1:]))
    split = make_split(dataset, file=file)
    assert split.test == (names[0],)
    assert len(split.validation) == 1
    assert sorted(split.train + split.validation) == names[1:]


def test_a_split_file_may_speak_of_several_datasets(tmp_path: Path) -> None:
    ecu, sfa, hgr = (
        open_dataset(name, fakes.make_all(tmp_path / "data", 12)) for name in ("ecu", "sfa", "hgr")
    )
    lines = [
        "ecu,im00001,test",
        "ecu,im00002,train",
        "ecu,im00003,train",
        "sfa,img (1),test",
        "sfa,img (2),train",
    ]
    file = write_split(tmp_path / "all.csv", *lines, header="dataset,image,part")
    assert make_split(ecu, file=file).test == ("im00001",)
    assert make_split(sfa, file=file).test == ("img (1)",)
    assert make_split(hgr, file=file).hash == make_split(hgr).hash


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["im00099,test"], r"line 2: dataset ecu has no image 'im00099'"),
        (["im00001,test", "im00001,test"], r"line 3: im00001 is named a second time \(first on line 2\)"),
        (["im00001,test", "im00001.jpg,train"], r"line 3: im00001 is named a second time, now for train"),
        (["im00001,holdout"], r"part 'holdout' of im00001, expected train, validation, test"),
        ([], "no image in it"),
        (["im00001,test,twice"], r"line 2: 'twice' is in no column, expected 2 values"),
    ],
)
def test_a_bad_split_file_is_refused_in_a_sentence(lines: list[str], said: str, tmp_path: Path) -> None:
    dataset = open_dataset("ecu", fakes.make_ecu(tmp_path / "ecu", 12))
    file = write_split(tmp_path / "mine.csv", *lines)
    with pytest.raises(UserError, match=said) as caught:
        make_split(dataset, file=file)
    assert str(file) in str(caught.value)


def test_split_files_that_are_no_table(tmp_path: Path) -> None:
    dataset = open_dataset("ecu", fakes.make_ecu(tmp_path / "ecu", 12))
    with pytest.raises(UserError, match="column part is missing"):
        make_split(dataset, file=write_split(tmp_path / "a.csv", "im00001", header="image"))
    with pytest.raises(UserError, match="cannot be read"):
        make_split(dataset, file=tmp_path / "nowhere.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="UTF-8"):
        make_split(dataset, file=tmp_path / "b.csv")


def test_a_split_that_shares_a_subject_is_refused(tmp_path: Path) -> None:
    dataset = open_dataset("hgr", fakes.make_hgr(tmp_path / "hgr", 16))
    first, second = [item.image_id for item in dataset.items if item.subject == "02"][:2]
    other = next(item.image_id for item in dataset.items if item.subject == "03")
    file = write_split(tmp_path / "mine.csv", f"{first},train", f"{other},validation", f"{second},test")
    with pytest.raises(UserError, match="subject 02 of dataset hgr is in both train and test"):
        make_split(dataset, file=file)
