"""What a model reads in windows of a video, each window once: further questions about a video use it again."""

from collections.abc import Sequence

from vamba_cli.engine.events import OnEvent, ignore
from vamba_cli.engine.generate import Generated, Span, generate_each
from vamba_cli.engine.session import Session


def read(session: Session, question: str, windows: Sequence[Span], on_event: OnEvent = ignore) -> list[Generated]:
    """Greedy answers to a question about windows."""
    missing = [window for window in dict.fromkeys(windows) if (question, window) not in session.read]
    ready = session.ready
    if missing:
        said = generate_each(ready.model, ready.tokenizer, session.memory, question, missing, on_event=on_event)
        session.read.update({(question, window): answer for window, answer in zip(missing, said, strict=True)})
    return [session.read[question, window] for window in windows]
