"""The recogniser of tones: what it is shown, what it may not use, its training, its file and its answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from skinseg.cli import main
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.recognition import training
from skinseg.recognition.network import ToneNetwork
from skinseg.recognition.recogniser import FILE, Calibration, Recogniser, calibrated, groups_of, load, write
from skinseg.recognition.training import RESULT, STATE, Options, Shown, balanced, calibrate, train
from skinseg.recognition.view import GREY, SIDE, View, greyed, hidden, inputs, told_by, view_of
from skinseg.synthetic.label_image import read_labels
from skinseg.tones.ita import fitzpatrick_of
from tests import fakes

SMALL = Options("tu-mobilenetv3_small_100", None, epochs=2, batch_size=4)


def make_known(root: Path, count: int = 24) -> Rendered:
    """A fake set whose table says what a rendered one's does; every fifth frame shows two people."""
    fakes.make_rendered(root, count)
    table = pd.read_parquet(root / "scenes.parquet")
    middles = [65.0, 48.0, 34.0, 19.0, -10.0, -45.0]
    table["ita"] = [middles[group - 1] for group in table["fitzpatrick"]]
    table["people"] = [2 if i % 5 == 4 else 1 for i in table["index"]]
    table["outdoors"] = table["index"] % 2 == 0
    table["temperature"] = 3000.0 + 1000 * (table["index"] % 4)
    table["clothed"] = table["index"] % 3 == 0
    table.to_parquet(root / "scenes.parquet")
    return Rendered(root)


