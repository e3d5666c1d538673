"""`skinseg predict` through the command line, and `skinseg.load` from Python."""

import fcntl
import json
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

import skinseg
from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.images.decoding import read_image, read_reduced
from skinseg.images.encoding import write_image
from skinseg.predict.command import enlarged
from skinseg.predict.pictures import Source, container_bytes, find_pictures, read_pictures
from tests.fakes import fake, write
from tests.test_models_checkpoint import saved

HEADS = ("skin", "person")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    saved(tmp_path / "model.ckpt")
    return tmp_path / "model.ckpt"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    write(folder / "a [1].jpg", fake(0, 50, 80).image)
    write(folder / "below" / "b.PNG", fake(1, 300, 200).image)
    (folder / "notes.txt").write_text("no image")
    return folder


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


def test_masks_lie_at_the_photograph_s_resolution_and_are_what_python_gives(checkpoint, photos, tmp_path):
    out = tmp_path / "out"
    arguments = ["predict", str(photos), "--checkpoint", str(checkpoint), "--out", str(out)]
    assert main([*arguments, "--probabilities", "--overlays", "--device", "cpu"]) == 0
    predictor = skinseg.load(checkpoint)
    for name, source in (("a [1]", photos / "a [1].jpg"), ("below/b", photos / "below" / "b.PNG")):
        prediction = predictor.predict(source)
        for head in HEADS:
            mask = cv2.imread(str(out / f"{name}_{head}.png"), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(mask, prediction.masks[head] * 255)
            soft = cv2.imread(str(out / f"{name}_{head}_probability.png"), cv2.IMREAD_UNCHANGED)
            assert soft.dtype == np.uint16
            np.testing.assert_allclose(soft / 65535, prediction.probabilities[head], atol=1e-5)
        drawn = cv2.imread(str(out / f"{name}_overlay.jpg"))
        assert drawn.shape[:2] == prediction.masks["skin"].shape
    found = lines(out)
    assert [(line["width"], line["height"]) for line in found] == [(80, 50), (200, 300)]
    assert all(0 <= line[f"{head}_share"] <= 1 for line in found for head in HEADS)
    assert all(Path(str(line["skin"])).is_file() for line in found)


def test_an_image_that_does_not_read_is_named_and_skipped(checkpoint, photos, tmp_path, capsys):
    whole = (photos / "a [1].jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    assert main(["predict", str(photos), "--checkpoint", str(checkpoint), "--out", str(out)]) == 1
    assert f"skipped: {photos / 'cut.jpg'}: the JPEG is cut off" in capsys.readouterr().out
    assert ["error" in line for line in lines(out)] == [False, False, True]
    assert (out / "below" / "b_skin.png").is_file()


def test_a_photograph_is_turned_as_its_exif_says(checkpoint, tmp_path):
    path = tmp_path / "turned.jpg"
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.fromarray(fake(0, 40, 90).image).save(path, exif=exif)
    assert skinseg.load(checkpoint).predict(path).masks["skin"].shape == (90, 40)


def test_files_folders_and_patterns_name_each_photograph_once(photos):
    names = [str(photos / "a [1].jpg"), str(photos / "a*.jpg"), str(photos)]
    assert [source.path.name for source in find_pictures(names).sources] == ["a [1].jpg", "b.PNG"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere is no image file and matches none"),
        (["empty"], "empty holds no image"),
        (["photos/a [1].jpg", "twin/a [1].png"], "would both be written as a [1]_skin.png"),
        ([""], "an argument: empty, expected a value"),
        (["photos", "--device", "warp"], "--device warp: not usable"),
        (
            ["photos", "--checkpoint", "none"],
            "none does not exist, a checkpoint or a folder of runs expected",
        ),
    ],
)
def test_wrong_moves_get_one_sentence(checkpoint, photos, tmp_path, monkeypatch, capsys, arguments, message):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "twin" / "a [1].png", fake(0).image)
    monkeypatch.chdir(tmp_path)
    given = [] if "--checkpoint" in arguments else ["--checkpoint", str(checkpoint)]
    assert main(["predict", *arguments, *given, "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 \(4, 4\), expected uint8"),
        (np.zeros((4, 4, 4), np.uint8), r"uint8 \(4, 4, 4\), expected uint8"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \(0, 4, 3\), expected uint8 .* of a pixel or more"),
        (np.zeros((4, 4, 3), np.float32), r"float32 \(4, 4, 3\), expected uint8"),
        ([[[1, 2, 3]]], "image is list, expected an array"),
        (b"\xff\xd8\xff", r"image is bytes, expected .*; bytes are PIL.Image.open"),
        (None, "image is NoneType, expected"),
        (PillowImage.new("I;16", (4, 4)), "image is Image of mode I;16, expected"),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence(checkpoint, given, said):
    predictor = skinseg.load(checkpoint)
    for predict in (predictor.predict, lambda image: predictor.predict_batch([image])):
        with pytest.raises(ValueError, match=said):
            predict(given)


def test_pillow_s_images_are_read(checkpoint):
    predictor = skinseg.load(checkpoint)
    image = PillowImage.fromarray(fake(0).image)
    expected = predictor.predict(fake(0).image).probabilities
    for given in (image, image.convert("RGBA")):
        found = predictor.predict(given).probabilities
        assert all(np.array_equal(found[head], expected[head]) for head in HEADS)
    with pytest.raises(ValueError, match=r"tiles is 0.5, expected a number of at least 1"):
        predictor.predict(image, tiles=0.5)


def make_video(path: Path, count: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (80, 48))
    assert writer.isOpened()
    for i in range(count):
        writer.write(np.ascontiguousarray(fake(i, 48, 80).image[..., ::-1]))
    writer.release()
    return path


def test_a_video_has_masks_and_a_line_for_each_frame(checkpoint, tmp_path):
    video = make_video(tmp_path / "clip.avi")
    write(tmp_path / "clip.jpg", fake(0).image)  # as phones name a picture and its film
    out = tmp_path / "out"
    arguments = ["predict", str(video), str(tmp_path / "clip.jpg"), "--checkpoint", str(checkpoint)]
    assert main([*arguments, "--out", str(out), "--overlays", "--batch-size", "2"]) == 0
    found = lines(out)
    assert [(line.get("frame"), line.get("seconds")) for line in found] == [
        *((i, i / 10) for i in range(5)),
        (None, None),
    ]
    capture = cv2.VideoCapture(str(video))
    predictor = skinseg.load(checkpoint)
    for i in range(5):
        frame = np.ascontiguousarray(capture.read()[1][..., ::-1])
        expected = predictor.predict(frame).probabilities["skin"]
        mask = cv2.imread(str(out / "clip" / f"{i:06d}_skin.png"), cv2.IMREAD_UNCHANGED)
        sure = np.abs(expected - 0.5) > 1e-4  # a batch rounds in another order
        np.testing.assert_array_equal(mask[sure] > 0, expected[sure] >= 0.5)
        assert (out / "clip" / f"{i:06d}_overlay.jpg").is_file()


def test_a_video_that_does_not_decode_is_skipped_and_one_cut_off_keeps_its_frames(
    checkpoint, tmp_path, capfd
):
    (tmp_path / "none.mp4").write_bytes(b"no video" * 100)
    whole = make_video(tmp_path / "cut.avi", 20)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    arguments = ["predict", str(tmp_path / "none.mp4"), str(whole), "--checkpoint", str(checkpoint)]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 1
    said = capfd.readouterr()
    assert f"skipped: {tmp_path / 'none.mp4'}: does not decode as a video" in said.out
    assert "frames decode, expected all" in said.out
    assert "moov" not in said.err
    found = lines(tmp_path / "out")
    assert ["error" in line for line in found] == [True, *[False] * (len(found) - 2), True]
    assert len(found) > 5


def make_pausing_video(path: Path) -> Path:
    """Ten frames at 10 Hz with a pause of three seconds before the sixth."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (80, 48))
    assert writer.isOpened()
    for i in range(10):
        writer.write(np.ascontiguousarray(fake(i, 48, 80).image[..., ::-1]))
    writer.release()
    data = bytearray(path.read_bytes().replace(b"edts", b"free"))
    place = data.index(b"stts")
    count, delta = struct.unpack(">II", data[place + 12 : place + 20])
    assert count == 10
    data[place + 8 : place + 20] = struct.pack(">7I", 3, 4, delta, 1, 31 * delta, 5, delta)
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):
        at = data.index(box) - 4
        data[at : at + 4] = struct.pack(">I", struct.unpack(">I", data[at : at + 4])[0] + 16)
    path.write_bytes(data)
    return path


def test_times_of_a_video_are_its_container_s(tmp_path):
    video = make_pausing_video(tmp_path / "pause.mp4")
    found = list(read_pictures([Source(video, "pause")]))
    assert [picture.error for picture in found] == [None] * 10
    expected = [0, 0.1, 0.2, 0.3, 0.4, 3.5, 3.6, 3.7, 3.8, 3.9]
    assert [picture.facts["seconds"] for picture in found] == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("avi", "MJPG"), ("mp4", "mp4v"), ("mkv", "MJPG"), ("webm", "VP80")]
)
def test_a_video_s_file_says_how_long_it_is(tmp_path, suffix, codec):
    path = tmp_path / f"clip.{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (80, 48))
    if not writer.isOpened():
        pytest.skip(f"this OpenCV writes no {suffix}")
    for i in range(10):
        writer.write(np.ascontiguousarray(fake(i, 48, 80).image[..., ::-1]))
    writer.release()
    assert container_bytes(path) == path.stat().st_size
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert container_bytes(path) == len(whole)
    path.write_bytes(whole[:5])
    assert container_bytes(path) >= 0


def test_tiles_and_batches_from_the_command_line(checkpoint, tmp_path):
    write(tmp_path / "large.png", fake(1, 130, 150).image)
    write(tmp_path / "small.png", fake(2, 9, 7).image)
    predictor = skinseg.load(checkpoint)
    for given, tiles in (("own", float("inf")), ("2", 2.0)):
        out = tmp_path / given
        arguments = ["predict", str(tmp_path / "*.png"), "--checkpoint", str(checkpoint), "--probabilities"]
        assert main([*arguments, "--tiles", given, "--out", str(out)]) == 0
        for name in ("large", "small"):
            soft = cv2.imread(str(out / f"{name}_skin_probability.png"), cv2.IMREAD_UNCHANGED)
            expected = predictor.predict(tmp_path / f"{name}.png", tiles).probabilities["skin"]
            np.testing.assert_allclose(soft / 65535, expected, atol=2e-5)


def test_views_from_the_command_line_and_from_python(checkpoint, tmp_path, capsys):
    write(tmp_path / "a.png", fake(1, 90, 70).image)
    arguments = ["predict", str(tmp_path / "a.png"), "--checkpoint", str(checkpoint)]
    out = tmp_path / "out"
    assert main([*arguments, "--probabilities", "--views", "64,96,mirror", "--out", str(out)]) == 0
    soft = cv2.imread(str(out / "a_skin_probability.png"), cv2.IMREAD_UNCHANGED) / 65535
    expected = skinseg.load(checkpoint, views="64,96,mirror").predict(tmp_path / "a.png")
    np.testing.assert_allclose(soft, expected.probabilities["skin"], atol=2e-5)
    once = skinseg.load(checkpoint).predict(tmp_path / "a.png").probabilities["skin"]
    assert np.abs(soft - once).max() > 1e-3
    assert main([*arguments, "--views", "64", "--tiles", "2", "--out", str(tmp_path / "no")]) == 2
    assert "--tiles and --views exclude each other" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("given", ["0.5", "nan", "all"])
def test_tiles_want_own_or_a_factor(checkpoint, capsys, given):
    assert main(["predict", "a.png", "--out", "out", "--tiles", given]) == 2
    assert f"{given} found, own or a number of at least 1 expected" in capsys.readouterr().err


def test_every_file_that_is_met_is_read_or_named(checkpoint, photos, tmp_path, capsys):
    for name in (
        "Thumbs.db",
        ".DS_Store",
        "desktop.ini",
        "__MACOSX/._a.jpg",
        "@eaDir/a.jpg",
        ".ipynb_checkpoints/b.png",
    ):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"left by a system")
    album = tmp_path / "album"
    write(album / "c.jpg", fake(2, 60, 60).image)
    (photos / "album").symlink_to(album)
    (album / "back").symlink_to(photos)
    (photos / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (photos / "clip.mp4").write_bytes(b"a film")
    PillowImage.fromarray(fake(3, 40, 40).image).save(photos / "new.avif")
    out = tmp_path / "out"
    assert main(["predict", str(photos), "--checkpoint", str(checkpoint), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert [Path(str(line["image"])).name for line in lines(out)] == [
        "a [1].jpg",
        "c.jpg",
        "b.PNG",
        "new.avif",
    ]
    for line in (
        f"passed over: {photos / 'notes.txt'}: .txt is no photograph's ending",
        f"passed over: {photos / 'gone.jpg'}: a link that leads nowhere",
        f"passed over: {photos / 'clip.mp4'}: a video",
        f"passed over: {photos / 'album' / 'back'}: leads back",
        "4 images segmented, 0 skipped",
        "4 other files passed over",
    ):
        assert line in said
    assert "MACOSX" not in said


@pytest.mark.parametrize(
    "name",
    [
        "#recycle", "@Recycle", "lost+found", "System Volume Information", "$RECYCLE.BIN", ".AppleDouble", "#snapshot",
        ".thumbnails", "ehthumbs.db", "Icon\r", "~$a.jpg", "._b.jpg", "Network Trash Folder",
    ],
)  # fmt: skip
def test_what_systems_leave_is_clutter_anywhere(name, photos):
    place = photos / "below" / name
    write(place / "c.jpg" if "." not in name[1:] else photos / "below" / "new.jpg", fake(1, 20, 20).image)
    if "." in name[1:]:
        (photos / "below" / "new.jpg").rename(place)
    found = find_pictures([str(photos), str(photos / "**" / "*")])
    assert sorted(source.path.name for source in found.sources) == ["a [1].jpg", "b.PNG"]
    assert {passed.path.name for passed in found.passed_over} == {"notes.txt"}


def test_what_a_pattern_matches_and_is_no_photograph_is_named(photos):
    (photos / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    os.mkfifo(photos / "pipe.jpg")
    found = find_pictures([str(photos / "*")])
    assert {(passed.path.name, passed.reason) for passed in found.passed_over} == {
        ("notes.txt", ".txt is no photograph's ending"),
        ("gone.jpg", "a link that leads nowhere"),
        ("pipe.jpg", "no plain file, but a pipe or a device"),
    }


def test_two_stars_match_any_depth(photos):
    write(photos / "below" / "further" / "d.jpg", fake(1, 30, 30).image)
    found = find_pictures([str(photos / "**" / "*.jpg")]).sources
    assert [source.path.name for source in found] == ["a [1].jpg", "d.jpg"]


def test_a_photograph_is_never_replaced_by_a_mask(checkpoint, photos, tmp_path, capsys):
    write(photos / "a [1]_skin.png", fake(5, 40, 40).image)
    mine = (photos / "a [1]_skin.png").read_bytes()
    arguments = ["predict", str(photos), "--checkpoint", str(checkpoint), "--out"]
    assert main([*arguments, str(photos)]) == 2
    assert "a [1]_skin.png: exists, and" in capsys.readouterr().err
    assert (photos / "a [1]_skin.png").read_bytes() == mine
    assert not (photos / "predictions.jsonl").exists()
    (photos / "a [1]_skin.png").rename(photos / "a [1]_skin.bmp")  # whose own mask is named otherwise
    # What a call wrote itself it replaces, and does not take for a photograph.
    assert main([*arguments, str(photos)]) == 0
    first = lines(photos)
    assert main([*arguments, str(photos)]) == 0
    assert lines(photos) == first
    assert "a [1]_skin.png: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("predictions.jsonl", "my own list\n", "was not written by predict"),
        ("predictions.jsonl", '{"mine": 1}\n', "was not written by predict"),
        ("predictions.jsonl", "[]\n", "was not written by predict"),
        ("predictions.jsonl", '{"image": "a.jpg", "caption": "a hand"}\n', "was not written by predict"),
        ("below/b_person.png", "mine", "does not say that an earlier predict wrote it"),
        ("clip/000000_skin.png", "mine", "does not say that an earlier predict wrote it"),
    ],
)
def test_a_file_of_the_user_s_in_the_way_is_refused(
    checkpoint, photos, tmp_path, capsys, name, content, said
):
    (tmp_path / "clip.mp4").write_bytes(b"a film")
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text(content)
    given = [str(photos), str(tmp_path / "clip.mp4"), "--checkpoint", str(checkpoint)]
    assert main(["predict", *given, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert mine.read_text() == content
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [mine]


def test_what_a_killed_call_wrote_is_replaced(checkpoint, photos, tmp_path, monkeypatch):
    arguments = ["predict", str(photos), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")]
    killed = multiprocessing.get_context("fork").Process(target=_killed_at_its_second_file, args=(arguments,))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert not (tmp_path / "out" / "predictions.jsonl").exists()
    left = [path.name for path in (tmp_path / "out").rglob("*.png")]
    assert left == ["a [1]_skin.png"]
    assert main(arguments) == 0
    assert len(lines(tmp_path / "out")) == 2
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def _killed_at_its_second_file(arguments):
    written = []

    def write(path, pixels):
        if written:
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(path)
        write_image(path, pixels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skinseg.predict.command.write_image", write)
        main(arguments)


def test_a_link_in_the_output_folder_leads_nowhere_else(checkpoint, photos, tmp_path, capsys):
    """And a table of another folder's files makes none of them ours."""
    out, album = tmp_path / "out", tmp_path / "album"
    album.mkdir()
    out.mkdir()
    (album / "b_skin.png").write_bytes(b"mine")
    (out / "below").symlink_to(album)
    table = {"image": "b.PNG", "skin": str(album / "b_skin.png")}
    (out / "predictions.jsonl").write_text(json.dumps(table) + "\n")
    assert main(["predict", str(photos), "--checkpoint", str(checkpoint), "--out", str(out)]) == 2
    assert f"{out / 'below'}: leads out of {out}" in capsys.readouterr().err
    assert (album / "b_skin.png").read_bytes() == b"mine"


def test_a_films_frames_and_a_photograph_of_their_name_are_refused(checkpoint, photos, tmp_path, capsys):
    write(photos / "clip" / "000000.jpg", fake(5, 40, 40).image)
    (tmp_path / "clip.mp4").write_bytes(b"a film")
    given = [str(photos), str(tmp_path / "clip.mp4")]
    assert main(["predict", *given, "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")]) == 2
    assert "would both be written into" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_large_picture_is_decoded_at_a_part_of_its_size(tmp_path, suffix):
    path = tmp_path / f"large.{suffix}"
    smooth = cv2.resize(fake(0).image, (610, 406), interpolation=cv2.INTER_LINEAR)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.fromarray(smooth).save(path, exif=exif, **({"quality": 95} if suffix == "jpg" else {}))
    whole = read_image(path)
    assert whole.shape == (610, 406, 3)
    for most, factor in ((250_000, 1), (100_000, 4), (40_000, 8), (10_000, 16)):
        pixels, shape = read_reduced(path, most, most // 4)
        assert shape == (610, 406)
        size = tuple(-(-side // factor) for side in whole.shape[:2])
        assert pixels.shape[:2] == size
        expected = cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(pixels - expected).mean() < 4


@pytest.mark.parametrize("shape", [(1000, 700), (601, 333), (150, 100), (3000, 101)])
def test_strips_are_what_resizing_the_whole_gives(shape):
    small = np.random.default_rng(0).random((150, 100), np.float32)
    found = enlarged(small, shape, lambda part: part)
    np.testing.assert_allclose(
        found, cv2.resize(small, shape[::-1], interpolation=cv2.INTER_LINEAR), atol=1e-5
    )


@pytest.mark.slow
def test_a_picture_of_256_million_pixels_stays_below_one_and_a_half_gigabytes(
    checkpoint, tmp_path, monkeypatch
):
    path = tmp_path / "huge.jpg"
    with PillowImage.fromarray(fake(0, 200, 200).image) as image:
        image.resize((16_000, 16_000)).save(path, quality=80)
    script = (
        "import sys\nfrom pathlib import Path\nfrom skinseg.cli import main\n"
        "code = main(sys.argv[1:])\n"
        # ru_maxrss would be this process's own, which exec hands on.
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\nsys.exit(code)"
    )
    words = ["predict", str(path), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")]
    words += ["--device", "cpu", "--overlays"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, env=os.environ
    )
    assert int(done.stdout.splitlines()[-1]) < 1_500_000  # kB
    monkeypatch.setattr(PillowImage, "MAX_IMAGE_PIXELS", None)  # other tests may have lifted it, or not
    with PillowImage.open(tmp_path / "out" / "huge_skin.png") as mask:
        assert mask.size == (16_000, 16_000)


def test_two_calls_into_one_folder_are_not_mixed(checkpoint, photos, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    with open(out / ".predictions.begun", "a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert main(["predict", str(photos), "--checkpoint", str(checkpoint), "--out", str(out)]) == 2
        assert "another `skinseg predict` is writing there" in capsys.readouterr().err
        assert [path.name for path in out.iterdir()] == [".predictions.begun"]


def test_twins_of_one_folder_are_to_be_renamed(photos):
    write(photos / "a [1].png", fake(5, 40, 40).image)
    with pytest.raises(UserError, match="expected names that differ; rename one, or"):
        find_pictures([str(photos)])


def test_folders_beyond_any_depth_are_named(photos):
    os.makedirs(photos.joinpath(*["d"] * 250))
    found = find_pictures([str(photos)])
    assert len(found.sources) == 2
    assert [each.reason for each in found.passed_over if each.path.name == "d"] == [
        "more than 200 folders deep"
    ]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_a_large_png_is_the_same_in_strips_as_whole(tmp_path, mode, monkeypatch):
    """Which a TIFF is, that is cut after it was decoded."""
    monkeypatch.setattr("skinseg.images.decoding._ROWS", 8)
    picture = PillowImage.fromarray(fake(0, 432, 312).image)
    picture = picture.quantize(200) if mode == "P" else picture.convert(mode)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "large.png", exif=exif)
    picture.convert("RGB").save(tmp_path / "large.tif", exif=exif)
    strips, whole = (read_reduced(tmp_path / f"large.{suffix}", 1000, 9000) for suffix in ("png", "tif"))
    assert strips[1] == whole[1] == (312, 432)
    assert strips[0].shape == (78, 108, 3)
    assert np.abs(strips[0].astype(int) - whole[0]).max() <= 1  # whose strips lie the other way
    data = (tmp_path / "large.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="the PNG is cut off"):
        read_reduced(tmp_path / "cut.png", 1000, 9000)
