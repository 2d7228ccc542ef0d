"""Answer a question about one video, with the spans that support the answer.

Every time in a result comes from frame timestamps, through windowed cross-attention; none from generated digits.
"""

from collections.abc import Callable, Sequence

from vamba_cli.engine.events import AnswerText, OnEvent, Stage, ignore
from vamba_cli.engine.generate import Generated, Span, generate
from vamba_cli.engine.sampling import SamplingOptions
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan, core, find_evidence, scenes
from vamba_cli.model.memory import VideoMemory
from vamba_cli.results import Answer, Evidence
from vamba_cli.settings import Settings
from vamba_cli.tasks.outline import read_outline
from vamba_cli.tasks.profiles import PROFILES, Profile
from vamba_cli.tasks.questions import Understood, understand
from vamba_cli.timecode import clock

_SCENES_TRIED = 5  # of a video, before an open question to a model of short windows is given up


def answer_all(
    session: Session, questions: Sequence[str], settings: Settings, on_event: OnEvent = ignore
) -> tuple[Answer, ...]:
    """All questions against one memory, in order."""
    return tuple(_answer(session, index, question, settings, on_event) for index, question in enumerate(questions))


def _answer(session: Session, index: int, question: str, settings: Settings, on_event: OnEvent) -> Answer:
    profile = PROFILES[session.ready.folder.profile]
    wanted = understand(question)
    if wanted.kind == "outline" and profile.reading:
        return _outline(session, profile, index, question, on_event)
    spans = _search(session, profile, question, wanted, settings, on_event)
    evidence = evidence_of(session.memory, spans)
    fixed = _answer_in_rules(profile, wanted, evidence) if settings.evidence else None
    if fixed is not None:
        on_event(AnswerText(index, fixed))
        return Answer(question, fixed, evidence)
    on_event(Stage("answer", question))
    if not profile.reads_windows:
        said = _generate(session, question, None, settings, lambda piece: on_event(AnswerText(index, piece)))
        return Answer(question, said.text, evidence)
    text, read = _read(session, profile, question, spans, settings)
    on_event(AnswerText(index, text))
    return Answer(question, text, evidence or evidence_of(session.memory, [read]))


def _outline(session: Session, profile: Profile, index: int, question: str, on_event: OnEvent) -> Answer:
    """The headings in order, each with the time at which it comes up."""
    headings = read_outline(session, profile, on_event)
    times = [clock(session.memory.pair_start_seconds(heading.first)) for heading in headings]
    text = "\n".join(f"{time}  {heading.title}" for time, heading in zip(times, headings, strict=True))
    text = text or f"No headings were found in this video. ({profile.limits})"
    on_event(AnswerText(index, text))
    spans = [ScoredSpan(heading.first, heading.stop, heading.probability) for heading in headings]
    return Answer(question, text, evidence_of(session.memory, spans))


def _generate(
    session: Session, question: str, window: Span | None, settings: Settings, on_text: Callable[[str], None]
) -> Generated:
    return generate(
        session.ready.model,
        session.ready.tokenizer,
        session.memory,
        question,
        window=window,
        options=SamplingOptions(settings.temperature, settings.top_k, settings.top_p, settings.seed),
        max_new_tokens=settings.max_new_tokens,
        on_text=on_text,
    )


def _read(
    session: Session, profile: Profile, question: str, spans: Sequence[ScoredSpan], settings: Settings
) -> tuple[str, ScoredSpan]:
    """Ask a model of short windows: about the best evidence, or the first scene that has something to say."""
    longest = profile.search.longest_window
    runs = [(span.first, span.stop) for span in spans] or scenes(session.memory, profile.search.scene_threshold)
    said, first, stop = Generated("", 0.0), 0, 1
    for first, stop in runs[:_SCENES_TRIED]:
        said = _generate(session, question, core((first, stop), longest), settings, lambda _piece: None)
        if said.text not in profile.empty_answers:
            break
    return said.text, ScoredSpan(first, stop, said.probability)


def _search(
    session: Session, profile: Profile, question: str, wanted: Understood, settings: Settings, on_event: OnEvent
) -> list[ScoredSpan]:
    probe = profile.probe(question, wanted.topic) if settings.evidence else None
    if probe is None:
        return []
    on_event(Stage("search", wanted.topic or question))
    ready = session.ready
    return find_evidence(ready.model, ready.tokenizer, session.memory, probe, profile.search, on_event)


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


def _answer_in_rules(profile: Profile, wanted: Understood, evidence: Sequence[Evidence]) -> str | None:
    """The answer where the evidence is the answer; None where the model must speak."""
    if wanted.kind == "open" or (wanted.topic is None and not evidence):
        return None
    topic = f"“{wanted.topic}”" if wanted.topic else "That"
    if not evidence:
        limits = f" ({profile.limits})" if profile.limits else ""
        return f"{topic} was not found in this video.{limits}"
    if not profile.needs_topic and wanted.kind == "yes-no":
        return None
    spans = ", ".join(f"{clock(e.start_seconds)}–{clock(e.end_seconds)}" for e in evidence[:3])
    more = f" (and {len(evidence) - 3} more)" if len(evidence) > 3 else ""
    yes = "Yes: " if wanted.kind == "yes-no" else ""
    return f"{yes}{topic} is on screen at {spans}{more}."
