"""What a model was trained on, and which images it can have seen."""

import pytest

from skinseg.models.lineage import SEEN, Training, lineage_of, recorded, seen, trained_on

RENDERED, HGR = Training("rendered", "r"), Training("hgr", "h")


def test_a_lineage_grows_by_one_training() -> None:
    first = recorded((), [RENDERED])
    assert lineage_of({"lineage": first}) == (RENDERED,)
    second = recorded(lineage_of({"lineage": first}), [HGR])
    assert lineage_of({"lineage": second}) == (RENDERED, HGR)
    # A run that is resumed has itself in its lineage.
    assert recorded((RENDERED, HGR), [HGR]) == second


def test_a_set_without_labels_is_recorded_as_such_and_counts_as_seen() -> None:
    unlabelled = Training("hgr", "h", labels=False)
    both = lineage_of({"lineage": recorded((), [unlabelled, RENDERED])})
    assert both == (unlabelled, RENDERED)
    assert lineage_of({"lineage": recorded(both, [unlabelled, RENDERED])}) == both
    assert trained_on(both) == ("rendered", "hgr without labels")
    assert seen(both, "hgr", "h", held_out=False) == "trained on"
    assert seen(both, "hgr", "h", held_out=True) == "held out"


def test_what_it_was_trained_on() -> None:
    assert trained_on((HGR,)) == ("hgr", None)
    assert trained_on((RENDERED, HGR)) == ("hgr", "rendered")
    assert trained_on((RENDERED, HGR, RENDERED, Training("ecu", "e"))) == ("ecu", "rendered + hgr")
    assert trained_on((Training("rendered", "other"), RENDERED)) == ("rendered", None)
    assert trained_on(lineage_of({"split": "h"})) == ("unknown", None)


@pytest.mark.parametrize(
    ("lineage", "held_out", "expected"),
    [
        ((Training("ecu", "e"),), True, "never"),
        ((RENDERED, HGR), True, "held out"),
        ((RENDERED, HGR), False, "trained on"),
        ((HGR, Training("ecu", "e")), False, "trained on"),
        ((Training("hgr", "another"), HGR), True, "maybe"),
        ((Training("hgr", None),), True, "maybe"),
        (lineage_of({}), True, "unknown"),
        (lineage_of({"split": "h"}), False, "trained on"),
        ((*lineage_of({"split": "x"}), HGR), True, "unknown"),
    ],
)
def test_seen_is_the_worst_of_all_trainings(
    lineage: tuple[Training, ...], held_out: bool, expected: str
) -> None:
    assert seen(lineage, "hgr", "h", held_out) == expected
    assert expected in SEEN
