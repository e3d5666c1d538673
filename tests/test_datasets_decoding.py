"""Every kind of image file comes out as the pixels a viewer shows, or as one sentence that names it."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms, ImageOps

from skinseg.data.cache import open_cache
from skinseg.datasets.mask_forms import binary_mask, cut_out_mask, read_mask_pixels
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE
from skinseg.errors import UserError
from skinseg.images.decoding import Stored, read_image, read_levels, read_stored, turn
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
    assert sample.masks["skin"].tolist() == [[1]]


@pytest.mark.slow  # a gigabyte, seconds
def test_a_very_large_image_is_read_and_shrunk(tmp_path: Path) -> None:
    root = tmp_path / "own"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
        Image.new("L", (12_000, 9_000), 255).save(root / folder / "poster.png", compress_level=1)
    cache = open_cache(open_dataset("folder", root), 64, tmp_path / "cache")
    sample = cache.sample(0)
    assert sample.image.shape == (48, 64, 3)
    assert (sample.masks["skin"] == 1).all()


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


# ------------------------------------------------------------------------------------- foreign containers


@pytest.mark.parametrize(
    "tail", [b"\0" * 500, b"ftypmp42" + bytes(range(256)) * 40, b"\xff\xd8\xff\xda junk \xff"]
)
def test_what_lies_behind_a_jpegs_end_is_not_its_concern(tail: bytes, tmp_path: Path) -> None:
    """Phones append a video to a photograph, cameras a preview."""
    path = tmp_path / "motion.jpg"
    Image.fromarray(scene()).save(path, quality=95)
    expected = read_image(path)
    path.write_bytes(path.read_bytes() + tail)
    np.testing.assert_array_equal(read_image(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["webp", "tif", "avif"])
def test_every_container_that_carries_a_turn_is_turned(orientation: int, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"turned.{suffix}"
    save_oriented(path, scene(), orientation)
    expected = np.asarray(ImageOps.exif_transpose(tagged(orientation)))
    assert read_image(path).shape == expected.shape
    np.testing.assert_allclose(read_image(path).astype(int), expected.astype(int), atol=20)


def tagged(orientation: int) -> PIL.Image.Image:
    image = Image.fromarray(scene())
    image.getexif()[0x0112] = orientation
    return image


def test_heic_is_read_where_its_reader_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    path = tmp_path / "phone.HEIC"
    Image.fromarray(scene()).save(path, format="HEIF", quality=100)
    np.testing.assert_allclose(read_image(path).astype(int), scene(), atol=10)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_without_its_reader_says_what_it_needs(
    brand: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x1cftyp" + brand + b"\0\0\0\0mif1heic")
    with pytest.raises(UserError, match=r"phone\.heic: a HEIC picture, which needs pillow-heif; .*heic"):
        read_image(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
@pytest.mark.parametrize(
    ("shape", "kind", "read"),
    [
        ((64, 64, 3), np.uint8, read_image),
        ((64, 64), np.uint8, lambda path: read_levels(path).turned),
        ((64, 64), np.uint16, lambda path: read_levels(path).turned),
    ],
)
def test_a_damaged_tiff_is_refused(
    compression: str, shape: tuple[int, ...], kind: type, read: Callable[[Path], np.ndarray], tmp_path: Path
) -> None:
    """64 zeroed bytes anywhere but in raw pixels, of which nothing in the file can tell."""
    path = tmp_path / "scan.tif"
    noise = np.random.default_rng(0).integers(0, 255, shape, dtype=kind)
    Image.fromarray(noise).save(path, compression=compression)
    whole, refused = path.read_bytes(), 0
    np.testing.assert_array_equal(read(path), noise)
    starts = range(0, len(whole) - 64, max(len(whole) // 24, 1)) if compression != "raw" else (0, 8)
    for start in starts:
        path.write_bytes(whole[:start] + b"\0" * 64 + whole[start + 64 :])
        try:
            read(path)
        except UserError:
            refused += 1
    assert refused >= 0.5 * len(starts)


def icc(primaries: np.ndarray, gamma: float, name: bytes) -> bytes:
    """A minimal ICC profile (version 2, matrix and gamma) from XYZ of red, green and blue, (3, 3), D50."""

    def number(value: float) -> bytes:
        return round(value * 65536).to_bytes(4, "big", signed=True)

    tags = {
        b"desc": b"desc" + bytes(4) + (len(name) + 1).to_bytes(4, "big") + name + bytes(1 + 78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + b"".join(map(number, (0.9642, 1.0, 0.8249))),
    }
    for channel, xyz in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags[channel + b"XYZ"] = b"XYZ " + bytes(4) + b"".join(map(number, xyz))
        tags[channel + b"TRC"] = (
            b"curv" + bytes(4) + (1).to_bytes(4, "big") + int(gamma * 256).to_bytes(2, "big")
        )
    offset, table, body = 128 + 4 + 12 * len(tags), len(tags).to_bytes(4, "big"), b""
    for tag, data in tags.items():
        data += bytes(-len(data) % 4)
        table += tag + (offset + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    head = (
        (offset + len(body)).to_bytes(4, "big") + bytes(4) + b"\x02\x40\0\0mntrRGB XYZ " + bytes(12) + b"acsp"
    )
    head += bytes(28) + b"".join(map(number, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + body


# XYZ, adapted to D50, of the primaries of Display P3 and of Adobe RGB; and of sRGB, for the way back.
P3 = np.array([[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]])
ADOBE = np.array([[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]])
SRGB = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])


@pytest.mark.parametrize(("primaries", "name"), [(P3, b"Display P3"), (ADOBE, b"Adobe RGB (1998)")])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_colour_profiles_are_converted_to_srgb(
    primaries: np.ndarray, name: bytes, suffix: str, tmp_path: Path
) -> None:
    skin = np.array([190, 140, 115], np.uint8)
    path = tmp_path / f"photo.{suffix}"
    options = {"quality": 100} if suffix != "webp" else {"lossless": True}
    Image.fromarray(np.tile(skin, (32, 32, 1))).save(path, icc_profile=icc(primaries, 2.2, name), **options)
    linear = np.linalg.solve(SRGB.T, primaries.T @ ((skin / 255) ** 2.2))
    expected = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear) * 255
    assert np.abs(expected - skin).max() > 4
    np.testing.assert_allclose(read_image(path)[16, 16], expected, atol=2.5)
    np.testing.assert_allclose(read_stored(path, profile=False).pixels[16, 16], skin, atol=2)


def test_a_broken_profile_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(scene()).save(path, icc_profile=b"nonsense")
    np.testing.assert_array_equal(read_image(path), scene())


def test_several_pictures_in_one_file_are_not_one(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    pages = [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match=r"moving\.gif: it holds 2 pictures, expected one still picture"):
        read_image(path)


def test_the_first_picture_of_a_jpeg_with_more_behind_it_is_read(tmp_path: Path) -> None:
    """As of stereo cameras and of phones that keep a depth or a gain map."""
    path = tmp_path / "photo.jpg"
    first = Image.fromarray(scene())
    first.save(path, "MPO", save_all=True, append_images=[Image.fromarray(scene()[::-1])], quality=95)
    expected = io.BytesIO()
    first.save(expected, "JPEG", quality=95)
    with Image.open(expected) as plain:
        np.testing.assert_array_equal(read_image(path), np.asarray(plain))


@pytest.mark.parametrize("mode", ["RGBA", "P"])
@pytest.mark.parametrize("name", [b"Display P3", b"sRGB - Display P3"])
def test_a_profile_is_of_the_colours_whatever_carries_them(mode: str, name: bytes, tmp_path: Path) -> None:
    """And what it is called says nothing."""
    plain, other = (Image.new("RGB", (32, 32), (190, 140, 115)) for _ in range(2))
    plain.save(tmp_path / "plain.png", icc_profile=icc(P3, 2.2, b"Display P3"))
    other = other.quantize(2) if mode == "P" else other.convert(mode)
    other.save(tmp_path / "other.png", icc_profile=icc(P3, 2.2, name))
    np.testing.assert_array_equal(read_image(tmp_path / "other.png"), read_image(tmp_path / "plain.png"))
    assert (read_image(tmp_path / "plain.png") != (190, 140, 115)).any()


def test_srgb_stays_as_it_is_under_any_name(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(scene()).save(tmp_path / "a.png", icc_profile=profile.replace(b"sRGB", b"mine"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), scene())


@pytest.mark.parametrize("compression", ["zstd", "lzma"])
def test_a_tiff_that_no_second_decoder_reads_is_not_called_damaged(compression: str, tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.tif", compression=compression)
    with pytest.raises(UserError, match=r"a\.tif: a TIFF compressed by method \d+, .* save it with LZW"):
        read_image(tmp_path / "a.tif")


def test_a_name_that_no_file_can_have_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"cannot be read .*null byte"):
        read_image(Path("a\0b.png"))
