"""Archives: what a publisher offers arrives where it is found; what means harm leaves nothing."""

import io
import stat
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import pytest

from skinseg.cli import main
from skinseg.curation.unpack import Limits, unpack
from skinseg.errors import UserError
from tests import fakes


def make_zip(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            file.writestr(info, data)
    return path


def make_tar(path: Path, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o4777
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(data))
    return path


def nothing_but(folder: Path, *names: str) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_a_dataset_is_found_where_its_archive_was_unpacked(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = fakes.make_pratheepan(tmp_path / "source" / "Pratheepan", 4)
    files = {
        path.relative_to(source.parent).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file()
    }
    archive = tmp_path / f"pratheepan.{suffix}"
    (make_zip if suffix == "zip" else make_tar)(archive, files)
    data = tmp_path / "data"
    assert main(["data", "unpack", str(archive), "--out", str(data)]) == 0
    assert capsys.readouterr().out.strip() == str(data / "pratheepan")
    nothing_but(data, "pratheepan")
    nothing_but(data / "pratheepan", "Pratheepan_Dataset", "Ground_Truth")  # the top folder is not repeated
    assert main(["data", "check", str(data)]) == 0
    assert "4 of 78" in capsys.readouterr().out
    photo = next(data.rglob("photo 02.jpg"))
    assert photo.stat().st_mode & (stat.S_ISUID | stat.S_IXUSR) == 0

    assert main(["data", "unpack", str(archive), "--out", str(data)]) == 2
    assert "is there already" in capsys.readouterr().err


EVIL = ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:evil.txt", "a/..", ".."]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_no_name_leaves_the_folder(name: str, make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    archive = make(tmp_path / "evil.archive", {"good.txt": b"good", name: b"evil"})
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(UserError, match="leads out of the folder"):
        unpack([archive], out)
    nothing_but(out)
    assert not list(tmp_path.rglob("*evil.txt"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_no_links_or_devices_in_tar(kind: bytes, tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "evil.tar.gz", {"innocent.jpg": b""}, kind, link="../../outside")
    with pytest.raises(UserError, match=r"'innocent\.jpg' in it is a link or a device"):
        unpack([archive], tmp_path / "out")
    nothing_but(tmp_path / "out")


def test_no_links_in_zip(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "evil.zip", {"innocent.jpg": b"../../outside"}, mode=stat.S_IFLNK | 0o777)
    with pytest.raises(UserError, match="a link or a device"):
        unpack([archive], tmp_path / "out")
    nothing_but(tmp_path / "out")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_sizes_are_bounded(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    bomb = make(tmp_path / "bomb.archive", {"zeros.bin": bytes(30_000_000)})
    with pytest.raises(UserError, match="200 times its own size"):
        unpack([bomb], tmp_path / "out")
    many = make(tmp_path / "many.archive", {f"{i}.txt": b"x" for i in range(11)})
    with pytest.raises(UserError, match="more than 10 files"):
        unpack([many], tmp_path / "out", Limits(files=10))
    with pytest.raises(UserError, match="times its own size"):
        unpack([many], tmp_path / "out", Limits(total=10))
    nothing_but(tmp_path / "out")
    assert len(list(unpack([many], tmp_path / "out", Limits(files=11, total=11))[0].iterdir())) == 11


def test_a_header_that_lies_about_its_size_is_counted_by_its_bytes(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "liar.zip", {"zeros.bin": bytes(30_000_000)})
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(signature) + offset
        data[place : place + 4] = (100).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(UserError):
        unpack([archive], tmp_path / "out")
    nothing_but(tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"not an archive", b"PK\x03\x04 broken"])
def test_what_is_no_archive(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"data\.zip: neither zip nor tar"):
        unpack([path], tmp_path / "out")
    with pytest.raises(UserError, match=r"none\.zip: no such file"):
        unpack([tmp_path / "none.zip"], tmp_path / "out")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_damaged_archive_keeps_what_was_there(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    import random

    noise = random.Random(0).randbytes(200_000)
    good = make(tmp_path / "good.archive", {"a.bin": noise})
    bad = make(tmp_path / "bad.archive", {"a.bin": noise})
    data = bytearray(bad.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    bad.write_bytes(data)
    with pytest.raises(UserError, match=r"bad\.archive: cannot be unpacked"):
        unpack([good, bad], tmp_path / "out")
    nothing_but(tmp_path / "out", "good.archive")


def test_a_name_twice_in_an_archive(tmp_path: Path) -> None:
    archive = tmp_path / "twice.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name in ("photo.jpg", "Photo.JPG"):
            file.addfile(tarfile.TarInfo(name))
    with pytest.raises(UserError, match="is in it twice"):
        unpack([archive], tmp_path / "out")


def test_what_a_mac_adds_hides_no_top_folder(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "data.zip", {"data/a.jpg": b"1", "__MACOSX/data/._a.jpg": b"2"})
    (folder,) = unpack([archive], tmp_path / "out")
    nothing_but(folder, "a.jpg", "__MACOSX")


def test_one_name_in_two_forms_of_unicode_is_twice(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD")]
    with pytest.raises(UserError, match="is in it twice"):
        unpack([make_zip(tmp_path / "a.zip", dict.fromkeys(names, b"1"))], tmp_path / "out")
