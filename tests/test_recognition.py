"""The recogniser of tones: what it is shown, what it may not use, its training, its file and its answers."""

import dataclasses
import json
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
from skinseg.recognition.camera import linear, taken, undone
from skinseg.recognition.network import FEATURES, ToneNetwork, features_of
from skinseg.recognition.recogniser import FILE, Calibration, Recogniser, calibrated, groups_of, load, write
from skinseg.recognition.training import RESULT, Known, Options, balanced, calibrate, shown, train
from skinseg.recognition.view import PIXELS, view_of
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.rendering.develop import develop
from skinseg.synthetic.scene import Camera, Scene
from skinseg.tones.ita import fitzpatrick_of, ita_of, linear_to_lab
from tests import fakes

SMALL = Options(epochs=2, batch_size=4)


def make_known(root: Path, count: int = 24) -> Rendered:
    """A fake set whose table says what a rendered one's does; every fifth frame shows two people."""
    fakes.make_rendered(root, count)
    rng = np.random.default_rng(0)
    table = pd.read_parquet(root / "scenes.parquet")
    middles = [65.0, 48.0, 34.0, 19.0, -10.0, -45.0]
    table["ita"] = [middles[group - 1] for group in table["fitzpatrick"]]
    table["people"] = [2 if i % 5 == 4 else 1 for i in table["index"]]
    table["outdoors"] = table["index"] % 2 == 0
    table["temperature"] = 3000.0 + 1000 * (table["index"] % 4)
    table["clothed"] = table["index"] % 3 == 0
    table["scene"] = [
        json.dumps(
            {
                "people": [{"skin": {"seed": i}, "body": {"phenotype": {"age": 0.8}}}],
                "camera": {
                    "exposure": rng.normal(0, 0.5), "white_balance": list(rng.normal(0, 0.15, 2)),
                    "contrast": 1.1, "saturation": rng.uniform(0.6, 1.4),
                },
            }
        )
        for i in table["index"]
    ]  # fmt: skip
    table.to_parquet(root / "scenes.parquet")
    return Rendered(root)


def test_a_view_shows_the_skin_and_nothing_else(tmp_path: Path) -> None:
    """Whatever is beside the skin: the view is the same, and of a skin in grey it is all grey."""
    sample = make_known(tmp_path, 6)[2]
    image, skin = sample.image, sample.masks["skin"]
    image[skin == 1] = (200, 150, 120)
    view = view_of(image, skin)
    assert view is not None
    assert view.shape == (PIXELS, 3)
    assert (view == (200, 150, 120)).all()
    skin[:3], image[:3] = 255, 0  # unsure pixels are none
    assert (view_of(image, skin) == view).all()
    assert view_of(image, np.zeros_like(skin)) is None
    specks = np.zeros((4000, 4000), np.uint8)
    specks[::80, ::80] = 1
    far_apart = view_of(np.full((4000, 4000, 3), 90, np.uint8) * specks[..., None], specks)
    assert far_apart is not None
    assert (far_apart == 90).all()


def test_freckles_do_not_show() -> None:
    freckled, skin = np.full((480, 480, 3), 180, np.uint8), np.ones((480, 480), np.uint8)
    freckled[::7, ::7] = 90
    spotted = view_of(freckled, skin)
    assert spotted is not None
    assert spotted.min() > 160


def scene(camera: Camera) -> Scene:
    return dataclasses.replace(draw_scene(GeneratorConfig(), 0, 0), camera=camera)


def test_a_camera_is_undone_and_another_takes_its_place() -> None:
    """What `develop` does to light of known cameras, but for its metering, lens, noise and file."""
    rng = np.random.default_rng(0)
    plain = dataclasses.replace(
        draw_scene(GeneratorConfig(), 0, 0).camera, vignette=0.0, blur=0.0, motion=(0.0, 0.0), noise=0.0, jpeg=0
    )  # fmt: skip
    settings = ((0.3, 0.1, -0.1, 1.2, 0.8), (-0.4, 0.0, 0.2, 0.9, 1.3))
    linear_light = rng.uniform(0.02, 0.5, (16, 16, 3)).astype(np.float32)
    pictures = []
    for exposure, red, blue, contrast, saturation in settings:
        camera = dataclasses.replace(
            plain, exposure=exposure, white_balance=(red, blue), contrast=contrast, saturation=saturation
        )
        picture, _ = develop(linear_light, np.zeros((16, 16), np.uint8), scene(camera))
        pictures.append(torch.from_numpy(picture.reshape(1, -1, 3)))
    cameras = torch.tensor(settings)
    there = taken(undone(linear(pictures[0]), cameras[:1]), cameras[1:])
    wanted = linear(pictures[1])
    assert torch.quantile((there - wanted).abs(), 0.95) < 0.02
    again = taken(undone(linear(pictures[0]), cameras[:1]), cameras[:1])
    assert (again - linear(pictures[0])).abs().max() < 0.01


