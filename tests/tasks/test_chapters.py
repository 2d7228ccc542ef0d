"""Chapters: of a small lecture by the bundled checkpoint, and of made-up memories by a stand-in that talks."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.tinynet import SMALL, looks
from vamba_cli import api
from vamba_cli.cli.demo import SLIDES
from vamba_cli.engine.events import Event, Stage, VideoBegins, WindowsProgress, ignore
from vamba_cli.engine.generate import Generated
from vamba_cli.engine.scenes import Scene
from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.slideshow import write_slideshow
from vamba_cli.model.memory import VideoMemory
from vamba_cli.results import Chapter, Failure, VideoChapters
from vamba_cli.settings import Settings
from vamba_cli.subtitles import NO_SUBTITLES
from vamba_cli.tasks import chapters as task
from vamba_cli.tasks import describe as describing
from vamba_cli.tasks import outline
from vamba_cli.tasks.boundaries import Limits, choose
from vamba_cli.tasks.chapters import Wishes, find_chapters
from vamba_cli.tasks.outline import Reading
from vamba_cli.tasks.profiles import PROFILES
from vamba_cli.tasks.sections import dividers
from vamba_cli.train.export import config_json

SHOWN = {"How Neural Networks Learn": 0, "Overfitting": 10, "The Learning Rate": 22}
FILES = ("how_neural_networks_learn.png", "overfitting.png", "learning_rate.png")


@pytest.fixture(scope="module")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Thirty seconds, three slides, and a cache of its own."""
    folder = tmp_path_factory.mktemp("chapters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        write_slideshow(folder / "lecture.mp4", [SLIDES / name for name in FILES], (10, 12, 8), fps=2)
        yield folder / "lecture.mp4"


def covers(chapters: Sequence[Chapter], end_seconds: float) -> bool:
    """Ascending, without gaps, from 0 to the end."""
    return (
        chapters[0].start_seconds == 0
        and chapters[-1].end_seconds == pytest.approx(end_seconds, abs=1e-3)
        and all(a.end_seconds == b.start_seconds for a, b in pairwise(chapters))
        and all(chapter.start_seconds < chapter.end_seconds for chapter in chapters)
    )


# --- slides


def test_every_slide_is_a_chapter_with_its_title(lecture: Path) -> None:
    result = api.chapters(lecture, Settings())
    (item,) = result.items
    assert covers(item.chapters, item.video.duration_seconds) and item.video.duration_seconds == pytest.approx(30)
    assert [chapter.start_seconds for chapter in item.chapters] == pytest.approx(list(SHOWN.values()), abs=2)
    assert [chapter.title_source for chapter in item.chapters] == ["model"] * 3
    assert "verfitting" in item.chapters[1].title
    assert result.failures == () and item.curves == () and "curves" not in result.to_json()["items"][0]


def test_fewer_longer_and_what_else_they_show(lecture: Path) -> None:
    (item,) = api.chapters(lecture, Settings(), Wishes(count=2, summaries=True)).items
    assert len(item.chapters) == 2 and covers(item.chapters, 30)
    shows_more = [chapter.summary for chapter in item.chapters if chapter.summary and "Also shows “" in chapter.summary]
    assert len(shows_more) == 1
    (item,) = api.chapters(lecture, Settings(), Wishes(min_length_seconds=11)).items
    assert [c.start_seconds for c in item.chapters] == pytest.approx([0, 10], abs=2) or len(item.chapters) == 1
    (item,) = api.chapters(lecture, Settings(), Wishes(max_chapters=1)).items
    assert len(item.chapters) == 1


def test_what_was_not_looked_at_is_a_chapter_that_says_so(lecture: Path) -> None:
    (item,) = api.chapters(lecture, Settings(start_seconds=10.5, end_seconds=21)).items
    assert covers(item.chapters, 30)
    first, middle, last = item.chapters
    assert "verfitting" in middle.title
    assert (first.title, first.title_source) == ("(not looked at)", "unseen")
    assert last.title_source == "unseen" and last.start_seconds == 21  # where it was told to end


def test_a_question_gives_a_curve(lecture: Path) -> None:
    asked = ("when is overfitting  shown?", "what is the last slide?")
    (item,) = api.chapters(lecture, Settings(), Wishes(questions=asked)).items
    curve, other = item.curves
    assert curve.question == "when is overfitting shown?" and curve.answer.startswith("“overfitting” is on screen")
    assert "Learning Rate" in other.answer and other.spans == ()  # there is no topic to look for
    best = max(curve.spans, key=lambda span: span.score)
    assert 8 <= best.start_seconds <= 12


def test_many_videos_go_on_after_a_bad_one(lecture: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    events: list[Event] = []
    model = api.OpenModel(Settings())
    videos = [tmp_path / "bad.mp4", lecture, tmp_path / "gone.mp4"]
    bad, good, gone = api.chapters_of_each(videos, model, Wishes(), events.append)
    assert isinstance(bad, Failure) and bad.kind == "MediaError" and "bad.mp4" in bad.message
    assert isinstance(good, VideoChapters) and len(good.chapters) == 3
    assert isinstance(gone, Failure) and "does not exist" in gone.message
    begins = [event for event in events if isinstance(event, VideoBegins)]
    assert [(event.number, event.total) for event in begins] == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(MediaError):
        api.chapters(tmp_path / "bad.mp4", Settings())


@pytest.mark.parametrize(
    "wishes",
    [
        {"min_length_seconds": -1.0},
        {"min_length_seconds": float("nan")},
        {"count": 0},
        {"max_chapters": 0},
        {"count": 3, "max_chapters": 4},
    ],
)
def test_wishes_that_cannot_be(wishes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wishes))):
        Wishes(**wishes)


