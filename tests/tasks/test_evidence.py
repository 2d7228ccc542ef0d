"""The curve of a question: where it is looked for, and in seconds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.engine.test_windows import memory_with
from vamba_cli.engine import windows
from vamba_cli.engine.events import Event, Stage, ignore
from vamba_cli.engine.signals import Judgement, Probe
from vamba_cli.results import Evidence
from vamba_cli.subtitles import NO_SUBTITLES, Line, Subtitles
from vamba_cli.tasks.evidence import evidence_over_time
from vamba_cli.tasks.profiles import PROFILES


class Scorer:
    """Stands in for `judge`: the scene of pair 2 is what is looked for."""

    def __init__(self) -> None:
        self.probes: list[Probe] = []

    def __call__(self, *arguments: Any) -> Judgement:
        self.probes.append(arguments[3])
        shown = torch.tensor([2.0 if first <= 2 < stop else -3.0 for first, stop in arguments[5]])
        return Judgement(shown, shown, torch.zeros(len(shown), dtype=torch.bool))


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Scorer:
    scorer = Scorer()
    monkeypatch.setattr(windows, "judge", scorer)
    return scorer


@pytest.fixture
def session() -> Any:
    """Five pairs, a frame every second; new pictures at the pairs 2 and 3."""
    memory = memory_with([torch.inf, 0.0, 50.0, 50.0, 0.0])
    memory.end_seconds = 9.5
    folder = SimpleNamespace(search={}, resolved=SimpleNamespace(folder=Path("tiny")))
    ready = SimpleNamespace(model=None, tokenizer=None, folder=folder)
    return SimpleNamespace(ready=ready, memory=memory, subtitles=NO_SUBTITLES)


def test_adjacent_spans_in_seconds(scorer: Scorer, session: Any) -> None:
    question, events = "When is PCA introduced?", list[Event]()
    spans = evidence_over_time(session, PROFILES["slides"], question, events.append)
    assert spans == (Evidence(0, 4, 0.0474), Evidence(4, 6, 0.8808), Evidence(6, 9.5, 0.0474))
    assert events == [Stage("search", "PCA")]


@pytest.mark.parametrize("question", ["when is PCA introduced?", "How does PCA work?", "PCA", "is PCA shown?"])
def test_slides_are_searched_for_the_topic(scorer: Scorer, session: Any, question: str) -> None:
    assert evidence_over_time(session, PROFILES["slides"], question, ignore) != ()
    assert scorer.probes == [PROFILES["slides"].probe(question, "PCA")]


def test_no_curve_where_the_model_cannot_look(scorer: Scorer, session: Any) -> None:
    assert evidence_over_time(session, PROFILES["slides"], "who is the speaker?", ignore) == ()
    assert scorer.probes == []


def test_models_that_chat_are_asked_the_question(scorer: Scorer, session: Any) -> None:
    spans = evidence_over_time(session, PROFILES["chat"], "who is the speaker?", ignore)
    assert spans and "who is the speaker?" in scorer.probes[0].question
    # relative to the median scene
    assert [span.score for span in spans] == [0.5, 0.9933, 0.5]


def test_what_is_said_supports_it_where_it_is_said(scorer: Scorer, session: Any) -> None:
    lines = (Line(1, 2, "So P C A."), Line(4.5, 5, "PCA is this."), Line(8, 12, "We had PCA."))
    session.subtitles = Subtitles(lines[:2], "a.srt")
    spans = evidence_over_time(session, PROFILES["slides"], "When is PCA introduced?", ignore)
    # mentions near each other are one, and its edges cut the scenes
    assert spans == (
        Evidence(0, 1, 0.0474),
        Evidence(1, 4, 1.0, "subtitles"),
        Evidence(4, 5, 1.0, "subtitles"),
        Evidence(5, 6, 0.8808),
        Evidence(6, 9.5, 0.0474),
    )
    session.subtitles = Subtitles(lines[2:], "a.srt")
    spans = evidence_over_time(session, PROFILES["slides"], "When is PCA introduced?", ignore)
    assert spans[-2:] == (Evidence(6, 8, 0.0474), Evidence(8, 9.5, 1.0, "subtitles"))


@pytest.mark.parametrize(
    ("topic", "phrase", "finding"),
    [
        ("mass spectrometry of proteins", "mass spectrometry of proteins", "find: mass spectrometry"),
        ("PCA", "PCA", "find: PCA"),
        ("The Learning Rate", "Learning Rate", "find: Learning"),
        ("A*", "A*", "find: A*"),
        ("three little words", "three little words", "find: three"),
    ],
)
def test_a_line_is_looked_for_by_its_beginning(topic: str, phrase: str, finding: str) -> None:
    probe = PROFILES["slides"].probe(f"when is {topic} shown?", topic)
    assert probe is not None and (probe.finding, probe.phrase) == (finding, phrase)
    assert probe.question.endswith(phrase)


def test_a_model_that_was_not_trained_to_find_is_not_asked_to() -> None:
    probe = PROFILES["chat"].probe("when is PCA shown?", "PCA")
    assert probe is not None and not probe.phrase
