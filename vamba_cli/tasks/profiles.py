"""How each kind of model wants to be asked. Pure."""

import re
from dataclasses import dataclass, replace

from vamba_cli.engine.signals import Probe
from vamba_cli.engine.windows import SearchOptions

_LEAST_LETTERS = 3  # of a word, with which it can be looked for
_AGAIN = "Nothing can be read in this video."


@dataclass(frozen=True, slots=True)
class Profile:
    """The prompts and habits of a kind of model.

    support: a yes/no question about a window; {question} and {topic} are filled in.
    needs_topic: whether `support` makes sense only with a topic.
    reading: a question that a window answers with its heading, or "".
    reads_windows: whether answers come from a short window (of `search.longest_window` pairs) or the whole video.
    limits: said to the user where the model found nothing or cannot answer.
    nothing_to_read: said where a video shows nothing that it could read.
    reading_text: a question that a window answers with its first lines, which says whether there are words, or "".
    reading_whole: one that it answers with more of them, which takes longer, or "".
    finding: a question about the {beginning} of a topic that a window answers with its line from there on, or "";
        models that have it are looked through with `engine.signals`, and how much each signal counts comes with them.
    reads_alone: whether it reads writing and sees no pictures.
    empty_answers: what the model says of a window where it finds nothing to read.
    title_request, sentence_request: what a model that can talk is asked about a part of the video, or "".
    """

    support: str
    needs_topic: bool
    reading: str
    reads_windows: bool
    search: SearchOptions
    limits: str
    nothing_to_read: str = ""
    reading_text: str = ""
    reading_whole: str = ""
    finding: str = ""
    reads_alone: bool = False
    empty_answers: tuple[str, ...] = ()
    title_request: str = ""
    sentence_request: str = ""

    def after(self, answer: str) -> "Profile":
        """The profile for what is said behind an answer: what the model cannot do is said once."""
        if self.nothing_to_read and self.nothing_to_read in answer:
            return replace(self, limits="", nothing_to_read=_AGAIN)
        return replace(self, limits="") if self.limits and self.limits in answer else self

    def probe(self, question: str, topic: str | None) -> Probe | None:
        """The probe for a question, or None where the model has no way to look for it."""
        if self.needs_topic and topic is None:
            return None
        if topic is None or not self.finding:
            return Probe(self.support.format(question=question, topic=topic))
        # ". . ." as text extracted from documents writes it is an ellipsis on the screen
        topic = re.sub(r"\s*\.(?:\s+\.)+", "...", topic)
        # to a letter-by-letter reading, an article that is not on the slide is a wrong beginning
        topic = re.sub(r"^(?:the|an?)\s+(?=\S{3})", "", topic, flags=re.IGNORECASE)
        beginning = first_half(topic)
        return Probe(
            self.support.format(question=question, topic=topic),
            topic,
            self.reading,
            self.finding.format(beginning=beginning),
            beginning,
            "" if " " in topic else self.finding.format(beginning=topic),
        )


def first_half(phrase: str) -> str:
    """The first half of the words of a phrase; of a single word, of its letters.

    >>> first_half("mass spectrometry of proteins"), first_half("perplexity"), first_half("PCA")
    ('mass spectrometry', 'perpl', 'PCA')
    """
    words = phrase.split()
    if len(words) > 1:
        return " ".join(words[: len(words) // 2])
    return phrase[: max(_LEAST_LETTERS, (len(phrase) + 1) // 2)]


PROFILES = {
    "chat": Profile(
        support='Does this part of the video help to answer the question "{question}"? Answer Yes or No.',
        needs_topic=False,
        reading="",
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
        reads_windows=True,
        search=SearchOptions(longest_window=1, most_growth_seconds=30.0, most_difference=1.0, stills=True),
        limits="(The small model reads slides, above all their titles; --model vamba-qwen2-vl-7b understands more.)",
        nothing_to_read="No slide or screen with text could be read in this video, and the small model reads nothing "
        "else: of film, landscapes and people it knows nothing. --model vamba-qwen2-vl-7b understands them.",
        reading_text="text?",
        reading_whole="whole text?",
        finding="find: {beginning}",
        reads_alone=True,
        empty_answers=("(no title)", "(nothing)", ""),
    ),
}
