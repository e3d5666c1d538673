"""Splits: disjoint, complete, by subject, and a function of names and seed alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinseg.data.splits import Split, draw, make_split, subset
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
