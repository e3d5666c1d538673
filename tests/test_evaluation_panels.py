"""Panels lie inside the results folder, whatever an image is called."""

from pathlib import Path

import pytest

from skinseg.evaluation.panels import panel_paths


@pytest.mark.parametrize("image_id", ["/photos/a", "../a", "album/../../../a", "//a"])
def test_a_panel_of_an_image_from_outside_lies_inside(tmp_path: Path, image_id: str) -> None:
    folder = tmp_path / "panels" / "mine"
    for path in panel_paths(tmp_path, "mine", image_id):
        assert path.resolve().is_relative_to(folder.resolve())


def test_panels_of_different_images_have_different_names(tmp_path: Path) -> None:
    ids = ["/photos/a", "../photos/a", "../../photos/a", "photos/a", "a"]
    assert len({panel_paths(tmp_path, "mine", image_id) for image_id in ids}) == len(ids)


def test_an_ordinary_id_keeps_its_name(tmp_path: Path) -> None:
    assert panel_paths(tmp_path, "mine", "album/a")[0] == tmp_path / "panels/mine/album/a.photo.webp"