def frame(dataset: Rendered, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sample = dataset[i]
    return sample.image, sample.masks["skin"], told_by(read_labels(dataset.items[i].mask_path))


def test_a_view_shows_the_skin_and_what_is_about_it(tmp_path: Path) -> None:
    image, skin, told = frame(make_known(tmp_path, 6), 2)
    view = view_of(image, skin, told)
    assert view is not None
    assert view.image.shape == (SIDE, SIDE, 3)
    assert 0.1 < (view.skin > 127).mean() < 0.6
    assert set(np.unique(view.told)) == {0, 1}
    assert view_of(image, np.zeros_like(skin)) is None
    specks = np.zeros((4000, 4000), np.uint8)
    specks[::80, ::80] = 1
    assert view_of(np.zeros((4000, 4000, 3), np.uint8), specks) is None


def test_hair_and_eyes_are_hidden_and_freckles_do_not_show(tmp_path: Path) -> None:
    image, skin, told = frame(make_known(tmp_path, 6), 2)
    assert told.any()
    assert not (told & skin).any()
    other = image.copy()
    other[told == 1] = (200, 30, 200)
    one, two = (hidden(view) for each in (image, other) if (view := view_of(each, skin, told)))
    for first, second in zip(inputs(one), inputs(two), strict=True):
        # Hair's hue may reach one pixel of the rim where the picture is enlarged, and no farther.
        assert np.mean(np.abs(first.astype(float) - second) > 8) < 0.03
    freckled = image.copy()
    spots = np.zeros_like(skin)
    spots[::7, ::7] = 1
    freckled[(spots & skin) == 1] = freckled[(spots & skin) == 1] // 2
    plain, spotted = (view_of(each, skin, told) for each in (image, freckled))
    assert plain is not None
    assert spotted is not None
    inside = plain.skin == 255
    raw = np.abs(plain.image.astype(float) - spotted.image)[inside].max()
    seen = np.abs(inputs(plain)[0].astype(float) - inputs(spotted)[0])[inside].max()
    assert seen < 0.6 * raw


def test_grey_skin_shows_no_tone(tmp_path: Path) -> None:
    """The same picture with another skin gives the same inputs once the skin is grey."""
    image, skin, told = frame(make_known(tmp_path, 6), 0)
    dark = image.copy()
    dark[skin == 1] = (70, 45, 35)
    views = [greyed(view, 2) for each in (image, dark) if (view := view_of(each, skin, told))]
    for first, second in zip(inputs(views[0]), inputs(views[1]), strict=True):
        np.testing.assert_allclose(first, second, atol=0.05)
    assert (views[0].image[views[0].skin == 255] == GREY).all()


@given(st.floats(-90, 90), st.floats(1, 60))
def test_groups_are_integrals_of_the_answer(ita: float, deviation: float) -> None:
    found = groups_of(ita, deviation)
    assert sum(found) == pytest.approx(1)
    assert all(0 <= each <= 1 for each in found)
    assert found[0] == pytest.approx(1 - norm.cdf(55, ita, deviation), abs=1e-9)
    assert found[4] == pytest.approx(norm.cdf(10, ita, deviation) - norm.cdf(-30, ita, deviation), abs=1e-9)
    assert (
        1 + int(np.argmax(groups_of(ita, 0.01))) == fitzpatrick_of(ita)
        or min(abs(ita - edge) for edge in (55, 41, 28, 10, -30)) < 0.05
    )


def test_groups_are_shown_alike_often() -> None:
    groups = np.array([1] * 50 + [2] * 7 + [6] * 3)
    order = balanced(groups, np.random.default_rng(0))
    assert len(order) == 60
    assert np.bincount(groups[order])[[1, 2, 6]].tolist() == [20, 20, 20]


def test_calibration_undoes_a_lean_to_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers at .7 of the truth and with half the deviation they should have come out right."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(-60, 75, 600)
    said = iter(0.7 * truth + 5 + rng.normal(0, 7, 600))
    monkeypatch.setattr(training, "raw_answers", lambda *_: np.array([[next(said), 3.5]]))
    blank = np.zeros((SIDE, SIDE), np.uint8)
    view = View(np.zeros((SIDE, SIDE, 3), np.uint8), blank, blank, blank)
    known = [Shown(view, ita, fitzpatrick_of(ita)) for ita in truth]
    found = calibrate(None, known)  # type: ignore[arg-type]
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.intercept == pytest.approx(5, abs=1.5)
    answers = [calibrated(mean, 3.5, found) for mean in 0.7 * truth + 5 + rng.normal(0, 7, 600)]
    inside = np.mean([a.interval[0] <= t <= a.interval[1] for a, t in zip(answers, truth, strict=True)])
    assert 0.86 < inside < 0.94
    dark = truth < -30
    assert abs(np.mean([a.ita for a, d in zip(answers, dark, strict=True) if d] - truth[dark])) < 3
    few = calibrate(None, known[:5])  # type: ignore[arg-type]
    assert few == Calibration(frames=5)


@pytest.mark.slow
def test_a_stopped_training_goes_on_bit_for_bit_and_its_file_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = make_known(tmp_path / "set", 40)
    whole = train(dataset, tmp_path / "whole", SMALL, lambda _: None)
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            raise KeyboardInterrupt

    # Said before the state is written: the second epoch is lost with it.
    with pytest.raises(KeyboardInterrupt):
        train(dataset, tmp_path / "cut", SMALL, stop)
    assert (tmp_path / "cut" / STATE).is_file()
    with pytest.raises(UserError, match="seed 0, expected seed 1"):
        train(dataset, tmp_path / "cut", Options(**{**vars(SMALL), "seed": 1}), lambda _: None)
    again = train(dataset, tmp_path / "cut", SMALL, lines.append)
    assert lines[-1].startswith("epoch 2 of 2")
    assert again.sha256 == whole.sha256
    assert again.calibration == whole.calibration
    assert not (tmp_path / "cut" / STATE).exists()
    assert (tmp_path / "cut" / RESULT).is_file()
    train(dataset, tmp_path / "cut", SMALL, lines.append)
    assert lines[-1].endswith("finished before")

    loaded = load(tmp_path / "cut")
    answer = loaded.recognise(dataset[0])
    assert answer is not None
    assert answer.interval[0] < answer.ita < answer.interval[1]
    assert answer.group == 1 + int(np.argmax(answer.groups))

    rendered = str(tmp_path / "set")
    table = tmp_path / "tones.csv"
    recogniser = ["--recogniser", str(tmp_path / "cut")]
    assert main(["tones", "recognise", rendered, "--rendered", "--out", str(table), *recogniser]) == 0
    said = pd.read_csv(table)
    assert len(said) == 40
    assert set(said["tone"]) <= {1, 2, 3, 4, 5, 6}
    assert (said["low"] < said["high"]).all()
    out = tmp_path / "compared"
    assert main(["tones", "compare", "--rendered", rendered, *recogniser, "--out", str(out)]) == 0
    answers = pd.read_csv(out / "answers.csv")
    assert answers["source"].value_counts().to_dict() == {
        "ITA": 32, "recogniser": 32, "recogniser, skin in grey": 32,
    }  # fmt: skip
    text = (out / "compare.md").read_text(encoding="utf-8")
    assert "Tone fidelity, as recogniser sees it" in text
    assert "with the skin in grey: r" in text
    fidelity = pd.read_csv(out / "fidelity.csv")
    assert "light" in set(fidelity["attribute"])
    assert not {"scene: ita", "scene: fitzpatrick"} & set(fidelity["attribute"])

    fakes.make_pratheepan(tmp_path / "data" / "pratheepan", 6)
    assert main(["data", "check", str(tmp_path / "data"), "--json", *recogniser]) == 0
    assert '"recognised"' in capsys.readouterr().out


def test_no_recogniser_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="skinseg tones train"):
        load(tmp_path)
    (tmp_path / FILE).write_bytes(b"no weights")
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path)
    torch.save({"state_dict": {}}, tmp_path / FILE)
    with pytest.raises(UserError, match="KeyError"):
        load(tmp_path / FILE)
    fakes.make_rendered(tmp_path / "old", 12)
    with pytest.raises(UserError, match="columns people, ita are missing"):
        train(Rendered(tmp_path / "old"), tmp_path / "out", SMALL)


