"""Held-out scores: what is asked can be answered, and letters are judged as greedy decoding would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.tinynet import SMALL
from tests.train.batches import slide
from vamba_cli.train import evaluate as evaluating
from vamba_cli.train.evaluate import (
    EvaluationSet,
    _encode,
    _guessed,
    _what_to_ask,
    _words_right,
    edit_distance,
    evaluate,
    evaluate_turns,
    f1_in_order,
)
from vamba_cli.train.questions import NOT_SHOWN, SlideText
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
    model, asked = (
        new_model(SMALL, 1).eval(),
        [("find: one two", "one two three"), ("find: a b", NOT_SHOWN), ("ä", "ü")],
    )
    memory = _encode(model, torch.from_numpy(known_slides().images[:3]))
    together = _guessed(model, memory, asked)
    tokenizer = ByteTokenizer()
    for place, (question, answer) in enumerate(asked):
        prompt = tokenizer.encode_prompt(question)
        own = [(keys[place : place + 1], values[place : place + 1]) for keys, values in memory]
        right = []
        for token in (*tokenizer.encode(answer), tokenizer.end_id):
            likeliest = int(model.logits(model.decode(torch.tensor([prompt]), own.__getitem__))[0, -1].argmax())
            right.append(likeliest == token)
            prompt = [*prompt, token]
        assert together[place] == right


def test_a_video_of_pages_that_stay_is_the_video_of_their_repetition() -> None:
    model, images = new_model(SMALL, 1).eval(), torch.from_numpy(known_slides().images[:4])
    short, long = _encode(model, images, (2, 3)), _encode(model, images[[0, 0, 1, 1, 1, 2, 2, 3, 3, 3]], (1,) * 5)
    for (keys, values), (wanted_keys, wanted_values) in zip(short, long, strict=True):
        torch.testing.assert_close((keys, values), (wanted_keys, wanted_values))


def test_order_is_judged_by_the_titles_next_to_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that knows all answers scores 1, one that mixes up two neighbours loses what these are worth."""
    known, asked = known_slides(), list[tuple[str, str]]()

    def guessed(_model: object, memory: list[tuple[torch.Tensor, torch.Tensor]], part: list[tuple[str, str]]) -> Any:
        assert len(memory[0][0]) == len(part)
        asked.extend(part)
        return [[(question, answer) != ("after: Title 1", "Title 2")] for question, answer in part]

    def greedy(_model: object, _memory: object, prompt: str, *_args: object) -> list[str]:
        if prompt == "how many?":
            return ["1 Title 0 | 2 Title 1 | 3 Title 2", "1 Title 3 | 2 Title 4"]
        return ["Title 0 | Title 2 | Title 1 | Title 1", "Title 3 | Title 4 | Title 5"]

    monkeypatch.setattr(evaluating, "_guessed", guessed)
    monkeypatch.setattr(evaluating, "_greedy", greedy)
    turns = evaluate_turns(new_model(SMALL, 1).eval(), known, 3)
    assert turns is not None
    assert turns.to_json() == {
        "listed": pytest.approx((4 / 7 + 1) / 2, abs=1e-4),
        "as_many": 0.5,
        "after": 0.75,
        "before": 1,
        "counted": 0.5,
    }
    assert {("after: Title 4", "Title 5"), ("before: Title 1", "Title 0")} <= set(asked)
    assert ("after: Title 2", "Title 3") not in asked  # of another clip
    asked.clear()
    twice = [known.texts[0], *known.texts]  # a page with a title that the clip has is passed over
    again = replace(known, texts=twice, images=np.concatenate([known.images[:1], known.images]))
    assert evaluate_turns(new_model(SMALL, 1).eval(), again, 3) == turns
    same = replace(known, texts=[SlideText("one title", ())] * 6)
    assert evaluate_turns(new_model(SMALL, 1).eval(), same, 3) is None


@pytest.mark.parametrize(
    ("told", "truth", "share"),
    [("a b c", "a b c", 1), ("c b a", "a b c", 1 / 3), ("a c", "a b c", 0.8), ("x", "a b", 0), ("a a b", "a b", 0.8)],
)
def test_titles_count_that_can_be_paired_in_order(told: str, truth: str, share: float) -> None:
    assert f1_in_order(told.split(), truth.split()) == pytest.approx(share)


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
