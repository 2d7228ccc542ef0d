"""What is done to words that a model wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vamba_cli.tasks.titles import clean_sentences, clean_title, names, same_title, without_loop
from vamba_cli.timecode import clock_span


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("The chain rule", "The chain rule"),
        ('Title: "The chain rule."', "The chain rule"),
        ("**Chapter title:** The chain rule", "The chain rule"),
        ("The  chain\trule\nIt is about derivatives.", "The chain rule"),
        ("Wait for it...", "Wait for it..."),
        ("What is a matrix?", "What is a matrix?"),
        ("", ""),
        ("…", "…"),
        ("the the the the the", "the"),
        ("word " * 60, "word"),
    ],
)
def test_titles(said: str, title: str) -> None:
    assert clean_title(said) == title


def test_a_very_long_title_ends_at_a_word() -> None:
    title = clean_title(
        "supercalifragilistic thoughts on " * 2 + "a great many things that nobody ever asked about at all"
    )
    assert len(title) <= 103 and title.endswith("… "[0]) and "  " not in title


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a b c", "a b c"),
        ("no no", "no no"),  # twice is emphasis
        ("one two one two one two one two", "one two"),
        ("It rains. The dog barks. The dog barks. The dog barks. The", "It rains. The dog barks."),
        ("- - - - -", "- - - - -"),  # no words go round in it
    ],
)
def test_loops_are_cut(text: str, kept: str) -> None:
    assert without_loop(text) == kept


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=30).map(" ".join))
def test_what_is_left_begins_like_the_text_and_does_not_loop(text: str) -> None:
    kept = without_loop(text)
    assert text.startswith(kept)
    assert without_loop(kept) == kept or len(without_loop(kept)) < len(kept)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Outline", "outline", True),
        ("13-uas161", "13-uasi6!", True),
        ("06a-fork", "06b-fork", False),
        ("Part (1)", "Part (2)", False),
        ("Illumina - limitations", "Tllumina – Imitations", True),
        ("Suites for development", "Suites for deployment", False),
        ("Projection on x-axes", "Projection on y-axes", False),
        ("Practical session 2: packaging", "Practical session 2: packaging (tips)", False),
        ("Learning Outcomes 1", "Learning Outcomes 2", False),
        ("", "", True),
        ("Tea", "Sea", False),
    ],
)
def test_the_same_title_in_two_readings(one: str, other: str, same: bool) -> None:
    assert same_title(one, other) is same_title(other, one) is same


@pytest.mark.parametrize(
    ("title", "topic"),
    [
        ("Q&A", "Q&A"), ("I/O", "I/O"), ("A/B testing", "A/B"), ("∑ notation", "∑"), ("GANs", "GAN"),
        ("Classes", "class"),
        ("PCA-based methods", "PCA"), ("3D-Plots", "3D"), ("RNA-Seq", "RNA"), ("k NN classification", "k-NN"),
        ("Chain rule", "the chain rule"), ("PyTorck basics", "PyTorch"), ("Kemel methods", "kernel"),
        ("Illumina sequencing", "Illumina"), ("Ilumina - limitations", "Illumina"), ("10-fork", "fork"),
        ("Coditional Probrability", "conditional probability"), ("minibatch", "mini-batch"), ("Introduction to R", "R"),
        ("t-SNE - Example", "tSNE"), ("T-SNE vs UMAP", "t-SNE"), ("C++ templates", "C++"),
    ],
)  # fmt: skip
def test_titles_that_name_a_topic(title: str, topic: str) -> None:
    assert names(title, topic)


@pytest.mark.parametrize(
    ("title", "topic"),
    [
        ("C++ templates", "C"), ("C# basics", "C"), ("C templates", "C++"), ("10 tips", "lo"), ("Impact", "AC"),
        ("This course", "Illumina"), ("Long reads (3rd generation)", "PacBio"), ("Decision trees", "decision theory"),
        ("Overview", ""), ("Art", "arts and crafts"), ("A fox", "A/B"), ("Step 12", "step 13"),
    ],
)  # fmt: skip
def test_titles_that_do_not(title: str, topic: str) -> None:
    assert not names(title, topic)


def test_sentences_and_times() -> None:
    assert clean_sentences(" Two\n lines. ") == "Two lines."
    assert clock_span(0, 61.5) == "0:00–1:01"
