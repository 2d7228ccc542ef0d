"""The one decision about titles: one line, no control characters, and nothing else lost."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.made import titles
from vamba_cli.output.titles import clean_chapter, file_name, lines, one_line, title_of
from vamba_cli.results import Chapter


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("two\nlines\r\n", "two lines"),
        ("a\t\u00a0\u2028\x85 b", "a b"),
        ("bell\a\x1b[31m", "bell[31m"),
        ("a \0 b", "a b"),
        ("x\udc80\ufffey", "xy"),
        ("\u200fשלום\u200f 👨‍👩‍👧‍👦 \u2067مرحبا\u2069", "\u200fשלום\u200f 👨‍👩‍👧‍👦 \u2067مرحبا\u2069"),
        (" \n\0 ", ""),
    ],
)
def test_one_line(raw: str, clean: str) -> None:
    assert one_line(raw) == clean


@given(st.text())
def test_no_text_breaks_a_line_or_an_encoding(raw: str) -> None:
    clean = one_line(raw)
    assert clean.splitlines() in ([], [clean])
    assert clean == clean.strip() == one_line(clean)
    assert not any(unicodedata.category(c) == "Cc" for c in clean)
    assert clean.encode("utf-8").decode("utf-8") == clean


@given(titles)
def test_a_title_is_never_empty(raw: str) -> None:
    assert title_of(Chapter(75.0, 3700.0, raw))


def test_what_has_no_title_left_shows_its_span() -> None:
    chapter = clean_chapter(Chapter(75.0, 3700.0, "\0", "model", " \n"))
    assert (chapter.title, chapter.title_source, chapter.summary) == ("1:15–1:01:40", "time", None)


def test_lines_of_a_text() -> None:
    assert lines("One.\n\n- a\r\n- b\0\n \n") == ["One.", "- a", "- b"]


@pytest.mark.parametrize(("path", "name"), [("a/b c.mp4", "b c.mp4"), ("x\udc80.mp4", "x?.mp4"), ("", "video")])
def test_names_of_files(path: str, name: str) -> None:
    assert file_name(path) == name
