"""Answer a question about one video, with the spans that support the answer.

Every time in a result comes from frame timestamps, through windowed cross-attention; none from generated digits.
"""

from collections.abc import Sequence

from vamba_cli.engine.events import AnswerText, OnEvent, Stage, ignore
from vamba_cli.engine.generate import generate
from vamba_cli.engine.sampling import SamplingOptions
from vamba_cli.engine.session import Session
from vamba_cli.results import Answer, Evidence
from vamba_cli.settings import Settings
from vamba_cli.tasks.evidence import evidence_of, found, not_found, search
from vamba_cli.tasks.profiles import PROFILES, Profile
from vamba_cli.tasks.questions import Understood, understand
from vamba_cli.tasks.slides import answer_from_slides


def answer_all(
    session: Session, questions: Sequence[str], settings: Settings, on_event: OnEvent = ignore
) -> tuple[Answer, ...]:
    """All questions against one memory, in order."""
    return tuple(_answer(session, index, question, settings, on_event) for index, question in enumerate(questions))


def _answer(session: Session, index: int, question: str, settings: Settings, on_event: OnEvent) -> Answer:
    profile = PROFILES[session.ready.folder.profile]
    wanted = understand(question)
    if profile.reads_windows:
        text, spans = answer_from_slides(session, profile, question, wanted, settings, on_event)
        on_event(AnswerText(index, text))
        return Answer(question, text, evidence_of(session.memory, spans))
    evidence: tuple[Evidence, ...] = ()
    if settings.evidence:
        evidence = evidence_of(session.memory, search(session, profile, question, wanted.topic, on_event))
        fixed = _answer_in_rules(profile, wanted, evidence)
        if fixed is not None:
            on_event(AnswerText(index, fixed))
            return Answer(question, fixed, evidence)
    on_event(Stage("answer", question))
    said = generate(
        session.ready.model,
        session.ready.tokenizer,
        session.memory,
        question,
        options=SamplingOptions(settings.temperature, settings.top_k, settings.top_p, settings.seed),
        max_new_tokens=settings.max_new_tokens,
        on_text=lambda piece: on_event(AnswerText(index, piece)),
    )
    return Answer(question, said.text, evidence)


def _answer_in_rules(profile: Profile, wanted: Understood, evidence: Sequence[Evidence]) -> str | None:
    """The answer where the evidence is the answer; None where the model must speak."""
    if wanted.kind in ("open", "outline") or (wanted.topic is None and not evidence):
        return None
    if not evidence:
        return not_found(wanted.topic, profile.limits)
    return None if wanted.kind == "yes-no" else found(wanted.topic, evidence, yes_no=False)
