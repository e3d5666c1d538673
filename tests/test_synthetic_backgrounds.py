"""The user's photographs: found, checked, and read back only unchanged."""

import hashlib
import pickle

import cv2
import numpy as np
import pytest
from PIL import Image

from skinseg.errors import UserError
from skinseg.synthetic.room import backgrounds
from skinseg.synthetic.room.backgrounds import Photos, find_photos, load_photo


def photo(path, height=40, width=60, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.resize(pixels, (width, height)))
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_photographs_are_found_in_all_folders_and_endings(tmp_path):
    names = ["b.jpg", "A.PNG", "deep/er/c.jpeg", "deep/d.webp", "e.bmp", "f.TIF"]
    for number, name in enumerate(names):
        photo(tmp_path / name, seed=number)
    photo(tmp_path / ".trash" / "g.jpg")
    (tmp_path / "._b.jpg").write_bytes(b"what a system left")
    (tmp_path / "notes.txt").write_text("no photograph")
    photos = find_photos(tmp_path)
    assert photos.folder == tmp_path
    assert photos.names == tuple(sorted(names))
    assert photos.hashes == tuple(digest(tmp_path / name) for name in photos.names)
    assert pickle.loads(pickle.dumps(photos)) == photos
    assert isinstance(photos, Photos)


def test_a_photograph_is_read_as_rgb(tmp_path):
    path = tmp_path / "red.png"
    cv2.imwrite(str(path), np.full((8, 9, 3), (0, 0, 200), np.uint8))
    pixels = load_photo(tmp_path, "red.png", digest(path))
    assert pixels.shape == (8, 9, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == (200, 0, 0)).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize(("height", "width"), [(1500, 1100), (900, 4100), (300, 200), (10, 9000)])
def test_a_large_photograph_is_made_smaller(tmp_path, name, height, width):
    path = photo(tmp_path / name, height, width)
    pixels = load_photo(tmp_path, name, digest(path))
    assert max(pixels.shape) == min(max(height, width), 1024)
    assert pixels.shape[0] / pixels.shape[1] == pytest.approx(height / width, rel=0.1, abs=0.002)


def test_exif_orientation_is_honoured(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    Image.new("RGB", (60, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert load_photo(tmp_path, "a.jpg", digest(tmp_path / "a.jpg")).shape == (60, 20, 3)


def test_other_depths_and_channels_become_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((8, 8), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "alpha.png"), np.full((8, 8, 4), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((8, 8, 3), 90 * 257, np.uint16))
    Image.new("CMYK", (8, 8)).save(tmp_path / "cmyk.jpg")
    photos = find_photos(tmp_path)
    for name, found in zip(photos.names, photos.hashes, strict=True):
        pixels = load_photo(tmp_path, name, found)
        assert pixels.shape == (8, 8, 3)
        assert pixels.dtype == np.uint8


def test_a_changed_photograph_is_refused(tmp_path):
    path = photo(tmp_path / "a.png")
    before = digest(path)
    photo(path, seed=1)
    with pytest.raises(UserError, match=r"a\.png: the photograph changed since"):
        load_photo(tmp_path, "a.png", before)
    path.unlink()
    with pytest.raises(UserError, match=r"a\.png: cannot be read"):
        load_photo(tmp_path, "a.png", before)


def test_a_missing_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_photos(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path):
    with pytest.raises(UserError, match="not a folder"):
        find_photos(photo(tmp_path / "a.jpg"))


def test_an_unreadable_folder(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(backgrounds.os, "scandir", denied)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
        find_photos(tmp_path)


def test_a_folder_without_photographs_says_what_is_read(tmp_path):
    (tmp_path / "notes.txt").write_text("no photograph")
    with pytest.raises(UserError, match=r"no photograph.*\.jpg, \.jpeg, \.png"):
        find_photos(tmp_path)


def test_broken_photographs_are_counted_and_named(tmp_path):
    whole = photo(tmp_path / "whole.jpg", 200, 200).read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "c.jpg").write_bytes(b"")
    (tmp_path / "d.webp").write_bytes(whole[:3])
    with pytest.raises(UserError) as caught:
        find_photos(tmp_path)
    message = str(caught.value)
    assert "4 of 5 photographs cannot be used" in message
    assert "a.jpg (the JPEG is cut off)" in message
    assert "c.jpg" in message
    assert "d.webp" not in message
    assert "and 1 more" in message
    assert "remove them" in message
    with pytest.raises(UserError, match=r"b\.png: does not decode"):
        load_photo(tmp_path, "b.png", digest(tmp_path / "b.png"))


@pytest.mark.slow
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path):
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    Image.new("1", (9_100, 9_100)).save(tmp_path / "large.png")
    with pytest.raises(UserError, match=r"bomb\.png \(more than 80 million pixels\)"):
        find_photos(tmp_path)
    with pytest.raises(UserError, match="9100 × 9100 pixels"):
        load_photo(tmp_path, "large.png", digest(tmp_path / "large.png"))
