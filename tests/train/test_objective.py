"""The objective: reading what is there costs less, and a question reads its own window only."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tinynet import SMALL, looks, small_model
from vamba_cli.engine.generate import view
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.patches import to_patches
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.clips import Batch, ClipMaker, SlideRing
from vamba_cli.train.objective import DenseReader, Losses, Objective, augment
from vamba_cli.train.questions import SlideText
from vamba_cli.train.recipe import new_model

PAIRS, QUESTIONS, LENGTH, SLIDES, CODES = 4, 7, 96, 30, 20
CELLS = 6  # of a picture of 84 x 56


def ring() -> SlideRing:
    g = torch.Generator().manual_seed(0)
    ring = SlideRing(SLIDES, 84, 56, torch.device("cpu"))
    images = torch.randint(0, 256, (SLIDES, 56, 84, 3), generator=g, dtype=torch.uint8)
    dense = torch.randint(0, CODES, (SLIDES, 2, 3, 8), generator=g, dtype=torch.uint8)
    ring.add(images, dense, [SlideText(f"Slide {i}", (f"line {i}",)) for i in range(SLIDES)])
    return ring


def exact_objective(model: Vamba, dense_weight: float = 1.0) -> Objective:
    """An objective whose pictures are not disturbed at random."""
    torch.manual_seed(0)
    objective = Objective(model, CODES, dense_weight)
    objective.prepare = lambda frames: to_patches(frames, model.config.vision, PixelConfig(), torch.float32)
    return objective


def losses(objective: Objective, batch: Batch, slides: SlideRing) -> Losses:
    with torch.no_grad():
        states = objective.model.empty_states(len(batch.frames))
        return objective(slides.images, slides.dense, batch, states)


def one_question(batch: Batch, clip: int, row: int, window: tuple[int, int] | None = None) -> Batch:
    """The batch with no question left but one, perhaps about another window."""
    weights, windows = torch.zeros_like(batch.weights), batch.windows.clone()
    weights[clip, row] = batch.weights[clip, row]
    if window is not None:
        windows[clip, row] = torch.tensor(window)
    return batch._replace(weights=weights, windows=windows)


def with_frame(batch: Batch, clip: int, pair: int, frame: int) -> Batch:
    frames = batch.frames.clone()
    frames[clip, pair, frame] = (frames[clip, pair, frame] + 1) % SLIDES
    return batch._replace(frames=frames)


@pytest.fixture(scope="module")
def batch() -> Batch:
    return ClipMaker(1, PAIRS, QUESTIONS, LENGTH)(ring(), 3)


def test_while_only_the_head_learns_the_dense_loss_moves_nothing_else(batch: Batch) -> None:
    torch.manual_seed(0)
    objective, slides = exact_objective(new_model(SMALL, 1)), ring()
    weight = objective.model.vision.patch_embed.weight
    for head_only in (True, False):
        objective.zero_grad(set_to_none=True)
        objective.head_only = head_only
        states = objective.model.empty_states(len(batch.frames))
        objective(slides.images, slides.dense, batch, states).dense.backward()
        assert (weight.grad is None) == head_only
        assert objective.reader.linear.weight.grad is not None


# --- which frames a question reads


@pytest.mark.parametrize("window", [(0, 1), (1, 3), (2, 3), (0, 4)])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_question_reads_its_window_only(batch: Batch, window: tuple[int, int], num_layers: int) -> None:
    """What comes behind a window is never read. What comes before it is known to the mixers, as in any long video;
    with one layer, whose keys and values come from the bare pictures, that is not read either."""
    torch.manual_seed(0)
    objective = exact_objective(new_model(replace(SMALL, num_layers=num_layers), 1))
    slides, clip, row = ring(), 1, 2
    asked = one_question(batch, clip, row, window)
    answer = losses(objective, asked, slides).answer
    for pair in range(PAIRS):
        for frame in range(2):
            changed = losses(objective, with_frame(asked, clip, pair, frame), slides).answer
            unread = pair >= window[1] or (num_layers == 1 and pair < window[0])
            assert torch.equal(changed, answer) == unread, (pair, frame)
    for other in (0, 2):  # nor are other clips
        assert torch.equal(losses(objective, with_frame(asked, other, window[0], 0), slides).answer, answer)


def test_training_reads_as_asking_does(batch: Batch) -> None:
    """The loss of a question is what the engine, with its windows and its memory, gives its answer."""
    model = small_model()
    objective, slides = exact_objective(model), ring()
    for clip, row in ((0, 0), (1, 3), (2, 6)):
        window = (int(batch.windows[clip, row, 0]), int(batch.windows[clip, row, 1]))
        ids, weights = batch.ids[clip, row], batch.weights[clip, row]
        memory = encode(model, slides.images[batch.frames[clip].flatten()])
        with torch.inference_mode():
            hidden = model.decode(ids[None, :-1], view(model, memory, [window]))
            log_p = model.logits(hidden)[0].log_softmax(-1).gather(-1, ids[1:, None])[:, 0]
        expected = -(log_p * weights[1:]).sum() / weights[1:].sum()
        found = losses(objective, one_question(batch, clip, row), slides).answer
        torch.testing.assert_close(found, expected.clone(), rtol=1e-4, atol=1e-4)


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
    memory.advance(PAIRS, looks(torch.zeros(2 * PAIRS)))
    return memory


def test_weights_say_how_much_an_answer_counts(batch: Batch) -> None:
    objective, slides = exact_objective(new_model(SMALL, 2)), ring()
    first, second = one_question(batch, 0, 0), one_question(batch, 2, 4)
    both = batch._replace(weights=3 * first.weights + second.weights)
    alone = [losses(objective, one, slides).answer for one in (first, second)]
    shares = torch.stack([3 * first.weights.sum(), second.weights.sum()])
    expected = (torch.stack(alone) * shares).sum() / shares.sum()
    torch.testing.assert_close(losses(objective, both, slides).answer, expected, rtol=1e-4, atol=1e-5)


def test_what_stands_behind_an_answer_does_not_matter(batch: Batch) -> None:
    objective, slides = exact_objective(new_model(SMALL, 2)), ring()
    asked = one_question(batch, 0, 0)
    ids = asked.ids.clone()
    end = int((asked.weights[0, 0] > 0).nonzero()[-1])
    ids[0, 0, end + 1 :] = 77
    assert torch.equal(
        losses(objective, asked._replace(ids=ids), slides).answer, losses(objective, asked, slides).answer
    )


def test_states_are_carried_on(batch: Batch) -> None:
    objective, slides = exact_objective(new_model(SMALL, 2)), ring()
    fresh = losses(objective, batch, slides)
    with torch.no_grad():
        later = objective(slides.images, slides.dense, batch, fresh.states)
    assert len(fresh.states) == SMALL.num_layers - 1
    assert not torch.equal(later.answer, fresh.answer)
    assert torch.equal(later.dense, fresh.dense)  # the dense reader stands before the mixers


def test_every_weight_learns(batch: Batch) -> None:
    objective, slides = exact_objective(new_model(SMALL, 3), dense_weight=0.5), ring()
    found = objective(slides.images, slides.dense, batch, objective.model.empty_states(3))
    torch.testing.assert_close(found.total, found.answer + 0.5 * found.dense)
    found.total.backward()
    silent = [name for name, p in objective.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    assert silent == []


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
    codes = torch.randint(0, 5, (3, 4, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    keep, exact = torch.ones(3), reader()
    right = float(exact(tokens_for(codes), codes, keep).detach())
    one_wrong = codes.clone()
    one_wrong[1, 2, 3] = (codes[1, 2, 3] + 1) % 5
    wrong = float(exact(tokens_for(codes), one_wrong, keep).detach())
    swapped = float(exact(tokens_for(codes), codes.flip(-1), keep).detach())
    assert right < 1e-3 < wrong < swapped


def test_samples_that_are_not_kept_do_not_count() -> None:
    codes = torch.ones(2, 4, 8, dtype=torch.uint8)
    tokens = tokens_for(codes)
    tokens[1] = tokens_for(2 * codes[1])  # wrong
    keep = torch.tensor([1.0, 0.0])
    assert float(reader()(tokens, codes, keep).detach()) < 1e-3
    assert float(reader()(tokens, codes, 1 - keep).detach()) > 1
    assert float(reader()(tokens, codes, torch.zeros(2)).detach()) == 0


def test_empty_cells_count_a_tenth() -> None:
    codes = torch.zeros(1, 2, 8, dtype=torch.uint8)
    codes[0, 0] = 1
    wrong_text, wrong_empty = codes.clone(), codes.clone()
    wrong_text[0, 0], wrong_empty[0, 1] = 2, 2
    keep, exact = torch.ones(1), reader()
    text, empty = (float(exact(tokens_for(one), codes, keep).detach()) for one in (wrong_text, wrong_empty))
    assert text / empty == pytest.approx(10, rel=1e-3)


def test_pairs_with_a_change_are_not_read_densely(batch: Batch) -> None:
    objective, slides = exact_objective(new_model(SMALL, 2)), ring()
    mixed = batch._replace(pure=batch.pure.clone())
    mixed.pure[0, 0] = False
    other = SlideRing(SLIDES, 84, 56, torch.device("cpu"))
    other.images.copy_(slides.images)
    place = int(mixed.frames[0, 0, 0])
    only = mixed._replace(frames=mixed.frames.clone())
    only.frames[only.frames == place] = (place + 1) % SLIDES
    only.frames[0, 0, 0] = place  # this slide stands nowhere else as the first of its pair
    other.dense.copy_(slides.dense)
    other.dense[place] = (other.dense[place] + 1) % CODES
    assert torch.equal(losses(objective, only, slides).dense, losses(objective, only, other).dense)
    only.pure[0, 0] = True
    assert not torch.equal(losses(objective, only, slides).dense, losses(objective, only, other).dense)


def test_augmented_pictures_are_different_pictures_of_the_same() -> None:
    torch.manual_seed(0)
    images = torch.full((64, 28, 28, 3), 120, dtype=torch.uint8)
    images[:, :, 14:] = 40
    changed = augment(images)
    assert float(changed.min()) >= 0 and float(changed.max()) <= 255
    assert torch.equal(changed, changed.round())
    assert len({round(float(image.mean()), 3) for image in changed}) == 64
    left, right = changed[:, :, :14].mean((1, 2, 3)), changed[:, :, 14:].mean((1, 2, 3))
    assert float((left > right).float().mean()) > 0.95
