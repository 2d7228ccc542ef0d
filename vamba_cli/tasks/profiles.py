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
    finding: a question about the {beginning} of a topic to which a window answers with its line from there on, or "".
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
    finding: str = ""
    finding_weight: float = 0.0
    empty_answers: tuple[str, ...] = ()
    title_request: str = ""
    sentence_request: str = ""

    def probe(self, question: str, topic: str | None) -> Probe | None:
        """The probe for a question, or None where the model has no way to look for it."""
        if self.needs_topic and topic is None:
            return None
        # ". . ." as text extracted from documents writes it is an ellipsis on the screen
        topic = re.sub(r"\s*\.(?:\s+\.)+", "...", topic) if topic else topic
        if (
            self.finding and topic
        ):  # to a letter-by-letter reading, an article that is not on the slide is a wrong beginning
            topic = re.sub(r"^(?:the|an?)\s+(?=\S{3})", "", topic, flags=re.IGNORECASE)
        text = self.support.format(question=question, topic=topic)
        if topic is None:
            return Probe(text)
        words = topic.split()
        finding = self.finding.format(beginning=" ".join(words[: max(1, len(words) // 2)]))
        return Probe(text, self.reading, topic, self.reading_weight, finding, self.finding_weight)


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
        reading_weight=5.0,
        reads_windows=True,
        search=SearchOptions(longest_window=1, most_difference=0.2),
        limits="(The small model reads slides, above all their titles; --model vamba-qwen2-vl-7b understands more.)",
        reading_text="text?",
        finding="find: {beginning}",
        finding_weight=4.0,
        empty_answers=("(no title)", "(nothing)", ""),
    ),
}
