"""The best epoch by the worst tone group: the score, which groups are in it, and the run that keeps it."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from skinseg.datasets.confusion import confusion
from skinseg.datasets.registry import open_dataset
from skinseg.errors import UserError
from skinseg.models.checkpoint import load_model, read_checkpoint
from skinseg.models.inference import Predictor
from skinseg.models.prediction import THRESHOLD
from skinseg.training import command
from skinseg.training.criterion import WORST_TONE, groups_compared, worst_tone
from tests.fakes import make_ecu, make_rendered

SIDE = 64


def test_the_worst_group_that_has_enough_images() -> None:
    scores = {1: [0.9] * 5, 4: [0.5, 0.7, 0.6, 0.6, 0.6], 6: [0.1] * 4}
    assert worst_tone(scores) == pytest.approx(0.6)
    assert worst_tone({6: [0.1] * 4}) is None
    assert worst_tone({}) is None


def test_groups_are_named_and_none_is_refused() -> None:
    assert groups_compared({4: 9, 1: 5}, "rendered").endswith("1 (5), 4 (9)")
    assert groups_compared({4: 9, 1: 4}, "rendered").endswith("4 (9); left out, with fewer than 5: 1 (4)")
    with pytest.raises(UserError, match=r"dataset ecu, none found; choose val/skin_miou"):
        groups_compared({}, "ecu")
    with pytest.raises(UserError, match=r"groups 1 \(4\), 2 \(1\) found"):
        groups_compared({2: 1, 1: 4}, "rendered")


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run by the worst tone on a set whose validation part has six frames of tones 1 and 4, and two of tone 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    make_rendered(tmp_path / "set", count=42, size=SIDE)
    lines, shown = ["image,part"], defaultdict(int)
    for i in range(42):
        tone = i % 6 + 1
        shown[tone] += 1
        validation = shown[tone] <= {1: 6, 4: 6, 2: 2}.get(tone, 0)
        lines.append(f"{i:06d},{'validation' if validation else 'test' if i > 38 else 'train'}")
    Path("split.csv").write_text("\n".join(lines) + "\n")
    return [
        *("fit", "--data.size", str(SIDE), "--data.cache_long_side", str(SIDE), "--data.batch_size", "8"),
        *("--model.decoder_channels", "[8,8,8,8,8]", "--trainer.accelerator", "cpu", "--model.lr", "0.003"),
        *("--trainer.enable_progress_bar", "false", "--model.criterion", WORST_TONE),
    ]


@pytest.mark.slow
def test_a_run_keeps_the_epoch_whose_worst_tone_is_best(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options += ["--data.data_root", "set", "--data.split", "split.csv"]
    command.main([*options, "--trainer.max_epochs", "4", "--job", "fair"])
    said = capsys.readouterr().out
    assert "tone groups (validation images) 1 (6), 4 (6); left out, with fewer than 5: 2 (2)" in said
    (run,) = Path("runs", "fair").iterdir()
    with (run / "metrics.csv").open() as file:
        scores = [float(row[WORST_TONE]) for row in csv.DictReader(file) if row[WORST_TONE]]
    result = json.loads((run / "result.json").read_text())
    assert len(scores) == 4
    assert result["criterion"] == WORST_TONE
    assert result["best_epoch"] == int(np.argmax(scores))
    assert result[WORST_TONE] == pytest.approx(max(scores), abs=1e-6)

    # The last epoch's score again, from the frames and the last epoch's weights alone.
    last = read_checkpoint(run / "checkpoints" / "last.ckpt")
    predictor = Predictor(load_model(last.path), last.size)
    groups: dict[int | None, list[float]] = defaultdict(list)
    validation = [
        line.split(",")[0] for line in Path("split.csv").read_text().split() if "validation" in line
    ]
    dataset = open_dataset("rendered", Path("set"))
    for i in range(len(dataset)):
        sample = dataset[i]
        if sample.image_id in validation and "skin" in sample.masks:
            found = predictor.probabilities(sample.image)["skin"] >= THRESHOLD
            groups[sample.tone].append(confusion(found, sample.masks["skin"]).iou)
    assert {tone: len(values) for tone, values in groups.items()} == {1: 6, 4: 6, 2: 2}
    assert scores[-1] == pytest.approx(min(np.mean(groups[1]), np.mean(groups[4])), abs=1e-3)

    other = ["--model.criterion", "val/skin_miou", "--job", "fair", "--ckpt_path", "last"]
    with pytest.raises(
        UserError, match=r"chosen by val/skin_worst_tone.*found --model.criterion val/skin_miou"
    ):
        command.main([*options, *other])


@pytest.mark.slow
def test_a_set_without_tones_is_one_sentence_and_leaves_no_run(options: list[str]) -> None:
    make_ecu(Path("photographs"))
    with pytest.raises(UserError, match=r"dataset ecu, none found") as error:
        command.main([*options, "--data.dataset", "ecu", "--data.data_root", "photographs"])
    assert "\n" not in str(error.value)
    assert not list(Path("runs").glob("*/*"))
