"""Questions to the bundled checkpoint about a small lecture whose truth is known, from the file to the answer."""

import errno
import importlib.resources
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import jsonschema
import pytest
from av.video.frame import PictureType, VideoFrame

from tests.tasks.saying import spelt
from tests.tinynet import SMALL
from vamba_cli import api
from vamba_cli.cli.demo import SLIDES
from vamba_cli.engine import session, store
from vamba_cli.engine.events import AnswerText, EncodeProgress, Event, Notice, Stage
from vamba_cli.engine.generate import Generated
from vamba_cli.errors import MediaError, MemoryBudgetError, ModelError, UsageError
from vamba_cli.media.frames import FrameChunk, FrameReader
from vamba_cli.media.slideshow import write_slideshow
from vamba_cli.results import AskResult, Evidence
from vamba_cli.settings import Settings
from vamba_cli.tasks import reading, slides, watched
from vamba_cli.tasks.outline import Heading
from vamba_cli.train.export import config_json

SHOWN = {"How Neural Networks Learn": (0, 10), "Overfitting": (10, 22), "The Learning Rate": (22, 30)}
FILES = ("how_neural_networks_learn.png", "overfitting.png", "learning_rate.png")
WHEN = [f"when is {title} introduced?" for title in SHOWN]
MANY_WORDS = " ".join(f"word{number}" for number in range(50))
QUICK = Settings(longest_edge=112)  # pictures too small to read, where the words do not matter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place for videos, and a cache of its own, which lasts for all tests of this file."""
    folder = tmp_path_factory.mktemp("ask")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def lecture(folder: Path) -> Path:
    path = folder / "lecture.mp4"
    durations = [end - start for start, end in SHOWN.values()]
    write_slideshow(path, [SLIDES / name for name in FILES], durations, fps=2)
    return path


@pytest.fixture(scope="module")
def first(lecture: Path) -> AskResult:
    """The answers of the call that encodes the video."""
    return api.ask(lecture, WHEN, Settings())


def overlap_seconds(span: Evidence, truth: tuple[int, int]) -> float:
    return min(span.end_seconds, truth[1]) - max(span.start_seconds, truth[0])


def folder_of_memories(folder: Path) -> list[Path]:
    return sorted((folder / "cache" / "vamba" / "memories").iterdir())


# --- the answers


def test_when_is_answered_with_the_slides_time(first: AskResult) -> None:
    for answer, (title, truth) in zip(first.answers, SHOWN.items(), strict=True):
        best = answer.evidence[0]
        assert overlap_seconds(best, truth) >= 0.5 * (best.end_seconds - best.start_seconds) > 0
        assert overlap_seconds(best, truth) >= 0.5 * (truth[1] - truth[0])
        assert title.removeprefix("The ") in answer.answer
        assert 0.5 <= best.score <= 1
        assert all(0 <= span.start_seconds < span.end_seconds <= 30.5 for span in answer.evidence)


def test_what_is_not_there_is_not_found(lecture: Path, first: AskResult) -> None:
    absent = ["when is photosynthesis explained?", "Is the French Revolution mentioned?", "quantum chromodynamics"]
    for question, answer in zip(absent, api.ask(lecture, absent, Settings()).answers, strict=True):
        assert answer.question == question
        assert answer.evidence == ()
        assert "not found" in answer.answer


def test_what_is_not_seen_is_not_denied(lecture: Path, first: AskResult) -> None:
    asked = ["is there a photo of a person?", "is photosynthesis shown?", "how many diagrams are there?"]
    photo, word, number = (answer.answer for answer in api.ask(lecture, asked, Settings()).answers)
    assert photo.startswith("“photo of a person” was not found in writing; pictures themselves are not seen.")
    assert word.startswith("No: ")
    assert number.startswith("“diagrams” was not found in writing")


def test_yes_with_its_time(lecture: Path, first: AskResult) -> None:
    (answer,) = api.ask(lecture, ["Is there a slide about overfitting?"], Settings()).answers
    assert answer.answer.startswith(("Yes", "Perhaps"))
    assert overlap_seconds(answer.evidence[0], SHOWN["Overfitting"]) > 5


