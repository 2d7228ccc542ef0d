"""Answer a question about one video, with the spans that support the answer.

Every time in a result comes from frame timestamps, through windowed cross-attention; none from generated digits.
"""

from collections.abc import Sequence

from vamba_cli.engine.events import Answered, AnswerText, OnEvent, Stage, ignore
from vamba_cli.engine.generate import generate
from vamba_cli.engine.sampling import SamplingOptions
from vamba_cli.engine.session import Session
from vamba_cli.results import Answer, Evidence, Outcome
from vamba_cli.settings import Settings
from vamba_cli.tasks.evidence import evidence_of, heard_within, not_found, search, seen_or_said, stretch_of
from vamba_cli.tasks.profiles import PROFILES, Profile
from vamba_cli.tasks.questions import understand
from vamba_cli.tasks.slides import answer_from_slides
from vamba_cli.tasks.speech import answer_from_lines, lines_for_prompt, prompt_with_lines, said
from vamba_cli.tasks.understood import Understood
from vamba_cli.tasks.wishes import subject


def answer_all(
    session: Session,
    questions: Sequence[str],
    settings: Settings,
    on_event: OnEvent = ignore,
    profile: Profile | None = None,
) -> tuple[Answer, ...]:
    """All questions against one memory, in order; each answer is told as soon as it is known.

    Args:
        profile: how the model is asked behind earlier answers (`Profile.after`); as it is if not given.
    """
    answers = []
    profile = profile or PROFILES[session.ready.folder.profile]
    for index, question in enumerate(questions):
        answers.append(_answer(session, profile, index, question, settings, on_event))
        on_event(Answered(index, answers[-1]))
        profile = profile.after(answers[-1].answer)
    return tuple(answers)


def _answer(
    session: Session, profile: Profile, index: int, question: str, settings: Settings, on_event: OnEvent
) -> Answer:
    wanted = understand(question)
    quoted = answer_from_lines(session.subtitles, question, wanted, moments_alone=not profile.reads_windows)
    if quoted is not None:
        text, evidence = quoted
        unheard: Outcome = "not_found" if session.subtitles.source else "cannot_answer"
        outcome: Outcome = "answered" if evidence else unheard
    elif profile.reads_windows:
        text, evidence, outcome = answer_from_slides(session, profile, question, wanted, settings, on_event)
    else:
        return _answer_in_words(session, profile, index, question, wanted, settings, on_event)
    text = text.rstrip()
    on_event(AnswerText(index, text))
    return Answer(question, text, evidence, outcome=outcome)


def _answer_in_words(
    session: Session,
    profile: Profile,
    index: int,
    question: str,
    wanted: Understood,
    settings: Settings,
    on_event: OnEvent,
) -> Answer:
    """The answer of a model that understands the whole video, and the lines of what is said with it."""
    seen: tuple[Evidence, ...] = ()
    heard: tuple[Evidence, ...] = said(session.subtitles, wanted.topic or subject(question))
    stretch = stretch_of(session, wanted)
    if stretch is not None:
        heard = heard_within(heard, stretch)
    if settings.evidence:
        seen = evidence_of(session.memory, search(session, profile, question, wanted.topic, stretch, on_event))
        fixed = _answer_in_rules(session, profile, question, wanted, seen, heard)
        if fixed is not None:
            on_event(AnswerText(index, fixed))
            evidence = (*seen, *heard)
            return Answer(question, fixed, evidence, outcome="answered" if evidence else "not_found")
    on_event(Stage("answer", question))
    answer = generate(
        session.ready.model,
        session.ready.tokenizer,
        session.memory,
        prompt_with_lines(question, lines_for_prompt(session.subtitles.lines, heard)),
        options=SamplingOptions(settings.temperature, settings.top_k, settings.top_p, settings.seed),
        max_new_tokens=settings.max_new_tokens,
        on_text=lambda piece: on_event(AnswerText(index, piece)),
    )
    return Answer(question, answer.text, (*seen, *heard) if settings.evidence else (), generated=True)


def _answer_in_rules(
    session: Session,
    profile: Profile,
    question: str,
    wanted: Understood,
    seen: Sequence[Evidence],
    heard: Sequence[Evidence],
) -> str | None:
    """The answer where the evidence is the answer; None where the model must speak."""
    if wanted.kind not in ("time", "yes-no") or (wanted.topic is None and not seen):
        return None
    if not seen and not heard:
        return not_found(session, wanted.topic, profile, stretch_of(session, wanted))
    return None if wanted.kind == "yes-no" else seen_or_said(question, wanted.topic, seen, heard, yes_no=False)
