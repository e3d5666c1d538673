"""Every kind of image file comes out as the pixels a viewer shows, or as one sentence that names it."""

import io
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from skinseg.data.cache import open_cache
from skinseg.datasets.decoding import (
    Stored,
    binary_mask,
    cut_out_mask,
    read_image,
    read_mask_pixels,
    read_stored,
    turn,
)
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE
from skinseg.errors import UserError
from tests import fakes

PATH = Path("mask.png")


def scene(height: int = 40, width: int = 60) -> np.ndarray:
    """A smooth picture, uint8 (H, W, 3), that differs under every turn and survives JPEG."""
    y, x = np.mgrid[:height, :width] / (height, width)[0]
    return np.stack([60 + 120 * y, 40 + 90 * x, 200 - 80 * x * y], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["jpeg", "JPG", "PNG", "bmp", "tif", "TIFF", "webp"])
def test_any_ending_is_read_by_its_content(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"Photo (1) [a b].{suffix}"
    Image.fromarray(scene()).save(path)
    np.testing.assert_allclose(read_image(path).astype(int), scene(), atol=10)


@pytest.mark.parametrize(
    ("mode", "suffix", "atol"),
    [
        ("L", "png", 0),
        ("P", "png", 0),
        ("RGBA", "png", 0),
        ("LA", "png", 0),
        ("1", "png", 0),
        ("CMYK", "jpg", 8),
    ],
)
def test_any_mode_is_read_as_pillow_converts_it(mode: str, suffix: str, atol: int, tmp_path: Path) -> None:
    image = Image.fromarray(scene()).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(scene()[:, :, 0]))  # colours are taken as stored, not blended
    path = tmp_path / f"image.{suffix}"
    image.save(path)
    with PIL.Image.open(path) as reopened:
        assert reopened.mode == mode
        expected = np.asarray(reopened.convert("RGB")).astype(int)
    found = read_image(path)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found.astype(int), expected, atol=atol)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_the_upper_eight(suffix: str, tmp_path: Path) -> None:
    deep = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60) * 27
    path = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(path), deep)
    np.testing.assert_array_equal(read_image(path), np.repeat((deep >> 8)[:, :, None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_images_are_turned_as_exif_says(orientation: int, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"turned.{suffix}"
    save_oriented(path, scene(), orientation)
    with PIL.Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert read_stored(path).orientation == orientation
    np.testing.assert_allclose(read_image(path).astype(int), expected.astype(int), atol=3)


def save_oriented(path: Path, pixels: np.ndarray, orientation: int) -> None:
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)


def test_a_mask_is_turned_with_its_image_where_their_sizes_say_so(tmp_path: Path) -> None:
    stored = scene(40, 60)
    shown = turn(stored, 6)
    photo, mask = tmp_path / "photo.jpg", tmp_path / "mask.png"
    save_oriented(photo, stored, 6)
    image = read_stored(photo)
    for drawn_on in (stored, shown):
        skin = (drawn_on[:, :, :1] > 100).repeat(3, axis=2).astype(np.uint8) * 255
        fakes.write(mask, skin)
        found = read_mask_pixels(mask, image, photo)
        assert found.shape == shown.shape
        np.testing.assert_array_equal(found, skin if drawn_on is shown else turn(skin, 6))
    save_oriented(mask, stored, 6)  # a mask with a turn of its own
    np.testing.assert_array_equal(read_mask_pixels(mask, image, photo), shown)


@pytest.mark.parametrize(("orientation", "height", "width"), [(3, 40, 60), (2, 40, 60), (6, 50, 50)])
def test_a_turn_that_no_size_tells_is_refused(
    orientation: int, height: int, width: int, tmp_path: Path
) -> None:
    photo, mask = tmp_path / "photo.jpg", tmp_path / "mask.png"
    save_oriented(photo, scene(height, width), orientation)
    fakes.write(mask, np.zeros((height, width), np.uint8))
    with pytest.raises(UserError, match=r"mask\.png.*fit its image photo\.jpg both as stored and as turned"):
        read_mask_pixels(mask, read_stored(photo), photo)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.4, 0.7, 0.95])
def test_a_file_that_is_cut_off_is_named(suffix: str, kept: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UserError, match=rf"cut\.{suffix}"):
        read_image(path)


def test_a_progressive_jpeg_that_lost_its_last_scans_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "progressive.jpg"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)).save(path, progressive=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rfind(b"\xff\xda") - 2])
    with pytest.raises(UserError, match="the JPEG is cut off"):
        read_image(path)


def test_the_smallest_image_goes_all_the_way_into_the_cache(tmp_path: Path) -> None:
    root = fakes.make_folder(tmp_path / "own", 3)
    fakes.write(root / "images" / "dot.png", np.full((1, 1, 3), 200, np.uint8))
    fakes.write(root / "masks" / "dot.png", np.full((1, 1), 255, np.uint8))
    dataset = open_dataset("folder", root)
    cache = open_cache(dataset, 32, tmp_path / "cache")
    sample = cache.sample(cache.position["dot"])
    assert sample.image.shape == (1, 1, 3)
    assert sample.skin is not None
    assert sample.skin.tolist() == [[1]]