def test_what_the_model_cannot_do_is_said_once(lecture: Path, first: AskResult) -> None:
    """And of letters that it does not know, or of another language, it says so."""
    asked = [
        "is photosynthesis shown?",
        "when is krebs cycle introduced?",
        "反向传播",
        "¿Cuándo se explica overfitting?",
    ]
    answers = [answer.answer for answer in api.ask(lecture, asked, Settings()).answers]
    assert [text.count("--model vamba-qwen2-vl-7b") for text in answers] == [1, 0, 0, 0]
    assert answers[1] == "“krebs cycle” was not found in the text of this video."
    assert "reads Latin letters alone" in answers[2]
    assert "Ask in English" in answers[3]
    opened = api.OpenVideo(lecture, Settings())
    told = [opened.ask([question])[0].answer for question in asked[:2]]
    assert [text.count("--model vamba-qwen2-vl-7b") for text in told] == [1, 0]


def test_when_it_ends_and_how_long_it_takes_to_come(lecture: Path, first: AskResult) -> None:
    end, wait = api.ask(
        lecture, ["until when is overfitting shown?", "how long until overfitting?"], Settings()
    ).answers
    assert end.answer.startswith("Until 0:2") and wait.answer.startswith("After 0:1")


def test_questions_about_two_topics(lecture: Path, first: AskResult) -> None:
    asked = ["compare overfitting with the learning rate", "is overfitting shown before the learning rate?"]
    both, sooner = api.ask(lecture, asked, Settings()).answers
    assert [line.split(" is on screen")[0] for line in both.answer.splitlines()] == ["“overfitting”", "“learning rate”"]
    assert sooner.answer.startswith("Yes: “overfitting” comes first, at 0:")
    for answer in (both, sooner):
        for span, title in zip(answer.evidence, ("Overfitting", "The Learning Rate"), strict=True):
            assert overlap_seconds(span, SHOWN[title]) > 5


def test_a_title_with_both_topics_comes_first(lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch) -> None:
    heading = Heading(2, 3, "Overfitting vs. the learning rate", 0.99)
    monkeypatch.setattr(slides, "read_outline", lambda *_: [heading])
    (answer,) = api.ask(lecture, ["which slide compares overfitting and the learning rate?"], Settings()).answers
    told = [line.split(" is on screen")[0] for line in answer.answer.splitlines()]
    assert told == ["“Overfitting vs. the learning rate”", "“overfitting”", "“learning rate”"]
    assert len(answer.evidence) == 3


def test_a_title_with_a_letter_wrong_and_one_of_several(lecture: Path, first: AskResult) -> None:
    asked = ["when is Overfiting shown?", "when is the first overfitting", "when is the second overfitting"]
    wrong, one, two = api.ask(lecture, asked, Settings()).answers
    for answer in (wrong, one):
        assert overlap_seconds(answer.evidence[0], SHOWN["Overfitting"]) > 5
    assert two.answer.startswith("“overfitting” was found on 1 slide only")


