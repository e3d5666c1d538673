"""The page in a real headless Chromium: it sorts, filters, shows each view, asks for nothing, complains of nothing."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from skinseg.evaluation.curves import CURVES
from skinseg.evaluation.panels import level, panel_paths, write_panel
from skinseg.evaluation.rows import write_rows
from skinseg.reports.report import LEGEND, write_report
from tests.chromium import PATH, Chromium
from tests.test_evaluation_rows import ROW, counted
from tests.test_reports_comparison import make_results
from tests.test_reports_report import OUTCOME, PHOTO

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PATH is None, reason="chromium is not on the PATH"),
]

SHOWN = (
    "[...document.querySelectorAll('section:not([hidden]) figure')].map(figure => Number(figure.dataset.iou))"
)
NAMES = "[...document.querySelectorAll('section:not([hidden]) figure')].map(figure => figure.dataset.name)"
SECTIONS = "[...document.querySelectorAll('#gallery section:not([hidden])')].map(each => each.dataset.name)"
VIEW = "document.querySelector('figure').dataset.view ?? document.getElementById('gallery').dataset.view"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of one run: 30 images of each of three sets, tones 1 and 2, and learning curves."""
    folder = make_results(tmp_path_factory.mktemp("results") / "one", "hgr", None, 50)
    for test_set in ("hgr", "pratheepan", "rendered"):
        for i in range(30):
            write_panel(panel_paths(folder, test_set, f"{i:03}"), PHOTO, OUTCOME)
    (folder / CURVES).write_text("epoch,train/loss,val/skin_miou\n0,1.5,0.25\n1,0.75,0.5\n")
    return write_report([folder]).paths["html"].as_uri()


