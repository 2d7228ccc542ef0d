"""The report as text: whatever a title holds stays text, and nothing is loaded from anywhere."""

import re
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.made import HOSTILE_TITLES, MODEL, adjacent, chaptered, titles
from vamba_cli.output.curve_svg import peaks, to_figure
from vamba_cli.output.titles import file_name, one_line, title_of
from vamba_cli.output.to_html import href_beside, to_html
from vamba_cli.results import NOT_LOOKED_AT, Chapter, Curve, Evidence, Illustration

VOID = {"meta", "link", "img", "input", "br"}
PLAIN = Illustration()
CURVE = Curve("when?", (Evidence(0, 4, 0.1), Evidence(4, 6, 0.9), Evidence(6, 10, 0.2)))


class Reader(HTMLParser):
    """Elements of a page in order, each with its attributes and the text right inside it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.elements[self._open[-1]][2].append(data)

    def texts(self, tag: str, class_: str | None = None) -> list[str]:
        """The text of all elements of a tag, and of a class if one is given."""
        return [
            "".join(text)
            for name, attributes, text in self.elements
            if name == tag and (class_ is None or class_ in (attributes.get("class") or "").split())
        ]

    def values(self, attribute: str, tag: str | None = None) -> list[str]:
        """All values of an attribute."""
        return [a[attribute] or "" for name, a, _ in self.elements if attribute in a and tag in (None, name)]

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Tags and names of attributes: all of a page that text must not change."""
        return [(tag, tuple(attributes)) for tag, attributes, _ in self.elements]


def page(*names: str, illustration: Illustration = PLAIN, href: str | None = None) -> Reader:
    return Reader(to_html(chaptered(adjacent([(10.0, name) for name in names])), illustration, href, MODEL))


@given(st.lists(titles, min_size=1, max_size=4), titles, titles)
def test_all_text_stays_text(names: list[str], summary: str, question: str) -> None:
    chapters = tuple(Chapter(10.0 * i, 10.0 * i + 10, name, summary=f"s{summary}") for i, name in enumerate(names))
    curve = Curve(question, CURVE.spans)
    item = chaptered(chapters, f"talks/x{names[0].replace('/', '')}.mp4")
    read = Reader(to_html(item, Illustration(curves=(curve,)), f"{len(names)}.webm", MODEL))
    expected = [title_of(chapter) for chapter in chapters]
    assert read.texts("span", "title") == expected
    # the first below the video, then all on the timeline
    assert read.texts("b")[: 1 + len(expected)] == [expected[0], *expected]
    labels = [label.split(". ", 1)[1].rsplit(", ", 1)[0] for label in read.values("aria-label", "a")]
    assert labels == expected
    assert read.texts("span", "summary") == [one_line(f"s{summary}")] * len(names)
    assert read.texts("span", "question") == [one_line(question)]
    assert read.texts("h1") == read.texts("title") == read.texts("bdi") == [file_name(item.video.path)]
    plain = tuple(
        Chapter(c.start_seconds, c.end_seconds, "x" if one_line(c.title) else "", summary="s") for c in chapters
    )
    calm = Reader(to_html(chaptered(plain), Illustration(curves=(CURVE,)), "x.webm", MODEL))
    assert read.skeleton == calm.skeleton


@pytest.mark.parametrize("name", HOSTILE_TITLES)
def test_the_page_can_be_written(name: str) -> None:
    item = chaptered(adjacent([(5.0, name)]), f"{name.replace('/', '')}.mp4")
    illustration = Illustration(curves=(Curve(name, CURVE.spans),))
    assert to_html(item, illustration, None).encode()


def test_names_of_placeholders_are_only_text() -> None:
    assert page("$name ${style} $$", "$script").texts("span", "title") == ["$name ${style} $$", "$script"]


