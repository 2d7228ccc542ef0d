"""Summaries: counted from the titles of slides, told by a model that talks, in a time that grows with the length."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.tinynet import looks
from vamba_cli.engine.events import ignore
from vamba_cli.errors import UsageError
from vamba_cli.model.memory import VideoMemory
from vamba_cli.results import NOT_LOOKED_AT, Chapter
from vamba_cli.subtitles import NO_SUBTITLES, Line, Subtitles
from vamba_cli.tasks import summarise as task
from vamba_cli.tasks.chapters import Wishes
from vamba_cli.tasks.outline import Heading
from vamba_cli.tasks.summarise import SummaryWishes, summarise

SLIDES = (
    Chapter(0, 40, "Welcome"),
    Chapter(40, 100, "Gradients", summary="Shows: the slope"),
    Chapter(100, 130, "1:40–2:10", "time"),
    Chapter(130, 200, "Momentum"),
    Chapter(200, 260, "Gradients"),
    Chapter(260, 300, "Questions"),
)


def session(profile: str, num_pairs: int = 100, seconds: float = 300.0, subtitles: Subtitles = NO_SUBTITLES) -> Any:
    step = seconds / (2 * num_pairs)
    rows = (torch.zeros(num_pairs, 1, 1),)
    memory = VideoMemory(rows, rows, 1, looks([step * i for i in range(2 * num_pairs)]), seconds, num_tokens=num_pairs)
    ready = SimpleNamespace(model=None, tokenizer=None, folder=SimpleNamespace(profile=profile))
    return SimpleNamespace(ready=ready, memory=memory, subtitles=subtitles)


@pytest.fixture
def chapters(monkeypatch: pytest.MonkeyPatch) -> list[Wishes]:
    """The chapters of `SLIDES`; what was wished of them is kept."""
    wished: list[Wishes] = []

    def find(_session: Any, wishes: Wishes, _on_event: Any) -> tuple[Chapter, ...]:
        wished.append(wishes)
        return SLIDES

    monkeypatch.setattr(task, "find_chapters", find)
    headings = [Heading(0, 10, "Welcome", 1.0), Heading(14, 30, "Gradients", 1.0), Heading(43, 66, "Momentum", 1.0),
                Heading(66, 80, "Gradients", 1.0), Heading(86, 90, "Questions", 1.0)]  # fmt: skip
    monkeypatch.setattr(task, "read_outline", lambda *_: headings)
    return wished


def test_slides_are_counted(chapters: list[Wishes]) -> None:
    text, outline = summarise(session("slides"), SummaryWishes(), ignore)
    assert text.startswith("5:00 of slides; 4 titles were read, from “Welcome” to “Questions”.")
    named = ("“Welcome” (at 0:00", "“Gradients” (at 0:42, for 1:30 in 2 parts)", "“Momentum” (at 2:09, for 1:09)")
    assert sorted(map(text.index, named)) == [text.index(name) for name in named]
    assert "1:40–2:10" not in text
    assert [entry.text for entry in outline][:2] == ["Welcome", "Gradients: the slope"]
    assert [(e.start_seconds, e.end_seconds) for e in outline] == [(c.start_seconds, c.end_seconds) for c in SLIDES]


def test_a_part_is_not_told_as_the_whole(chapters: list[Wishes], monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = Chapter(0, 40, NOT_LOOKED_AT, "unseen"), Chapter(200, 300, NOT_LOOKED_AT, "unseen")
    monkeypatch.setattr(task, "find_chapters", lambda *_: (before, *SLIDES[1:4], after))
    text, _ = summarise(session("slides"), SummaryWishes(), ignore)
    assert text.startswith("2:40 of slides (0:40–3:20); 4 titles were read")


def test_the_longest_topics_are_named_in_order(chapters: list[Wishes]) -> None:
    text, _ = summarise(session("slides"), SummaryWishes("bullets", "short"), ignore)
    points = ["- 0:00  Welcome (for 0:30)", "- 0:42  Gradients (for 1:30 in 2 parts)", "- 2:09  Momentum (for 1:09)"]
    assert text.splitlines() == points
    text, _ = summarise(session("slides"), SummaryWishes("outline"), ignore)
    assert text.splitlines()[2:4] == ["1:40  1:40–2:10", "2:10  Momentum"]


def test_nothing_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "find_chapters", lambda *_: (Chapter(0, 300, "0:00–5:00", "time"),))
    monkeypatch.setattr(task, "read_outline", lambda *_: [])
    text, outline = summarise(session("slides"), SummaryWishes(), ignore)
    assert text.startswith("Nothing that can be read was found.") and len(outline) == 1


def test_what_is_said_stands_for_what_cannot_be_read(chapters: list[Wishes]) -> None:
    lines = (Line(95.0, 101.0, "And so"), Line(104.0, 108.0, "we roll downhill."), Line(150.0, 155.0, "Momentum!"))
    spoken = session("slides", subtitles=Subtitles(lines, "talk.srt"))
    text, outline = summarise(spoken, SummaryWishes(), ignore)
    assert outline[2].text == "“And so we roll downhill.” (said)" and outline[3].text == "Momentum"
    assert "“Momentum” (at 2:09" in text and "downhill" not in text
    assert summarise(spoken, SummaryWishes("outline"), ignore)[0].splitlines()[2] == f"1:40  {outline[2].text}"


@pytest.mark.parametrize(("style", "length", "named"), [("poem", "short", "style"), ("bullets", "epic", "length")])
def test_unknown_wishes(style: Any, length: Any, named: str) -> None:
    with pytest.raises(UsageError, match=f"{named} = .*choose"):
        SummaryWishes(style, length)


# --- a model that talks


class Talker:
    """Stands in for the model: keeps what it was asked, and answers at length."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str = "Somebody does something. " * 3) -> None:
        self.asked: list[tuple[str, tuple[int, int]]] = []
        self.answer = answer
        monkeypatch.setattr(task, "_say", self)

    def __call__(self, _session: Any, request: str, window: tuple[int, int], _tokens: int) -> str:
        self.asked.append((request, window))
        return self.answer