@pytest.mark.slow  # a gigabyte, seconds
def test_a_very_large_image_is_read_and_shrunk(tmp_path: Path) -> None:
    root = tmp_path / "own"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
        Image.new("L", (12_000, 9_000), 255).save(root / folder / "poster.png", compress_level=1)
    cache = open_cache(open_dataset("folder", root), 64, tmp_path / "cache")
    sample = cache.sample(0)
    assert sample.image.shape == (48, 64, 3)
    assert sample.skin is not None
    assert (sample.skin == 1).all()


# ------------------------------------------------------------------------------------------- mask bytes

bits = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12))


def as_pixels(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels.astype(np.uint8)[:, :, None], 3, axis=2)


@given(white=bits, data=st.data())
def test_any_near_black_and_near_white_is_the_same_mask(white: np.ndarray, data: st.DataObject) -> None:
    noise = data.draw(arrays.arrays(np.int64, white.shape, elements=st.integers(0, 31)))
    levels = np.where(white, 255 - noise, noise)
    if set(np.unique(levels)) == {0, 1}:  # labels or noise: refused, see below
        return
    mask = binary_mask(as_pixels(levels), PATH)
    np.testing.assert_array_equal(mask, white)
    inverted = binary_mask(as_pixels(levels), PATH, foreground_is_white=False)
    np.testing.assert_array_equal(inverted, ~white)


@given(levels=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_any_grey_image_is_a_mask_of_three_values_or_refused(levels: np.ndarray) -> None:
    grey = (levels < 223) & (levels > 32)
    refused = grey.mean() > 0.3 or set(np.unique(levels)) == {0, 1}
    for ignore_grey in (False, True):
        if refused:
            with pytest.raises(UserError, match=str(PATH)):
                binary_mask(as_pixels(levels), PATH, grey_share=0.3, ignore_grey=ignore_grey)
            continue
        mask = binary_mask(as_pixels(levels), PATH, grey_share=0.3, ignore_grey=ignore_grey)
        assert mask.shape == levels.shape
        assert mask.dtype == np.uint8
        assert ((mask == IGNORE) == (grey & ignore_grey)).all()
        np.testing.assert_array_equal(mask[mask != IGNORE], (levels > 127)[mask != IGNORE])


@given(image=arrays.arrays(np.uint8, (6, 7, 3)), skin=arrays.arrays(np.bool_, (6, 7)), on_white=st.booleans())
def test_a_cut_out_is_skin_where_it_is_surely_not_paper(
    image: np.ndarray, skin: np.ndarray, on_white: bool
) -> None:
    pixels = np.where(skin[:, :, None], image, 255 if on_white else 0).astype(np.uint8)
    distance = 255 - pixels.min(axis=2).astype(int) if on_white else pixels.max(axis=2).astype(int)
    mask = cut_out_mask(pixels, image, PATH, on_white=on_white, sure=24, unsure=8)
    np.testing.assert_array_equal(mask == FOREGROUND, distance > 24)
    np.testing.assert_array_equal(mask == BACKGROUND, distance <= 8)
    decided = cut_out_mask(pixels, image, PATH, on_white=on_white, sure=24, unsure=8, ignore_unsure=False)
    np.testing.assert_array_equal(decided, distance > 24)
    assert not (mask[~skin] == FOREGROUND).any()


@pytest.mark.parametrize("quality", [60, 75, 95])
def test_a_jpeg_mask_is_read_through_its_noise(quality: int) -> None:
    skin = np.zeros((200, 200), np.uint8)
    cv2.circle(skin, (100, 100), 60, 255, -1)
    file = io.BytesIO()
    Image.fromarray(skin).save(file, "JPEG", quality=quality)
    levels = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert len(np.unique(levels)) > 2
    mask = binary_mask(as_pixels(levels), PATH, grey_share=0.1)
    assert (mask != (skin > 0)).mean() < 0.003


def test_a_mask_of_zeros_and_ones_is_refused_where_its_form_is_published() -> None:
    with pytest.raises(UserError, match="0 and 1 are its only levels"):
        binary_mask(as_pixels(np.eye(4)), PATH)
    assert (binary_mask(as_pixels(np.zeros((4, 4))), PATH) == 0).all()


def test_reading_a_mask_leaves_the_image_alone(tmp_path: Path) -> None:
    fakes.write(tmp_path / "mask.png", np.zeros((40, 60), np.uint8))
    image = Stored(scene(), 1)
    read_mask_pixels(tmp_path / "mask.png", image, tmp_path / "image.png")
    np.testing.assert_array_equal(image.pixels, scene())
