"""What the small model reads of a slide: its title, or its words as far as they are clear."""

import re

from vamba_cli.engine.generate import Generated, Span, generate
from vamba_cli.engine.sampling import SamplingOptions
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan, core
from vamba_cli.settings import Settings
from vamba_cli.tasks.evidence import Reply, was_scaled_down
from vamba_cli.tasks.outline import LEAST_READ, SURE_TITLE, pictures
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.titles import NEW_LINE, UNCLEAR, clearly, in_a_row, without_loop
from vamba_cli.tasks.wishes import Wish
from vamba_cli.timecode import clock, clock_span

_LEAST_LETTERS = 3  # of an unclear title that is told
_SCENES_TRIED = 5  # of a video, before reading it is given up
_UNREADABLE = "what it says could not be read clearly"
_PARTLY = f"{UNCLEAR} could not be read clearly"
_CLOSER = "; --preset small-print looks closer"
_LONG_BYTES = 310  # of the words of a slide, from which on there may be more: the model was taught to read up to 400
_GOES_ON = "the slide may say more"


def read_first(session: Session, profile: Profile, wished: Wish, settings: Settings) -> Reply:
    """Title or words of the first scene that is surely read, else of the first that may be."""
    doubtful: list[tuple[Span, Generated]] = []
    for run, part in pictures(session, profile)[:_SCENES_TRIED]:
        read = read_slide(session, profile, wished, part, settings)
        if read.text not in ("", UNCLEAR) and read.probability >= LEAST_READ:
            doubtful.append((run, read))
            if read.probability >= SURE_TITLE:
                break
    if not doubtful:
        return Reply(f"Nothing that can be read was found at the beginning. {profile.limits}", outcome="not_found")
    (first, stop), read = max(doubtful, key=lambda item: item[1].probability >= SURE_TITLE)
    spans = [ScoredSpan(first, stop, read.probability)]
    if wished == "text":
        return Reply(read.text, spans)
    verb = "is" if read.probability >= SURE_TITLE else "may be"
    at = clock(session.memory.pair_start_seconds(first))
    return Reply(f"“{read.text}” {verb} the first title, at {at}; ask “list the topics” for all of them.", spans)


def read_at(session: Session, profile: Profile, wished: Wish, moment: float, settings: Settings) -> Reply:
    """Title or words of the scene that is on screen at a time."""
    memory = session.memory
    begin, end = memory.pair_start_seconds(0), memory.pair_start_seconds(memory.num_pairs)
    if not begin <= moment < _until(session, begin, end, settings):
        return Reply(
            f"{clock(moment)} is outside of what was looked at, {clock_span(begin, end)}.", outcome="not_found"
        )
    slides = reversed(pictures(session, profile))
    scene, part = next((run, part) for run, part in slides if memory.pair_start_seconds(run[0]) <= moment)
    title = read_slide(session, profile, "title", part, settings)
    words = read_slide(session, profile, "text", part, settings) if wished == "text" or not title.text else None
    if words is not None and words.text:
        body = unreadable(session) if words.text == UNCLEAR else words.text
        shown = title.text and title.probability >= SURE_TITLE and title.text not in body
        return Reply(f"“{title.text}”: {body}" if shown else body, [ScoredSpan(*scene, words.probability)])
    if not title.text:
        return Reply(f"Nothing that can be read is on screen at {clock(moment)}. {profile.limits}", outcome="not_found")
    span, told = clock_span(*(memory.pair_start_seconds(pair) for pair in scene)), f"“{title.text}” is on screen"
    if title.probability < SURE_TITLE:
        is_one_line = NEW_LINE not in title.text and sum(map(str.isalpha, title.text)) >= _LEAST_LETTERS
        perhaps = f" (perhaps “{title.text}”)" if is_one_line else ""
        told = f"A slide or screen whose title could not be read clearly{perhaps} is shown"
    return Reply(f"{told} at {span}.", [ScoredSpan(*scene, title.probability)])


def _until(session: Session, begin: float, end: float, settings: Settings) -> float:
    """Up to when the last picture counts as being on screen: a lone last frame is no pair; clocks round."""
    if settings.end_seconds is not None:
        return end
    pair_seconds = (end - begin) / max(1, session.memory.num_pairs)
    return max(end, min(session.prospect.info.duration_seconds, end + pair_seconds)) + 1.0


def read_slide(session: Session, profile: Profile, wished: Wish, scene: Span, settings: Settings) -> Generated:
    """Title or words of a scene; "" where there is nothing to read."""
    most = 2 * settings.max_new_tokens  # letters
    read = generate(
        session.ready.model,
        session.ready.tokenizer,
        session.memory,
        profile.reading_whole if wished == "text" else profile.reading,
        window=core(scene, profile.search.longest_window),
        options=SamplingOptions(settings.temperature, settings.top_k, settings.top_p, settings.seed),
        max_new_tokens=most,
    )
    is_number = wished == "text" and re.fullmatch(r"[\d\s/]+", read.text)  # of a page
    if read.text in profile.empty_answers or is_number:
        return Generated("", read.probability)
    if wished != "text":
        return Generated(without_loop(read.text), read.probability)
    text = in_a_row(clearly(read))
    if text == UNCLEAR:
        return Generated(text, read.probability)
    notes = [f"{_PARTLY}{_CLOSER * was_scaled_down(session)}"] * (UNCLEAR in text)
    notes += [_GOES_ON] * (len(read.text.encode()) >= min(_LONG_BYTES, most))
    return Generated(f"{text} ({'; '.join(notes)})" if notes else text, read.probability)


def unreadable(session: Session) -> str:
    """What is told in the place of words of which none were read clearly."""
    return f"({_UNREADABLE}{_CLOSER * was_scaled_down(session)})"
