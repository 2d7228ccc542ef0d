"""Results that writers are tried on, plain and hostile."""

from hypothesis import strategies as st

from vamba_cli.results import (
    Chapter,
    ChaptersResult,
    ModelSummary,
    OutlineEntry,
    SummariseResult,
    Timing,
    VideoChapters,
    VideoSummary,
    VideoSummaryText,
)

MODEL = ModelSummary("tiny", None, "float32", "cpu")
NO_TIME = Timing(0.0, 0.0, 0.0)

HOSTILE_TITLES = (
    "two\nlines\r\nand three",
    "key=value; # no comment \\ end\\",
    "مقدمة في التعلّم",
    "\u200fשלום\u200f 123 \u2067x\u2069",
    "family 👨‍👩‍👧‍👦 and flag 🇪🇺",
    "00:00:01.000 --> 00:00:02.000",
    "</script><script>alert(1)</script>",
    "]]> &amp; &lt; <b>",
    "bell\a nul\0 escape\x1b[31m red",
    "long " * 400,
    " \t\n ",
    "\0\x01",
    "",
    "lone \udc80 surrogate and \uffff noncharacter",
    "NOTE not a note",
    "[CHAPTER]",
    "- bullet * star _ # hash 1. one | table",
    '"quoted", comma',
    "$a$ `code` [link](http://x) ~~gone~~ _it_ __main__",
    "line\u2028separator\u2029paragraph\x85next",
    "42",
)

titles = st.one_of(st.sampled_from(HOSTILE_TITLES), st.text(max_size=60))
lengths_seconds = st.one_of(st.floats(0.0004, 3600), st.sampled_from([0.0004, 0.1 + 0.2, 1001 / 30000, 11 * 3600.0]))


def chaptered(chapters: tuple[Chapter, ...], path: str = "talks/lecture.mp4") -> VideoChapters:
    """Chapters as the result of one video."""
    video = VideoSummary(path, chapters[-1].end_seconds if chapters else 0.0, 640, 360)
    return VideoChapters(video, chapters, 64, 1024, False, (), NO_TIME)


def adjacent(ends_and_titles: list[tuple[float, str]]) -> tuple[Chapter, ...]:
    """Chapters without gaps from 0: each with its length in seconds, and its title."""
    chapters, start = [], 0.0
    for length, title in ends_and_titles:
        chapters.append(Chapter(start, start + length, title))
        start += length
    return tuple(chapters)


def of(*items: VideoChapters) -> ChaptersResult:
    """A result without failures."""
    return ChaptersResult(items, (), MODEL, ())


def summarised(outline: tuple[OutlineEntry, ...], summary: str = "All of it.") -> VideoSummaryText:
    """An outline as the summary of one video."""
    video = VideoSummary("talks/lecture.mp4", outline[-1].end_seconds if outline else 0.0, 640, 360)
    return VideoSummaryText(video, summary, outline, 64, 1024, False, (), NO_TIME)


def summaries(*items: VideoSummaryText) -> SummariseResult:
    """A result without failures."""
    return SummariseResult(items, (), MODEL, ())


hostile_chapters = st.lists(st.tuples(lengths_seconds, titles), min_size=1, max_size=8).map(adjacent)
hostile_items = hostile_chapters.map(chaptered)
hostile_outlines = hostile_chapters.map(
    lambda chapters: tuple(OutlineEntry(c.start_seconds, c.end_seconds, c.title) for c in chapters)
)
