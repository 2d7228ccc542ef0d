"""How each kind of model wants to be asked. Pure."""

import re
from dataclasses import dataclass

from vamba_cli.engine.windows import Probe, SearchOptions


@dataclass(frozen=True, slots=True)
class Profile:
    """The prompts and habits of a kind of model.

    support: a yes/no question about a window; {question} and {topic} are filled in.
    needs_topic: whether `support` makes sense only with a topic.
    reading: a question to which a window that shows the topic answers with the topic itself, or "".
    reads_windows: whether answers come from a short window (of `search.longest_window` pairs) or the whole video.
    limits: said to the user where the model found nothing or cannot answer.
    reading_text: a question that a window answers with all its words, or "".
    empty_answers: what the model says of a window where it finds nothing to read.
    title_request, sentence_request: what a model that can talk is asked about a part of the video, or "".
    """

    support: str
    needs_topic: bool
    reading: str
    reading_weight: float
    reads_windows: bool
    search: SearchOptions
    limits: str
    reading_text: str = ""
    empty_answers: tuple[str, ...] = ()
    title_request: str = ""
    sentence_request: str = ""

    def probe(self, question: str, topic: str | None) -> Probe | None:
        """The probe for a question, or None where the model has no way to look for it."""
        if self.needs_topic and topic is None:
            return None
        # ". . ." as text extracted from documents writes it is an ellipsis on the screen
        topic = re.sub(r"\s*\.(?:\s+\.)+", "...", topic) if topic else topic
        text = self.support.format(question=question, topic=topic)
        return Probe(text, self.reading, topic or "", self.reading_weight if topic else 0.0)


PROFILES = {
    "chat": Profile(
        support='Does this part of the video help to answer the question "{question}"? Answer Yes or No.',
        needs_topic=False,
        reading="",
        reading_weight=0.0,
        reads_windows=False,
        search=SearchOptions(longest_window=8, relative=True),
        limits="",
        title_request="Write a title of at most eight words for this part of the video. Answer with the title alone.",
        sentence_request="Describe this part of the video in one sentence.",
    ),
    "slides": Profile(
        support="shown? {topic}",
        needs_topic=True,
        reading="title?",
        reading_weight=2.0,
        reads_windows=True,
        search=SearchOptions(longest_window=1),
        limits="(The small model reads slides, above all their titles; --model vamba-qwen2-vl-7b understands more.)",
        reading_text="text?",
        empty_answers=("(no title)", "(nothing)", ""),
    ),
}
