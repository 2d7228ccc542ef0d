"""Order and number: what comes after, which is the third, how many, for how long; and film, which has no slides."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.engine.test_windows import memory_with
from tests.tasks.saying import spelt
from vamba_cli.engine.events import ignore
from vamba_cli.engine.generate import Generated
from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.tasks import outline, watched
from vamba_cli.tasks.order import about, answer_of_order
from vamba_cli.tasks.outline import Heading, shows_text
from vamba_cli.tasks.profiles import PROFILES
from vamba_cli.tasks.questions import understand

PROFILE = PROFILES["slides"]
HEADINGS = [Heading(0, 5, "Welcome", 0.9), Heading(5, 15, "UMAP", 0.99), Heading(20, 30, "Clusters", 0.98)]
# of two seconds a pair: UMAP heads 0:10-0:30 in two steps, and is mentioned at 0:50-0:56
ONCE = "(slides with one title in a row count once)"
UMAP = [ScoredSpan(5, 8, 0.9, True), ScoredSpan(8, 15, 0.9, True), ScoredSpan(25, 28, 0.7)]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A minute of video with three titles, in which UMAP is found."""
    monkeypatch.setattr(watched, "read_outline", lambda *_: HEADINGS)
    said = {PROFILE.reading: Generated("(no title)", 0.99), PROFILE.reading_text: spelt(("Welcome / to all", 0.95))}
    monkeypatch.setattr(outline, "read", lambda _session, question, _windows: [said[question]])
    monkeypatch.setattr(watched, "everywhere", lambda _s, _p, _q, topic, _e: (UMAP if topic == "UMAP" else [], topic))
    info, plan = SimpleNamespace(duration_seconds=61.0, width=640, height=360), SimpleNamespace(width=640, height=360)
    return SimpleNamespace(memory=memory_with([torch.inf] * 30), prospect=SimpleNamespace(info=info, plan=plan))


def answer(session: Any, question: str) -> tuple[str, list[tuple[int, int]]]:
    reply = answer_of_order(session, PROFILE, question, understand(question), ignore)
    return reply.text, [(span.first, span.stop) for span in reply.spans]