# --- readings to boundaries


def reading(start: float, end: float, title: str, probability: float = 1.0) -> Reading:
    return Reading(Scene(int(start), int(end), start, end), title, probability)


def rows(titles: Sequence[str], seconds: float = 10.0) -> list[Reading]:
    return [reading(i * seconds, (i + 1) * seconds, title) for i, title in enumerate(titles)]


def gains(*titles: str, seconds: float = 10.0, few: bool = False) -> list[float]:
    return task._gains_of_titles(rows(titles, seconds), few)


def test_a_boundary_is_worth_a_new_title() -> None:
    assert [gain > 0 for gain in gains("A slide", "A slide", "Another", "", "Another", "Third")] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert gains("A slide", "", seconds=100.0)[0] > 0  # so long without a title is a chapter of its own


def test_few_chapters_begin_where_parts_do() -> None:
    """And none is called by the agenda that opens it."""
    titles = ["Trees", "Outline", "Heaps", "Heaps (2)", "", "Outline", "Graphs", "Graphs", "Paths in graphs"]
    worth = gains(*titles, few=True)
    ends = [10.0 * (i + 1) for i in range(len(titles))]
    chosen = choose(ends[:-1], worth, 0.0, ends[-1], Limits(count=3))
    assert [titles[i + 1] for i in chosen] == ["Outline", "Outline"]
    assert [gain > 0 for gain in worth] == [gain > 0 for gain in gains(*titles)]
    agendas = dividers(titles)
    edges = [0, *(i + 1 for i in chosen), len(titles)]
    groups = [rows(titles)[first:stop] for first, stop in pairwise(edges)]
    assert [task._first_title(group, agendas) for group in groups] == ["Trees", "Heaps", "Graphs"]
    assert task._sentence(groups[1], "", agendas) == "Also shows “Heaps (2)”."


