"""What only a GPU can show. Skipped without one, unless FAIL_WITHOUT_CUDA=1 says that there must be one."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.paths import GOLDENS
from tests.tinynet import SMALL, small_model
from vamba_cli.engine.encode import Encoder
from vamba_cli.engine.generate import generate
from vamba_cli.engine.step import StepGraph
from vamba_cli.engine.verify import relative_error
from vamba_cli.kernels.dispatch import only_plain, pick, why_not_fast
from vamba_cli.kernels.packed import DTYPES, Rows, stacked
from vamba_cli.kernels.ssd import ssd, ssd_sequential
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import load_model, read_config
from vamba_cli.weights.tokenizer import ByteTokenizer

pytestmark = pytest.mark.gpu
PAIRS, TOKENS = 24, 6
OVERFLOW = 146_047  # from here on kernels that count in int32 go wrong at the released sizes (MODEL section 7)


@pytest.fixture(autouse=True)
def cuda() -> Iterator[torch.device]:
    """The GPU, with exact float32 products."""
    if not torch.cuda.is_available():
        if os.environ.get("FAIL_WITHOUT_CUDA") == "1":
            pytest.fail("FAIL_WITHOUT_CUDA=1, but torch finds no CUDA device")
        pytest.skip("no CUDA device")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield torch.device("cuda")
    torch.set_float32_matmul_precision(before)


def encode(model: Vamba, cuts: Sequence[int], *, overlap: bool = False, kv: str = "full") -> VideoMemory:
    """The memory of a random video that is pushed in pieces."""
    frames = np.random.default_rng(0).integers(0, 256, (2 * PAIRS, 56, 84, 3), dtype=np.uint8)
    memory = VideoMemory.allocate(
        SMALL, PAIRS, TOKENS, end_seconds=float(PAIRS), device=model.device, dtype=DTYPES.get(kv, model.dtype)
    )  # fmt: skip
    encoder = Encoder(model, PixelConfig(), memory, overlap=overlap)
    for first, stop in pairwise([0, *cuts, PAIRS]):
        encoder.push(frames[2 * first : 2 * stop], np.arange(2.0 * first, 2.0 * stop))
    encoder.finish()
    return memory


def distance(ours: VideoMemory, reference: VideoMemory) -> float:
    """The largest relative error of a layer's keys or values."""
    pairs = zip((*ours.keys, *ours.values), (*reference.keys, *reference.values), strict=True)
    return max(relative_error(a.cpu(), b.cpu()) for a, b in pairs)


def test_the_kernels_run_here(cuda: torch.device) -> None:
    assert why_not_fast() is None


def test_streaming_in_float32_equals_one_go(cuda: torch.device) -> None:
    model = small_model().to(cuda)
    assert distance(encode(model, [1, 2, 7, 16]), encode(model, [])) <= 1e-5


def test_overlapping_changes_nothing(cuda: torch.device) -> None:
    model = small_model(torch.bfloat16).to(cuda)
    alone, beside = (encode(model, [1, 2, 7, 16], overlap=overlap) for overlap in (False, True))
    assert distance(beside, alone) <= 1e-6
    assert torch.equal(beside.looks.novelty, alone.looks.novelty)
    assert torch.equal(beside.looks.features, alone.looks.features)


def test_streaming_in_bfloat16_is_as_good_as_one_go(cuda: torch.device) -> None:
    """Another split rounds elsewhere, so equal bits are not wanted: no split may be worse than another."""
    exact = small_model().to(cuda)
    rounded = small_model(torch.bfloat16)
    weights = {name: p.to(rounded.get_parameter(name).dtype) for name, p in exact.named_parameters()}
    rounded = rounded.to(cuda)
    rounded.load_state_dict(weights)
    reference = encode(exact, [])
    one_go = distance(encode(rounded, []), reference)
    streamed = distance(encode(rounded, [1, 2, 7, 16]), reference)
    assert 0 < one_go < 0.2
    assert streamed <= 1.5 * one_go
    said = generate(rounded, ByteTokenizer(), encode(rounded, []), "what?", max_new_tokens=4)
    assert 0 < said.probability <= 1


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_scan_beyond_the_int32_limit(cuda: torch.device, dtype: torch.dtype, tolerance: float) -> None:
    """One call over more tokens than the public kernels can count, against the definition in float64."""
    length, heads = OVERFLOW + 3953, 2
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    x, B, C = normal(1, length, heads, 8), normal(1, length, 1, 8), normal(1, length, 1, 8)
    dt = 0.1 * torch.rand(1, length, heads, generator=g, dtype=torch.float64)
    A = torch.tensor([-0.002, -1.0], dtype=torch.float64)  # one head remembers ten thousand tokens, one a few
    start = normal(1, heads, 8, 8)
    expected, last = ssd_sequential(x, dt, A, B, C, start)
    x, dt, A, B, C, start = (part.to(cuda, dtype) for part in (x, dt, A, B, C, start))
    found, state = ssd(x, dt, A, B, C, start)
    assert found.dtype == state.dtype == dtype
    for ours, reference in ((found[:, -20_000:], expected[:, -20_000:]), (found, expected), (state, last)):
        assert relative_error(ours.cpu(), reference) <= tolerance


