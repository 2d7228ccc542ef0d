"""Subtitle text to lines: markup out, repeats of rolling captions out, times in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vamba_cli.media.captions import lines_of, parse
from vamba_cli.subtitles import Line, Subtitles

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.240 --> 00:00:02.310 align:start position:0%
_
hello<00:00:00.480><c> everyone</c><00:00:01.000><c> and</c>

00:00:02.310 --> 00:00:02.320 align:start position:0%
hello everyone and
_

00:00:02.320 --> 00:00:04.500 align:start position:0%
hello everyone and
welcome<00:00:02.800><c> to</c><00:00:03.000><c> it</c>

00:00:04.500 --> 00:00:04.510 align:start position:0%
welcome to it
_

00:00:04.510 --> 00:00:06.500 align:start position:0%
welcome to it
all of you
""".replace("_", " ")


def test_subrip() -> None:
    text = (
        "1\r\n00:00:01,500 --> 00:00:02,000\r\n<i>Hi</i> {\\an8}there,\r\nyou  two\r\n\r\n"
        "2\r\n00:01:03,000 --> 00:01:04,250\r\nBye &amp; thanks\r\n"
    )
    assert parse(text) == (Line(1.5, 2.0, "Hi there, you two"), Line(63.0, 64.25, "Bye & thanks"))


def test_webvtt_without_its_notes_styles_and_names_of_cues() -> None:
    text = (
        "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnobody says this\n\n"
        "opening\n00:01.000 --> 00:02.000 line:80%\n<v.loud Hildy>Well, <b>now</b></v>\n\n"
        "nothing\n00:03.000 --> 00:04.000\n\nclosing\n01:00:05.000 --> 01:00:06.000\n2 &lt; 3\n"
    )
    assert parse(text) == (Line(1.0, 2.0, "Hildy: Well, now"), Line(3605.0, 3606.0, "2 < 3"))


def test_substation_without_drawings_and_comments() -> None:
    text = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:05.00,0:00:06.50,Default,Walter,0,0,0,,{\\i1}Second{\\i0}\\Nline, with a comma\n"
        "Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,a remark\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 0 10 10{\\p0}\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,First\\hone\n"
    )
    assert parse(text) == (Line(1.0, 2.0, "First one"), Line(5.0, 6.5, "Walter: Second line, with a comma"))


def test_rolling_captions_are_said_once() -> None:
    lines = parse(ROLLING)
    assert [line.text for line in lines] == ["hello everyone and", "welcome to it", "all of you"]
    assert [line.start_seconds for line in lines] == [0.24, 2.32, 4.51]


def test_captions_that_grow_word_by_word() -> None:
    cues = [(0.0, 1.0, ["Good"]), (1.0, 2.0, ["Good morning"]), (2.0, 3.0, ["Good morning", "all"])]
    assert [line.text for line in lines_of(cues)] == ["Good", "morning", "all"]


def test_overlapping_repeats_of_converted_captions() -> None:
    cues = [(0.0, 4.0, ["one two"]), (2.0, 6.0, ["one two", "three"]), (4.0, 8.0, ["three", "four"])]
    assert [line.text for line in lines_of(cues)] == ["one two", "three", "four"]


def test_what_is_said_twice_stays_twice() -> None:
    cues = [(0.0, 1.0, ["No."]), (3.0, 4.0, ["No."]), (4.0, 5.0, ["Nothing."])]
    assert [line.text for line in lines_of(cues)] == ["No.", "No.", "Nothing."]


def test_what_still_stands_is_not_said_again() -> None:
    assert lines_of([(0.0, 10.0, ["Stay"]), (1.0, 2.0, ["Stay"]), (5.0, 6.0, ["Stay"])]) == (Line(0.0, 10.0, "Stay"),)


def test_a_cue_on_two_layers_is_one_line() -> None:
    assert lines_of([(1.0, 2.0, ["Same"]), (1.0, 2.5, ["Same"])]) == (Line(1.0, 2.5, "Same"),)


def test_times_that_cannot_be() -> None:
    text = (
        "1\n00:00:09,000 --> 00:00:08,000\nends before it begins\n\n2\n00:00:05,000 --> 00:00:05,000\nno time at all\n"
        "\n3\n00:00:01,000 --> 00:00:02,000\nfirst\n"
    )
    lines = parse(text)
    assert [line.text for line in lines] == ["first", "no time at all", "ends before it begins"]
    assert all(0.5 < line.end_seconds - line.start_seconds < 2 for line in lines)
    negative = lines_of([(-3.0, -1.0, ["gone"]), (-1.0, 2.0, ["half"])])
    assert negative == (Line(0.0, 2.0, "half"),)


@pytest.mark.parametrize(
    "text",
    [
        "", "nonsense", "\0\1\2", "<html><body>404</body></html>", "{1}{2}abc", "WEBVTT and no more words",
        "[Script Info]\n[V4+ Styles]\n[Events]\nDialogue: 1,2",
        "[Script Info]\n\n[Events]\nFormat: Start, End, Text\nDialogue: x,y,hi",
    ],
)  # fmt: skip
def test_what_is_no_subtitle_file_is_an_error_or_has_no_lines(text: str) -> None:
    try:
        assert parse(text) == ()
    except ValueError as error:
        assert str(error).startswith("it is ")


@given(st.text(alphabet="WEBVT\n0123456789:.,->{}[]<>&;\\ abNhpDialoguescriptInfo", max_size=300))
def test_any_text_gives_ordered_lines_or_a_value_error(text: str) -> None:
    for start in ("", "WEBVTT\n\n", "1\n00:00:01,000 --> 00:00:02,000\n", "[Script Info]\n[Events]\nDialogue: "):
        try:
            lines = parse(start + text)
        except ValueError:
            continue
        assert [line.start_seconds for line in lines] == sorted(line.start_seconds for line in lines)
        for line in lines:
            assert 0 <= line.start_seconds < line.end_seconds
            assert line.text and line.text == " ".join(line.text.split())


rows = st.lists(st.sampled_from(["a b", "c", "d e f"]), min_size=1, max_size=2)
cues = st.tuples(st.integers(-3, 50), st.integers(-3, 50), rows).map(lambda cue: (cue[0] / 2, cue[1] / 2, cue[2]))


@given(st.lists(cues, max_size=12))
def test_no_word_is_lost(given_cues: list[tuple[float, float, list[str]]]) -> None:
    lines = lines_of(given_cues)
    shown = {word for start, end, rows in given_cues if end > 0 or end <= start >= 0 for word in " ".join(rows).split()}
    assert shown <= {word for line in lines for word in line.text.split()}
    assert all(line.start_seconds < line.end_seconds for line in lines)


def test_between_takes_every_line_that_reaches_into_a_span() -> None:
    subtitles = Subtitles((Line(0, 2, "a"), Line(2, 4, "b"), Line(5, 6, "c")), "x.srt")
    assert [line.text for line in subtitles.between(2, 5)] == ["b"]
    assert [line.text for line in subtitles.between(1.9, 5.1)] == ["a", "b", "c"]
    assert subtitles.between(4, 5) == ()
    assert subtitles.within(4, 9) == Subtitles((Line(5, 6, "c"),), "x.srt")
