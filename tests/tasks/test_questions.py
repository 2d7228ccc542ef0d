"""What questions ask for, over many wordings; whatever is typed, nothing breaks."""

import time
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vamba_cli.tasks.moments import span_seconds, stretch_seconds
from vamba_cli.tasks.questions import understand
from vamba_cli.tasks.topics import is_pronoun, is_sentence
from vamba_cli.tasks.understood import Kind, Understood
from vamba_cli.tasks.wishes import subject, wish

TIMES = {
    "show me the part on MetaCell": "MetaCell",
    "when do they move on to clustering": "clustering",
    "when does he get to UMAP?": "UMAP",
    "When is backprop introduced?": "backprop",
    "when does the speaker talk about gradient descent?": "gradient descent",
    "At what time is overfitting explained?": "overfitting",
    "Which slide shows the learning rate?": "learning rate",
    "which slide is about regularisation?": "regularisation",
    "In which minute is the loss function defined?": "loss function",
    "timestamp of the quiz": "quiz",
    "how late is convergence discussed?": "convergence",
    "When do they start talking about dropout?": "dropout",
    "when is the slide about mini batches shown?": "mini batches",
    "at which point does the speaker explain LSTM networks?": "LSTM networks",
    "until when is the demo shown?": "demo",
    "when does Alan Turing appear?": "Alan Turing",
    "Where is the Fourier transform?": "Fourier transform",
    "when do we see the graph?": "graph",
    "WHEN IS BACKPROP INTRODUCED": "BACKPROP",
    "  when is\tbackprop\n introduced ? ": "backprop",
    "Can you tell me when PCA is introduced?": "PCA",
    "please, when is dropout explained?": "dropout",
    # titles that are questions themselves, and topics in quotes
    'When is "What is PCA?" shown?': "What is PCA?",
    "when is What is machine learning? introduced?": "What is machine learning?",
    'Where does the lecture mention "Adam"?': "Adam",
    'Which slide is titled "What is PCA?"': "What is PCA?",
    "when is „Größe“ shown?": "Größe",
    "when is “the end” shown?": "the end",
    # topics that begin like the helping words of a question
    "when is coverage explained?": "coverage",
    "when are findings discussed?": "findings",
    "when is seed introduced?": "seed",
    "when is explainability introduced?": "explainability",
    "when is presentation layer shown?": "presentation layer",
    "when does she mention discussion forums?": "discussion forums",
    # bare phrases
    "learning rate": "learning rate",
    "Gradient Descent!": "Gradient Descent",
    "神经网络": "神经网络",
    # a time is asked for, but of what?
    "when?": None,
    "when does it begin?": None,
}
YES_NO = {
    "is there a slide about gradient descent?": "gradient descent",
    'Is "overfitting" mentioned?': "overfitting",
    "Is backpropagation explained in this video?": "backpropagation",
    "Does the lecturer mention Adam?": "Adam",
    "does it cover t-SNE": "t-SNE",
    "Are there any slides about batch normalisation?": "batch normalisation",
    "has he explained the chain rule?": "chain rule",
    "Was momentum discussed?": "momentum",
    "is there something about NP-hardness?": "NP-hardness",
    "is good practice shown?": "good practice",
    "is this video about easy problems?": "easy problems",
}
OPEN = {
    "What is the title?": None,
    "who is the speaker?": None,
    "Why does SGD work?": None,
    "describe the picture": None,
    "how does dropout work?": None,
    "what's new?": None,
    "Is this lecture boring?": None,
    "is it easy to follow?": None,
    "was the talk worth watching?": None,
    "is this a good lecture for beginners?": None,
    "would you recommend this video?": None,
    'What does "softmax" mean?': "softmax",
    "«Größenordnung»": "Größenordnung",
    "a long phrase of more than six words is no topic": None,
    "": None,
    " \t\n": None,
    "???": None,
}
OTHERS = {
    # sloppy and polite
    "where do they explain debhelper": ("time", "debhelper"),
    "hi, could you please tell me when t-SNE comes up": ("time", "t-SNE"),
    "i want to know when PCA is shown please": ("time", "PCA"),
    "i'm looking for the slide on UMAP": ("time", "UMAP"),
    "go to the conclusion": ("time", "conclusion"),
    "show me where UMAP is": ("time", "UMAP"),
    "which slides talk about single cell data": ("time", "single cell data"),
    "which slides contain the word cluster": ("time", "cluster"),
    "does the talk mention lintian?": ("yes-no", "lintian"),
    "anything on random forests in there?": ("yes-no", "random forests"),
    "any slides on t-SNE?": ("yes-no", "t-SNE"),
    "do they ever talk about perplexity": ("yes-no", "perplexity"),
    "UMAP mentioned?": ("yes-no", "UMAP"),
    "is PCA in the talk?": ("yes-no", "PCA"),
    # how long, how many
    "how long is UMAP on the screen?": ("duration", "UMAP"),
    "how long do they talk about UMAP": ("duration", "UMAP"),
    "how long does the slide on UMAP last": ("duration", "UMAP"),
    "how much time is spent on PCA": ("duration", "PCA"),
    "how long is the video?": ("duration", None),
    "how many quiz questions are there?": ("count", "quiz questions"),
    "how many slides are there in total?": ("count", None),
    "are there more than 30 slides?": ("count", None),
    "are there exactly 3 slides about chrptr?": ("count", "chrptr"),
    "does the lecture have two slides on UMAP?": ("count", "UMAP"),
    "is there more than one outline?": ("count", "outline"),
    "is there one step per slide?": ("yes-no", "one step per slide"),
    "how long is the title slide shown?": ("duration", None),
    "how long is the last slide on screen": ("duration", None),
    "how long is the title page of the thesis shown": ("duration", "title page of the thesis"),
    "how long until the quiz is shown?": ("time", "quiz"),
    "how many slides mention patches?": ("count", "patches"),
    "how many slides are there about PCA": ("count", "PCA"),
    "how often is PCA mentioned": ("count", "PCA"),
    "how many slides does it have": ("count", None),
    "how many slides are there": ("count", None),
    "number of slides": ("count", None),
    "are the slides blue?": ("yes-no", "blue"),
    "list all slides about UMAP": ("count", "UMAP"),
    "show me the slides that mention PCA": ("count", "PCA"),
    "list the fork slides": ("count", "fork"),
    "show me the slides": ("outline", None),
    "how long is it on screen?": ("duration", "it"),  # which points at something that was said before
    "how long is it?": ("duration", None),
    # first and last mentions
    "when is UMAP first mentioned?": ("nth", "UMAP"),
    "when is PCA mentioned for the last time?": ("nth", "PCA"),
    "when does UMAP first appear": ("nth", "UMAP"),
    "when is backprop first introduced?": ("time", "backprop"),
    # follow-ups
    "what about scanpy?": ("time", "scanpy"),
    "is deadlock on a slide?": ("yes-no", "deadlock"),
    # order
    "what comes after the outline": ("after", "outline"),
    "what's after t-SNE?": ("after", "t-SNE"),
    "which slide comes right after the one about PCA": ("after", "PCA"),
    "what follows PCA": ("after", "PCA"),
    "what do they discuss after the quiz": ("after", "quiz"),
    "what comes before PCA?": ("before", "PCA"),
    # words of these kinds inside titles
    "when is Before we start introduced?": ("time", "Before we start"),
    "when is What comes after introduced?": ("time", "What comes after"),
    "is How many reads do I need shown?": ("yes-no", "How many reads do I need"),
    'does the talk mention "how long"?': ("yes-no", "how long"),
    "summary please": ("outline", None),
    # slides that are named by what is on them are no outline
    "which slides are about enrichment?": ("time", "enrichment"),
    "what slides are on PCA?": ("time", "PCA"),
    "which slides are there?": ("outline", None),
    # short and mistyped openings, a time before the question
    "when's umap?": ("time", "umap"),
    "wheres the elbow": ("time", "elbow"),
    "wen is perplexity shown": ("time", "perplexity"),
    "when is R used?": ("time", "R"),
    "between 10:00 and 12:00 what is shown": ("open", None),
    "at 10:00, what is on screen?": ("open", None),
    "from when to when is UMAP on screen": ("time", "UMAP"),
    "the slide about execlp": ("time", "execlp"),
    "is there nothing on volcano plots?": ("yes-no", "volcano plots"),
    "give me an overview": ("outline", None),
    # lists, edges
    "list quiz questions": ("count", "quiz questions"),
    "list everything about mylib": ("count", "mylib"),
    "list titles with t-SNE": ("count", "t-SNE"),
    "the last slide about UMAP": ("nth", "UMAP"),
    "first mention of perplexity": ("nth", "perplexity"),
    "when did they first mention PCA": ("nth", "PCA"),
    "when was the first time distance appears": ("nth", "distance"),
    "first slide after the outline": ("after", "outline"),
    "which slide is on screen the longest?": ("longest", None),
    "what is the shortest slide": ("longest", None),
    "list every slide about wait": ("count", "wait"),
    "list everything that is on screen": ("outline", None),
    "how long is Between groups and within groups shown?": ("duration", "Between groups and within groups"),
    "from when to when is paging on?": ("time", "paging"),
    "give me the timestamps of every quiz question": ("count", "quiz question"),
    # between two topics, the slide at a place
    "which topics come between 01-fork and 05a-fork?": ("between", "01-fork"),
    "what is shown between the slide about PCA and the quiz": ("between", "PCA"),
    "list all slides between Welcome and t-SNE": ("between", "Welcome"),
    "what is shown between 2:00 and 3:00?": ("open", None),
    "what is the difference between PCA and UMAP?": ("open", None),
    "is Between groups and within groups shown?": ("yes-no", "Between groups and within groups"),
    "is the last slide about PCA?": ("yes-no", "PCA"),
    "does slide 3 mention library preparation?": ("yes-no", "library preparation"),
    "does the lecture end with a quiz?": ("yes-no", "quiz"),
    "is the slide about PCA shown?": ("yes-no", "PCA"),
    "is the first page of the thesis shown?": ("yes-no", "first page of the thesis"),
    "is quilt explained before or after pbuilder?": ("sooner", "quilt"),
    "show me the slide with the changelog": ("time", "changelog"),
    "what's on screen when they talk about licenses?": ("time", "licenses"),
    "when is PCA explained and for how long?": ("time", "PCA"),
    "what is perplexity and when is it shown?": ("open", None),
    "show me all plots": ("count", "plots"),
    "when is the first example?": ("nth", "example"),
    "when is the first derivative shown?": ("time", "first derivative"),
    "what's the last thing about t-SNE?": ("nth", "t-SNE"),
    "when does it end?": ("duration", None),
    "give me chapter marks": ("outline", None),
    "which example comes after 04-sleep?": ("after", "04-sleep"),
    "give me the title of every slide": ("outline", None),
    "list the titles of all slides": ("outline", None),
    "when do they explain what a marker gene is?": ("time", "marker gene"),
    "where is it explained how paging works?": ("time", "paging"),
    "does it say what PCA means?": ("yes-no", "PCA"),
    "what did I miss if I joined at 10:00?": ("outline", None),
    "is there a slide that explains quilt?": ("yes-no", "quilt"),
    "is there a part which talks about git?": ("yes-no", "git"),
    "what's the longest part of the tutorial?": ("longest", None),
    "what came up at the very beginning?": ("nth", None),
    "what was on screen just before 10:00?": ("open", None),
    "is quilt shown just before 10:00?": ("yes-no", "quilt"),
    "what are the main sections?": ("outline", None),
    "how much of the video is about UMAP?": ("duration", "UMAP"),
    "what share of the lecture is spent on t-SNE?": ("duration", "t-SNE"),
    "what percentage of the talk deals with paging?": ("duration", "paging"),
    "is most of the talk about PCA?": ("duration", "PCA"),
    "is the whole lecture about sequencing?": ("duration", "sequencing"),
    "how many minutes on PCA?": ("duration", "PCA"),
    "does UMAP come up again later?": ("count", "UMAP"),
    "is paging discussed again?": ("count", "paging"),
    "do they come back to PCA later?": ("count", "PCA"),
    "does the function return to the caller?": ("yes-no", "function return to the caller"),
    "any graphs?": ("yes-no", "graphs"),
    "can you find where they mention clusters?": ("time", "clusters"),
    "skip to the end": ("nth", None),
    "when does the PacBio part begin and when does it end?": ("time", "PacBio part"),
    "is there a slide comparing PCA and UMAP?": ("yes-no", "PCA and UMAP"),
    "between which minutes is paging covered?": ("time", "paging"),
    "which slides have code on them?": ("time", "code"),
    "I'm looking for the part where they explain GSEA": ("time", "GSEA"),
    "i want to see the slide on Fisher's exact test": ("time", "Fisher's exact test"),
    "are MSigDB collections mentioned, and if so when?": ("yes-no", "MSigDB collections"),
    # what is to be read or told
    "what is on slide 12?": ("open", None),
    "summarise the part about Ion Torrent": ("open", None),
    "when does the part about threads start and end?": ("time", "threads"),
    "the slide with the table of all the error rates": ("time", "table of all the error rates"),
}
NTH = {
    "what is the last slide": -1, "how does the lecture end": -1, "whats the first slide about?": 1,
    "what is the third slide": 3, "slide 5": 5, "what's the 21st slide": 21, "when is slide 7 shown?": 7,
    "when does the last slide come up": -1,
}  # fmt: skip
OUTLINE = (
    "list the topics", "List all slides", "what topics are covered?", "give me an outline", "table of contents",
    "show me the chapters", "what are the headings?", "summarise the video", "summarize",
)  # fmt: skip
TABLE = [
    *(("time", question, topic) for question, topic in TIMES.items()),
    *(("yes-no", question, topic) for question, topic in YES_NO.items()),
    *(("open", question, topic) for question, topic in OPEN.items()),
    *(("outline", question, None) for question in OUTLINE),
    *((kind, question, topic) for question, (kind, topic) in OTHERS.items()),
    *(("nth", question, None) for question in NTH),
]


