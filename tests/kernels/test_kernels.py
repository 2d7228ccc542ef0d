"""Every kernel against plain PyTorch in float32.

On a CUDA device they run in bfloat16. Without one they run in float32 in triton's interpreter where TRITON_INTERPRET=1
asks for it and triton can be imported; else these tests skip.
"""

import importlib.util
import math
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vamba_cli.engine.verify import relative_error
from vamba_cli.kernels import dispatch, plain
from vamba_cli.kernels.packed import DTYPES, pack
from vamba_cli.model.patches import bicubic_taps, resize
from vamba_cli.model.rope import patch_rotary, rotate, text_rotary
from vamba_cli.weights.quantise import to_float8, to_int4, to_int8

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1" and not torch.cuda.is_available()
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")
DTYPE = torch.float32 if INTERPRETED else torch.bfloat16
CLOSE = 1e-5 if INTERPRETED else 5e-3  # bfloat16 rounds by up to 2**-9 = 0.002

pytestmark = [pytest.mark.gpu]
if INTERPRETED:  # the interpreter asks NumPy for what newer versions refuse
    pytestmark.append(pytest.mark.filterwarnings("ignore::DeprecationWarning"))


@pytest.fixture(autouse=True, scope="module")
def somewhere_to_run() -> None:
    if importlib.util.find_spec("triton") is not None and (INTERPRETED or torch.cuda.is_available()):
        return
    if os.environ.get("FAIL_WITHOUT_CUDA") == "1":
        pytest.fail("FAIL_WITHOUT_CUDA=1, but there is no CUDA device, or no triton")
    pytest.skip("no CUDA device and no triton interpreter")


def fast(name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module(f"vamba_cli.kernels.{dispatch.FAST[name]}"), name)


def step() -> ModuleType:
    return importlib.import_module("vamba_cli.kernels.triton_step")


def random(*shape: int, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=g).to(DEVICE, DTYPE)


def assert_equal(name: str, *arguments: Any) -> None:
    """The kernel in 16 bits equals plain PyTorch in float32."""
    wide = [a.float() if isinstance(a, Tensor) and a.is_floating_point() else a for a in arguments]
    expected = getattr(plain, name)(*wide)
    found = fast(name)(*[a.clone() if isinstance(a, Tensor) and a.is_contiguous() else a for a in arguments])
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    for ours, reference in pairs:
        assert relative_error(ours.float(), reference.float()) <= CLOSE