def test_features_are_the_lab_of_shades() -> None:
    light = torch.rand(2, PIXELS, 3, generator=torch.Generator().manual_seed(0))
    found = features_of(light)
    assert found.shape == (2, FEATURES)
    lab = linear_to_lab(light[0].numpy())
    lab = lab[np.argsort(lab[:, 0])].reshape(12, -1, 3).mean(axis=1)
    np.testing.assert_allclose(found[0, :36].numpy().reshape(12, 3), lab / 40, atol=1e-3)
    assert found[0, -1].item() == pytest.approx(float(ita_of(lab[6:11].mean(axis=0))) / 40, abs=1e-3)


def test_training_shows_a_frame_through_the_cameras_of_others() -> None:
    view = np.full((PIXELS, 3), 90, np.uint8)
    cameras = np.array([[0, 0, 0, 1, 1], [1, 0, 0, 1, 1]], np.float32)
    known = Known.of([view, view], cameras, [10.0, -40.0], [4, 6])
    features, ita = shown(known, np.zeros(40, np.intp), np.random.default_rng(0))
    assert (ita == 10).all()
    lightness = 40 * features[:, 0]
    assert len(lightness.unique()) == 2, "its own camera, and the other"
    assert lightness.max() - lightness.min() > 10


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


class Leaning:
    """Stands for a network that answers .7 of the truth, with half the deviation that would be right."""

    def __init__(self, truth: np.ndarray) -> None:
        self.truth, self.rng = truth, np.random.default_rng(1)

    def __call__(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        said = 0.7 * self.truth + 5 + self.rng.normal(0, 7, len(self.truth))
        return torch.tensor(said)[None], torch.full((1, len(self.truth)), 3.5, dtype=torch.float64)


def test_calibration_undoes_a_lean_to_the_middle() -> None:
    """Answers come out right, and their intervals wide enough."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(-60, 75, 600)
    view = np.full((PIXELS, 3), 90, np.uint8)
    camera = np.array([[0, 0, 0, 1, 1]], np.float32)

    def frames(ita: np.ndarray) -> Known:
        groups = [fitzpatrick_of(each) for each in ita]
        return Known.of([view] * len(ita), camera.repeat(len(ita), 0), list(ita), groups)

    found = calibrate(Leaning(truth), frames(truth))  # type: ignore[arg-type]
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.intercept == pytest.approx(5, abs=1.5)
    answers = [calibrated(mean, 3.5, found) for mean in 0.7 * truth + 5 + rng.normal(0, 7, 600)]
    inside = np.mean([a.interval[0] <= t <= a.interval[1] for a, t in zip(answers, truth, strict=True)])
    assert 0.86 < inside < 0.94
    dark = truth < -30
    assert abs(np.mean([a.ita for a, d in zip(answers, dark, strict=True) if d] - truth[dark])) < 3
    assert calibrate(Leaning(truth[:5]), frames(truth[:5])) == Calibration(frames=5)  # type: ignore[arg-type]


def test_a_training_is_repeatable_and_its_file_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = make_known(tmp_path / "set", 40)
    lines: list[str] = []
    whole = train(dataset, tmp_path / "whole", SMALL, lines.append)
    again = train(dataset, tmp_path / "cut", SMALL, lines.append)
    assert lines[-1].startswith("epoch 2 of 2")
    assert again.sha256 == whole.sha256
    assert again.calibration == whole.calibration
    assert (tmp_path / "cut" / RESULT).is_file()
    train(dataset, tmp_path / "cut", SMALL, lines.append)
    assert lines[-1].endswith("finished before")
    with pytest.raises(UserError, match="seed 0, expected seed 1"):
        train(dataset, tmp_path / "cut", dataclasses.replace(SMALL, seed=1), lines.append)

    loaded = load(tmp_path / "cut")
    answer = loaded.recognise(dataset[0])
    assert answer is not None
    assert answer.interval[0] < answer.ita < answer.interval[1]
    assert answer.group == 1 + int(np.searchsorted(np.cumsum(answer.groups), 0.5))

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
    assert answers["source"].value_counts().to_dict() == {"ITA": 32, "recogniser": 32}
    text = (out / "compare.md").read_text(encoding="utf-8")
    assert "Tone fidelity, as recogniser sees it" in text
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
    with pytest.raises(UserError, match="no recogniser's record"):
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
    write(path, ToneNetwork(2, 8), Calibration(), {})
    assert load(path).calibration == Calibration()
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"members": "3"}, "members: '3' found"),
        ({"width": 0}, "width: 0 found"),
        ({"width": 10**9}, "width: 1000000000 found"),
        ({"calibration": {"slope": 0.0}}, "calibration.slope: 0.0 found"),
        ({"calibration": {"spread": float("nan")}}, "calibration.spread: nan found"),
        ({"sha256": "0" * 64}, "not those that were written"),
        ({"width": 9}, "do not fit its record"),
        ({"format": 1}, "format 1, 2 expected"),
    ],
)
def test_a_recogniser_that_is_not_as_it_was_written_is_refused(
    change: dict[str, Any], said: str, untrained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.ckpt"
    content = torch.load(untrained, weights_only=True)
    content["skinseg tones"] |= change
    torch.save(content, path)
    with pytest.raises(UserError, match=said):
        load(path)
