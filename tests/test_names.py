"""Names of files are bytes, and the same name may be written in two ways: ids are one form of it, and text."""

import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from skinseg.cli import main
from skinseg.data.cache import open_cache
from skinseg.data.splits import make_split
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.folder import Folder
from skinseg.evaluation.masks import MaskFolder
from skinseg.evaluation.panels import panel_paths, write_panel
from skinseg.images.files import canonical
from skinseg.reports.results import read_results
from tests.fakes import fake, make_folder, write
from tests.test_models_checkpoint import saved

NAMES = ("für", "é", "naïve", "å", "señor", "Ö", "ế", "ça", "ñu", "Zoë")


def pairs(root: Path, images: str, masks: str, table: bool = False) -> Path:
    for i, name in enumerate(NAMES):
        written = {form: unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
        write(root / "images" / f"{written[images]}.jpg", fake(i).image)
        write(root / "masks" / f"{written[masks]}.png", fake(i).skin.astype("uint8") * 255)
    if table:
        lines = (unicodedata.normalize("NFC", f"images/{name}.jpg,masks/{name}.png\n") for name in NAMES)
        (root / "pairs.csv").write_text("image,mask\n" + "".join(lines))
    return root


def test_two_forms_of_a_name_pair_and_give_one_split(tmp_path: Path) -> None:
    here, there, mixed = (
        Folder(pairs(tmp_path / name / "photos", *forms))
        for name, forms in (("a", ("NFC", "NFC")), ("b", ("NFD", "NFD")), ("c", ("NFC", "NFD")))
    )
    ids = [item.image_id for item in here.items]
    assert ids == sorted(NAMES)
    for other in (there, mixed):
        assert [item.image_id for item in other.items] == ids
        assert make_split(other).hash == make_split(here).hash
        assert fingerprint(other, tmp_path / "cache") == fingerprint(here, tmp_path / "cache")


def test_a_table_of_pairs_may_be_of_another_form_than_the_disk(tmp_path: Path) -> None:
    dataset = Folder(pairs(tmp_path / "photos", "NFD", "NFD", table=True))
    assert [item.image_id for item in dataset.items] == sorted(f"images/{name}" for name in NAMES)
    split = tmp_path / "split.csv"
    split.write_text(
        "image,part\n" + "".join(f"{unicodedata.normalize('NFD', f'images/{n}.jpg')},test\n" for n in NAMES)
    )
    assert len(make_split(dataset, file=split).test) == len(NAMES)


def test_masks_to_score_are_found_by_either_form(tmp_path: Path) -> None:
    dataset = Folder(pairs(tmp_path / "photos", "NFC", "NFC"))
    shutil.copytree(pairs(tmp_path / "other", "NFD", "NFD") / "masks", tmp_path / "scored" / "skin")
    folder = MaskFolder(tmp_path / "scored", [(dataset, sorted(NAMES))])
    assert folder.prepare(dataset[0])["skin"].shape == dataset[0].image.shape[:2]


def test_a_name_that_is_no_text_goes_all_the_way(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    make_folder(tmp_path / "photos").rename(root)  # OpenCV crashes where it has to write to such a name
    for part in ("images", "masks"):
        path = next(path for path in (root / part).iterdir() if path.stem == "photo-03")
        path.rename(path.with_name(os.fsdecode(b"caf\xe9") + path.suffix))
    dataset = Folder(root)
    place = [item.image_id for item in dataset.items].index(r"caf\xe9")
    assert canonical(os.fsdecode(b"caf\xe9")) == r"caf\xe9"
    dataset.name.encode()
    assert len(make_split(dataset).hash) == 12
    cache = open_cache(dataset, 64, tmp_path / "cache")
    assert cache.position[r"caf\xe9"] == place
    panels = panel_paths(tmp_path / "results", dataset.name, r"caf\xe9")
    write_panel(panels, dataset[0].image, dataset[0].image[..., 0])
    assert panels[0].is_file()


def test_check_says_such_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_folder(tmp_path / "photos", 12)
    (root / "images" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"no picture")
    assert main(["data", "check", str(root)]) == 2
    assert "caf" in capsys.readouterr().out


def test_a_panel_of_a_long_name_has_a_short_one(tmp_path: Path) -> None:
    paths = panel_paths(tmp_path, "set", "é" * 120)
    write_panel(paths, fake(0).image, fake(0).image[..., 0])
    assert all(path.is_file() for path in paths)


def test_predict_goes_on_after_a_name_without_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path / "model.ckpt")
    long, odd = "a" * 245, os.fsdecode(b"caf\xe9")
    for name in (long, odd, "z"):
        write(tmp_path / "z.jpg", fake(0).image)
        (tmp_path / "photos").mkdir(exist_ok=True)
        shutil.copy(tmp_path / "z.jpg", tmp_path / "photos" / f"{name}.jpg")
    out = tmp_path / "out"
    arguments = ["predict", str(tmp_path / "photos"), "--checkpoint", str(tmp_path / "model.ckpt")]
    assert main([*arguments, "--out", str(out), "--device", "cpu"]) == 1
    said = capsys.readouterr().out
    assert f"skipped: {tmp_path / 'photos' / long}.jpg: {long}_person.png has 256 bytes, more than" in said
    assert (out / "z_skin.png").is_file()
    assert (out / f"{odd}_skin.png").is_file()


@pytest.mark.slow
def test_a_checkpoint_whose_path_is_no_text_is_scored(tmp_path: Path) -> None:
    checkpoint = tmp_path / os.fsdecode(b"caf\xe9.ckpt")
    saved(tmp_path / "model.ckpt")
    (tmp_path / "model.ckpt").rename(checkpoint)
    make_folder(tmp_path / "data" / "photos", 12)
    words = [
        "--data-root",
        str(tmp_path / "data"),
        "--device",
        "cpu",
        "--out",
        str(tmp_path / "out"),
        "--no-wandb",
    ]
    assert main(["evaluate", "--checkpoint", str(checkpoint), *words]) == 0
    assert read_results(tmp_path / "out").run["checkpoint"].endswith(r"caf\xe9.ckpt")
