"""Where a topic is said, in words and spellings as people use them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vamba_cli.subtitles import Line
from vamba_cli.tasks.mentions import Mention, mentions, words


def every_two_seconds(*texts: str, gap: float = 2.0) -> list[Line]:
    return [Line(gap * place, gap * place + 2.0, text) for place, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("backpropagation", "So Back-Propagation it is"),
        ("back propagation", "this is BACKPROPAGATION."),
        ("neural networks", "a neural network"),
        ("neural network", "all Neural Networks learn"),
        ("t-SNE", "we use tSNE here"),
        ("regularisation", "L2 regularization helps"),
        ("Bayes' theorem", "and Bayes theorem says"),
        ("the learning rate", "a learning rate of one"),
        ("C++", "written in C++, not in Go"),
        ("naïve", "a NAÏVE guess"),
        ("反向传播", "我们介绍反向传播算法"),
        ("PCA", "用PCA做"),
        ("обратное распространение", "Обратное Распространение ошибки"),
        ("categories", "one category"),
        ("classes", "the class of"),
    ],
)
def test_the_words_are_found_as_people_write_them(topic: str, text: str) -> None:
    (found,) = mentions(every_two_seconds("Well.", text, "So."), topic)
    assert found == Mention(2.0, 4.0, 1.0)


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("art", "we start with a chart"),
        ("C", "written in C++"),
        ("UMAP", "you map it"),
        ("UMAP", "um apple"),
        ("gradient boosting", "gradient descent"),
        ("photosynthesis", "nothing of the kind"),
        ("the", "and of"),
        ("", "anything"),
        ("?!", "anything ?!"),
        ("loss", "we lose it"),
    ],
)
def test_parts_of_words_and_other_words_are_not(topic: str, text: str) -> None:
    assert mentions(every_two_seconds(text), topic) == []


def test_a_phrase_across_lines() -> None:
    lines = every_two_seconds("let us look at gradient", "descent, which", "goes down")
    assert mentions(lines, "gradient descent") == [Mention(0.0, 4.0, 1.0)]


def test_a_phrase_does_not_last_over_a_long_pause() -> None:
    assert mentions([Line(0.0, 2.0, "a gradient"), Line(60.0, 62.0, "descent")], "gradient descent") == []


def test_words_apart_count_less_and_only_where_the_phrase_is_nowhere() -> None:
    lines = every_two_seconds("the rate of", "this learning", "is high", "end", "end", "end", "end", "end")
    assert mentions(lines, "learning rate") == [Mention(0.0, 4.0, 0.8)]
    lines += [Line(60.0, 62.0, "a learning rate")]
    assert mentions(lines, "learning rate") == [Mention(60.0, 62.0, 1.0)]


def test_words_far_apart_are_no_mention() -> None:
    assert mentions(every_two_seconds("rate", "and", "so", "on", "learning"), "learning rate") == []
    assert mentions(every_two_seconds("rate", "learning", gap=30.0), "learning rate") == []


def test_most_words_of_a_long_topic_are_a_doubtful_mention() -> None:
    lines = every_two_seconds("stochastic gradient descent", *["the algorithm is fine"] * 6)
    (found,) = mentions(lines, "stochastic gradient descent algorithms in practice")[:1]
    assert found.start_seconds == 0.0 and 0.3 < found.score < 0.65
    assert mentions(every_two_seconds("an algorithm", *["x"] * 8), "stochastic gradient descent algorithm") == []


def test_more_words_of_a_long_topic_come_first() -> None:
    often = [Line(200.0 + 30 * n, 201.0 + 30 * n, "zeta") for n in range(20)]
    lines = [Line(0, 2, "alpha beta gamma delta"), Line(90, 92, "alpha beta gamma delta epsilon"), *often]
    found = mentions(lines, "alpha beta gamma delta epsilon zeta")
    assert [mention.start_seconds for mention in found] == [90, 0]
    assert 0.3 < found[1].score < found[0].score < 0.65


def test_close_mentions_are_one_and_the_first_comes_first() -> None:
    lines = [Line(t, t + 1.0, "UMAP") for t in (100.0, 104.0, 5.0, 300.0)]
    found = mentions(sorted(lines, key=lambda line: line.start_seconds), "umap")
    assert found == [Mention(5.0, 6.0, 1.0), Mention(100.0, 105.0, 1.0), Mention(300.0, 301.0, 1.0)]
    many = [Line(60.0 * minute, 60.0 * minute + 1, "UMAP") for minute in range(20)]
    assert [found.start_seconds for found in mentions(many, "UMAP")] == [60.0 * minute for minute in range(20)]


def test_a_word_that_is_said_all_the_time_is_no_single_long_mention() -> None:
    lines = every_two_seconds(*["the network"] * 100)
    found = mentions(lines, "network")
    assert [span.start_seconds for span in found] == [0.0, 60.0, 120.0, 180.0]
    assert all(span.end_seconds - span.start_seconds <= 60 for span in found)
    assert len(mentions([Line(60.0 * n, 60.0 * n + 1, "network") for n in range(300)], "network")) == 100


@given(st.lists(st.text(alphabet="ab cs'-É中", max_size=12), max_size=8), st.text(alphabet="ab cs'-É中", max_size=8))
def test_any_text(texts: list[str], topic: str) -> None:
    lines = every_two_seconds(*texts)
    for found in mentions(lines, topic):
        assert 0 <= found.start_seconds < found.end_seconds <= 2.0 * len(lines)
        assert 0 < found.score <= 1
    if words(topic) and texts:
        whole = every_two_seconds(*texts, f"zz {topic} zz")
        assert any(found.score == 1 for found in mentions(whole, topic))