def test_a_title_that_changes_while_the_picture_moves_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    still, moving = Scene(0, 8, 0, 16), Scene(8, 16, 16, 32, still=False)
    profile = PROFILES["slides"]
    said = [Generated("Gradients", 0.98), Generated("Gradlents", 0.95)]
    assert outline._reading(still, said[:1], profile).title == "Gradients"
    assert outline._reading(moving, said, profile).title == "Gradients"
    assert outline._reading(moving, [said[0], Generated("12:31:07", 0.98)], profile).title == ""
    assert outline._reading(moving, [said[0], Generated("(no title)", 0.98)], profile).title == ""
    unclear = outline._reading(still, [Generated("15-uasi71", 0.88)], profile)
    clear = outline._reading(still, [Generated("15-uas171", 0.95)], profile)
    other = outline._reading(still, [Generated("16-uas172", 0.98)], profile)
    assert [one.title for one in outline._clear([other, unclear, other])] == ["16-uas172", "", "16-uas172"]
    address = outline._reading(still, [Generated("drawn from: https://docs.g", 0.94)], profile)
    assert [one.title for one in outline._clear([other, address])] == ["16-uas172", ""]
    assert [one.title for one in outline._clear([unclear, clear, other])] == ["15-uas171", "15-uas171", "16-uas172"]
    assert outline._reading(still, [], profile).title == ""
    looping = Generated("Part 3 and Part 3 and Part 3 and Part", 0.98)
    assert outline._reading(still, [looping], profile).title == "Part 3 and"
    assert outline._windows(still, 1) == [(1, 2)] and outline._windows(moving, 1) == [(4, 5), (7, 8)]


def test_a_heading_is_what_is_read_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures whose headings have the topic come first; the others mention it, however likely the search was."""
    titles = ["This course", "(no title)", "Illumina sequencing", "Ilumina - limitations"]
    monkeypatch.setattr(outline, "scenes", lambda memory, threshold: [(i, i + 1) for i in range(4)])
    monkeypatch.setattr(outline, "settled", lambda memory, runs, threshold: [(run, run) for run in runs])
    monkeypatch.setattr(outline, "read", lambda session, question, spans: [Generated(titles[a], 1.0) for a, _ in spans])
    session: Any = SimpleNamespace(memory=None)
    spans = [ScoredSpan(0, 1, 0.99, True), ScoredSpan(1, 3, 0.98, True), ScoredSpan(3, 4, 0.97, True)]
    checked = outline.as_read(session, PROFILES["slides"], "Illumina", [*spans, ScoredSpan(2, 3, 0.6)])
    assert [(span.first, span.stop, span.heading) for span in checked] == [
        (2, 3, True), (3, 4, True), (0, 1, False), (1, 2, False), (2, 3, False)
    ]  # fmt: skip
    assert outline.as_read(session, PROFILES["chat"], "Illumina", spans) == spans
    # what turns out to be a mention is no better for having been called a heading
    weak = [ScoredSpan(0, 1, 0.55, True), ScoredSpan(1, 2, 0.56, True), ScoredSpan(2, 3, 0.99)]
    assert [span.first for span in outline.as_read(session, PROFILES["slides"], "Illumina", weak)] == [2, 1, 0]


# --- a model that talks


class Talker:
    """Answers about each window with the next of its words."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)
        self.requests: list[str] = []
        self.windows: list[tuple[int, int]] = []

    def __call__(self, _m: Any, _t: Any, _v: Any, request: str, windows: Sequence[Any], *_: Any) -> list[Generated]:
        self.requests.append(request)
        self.windows += windows
        return [Generated(self.words[i % len(self.words)], 1.0) for i in range(len(windows))]


@pytest.fixture
def film() -> Any:
    """Four minutes, a pair every four seconds; another place after each minute."""
    generator = torch.Generator().manual_seed(0)
    features = torch.eye(16).repeat_interleave(15, 0)[:60] + 0.1 * torch.randn(60, 16, generator=generator)
    changes = [90.0] * 120
    cuts = [i % 30 == 0 for i in range(120)]
    seen = looks([2.0 * i for i in range(120)], changes=changes, cuts=cuts, features=features)
    rows = (torch.zeros(60, 1, 1),)
    memory = VideoMemory(rows, rows, 1, seen, 240.0, num_tokens=60)
    ready = SimpleNamespace(model=None, tokenizer=None, folder=SimpleNamespace(profile="chat"))
    info = SimpleNamespace(duration_seconds=240.5)
    return SimpleNamespace(ready=ready, memory=memory, subtitles=NO_SUBTITLES, prospect=SimpleNamespace(info=info))