@torch.inference_mode()
def test_fast_scan_beyond_the_int32_limit(cuda: torch.device) -> None:
    """Rows as long as the released model's, so that offsets in elements exceed 2**31."""
    length, heads, P, N, row = OVERFLOW + 3953, 112, 64, 128, 14_704
    g = torch.Generator(device=cuda).manual_seed(0)
    wide = torch.randn(1, length, row, generator=g, device=cuda, dtype=torch.bfloat16)
    x, B, C, dt, _ = wide.split([heads * P, N, N, heads, row - heads * P - 2 * N - heads], -1)
    x, B, C = x.unflatten(-1, (heads, P)), B[:, :, None], C[:, :, None]
    bias, a_log, D = (torch.full((heads,), value, device=cuda) for value in (-4.0, -2.0, 1.0))
    start = torch.randn(1, heads, P, N, generator=g, device=cuda)
    y, state = pick("scan", x)(x, dt, bias, a_log, B, C, D, start)
    for part in (slice(0, 2), slice(heads - 2, heads)):
        step = torch.nn.functional.softplus(dt[..., part].float() + bias[part])
        expected, last = ssd(x[:, :, part].float(), step, -a_log[part].exp(), B, C, start[:, part])
        expected += x[:, :, part].float()
        assert relative_error(y[:, -20_000:, part], expected[:, -20_000:]) <= 5e-3
        assert relative_error(state[:, part], last) <= 5e-3


@torch.inference_mode()
def test_fast_attention_beyond_the_int32_limit(cuda: torch.device) -> None:
    keys, values = (torch.randn(1, 5_000_000, 4, 128, device=cuda, dtype=torch.bfloat16) for _ in range(2))
    q = torch.randn(1, 4, 7, 128, device=cuda, dtype=torch.bfloat16)
    q[:, :, :4] += 3 * keys[0, -4:].transpose(0, 1)  # some rows attend to the very end
    found = pick("attend", q)(q, keys, values)
    for head in range(4):
        scores = q[0, head].float() @ keys[0, :, head].float().T * 128**-0.5
        assert relative_error(found[0, head], scores.softmax(-1) @ values[0, :, head].float()) <= 1e-2


@torch.inference_mode()
def test_kernels_are_as_good_as_plain_pytorch(cuda: torch.device) -> None:
    """Against float32, keys and values and the tokens behind them are no worse than those of plain PyTorch."""
    exact, rounded = small_model().to(cuda), small_model(torch.bfloat16)
    weights = {name: p.to(rounded.get_parameter(name).dtype) for name, p in exact.named_parameters()}
    rounded = rounded.to(cuda)
    rounded.load_state_dict(weights)
    reference = encode(exact, [])
    with only_plain():
        plainly = distance(encode(rounded, [3, 10]), reference)
    assert distance(encode(rounded, [3, 10]), reference) <= 1.5 * plainly


def test_float8_is_off_by_what_it_rounds(cuda: torch.device) -> None:
    exact, rounded = (small_model(torch.bfloat16, weights=weights).to(cuda) for weights in ("full", "fp8"))
    assert 0.005 < distance(encode(rounded, [3, 10]), encode(exact, [3, 10])) < 0.3


@pytest.mark.parametrize("kv", ["full", "int8", "fp8"])
@pytest.mark.parametrize("weights", ["full", "int8", "int4"])
@torch.inference_mode()
def test_a_captured_step_equals_the_layers_one_by_one(cuda: torch.device, weights: str, kv: str) -> None:
    model = small_model(torch.bfloat16, weights=weights).to(cuda)
    memory = encode(model, [], kv=kv)

    def video(layer: int) -> tuple[Rows, Rows]:
        keys, values = memory.read(layer, 0, PAIRS)
        return stacked([keys]), stacked([values])

    caches = [model.text_cache(1, 40) for _ in range(2)]
    prompt = torch.arange(9, device=cuda)[None]
    for cache in caches:
        model.decode(prompt, video, cache)
    assert StepGraph.suits(model, video, caches[0].advanced(9))
    graph = StepGraph(model, video, caches[0].advanced(9))
    cache = caches[1].advanced(9)
    for token in (5, 100, 7, 7, 260):
        hidden = model.decode(torch.tensor([[token]], device=cuda), video, cache)
        cache = cache.advanced(1)
        assert relative_error(graph(token), model.logits(hidden)[0, 0]) <= 0.05
    for _ in range(40 - 9 - 5):
        graph(1)
    with pytest.raises(ValueError, match="room for 40 tokens"):
        graph(1)


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference goldens are not beside this checkout")
@torch.inference_mode()
def test_golden_in_float32(cuda: torch.device) -> None:
    """The reference computed on a CPU; another order of sums costs a little, far less than a state that is lost."""
    folder = GOLDENS / "a"
    config, _ = read_config(folder)
    model = load_model(folder, config, device=cuda, last_mixer=True)
    expected = load_file(folder / "expected.safetensors", device=str(cuda))
    pairs, rows, columns = expected["video_grid_thw"][0].tolist()
    visual = model.vision(expected["pixel_values_videos"].reshape(pairs, rows * columns, -1), rows, columns)
    found = {"visual": visual.flatten(0, 1)}
    memory: list[tuple[Tensor, Tensor]] = []

    def emit(layer: int, keys: Tensor, values: Tensor) -> None:
        memory.append((keys, values))
        found[f"cross_key.{layer}"], found[f"cross_value.{layer}"] = keys.flatten(2), values.flatten(2)

    model.encode_chunk(
        visual.flatten(0, 1)[None], model.empty_states(), emit, lambda layer, v: found.update({f"mixer.{layer}": v})
    )
    ids = expected["input_ids"]
    found["logits"] = model.logits(model.decode(ids, memory.__getitem__))
    errors = {name: relative_error(ours, expected[name]) for name, ours in found.items()}
    assert len(errors) == 2 + 3 * config.num_layers
    assert {name: error for name, error in errors.items() if error > 5e-5} == {}
    assert int(found["logits"][0, -1].argmax()) == int(expected["generated_ids"][0, 0])