def many(number: int, seconds: float) -> Sequence[Chapter]:
    step = seconds / number
    return [
        Chapter(i * step, (i + 1) * step, f"Part {i}", summary="Things happen that take sixty letters to tell of here.")
        for i in range(number)
    ]


def test_a_short_video_is_summarised_at_once(chapters: list[Wishes], monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(monkeypatch)
    text, outline = summarise(session("chat"), SummaryWishes(), ignore)
    assert text == "Somebody does something."
    ((request, window),) = talker.asked
    assert window == (0, 100) and "[0:40] Gradients: the slope" in request and "at most 5 sentences" in request
    assert len(outline) == 6 and chapters[0].summaries
    summarise(session("chat"), SummaryWishes("outline"), ignore)
    assert len(talker.asked) == 1  # the outline is the summary


def test_what_was_not_looked_at_is_not_told_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(monkeypatch)
    parts = (Chapter(0, 240, NOT_LOOKED_AT, "unseen"), Chapter(240, 300, "Momentum"))
    monkeypatch.setattr(task, "find_chapters", lambda *_: parts)
    _, outline = summarise(session("chat"), SummaryWishes(), ignore)
    assert [entry.text for entry in outline] == [NOT_LOOKED_AT, "Momentum"]
    assert NOT_LOOKED_AT not in talker.asked[0][0] and "[4:00] Momentum" in talker.asked[0][0]


def test_points_are_lines_each_once(chapters: list[Wishes], monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(monkeypatch, "- One\n\n- Two\n- Two\n")
    text, _ = summarise(session("chat"), SummaryWishes("bullets", "short"), ignore)
    assert text == "- One\n- Two"
    assert "at most 2 short points" in talker.asked[0][0]


@pytest.mark.parametrize("number", [100, 200, 400, 800])
def test_the_cost_grows_with_the_length_not_faster(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(monkeypatch)
    monkeypatch.setattr(task, "find_chapters", lambda *_: many(number, 36.0 * number))
    summarise(session("chat", num_pairs=number * 9, seconds=36.0 * number), SummaryWishes(), ignore)
    assert all(len(request) < 6500 for request, _ in talker.asked)
    *groups, (_, whole) = talker.asked
    assert whole == (0, number * 9)
    read = sum(stop - first for _, (first, stop) in groups)
    assert number * 9 * 0.9 <= read <= number * 9 * 2  # each level of groups reads the video once
    assert len(talker.asked) <= number / 20
