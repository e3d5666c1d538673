"""A small sample of each campaign of `make faults`."""

from pathlib import Path

import pytest

from tests.faults import hostile, mutations
from tests.faults.tally import Tally


def test_mutated_inputs_are_read_right_or_refused(tmp_path: Path) -> None:
    tally = Tally()
    mutations.run(tmp_path, tally, seed=1, count=100)
    assert not tally.bad, "\n".join(tally.notes)


@pytest.mark.slow
def test_hostile_files_are_refused(tmp_path: Path) -> None:
    tally = Tally()
    hostile.run(tmp_path, tally)
    assert not tally.bad, "\n".join(tally.notes)
    assert all(count["held"] == 0 for name, count in tally.counts.items() if name.startswith("hostile"))


@pytest.mark.slow
def test_kills_lose_nothing(tmp_path: Path) -> None:
    from tests.faults import kills

    tally = Tally()
    few = [deed for deed in kills.deeds(tmp_path / "given") if deed.name in ("unpack", "predict", "evaluate")]
    kills.run(tmp_path, tally, seed=1, kills=1, deeds=few)
    assert not tally.bad, "\n".join(tally.notes)
