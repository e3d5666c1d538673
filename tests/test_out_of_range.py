"""What is out of its range, or damaged, gets one sentence."""

import math
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.cli import main
from skinseg.curation.unpack import unpack
from skinseg.data.datamodule import SkinDataModule
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.evaluation.curves import read_curves
from skinseg.reports.results import _curves, _scenes
from skinseg.training.module import SkinPersonModule
from tests.fakes import fake, make_folder, make_rendered, write


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lr": -1.0}, "--model.lr -1: expected more than 0"),
        ({"lr": math.nan}, "--model.lr nan: expected more than 0"),
        ({"lr": math.inf}, "--model.lr inf: expected more than 0"),
        ({"size": 8224}, "--data.size 8224: a multiple of 32 pixels expected, up to 8192"),
        ({"seed": 1 << 32}, "--seed_everything 4294967296: expected 0 to 4294967295"),
        ({"decoder_channels": [8, 8, 0, 8, 8], "encoder_weights": None}, "expected 1 or more in each stage"),
        ({"warmup": 2.0}, "--model.warmup 2: expected a share from 0 to 1"),
        ({"dice": -0.5}, "--model.dice -0.5: expected 0 or more"),
        ({"weight_decay": math.nan}, "--model.weight_decay nan: expected 0 or more"),
        ({"person_weight": -1.0}, "--model.person_weight -1: expected 0 or more"),
    ],
)
def test_options_of_the_model(options: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SkinPersonModule(**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_workers": -1}, "--data.num_workers -1: expected 0 or more"),
        ({"cache_long_side": -4}, "--data.cache_long_side -4: expected 1 or more"),
        ({"cache_long_side": 0}, "--data.cache_long_side 0: expected 1 or more"),
        ({"limit_train": 0}, "--data.limit_train 0: expected 1 or more"),
        ({"mosaic": math.nan}, "--data.mosaic nan: expected a share"),
    ],
)
def test_options_of_the_data(options: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SkinDataModule(**options)


def test_a_name_with_nul(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.yaml"
    config.write_text('job: "a\\0b"\n')
    assert main(["fit", "--config", str(config), "--data.data_root", str(tmp_path)]) == 2
    assert r"--job 'a\x00b': a NUL character found" in capsys.readouterr().err


def test_masks_without_skin_are_not_trained_on(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos")
    for path in (root / "masks").iterdir():
        write(path.with_suffix(".png"), np.zeros_like(fake(0).skin, np.uint8))
        if path.suffix != ".png":
            path.unlink()
    module = SkinDataModule("folder", str(root), size=64, cache_dir=str(tmp_path / "cache"))
    with pytest.raises(UserError, match="images to train on has a pixel of skin"):
        module.prepare_data()


def test_a_file_without_a_name_in_a_zip(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x", "y")
    data = bytearray(archive.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 28], data[entry + 30] = 0, 1  # the name's byte belongs to what follows it
    archive.write_bytes(data)
    with pytest.raises(UserError, match="a file without a name in it"):
        unpack([archive], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch,val/skin_miou\n0,good\n", "words in the column val/skin_miou found"),
        ("epoch,val/skin_miou\nfirst,0.5\n", "words in the column epoch found"),
        ("epoch,val/skin_miou\n0.5,0.5\n", "epochs that are no whole numbers"),
        ("epoch,val/skin_miou\n1,0.5\n1,0.6\n", "epochs that are no whole numbers, each once,"),
        ("epoch,val/skin_miou\ninf,0.5\n", "epochs that are no whole numbers"),
        ("", "not a table"),
        ("\xff\xfe\n", "lacks the column epoch"),
    ],
)
def test_damaged_curves(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        _curves(tmp_path / "curves.csv", tmp_path)


def test_lines_of_metrics_that_are_none_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "metrics.csv").write_text("epoch,val/skin_miou\n0,0.5\nx,0.6\n1,bad\n2,0.7\n")
    curves = read_curves(tmp_path / "checkpoints" / "best.ckpt")
    assert curves is not None
    assert curves["epoch"].tolist() == [0, 1, 2]
    assert curves["val/skin_miou"].dropna().tolist() == [0.5, 0.7]


@pytest.mark.parametrize(
    "change",
    [
        {"fitzpatrick": [None] * 12},
        {"fitzpatrick": [7] * 12},
        {"fitzpatrick": ["I"] * 12},
        {"image": [3] * 12},
        {"image": ["000000.png"] * 12},
    ],
)
def test_damaged_scenes_of_a_set(tmp_path: Path, change: dict[str, list[object]]) -> None:
    path = make_rendered(tmp_path / "set") / "scenes.parquet"
    pd.read_parquet(path).assign(**change).to_parquet(path)
    with pytest.raises(UserError, match=r"scenes.parquet: a row of image .* found"):
        Rendered(tmp_path / "set")


def test_every_flipped_byte_of_scenes_is_read_or_a_sentence(tmp_path: Path) -> None:
    path = make_rendered(tmp_path / "set") / "scenes.parquet"
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for place in rng.integers(0, len(whole), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        for read in (lambda: Rendered(tmp_path / "set"), lambda: _scenes(path)):
            try:
                read()
            except UserError as error:
                assert "scenes.parquet" in str(error)  # noqa: PT017
