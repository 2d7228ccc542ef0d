"""Questions about clips: they fit, they end, and their answers are true."""

import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vamba_cli.train.questions import (
    FIND,
    NO_TITLE,
    NOT_SHOWN,
    SHOWN,
    TEXT,
    TITLE,
    TITLES,
    Question,
    QuestionMaker,
    SlideText,
    continuation,
)  # fmt: skip
from vamba_cli.weights.tokenizer import ByteTokenizer, decode

TOKENIZER = ByteTokenizer()
MAX_TOKENS = 128
SLIDES = (
    SlideText("Gradient descent", ("walk downhill", "in small steps of size 12")),
    SlideText("Größenordnung", ("äöü ß", "naïve café")),
    SlideText("Backpropagation through time in recurrent networks", ("a very long line that goes on and on " * 3,)),
    SlideText("", ("no title here", "but some text")),
    SlideText("Only a title", ()),
    SlideText("", ()),
    SlideText("Gradient Descent", ("the same words in other capitals",)),
)
Pairs = list[tuple[SlideText, ...]]
PAIRS = st.lists(
    st.lists(st.sampled_from(SLIDES), min_size=1, max_size=2, unique_by=id).map(tuple), min_size=1, max_size=6
)


def prompt_and_answer(question: Question) -> tuple[str, str]:
    """The wording and the answer, after checking the special tokens around them."""
    prompt, answer = question.ids[: question.answer_start], question.ids[question.answer_start :]
    assert prompt[:2] == [TOKENIZER.vision_start_id, TOKENIZER.vision_end_id]
    assert prompt[-1] == TOKENIZER.start_id and answer[-1] == TOKENIZER.end_id
    assert all(token < 256 for token in prompt[2:-1] + answer[:-1])
    return decode(TOKENIZER, prompt), decode(TOKENIZER, answer)


def written(pairs: Pairs, question: Question) -> str:
    """All words in the question's window."""
    inside = [slide for shown in pairs[slice(*question.window)] for slide in shown]
    return "\n".join(part for slide in inside for part in (slide.title, *slide.lines))


def asked_phrase(prompt: str) -> Iterator[str]:
    """What a "shown" question may have asked for: every wording that fits."""
    for wording in SHOWN:
        before, after = map(re.escape, wording.split("{}"))
        match = re.fullmatch(f"{before}(.*){after}", prompt, re.DOTALL)
        if match:
            yield match[1]


@given(PAIRS, st.integers(0, 10_000))
def test_questions_fit_and_their_answers_are_true(pairs: Pairs, seed: int) -> None:
    questions = QuestionMaker(seed, MAX_TOKENS)(pairs, 14)
    assert len(questions) == 14
    for question in questions:
        assert len(question.ids) <= MAX_TOKENS
        first, stop = question.window
        assert 0 <= first < stop <= len(pairs)
        prompt, answer = prompt_and_answer(question)
        if question.weight == 3.0:
            phrases = list(asked_phrase(prompt))
            assert phrases and answer in ("yes", "no")
            # a wording may be read in two ways ("{}?" fits "Is x shown?", too): one of them must make it true
            text = written(pairs, question).casefold()
            assert (answer == "yes") in {phrase.casefold() in text for phrase in phrases}
        elif prompt in TITLE:
            slides = {slide for shown in pairs[first:stop] for slide in shown}
            assert [answer] == [slide.title or NO_TITLE for slide in slides]  # one slide, and its title
        elif prompt in TITLES:
            shown = [slide.title for pair in pairs[first:stop] for slide in pair if slide.title]
            runs = [title for place, title in enumerate(shown) if shown[place - 1 : place] != [title]]
            assert answer == (" | ".join(runs) or NO_TITLE)
        elif prompt.startswith(FIND.format("")):
            phrase, slide = prompt.removeprefix(FIND.format("")), pairs[first][0]
            texts = (slide.title, *slide.lines)
            assert answer == (continuation(phrase, texts) or NOT_SHOWN)
            assert (answer == NOT_SHOWN) or any(text.endswith(answer) for text in texts)
        else:
            assert prompt in TEXT
            lines = pairs[first][0].lines
            assert answer in {" / ".join(lines[:n]) or "(nothing)" for n in range(len(lines) + 1)}


def test_yes_and_no_are_both_common_and_kinds_are_mixed() -> None:
    maker, draw = QuestionMaker(3, MAX_TOKENS), random.Random(1)
    prompts, every, answers = [], [], []
    for _ in range(60):
        questions = maker([(draw.choice(SLIDES),) for _ in range(4)], 8)
        prompts += [prompt_and_answer(question)[0] for question in questions]
        every += [prompt_and_answer(question)[1] for question in questions]
        answers += [prompt_and_answer(question)[1] for question in questions if question.weight == 3.0]
    yes = answers.count("yes") / len(answers)
    assert set(answers) == {"yes", "no"} and 0.25 < yes < 0.75
    assert len(answers) / len(prompts) > 0.3
    for kind in (TITLE, TITLES, TEXT):
        assert sum(prompt in kind for prompt in prompts) > 10
    found = [answer for prompt, answer in zip(prompts, every, strict=True) if prompt.startswith("find: ")]
    assert 0.2 < found.count(NOT_SHOWN) / len(found) < 0.7


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


def test_near_misses_are_asked_for() -> None:
    """A word that is one letter off must be answered with no: the model shall read, not guess."""
    maker = QuestionMaker(5, MAX_TOKENS)
    slide = SlideText("Gradient descent", ())
    near = set()
    for _ in range(250):
        for question in maker([(slide,)], 8):
            prompt, answer = prompt_and_answer(question)
            if question.weight == 3.0 and answer == "no":
                near |= {phrase for phrase in asked_phrase(prompt) if len(phrase) == len(slide.title)}
    assert len(near) > 10


@pytest.mark.parametrize("length", [64, 128, 200])
def test_nothing_is_cut_to_fit(length: int) -> None:
    """Where an answer is too long, something else is asked: an answer that is cut never learns to stop."""
    long = SlideText("x" * 150, ("y" * 150,))
    for question in QuestionMaker(1, length)([(long,), (SLIDES[0],)], 40):
        assert len(question.ids) <= length
        _, answer = prompt_and_answer(question)
        assert "x" * 10 not in answer or "x" * 150 in answer


def test_a_seed_repeats_its_questions() -> None:
    pairs: Pairs = [(SLIDES[0],), (SLIDES[0], SLIDES[1]), (SLIDES[2],)]
    assert QuestionMaker(4, MAX_TOKENS)(pairs, 20) == QuestionMaker(4, MAX_TOKENS)(pairs, 20)
    assert QuestionMaker(4, MAX_TOKENS)(pairs, 20) != QuestionMaker(5, MAX_TOKENS)(pairs, 20)
