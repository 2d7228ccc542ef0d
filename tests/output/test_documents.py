"""JSON, Podcasting 2.0, CSV and Markdown, read back by parsers of others."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given, settings
from markdown_it import MarkdownIt

from tests.output.made import (
    HOSTILE_TITLES,
    adjacent,
    chaptered,
    hostile_items,
    hostile_outlines,
    of,
    summaries,
    summarised,
)
from vamba_cli.output.times import long_clock, whole_units
from vamba_cli.output.titles import one_line, title_of
from vamba_cli.output.to_csv import summary_to_csv, to_csv
from vamba_cli.output.to_json import to_json
from vamba_cli.output.to_md import summary_to_md, to_md
from vamba_cli.output.to_podcast import to_podcast
from vamba_cli.results import OutlineEntry, VideoChapters
from vamba_cli.timecode import clock

ALL_TITLES = chaptered(adjacent([(20.0, title) for title in HOSTILE_TITLES]))
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Shown(HTMLParser):
    """What a page shows: headings, entries of lists and paragraphs as text, and whether any other mark is in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.blocks: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.feed(MARKDOWN.render(text))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("h1", "h2", "li", "p"):
            self.blocks.append((tag, ""))
        if tag == "br":
            self.blocks.append(("below", ""))

    def handle_data(self, data: str) -> None:
        if self.blocks and data != "\n":
            tag, text = self.blocks[-1]
            self.blocks[-1] = (tag, text + data.replace("\n", ""))


@given(hostile_items)
@settings(max_examples=60)
def test_json_comes_back(item: VideoChapters) -> None:
    text = to_json(of(item, item))
    document = json.loads(text.encode())
    assert [found["title"] for found in document["items"][1]["chapters"]] == [title_of(c) for c in item.chapters]
    assert [found["start_seconds"] for found in document["items"][0]["chapters"]] == [
        c.start_seconds for c in item.chapters
    ]


def test_json_says_where_a_title_comes_from_and_nothing_of_absent_summaries() -> None:
    (chapter,) = adjacent([(5.0, "\n")])
    (found,) = json.loads(to_json(of(chaptered((replace(chapter, summary=" "),)))))["items"][0]["chapters"]
    assert found == {"start_seconds": 0.0, "end_seconds": 5.0, "title": "0:00–0:05", "title_source": "time"}


def test_json_keeps_a_file_name_that_is_no_text() -> None:
    text = to_json(of(chaptered(adjacent([(5.0, "x")]), "bad\udcff.mp4")))
    assert json.loads(text.encode())["items"][0]["video"]["path"] == "bad\udcff.mp4"


@given(hostile_items)
@settings(max_examples=60)
def test_podcast_comes_back(item: VideoChapters) -> None:
    document = json.loads(to_podcast(item).encode())
    assert document["version"] == "1.2.0"
    assert document["fileName"] == "lecture.mp4"
    assert [(round(c["startTime"] * 1000), round(c["endTime"] * 1000), c["title"]) for c in document["chapters"]] == [
        (*span, title_of(c)) for span, c in zip(whole_units(item.chapters, 1000), item.chapters, strict=True)
    ]