@pytest.mark.parametrize(
    ("question", "text", "spans"),
    [
        (
            "what comes after UMAP?",
            "After “UMAP” (0:10–0:30) come slides without a clear title, 0:30–0:40; "
            "the next title is “Clusters”, at 0:40–1:00.",
            [(20, 30), (5, 15)],
        ),
        ("what comes after Welcome?", "After “Welcome” (0:00–0:10) comes “UMAP”, at 0:10–0:30.", [(5, 15), (0, 5)]),
        (
            "what comes two after Welcome?",
            "The 2nd title after “Welcome” (0:00–0:10) is “Clusters”, at 0:40–1:00.",
            [(20, 30), (0, 5)],
        ),
        ("the third slide after Welcome", "No 3rd title was read after “Welcome” (0:00–0:10).", [(0, 5)]),
        (
            "two slides before Clusters?",
            "The 2nd title before “Clusters” (0:40–1:00) is “Welcome”, at 0:00–0:10.",
            [(0, 5), (20, 30)],
        ),
        ("what comes before UMAP?", "Before “UMAP” (0:10–0:30) comes “Welcome”, at 0:00–0:10.", [(0, 5), (5, 15)]),
        ("what is the first slide?", "The first title is “Welcome”, at 0:00–0:10.", [(0, 5)]),
        ("whats the last slide", "The last title is “Clusters”, at 0:40–1:00.", [(20, 30)]),
        ("how long is the video?", "The video is 1:01 long.", []),
        ("how long is the title slide shown?", "The first title is “Welcome”, at 0:00–0:10, for 0:10.", [(0, 5)]),
        ("how long is the last slide on screen?", "The last title is “Clusters”, at 0:40–1:00, for 0:20.", [(20, 30)]),
        (
            "how long is UMAP on screen?",
            "“UMAP” is on screen in titles for 0:20 in all, 33 % of the video (0:10–0:30), "
            "and in the text of other slides for 0:06.",
            [(5, 15)],
        ),
        (
            "when is UMAP first mentioned?",
            "“UMAP” is first on screen as a title at 0:10–0:30; 2 slides in all.",
            [(5, 15)],
        ),
        (
            "when is UMAP mentioned for the last time?",
            "“UMAP” is last on screen in the text of a slide at 0:50–0:56; 2 slides in all.",
            [(25, 28)],
        ),
        (
            "how many slides mention UMAP?",
            "2 slides with “UMAP”, 1 of them in the title: 0:10–0:30, 0:50–0:56.",
            [(5, 15), (25, 28)],
        ),
        (
            "are there exactly two slides about UMAP?",
            "Yes: 2 slides with “UMAP”, 1 of them in the title: 0:10–0:30, 0:50–0:56.",
            [(5, 15), (25, 28)],
        ),
        (
            "are there more than 3 slides?",
            "No: 3 titled parts: slides with one title in a row count once. Ask “list the topics” for all.",
            [],
        ),
        (
            "are there at least 2 slides on forks?",
            f"No: “forks” was not found in the text of this video. {PROFILE.limits}",
            [],
        ),
        (
            "how many slides mention UMAP in the first half?",
            "At 0:00–0:30: 1 slide with “UMAP”, in its title: 0:10–0:30.",
            [(5, 15)],
        ),
        ("how often is UMAP shown between 0:32 and 0:40?", "At 0:32–0:40: “UMAP” was not found.", []),
        (
            "which slide is on screen the longest in the second half?",
            "At 0:30–1:01: “Clusters” is on screen for the longest time: 0:20, at 0:40–1:00.",
            [(20, 30)],
        ),
        (
            "which comes first, Clusters or UMAP?",
            "“UMAP” comes first, at 0:10–0:30; “Clusters” at 0:40–1:00.",
            [(5, 15), (20, 30)],
        ),
        (
            "which comes last, Clusters, UMAP or Welcome?",
            "“Clusters” comes last, at 0:40–1:00; “UMAP” at 0:10–0:30, “Welcome” at 0:00–0:10.",
            [(20, 30), (5, 15), (0, 5)],
        ),
        (
            "which comes first, UMAP, Forks or Clusters?",
            "“UMAP” is at 0:10–0:30, “Clusters” at 0:40–1:00, but “Forks” was not found in the text of this video. "
            + PROFILE.limits,
            [(5, 15), (20, 30)],
        ),
        (
            "which comes first, UMAP, forks or shells?",
            "“UMAP” is at 0:10–0:30, but neither “forks” nor “shells” was found. " + PROFILE.limits,
            [(5, 15)],
        ),
        (
            "how long is UMAP shown in the first 20 seconds?",
            "At 0:00–0:20: “UMAP” is on screen in titles for 0:10 in all (0:10–0:30).",
            [(5, 15)],
        ),
        (
            "how long is UMAP on screen after 0:52?",
            "At 0:52–1:01: “UMAP” is on screen in the text of slides for 0:04 in all (0:50–0:56).",
            [(25, 28)],
        ),
        (
            "is UMAP shown before Clusters?",
            "Yes: “UMAP” comes first, at 0:10–0:30; “Clusters” at 0:40–1:00.",
            [(5, 15), (20, 30)],
        ),
        (
            "is UMAP shown after Clusters?",
            "No: “UMAP” comes first, at 0:10–0:30; “Clusters” at 0:40–1:00.",
            [(5, 15), (20, 30)],
        ),
        (
            "which slide is shown the longest?",
            "“UMAP” is on screen for the longest time: 0:20, at 0:10–0:30.",
            [(5, 15)],
        ),
        (
            "what comes between Welcome and Clusters?",
            "Between “Welcome” (0:00–0:10) and “Clusters” (0:40–1:00):\n0:10  UMAP",
            [(5, 15)],
        ),
        (
            "which slides are between UMAP and Welcome?",
            "No title was read between “Welcome” (0:00–0:10) and “UMAP” (0:10–0:30).",
            [(0, 5), (5, 15)],
        ),
        (
            "how long between Clusters and UMAP?",
            "“Clusters” comes 0:30 after “UMAP”: they begin at 0:10 and 0:40.",
            [(5, 15), (20, 30)],
        ),
        (
            "what comes between forks and UMAP?",
            "“forks” was not found in the text of this video. " + PROFILE.limits,
            [],
        ),
        ("is the second slide about UMAP?", f"Yes: the 2nd title {ONCE} is “UMAP”, at 0:10–0:30.", [(5, 15)]),
        (
            "does the last slide mention UMAP?",
            "Yes: the last title is “Clusters”, at 0:40–1:00. “UMAP” is in the text of that slide.",
            [(20, 30)],
        ),
        (
            "does the talk begin with UMAP?",
            "No: the first title is “Welcome”, at 0:00–0:10. “UMAP” is at 0:10–0:30, 0:50–0:56.",
            [(0, 5)],
        ),
        (
            "does the video end with forks?",
            "No: the last title is “Clusters”, at 0:40–1:00.",
            [(20, 30)],
        ),
        ("is slide 9 about UMAP?", f"There is no such title: 3 titles were read. {PROFILE.limits}", []),
        (
            "how long after Welcome does UMAP come?",
            "“after Welcome does UMAP come” was taken for a topic, and not found. Ask in English, about one topic at a "
            "time: “when is TOPIC shown?”.",
            [],
        ),
        (
            "how much time do they spend on Clusters compared to UMAP?",
            "“Clusters” is on screen in titles for 0:20 in all, 33 % of the video (0:40–1:00).\n"
            "“UMAP” is on screen in titles for 0:20 in all, 33 % of the video (0:10–0:30), "
            "and in the text of other slides for 0:06.",
            [(20, 30), (5, 15)],
        ),
        (
            "what comes before the last one?",
            "Before “last one” (0:40–1:00) come slides without a clear title, 0:30–0:40; "
            "the title before that is “UMAP”, at 0:10–0:30.",
            [(5, 15), (20, 30)],
        ),
        ("what is the shortest slide?", "“Welcome” is on screen for the shortest time: 0:10, at 0:00–0:10.", [(0, 5)]),
        (
            "which comes first, UMAP or Forks?",
            "“UMAP” is at 0:10–0:30, but “Forks” was not found in the text of this video. " + PROFILE.limits,
            [(5, 15)],
        ),
        (
            "which comes first, Shells or Forks?",
            "Neither “Shells” nor “Forks” was found. " + PROFILE.limits,
            [],
        ),
        (
            "how long is the last UMAP slide on screen?",
            "“last UMAP slide” is on screen in titles for 0:20 in all, 33 % of the video (0:10–0:30).",
            [(5, 15)],
        ),
        (
            "what comes before the second UMAP?",
            "Before “second UMAP” (0:50–0:56) come slides without a clear title, 0:30–0:40; "
            "the title before that is “UMAP”, at 0:10–0:30.",
            [(5, 15), (25, 28)],
        ),
        (
            "what comes after the third UMAP slide?",
            "“third UMAP slide” was not found in the text of this video. Titles with similar words: “UMAP” (0:10).",
            [],
        ),
        ("is UMAP shown before UMAP?", "“UMAP” and “UMAP” come up on one slide, at 0:10–0:30.", [(5, 15)]),
    ],
)
def test_answers(session: Any, question: str, text: str, spans: list[tuple[int, int]]) -> None:
    assert answer(session, question) == (text, spans)


