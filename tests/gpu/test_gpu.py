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
from vamba_cli.engine.verify import relative_error
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.ssd import ssd, ssd_sequential
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


def encode(model: Vamba, cuts: Sequence[int]) -> VideoMemory:
    """The memory of a random video that is pushed in pieces."""
    frames = np.random.default_rng(0).integers(0, 256, (2 * PAIRS, 56, 84, 3), dtype=np.uint8)
    memory = VideoMemory.allocate(
        SMALL, PAIRS, TOKENS, end_seconds=float(PAIRS), device=model.device, dtype=model.dtype
    )  # fmt: skip
    encoder = Encoder(model, PixelConfig(), memory)
    for first, stop in pairwise([0, *cuts, PAIRS]):
        encoder.push(frames[2 * first : 2 * stop], np.arange(2.0 * first, 2.0 * stop))
    return memory


def distance(ours: VideoMemory, reference: VideoMemory) -> float:
    """The largest relative error of a layer's keys or values."""
    pairs = zip((*ours.keys, *ours.values), (*reference.keys, *reference.values), strict=True)
    return max(relative_error(a.cpu(), b.cpu()) for a, b in pairs)


def test_streaming_in_float32_equals_one_go(cuda: torch.device) -> None:
    model = small_model().to(cuda)
    assert distance(encode(model, [1, 2, 7, 16]), encode(model, [])) <= 1e-5


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