@pytest.mark.parametrize(("kind", "question", "topic"), TABLE)
def test_wordings(kind: str, question: str, topic: str | None) -> None:
    found = understand(question)
    assert (found.kind, found.topic) == (kind, topic)


@pytest.mark.parametrize(("question", "number"), NTH.items())
def test_which_slide(question: str, number: int) -> None:
    assert understand(question).number == number


WORDS = st.lists(
    st.sampled_from(
        'when is are the a slide about there shown introduced explained talk of does it which time is? “ ” " What '
        "x PCA please tell me list topics can you in this video how long many slides what comes after before first "
        "last".split()
    ),
    max_size=14,
).map(" ".join)


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=80), WORDS))
def test_nothing_breaks(question: str) -> None:
    found = understand(question)
    assert isinstance(found, Understood)
    assert found.kind in get_args(Kind)
    if found.topic is not None:
        assert found.topic.strip() == found.topic != ""
        assert " ".join(found.topic.split()) in " ".join(question.split())  # taken from the question, never made up
    assert understand(question) == found


@pytest.mark.parametrize(
    "piece",
    ["list all of the slides ", "last mentioned for the first time ", "and what about ", "is ", "when ",
     "shown ", "a", '"', "tell me ", "list the ", "what are the of ", "please ", "at in on ",
     "how many slides ", "what comes ", "after ", "how long is ", "the first slide ", "any slides on ",
     "slide about ", "can you tell me ", " shown is", "“”", "?!. ", "\t \n"],
)  # fmt: skip
def test_long_nonsense_does_not_take_long(piece: str) -> None:
    text = (piece * 4000)[:3990] + " x"
    began = time.perf_counter()
    for question in (text, "when is " + text, "is there " + text, "what comes " + text, "how many " + text):
        understand(question)
    assert time.perf_counter() - began < 15  # a pattern that backtracks without end takes hours


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("is UMAP not shown before t-SNE or after it?", True),
        ("wann wird Nanopore erklärt?", True),
        ("does the speaker wear glasses?", True),
        ("is UMAP not shown?", True),
        ("which slide is shown twice?", True),
        ("which slide has the most code?", True),
        ("is there a slide without a title?", True),
        ("how long after PCA does UMAP come?", True),
        ("when is perplexity introdused?", True),
        ("is Conclusions and outlook shown?", False),
        ("when is Before we start introduced?", False),
        ("is gradient boosting shown?", False),
        ("is Is it normal? shown?", False),
    ],
)
def test_what_is_left_of_an_unknown_question(question: str, sentence: bool) -> None:
    topic = understand(question).topic
    assert topic is not None and is_sentence(topic) == sentence