def test_page_sorts_filters_and_keeps_to_itself(browser: Chromium, page: str) -> None:
    browser.screen(1280, 900)
    browser.events.clear()
    browser.open(page)
    first = browser.value(SHOWN)
    assert len(first) == 36
    assert all(part == sorted(part) for part in (first[:12], first[12:24], first[24:])), "worst first"

    def choose(name: str, value: str) -> None:
        browser.value(
            f"(() => {{ const select = document.querySelector('[name={name}]'); select.value = '{value}';"
            "select.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    choose("dataset", "hgr")
    choose("show", "all")
    assert browser.value(SECTIONS) == ["hgr"]
    assert len(browser.value(SHOWN)) == 30
    choose("sort", "iou-desc")
    assert browser.value(SHOWN) == sorted(browser.value(SHOWN), reverse=True)
    choose("tone", "2")
    assert sorted(browser.value(NAMES)) == [f"{i:03}" for i in range(30) if i % 2]
    choose("sort", "name")
    assert browser.value(NAMES) == [f"{i:03}" for i in range(30) if i % 2]
    mean = sum(browser.value(SHOWN)) / 15
    said = browser.value("document.querySelector('section:not([hidden]) .said').textContent")
    assert said == f"15 of 15 shown; the mean IoU of the 15 is {mean:.3f}."
    assert browser.value("location.hash") == "#dataset=hgr&tone=2&sort=name&show=all"

    browser.open(page + "#dataset=pratheepan&sort=iou-desc&show=all&tone=nonsense")
    assert browser.value(SECTIONS) == ["pratheepan"]
    assert browser.value(SHOWN) == sorted(browser.value(SHOWN), reverse=True)
    assert browser.complaints() == []
    assert {request[:5] for request in browser.requests()} <= {"file:", "data:", "about"}
    assert browser.value("document.querySelectorAll('.chart svg path').length") > 4, "learning curves"
    assert browser.value("[...document.querySelectorAll('img.photo')].every(img => img.alt.includes('IoU'))")


def test_each_view_has_its_colours(browser: Chromium, page: str) -> None:
    browser.screen(1280, 900)
    found, false_alarm, missed, ignored = (
        np.array([int(color[i : i + 2], 16) for i in (5, 3, 1)]) for color in LEGEND.values()
    )
    nothing = None
    for view, stripes in {
        "photograph": [nothing] * 5,
        "truth": [nothing, nothing, found, found, ignored],
        "prediction": [nothing, found, found, nothing, ignored],
        "difference": [nothing, false_alarm, found, missed, ignored],
    }.items():
        browser.open(page + f"#dataset=hgr&view={view}")
        row = row_of(browser)
        seen = row[[int(len(row) * (0.1 + 0.2 * i)) for i in range(5)]]
        ground = seen[0]
        if view == "photograph":
            assert np.abs(ground - PHOTO[0, 0, ::-1]).max() <= 12, "in colour"
        else:
            assert np.ptp(ground) <= 3, "on the grey picture"
        for color, expected in zip(seen, stripes, strict=True):
            mixed = ground if expected is nothing else 0.32 * ground + 0.68 * expected
            assert np.abs(color - mixed).max() <= 12, (view, seen, stripes)
        if view == "truth":
            # No third outcome along the edge between two, background and false alarm.
            assert np.abs(row[2 : int(0.39 * len(row))] - ground).max() <= 12


def row_of(browser: Chromium) -> npt.NDArray[np.float64]:
    """The middle row of the first figure's picture as the screen has it, BGR (n, 3)."""
    browser.value("document.querySelector('figure').scrollIntoView()")
    browser.value(
        "Promise.all([...document.querySelector('figure').querySelectorAll('img')].map(i => i.decode()))"
    )
    left, top, width, height = browser.value(
        "(() => { const box = document.querySelector('figure .picture').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]; })()"
    )
    screen = cv2.imdecode(np.frombuffer(browser.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    # The picture is square, as high as its box or as wide.
    side = min(width, height)
    start = int(left + (width - side) / 2)
    return np.asarray(screen[int(top + height / 2), start : start + int(side)], np.float64)


def test_pointer_finger_and_keys_turn_a_picture(browser: Chromium, page: str) -> None:
    def middle(share: float) -> dict[str, float]:
        left, top, width, height = browser.value(
            "(() => { const box = document.querySelector('figure .picture').getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]; })()"
        )
        return {"x": left + share * width, "y": top + height / 2}

    browser.screen(1280, 900)
    browser.open(page)
    browser.value("document.querySelector('figure').scrollIntoView()")
    assert browser.value(VIEW) == "difference"
    for i, view in enumerate(("photograph", "truth", "prediction", "difference")):
        browser("Input.dispatchMouseEvent", type="mouseMoved", **middle((0.1, 0.3, 0.5, 0.9)[i]))
        assert browser.value(VIEW) == view
        assert browser.value("document.querySelector('.views [aria-current]').textContent") == view.replace(
            "graph", ""
        )
    browser("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    assert browser.value("document.querySelector('.views')") is None

    browser.value("document.querySelector('figure').focus()")
    for key, view in (
        ("ArrowRight", "photograph"),
        ("ArrowRight", "truth"),
        ("ArrowLeft", "photograph"),
        ("3", "prediction"),
    ):
        browser("Input.dispatchKeyEvent", type="keyDown", key=key)
        assert browser.value(VIEW) == view
    browser("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert browser.value(VIEW) == "difference"

    browser.screen(390, 844, touch=True)
    browser.open(page + "#dataset=hgr")
    browser.value("document.querySelector('figure').scrollIntoView()")
    for view in ("photograph", "truth"):
        browser("Input.dispatchTouchEvent", type="touchStart", touchPoints=[middle(0.5)])
        browser("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert browser.value(VIEW) == view
    assert browser.value("document.documentElement.scrollWidth") <= 390, (
        "nothing sticks out sideways on a phone"
    )
    assert browser.complaints() == []


def test_page_is_light_and_dark_and_prints(browser: Chromium, page: str) -> None:
    for dark in (False, True):
        browser.screen(1280, 900, dark)
        browser.open(page)
        screen = cv2.imdecode(np.frombuffer(browser.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert (np.median(screen) < 60) == dark
    printed = base64.b64decode(browser("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Subtype /Image") >= 36, "pictures far down are printed too"


def test_the_page_s_policy_stops_and_tells_of_what_would_leave_it(
    browser: Chromium, page: str, tmp_path: Path
) -> None:
    """The other tests find no complaint: here is one, so that they are known to be able to."""
    text = Path(page.removeprefix("file://")).read_text(encoding="utf-8")
    other = tmp_path / "other.html"
    other.write_text(
        text.replace("<main>", '<main><img src="https://example.com/x.png" alt="">'), encoding="utf-8"
    )
    browser.events.clear()
    browser.open(other.as_uri())
    assert any("Content Security Policy" in each for each in browser.complaints())
    browser.events.clear()


def test_two_thousand_images_take_less_than_15_mb(browser: Chromium, tmp_path: Path) -> None:
    """Pictures as heavy as they come: noise, which no codec shrinks, and outcomes in blobs."""
    folder = make_results(tmp_path / "many", "hgr", None, 50)
    rng = np.random.default_rng(0)
    rows = [
        counted(ROW, i, 0, 2000 - i, 4, test_set="hgr", image=f"{i:04}", subject=None) for i in range(2000)
    ]
    write_rows(folder / "rows.parquet", rows)
    noise = rng.integers(0, 256, (168, 224, 3), np.uint8)
    blobs = cv2.GaussianBlur(rng.normal(size=(168, 224)), (0, 0), 5)
    found = (np.digitize(blobs, [-0.05, 0, 0.05])).astype(np.uint8)
    outcome = np.array([level(i) for i in range(4)], np.uint8)[found]
    paths = panel_paths(folder, "hgr", "0000")
    for strength in (0.1, 1.0):
        soft = cv2.addWeighted(cv2.GaussianBlur(noise, (0, 0), 8), 1 - strength, noise, strength, 0)
        write_panel(paths, np.asarray(soft), outcome)
        for row in rows[1:]:
            for path, other in zip(paths, panel_paths(folder, "hgr", row.image), strict=True):
                other.unlink(missing_ok=True)
                other.hardlink_to(path)
        written = write_report([folder]).paths["html"]
        size = written.stat().st_size
        each = sum(path.stat().st_size for path in paths)
        print(json.dumps({"bytes per image": each, "page": size}))
        assert size < 15_000_000
    browser.screen(1280, 900)
    browser.open(written.as_uri())
    assert browser.value("document.querySelectorAll('figure').length") == 12
    assert "no room for" in browser.value("document.querySelector('section').textContent")
    assert browser.complaints() == []