class Always:
    """Stands for a recogniser that says group 6 of everything."""

    def recognise(self, sample: Any) -> Any:
        return calibrated(-50.0, 1.0, Calibration())


def test_labels_go_before_a_recogniser_and_it_before_ita(tmp_path: Path) -> None:
    from skinseg.datasets.registry import open_dataset
    from skinseg.evaluation.score import tone_of

    stub: Recogniser = Always()  # type: ignore[assignment]
    fakes.make_pratheepan(tmp_path / "pratheepan", 6)
    sample = open_dataset("pratheepan", tmp_path)[0]
    _, source, ita = tone_of(sample)
    assert source == "estimated"
    assert tone_of(sample, stub) == (6, "recognised", ita)
    fakes.make_rendered(tmp_path / "rendered", 6)
    labelled = open_dataset("rendered", tmp_path / "rendered")[1]
    assert tone_of(labelled, stub)[:2] == (2, "labelled")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("untrained") / "a.ckpt"
    encoder = "tu-mobilenetv3_small_100"
    write(path, ToneNetwork(encoder, None), Calibration(), {"encoder": encoder})
    assert load(path).calibration == Calibration()
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoder": 3}, "encoder: 3 found"),
        ({"mean": [0.5]}, "mean: 1 is missing"),
        ({"std": [0.0, 1.0, 1.0]}, "std.0: 0.0 found"),
        ({"calibration": {"slope": 0.0}}, "calibration.slope: 0.0 found"),
        ({"calibration": {"spread": float("nan")}}, "calibration.spread: nan found"),
        ({"sha256": "0" * 64}, "not those that were written"),
        ({"encoder": "tu-mobilenetv3_small_050"}, "do not fit tu-mobilenetv3_small_050"),
        ({"format": 2}, "format 2, 1 expected"),
    ],
)
def test_a_recogniser_that_is_not_as_it_was_written_is_refused(
    change: dict[str, Any], said: str, untrained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.ckpt"
    content = torch.load(untrained, weights_only=True)
    if "encoder" in change:
        del content["skinseg tones"]["sha256"]
    content["skinseg tones"] |= change
    torch.save(content, path)
    with pytest.raises(UserError, match=said):
        load(path)
