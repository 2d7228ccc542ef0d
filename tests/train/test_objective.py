"""The objective: reading what is there costs less, and a question reads its own frame pairs only."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tinynet import SMALL, looks, small_model
from tests.train.batches import CELLS, CODES, STAGE, batch, ring
from vamba_cli.engine.generate import MemoryView
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.patches import to_patches
from vamba_cli.model.vamba import Vamba
from vamba_cli.train import objective
from vamba_cli.train.clips import Batch, Ring
from vamba_cli.train.objective import (
    MOST_PARTS,
    DenseReader,
    Losses,
    Objective,
    PartCounter,
    disturbed,
    noise_of,
    patches_of,
)
from vamba_cli.train.packed import bias_where, layout
from vamba_cli.train.recipe import new_model
from vamba_cli.weights.tokenizer import ByteTokenizer

PAIRS, CLIPS = STAGE.pairs, STAGE.clips


def objective_of(model: Vamba) -> Objective:
    torch.manual_seed(0)
    return Objective(model, CODES, 1.0, 1.0)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are not moved."""
    monkeypatch.setattr(objective, "shift_pixels", lambda codes, *_: torch.zeros(len(codes), 2, dtype=torch.long))


def undisturbed(one: Batch) -> Batch:
    """The batch with its pictures in their own colours, without noise."""
    plain = torch.tensor([[1.0], [0.0]]).expand(2, 3).expand_as(one.colours)
    return one._replace(colours=plain, noise=torch.zeros_like(one.noise))


def losses(net: Objective, one: Batch, pages: Ring) -> Losses:
    with torch.no_grad():
        return net(pages.tensors, one, net.model.empty_states(len(one.order)))


def spans(ids: Tensor) -> list[tuple[int, int, int]]:
    """Of each question in a row: where it begins, where its answer begins, and where it ends."""
    row = ids.tolist()
    begins = [at for at, token in enumerate(row) if token == ByteTokenizer.vision_start_id]
    return [(at, row.index(ByteTokenizer.start_id, at) + 1, row.index(ByteTokenizer.end_id, at) + 1) for at in begins]


def only(weights: Tensor, row: int, start: int, stop: int) -> Tensor:
    left = torch.zeros_like(weights)
    left[row, start:stop] = weights[row, start:stop]
    return left


def with_page_question(one: Batch, pages: Ring, page: int, number: int) -> tuple[Batch, Ring, Tensor]:
    """The batch with one question of one page left and none about clips; also that question's tokens."""
    place, row = int(one.pages[page]), int(one.rows[page])
    ids = pages.ids[place, row].long()
    begin, start, stop = spans(ids)[number]
    kept = pages.weights[place, row, start:stop].clone()
    pages.weights.zero_()
    pages.weights[place, row, start:stop] = kept
    return one._replace(weights=torch.zeros_like(one.weights)), pages, ids[begin:stop]


def with_clip_question(one: Batch, pages: Ring, clip: int, number: int, window: tuple[int, int] | None = None) -> Batch:
    """The batch with one question about one clip left, perhaps about another window, and none about pages.

    All tokens of its answer weigh the same.
    """
    _, start, stop = spans(one.ids[clip])[number]
    pages.weights.zero_()
    windows = one.windows.clone()
    if window is not None:
        windows[clip] = torch.tensor(window)
    return one._replace(weights=only(torch.ones_like(one.weights), clip, start, stop), windows=windows)


def encode(model: Vamba, frames: Tensor) -> VideoMemory:
    memory = VideoMemory.allocate(
        model.config, PAIRS, CELLS, end_seconds=1.0, device=torch.device("cpu"), dtype=torch.float32
    )
    with torch.inference_mode():
        tokens = model.vision(to_patches(frames, model.config.vision, PixelConfig(), torch.float32), 4, 6)
        model.encode_chunk(
            tokens.flatten(0, 1)[None],
            model.empty_states(),
            lambda layer, keys, values: memory.write(layer, 0, keys[0], values[0]),
        )
    memory.advance(PAIRS, lambda: looks(torch.zeros(2 * PAIRS)))
    return memory


