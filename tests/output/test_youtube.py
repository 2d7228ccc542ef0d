"""YouTube's rules, checked on the text alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.made import adjacent, chaptered, titles
from vamba_cli.errors import UsageError
from vamba_cli.output.to_youtube import to_youtube, youtube_warnings
from vamba_cli.results import Chapter
from vamba_cli.timecode import parse_seconds

LINE = re.compile(r"((?:[1-9]\d*:[0-5]\d|[0-5]?\d):[0-5]\d) (\S.*)")


def read(text: str) -> list[tuple[float, str]]:
    """Times and titles as YouTube finds them; fails on what it would not take."""
    assert text.endswith("\n")
    assert "<" not in text
    assert ">" not in text
    found = []
    for line in text.removesuffix("\n").split("\n"):
        match = LINE.fullmatch(line)
        assert match, line
        found.append((parse_seconds(match[1]), match[2]))
    return found


def check_rules(found: list[tuple[float, str]], end_seconds: float) -> None:
    times = [time for time, _ in found]
    assert times[0] == 0
    assert len(times) >= 3
    assert all(after - before >= 10 for before, after in zip(times, [*times[1:], end_seconds], strict=True))


def test_plain() -> None:
    chapters = adjacent([(60.9, "Intro"), (3600, "a < b"), (20, "End")])
    assert to_youtube(chaptered(chapters)) == "0:00 Intro\n1:00 a ‹ b\n1:01:00 End\n"
    assert youtube_warnings(chaptered(chapters)) == ()


@given(st.lists(st.tuples(st.floats(0.0004, 100), titles), min_size=1, max_size=12))
def test_rules_hold_or_it_is_refused(parts: list[tuple[float, str]]) -> None:
    item = chaptered(adjacent(parts))
    try:
        found = read(to_youtube(item))
    except UsageError:
        assert sum(length for length, _ in parts) < 30 or len(parts) < 3 or min(length for length, _ in parts) < 11
        return
    check_rules(found, item.video.duration_seconds)
    starts = [int(c.start_seconds + 1e-6) for c in item.chapters]
    assert all(time in starts for time, _ in found), "a time that no chapter begins at"


def test_short_chapters_join_their_shorter_neighbour_and_the_longer_title_stays() -> None:
    item = chaptered(adjacent([(40, "A"), (4, "b"), (12, "C"), (60, "D"), (3, "e"), (30, "F")]))
    assert read(to_youtube(item)) == [(0, "A"), (40, "C"), (56, "D"), (116, "F")]
    (warning,) = youtube_warnings(item)
    assert warning.startswith("2 chapters shorter than 10 seconds")


def test_ten_seconds_by_the_clock_that_is_shown() -> None:
    """YouTube sees whole seconds only: B lasts 9.2 seconds, and shows as 0:10 to 0:20."""
    item = chaptered(adjacent([(10.9, "A"), (9.2, "B"), (30, "C"), (30, "D")]))
    assert [time for time, _ in read(to_youtube(item))] == [0, 10, 20, 50]


def test_the_first_stands_at_zero() -> None:
    chapters = (Chapter(3.0, 20.0, "A"), Chapter(20.0, 40.0, "B"), Chapter(40.0, 60.0, "C"))
    check_rules(read(to_youtube(chaptered(chapters))), 60)


@pytest.mark.parametrize("lengths", [[100.0], [100.0, 100.0], [50, 5, 4, 3], [3, 3, 3]])
def test_too_few_is_an_error_that_helps(lengths: list[float]) -> None:
    item = chaptered(adjacent([(length, "x") for length in lengths]))
    with pytest.raises(UsageError, match=r"talks/lecture\.mp4: YouTube .* at least 3 .*another format"):
        to_youtube(item)


def test_a_description_is_not_endless() -> None:
    item = chaptered(adjacent([(15.0, f"a title of some length {i}") for i in range(500)]))
    assert len(read(to_youtube(item))) == 500
    assert any("characters" in warning for warning in youtube_warnings(item))