def test_a_title_with_commas_is_one_topic(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the title that is a topic comes before those which only name it."""
    headings = [Heading(0, 5, "Shells, forks, and pipes", 0.99), *HEADINGS[1:], Heading(16, 18, "Forks", 0.99)]
    monkeypatch.setattr(watched, "read_outline", lambda *_: headings)
    text, spans = answer(session, "which comes first, Shells, forks, and pipes or UMAP?")
    assert text == "“Shells, forks, and pipes” comes first, at 0:00–0:10; “UMAP” at 0:10–0:30."
    assert spans == [(0, 5), (5, 15)]
    assert answer(session, "which comes first, forks or UMAP?")[1] == [(5, 15), (16, 18)]


def test_where_frames_were_made_smaller_a_preset_is_named(session: Any) -> None:
    hint = "--preset small-print reads smaller words."
    assert hint not in answer(session, "what comes after Forks?")[0]
    session.prospect.info.width = 1280
    assert answer(session, "what comes after Forks?")[0].endswith(hint)
    session.prospect.info.width, session.prospect.plan.width = 1920, 1288  # as that preset makes them
    assert hint not in answer(session, "what comes after Forks?")[0]


def test_a_topic_that_begins_with_a_number(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is surely written as it was asked for is meant; the number of a kind of slide only where that is not."""
    there = {"UMAP": UMAP, "second derivative": [ScoredSpan(21, 24, 0.9)], "derivative": [ScoredSpan(5, 8, 0.9)]}
    monkeypatch.setattr(watched, "everywhere", lambda _s, _p, _q, topic, _e: (there.get(topic, []), topic))
    assert "(0:42–0:48)" in answer(session, "how long is the second derivative on screen?")[0]
    assert answer(session, "how many slides mention second UMAP?")[1] == []
    text, spans = answer(session, "what comes before the last slide?")
    assert text.startswith("Before “last slide” (0:40–1:00) ") and spans == [(5, 15), (20, 30)]


def test_a_first_slide_without_a_clear_title(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headings are those that are read clearly; what stands before them is told, if any of it is read."""
    monkeypatch.setattr(watched, "read_outline", lambda *_: HEADINGS[1:])
    first, told = "what is the first slide?", "The first title is “UMAP”, at 0:10–0:30."
    assert answer(session, first) == (
        f"{told} A slide without a clear title comes before it, at 0:00: “Welcome to all”.", [(5, 15)]
    )  # fmt: skip
    assert "“Welcome to all”" in (about(session, PROFILE, ignore) or ("",))[0]
    assert "Welcome" not in answer(session, "what is the second slide?")[0]
    for unclear in (spelt(("EXECS */ RF92", 0.8)), Generated("EXECS */ RF92", 0.5)):
        said = {PROFILE.reading: Generated("(no title)", 0.99), PROFILE.reading_text: unclear}
        monkeypatch.setattr(outline, "read", lambda _session, question, _windows, said=said: [said[question]])
        assert answer(session, first)[0] == told
    assert answer(session, first)[0] == told


def test_numbers_of_slides(session: Any) -> None:
    text, spans = answer(session, "what is the second slide?")
    assert "2nd title" in text and "“UMAP”" in text and spans == [(5, 15)]
    text, spans = answer(session, "slide 4")
    assert text.startswith("There is no such title: 3 titles were read") and spans == []
    assert answer(session, "how many slides are there?")[0].startswith("3 titled parts")


@pytest.mark.parametrize(
    "kind", ["what comes after blockchain", "how long is blockchain shown", "how many slides mention blockchain"]
)
def test_what_is_not_there_has_no_order(session: Any, kind: str) -> None:
    text, spans = answer(session, kind)
    assert "“blockchain” was not found" in text and spans == []


def test_titles_that_the_search_passed_over_count(session: Any) -> None:
    """“Clusters” is found nowhere by the stand-in for the search, but it was read as a title."""
    assert answer(session, "list all slides about clusters") == (
        "1 slide with “clusters”, in its title: 0:40–1:00.", [(20, 30)]
    )  # fmt: skip


def test_what_is_only_perhaps_there_is_counted_apart(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = [*UMAP, ScoredSpan(16, 18, 0.6)]
    monkeypatch.setattr(watched, "everywhere", lambda *_: (spans, "UMAP"))
    text, evidence = answer(session, "how many slides mention UMAP?")
    sure = "2 slides with “UMAP”, 1 of them in the title: 0:10–0:30, 0:50–0:56."
    assert text == f"{sure} Perhaps on 1 more: 0:32–0:36." and evidence == [(5, 15), (25, 28), (16, 18)]


def test_spans_under_one_heading_are_one_slide() -> None:
    spans = [ScoredSpan(21, 23, 0.7), ScoredSpan(25, 27, 0.9), ScoredSpan(6, 8, 0.8), ScoredSpan(31, 32, 0.6)]
    assert watched.with_titles(spans, HEADINGS, "loss") == [
        ScoredSpan(6, 8, 0.8), ScoredSpan(21, 27, 0.9), ScoredSpan(31, 32, 0.6)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "title"), [("threads", "Threads"), ("fisher test", "Fisher’s exact test in R"), ("graphs", None)]
)
def test_the_heading_that_is_meant(topic: str, title: str | None) -> None:
    titles = ["Processes & Threads", "Threads", "More threads", "Which test?", "Fisher’s exact test in R"]
    found = watched.closest_heading([Heading(i, i + 1, one, 1.0) for i, one in enumerate(titles)], topic)
    assert (found and found.title) == title


def test_nothing_comes_after_the_last(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "read_outline", lambda *_: HEADINGS[:2])
    text, _ = answer(session, "what comes after UMAP?")
    assert text == "No title was read after “UMAP” (0:10–0:30)."


def test_what_a_video_is_about(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = about(session, PROFILE, ignore)
    assert told is not None and told[0] == (
        "The first title is “Welcome”, at 0:00. The longest on screen after it: “UMAP” (at 0:10, for 0:20), "
        "“Clusters” (at 0:40, for 0:20)."
    )
    agenda = [Heading(0, 5, "Outline", 1.0), HEADINGS[1], Heading(15, 30, "Outline", 1.0)]
    monkeypatch.setattr(watched, "read_outline", lambda *_: agenda)
    told = about(session, PROFILE, ignore)
    assert told is not None and told[0].endswith(
        "The longest on screen after it: “UMAP” (at 0:10, for 0:20). Ask “list the topics” for all."
    )
    monkeypatch.setattr(watched, "read_outline", lambda *_: [])
    assert about(session, PROFILE, ignore) is None


NOTHING, TITLE = Generated("(nothing)", 1.0), Generated("THE PEACH OPEN MOVIE PROJECT", 0.96)


@pytest.mark.parametrize(
    ("titles", "texts", "is_text"),
    [
        ([Generated("(no title)", 1.0)] * 4, [NOTHING] * 4, False),
        ([Generated("Careful: Math ahead", 0.9), Generated("(no title)", 0.95)], [NOTHING] * 2, False),  # misread film
        ([TITLE, *[Generated("(no title)", 1.0)] * 6], [NOTHING] * 7, False),  # the title card of a film
        ([TITLE, *[Generated("(no title)", 1.0)] * 2], [NOTHING] * 3, True),
        ([Generated("(no title)", 1.0)] * 3, [NOTHING, NOTHING, Generated("A line", 0.9)], True),
        ([Generated("(no title)", 1.0)] * 3, [NOTHING, NOTHING, Generated("A lne", 0.4)], False),
    ],
)
def test_film_shows_no_text(
    monkeypatch: pytest.MonkeyPatch, titles: list[Generated], texts: list[Generated], is_text: bool
) -> None:
    def read(_session: Any, question: str, windows: list[tuple[int, int]]) -> list[Generated]:
        return [(titles if question == "title?" else texts)[first] for first, _ in windows]

    monkeypatch.setattr(outline, "read", read)
    session: Any = SimpleNamespace(memory=memory_with([torch.inf, *[50.0] * (len(titles) - 1)]))
    assert shows_text(session, PROFILE) is is_text


def test_what_a_model_cannot_do_is_said_once() -> None:
    assert PROFILE.after("“UMAP” is on screen.") is PROFILE
    assert PROFILE.after(f"“UMAP” was not found. {PROFILE.limits}").limits == ""
    further = PROFILE.after(f"{PROFILE.nothing_to_read} It has no subtitles either.")
    assert further.limits == "" and further.nothing_to_read == "Nothing can be read in this video."