def asked_alone(model: Vamba, pages: Ring, one: Batch, clip: int, window: tuple[int, int], ids: Tensor) -> Tensor:
    """Mean loss of the answer in one question, as the engine reads a window of a memory of the whole clip."""
    places = one.pages[one.order[clip]].repeat_interleave(2)
    memory = encode(model, pages.images[places])
    with torch.inference_mode():
        hidden = model.decode(ids[None, :-1], MemoryView(model, memory, [window]))
        log_p = model.logits(hidden)[0].log_softmax(-1).gather(-1, ids[1:, None])[:, 0]
    start = ids.tolist().index(ByteTokenizer.start_id)
    return -log_p[start:].mean().clone()


# --- what training reads is what asking reads


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(("page", "number"), [(0, 0), (1, 1), (3, 2), (4, 0)])
def test_a_question_about_a_page_is_read_as_when_asked_alone(page: int, number: int) -> None:
    model, pages = small_model(), ring()
    one = undisturbed(batch(seed=4, of=pages))
    one, pages, ids = with_page_question(one, pages, page, number)
    clip, pair = divmod(int(one.read_at[page]), PAIRS)
    expected = asked_alone(model, pages, one, clip, (pair, pair + 1), ids)
    torch.testing.assert_close(losses(objective_of(model), one, pages).answer, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(("clip", "number"), [(0, 0), (1, 1), (1, 2)])
def test_a_question_about_a_clip_is_read_as_when_asked_alone(clip: int, number: int) -> None:
    model, pages = small_model(), ring()
    one = undisturbed(batch(seed=4, of=pages))
    begin, _, stop = spans(one.ids[clip])[number]
    window = tuple(one.windows[clip, begin].tolist())
    expected = asked_alone(model, pages, one, clip, (window[0], window[1]), one.ids[clip, begin:stop])
    one = with_clip_question(one, pages, clip, number)
    torch.testing.assert_close(losses(objective_of(model), one, pages).answer, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("window", [(0, 1), (1, 3), (2, 4), (0, 4)])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_question_reads_its_window_only(window: tuple[int, int], num_layers: int) -> None:
    """What comes behind a window is never read. What comes before it is known to the mixers, as in any long video;
    with one layer, whose keys and values come from the bare pictures, that is not read either."""
    net, pages = objective_of(new_model(replace(SMALL, num_layers=num_layers), 1)), ring()
    one = undisturbed(batch(stage=replace(STAGE, pages=8), of=pages))  # each frame pair shows a page of its own
    asked = with_clip_question(one, pages, 1, 0, window)
    answer = losses(net, asked, pages).answer
    for page in range(8):
        changed = asked._replace(pages=asked.pages.clone())
        changed.pages[page] = (changed.pages[page] + 1) % 20
        clip, pair = divmod(page, PAIRS)
        unread = clip == 0 or pair >= window[1] or (num_layers == 1 and pair < window[0])
        assert torch.equal(losses(net, changed, pages).answer, answer) == unread, page


def test_questions_in_a_row_do_not_see_each_other() -> None:
    net, pages = objective_of(new_model(SMALL, 2)), ring()
    one = undisturbed(batch(of=pages))
    asked = with_clip_question(one, pages, 0, 1)
    answer = losses(net, asked, pages).answer
    begin, _, end = spans(one.ids[0])[1]
    for place in range(STAGE.clip_tokens):
        ids = asked.ids.clone()
        ids[0, place] = ids[0, place] + 1 if ids[0, place] < 255 else ids[0, place]
        if torch.equal(ids, asked.ids):
            continue
        assert torch.equal(losses(net, asked._replace(ids=ids), pages).answer, answer) == (
            not begin <= place < end - 1
        ), place


def test_positions_begin_anew_with_each_question() -> None:
    start = ByteTokenizer.vision_start_id
    position, bias = layout(torch.tensor([[start, 5, 6, start, 7, 0]]))
    assert position.tolist() == [[0, 1, 2, 0, 1, 2]]
    readable = (bias[0, 0] == 0).int().tolist()
    assert readable == [
        [1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1],
    ]  # fmt: skip
    assert bias_where(torch.tensor([[[False]]])).isfinite().all()  # a row that reads nothing is no NaN


def test_weights_say_how_much_an_answer_counts() -> None:
    net, pages = objective_of(new_model(SMALL, 2)), ring()
    one = undisturbed(batch(of=pages))
    first, second = (with_clip_question(one, pages, clip, 0) for clip in (0, 1))
    both = one._replace(weights=3 * first.weights + second.weights)
    alone = [losses(net, asked, pages).answer for asked in (first, second)]
    shares = torch.stack([3 * first.weights.sum(), second.weights.sum()])
    expected = (torch.stack(alone) * shares).sum() / shares.sum()
    torch.testing.assert_close(losses(net, both, pages).answer, expected, rtol=1e-4, atol=1e-5)


# --- what learns from what


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_while_only_the_head_learns_the_dense_loss_moves_nothing_else(share: float) -> None:
    net, pages = objective_of(new_model(SMALL, 1)), ring()
    one = batch(of=pages)._replace(dense=torch.tensor(share))
    net(pages.tensors, one, net.model.empty_states(CLIPS)).dense.backward()
    moved = net.model.vision.patch_embed.weight.grad
    assert bool(moved is not None and moved.any()) == bool(share)
    assert net.reader.linear.weight.grad is not None and bool(net.reader.linear.weight.grad.any())


def test_what_counts_titles_sends_back_to_the_mixers_once_it_has_learnt() -> None:
    """In the first step nothing: its weights are zero."""
    net, pages = objective_of(new_model(SMALL, 1)), ring()
    one = batch(of=pages)._replace(parts=torch.tensor([[0, 0, 1, 2], [-1] * 4]))
    for is_new in (True, False):
        net.zero_grad()
        net(pages.tensors, one, net.model.empty_states(CLIPS)).parts.backward()
        mixer = next(iter(net.model.decoder_layers())).mixer
        assert mixer is not None
        grads = [p.grad for p in mixer.parameters() if p.grad is not None]
        assert any(bool(grad.any()) for grad in grads) != is_new
        for weight in (p for name, p in net.counters.named_parameters() if name.endswith("weight")):
            assert weight.grad is not None and bool(weight.grad.any())
            weight.data -= 0.1 * weight.grad


def test_parts_that_nobody_can_know_count_for_nothing() -> None:
    counter = PartCounter(8)
    counter.linear.weight.data.normal_()
    keys, values = torch.randn(2, 12, 1, 4), torch.randn(2, 12, 1, 4)
    known, unknown = torch.tensor([0, 0, 1, 2, 2, 3]), torch.full((6,), -1)
    both = counter(keys, values, torch.stack([known, unknown]))
    torch.testing.assert_close(both, counter(keys[:1], values[:1], known[None]))
    assert not torch.isclose(both, counter(keys[:1], values[:1], known[None] + 1))
    assert counter(keys, values, torch.stack([unknown, unknown])).item() == 0
    assert bool(counter(keys, values, torch.full((2, 6), MOST_PARTS + 3)).isfinite())  # more than it tells apart


def test_a_page_that_stays_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net, pages = objective_of(new_model(SMALL, 1)), ring()
    seen: list[int] = []
    encode_pairs = net.model.vision.forward

    def counted(patches: Tensor, *size: int) -> Tensor:
        seen.append(len(patches))
        return encode_pairs(patches, *size)

    monkeypatch.setattr(net.model.vision, "forward", counted)
    losses(net, batch(of=pages), pages)
    assert seen == [STAGE.pages]  # not clips * pairs


def test_a_whole_step_has_gradients_everywhere() -> None:
    net, pages = objective_of(new_model(SMALL, 1)), ring()
    net(pages.tensors, batch(of=pages), net.model.empty_states(CLIPS)).total.backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())


def test_a_step_in_mixed_precision_costs_about_the_same() -> None:
    """As on a GPU: products in bfloat16, weights in float32."""
    net, pages = objective_of(new_model(SMALL, 1)), ring()
    one = batch(of=pages)
    exact = losses(net, one, pages)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = net(pages.tensors, one, net.model.empty_states(CLIPS))
        mixed.total.backward()
    assert mixed.total.item() == pytest.approx(exact.total.item(), rel=0.02)
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())