@pytest.mark.parametrize(("href", "media"), [(None, "'none'"), ("a.mp4", "'self' file:")])
def test_policy_lets_nothing_in_but_the_video(href: str | None, media: str) -> None:
    read = page("a", "b", href=href, illustration=Illustration((b"x", b"y"), (CURVE,)))
    (policy,) = [value for value in read.values("content", "meta") if "default-src" in value]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (style,), (script,) = read.texts("style"), read.texts("script")
    digests = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, script)]
    assert rules == {
        "default-src": "'none'", "img-src": "data:", "style-src": digests[0], "script-src": digests[1],
        "media-src": media, "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    # what it forbids is not there in the first place
    assert not [
        name for _, attributes, _ in read.elements for name in attributes if name.startswith("on") or name == "style"
    ]
    assert not re.search(r"url\(|@import", style)
    assert not re.search(r"fetch|XMLHttp|import\(|eval|innerHTML|document\.write|WebSocket|sendBeacon", script)


def test_nothing_refers_to_the_network() -> None:
    text = to_html(chaptered(adjacent([(9.0, "a")])), Illustration((b"x",), (CURVE,)), "v/a.mp4", MODEL)
    assert "://" not in text and 'src="//' not in text
    read = Reader(text)
    assert set(read.values("src")) == {"data:image/jpeg;base64,eA==", "v/a.mp4", }  # fmt: skip
    assert all(re.match(r"#|data:,$", value) for value in read.values("href"))


@pytest.mark.parametrize("number", [1, 2, 60, 300])
def test_one_part_and_one_picture_for_each_chapter(number: int) -> None:
    pictures = tuple(f"picture {i}".encode() for i in range(number))
    read = page(*map(str, range(number)), illustration=Illustration(pictures))
    assert read.texts("span", "title") == list(map(str, range(number)))
    assert len(read.texts("li")) == number and len(read.values("aria-label", "a")) == number
    shown = [b64decode(source.split(",")[1]) for source in read.values("src", "img") if source]
    assert shown == list(pictures)
    times = [f"{10 * i:.3f}" for i in range(number)]
    assert read.values("data-t", "a") == times * 2
    assert read.values("href", "a")[1:] == [f"#t={time}" for time in times] * 2
    assert read.texts("h2")[0] == ("Chapter" if number == 1 else f"{number} chapters")


def test_size_without_pictures() -> None:
    assert len(to_html(chaptered(adjacent([(10.0, "A title of usual length")] * 300)))) < 200_000


def test_fewer_pictures_than_chapters() -> None:
    read = page("a", "b", "c", illustration=Illustration((b"x",)))
    assert len(read.texts("span", "title")) == 3 and len(read.texts("span", "poster")) == 1


def test_the_timeline_is_in_proportion() -> None:
    chapters = adjacent([(10.0, "a"), (30.0, "b"), (0.0, "c"), (60.0, "d")])
    (style,) = Reader(to_html(chaptered(chapters))).texts("style")
    shares = re.findall(r"minmax\(0,([\d.]+)fr\)", style[style.rindex(".track{grid") :])
    assert [float(share) for share in shares] == [1000, 3000, 0, 6000]


@pytest.mark.parametrize("seconds", [0.04, 0.5, 9.0, 59.0, 754.0, 3600.0, 11 * 3600.0, 40 * 3600.0])
def test_times_on_the_axis(seconds: float) -> None:
    read = Reader(to_html(chaptered(adjacent([(seconds, "a")]))))
    places = [float(value.rstrip("%")) for value in read.values("x", "text")]
    assert places[0] == 0 and places == sorted(places) and places[-1] <= 95
    assert 1 <= len(places) <= 12 and (seconds < 9 or len(places) >= 4)


def test_titles_that_were_not_read_are_marked() -> None:
    chapters = (Chapter(0, 5, "Intro"), Chapter(5, 9, "0:05–0:09", "time"), Chapter(9, 12, "\0"))
    read = Reader(to_html(chaptered(chapters)))
    assert read.texts("span", "unread") == ["0:05–0:09", "0:09–0:12"]
    assert read.texts("span", "mark") == ["not read"] * 2
    assert read.texts("p", "unread-note")[0].startswith("2 chapters have no title")
    assert page("a").texts("p", "unread-note") == []
    read = Reader(to_html(chaptered((Chapter(0, 5, NOT_LOOKED_AT, "unseen"), Chapter(5, 9, "Intro")))))
    assert read.texts("span", "unread") == [NOT_LOOKED_AT]
    assert read.texts("span", "mark") == read.texts("p", "unread-note") == []


def test_what_is_said_of_the_video() -> None:
    read = page("a", "b")
    said = dict(zip(read.texts("dt")[:4], read.texts("dd")[:4], strict=True))
    assert said == {
        "Length": "0:20",
        "Picture": "640 × 360",
        "Looked at": "64 frames, 1,024 tokens",
        "Model": "tiny, float32 on cpu",
    }
    assert "Model" not in Reader(to_html(chaptered(adjacent([(9.0, "a")])))).texts("dt")
    spoken = replace(chaptered(adjacent([(9.0, "a")])), subtitles="a.srt & b")
    assert "a.srt & b" in Reader(to_html(spoken)).texts("dd")
    warned = replace(chaptered(adjacent([(9.0, "a")])), warnings=("cut <off>",))
    assert Reader(to_html(warned)).texts("li")[0] == "cut <off>"


# --- the curve


def test_peaks_are_runs_with_their_best_score() -> None:
    spans = [Evidence(i, i + 1, score) for i, score in enumerate([0.6, 0.8, 0.4, 0.5, 0.1, 0.99, 0.1, 0.7, 0.2, 0.55])]
    assert [(peak.start_seconds, peak.end_seconds, peak.top.score) for peak in peaks(spans)] == [
        (0, 2, 0.8), (5, 6, 0.99), (7, 8, 0.7), (9, 10, 0.55),
    ]  # fmt: skip
    assert peaks([]) == [] and peaks([Evidence(0, 1, float("nan")), Evidence(1, 2, 0.49)]) == []


def test_the_curve_is_drawn_in_steps() -> None:
    read = Reader(to_figure(CURVE, 10.0))
    assert read.values("d", "path") == ["M0 102V91.8H400V10.2H600V81.6H1000V102Z"]
    assert read.values("cx") == ["50%"]
    assert read.values("href", "a") == ["#t=4.000"] * 2
    assert "0:04 to 0:06 (90%)" in read.values("aria-label")[0]


def test_what_was_not_looked_at_has_no_curve() -> None:
    spans = (Evidence(2, 4, 1.0), Evidence(6, 8, 0.5))
    read = Reader(to_figure(Curve("?", spans), 10.0))
    assert read.values("d", "path") == ["M200 102V0H400V102ZM600 102V51H800V102Z"]
    assert Reader(to_figure(Curve("?", ()), 10.0)).values("d", "path") == [""]


def test_what_is_said_is_told_from_what_is_seen() -> None:
    spans = (Evidence(0, 4, 0.6), Evidence(4, 6, 1.0, "subtitles"), Evidence(6, 9, 0.1), Evidence(9, 10, 0.7))
    text = to_figure(Curve("?", spans), 10.0)
    assert "0:00–0:06 <small>said<" in text and "0:09–0:10 <small>70%<" in text


def test_the_answer_stands_above_the_curve() -> None:
    """As text; where nothing can be looked for it stands alone."""
    text = to_figure(Curve("when?", CURVE.spans, "At <b>0:04</b>\nand later"), 10.0)
    assert '<p class="answer" dir="auto">At &lt;b&gt;0:04&lt;/b&gt;\nand later</p>' in text
    assert text.index("</figcaption>") < text.index("At &lt;") < text.index("<svg")
    assert "<svg" not in to_figure(Curve("which?", (), "The last one"), 10.0)


def test_a_curve_without_peaks_says_so() -> None:
    text = to_figure(Curve("?", (Evidence(0, 4, 0.1), Evidence(4, 6, 0.3))), 6.0)
    assert "nothing supports it clearly; most of all" in text and "0:04–0:06 <small>30%" in text
    assert "nothing supports it<" in to_figure(Curve("?", (Evidence(0, 4, 0.001),)), 6.0)
    assert "nothing supports it<" in to_figure(Curve("?", ()), 6.0)


# --- the way to the video


@pytest.mark.parametrize(
    ("video", "report", "href"),
    [
        ("a.mp4", "a.html", "a.mp4"),
        ("v/a.mp4", "a.html", "v/a.mp4"),
        ("v/a.mp4", "r/s/a.html", "../../v/a.mp4"),
        ("/v/a.mp4", "/v/a.html", "a.mp4"),
        ("50% #1? a&b.mp4", "a.html", "50%25%20%231%3F%20a%26b.mp4"),
        ("javascript:alert(1).mp4", "a.html", "javascript%3Aalert%281%29.mp4"),
        ('"><script>.mp4', "a.html", "%22%3E%3Cscript%3E.mp4"),
        ("été.mp4", "a.html", "%C3%A9t%C3%A9.mp4"),
        ("\udcff.mp4", "a.html", "%FF.mp4"),
        ("x/../a.mp4", "a.html", "a.mp4"),
    ],
)
def test_href_beside(video: str, report: str, href: str) -> None:
    assert href_beside(Path(video), Path(report)) == href


def test_another_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, start: Path) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", refuse)
    assert href_beside(Path("/v/a b.mp4"), Path("/r/a.html")) == "file:///v/a%20b.mp4"