def test_pronouns() -> None:
    for question in (
        "what comes after that?",
        "and then?",
        "and what comes next?",
        "what's next?",
        "what was before?",
        "and the next one?",
    ):
        assert is_pronoun(understand(question).topic)
    assert not is_pronoun(understand("what comes after That other thing?").topic) and not is_pronoun(None)


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("show me everything about distances", "distances"),
        ("does it say anything on batch effects?", "batch effects"),
        ("any advice on licensing?", "licensing"),
        ("when do they show how to sign packages?", "sign packages"),
        ("when is How to choose your method shown?", "How to choose your method"),
        ("is Anything on the table shown?", "Anything on the table"),
    ],
)
def test_words_around_a_topic(question: str, topic: str) -> None:
    assert understand(question).topic == topic


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which comes first, PCA or t-SNE?", Understood("sooner", "PCA", 1, ("t-SNE",))),
        ("what is shown first: UMAP or PCA", Understood("sooner", "UMAP", 1, ("PCA",))),
        ("which is explained later, limma or DESeq2?", Understood("sooner", "limma", -1, ("DESeq2",))),
        ("Which topic is covered first, PCA or noise?", Understood("sooner", "PCA", 1, ("noise",))),
        ("is UMAP shown before t-SNE?", Understood("yes-no", "UMAP", 1, ("t-SNE",))),
        ("Is PCA introduced after t-SNE?", Understood("yes-no", "PCA", -1, ("t-SNE",))),
        ("does he explain PCA before t-SNE?", Understood("yes-no", "PCA", 1, ("t-SNE",))),
        (
            "which comes first, It is all about matrix or the elbow?",
            Understood("sooner", "It is all about matrix", 1, ("elbow",)),
        ),
        ('which comes first, "PCA" or "t-SNE"?', Understood("sooner", "PCA", 1, ("t-SNE",))),
        ('when does "address" come up first?', Understood("nth", "address", 1)),
        ("what are the last three slides?", Understood("outline", None, -3)),
        ("list the first 5 topics", Understood("outline", None, 5)),
        ("which comes last: UMAP, PCA, or t-SNE?", Understood("sooner", "UMAP", -1, ("PCA", "t-SNE"))),
        ("which slide comes first?", Understood("nth", None, 1)),
        ("what comes two after paging?", Understood("after", "paging", 2)),
        ("the 3rd slide before PCA", Understood("before", "PCA", 3)),
        ("two minutes after paging", Understood("time", "two minutes after paging")),
        ("pacbio vs nanopore, which is first", Understood("sooner", "pacbio", 1, ("nanopore",))),
        ("debhelper or CDBS first?", Understood("sooner", "debhelper", 1, ("CDBS",))),
        ("does UMAP or PCA come last?", Understood("sooner", "UMAP", -1, ("PCA",))),
        ("Safety and security first", Understood("time", "Safety and security first")),
        ("how long between paging and makefile?", Understood("duration", "paging", 0, ("makefile",))),
        ("how much time passes from the quiz to UMAP?", Understood("duration", "quiz", 0, ("UMAP",))),
        ("does 09-struct come after 08-union?", Understood("yes-no", "09-struct", -1, ("08-union",))),
    ],
)  # fmt: skip
def test_which_of_two_comes_sooner(question: str, expected: Understood) -> None:
    assert understand(question) == expected