# --- dense reading


def reader(num_codes: int = 5) -> DenseReader:
    """Reads one-hot tokens exactly."""
    exact = DenseReader(8 * num_codes, num_codes)
    with torch.no_grad():
        exact.linear.weight.copy_(torch.eye(8 * num_codes))
        exact.linear.bias.zero_()
    return exact


def tokens_for(codes: Tensor, num_codes: int = 5) -> Tensor:
    return 12.0 * F.one_hot(codes.long(), num_codes).float().flatten(-2)


def test_right_codes_cost_less() -> None:
    codes = torch.randint(0, 5, (3, 4, 8), generator=torch.Generator().manual_seed(0))
    exact = reader()
    right = float(exact(tokens_for(codes), codes).detach())
    one_wrong = codes.clone()
    one_wrong[1, 2, 3] = (codes[1, 2, 3] + 1) % 5
    wrong = float(exact(tokens_for(codes), one_wrong).detach())
    swapped = float(exact(tokens_for(codes), codes.flip(-1)).detach())
    assert right < 1e-3 < wrong < swapped


def test_empty_cells_count_a_tenth() -> None:
    codes = torch.zeros(1, 2, 8, dtype=torch.long)
    codes[0, 0] = 1
    wrong_text, wrong_empty = codes.clone(), codes.clone()
    wrong_text[0, 0], wrong_empty[0, 1] = 2, 2
    exact = reader()
    text, empty = (float(exact(tokens_for(one), codes).detach()) for one in (wrong_text, wrong_empty))
    assert text / empty == pytest.approx(10, rel=1e-3)