@given(hostile_items)
@settings(max_examples=60)
def test_csv_comes_back(item: VideoChapters) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(of(item, item)), newline=""), strict=True))
    assert len(rows) == 2 * len(item.chapters)
    for index, row in enumerate(rows):
        chapter = item.chapters[index % len(item.chapters)]
        assert (row["path"], row["title"]) == (item.video.path, title_of(chapter))
        assert int(row["number"]) == index % len(item.chapters) + 1
        start, end = whole_units(item.chapters, 1000)[index % len(item.chapters)]
        assert [round(float(row[f"{which}_seconds"]) * 1000) for which in ("start", "end")] == [start, end]
        assert row["start"] == long_clock(start // 1000, 1)
        assert None not in row


def test_csv_letter_by_letter() -> None:
    item = chaptered(adjacent([(60.0, "a, b"), (3600.25, 'say "x"')]), "x.mp4")
    assert to_csv(of(item)) == (
        "path,number,start_seconds,end_seconds,start,end,title,title_source,summary\n"
        'x.mp4,1,0.000,60.000,00:00:00,00:01:00,"a, b",model,\n'
        'x.mp4,2,60.000,3660.250,00:01:00,01:01:00,"say ""x""",model,\n'
    )


@given(hostile_outlines)
@settings(max_examples=30)
def test_csv_of_summaries_comes_back(outline: tuple[OutlineEntry, ...]) -> None:
    text = summary_to_csv(summaries(summarised(outline, "One.\n- two")))
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [row["text"] for row in rows] == ["One. - two", *(one_line(entry.text) for entry in outline)]
    assert [row["number"] for row in rows] == [str(number) for number in range(len(outline) + 1)]


def test_an_outline_that_is_the_summary_is_written_once() -> None:
    outline = (OutlineEntry(0.0, 65.0, "Opening"), OutlineEntry(65.0, 400.0, "The chain rule"))
    text = summary_to_md(summaries(summarised(outline, "0:00  Opening\n1:05  The chain rule")))
    assert text == "# lecture.mp4\n\n- `0:00` Opening\n- `1:05` The chain rule\n"
    assert "## Outline" in summary_to_md(summaries(summarised(outline, "- 0:00  Opening\n- 1:05  All the rest")))


def test_a_summary_that_ends_with_the_words_of_the_outline_is_kept() -> None:
    """Every text ends with the empty one of a chapter without words, and with its own last words."""
    for text, said in ((" ", "It begins."), ("The chain rule", "All of it is about The chain rule")):
        shown = summary_to_md(summaries(summarised((OutlineEntry(0.0, 65.0, text),), said)))
        assert said in shown and "## Outline" in shown


@given(hostile_items)
@settings(max_examples=100)
def test_markdown_shows_the_titles_as_they_are(item: VideoChapters) -> None:
    with_summaries = replace(item, chapters=tuple(replace(c, summary=c.title) for c in item.chapters))
    shown = Shown(to_md(of(with_summaries, with_summaries)))
    wanted = [("h1", "talks/lecture.mp4")]  # two of one name have their folders
    for chapter in item.chapters:
        wanted.append(("li", f"{clock(chapter.start_seconds)} {title_of(chapter)}"))
        wanted += [("below", one_line(chapter.title))] * bool(one_line(chapter.title))
    assert shown.blocks == wanted * 2
    assert shown.tags <= {"h1", "ul", "li", "code", "br"}


def test_markdown_of_all_hostile_titles() -> None:
    shown = Shown(to_md(of(ALL_TITLES)))
    assert [text for tag, text in shown.blocks if tag == "li"] == [
        f"{clock(c.start_seconds)} {title_of(c)}" for c in ALL_TITLES.chapters
    ]


def test_markdown_dollars_are_no_formula() -> None:
    """GitHub shows $x$ as mathematics, which plain Markdown does not know."""
    assert not re.search(r"(?<!\\)\$", to_md(of(chaptered(adjacent([(9.0, "from $5 to $6")])))))


def test_markdown_stays_readable_without_a_browser() -> None:
    item = chaptered(
        adjacent([(60.0, "What is gradient_descent? (part 1)"), (9.0, "C++, R&D: 5 > 3")]), "a/my_talk.mp4"
    )
    assert to_md(of(item)) == (
        "# my_talk.mp4\n\n- `0:00` What is gradient_descent? (part 1)\n- `1:00` C++, R&D: 5 > 3\n"
    )


@given(hostile_outlines)
@settings(max_examples=60)
def test_markdown_of_summaries(outline: tuple[OutlineEntry, ...]) -> None:
    shown = Shown(summary_to_md(summaries(summarised(outline, "It *begins*.\n- one\n- # two\n===\n7. seven\n"))))
    assert shown.blocks == [
        ("h1", "lecture.mp4"),
        ("p", "It *begins*."),
        ("li", "one"),
        ("li", "# two"),
        ("p", "==="),
        ("p", "7. seven"),
        ("h2", "Outline"),
        *(("li", f"{clock(entry.start_seconds)} {one_line(entry.text)}".strip()) for entry in outline),
    ]


def test_a_heading_keeps_its_last_hash() -> None:
    assert Shown(to_md(of(chaptered((), "a/why C #")))).blocks == [("h1", "why C #")]
