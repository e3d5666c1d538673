"""What counts as skin can be switched and is never switched silently; tones come from the user's table."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinseg.data.cache import open_cache
from skinseg.datasets.label_policy import CHOICES, parse_labels, policy_text
from skinseg.datasets.registry import DATASETS, find_datasets, open_dataset
from skinseg.datasets.sample import IGNORE
from skinseg.errors import UserError
from skinseg.synthetic.label_image import encode_labels, read_labels
from skinseg.synthetic.labels import PartClass
from tests import fakes

changes = st.fixed_dictionaries({}, optional={part: st.sampled_from(CHOICES[part]) for part in CHOICES})


@given(labels=changes)
def test_a_policy_is_read_back_from_its_own_text(labels: dict[str, str]) -> None:
    assert parse_labels(policy_text(labels)) == labels
    assert parse_labels(" , ".join(f"{part} = {choice}" for part, choice in labels.items())) == labels


@pytest.mark.parametrize("text", ["lips", "lips=maybe", "teeth=skin", "unsure=skin", "lips=skin,lips=ignore"])
def test_what_cannot_be_said_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="labels"):
        parse_labels(text)


@pytest.mark.parametrize("kind", DATASETS.values())
def test_every_dataset_states_its_policy(kind: type) -> None:
    assert kind.label_policy
    assert kind.mask_form
    assert all(choice in CHOICES[part] for part, choice in kind.label_defaults.items())


def test_every_part_of_a_rendered_person_can_be_switched(tmp_path: Path) -> None:
    root = fakes.make_rendered(tmp_path / "set", 4)
    path = root / "masks" / "000000.png"
    labels = read_labels(path).copy()
    where = {}
    for row, (part, value) in enumerate(
        {
            "eyes": PartClass.EYES,
            "lips": PartClass.LIPS,
            "mouth": PartClass.MOUTH_INTERIOR,
            "nails": PartClass.NAILS,
        }.items()
    ):
        where[part] = (30 + row, 32)
        labels[where[part]] = value
    path.write_bytes(encode_labels(labels))

    def values(text: str) -> dict[str, int]:
        sample = open_dataset("rendered", root, parse_labels(text))[0]
        assert set(np.unique(sample.masks["person"])) == {0, 1}
        return {part: int(sample.masks["skin"][place]) for part, place in where.items()}

    assert values("") == {"eyes": 0, "lips": 0, "mouth": 0, "nails": 1}
    assert values("lips=skin,eyes=ignore,nails=background") == {
        "eyes": 255,
        "lips": 1,
        "mouth": 0,
        "nails": 0,
    }


def test_unsure_pixels_of_cut_outs_and_of_soft_masks(tmp_path: Path) -> None:
    root = fakes.make_all(tmp_path, 8)
    for name, default in (("sfa", "ignore"), ("abdomen", "cut")):
        ignoring, cutting = (open_dataset(name, root, {"unsure": choice}) for choice in ("ignore", "cut"))
        assert open_dataset(name, root).policy == f"unsure={default}"
        shares = []
        for i in range(len(cutting)):
            band, cut = ignoring[i].masks["skin"], cutting[i].masks["skin"]
            assert band is not None
            assert cut is not None
            assert set(np.unique(cut)) == {0, 1}
            np.testing.assert_array_equal(band[band != IGNORE], cut[band != IGNORE])
            shares.append((band == IGNORE).mean())
        assert 0 < max(shares) < 0.2


def test_a_policy_enters_the_cache_s_name(tmp_path: Path) -> None:
    root = fakes.make_rendered(tmp_path / "set", 4)
    names = {
        open_cache(open_dataset("rendered", root, parse_labels(text)), 64, tmp_path / "cache").folder
        for text in ("", "lips=skin", "lips=ignore")
    }
    assert len(names) == 3
    same = open_dataset("rendered", root, parse_labels("lips=background"))
    assert open_cache(same, 64, tmp_path / "cache").folder in names


def test_a_part_that_a_dataset_does_not_mark(tmp_path: Path) -> None:
    root = fakes.make_all(tmp_path, 4)
    with pytest.raises(UserError, match="dataset ecu does not mark lips, expected only unsure"):
        open_dataset("ecu", root, {"lips": "skin"})
    assert {dataset.policy for dataset in find_datasets(root, {"lips": "skin"})} == {
        "unsure=cut",
        "unsure=ignore",
    }


# ------------------------------------------------------------------------------------------------ tones


def test_tones_come_from_a_table_in_the_folder_and_from_one_that_is_given(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path / "ecu", 4)
    (root / "tones.csv").write_text("image,tone\nim00001,6\nim00003.jpg,2\nim00004,\n")
    dataset = open_dataset("ecu", root)
    assert [item.tone for item in dataset.items] == [6, None, 2, None]
    assert dataset[0].tone == 6
    table = tmp_path / "mine.csv"
    table.write_text("dataset,image,tone\necu,im00001,5\nsfa,img (1),3\n")
    dataset.label_tones(table)
    assert [item.tone for item in dataset.items] == [5, None, 2, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,tone\nim00001,7\n", r"line 2: tone '7' of im00001, expected a Fitzpatrick group from 1"),
        ("image,tone\nim00001,2.5\n", "tone '2.5'"),
        ("image,tone\n\nim00009,2\n", r"line 3: dataset ecu has no image 'im00009'"),
        ("image,tone\nim00001,2\nim00001,3\n", "named a second time"),
        ("name,tone\nim00001,2\n", "column image is missing"),
        ("", "column image is missing"),
    ],
)
def test_a_bad_table_of_tones_is_refused_in_a_sentence(text: str, said: str, tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path / "ecu", 4)
    (root / "tones.csv").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        open_dataset("ecu", root)
    assert str(root / "tones.csv") in str(caught.value)


@pytest.mark.parametrize("part", ["01", "9" * 5000, "+1", "65536", "1_0", "٣"])
def test_a_level_is_written_in_one_way(part: str) -> None:
    with pytest.raises(UserError, match="no such choice"):
        parse_labels(f"1=skin,{part}=background")
