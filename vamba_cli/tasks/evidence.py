"""Spans that support a question: the search for them, their times, and the sentence that names them."""

from collections.abc import Sequence

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan, find_evidence, probability_curve
from vamba_cli.model.memory import VideoMemory
from vamba_cli.results import Curve, Evidence
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.questions import understand
from vamba_cli.tasks.wishes import subject
from vamba_cli.timecode import clock

_NAMED = 3  # spans that a sentence names; all of them stand in the evidence
_SURE = 0.65  # a best span below this is only a guess, and said to be one


def search(session: Session, profile: Profile, question: str, topic: str | None, on_event: OnEvent) -> list[ScoredSpan]:
    """Where the video supports the question, the best span first; nothing where the model cannot look for it."""
    probe = profile.probe(question, topic)
    if probe is None:
        return []
    on_event(Stage("search", topic or question))
    ready = session.ready
    return find_evidence(ready.model, ready.tokenizer, session.memory, probe, profile.search, on_event)


def evidence_curve(session: Session, profile: Profile, question: str, on_event: OnEvent) -> Curve | None:
    """How far each part of what was looked at supports a question; None where the model cannot look for it."""
    wanted = understand(question)
    topic = wanted.topic
    if profile.needs_topic and (topic is None or wanted.kind == "time"):
        topic = subject(question) or topic
    probe = profile.probe(question, topic)
    if probe is None:
        return None
    on_event(Stage("search", topic or question))
    ready = session.ready
    spans = probability_curve(ready.model, ready.tokenizer, session.memory, probe, profile.search, on_event)
    return Curve(question, evidence_of(session.memory, spans))


def evidence_of(memory: VideoMemory, spans: Sequence[ScoredSpan]) -> tuple[Evidence, ...]:
    """Spans of frame pairs as half-open spans of seconds."""
    return tuple(
        Evidence(
            round(memory.pair_start_seconds(span.first), 3),
            round(memory.pair_start_seconds(span.stop), 3),
            round(span.probability, 4),
        )
        for span in spans
    )


def found(topic: str | None, evidence: Sequence[Evidence], *, yes_no: bool) -> str:
    """The sentence that says when it is shown; a doubtful best span is called doubtful."""
    sure = evidence[0].score >= _SURE
    name = f"“{topic}”" if topic else "That"
    spans = ", ".join(f"{clock(e.start_seconds)}–{clock(e.end_seconds)}" for e in evidence[:_NAMED])
    more = f" (and {len(evidence) - _NAMED} more)" if len(evidence) > _NAMED else ""
    opening = ("Yes: " if sure else "Perhaps: ") if yes_no else ""
    return f"{opening}{name} {'is' if sure else 'may be'} on screen at {spans}{more}."


def not_found(topic: str | None, limits: str) -> str:
    """The sentence for a search without result."""
    name = f"“{topic}”" if topic else "That"
    return f"{name} was not found in this video. {limits}".rstrip()
