"""What an open question wants of a model that only reads slides."""

import time

import pytest

from vamba_cli.tasks.moments import limited, moment_seconds, names_a_time, span_seconds
from vamba_cli.tasks.wishes import stands_for, subject, wish


@pytest.mark.parametrize(
    ("question", "wished"),
    [
        ("what is this lecture about?", "about"),
        ("What's this about", "about"),
        ("What is the title of the talk?", "title"),
        ("what is shown?", "title"),
        ("which slide is this", "title"),
        ("what does the slide say?", "text"),
        ("what is on slide 12?", "text"),
        ("what's on the slide about source packages?", "text"),
        ("what is on the slide at 3:10?", "title"),
        ("what is on the third slide?", "text"),
        ("summarise the part about PCA", "text"),
        ("what can be read here?", "text"),
        ("what should I know about read length?", None),
        ("What is written on the screen?", "text"),
        ("who is the speaker?", "names"),
        ("how does UMAP work?", None),
        ("what colour is the car", None),
        ("", None),
        ("🎉", None),
    ],
)
def test_wish(question: str, wished: str | None) -> None:
    assert wish(question) == wished


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("how does UMAP work?", "UMAP"),
        ("what is perplexity used for?", "perplexity"),
        ("What are the advantages of UMAP over t-SNE", "UMAP"),
        ("please explain the elbow point", "elbow point"),
        ("tell me about clustering", "clustering"),
        ("why is normalisation important?", "normalisation"),
        ("who is the speaker?", None),
        ("what is he doing?", None),
        ("hello there, how are you today my friend", None),
        ("what is week 4 about?", "week 4"),
        ("what is this about?", None),
        ("what should I know about read length?", "read length"),
        ("summarise the part about Ion Torrent", "Ion Torrent"),
        ("what parameters does UMAP have?", "UMAP"),
        ("what tools are used to build a package?", "tools"),
    ],
)
def test_subject(question: str, topic: str | None) -> None:
    assert subject(question) == topic


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("what is on the slide at 10:05?", 605.0),
        ("what is shown at 1:02:03", 3723.0),
        ("what is shown at 75:30", 4530.0),
        ("what is on screen at minute 12?", 720.0),
        ("what is on the slide at 11 minutes 40 seconds?", 700.0),
        ("what is shown around 2 min 5s", 125.0),
        ("what is on screen at 3 min 30?", 210.0),
        ("what is on screen at 3m30s", 210.0),
        ("what is shown at 210 seconds", 210.0),
        ("what is shown at 3.5 minutes", 210.0),
        ("what is shown at 1h 2m 3s", 3723.0),
        ("what is shown 12 minutes in?", 720.0),
        ("go to 5:30", 330.0),
        ("what comes after 3 slides", None),
        ("what is shown at 10:75", None),
        ("what is the ratio 3:20", None),
        ("what is shown?", None),
    ],
)
def test_moment(question: str, seconds: float | None) -> None:
    assert moment_seconds(question) == seconds


@pytest.mark.parametrize("piece", ["at 3 min 30 ", "at 3 min , and ", "between 5 and ", " ", "at the ", "3m", "9 "])
def test_long_nonsense_names_no_time_for_long(piece: str) -> None:
    began = time.perf_counter()
    for question in ((piece * 4000)[:3990] + "x", "at 3 min" + (piece * 4000)[:3990] + "x"):
        moment_seconds(question)
        span_seconds(question, 600.0)
        names_a_time(question)
        limited(f"is {question}")
    assert time.perf_counter() - began < 15


@pytest.mark.parametrize(
    ("question", "span"),
    [
        ("what is on screen between 2:00 and 3:05?", (120.0, 185.0)),
        ("what is shown from 1:00:00 to 1:01:00", (3600.0, 3660.0)),
        ("what happens in the last minute?", (540.0, 600.0)),
        ("what is shown during the last 20 minutes", (0.0, 600.0)),
        ("what is shown in the first 3 minutes", (0.0, 180.0)),
        ("what is covered between minute 5 and minute 9?", (300.0, 540.0)),
        ("which slides are shown from 5 to 9 minutes", (300.0, 540.0)),
        ("what is the difference between PCA and UMAP?", None),
        ("what is shown at 2:00?", None),
    ],
)
def test_stretch(question: str, span: tuple[float, float] | None) -> None:
    assert span_seconds(question, 600.0) == span


@pytest.mark.parametrize(
    ("short", "title", "stands"),
    [
        ("PCA", "Principal Component Analysis", True),
        ("HMMs", "Training a Hidden Markov Model", True),
        ("PCA", "Principal components", False),
        ("pca", "Principal Component Analysis", False),
        ("Analysis", "Principal Component Analysis", False),
        ("A", "Analysis", False),
    ],
)
def test_abbreviations(short: str, title: str, *, stands: bool) -> None:
    assert stands_for(short, title) is stands