def test_titles_that_number_things(lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is the one with this number, wherever it stands; where none has it, they are counted."""
    titles = ["Practical session 2: Overfitting", "Practical session 1", "The Learning Rate"]
    headings = [Heading(3 * place, 3 * place + 3, title, 0.99) for place, title in enumerate(titles)]
    for module in (slides, watched):
        monkeypatch.setattr(module, "read_outline", lambda *_: headings)
    asked = ["how long is the first practical session?", "which comes first, UMAP or the 2nd practical session?"]
    long, sooner = api.ask(lecture, asked, Settings()).answers
    assert long.answer.startswith("“Practical session 1” is on screen in titles")
    assert sooner.answer.startswith("“Practical session 2: Overfitting” is at 0:00")
    (read,) = api.ask(lecture, ["read the second practical session slide"], Settings()).answers
    assert "“Practical session 2: Overfitting”" in read.answer
    (many,) = api.ask(lecture, ["how many practical sessions are there?"], Settings()).answers
    assert many.answer.startswith("Titles number “practical sessions” 1 and 2. 2 slides with “practical sessions”")
    for question in ("when is the 3rd practical session?", "is there a third practical session?"):
        (absent,) = api.ask(lecture, [question], Settings()).answers
        assert absent.outcome == "not_found"


def test_what_is_to_be_read_is_looked_for(lecture: Path, first: AskResult) -> None:
    title, everything, topic = api.ask(
        lecture, ["read the title", "read everything", "read overfitting"], Settings()
    ).answers
    assert "How Neural Networks Learn" in title.answer
    assert everything.answer.startswith("This question was not understood") and not everything.evidence
    assert overlap_seconds(topic.evidence[0], SHOWN["Overfitting"]) > 5


def test_the_end_is_on_screen_until_the_clock_says_so(lecture: Path, first: AskResult) -> None:
    """The lecture has 30 seconds; its last pair of frames ends at 28."""
    last, out = api.ask(lecture, ["what is on screen at 0:30?", "what is on screen at 0:45?"], Settings()).answers
    assert overlap_seconds(last.evidence[0], SHOWN["The Learning Rate"]) > 3
    assert out.answer.startswith("0:45 is outside of what was looked at") and out.evidence == ()


def test_a_slash_in_a_title_parts_no_lines(lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "generate", lambda *_, **__: spelt(("Input / Output", 0.99)))
    (answer,) = api.ask(lecture, ["what is on screen at 0:15?"], Settings()).answers
    assert answer.answer.startswith("“Input / Output” is on screen at ")


def test_a_title_that_is_read_unclearly_is_no_fact(
    lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "read_slide", lambda *_: Generated("https://truthuted.com", 0.73))
    (answer,) = api.ask(lecture, ["what is on screen at 0:15?"], Settings()).answers
    assert "could not be read clearly (perhaps “https://truthuted.com”)" in answer.answer


def test_one_topic_or_another(lecture: Path, first: AskResult) -> None:
    """What is not found as one phrase is looked for piece by piece, and each piece has its own answer."""
    (answer,) = api.ask(lecture, ["Is overfitting or photosynthesis shown?"], Settings()).answers
    shown, absent = answer.answer.splitlines()
    assert shown.startswith(("Yes: “overfitting”", "Perhaps: “overfitting”"))
    assert absent.startswith("No: “photosynthesis” was not found")
    assert overlap_seconds(answer.evidence[0], SHOWN["Overfitting"]) > 5


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("read the last slide", "Rate"), ("what does the second slide say?", "Overfitting"),
        ("what is on screen at the end?", "Rate"), ("read the slide at the beginning", "Neural"),
        ("read the slide about overfitting", "Overfitting"), ("what does the overfitting slide say?", "Overfitting"),
        ("what comes after 0:12?", "Rate"), ("who wrote the slides?", "Neural"),
    ],
)  # fmt: skip
def test_slides_are_read_by_their_place_and_by_their_topic(
    lecture: Path, first: AskResult, question: str, title: str
) -> None:
    (answer,) = api.ask(lecture, [question], Settings()).answers
    truth = next(span for name, span in SHOWN.items() if title.casefold() in name.casefold())
    assert overlap_seconds(answer.evidence[0], truth) >= 0.7 * (truth[1] - truth[0])
    assert len(answer.answer) > 8 and "not found" not in answer.answer


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (spelt(("EXECS */ RF92", 0.58)), "(what it says could not be read clearly)"),
        (
            spelt(("Fits noise / ", 0.99), ("EXECS */ RF92 / Nr. 2 / ", 0.58), ("stop early", 0.95)),
            "Fits noise; […] stop early ([…] could not be read clearly)",
        ),
        (spelt(("Fits noise / stop early", 0.95)), "Fits noise stop early"),
        (spelt((MANY_WORDS, 0.95)), f"{MANY_WORDS} (the slide may say more)"),
        (
            spelt((f"Words {'and words ' * 31}", 0.95)),
            "Words and words […] ([…] could not be read clearly; the slide may say more)",
        ),
    ],
)
def test_lines_that_are_read_unclearly_are_not_told(
    lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch, words: Generated, told: str
) -> None:
    read = {"title?": spelt(("Overfitting", 0.99)), "whole text?": words}
    monkeypatch.setattr(reading, "generate", lambda _model, _tokenizer, _memory, question, **_: read[question])
    (answer,) = api.ask(lecture, ["read the slide at 0:15"], Settings()).answers
    assert answer.answer == f"“Overfitting”: {told}"


def test_the_number_of_a_page_is_not_what_it_says(
    lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"title?": spelt(("Overfitting", 0.99)), "whole text?": spelt(("6", 0.99))}
    monkeypatch.setattr(reading, "generate", lambda _model, _tokenizer, _memory, question, **_: read[question])
    (answer,) = api.ask(lecture, ["read the slide at 0:15"], Settings()).answers
    assert answer.answer.startswith("“Overfitting” is on screen at 0:1")


def test_titles_with_words_of_the_same_stem_are_named(lecture: Path, first: AskResult) -> None:
    asked = ["when are networking learners shown?", "are networking learners shown?"]
    near, denied = api.ask(lecture, asked, Settings()).answers
    assert "was not found" in near.answer and near.answer.endswith("similar words: “How Neural Networks Learn” (0:00).")
    assert denied.answer.startswith("No: ") and "similar" not in denied.answer
    assert near.evidence == denied.evidence == ()


def test_a_slide_that_is_not_there(lecture: Path, first: AskResult) -> None:
    for question in ("read slide 99", "what is on slide 99?"):
        (answer,) = api.ask(lecture, [question], Settings()).answers
        assert answer.answer.startswith("There is no such title: 3 titles were read") and not answer.evidence


def test_topics_of_a_stretch_with_one_end(lecture: Path, first: AskResult) -> None:
    late, early = api.ask(lecture, ["which topics come after 0:24?", "list the slides before 0:08"], Settings()).answers
    assert [len(answer.answer.splitlines()) for answer in (late, early)] == [1, 1]
    assert overlap_seconds(late.evidence[0], SHOWN["The Learning Rate"]) > 3
    assert overlap_seconds(early.evidence[0], SHOWN["How Neural Networks Learn"]) > 3


def test_questions_that_are_limited_to_a_stretch(lecture: Path, first: AskResult) -> None:
    asked = [
        "is overfitting shown after 0:12?",
        "is overfitting shown before 0:08?",
        "between 0:24 and 0:29, when is overfitting shown?", "is overfitting shown at 0:15?",
        "is photosynthesis shown before 0:08?", "how many slides are there in the second half?",
        "how often is overfitting shown before 0:08?",
    ]  # fmt: skip
    later, early, between, at, absent, half, often = api.ask(lecture, asked, Settings()).answers
    assert later.answer.startswith("Yes: “overfitting” is on screen as a title at 0:1") and later.evidence
    assert early.answer.startswith("No, not at 0:00–0:08: “overfitting” is on screen as a title at 0:1")
    assert between.answer.startswith("Not at 0:24–0:29: “overfitting” is on screen as a title at 0:1")
    assert at.answer.startswith("Yes: ") and at.evidence
    assert early.evidence == between.evidence == absent.evidence == ()
    assert absent.answer.startswith("No: “photosynthesis” was not found")
    assert half.answer.startswith("At 0:15–0:30: 2 titled parts")
    assert often.answer.startswith("At 0:00–0:08: “overfitting” was not found.")


def test_both_topics(lecture: Path, first: AskResult) -> None:
    (answer,) = api.ask(lecture, ["are both overfitting and photosynthesis shown?"], Settings()).answers
    shown, absent = answer.answer.splitlines()
    assert "“overfitting”" in shown and absent.startswith("No: “photosynthesis” was not found")


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("is Overfitting shown?", "answered"),
        ("how long is the video?", "answered"),
        ("which comes first, Overfitting or The Learning Rate?", "answered"),
        ("is Overfitting or Photosynthesis shown?", "answered"),
        ("is Photosynthesis shown?", "not_found"),
        ("is How to choose leaves shown?", "not_found"),
        ("when do leaves look better than flowers?", "cannot_answer"),
        ("is Overfitting shown after 0:25?", "not_found"),
        ("what comes after The Learning Rate?", "not_found"),
        ("what is slide 9?", "not_found"),
        ("what is on screen at 5:00?", "not_found"),
        ("which comes first, Overfitting or Photosynthesis?", "not_found"),
        ("is it shown?", "cannot_answer"),
        ("what comes next?", "cannot_answer"),
        ("is this lecture boring?", "cannot_answer"),
        ("who is the speaker?", "answered"),
        ("who likes it?", "cannot_answer"),
    ],
)
def test_a_script_can_tell_what_was_found(lecture: Path, first: AskResult, question: str, outcome: str) -> None:
    (answer,) = api.ask(lecture, [question], Settings()).answers
    assert answer.outcome == outcome, answer.answer


def test_the_title_is_read(lecture: Path, first: AskResult) -> None:
    (answer,) = api.ask(lecture, ["What is the title?"], Settings()).answers
    assert "neural networks" in answer.answer.lower()


def test_the_outline_has_every_slide_in_order(lecture: Path, first: AskResult) -> None:
    asked = ["list the topics", "what are the last two slides?", "list the first 2 titles"]
    answer, late, early = api.ask(lecture, asked, Settings()).answers
    lines = answer.answer.splitlines()
    assert late.answer.splitlines() == lines[1:] and early.answer.splitlines() == lines[:2]
    assert len(lines) == len(answer.evidence) == 3
    assert [span.start_seconds for span in answer.evidence] == pytest.approx([0, 10, 22], abs=4)
    (rest,) = api.ask(lecture, ["list everything shown after 15 seconds"], Settings()).answers
    assert rest.answer.splitlines() == lines[1:]
    assert "verfitting" in lines[1]


def test_without_evidence_nothing_is_searched(lecture: Path, first: AskResult) -> None:
    events: list[Event] = []
    answers = api.ask(lecture, [WHEN[1], "what is the title?"], Settings(evidence=False), events.append).answers
    assert not [event for event in events if isinstance(event, Stage) and event.name == "search"]
    assert answers[0].evidence == ()
    assert all(answer.answer for answer in answers)


# --- once encoded, often asked


def test_the_second_call_decodes_nothing_and_says_the_same(
    lecture: Path, first: AskResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the video is decoded again")

    monkeypatch.setattr(session, "FrameReader", refuse)
    second = api.ask(lecture, WHEN, Settings())
    assert second.from_cache and not first.from_cache
    assert second.answers == first.answers
    assert (second.num_frames, second.num_video_tokens) == (first.num_frames, first.num_video_tokens)
    assert second.timing.encode_seconds == 0 < first.timing.encode_seconds
    with pytest.raises(AssertionError, match="decoded again"):  # with other frames it must be
        api.ask(lecture, WHEN, Settings(fps=1.0))
    with pytest.raises(AssertionError, match="decoded again"):
        api.ask(lecture, WHEN, Settings(cache=False))


def test_a_renamed_video_keeps_its_memory_and_a_changed_one_loses_it(lecture: Path, first: AskResult) -> None:
    renamed = lecture.with_name("renamed.mp4")
    renamed.write_bytes(lecture.read_bytes())
    assert api.inspect(renamed, Settings()).cached
    renamed.write_bytes(lecture.read_bytes() + b"\0\0\0\x08free")  # an empty box: the same pictures, another file
    assert not api.inspect(renamed, Settings()).cached
    os.utime(lecture)
    assert api.inspect(lecture, Settings()).cached


def test_every_setting_that_changes_the_memory_changes_its_name(lecture: Path, first: AskResult) -> None:
    assert api.inspect(lecture, Settings()).cached
    assert api.inspect(lecture, Settings(seed=7, temperature=1.0, max_new_tokens=5, chunk_frames=4)).cached
    others: list[dict[str, Any]] = [
        {"fps": 1.0}, {"frames": 6}, {"start_seconds": 2.0}, {"end_seconds": 20.0}, {"longest_edge": 560},
        {"static_tolerance": 0.0}, {"dtype": "bfloat16"}, {"random_weights": True}, {"max_frames": 4},
        {"weight_dtype": "int8"}, {"kv_dtype": "fp8"}, {"token_keep": 0.5},
    ]  # fmt: skip
    for other in others:
        assert not api.inspect(lecture, Settings(**other)).cached, other


def test_savings_that_are_exact_change_nothing(lecture: Path, first: AskResult) -> None:
    """One part of the network after the other, and keys and values beside a GPU that is not here."""
    events: list[Event] = []
    settings = Settings(split=True, kv_offload=True, cache=False)
    model = api.OpenModel(settings)
    again = api.ask(lecture, WHEN, settings, events.append, model)
    assert again.answers == first.answers and again.model == first.model
    assert api.ask(lecture, WHEN[:1], settings, model=model).answers == first.answers[:1]  # and back to the first part
    savings = api.inspect(lecture, settings).savings
    assert savings.split and not savings.kv_offload
    cached = api.ask(lecture, WHEN[:1], replace(settings, cache=True))
    assert cached.from_cache and cached.answers == first.answers[:1]  # the video part was never loaded


@pytest.mark.parametrize(
    ("changed", "dtype"),
    [
        ({"weight_dtype": "int8"}, "float32+int8-weights"),
        ({"weight_dtype": "fp8"}, "float32+fp8-weights"),
        ({"kv_dtype": "int8"}, "float32+int8-kv"),
        ({"kv_dtype": "fp8", "weight_dtype": "int4", "split": True}, "float32+int4-weights+fp8-kv"),
        ({"token_keep": 0.75}, "float32"),
    ],
)
def test_rounded_models_still_read(lecture: Path, first: AskResult, changed: dict[str, Any], dtype: str) -> None:
    settings = Settings(**changed)
    result = api.ask(lecture, WHEN, settings)
    assert result.model.dtype == dtype and not result.from_cache
    assert api.ask(lecture, WHEN[:1], settings).from_cache
    share = result.num_video_tokens / first.num_video_tokens
    assert share == pytest.approx(changed.get("token_keep", 1.0), abs=0.01)
    if "token_keep" in changed:  # letters with holes in them are not read
        return
    right = sum(
        bool(answer.evidence) and overlap_seconds(answer.evidence[0], truth) > 0
        for answer, truth in zip(result.answers, SHOWN.values(), strict=True)
    )
    assert right >= 2  # of three: int4 may cost one


def test_the_last_frame_of_an_odd_number_is_looked_at(lecture: Path) -> None:
    """Eleven frames, of which only the last shows the last slide."""
    part = Settings(start_seconds=12.0, end_seconds=23.0, fps=1.0)
    result = api.ask(lecture, ["what is on screen at 0:22?"], part)
    assert "Learning Rate" in result.answers[0].answer and result.num_frames == 12
    assert api.inspect(lecture, part).num_frames == 12


def test_what_was_saved_on_is_told_and_can_be_forbidden(lecture: Path) -> None:
    limit = (api.inspect(lecture, Settings(chunk_frames=8)).peak_bytes - 1) / 2**30
    saved = api.inspect(lecture, Settings(memory_limit_gib=limit, chunk_frames=8))
    (note,) = [warning for warning in saved.warnings if "to stay within" in warning]
    assert "(--no-split forbids it)" in note and saved.savings.split
    forbidden = api.inspect(lecture, Settings(memory_limit_gib=limit, chunk_frames=8, split=False))
    assert not forbidden.savings.split and forbidden.savings.kv_dtype == "int8"


def test_a_damaged_memory_is_made_again(lecture: Path, folder: Path) -> None:
    settings = replace(QUICK, end_seconds=8.0)
    before = set(folder_of_memories(folder)) if (folder / "cache").exists() else set()
    whole = api.ask(lecture, WHEN[:1], settings)
    (file,) = set(folder_of_memories(folder)) - before
    file.write_bytes(file.read_bytes()[:-50])
    again = api.ask(lecture, WHEN[:1], settings)
    assert not again.from_cache and again.answers == whole.answers
    assert api.ask(lecture, WHEN[:1], settings).from_cache


def test_what_was_wrong_with_the_pictures_is_said_from_the_cache_too(lecture: Path, tmp_path: Path) -> None:
    data = bytearray(lecture.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = b"\xff" * 4000  # in the pictures
    (tmp_path / "scratched.mp4").write_bytes(data)
    runs = []
    for _ in range(2):
        events = list[Event]()
        result = api.ask(tmp_path / "scratched.mp4", WHEN[:1], QUICK, events.append)
        assert any("damaged frames were skipped" in warning for warning in result.warnings)
        runs.append((result.from_cache, result.warnings, [event for event in events if isinstance(event, Notice)]))
    fresh, kept = runs
    assert (fresh[0], kept[0]) == (False, True) and fresh[1:] == kept[1:]


def test_a_full_disk_costs_no_answer(lecture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "save_memory", full)
    settings, events = replace(QUICK, end_seconds=6.0), list[Event]()
    result = api.ask(lecture, WHEN[:1], settings, events.append)
    assert result.answers[0].answer and not result.from_cache
    assert "No space left on device" in result.warnings[-1]
    assert Notice(result.warnings[-1]) in events
    assert not api.inspect(lecture, settings).cached


def test_a_small_cache_is_said_and_costs_no_answer(lecture: Path) -> None:
    result = api.ask(lecture, WHEN[:1], replace(QUICK, end_seconds=5.0, cache_limit_gib=0.0))
    assert result.answers[0].answer
    assert "above the cache's limit" in result.warnings[-1]


def test_without_cache_nothing_is_written(lecture: Path, folder: Path, first: AskResult) -> None:
    before = folder_of_memories(folder)
    assert not api.ask(lecture, WHEN[:1], replace(QUICK, end_seconds=4.0, cache=False)).from_cache
    assert folder_of_memories(folder) == before


# --- what else a result holds


def test_inspect_foretells_what_ask_does(lecture: Path, first: AskResult) -> None:
    info = api.inspect(lecture, Settings())
    assert (info.num_frames, info.num_video_tokens) == (first.num_frames, first.num_video_tokens)
    assert info.peak_bytes > info.memory_bytes > 0 and info.model == first.model
    assert (first.model.name, first.model.dtype, first.model.device) == ("tiny", "float32", info.model.device)


def test_the_documents_match_their_schema(lecture: Path, first: AskResult) -> None:
    for task, result in (("ask", first), ("info", api.inspect(lecture, Settings()))):
        text = importlib.resources.files("vamba_cli").joinpath(f"schemas/{task}.json").read_text()
        jsonschema.validate(json.loads(json.dumps(result.to_json())), json.loads(text))


def test_events_come_in_order(lecture: Path, folder: Path) -> None:
    events: list[Event] = []
    result = api.ask(lecture, WHEN[:2], replace(QUICK, cache=False), events.append)
    stages = [event.name for event in events if isinstance(event, Stage)]
    assert stages[:2] == ["load", "encode"]
    progress = [event for event in events if isinstance(event, EncodeProgress)]
    assert progress[-1].num_frames == progress[-1].total_frames == result.num_frames
    assert all(event.frames_per_second > 0 and event.memory_bytes > 0 for event in progress)
    texts = ["".join(e.text for e in events if isinstance(e, AnswerText) and e.index == index) for index in (0, 1)]
    assert texts == [answer.answer for answer in result.answers]


# --- what is refused


@pytest.mark.parametrize("questions", [[], [""], ["when?", " \t\n"], ["x" * 4001]])
def test_questions_that_are_not_allowed(folder: Path, questions: list[str]) -> None:
    with pytest.raises(UsageError, match="question"):  # known before the video is looked at
        api.ask(folder / "absent.mp4", questions, Settings())


def test_a_question_that_is_not_text_is_refused(folder: Path) -> None:
    """Bytes of another encoding on a command line arrive as lone surrogates, which no tokenizer takes."""
    with pytest.raises(UsageError, match="not text in UTF-8"):
        api.ask(folder / "absent.mp4", [os.fsdecode(b"Gr\xf6\xdfe?")], Settings())


def test_a_bad_file_is_known_before_weights_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("weights are read")

    monkeypatch.setattr("vamba_cli.api.models.load_ready", refuse)
    (folder / "notes.mp4").write_text("not a video")
    for name in ("notes.mp4", "absent.mp4"):
        with pytest.raises(MediaError, match=name):
            api.ask(folder / name, WHEN, Settings())


def test_too_little_memory_and_a_lower_rate(lecture: Path) -> None:
    with pytest.raises(MemoryBudgetError, match="this model needs"):
        api.ask(lecture, WHEN, Settings(memory_limit_gib=0.01))
    info = api.inspect(lecture, Settings(fps=2.0, chunk_frames=32))
    short = (info.peak_bytes - info.memory_bytes // 2) / 2**30
    smaller = api.inspect(lecture, Settings(fps=2.0, memory_limit_gib=short))
    assert smaller.num_frames == info.num_frames  # in smaller chunks
    assert smaller.peak_bytes <= short * 2**30
    plain = Settings(fps=2.0, chunk_frames=32, weight_dtype="full", kv_dtype="full", token_keep=1.0, split=False)
    fitted = api.inspect(lecture, replace(plain, memory_limit_gib=short))
    assert 2 <= fitted.num_frames < info.num_frames
    assert fitted.peak_bytes <= short * 2**30
    assert any("would not fit" in warning for warning in fitted.warnings)


# --- other models and other videos


@pytest.fixture
def chat_folder(tmp_path: Path) -> Path:
    """Config files of a small chat model, for random weights."""
    (tmp_path / "config.json").write_text(json.dumps(config_json(SMALL)))
    (tmp_path / "preprocessor_config.json").write_text("{}")
    return tmp_path


def test_a_chat_model_with_random_weights(lecture: Path, chat_folder: Path) -> None:
    settings = replace(QUICK, model=str(chat_folder), random_weights=True, fps=0.5, max_new_tokens=6)
    events: list[Event] = []
    result = api.ask(lecture, ["what is shown?", WHEN[0]], settings, events.append)
    assert any(isinstance(event, Notice) and "random" in event.message for event in events)
    pieces = "".join(event.text for event in events if isinstance(event, AnswerText) and event.index == 0)
    assert pieces.strip() == result.answers[0].answer
    again = api.ask(lecture, ["what is shown?", WHEN[0]], settings)
    assert again.from_cache and again.answers == result.answers


def test_random_models_of_other_sizes_do_not_share_a_memory(lecture: Path, chat_folder: Path) -> None:
    settings = replace(QUICK, model=str(chat_folder), random_weights=True, frames=2)
    api.ask(lecture, ["what is shown?"], settings)
    assert api.inspect(lecture, settings).cached
    (chat_folder / "preprocessor_config.json").write_text(json.dumps({"max_pixels": 784 * 4}))
    assert not api.inspect(lecture, settings).cached
    (chat_folder / "preprocessor_config.json").write_text("{}")
    (chat_folder / "config.json").write_text(json.dumps(config_json(replace(SMALL, num_layers=2))))
    assert not api.inspect(lecture, settings).cached
    assert not api.ask(lecture, ["what is shown?"], settings).from_cache


def test_an_unknown_profile_is_refused(lecture: Path, chat_folder: Path) -> None:
    (chat_folder / "vamba.json").write_text(json.dumps({"profile": "poet"}))
    with pytest.raises(ModelError, match="'poet' is not known"):
        api.inspect(lecture, Settings(model=str(chat_folder), random_weights=True))
    (chat_folder / "vamba.json").write_text(json.dumps({"profiel": "chat"}))
    with pytest.raises(ModelError, match="unknown key 'profiel'"):
        api.inspect(lecture, Settings(model=str(chat_folder), random_weights=True))


def test_a_single_picture_is_a_video(folder: Path) -> None:
    result = api.ask(SLIDES / "overfitting.png", ["when is overfitting shown?", "what is the title?"], Settings())
    assert result.num_frames == 2
    assert result.answers[0].evidence and "verfitting" in result.answers[1].answer


def write_still_slides(path: Path, shown: Sequence[tuple[str, float]], end_seconds: float) -> None:
    """A video of variable frame rate: one frame for each slide, however long it stands."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        pictures = [(picture(SLIDES / name), start) for name, start in shown]
        for frame, seconds in [*pictures, (picture(SLIDES / shown[-1][0]), end_seconds)]:
            frame.pts, frame.time_base = round(1000 * seconds), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def picture(path: Path) -> VideoFrame:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(640, 360, "yuv420p")
    frame.pict_type = PictureType.NONE
    return frame


def test_slides_that_stand_for_long_without_a_frame(folder: Path) -> None:
    """A slide that comes between the two frames of a pair starts when it comes, not when the one before it came."""
    path = folder / "stills.mkv"
    write_still_slides(path, [(FILES[0], 0.0), (FILES[1], 9.0), (FILES[2], 21.0)], 30.0)
    result = api.ask(path, WHEN, Settings(longest_edge=448))
    spans = [answer.evidence[0] for answer in result.answers]
    assert [span.start_seconds for span in spans] == pytest.approx([0, 9, 21], abs=0.1)
    assert [span.end_seconds for span in spans] == pytest.approx([9, 21, 30], abs=0.1)


def test_a_video_that_ends_early_has_no_evidence_behind_its_end(lecture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(FrameReader):
        """Stops after eight frames, as at the end of a download that broke off."""

        def __next__(self) -> FrameChunk:
            if self.num_decoded_frames >= 15:  # of two a second, where one in four is taken
                raise StopIteration
            return super().__next__()

    monkeypatch.setattr(session, "FrameReader", Short)
    settings = Settings(chunk_frames=4, cache=False, longest_edge=448)
    result = api.ask(lecture, ["when is overfitting introduced?"], settings)
    assert result.num_frames == 8
    (span,) = result.answers[0].evidence
    assert 8.0 <= span.start_seconds <= 12.0  # the pair from 8 to 12 shows a bit of both slides
    assert span.end_seconds == 16.0  # the first frame that is missing was wanted then
