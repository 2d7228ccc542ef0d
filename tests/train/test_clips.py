"""Clips of pages: the ring keeps pictures and words together, and batches say what they hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.batches import HEIGHT, ROWS, SHAPE, WIDTH, batch, ring, samples, slide
from vamba_cli.train.clips import ClipMaker, Ring, shift_pixels
from vamba_cli.train.questions import SlideText, parts_of, telling, titles_of
from vamba_cli.train.recipe import MIX, Stage
from vamba_cli.train.samples import CENTRE_STEPS
from vamba_cli.weights.tokenizer import ByteTokenizer, decode

TALL = Stage(WIDTH, HEIGHT, 1.0, pages=40, clips=10, pairs=8, clip_tokens=192)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 9), st.lists(st.integers(0, 12), max_size=5))
def test_the_ring_keeps_the_newest_together(capacity: int, sizes: list[int]) -> None:
    one, total = Ring(capacity, SHAPE, torch.device("cpu")), 0
    places = [(t.shape, t.data_ptr()) for t in one.tensors]
    for size in sizes:
        if size:
            one.add(samples(range(total, total + size)))
        total += size
        assert len(one) == min(total, capacity)
        numbers = [int(text.title.split()[1]) for text in one.texts]
        assert set(numbers) == set(range(max(0, total - capacity), total))
        for place, number in enumerate(numbers):
            truth = slide(number)
            np.testing.assert_array_equal(one.images[place].numpy(), truth.image)
            assert one.codes[place, :3].tolist() == truth.glyph_codes.tolist()
            np.testing.assert_allclose(one.centres[place, :3].numpy() / CENTRE_STEPS, truth.glyph_centres, atol=0.13)
            assert "".join(map(chr, one.ids[place, 0].tolist())).count(f"Slide {number}")
    assert places == [(t.shape, t.data_ptr()) for t in one.tensors]  # a captured step reads them where they are


def test_a_step_has_its_shapes() -> None:
    one = batch()
    assert one.pages.shape == one.rows.shape == one.noise.shape == one.read_at.shape == (5,)
    assert one.order.shape == (2, 4) and one.ids.shape == one.weights.shape == (2, 128)
    assert one.windows.shape == (2, 128, 2) and one.colours.shape == (5, 2, 3) and one.keep.shape == (2,)
    assert int(one.rows.min()) >= 0 and int(one.rows.max()) < ROWS
    again = batch(seed=2)
    assert [(a.shape, a.dtype) for a in one] == [(b.shape, b.dtype) for b in again]
    assert all(torch.equal(a, b) for a, b in zip(one, batch(), strict=True))
    assert not torch.equal(one.pages, again.pages)


def test_every_page_is_shown_and_read_where_it_is_shown() -> None:
    maker, one = ClipMaker(3, TALL, ROWS), ring()
    counts = []
    for _ in range(20):
        step = maker(one)
        flat = step.order.flatten()
        assert flat.tolist() == sorted(flat.tolist()) and set(flat.tolist()) == set(range(40))
        assert flat[step.read_at].tolist() == list(range(40))
        counts += [len(set(clip)) for clip in step.order.tolist()]
    assert sum(counts) == 20 * 40  # changes are shared out unevenly, their number is fixed
    assert counts.count(1) > 10 and max(counts) >= 7


def test_each_layout_shows_the_same_pages_in_its_own_order() -> None:
    stage = replace(TALL, clips=20, layouts=2, read_pages=7)
    maker, one = ClipMaker(3, stage, ROWS), ring()
    other_orders = 0
    for _ in range(10):
        step = maker(one)
        assert step.order.shape == (20, 8) and step.read.shape == step.rows.shape == step.read_at.shape == (7,)
        assert len(set(step.read.tolist())) == 7 and step.order.flatten()[step.read_at].tolist() == step.read.tolist()
        for first, second in zip(*step.order.view(2, 10, 8).tolist(), strict=True):
            assert sorted(set(first)) == sorted(set(second))
            runs = [page for place, page in enumerate(second) if second[place - 1 : place] != [page]]
            assert len(runs) == len(set(runs))  # no page goes and comes back
            other_orders += runs != sorted(runs)
    assert other_orders > 50


def test_layouts_have_as_many_clips_each() -> None:
    with pytest.raises(ValueError, match="3 clips in 2 layouts"):
        ClipMaker(1, replace(TALL, clips=3, layouts=2), ROWS)


def test_a_page_that_is_read_may_have_stood_for_long() -> None:
    """Also its last frame pair is read, so that states after a long stretch are."""
    maker, one = ClipMaker(3, replace(TALL, pages=12), ROWS), ring()
    late = sum(int((step.read_at % 8).max()) == 7 for step in (maker(one) for _ in range(20)))
    assert late > 10


def test_half_of_the_clips_show_one_deck_that_nothing_moves() -> None:
    maker, one = ClipMaker(3, replace(TALL, pages=80), ROWS), ring(400)
    one.decks[:] = np.arange(400) // 20
    of_one_deck = 0
    for _ in range(12):
        step = maker(one)
        for order in step.order:
            mine = order.unique()
            still = bool((step.shifts[mine] < 0).all())
            assert still or bool((step.shifts[mine] >= 0).all())
            assert still == (len(step.noise[mine].unique()) == 1) == (len(step.colours[mine].unique(dim=0)) == 1)
            decks = one.decks[step.pages[order[1:].unique()]]  # the first page may still be that of the clip before
            if still and Counter(decks.tolist()).most_common(1)[0][1] > 0.5 * len(decks):
                of_one_deck += 1
                assert len(step.pages[mine].unique()) > 0.8 * len(mine)  # in turn, before any comes again
    assert 25 < of_one_deck < 70  # of 120; some of these show titles that are alike instead


def test_pages_of_a_deck_come_once_and_mostly_in_their_order() -> None:
    """Were they shown again and again, lists would run in circles."""
    maker, one = ClipMaker(3, replace(TALL, pages=80), ROWS), ring(400)
    one.decks[:] = np.arange(400) // 5
    in_order = several = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vamba_cli.train.clips._DECK_SHARE", 1.0)
        patch.setattr("vamba_cli.train.clips._ALIKE_SHARE", 0.0)
        for _ in range(12):
            step = maker(one)
            for order in step.order:
                mine = step.pages[order[1:].unique()].tolist()  # the first may still be that of the clip before
                ((deck, _),) = Counter(one.decks[mine].tolist()).most_common(1)
                mates = [page for page in mine if one.decks[page] == deck]
                if len(mates) > 2:
                    several += 1
                    assert len(mates) <= 6  # five pages, and one that is drawn from all
                    in_order += mates == sorted(mates)
    assert several > 60 and 0.5 < in_order / several < 0.95


@given(st.lists(st.sampled_from(["", "One", "Two", "One more"]), min_size=1, max_size=12))
def test_parts_are_counted_as_titles_are(titles: list[str]) -> None:
    pages = [SlideText(title, ()) for title in titles]
    parts = parts_of(pages)
    told = titles_of(pages)
    assert parts[0] == 0 and parts[-1] == max(0, len(told) - 1)
    assert all(not page.title or told[part] == page.title for page, part in zip(pages, parts, strict=True))


def test_parts_are_known_where_a_video_begins() -> None:
    maker, one = ClipMaker(5, TALL, ROWS), ring(20)
    for step in (maker(one) for _ in range(10)):
        for clip, parts in enumerate(step.parts.tolist()):
            shown = [one.texts[page] for page in step.pages[step.order[clip]].tolist()]
            assert parts == ([-1] * 8 if step.keep[clip] else parts_of(shown))


def test_videos_go_on_with_the_page_that_stands() -> None:
    maker, one = ClipMaker(5, TALL, ROWS), ring(20)
    went_on = kept = began = 0
    before = maker(one)
    for _ in range(60):
        step = maker(one)
        last, first = before.pages[before.order[:, -1]], step.pages[step.order[:, 0]]
        same = (last == first) & (step.keep > 0)
        went_on += int(same.sum())
        kept += int((step.keep > 0).sum())
        began += int((step.keep == 0).sum())
        before = step
    assert 0.6 < went_on / kept < 0.85
    assert 0.55 < began / (began + kept) < 0.75


@pytest.mark.parametrize("title", ["{0} {1}", "{1} {0}"])
def test_some_clips_show_pages_whose_titles_begin_or_end_alike(title: str) -> None:
    one = ring(60)
    one.texts[:] = [replace(text, title=title.format("ABCDEFGH"[n % 8] * 4, n)) for n, text in enumerate(one.texts)]
    maker, alike = ClipMaker(5, TALL, ROWS), 0
    for step in (maker(one) for _ in range(30)):
        shown = step.pages[step.order].tolist()
        alike += sum(most_in_common({one.texts[page].title for page in pages}) for pages in shown)
    assert 0.08 < alike / 300 < 0.4


def most_in_common(titles: set[str]) -> bool:
    """Whether most titles of three and more have the same four letters in a row."""
    ((_, number),) = Counter(max(title.split(), key=len) for title in titles).most_common(1)
    return len(titles) > 2 and number > 0.5 * len(titles)


@pytest.mark.parametrize("pages", [9, 81])
def test_pages_that_do_not_fit_the_clips_are_refused(pages: int) -> None:
    with pytest.raises(ValueError, match="at most one to each pair"):
        ClipMaker(1, replace(TALL, pages=pages), ROWS)


def test_questions_about_clips_are_true() -> None:
    one, tokenizer, lists = ring(), ByteTokenizer(), 0
    maker = ClipMaker(7, TALL, ROWS)
    for step, clip in ((step, clip) for step in (maker(one) for _ in range(8)) for clip in range(10)):
        ids, weights, windows = (part[clip].tolist() for part in (step.ids, step.weights, step.windows))
        begins = [place for place, token in enumerate(ids) if token == tokenizer.vision_start_id]
        assert begins[0] == 0 and len(begins) > 1
        for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True):
            stop = ids.index(tokenizer.end_id, begin) + 1
            start = ids.index(tokenizer.start_id, begin) + 1
            assert stop <= end and not any(weights[begin:start]) and not any(weights[stop:end])
            assert set(weights[start:stop]) <= {1.0, MIX.yes_no_weight, MIX.decisive_factor}
            (window,) = {tuple(span) for span in windows[begin:stop]}
            assert 0 <= window[0] < window[1] <= 8
            assert all(first < last for first, last in windows[stop:end])  # no query that may read nothing
            prompt, answer = decode(tokenizer, ids[begin:start]), decode(tokenizer, ids[start:stop])
            shown = [one.texts[page].title for page in step.pages[step.order[clip, slice(*window)]].tolist()]
            runs = [title for place, title in enumerate(shown) if shown[place - 1 : place] != [title]]
            if prompt in ("titles?", "title?"):
                assert answer == " | ".join(runs)
                lists += len(runs) > 1
            if prompt == "titles?":  # how titles begin, and whether the list goes on, is what tells of order
                ends = list(accumulate(map(len, runs), lambda at, length: at + len(" | ") + length))
                heavy = {*ends}
                for title, end in zip(runs, ends, strict=True):
                    heavy |= {end - len(title) + place for place in telling(title, runs)}
                found = {at for at, weight in enumerate(weights[start:stop]) if weight == MIX.decisive_factor}
                assert found == heavy
    assert lists > 2


def test_pictures_are_moved_by_half_a_cell_and_keep_their_text() -> None:
    codes = torch.tensor([[5, 6, 0], [7, 0, 0], [0, 0, 0], [5, 6, 0]])
    places = torch.tensor([
        [[200.0, 150.0], [300.0, 150.0], [0.0, 0.0]], [[10.0, 355.0], [0, 0], [0, 0]], [[0.0, 0], [0, 0], [0, 0]],
        [[2.0, 2.0], [642.0, 362.0], [0, 0]],
    ])  # fmt: skip
    low, high = (shift_pixels(codes, places, torch.full((4, 2), share), 364, 644).tolist() for share in (0.0, 1.0))
    assert low == [[-14, -14], [-2, -14], [-14, -14], [0, 0]]
    assert high == [[14, 14], [14, 1], [14, 14], [0, 0]]
    assert not shift_pixels(codes, places, torch.full((4, 2), -1.0), 364, 644).any()


def test_what_follows_letters_that_two_titles_share_tells_them_apart() -> None:
    """Wherever they stand: the "boosting" of both goes on with another letter, or not at all."""
    titles = ["Gradient boosting", "All boosting trees"]
    assert telling(titles[0], titles) >= {0, 1, len(titles[0])}
    place = len("All boosting")
    assert telling(titles[1], titles) >= {0, 1, place} and place + 2 not in telling(titles[1], titles)
    assert telling("Gradient boosting", ["Gradient boosting", "Other things"]) == {0, 1}
