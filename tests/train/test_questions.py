"""Questions about clips: they fit, they end, and their answers are true."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vamba_cli.train.questions import (
    AFTER,
    BEFORE,
    COUNT,
    FIND,
    NO_TITLE,
    NOT_SHOWN,
    NOTHING,
    SHOWN,
    TEXT,
    TITLE,
    TITLES,
    WHOLE,
    Question,
    QuestionMaker,
    SlideText,
    continuation,
    number_told,
)
from vamba_cli.train.recipe import MIX
from vamba_cli.weights.tokenizer import ByteTokenizer, decode

TOKENIZER = ByteTokenizer()
SLIDES = (
    SlideText("Gradient descent", ("walk downhill", "in small steps of size 12")),
    SlideText("Größenordnung", ("äöü ß", "naïve café")),
    SlideText("Backpropagation through time in recurrent networks", ("a very long line that goes on and on " * 3,)),
    SlideText("", ("no title here", "but some text")),
    SlideText("Only a title", ()),
    SlideText("One endless line", ("word " * 80,)),
    SlideText("", ()),
    SlideText("Gradient Descent", ("the same words in other capitals",)),
)
PAGES = st.lists(st.sampled_from(SLIDES), min_size=1, max_size=6)


def prompt_and_answer(question: Question) -> tuple[str, str]:
    """The wording and the answer, after checking the special tokens around them."""
    prompt, answer = question.ids[: question.answer_start], question.ids[question.answer_start :]
    assert prompt[:2] == [TOKENIZER.vision_start_id, TOKENIZER.vision_end_id]
    assert prompt[-1] == TOKENIZER.start_id and answer[-1] == TOKENIZER.end_id
    assert all(token < 256 for token in prompt[2:-1] + answer[:-1])
    return decode(TOKENIZER, prompt), decode(TOKENIZER, answer)


def asked_phrase(prompt: str) -> Iterator[str]:
    """What a "shown" question may have asked for: every wording that fits."""
    for wording in SHOWN:
        before, after = map(re.escape, wording.split("{}"))
        match = re.fullmatch(f"{before}(.*){after}", prompt, re.DOTALL)
        if match:
            yield match[1]


def asked_title(prompt: str, wordings: Sequence[str]) -> set[str]:
    """The title whose neighbour is asked for in one of these wordings."""
    titles = {slide.title for slide in SLIDES if slide.title}
    spelt = titles | {title.lower() for title in titles}
    return {title for title in spelt if prompt in {wording.format(title) for wording in wordings}}


def check(question: Question, inside: Sequence[SlideText]) -> None:
    """Its answer is true of the slides inside its window."""
    prompt, answer = prompt_and_answer(question)
    first = inside[0]
    if question.weight == MIX.yes_no_weight:
        phrases = list(asked_phrase(prompt))
        assert phrases and answer in ("yes", "no")
        # a wording may be read in two ways ("{}?" fits "Is x shown?", too): one of them must make it true
        text = "\n".join(part for page in inside for part in (page.title, *page.lines)).lower()
        begins = [re.compile(rf"(?<![^\W_]){re.escape(phrase.lower())}") for phrase in phrases]  # at a word's beginning
        assert (answer == "yes") in {bool(phrase.search(text)) for phrase in begins}
    elif prompt in TITLE:
        assert [answer] == [page.title or NO_TITLE for page in set(inside)]  # one slide, and its title
    elif prompt in TITLES:
        shown = [page.title for page in inside if page.title]
        runs = [title for place, title in enumerate(shown) if shown[place - 1 : place] != [title]]
        assert answer == (" | ".join(runs) or NO_TITLE)
    elif prompt in COUNT:
        shown = [title for title, _ in groupby(page.title for page in inside if page.title)] or [NO_TITLE]
        assert answer == " | ".join(f"{number} {title}" for number, title in enumerate(shown, 1))
        assert number_told(answer) == len(shown)
    elif neighbour := [(wordings, title) for wordings in (AFTER, BEFORE) for title in asked_title(prompt, wordings)]:
        shown = [title for title, _ in groupby(page.title for page in inside if page.title)]
        ((wordings, title),) = neighbour  # no title of these slides fits two wordings
        (at,) = (place for place, one in enumerate(shown) if one.casefold() == title.casefold())
        place = at + 1 if wordings is AFTER else at - 1
        assert answer == (shown[place] if 0 <= place < len(shown) else NOTHING)
        assert len(shown) > 1
    elif prompt.startswith(FIND.format("")):
        phrase, texts = prompt.removeprefix(FIND.format("")), (first.title, *first.lines)
        assert answer == (continuation(phrase, texts) or NOT_SHOWN)
        assert (answer == NOT_SHOWN) or any(text.endswith(answer) for text in texts)
    else:
        room = MIX.text_bytes if prompt in TEXT else MIX.whole_bytes
        assert prompt in TEXT + WHOLE
        whole = [" / ".join(first.lines[:n]) for n in range(len(first.lines) + 1)]
        fitting = [text for text in whole if len(text.encode()) <= room]
        assert answer == (fitting[-1] or NOTHING)  # as many whole lines as fit
        assert answer != NOTHING or not first.lines  # and it is never denied that there are any


@given(st.sampled_from(SLIDES), st.integers(0, 10_000), st.integers(60, 500))
@example(SlideText("Only a title", ()), 3276, 61)  # "title?" does not ask whether the word is shown
def test_questions_about_a_page_fit_their_row_and_are_true(page: SlideText, seed: int, room: int) -> None:
    questions = QuestionMaker(seed).about_page(page, room)
    assert sum(len(question.ids) for question in questions) <= room
    for question in questions:
        assert question.window == (0, 1)
        check(question, (page,))
    prompts = [prompt_and_answer(question)[0] for question in questions]
    assert sum(prompt in TITLE for prompt in prompts) <= 1  # one that repeats itself teaches nothing
    if room >= 200:
        assert sum(prompt in TITLE for prompt in prompts) == 1


@given(PAGES, st.integers(0, 10_000), st.integers(60, 500), st.booleans())
def test_questions_about_a_clip_fit_their_row_and_are_true(
    pages: list[SlideText], seed: int, room: int, begins: bool
) -> None:
    questions = QuestionMaker(seed).about_clip(pages, room, begins)
    assert sum(len(question.ids) for question in questions) <= room
    for question in questions:
        first, stop = question.window
        assert 0 <= first < stop <= len(pages)
        check(question, pages[first:stop])


def test_a_row_about_a_clip_asks_for_order_and_number() -> None:
    maker, pages = QuestionMaker(3), [slide for slide in SLIDES for _ in range(4)]
    asked = [question for _ in range(60) for question in maker.about_clip(pages, 1024)]
    every = [prompt_and_answer(question) for question in asked]
    order = [answer for prompt, answer in every for wordings in (AFTER, BEFORE) if asked_title(prompt, wordings)]
    assert len(order) / len(every) > 0.15 and len(set(order)) > 4
    assert 0 < order.count(NOTHING) / len(order) < 0.08
    before = sum(bool(asked_title(prompt, BEFORE)) for prompt, _ in every)
    assert abs(before / len(order) - MIX.before_share) < 0.1
    counts = {number_told(answer) for prompt, answer in every if prompt in COUNT}
    assert counts >= {1, 2, 3, 4, 6}


def test_lists_are_asked_from_the_beginning_of_a_video() -> None:
    maker, pages = QuestionMaker(3), [slide for slide in SLIDES for _ in range(4)]
    shares = {}
    for begins in (True, False):
        asked = [question for _ in range(30) for question in maker.about_clip(pages, 1024, begins)]
        lists = [question for question in asked if prompt_and_answer(question)[0] in TITLES + COUNT]
        first = sum(question.window[0] == 0 for question in lists)
        shares[begins] = len(lists) / len(asked), first / len(lists)
    assert shares[True][0] > 2 * shares[False][0]
    assert shares[True][1] > 0.75 and shares[False][1] < 0.5


@pytest.mark.parametrize(
    ("answer", "number"), [("1 One | 2 Two | 3 4 steps", 3), ("12 Last", 12), ("no number", 0), ("1 A | B", 0), ("", 0)]
)
def test_a_numbered_list_tells_its_number(answer: str, number: int) -> None:
    assert number_told(answer) == number


def test_a_row_holds_many_questions_of_all_kinds() -> None:
    maker = QuestionMaker(3)
    for page in SLIDES:
        maker.remember(page)
    rows = [maker.about_page(page, 448) for page in SLIDES[:3] for _ in range(40)]
    every = [prompt_and_answer(question) for row in rows for question in row]
    assert len(every) / len(rows) > 8
    yes_no = [answer for row in rows for question in row for _, answer in [prompt_and_answer(question)]
              if question.weight == MIX.yes_no_weight]  # fmt: skip
    assert 0.35 < yes_no.count("yes") / len(yes_no) < 0.65
    assert len(yes_no) / len(every) > 0.3
    for kind in (TITLE, TEXT, WHOLE):
        assert sum(prompt in kind for prompt, _ in every) > 10
    found = [answer for prompt, answer in every if prompt.startswith("find: ")]
    assert 0.2 < found.count(NOT_SHOWN) / len(found) < 0.6
    assert len(found) / len(every) > 0.2


@pytest.mark.parametrize(
    ("phrase", "rest"),
    [
        ("steps", "steps of size 12"),
        ("STEPS of", "steps of size 12"),
        ("teps", ""),
        ("ste", "steps of size 12"),
        ("12", "12"),
        ("Größe", "Größenordnung"),
        ("in", "in small steps of size 12"),
        ("downhill in", ""),
    ],
)
def test_a_phrase_goes_on_to_the_end_of_its_line(phrase: str, rest: str) -> None:
    assert continuation(phrase, ("Größenordnung", "walkin downhill", "in small steps of size 12")) == rest


@pytest.mark.parametrize("kind", MIX.absent)
def test_what_is_not_there_mostly_shares_words_with_what_is(kind: str) -> None:
    maker = QuestionMaker(5, replace(MIX, absent={kind: 1.0}, present_share=0.0, page={"shown": 1.0}))
    page = SlideText("Gradient descent methods", ("walk downhill slowly", "in small steps of size 12"))
    maker.remember(SlideText("Photosynthesis", ()))
    words = set(page.written.split())
    denied = [
        phrase
        for _ in range(40)
        for question in maker.about_page(page, 300)
        for prompt, answer in [prompt_and_answer(question)]
        if answer == "no"
        for phrase in asked_phrase(prompt)
    ]
    assert len(denied) > 60
    near = [phrase for phrase in denied if words & set(phrase.casefold().split())]
    if kind == "stranger":
        assert not near
    elif kind != "one letter":
        assert len(near) > 0.5 * len(denied)
    else:  # one letter of a word is another, or missing: the model shall read, not guess
        assert any(len(phrase) == len("gradient") for phrase in denied if phrase not in words)


def test_answers_can_hold_any_letters() -> None:
    """Bytes: whatever a slide says can be asked and answered."""
    page = SlideText("Größe, façade & señal – naïve œuvre", ("αβγ ≤ ∞ → “x”", "日本語"))
    answers = {prompt_and_answer(question)[1] for question in QuestionMaker(1).about_page(page, 2000)}
    assert page.title in answers and " / ".join(page.lines) in answers


def test_nothing_is_cut_to_fit() -> None:
    """Where an answer is too long, something else is asked: an answer that is cut never learns to stop."""
    long = SlideText("x" * 150, ("y" * 350,))
    for room in (64, 128, 200):
        for question in QuestionMaker(1).about_page(long, room):
            _, answer = prompt_and_answer(question)
            assert "x" * 10 not in answer or "x" * 150 in answer
            assert "y" * 10 not in answer or "y" * 350 in answer


def test_a_seed_repeats_its_questions() -> None:
    assert QuestionMaker(4).about_page(SLIDES[0], 300) == QuestionMaker(4).about_page(SLIDES[0], 300)
    assert QuestionMaker(4).about_page(SLIDES[0], 300) != QuestionMaker(5).about_page(SLIDES[0], 300)