def test_shots_become_chapters_with_titles_of_their_windows(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(
        'Title: "In the street."', "At home", "in the office", "on a boat and on a boat and on a boat and on"
    )
    monkeypatch.setattr(describing, "generate_each", talker)
    chapters = find_chapters(film, Wishes(), ignore)
    assert [chapter.start_seconds for chapter in chapters] == [0, 60, 120, 180]
    assert covers(chapters, 240.5)
    assert [c.title for c in chapters] == ["In the street", "At home", "in the office", "on a boat and"]
    assert talker.windows == [(0, 15), (15, 30), (30, 45), (45, 60)]
    assert talker.requests == [PROFILES["chat"].title_request]


def test_neighbours_with_one_title_are_one_chapter(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describing, "generate_each", Talker("At home", "At home", "At sea", ""))
    chapters = find_chapters(film, Wishes(), ignore)
    assert [(c.start_seconds, c.title) for c in chapters] == [(0, "At home"), (120, "At sea"), (180, "3:00–4:00")]
    assert chapters[-1].title_source == "time"
    counted = find_chapters(film, Wishes(count=4), ignore)  # the number that was asked for stays
    assert len(counted) == 4


def test_a_sentence_about_each(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker("A man walks. A man walks. A man walks. A man")
    monkeypatch.setattr(describing, "generate_each", talker)
    chapters = find_chapters(film, Wishes(summaries=True, count=2), ignore)
    assert [chapter.summary for chapter in chapters] == ["A man walks."] * 2
    assert talker.requests[-1] == PROFILES["chat"].sentence_request


def test_what_is_said_in_a_part_goes_into_its_prompt(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vamba_cli.subtitles import Line, Subtitles

    asked: list[tuple[str, tuple[int, int]]] = []

    def generate(_m: Any, _t: Any, _v: Any, prompt: str, *, window: tuple[int, int], max_new_tokens: int) -> Generated:
        asked.append((prompt, window))
        return Generated(f"part {len(asked)}", 1.0)

    monkeypatch.setattr(describing, "generate", generate)
    film.subtitles = Subtitles((Line(70, 74, "We are at home now."),), "film.srt")
    events: list[Event] = []
    chapters = find_chapters(film, Wishes(), events.append)
    assert [chapter.title for chapter in chapters] == ["part 1", "part 2", "part 3", "part 4"]
    assert ["at home now" in prompt for prompt, _ in asked] == [False, True, False, False]
    assert [event.num_windows for event in events if isinstance(event, WindowsProgress)] == [1, 2, 3, 4]
    assert any(isinstance(event, Stage) and event.name == "name" for event in events)


@pytest.mark.parametrize("lines", ["", "1\n00:00:11,000 --> 00:00:14,000\nToo many parameters.\n"])
def test_a_model_that_talks_from_the_file_to_the_chapters(lecture: Path, tmp_path: Path, lines: str) -> None:
    """Random weights say nothing of sense, but must come through all the same."""
    (tmp_path / "config.json").write_text(json.dumps(config_json(SMALL)))
    (tmp_path / "preprocessor_config.json").write_text("{}")
    (tmp_path / "said.srt").write_text(lines)
    settings = Settings(model=str(tmp_path), random_weights=True, fps=0.5, longest_edge=112)
    if lines:
        settings = replace(settings, subtitles_file=str(tmp_path / "said.srt"))
    (item,) = api.chapters(lecture, settings, Wishes(count=3, summaries=True)).items
    assert covers(item.chapters, 30) and len(item.chapters) == 3
    (told,) = api.summarise(lecture, settings, api.SummaryWishes("bullets", "short")).items
    assert told.from_cache and len(told.outline) >= 1
