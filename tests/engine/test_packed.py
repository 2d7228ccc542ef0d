"""Keys and values in 8 bits: how far they are off, and that everything reads them as their dense copies."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engine.test_partition import TOKENS, video
from tests.tinynet import looks, small_model
from vamba_cli.engine import generate as generating
from vamba_cli.engine.encode import Encoder
from vamba_cli.engine.generate import Following, MemoryView, generate, generate_each
from vamba_cli.engine.store import load_memory, save_memory
from vamba_cli.engine.verify import relative_error
from vamba_cli.kernels import plain
from vamba_cli.kernels.packed import DTYPES, Packed, pack, stacked
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.tokenizer import ByteTokenizer

CPU = torch.device("cpu")
PAIRS = 6
ERROR = {"int8": 0.012, "fp8": 0.035}  # of normal values; 3 bits of mantissa are off by up to 1/16


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model() -> Vamba:
    return small_model()


def encoded(model: Vamba, dtype: torch.dtype, cuts: tuple[int, ...] = (0, PAIRS)) -> VideoMemory:
    memory = VideoMemory.allocate(model.config, PAIRS, TOKENS, end_seconds=6.0, device=CPU, dtype=dtype)
    encoder, frames = Encoder(model, PixelConfig(), memory), video(PAIRS)
    for first, stop in itertools.pairwise(cuts):
        encoder.push(frames[2 * first : 2 * stop], torch.arange(2.0 * first, 2.0 * stop).double().numpy())
    return memory


def dense(memory: VideoMemory, layer: int) -> tuple[Tensor, Tensor]:
    keys, values = memory.read(layer, 0, memory.num_pairs)
    assert isinstance(keys, Packed) and isinstance(values, Packed)
    return keys.dense(torch.float32), values.dense(torch.float32)


@pytest.mark.parametrize("kind", DTYPES)
def test_error(kind: str) -> None:
    x = normal(50, 2, 64) * torch.logspace(-12, 12, 50)[:, None, None]  # every token and head has a scale of its own
    x[7] = 0
    packed = pack(x, DTYPES[kind])
    assert packed.data.dtype.itemsize == 1 and packed.shape == x.shape and packed.scale.shape == (50, 2)
    for row, exact in zip(packed.dense(torch.float32), x, strict=True):
        assert torch.equal(row, exact) or 1e-3 < relative_error(row, exact) < ERROR[kind]


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("block", [5, 64, 4096])
def test_attention_in_blocks_is_attention_to_the_dense_copy(
    kind: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "DENSE_TOKENS", block)
    q = normal(2, 3, 7, 16, seed=1) * 4
    keys, values = (pack(normal(2, 131, 3, 16, seed=seed), DTYPES[kind]) for seed in (2, 3))
    expected = plain.attend(q, keys.dense(torch.float32), values.dense(torch.float32))
    torch.testing.assert_close(plain.attend_packed(q, keys, values), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", DTYPES)
def test_a_memory_is_off_by_its_rounding_alone(model: Vamba, kind: str) -> None:
    """Each layer, whatever the split into chunks: packing never comes back into the video stream."""
    exact = encoded(model, torch.float32)
    packed = encoded(model, DTYPES[kind], (0, 1, 4, PAIRS))
    for layer in range(model.config.num_layers):
        for ours, theirs in zip(dense(packed, layer), exact.rows(layer, 0, PAIRS), strict=True):
            assert 1e-3 < relative_error(ours, theirs) < ERROR[kind]
    tensors = (*packed.keys, *packed.values, *packed.key_scales, *packed.value_scales)
    assert packed.num_bytes == sum(t.nbytes for t in tensors)


@pytest.mark.parametrize("kind", DTYPES)
@torch.inference_mode()
def test_all_ways_to_read_it_agree(model: Vamba, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place and unpacked in blocks, or as a dense copy for all tokens; the same numbers as its dense twin."""
    packed = encoded(model, DTYPES[kind])
    keys, values = zip(*(dense(packed, layer) for layer in range(model.config.num_layers)), strict=True)
    twin = VideoMemory(keys, values, TOKENS, looks(torch.zeros(2 * PAIRS)), 6.0, num_tokens=PAIRS * TOKENS)
    ids = ByteTokenizer().encode_prompt("what?")

    def logits(memory: VideoMemory) -> Tensor:
        following = Following(model, MemoryView(model, memory, [(0, PAIRS)]), model.text_cache(1, len(ids) + 1))
        return torch.stack((following(ids), following([7])))

    expected = logits(twin)
    assert isinstance(MemoryView(model, packed, [(0, PAIRS)])(0)[0], Tensor)
    torch.testing.assert_close(logits(packed), expected, rtol=1e-4, atol=1e-4)
    windows = [(i, i + 2) for i in range(PAIRS - 1)]
    each = generate_each(model, ByteTokenizer(), packed, "what?", windows, max_new_tokens=4)
    monkeypatch.setattr(generating, "TOKENS_PER_BATCH", 2 * TOKENS)
    assert isinstance(MemoryView(model, packed, [(0, PAIRS)])(0)[0], Packed)
    torch.testing.assert_close(logits(packed), expected, rtol=1e-4, atol=1e-4)
    said = [generate(model, ByteTokenizer(), twin, "what?", window=w, max_new_tokens=4) for w in windows]
    assert [answer.text for answer in each] == [answer.text for answer in said]


def test_a_view_knows_whether_it_stays(model: Vamba, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read in place, and copies that are kept, stay; copies of one layer at a time do not."""
    whole, windows = [(0, PAIRS)], [(0, 2), (2, 4)]
    for dtype in (torch.int8, torch.float32, torch.float16):
        memory = encoded(model, dtype)
        few, some = (MemoryView(model, memory, spans) for spans in (whole, windows))
        monkeypatch.setattr(generating, "TOKENS_PER_BATCH", TOKENS)
        many, gathered = (MemoryView(model, memory, spans) for spans in (whole, windows))
        monkeypatch.undo()
        assert few.stays and some.stays and not gathered.stays
        assert many.stays == (dtype != torch.float16)  # which is read in float32
        for view in (few, some, many):
            same = [(rows.data if isinstance(rows, Packed) else rows).data_ptr() for rows in (view(1)[0], view(1)[0])]
            assert not view.stays or same[0] == same[1]


def test_parts_are_stacked() -> None:
    parts = [pack(normal(5, 2, 8, seed=seed), torch.float8_e4m3fn) for seed in range(3)]
    joined = stacked(parts)
    assert isinstance(joined, Packed) and joined.shape == (3, 5, 2, 8) and joined.data.dtype == torch.float8_e4m3fn
    assert torch.equal(joined.dense(torch.float32)[1], parts[1].dense(torch.float32))
    single = stacked(parts[:1])
    assert isinstance(single, Packed) and single.data.data_ptr() == parts[0].data.data_ptr()


@pytest.mark.parametrize("kind", DTYPES)
def test_there_and_back(model: Vamba, kind: str, tmp_path: Path) -> None:
    memory = encoded(model, DTYPES[kind])
    save_memory(memory, tmp_path / "one.safetensors")
    loaded = load_memory(tmp_path / "one.safetensors", CPU)
    assert loaded.keys[0].dtype == DTYPES[kind] and loaded.num_bytes == memory.num_bytes
    for layer in range(model.config.num_layers):
        for ours, theirs in zip(dense(loaded, layer), dense(memory, layer), strict=True):
            assert torch.equal(ours, theirs)