def test_dense_targets_move_with_the_pictures() -> None:
    """The characters of a cell are those that stand there after the picture has been moved."""
    pages = ring()
    one = batch(of=pages)
    net = objective_of(new_model(SMALL, 1))
    still, far = (net.targets(pages.tensors, one._replace(shifts=torch.full_like(one.shifts, share)))
                  for share in (0.5, 1.0))  # fmt: skip
    assert not torch.equal(still[0], far[0]) and not torch.equal(still[1], far[1])
    for shift, codes in (still, far):
        for page, place in enumerate(one.pages.tolist()):
            centres = pages.centres[place, :3] / 4 + shift[page]
            for code, (x, y) in zip(pages.codes[place, :3].tolist(), centres.tolist(), strict=True):
                assert code in codes[page, int(y // 28) * 3 + int(x // 28)].tolist()


def test_disturbed_pictures_are_moved_and_different_pictures_of_the_same() -> None:
    images = torch.full((64, 28, 28, 3), 120, dtype=torch.uint8)
    images[:, :, 14:] = 40
    images[:, 10, 10] = 255
    still = torch.tensor([[1.0], [0.0]]).expand(64, 2, 3)
    shift, seed = torch.tensor([[3, -2]] * 64), torch.tensor(5)
    moved = disturbed(images, shift, still, torch.zeros(64), seed)
    assert moved.shape == (128, 28, 28, 3) and bool((moved[:, 8, 13] == 255).all())
    assert bool((moved[:, :, :3][:, :7] == 120).all())  # what comes in at an edge is the edge
    colours = still + torch.randn(64, 2, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([[0.1], [9.0]])
    changed = disturbed(images, shift, colours, torch.full((64,), 4.0), seed)
    assert torch.equal(changed, changed.round()) and float(changed.min()) >= 0 and float(changed.max()) <= 255
    assert len({round(float(image.mean()), 3) for image in changed}) > 120  # both frames of a pair differ, too
    assert not torch.equal(changed, disturbed(images, shift, colours, torch.full((64,), 4.0), seed + 1))


def test_patches_are_those_of_the_product() -> None:
    net = objective_of(new_model(SMALL, 1))
    frames = torch.randint(0, 256, (4, 56, 84, 3), generator=torch.Generator().manual_seed(0)).float()
    mine = patches_of(frames * net.pixel_scale + net.pixel_shift, SMALL.vision)
    torch.testing.assert_close(mine, to_patches(frames, SMALL.vision, PixelConfig(), torch.float32))
    assert not any("pixel" in name for name in net.state_dict())


def test_noise_is_about_normal_and_repeats_with_its_seed() -> None:
    noise = noise_of(torch.tensor(7), (40, 50, 30))
    assert float(noise.mean()) == pytest.approx(0, abs=0.02) and float(noise.std()) == pytest.approx(1, abs=0.02)
    assert float((noise.abs() < 1).float().mean()) == pytest.approx(0.68, abs=0.03)
    flat = noise.flatten()
    assert abs(float((flat[1:] * flat[:-1]).mean())) < 0.02
    assert torch.equal(noise, noise_of(torch.tensor(7), (40, 50, 30)))
    assert abs(float((noise * noise_of(torch.tensor(8), (40, 50, 30))).mean())) < 0.02
