"""Held-out scores: what is asked can be answered, and letters are judged as greedy decoding would."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tinynet import SMALL
from tests.train.batches import slide
from vamba_cli.train.evaluate import (
    EvaluationSet,
    _encode,
    _guessed,
    _what_to_ask,
    _words_right,
    edit_distance,
    evaluate,
)
from vamba_cli.train.questions import FIND, NOT_SHOWN, SlideText
from vamba_cli.train.recipe import new_model
from vamba_cli.weights.tokenizer import ByteTokenizer


def known_slides() -> EvaluationSet:
    lines = ("the first line of this slide", "second line that is long enough", "short")
    texts = [SlideText(f"Title {i}", tuple(f"{line[:4]}{i}{line[4:]}" for line in lines)) for i in range(6)]
    images = np.stack([slide(number).image for number in range(6)])
    return EvaluationSet("known", images, texts)


def test_a_model_that_cannot_read_scores_nothing() -> None:
    reading = evaluate(new_model(SMALL, 1).eval(), known_slides(), batch=4, max_tokens=4)
    assert reading.exact == reading.body_exact == reading.refused == 0 and reading.character_error > 0.5
    assert reading.shown + reading.absent <= 2
    assert [truth for truth, _ in reading.samples] == [f"Title {i}" for i in range(6)]
    assert len(known_slides().first(2).texts) == len(known_slides().first(2).images) == 2


def test_what_is_asked_can_be_answered() -> None:
    known = known_slides()
    for text, asked in zip(known.texts, _what_to_ask(known.texts), strict=True):
        assert asked.line in text.lines[:2]  # the third is too short to ask for
        assert asked.stranger_title in {other.title for other in known.texts} - {text.title}
        assert " ".join(asked.stranger_line.split()[:2]).casefold() not in text.written


def test_letters_are_guessed_as_when_asked_alone() -> None:
    model, lines = new_model(SMALL, 1).eval(), [("one two three", "one two three"), ("a b", NOT_SHOWN), ("ä ö ü", "ü")]
    memory = _encode(model, torch.from_numpy(known_slides().images[:3]))
    together = _guessed(model, memory, lines)
    tokenizer = ByteTokenizer()
    for place, (line, answer) in enumerate(lines):
        prompt = tokenizer.encode_prompt(FIND.format(" ".join(line.split()[:2])))
        own = [(keys[place : place + 1], values[place : place + 1]) for keys, values in memory]
        right = []
        for token in (*tokenizer.encode(answer), tokenizer.end_id):
            likeliest = int(model.logits(model.decode(torch.tensor([prompt]), own.__getitem__))[0, -1].argmax())
            right.append(likeliest == token)
            prompt = [*prompt, token]
        assert together[place] == right


def test_words_are_right_where_all_their_letters_are() -> None:
    line = "one two drei fünf"
    size = len(line.encode()) + 1
    assert _words_right(line, [True] * size) == [True, True]  # the first two are given
    assert _words_right(line, [False] * 8 + [True] * (size - 8)) == [True, True]
    assert _words_right(line, [True] * 9 + [False] + [True] * (size - 10)) == [False, True]
    assert _words_right(line, [True] * (size - 1) + [False]) == [True, False]  # it did not end there


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance
