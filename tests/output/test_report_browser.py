"""The report in a real browser: rendered without complaint, clicked, and used from the keyboard."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.media.synthetic import Recipe, constant, write
from tests.output.chromium import PROGRAM, Page
from tests.output.made import HOSTILE_TITLES, MODEL, adjacent, chaptered
from vamba_cli.media.posters import posters
from vamba_cli.media.probe import probe
from vamba_cli.output.titles import title_of
from vamba_cli.output.to_html import href_beside, to_html
from vamba_cli.results import Curve, Evidence, Illustration

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")

TITLES = (*HOSTILE_TITLES, "unbroken" * 40) * 3
LENGTHS = (4.0, 3.4, 6.6, 6.0)
STARTS = (0.0, 4.0, 7.4, 14.0)
VIDEO = "document.querySelector('video')"
CURRENT = "[...document.querySelectorAll('[aria-current]')].map(e => e.dataset.t)"
FOCUS = "document.activeElement"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 20 s and its report, another report whose video is gone, and one of hostile titles."""
    folder = tmp_path_factory.mktemp("report")
    fast = {"deadline": "realtime", "cpu-used": "8"}
    recipe = Recipe(constant(500), suffix=".webm", codec="libvpx", options=fast)
    video = write(recipe, folder, "my 100% video")
    chapters = adjacent([(length, f"Chapter {i}") for i, length in enumerate(LENGTHS, start=1)])
    curve = Curve("when?", (Evidence(0, 7.4, 0.1), Evidence(7.4, 10, 0.95), Evidence(10, 20, 0.2)))
    illustration = Illustration(posters(probe(video), STARTS), (curve,))
    item = chaptered(chapters, str(video))
    for name, href in (("good", href_beside(video, folder / "good.html")), ("gone", "gone.webm")):
        (folder / f"{name}.html").write_text(to_html(item, illustration, href, MODEL), encoding="utf-8")
    hostile = chaptered(adjacent([(60.0, title) for title in TITLES]))
    curves = tuple(Curve(title, (Evidence(0, 60, 0.7),)) for title in TITLES[:25])
    (folder / "hostile.html").write_text(to_html(hostile, Illustration(curves=curves)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Page(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def calm(browser: Page) -> Page:
    """The browser as at first, whatever the test before did; nothing moves on the page."""
    browser.complaints.clear()
    browser.requests.clear()
    browser.resize(1280, 900)
    browser.prefer(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    return browser


@pytest.fixture
def page(calm: Page, folder: Path) -> Page:
    """The good report, fresh, its video ready."""
    calm.open((folder / "good.html").as_uri())
    calm.wait_for(f"{VIDEO}.readyState >= 1")
    return calm


def assert_at(page: Page, seconds: float, chapter: int) -> None:
    """The video was moved to a time (and may play since), and its chapter is marked in both places."""
    page.wait_for(f"!{VIDEO}.seeking")
    assert seconds <= page.evaluate(f"{VIDEO}.currentTime") < seconds + 1
    assert page.evaluate(CURRENT) == [f"{STARTS[chapter]:.3f}"] * 2


def test_rendered(page: Page, folder: Path) -> None:
    assert page.evaluate("document.querySelector('h1').textContent") == "my 100% video.webm"
    assert page.evaluate("[...document.images].filter(i => i.complete && i.naturalWidth === 160).length") == 4
    widths = page.evaluate("[...document.querySelectorAll('.track a')].map(e => e.getBoundingClientRect().width)")
    assert [width / sum(widths) for width in widths] == pytest.approx([length / 20 for length in LENGTHS], abs=1e-3)
    shown = "[...document.querySelectorAll('.track b')].filter(e => e.offsetWidth).map(e => e.textContent)"
    assert page.evaluate(shown) == [f"Chapter {i}" for i in (1, 2, 3, 4)]
    assert page.evaluate("document.querySelector('.now').innerText") == "0:00 Chapter 1"
    assert page.complaints == []
    local = {url for url in page.requests if url.startswith("file:")}
    assert local == {(folder / "good.html").as_uri(), (folder / "my 100% video.webm").as_uri()}
    assert all(url.startswith(("file:", "data:", "about:")) for url in page.requests)


@pytest.mark.parametrize(
    ("selector", "across", "seconds", "chapter"),
    [
        ("li:nth-child(3) a", 0.5, 7.4, 2),
        ("li:nth-child(4) img", 0.5, 14.0, 3),
        (".track a:nth-child(2)", 0.5, 4.0, 1),
        (".peaks a", 0.5, 7.4, 2),
        (".plot circle", 0.5, 7.4, 2),
        (".plot", 0.8, 16.0, 3),
    ],
)
def test_a_click_moves_the_video(page: Page, selector: str, across: float, seconds: float, chapter: int) -> None:
    page.click(selector, across)
    assert_at(page, seconds - 0.02, chapter)
    assert float(page.evaluate("location.hash")[3:]) == pytest.approx(seconds, abs=0.02)
    page.wait_for(f"!{VIDEO}.paused")
    place = page.evaluate("getComputedStyle(document.querySelector('.stage')).getPropertyValue('--place')")
    assert float(place.rstrip("%")) == pytest.approx(5 * seconds, abs=4)
    assert page.evaluate("document.querySelector('.now b').textContent") == f"Chapter {chapter + 1}"
    assert page.complaints == []


def test_the_list_from_the_keyboard(page: Page) -> None:
    page.press("j", "j", "j", "k")
    assert page.evaluate(f"{FOCUS}.matches('.list a') && {FOCUS}.dataset.t") == "4.000"
    page.press("ArrowDown", "Enter")
    assert_at(page, 7.4, 2)
    page.press("ArrowUp", "ArrowUp", "ArrowUp", " ")
    assert_at(page, 0.0, 0)
    assert page.evaluate(f"getComputedStyle({FOCUS}).outlineStyle") == "solid"
    assert page.complaints == []


def test_the_timeline_from_the_keyboard(page: Page) -> None:
    while not page.evaluate(f"{FOCUS}.matches('.track a')"):
        page.press("Tab")
    assert page.evaluate(f"{FOCUS}.dataset.t") == "0.000"
    page.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft")
    tip = "document.querySelector('.tip')"
    assert (
        page.evaluate(f"!{tip}.hidden && {tip}.innerText.replace(/\\s+/g, ' ').trim()") == "Chapter 3 3 · 0:07 – 0:14"
    )
    page.press("Enter")
    assert_at(page, 7.4, 2)
    page.press("Tab")  # the whole timeline is one stop
    assert page.evaluate(f"{FOCUS}.matches('.peaks a')") and page.evaluate(f"{tip}.hidden")
    reached = []
    for _ in range(5):
        page.press("Tab")
        reached.append(page.evaluate(f"{FOCUS}.dataset.t || {FOCUS}.className"))
    assert reached == ["0.000", "4.000", "7.400", "14.000", "help"]


def test_help_and_play(page: Page) -> None:
    page.press("?")
    assert page.evaluate("document.querySelector('dialog').open")
    page.press("j", "Escape")
    page.wait_for(f"!document.querySelector('dialog').open && {FOCUS} === document.body")
    assert page.evaluate(f"{VIDEO}.paused")
    page.press(" ")
    page.wait_for(f"!{VIDEO}.paused")
    page.wait_for(f"{VIDEO}.currentTime > 0.1")
    page.press(" ")
    page.wait_for(f"{VIDEO}.paused")
    assert page.evaluate(CURRENT) == ["0.000"] * 2


def test_the_pointer_shows_what_is_there(page: Page) -> None:
    page.move_to(".plot", 0.25)
    tip = "document.querySelector('.tip')"
    assert page.evaluate(f"!{tip}.hidden && {tip}.querySelector('b').textContent") == "Chapter 2"
    page.move_to("h1")
    assert page.evaluate(f"{tip}.hidden")
    assert page.evaluate(f"{VIDEO}.currentTime") == 0


def test_an_address_with_a_time(calm: Page, folder: Path) -> None:
    calm.open(f"{(folder / 'good.html').as_uri()}#t=15.5")
    calm.wait_for(f"{VIDEO}.readyState >= 1")
    assert_at(calm, 15.5, 3)
    assert calm.evaluate(f"{VIDEO}.paused")
    calm.evaluate("location.hash = '#t=4.5'")
    calm.wait_for(f"{VIDEO}.currentTime < 5")
    assert_at(calm, 4.5, 1)
    calm.evaluate("location.hash = '#t=<x>'")
    assert_at(calm, 4.5, 1)


def test_without_its_video_the_page_stays_useful(calm: Page, folder: Path) -> None:
    calm.open((folder / "gone.html").as_uri())
    calm.wait_for("document.body.dataset.video === 'missing'")
    visible = "[...document.querySelectorAll('video, .missing')].filter(e => e.checkVisibility()).map(e => e.className)"
    assert calm.evaluate(visible) == ["missing"]
    calm.click("li:nth-child(3) a")
    assert calm.evaluate(CURRENT) == ["7.400"] * 2
    assert calm.evaluate("location.hash") == "#t=7.4"
    assert [text for text in calm.complaints if "ERR_FILE_NOT_FOUND" not in text] == []


def test_hostile_titles_are_read_as_they_are(calm: Page, folder: Path) -> None:
    calm.open((folder / "hostile.html").as_uri())
    chapters = adjacent([(60.0, title) for title in TITLES])
    shown = calm.evaluate("[...document.querySelectorAll('.title')].map(e => e.firstChild.textContent)")
    assert shown == [title_of(chapter) for chapter in chapters]
    assert calm.evaluate("document.scripts.length") == 1
    assert calm.complaints == []


@pytest.mark.parametrize("name", ["good", "hostile"])
def test_nothing_sticks_out(calm: Page, folder: Path, name: str) -> None:
    calm.open((folder / f"{name}.html").as_uri())
    for width in (1920, 1024, 768, 390, 360):
        calm.resize(width, 800)
        assert calm.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
        outside = (
            "[...document.querySelectorAll('h1, dd, .track, .title, .summary, .question, .poster, video')]"
            f".filter(e => {{ const b = e.getBoundingClientRect(); return b.left < 0 || b.right > {width}; }}).length"
        )
        assert calm.evaluate(outside) == 0, width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_contrast(calm: Page, folder: Path, scheme: str) -> None:
    calm.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    calm.open((folder / "good.html").as_uri())
    calm.click("li:nth-child(2) a")
    colours: dict[str, Any] = json.loads(calm.evaluate(COLOURS))
    assert (luminance(colours["paper"]) < 0.1) == (scheme == "dark")
    for name in ("h1", "dt", ".now", ".when", ".when b", ".question", ".peaks a", "footer", ".axis text"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    assert contrast(colours[".track i"], colours["current"]) >= 4.5


COLOURS = """JSON.stringify(Object.fromEntries([
  ...["h1", "dt", ".now", ".when", ".when b", ".question", ".peaks a", "footer", ".axis text"].map(name => {
    const style = getComputedStyle(document.querySelector(name));
    return [name, name.endsWith("text") ? style.fill : style.color];
  }),
  [".track i", getComputedStyle(document.querySelector(".track [aria-current] > span")).color],
  ["current", getComputedStyle(document.querySelector(".track [aria-current] > span")).backgroundColor],
  ["paper", getComputedStyle(document.body).backgroundColor],
]))"""


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of `rgb(r, g, b)`."""
    levels = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(", ")]
    r, g, b = (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_policy_is_obeyed(page: Page) -> None:
    forbidden = page.evaluate(
        "new Promise(done => { const seen = [];"
        " document.addEventListener('securitypolicyviolation', e => {"
        "  seen.push(e.effectiveDirective); if (seen.length === 3) done(seen.sort()); });"
        " new Image().src = 'http://127.0.0.1:9/x.png';"
        " const script = document.createElement('script'); script.textContent = 'window.harm = 1';"
        " document.body.append(script);"
        " document.body.setAttribute('style', 'color: red'); })"
    )
    assert forbidden == ["img-src", "script-src-elem", "style-src-attr"]
    assert page.evaluate("window.harm") is None
