"""Records of models are typed: what a stranger's file says is refused by its key before anything is built."""

from pathlib import Path
from typing import Any

import pytest

from skinseg.errors import UserError
from skinseg.models.record import ModelRecord
from skinseg.records import read_json, typed

NETWORK: dict[str, Any] = {
    "encoder": "a", "decoder_channels": [8] * 5, "head_split": "conv", "heads": ["skin"],
}  # fmt: skip
RECORD: dict[str, Any] = {"format": 1, "model": NETWORK, "size": 96}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": 10**6}, "size: 1000000 found, expected less than or equal to 8192"),
        ({"size": "96"}, "size: '96' found"),
        ({"model": NETWORK | {"heads": ["../x"]}}, "model.heads.0: '../x' found"),
        ({"model": NETWORK | {"encoder_weights": "imagenet"}}, "model.encoder_weights: 'imagenet' found"),
        ({"lineage": [{"dataset": 3, "split": None}]}, "lineage.0.dataset: 3 found"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    assert typed(ModelRecord, RECORD, "a", "b").size == 96
    with pytest.raises(UserError) as caught:
        typed(ModelRecord, RECORD | change, "a.ckpt", "take another")
    assert str(caught.value).startswith(f"a.ckpt: {said}")


def test_the_weights_that_a_decoder_takes_are_known_before_it_is_built() -> None:
    wide = NETWORK | {"decoder_channels": [60_000, 8, 8, 8, 8]}
    assert typed(ModelRecord, RECORD | {"model": wide}, "a", "b").model.least_numbers > 9 * 60_000**2


def test_half_a_character_is_no_text_of_a_record(tmp_path: Path) -> None:
    """Else whatever is written of it later would fail."""
    (tmp_path / "run.json").write_text('{"name": "\\ud800"}')
    with pytest.raises(UserError, match=r"run\.json: cannot be read as JSON"):
        read_json(tmp_path / "run.json", "write it again")