@pytest.mark.parametrize(
    "question",
    ["is UMAP mentioned before 5:00?", "is there a slide about PCA before the break?", "is 'Before we start' shown?",
     "does the lecture talk about what happens before training?", "is Cleaning before analysis shown?"],
)  # fmt: skip
def test_a_word_before_makes_no_two_topics(question: str) -> None:
    assert not understand(question).others


@pytest.mark.parametrize(
    ("question", "span"),
    [
        ("what is shown in the last two minutes?", (880.0, 1000.0)),
        ("in the last two minutes what is shown", (880.0, 1000.0)),
        ("last minute?", (940.0, 1000.0)), ("during the first 3 minutes", (0.0, 180.0)),
        ("what happens in the first couple of minutes", (0.0, 120.0)),
    ],
)  # fmt: skip
def test_stretches_at_the_edges(question: str, span: tuple[float, float]) -> None:
    assert span_seconds(question, 1000.0) == span
    assert (understand(question).kind, understand(question).topic) == ("open", None)


@pytest.mark.parametrize(
    ("question", "kind", "topic", "span"),
    [
        ("in the first five minutes, is PCA shown?", "yes-no", "PCA", (0.0, 300.0)),
        ("is there anything about PCA in the last minute?", "yes-no", "PCA", (3540.0, 3600.0)),
        ("between 2:00 and 3:00, is PCA shown?", "yes-no", "PCA", (120.0, 180.0)),
        ("from 2:00 to 5:00, when is PCA shown?", "time", "PCA", (120.0, 300.0)),
        ("when is PCA shown after 10:00?", "time", "PCA", (600.0, 3600.0)),
        ("is PCA mentioned before 5:00?", "yes-no", "PCA", (0.0, 300.0)),
        ("does he mention PCA after 20 minutes?", "yes-no", "PCA", (1200.0, 3600.0)),
        ("when does PCA first appear after minute 10?", "nth", "PCA", (600.0, 3600.0)),
        ("is PCA shown in the second half?", "yes-no", "PCA", (1800.0, 3600.0)),
        ("which slides mention PCA in the last third of the lecture?", "time", "PCA", (2400.0, 3600.0)),
        ("how often is PCA shown between 1:00 and 10:00?", "count", "PCA", (60.0, 600.0)),
        ("how many slides are there in the first half?", "count", None, (0.0, 1800.0)),
        ("is PCA shown at 1:02:00?", "yes-no", "PCA", (3720.0, 3721.0)),
        ("is PCA shown before the 10 minute mark", "yes-no", "PCA", (0.0, 600.0)),
        ("is PCA shown after 1 hour and 5 minutes?", "yes-no", "PCA", (3900.0, 3900.0)),
        ("is there anything about a value between 0 and 1?", "yes-no", "value between 0 and 1", None),
        ("is the cost reduced by 20 minutes?", "yes-no", "cost reduced by 20 minutes", None),
        ("is the gap at 5 s?", "yes-no", "gap at 5 s", None),
        ("is PCA shown?", "yes-no", "PCA", None),
        ("quiz in the last 3 minutes", "time", "quiz", (3420.0, 3600.0)),
        ("list everything shown after 15 minutes", "outline", None, (900.0, 3600.0)),
        ("what comes after 10:00?", "after", "10:00", None),
        ("is the exam by 5:00 pm?", "yes-no", "exam by 5:00 pm", None),
        ("is PCA shown before t-SNE?", "yes-no", "PCA", None),
        ("is the second half-life shown?", "yes-no", "second half-life", None),
    ],
)  # fmt: skip
def test_the_stretch_to_which_a_question_is_limited(
    question: str, kind: str, topic: str | None, span: tuple[float, float] | None
) -> None:
    wanted = understand(question)
    assert (wanted.kind, wanted.topic) == (kind, topic)
    assert stretch_seconds(wanted.stretch, 3600.0) == span


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("how long is it shown?", Understood("duration", "it")), ("how long is it?", Understood("duration", None)),
        ("how long is this slide on screen?", Understood("duration", "this")),
        ("how long is t-SNE on screen in total?", Understood("duration", "t-SNE")),
        ("how long is that derivation shown?", Understood("duration", "that derivation")),
        ("What is closing?", Understood("open", None)),
        ("last meeting minutes", Understood("time", "last meeting minutes")),
        ("and nanopore?", Understood("time", "nanopore")), ("which slide comes third?", Understood("nth", None, 3)),
        ("go to slide 12", Understood("nth", None, 12)),
    ],
)  # fmt: skip
def test_short_and_further_questions(question: str, expected: Understood) -> None:
    assert understand(question) == expected


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("read the slide Choosing the number of PCs", "Choosing the number of PCs"),
        ("what does the slide about PacBio say?", "PacBio"), ("what does slide 24 say?", None),
        ("read the slide at 0:30", None), ("read slide 7", None), ("read page 99", None),
        ("read the slide again", None),
        ("can you read the slide for me", None), ("what do the slides about Bayes say?", "Bayes"),
    ],
)  # fmt: skip
def test_which_slide_is_to_be_read(question: str, topic: str | None) -> None:
    assert wish(question) == "text" and subject(question) == topic