@pytest.mark.parametrize(("N", "more"), [(32, 4), (32, 3), (12, 4)])
@pytest.mark.parametrize("length", [1, 5, 64, 130, 1100])
def test_scan(length: int, N: int, more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At odd lengths, in one segment and in several, on slices of wider rows: aligned, others, and of odd states."""
    monkeypatch.setattr(importlib.import_module("vamba_cli.kernels.triton_scan"), "num_processors", lambda _: 16)
    heads, P, groups = 4, 16, 2
    wide = random(2, length, heads * P + 2 * groups * N + heads + more)
    x, B, C, dt, _ = wide.split([heads * P, groups * N, groups * N, heads, more], -1)
    x, B, C = x.unflatten(-1, (heads, P)), B.unflatten(-1, (groups, N)), C.unflatten(-1, (groups, N))
    own = [random(heads, seed=i).float() for i in range(3)]
    state = random(2, heads, P, N).float()
    assert_equal("scan", x, dt - 2, own[0], 0.5 * own[1], B, C, own[2], state)


@pytest.mark.parametrize("programs", [1, 12, 112, 300])
def test_a_scan_is_cut_evenly(programs: int) -> None:
    partition = importlib.import_module("vamba_cli.kernels.triton_scan").partition
    for blocks in (1, 7, 16, 17, 20, 24, 56, 131, 1000):
        segments, pieces, piece_blocks = partition(programs, blocks, 132)
        length = pieces * piece_blocks
        assert (segments - 1) * length < blocks <= segments * length  # all are there, and none is empty
        wanted = max(1, min(264 // programs, blocks // 8))
        assert -(-blocks // wanted) <= length < -(-blocks // wanted) + pieces
        assert programs * (segments - 1) * pieces <= 4 * 132 or pieces == 1
    assert partition(112, 131, 132) == (2, 4, 17) and partition(12, 24, 132)[0] == 3


def test_scan_of_what_decays_within_a_token() -> None:
    """Factors between tokens vanish, and none is infinite on the way."""
    x, B, C = random(1, 200, 2, 16), random(1, 200, 1, 16), random(1, 200, 1, 16, seed=1)
    rates = torch.tensor([8.0, -3.0], device=DEVICE)
    state = random(1, 2, 16, 16).float()
    assert_equal("scan", x, random(1, 200, 2) + 4, rates, rates, B, C, rates, state)


@pytest.mark.parametrize("length", [1, 2, 3, 40, 70])
def test_conv_silu(length: int) -> None:
    x = random(2, length, 304)[..., 16:]
    assert_equal("conv_silu", x, random(2, 288, 3), random(288, 1, 4), random(288))


@pytest.mark.parametrize("width", [100, 384])
def test_norms(width: int) -> None:
    """Of rows that are masked, and of those that are whole parts."""
    x, weight = random(3, 5, width), random(width)
    assert_equal("rms_norm", x, weight, 1e-6)
    for groups in (1, 2):
        assert_equal("gated_rms_norm", x, random(3, 5, width + 50)[..., 7 : width + 7], weight, groups, 1e-5)
    assert_equal("shifted_layer_norm", x, random(width, seed=1).float(), weight, random(width, seed=2), 1e-6)


def test_activations() -> None:
    assert_equal("swiglu", random(3, 500), random(3, 500, seed=1))
    assert_equal("quick_gelu", random(3, 500))
    if not INTERPRETED:
        assert_equal("linear_quick_gelu", random(2, 301, 72), random(264, 72) / 8, random(264))


def test_cards_with_little_shared_memory_have_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of consumers, which copy tiles, too, from the generation of 2025 on."""
    vision = importlib.import_module("vamba_cli.kernels.triton_vision")
    monkeypatch.setattr(vision, "shared_bytes", lambda _: 101_376)
    monkeypatch.setattr(vision, "_linear", None)
    assert_equal("linear_quick_gelu", random(2, 301, 72), random(264, 72) / 8, random(264))
    monkeypatch.setattr(vision, "_MANY", 0)
    x, weight, bias, table = random(2, 24, 72), random(96, 72), random(96), patch_rotary(4, 6, 16, 2, DEVICE)
    ours = fast("qkv_patches")(x, weight, bias, 2, table)
    assert (
        relative_error(ours[0].float(), plain.qkv_patches(x.float(), weight.float(), bias.float(), 2, table)[0]) < CLOSE
    )


@pytest.mark.parametrize("shape", [(40, 96, 64), (300, 7168, 192), (3, 64, 64), (20, 60, 64)])
def test_products_in_float8(shape: tuple[int, int, int]) -> None:
    """Rows of both factors are rounded; of few rows, odd widths and what cuBLAS lacks, the weights alone."""
    rows, width, columns = shape
    weight, bias = random(columns, width), random(columns)
    x = 3 * random(2, rows // 2, width)
    x[0, 0] = 0
    data, scale = to_float8(weight.float())
    found = fast("linear_fp8")(x, data, scale, bias)
    assert found.dtype == DTYPE and found.shape == (2, rows // 2, columns)
    close = 0.09 if INTERPRETED else 0.045  # the interpreter cuts off where hardware rounds
    error = relative_error(found.float(), F.linear(x.float(), weight.float(), bias.float()))
    assert (0.03 if rows == 40 else 0.01) < error <= close  # of one factor it is 0.026
    assert relative_error(found[0, 0].float(), bias.float()) <= 5e-3


def test_products_in_float8_that_cublas_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made in plain PyTorch; any other fault is told."""
    x, (data, scale) = random(40, 96), to_float8(random(64, 96).float())
    says = "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling cublasLtMatmulAlgoGetHeuristic"

    def fails(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError(says)

    monkeypatch.setattr(torch, "_scaled_mm", fails)
    assert torch.equal(fast("linear_fp8")(x, data, scale), plain.linear_fp8(x, data, scale))
    says = "out of memory"
    with pytest.raises(RuntimeError, match="out of memory"):
        fast("linear_fp8")(x, data, scale)


def test_sums_inside_products() -> None:
    assert_equal("add_product", random(2, 7, 24), random(2, 7, 40), random(24, 40))


@pytest.mark.parametrize("width", [16, 1500])
def test_one_row_times_a_matrix(width: int) -> None:
    assert_equal("linear", random(1, 1, width), random(77, width), random(77))
    assert_equal("linear", random(1, 1, width), random(77, width))
    assert_equal("linear", random(1, 3, width), random(77, width))


@pytest.mark.parametrize(("batch", "rows", "tokens"), [(1, 7, 1000), (2, 70, 333), (1, 1, 3), (3, 16, 64)])
def test_attention_over_many_tokens(batch: int, rows: int, tokens: int) -> None:
    q = random(batch, 2, rows, 20)
    assert_equal("attend", q, random(batch, tokens + 5, 2, 20)[:, 2 : tokens + 2], random(batch, tokens, 2, 20, seed=1))


@pytest.mark.parametrize("head_dim", [128, 24])
def test_rotary_of_text(head_dim: int) -> None:
    angles = random(7, head_dim // 2).float().repeat(1, 2)
    for x in (random(2, 7, 3, head_dim).transpose(1, 2), random(2, 3, 7, head_dim), random(3, 7, head_dim)):
        assert_equal("rotate", x, angles.cos(), angles.sin())
        assert_equal("rotate", x, angles[:1].cos(), angles[:1].sin())


def test_rotary_of_patches() -> None:
    angles = random(7, 10).float().repeat(1, 2)
    assert_equal("rotate_patches", random(2, 7, 3, 3, 20), angles.cos(), angles.sin())


@pytest.mark.parametrize(("many", "head_dim"), [(10_000, 20), (0, 40), (0, 80)])
def test_queries_keys_and_values_of_patches(many: int, head_dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows in two steps, many in one; there the numbers of a head have an order that q and k share."""
    if many == 0 and INTERPRETED:
        pytest.skip("the interpreter has no angles in one instruction")
    monkeypatch.setattr(importlib.import_module("vamba_cli.kernels.triton_vision"), "_MANY", many)
    table = patch_rotary(10, 14, head_dim, 2, DEVICE)
    x, weight, bias = random(3, 140, 72), random(9 * head_dim, 72) / 8, random(9 * head_dim)
    expected = plain.qkv_patches(x.float(), weight.float(), bias.float(), 3, table)
    found = fast("qkv_patches")(x, weight, bias, 3, table)
    for ours, reference in zip(found[:2], expected[:2], strict=True):
        if many == 0:
            ours = torch.cat((ours[..., ::2], ours[..., 1::2]), -1)
        assert relative_error(ours.float(), reference) <= CLOSE
    assert relative_error(found[2].float(), expected[2]) <= CLOSE


@pytest.mark.parametrize(("patches", "heads", "head_dim"), [(300, 2, 80), (128, 3, 48), (70, 2, 24), (5, 1, 80)])
def test_attention_of_patches(patches: int, heads: int, head_dim: int) -> None:
    """Whole blocks of keys and parts of them; heads of two pieces and, in plain PyTorch, others."""
    assert_equal("attend_patches", *random(2, patches, 3, heads, head_dim).permute(2, 0, 3, 1, 4))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value", "ignore:All-NaN")  # from the interpreter's NumPy
def test_attention_of_patches_to_keys_far_above_the_first_block() -> None:
    """The last keys come first, and what they say of a row's largest score is far off for some rows."""
    qkv = random(1, 200, 3, 2, 80)
    qkv[:, :100, 1] *= 20  # scores of 200 and more where those of the last block are about 10
    qkv[:, 70:, 0] /= 20
    scores = (qkv[0, :, 0].transpose(0, 1).float() @ qkv[0, :, 1].permute(1, 2, 0).float()) / 80**0.5
    gains = (scores.amax(-1) - scores[..., 192:].amax(-1)) / math.log(2)
    assert (gains[:, :70] > 96).any() and (gains[:, 128:] < 96).all()
    assert_equal("attend_patches", *qkv.permute(2, 0, 3, 1, 4))
    both = torch.cat((qkv, torch.full_like(qkv, float("nan"))))  # the last block has values of the next pair, too
    assert torch.equal(fast("attend_patches")(*both.permute(2, 0, 3, 1, 4))[0],
                       fast("attend_patches")(*qkv.permute(2, 0, 3, 1, 4))[0])  # fmt: skip
    qkv[:, :100, 1] *= float("inf")
    assert fast("attend_patches")(*qkv.permute(2, 0, 3, 1, 4)).isnan().any()  # as in plain PyTorch


@pytest.mark.parametrize(("size", "new_size"), [((36, 64), (28, 56)), ((90, 160), (56, 84)), ((20, 56), (28, 56))])
def test_pixels(size: tuple[int, int], new_size: tuple[int, int]) -> None:
    """Resized frames are equal to those of the CPU path to the last bit; patches within rounding."""
    frames = torch.randint(0, 256, (4, *size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    ours = frames.to(DEVICE)
    for dim in (2, 1):
        taps = bicubic_taps(size[dim - 1], new_size[dim - 1], DEVICE)
        ours = fast("resample")(ours, *taps, dim=dim)
    assert torch.equal(ours.cpu(), resize(frames, *new_size))
    rest = (2, 14, 2, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25))
    found, expected = fast("patches")(ours, *rest, DTYPE), plain.patches(ours, *rest, torch.float32)
    assert relative_error(found.float(), expected) <= CLOSE


def test_changes_of_blocks() -> None:
    """Between frames that lie apart, with pixels left over at the right and at the bottom."""
    frames = torch.randint(0, 256, (6, 37, 531, 3), dtype=torch.uint8, device=DEVICE)
    one, other = frames[::2], frames[1::2]
    assert torch.equal(fast("block_changes")(one, other, 8), plain.block_changes(one, other, 8))


def test_products_of_a_step() -> None:
    weights = [random(n, 150, seed=n) for n in (20, 8, 8, 12)]
    biases = [random(len(w), seed=9) for w in weights]
    x, y = random(2, 150), random(48)
    step().products(x[0], weights, biases, y)
    expected = torch.cat([w.float() @ x[0].float() + b.float() for w, b in zip(weights, biases, strict=True)])
    assert relative_error(y.float(), expected) <= CLOSE
    step().products(x, weights[:2], [], y[:28])
    assert (
        relative_error(y[:28].float(), torch.cat([w.float() @ r.float() for w, r in zip(weights, x, strict=False)]))
        <= CLOSE
    )
    step().gated_products(x[0], weights[0], weights[3].repeat(2, 1)[:20], y[:20])
    gate, up = weights[0].float() @ x[0].float(), weights[3].repeat(2, 1)[:20].float() @ x[0].float()
    assert relative_error(y[:20].float(), F.silu(gate) * up) <= CLOSE


@pytest.mark.parametrize("alpha", [None, 0.3, 1.7])
def test_sum_and_norm_of_a_step(alpha: float | None) -> None:
    x, added, weight, y = random(150), random(2, 150), random(150, seed=1), random(150)
    balance = None if alpha is None else torch.tensor([alpha], device=DEVICE, dtype=DTYPE)
    share = 1.0 if alpha is None else min(1.0, float(torch.tensor(alpha, dtype=DTYPE)))
    other = 1.0 if alpha is None else 1 - share
    total = x.float() + share * added[0].float() + other * added[1].float()
    step().add_norm(x, added, balance, weight, 1e-6, y)
    assert relative_error(x.float(), total) <= CLOSE
    assert relative_error(y.float(), plain.rms_norm(total, weight.float(), 1e-6)) <= 2 * CLOSE


@pytest.mark.parametrize("position", [0, 3, 64, 130])
def test_text_attention_of_a_step(position: int) -> None:
    kv_heads, group, D = 2, 3, 20
    q, k, v, y = random(kv_heads * group * D), random(kv_heads * D, seed=1), random(kv_heads * D, seed=2), random(120)
    keys, values = random(140, kv_heads, D), random(140, kv_heads, D, seed=3)
    place = torch.tensor([position], device=DEVICE)
    rotary = text_rotary(place, D, 1e6)
    expected_keys, expected_values = keys.float(), values.float()
    expected_keys[position] = rotate(k.float().view(kv_heads, 1, D), rotary)[:, 0]
    expected_values[position] = v.float().view(kv_heads, D)
    seen_keys, seen_values = (t[: position + 1].transpose(0, 1)[None] for t in (expected_keys, expected_values))
    turned = rotate(q.float().view(kv_heads * group, 1, D), rotary)[None]
    expected = F.scaled_dot_product_attention(turned, seen_keys, seen_values, enable_gqa=True).flatten()
    step().text_attention(q, k, v, keys, values, place, 1e6, y)
    assert relative_error(y.float(), expected) <= 2 * CLOSE
    assert relative_error(keys.float(), expected_keys) <= CLOSE
    assert relative_error(values.float(), expected_values) <= CLOSE


@pytest.mark.parametrize("width", [128, 1408])
def test_one_row_times_a_quantised_matrix(width: int) -> None:
    """Against the dense copy of the same codes."""
    x, bias, weight = random(1, 1, width), random(77), random(77, width, seed=1).float()
    codes, scale = to_int8(weight, DTYPE)
    for extra in ((bias,), ()):
        assert_equal("linear_int8", x, codes, scale, *extra)
        assert_equal("linear_int4", x, *to_int4(weight, DTYPE), *extra)


@pytest.mark.parametrize(("vectors", "rows", "width"), [((3,), 77, 192), ((2, 70), 300, 128), ((1, 129), 128, 1408)])
def test_some_rows_times_a_quantised_matrix(vectors: tuple[int, ...], rows: int, width: int) -> None:
    """Parts of tiles and whole ones; of very many rows a dense copy is made."""
    x, bias, weight = random(*vectors, width), random(rows), random(rows, width, seed=1).float() / width**0.5
    for extra in ((bias,), ()):
        assert_equal("linear_int8", x, *to_int8(weight, DTYPE), *extra)
        assert_equal("linear_int4", x, *to_int4(weight, DTYPE), *extra)
    assert_equal("linear_int8", x.transpose(0, -2), *to_int8(weight, DTYPE))
    assert fast("linear_int8")(x[:0], *to_int8(weight, DTYPE)).shape == (0, *vectors[1:], rows)


@pytest.mark.parametrize("kind", ["int8", "fp8"])
@pytest.mark.parametrize(("batch", "rows", "tokens"), [(1, 7, 1000), (2, 70, 333), (1, 1, 3)])
def test_attention_over_packed_tokens(kind: str, batch: int, rows: int, tokens: int) -> None:
    """On slices of a longer memory, against plain PyTorch with the same codes."""
    if kind == "fp8" and not INTERPRETED and torch.cuda.get_device_capability() < (8, 9):
        pytest.skip("the GPU does not read float8")
    q = random(batch, 2, rows, 20)
    keys, values = (
        pack(random(batch, tokens + 5, 2, 20, seed=seed), DTYPES[kind]).tokens(slice(2, tokens + 2)) for seed in (0, 1)
    )
    expected = plain.attend_packed(q.float(), keys, values)
    assert relative_error(fast("attend_packed")(q, keys, values).float(), expected) <= CLOSE
