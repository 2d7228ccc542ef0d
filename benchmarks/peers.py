"""vamba's kernels beside those of mamba-ssm and FlashAttention, at the released model's sizes, in turns.

    python benchmarks/peers.py --out results.json

Needs mamba-ssm; its Triton files are enough, so that nothing has to be compiled. FlashAttention 2 is the package
flash-attn where it is installed, else the copy in PyTorch; cuDNN's attention stands beside both. Each row gives the
microseconds of a call (median of `--turns`, each of which runs every candidate on the same tensors), how far apart the
results are, and the least time that this very card needs for the sums or for the bytes. Calls are captured in CUDA
graphs: what the processor needs to launch them is left out.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

import vamba_cli.weights
from vamba_cli.engine.speed import Ceilings, Moment, ceilings
from vamba_cli.engine.verify import relative_error
from vamba_cli.kernels.dispatch import pick
from vamba_cli.model.config import VambaConfig
from vamba_cli.weights.ready import open_folder
from vamba_cli.weights.registry import ResolvedModel

RELEASED = Path(vamba_cli.weights.__file__).parent / "released"
PATCHES, TOKENS_PER_PAIR = 1196, 299  # of a pair of frames of 644x364
PAIRS = 28  # in a chunk
DTYPE = torch.bfloat16


@dataclass(frozen=True, slots=True)
class Case:
    """One operation at one size: the candidates by name, ours first, and what they cannot do without."""

    operation: str
    size: str
    candidates: dict[str, Callable[[], Tensor]]
    flops: float
    num_bytes: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--calls", type=int, default=20, help="of a candidate in each turn")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    device = torch.device("cuda")
    config = open_folder(ResolvedModel("released", RELEASED, None)).config
    ceiling = ceilings(device, DTYPE)
    rows = []
    with torch.inference_mode():
        for case in _cases(config, device):
            rows.append(_measure(case, ceiling, args.turns, args.calls))
            print(json.dumps(rows[-1]), flush=True)
    result = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "dtype": str(DTYPE), "rows": rows}
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    slower = [f"{row['operation']}, {row['size']}" for row in rows if row["ours_over_fastest_peer"] > 1]
    print(
        f"{len(rows) - len(slower)} of {len(rows)}: vamba's is the fastest" + "".join(f"\nslower: {s}" for s in slower)
    )
    return 0


def _cases(config: VambaConfig, device: torch.device) -> Iterator[Case]:
    for pairs in (1, 4, PAIRS, 8 * PAIRS):
        yield _scan(config, device, pairs * TOKENS_PER_PAIR)
    for pairs in (1, PAIRS):
        yield _norm(config, device, pairs * TOKENS_PER_PAIR)
    for pairs in (1, 4, PAIRS):
        yield _patches(config, device, pairs)
    for tokens in (32 * TOKENS_PER_PAIR, 512 * TOKENS_PER_PAIR, 3072 * TOKENS_PER_PAIR):
        for texts in (1, 64):
            yield _attend(config, device, tokens, texts)


def _scan(config: VambaConfig, device: torch.device, length: int) -> Case:
    """The Mamba-2 recurrence with a carried state; a longer chunk is what mamba-ssm does best with."""
    from mamba_ssm.ops.triton.ssd_combined import mamba_chunk_scan_combined

    c = config.mixer
    convolved = torch.randn(1, length, c.conv_dim, device=device).to(DTYPE)  # x, B and C are slices of one tensor
    x, B, C = convolved.split([c.d_inner, c.num_groups * c.d_state, c.num_groups * c.d_state], -1)
    dt = torch.randn(1, length, c.num_heads, device=device).to(DTYPE)
    x = x.unflatten(-1, (c.num_heads, c.head_dim))
    B, C = (t.unflatten(-1, (c.num_groups, c.d_state)) for t in (B, C))
    bias = torch.full((c.num_heads,), -4.0, device=device)
    a_log = torch.linspace(-4, 2, c.num_heads, device=device)
    D = torch.ones(c.num_heads, device=device)
    state = torch.randn(1, c.num_heads, c.head_dim, c.d_state, device=device)
    A = -a_log.exp()

    def theirs(chunk: int) -> Callable[[], Tensor]:
        def run() -> Tensor:
            y, _ = mamba_chunk_scan_combined(
                x, dt, A, B, C, chunk, D=D, dt_bias=bias, initial_states=state, dt_softplus=True,
                return_final_states=True,
            )  # fmt: skip
            return y

        return run

    block = 64  # the least work: more tokens a block means more sums in its square, fewer means more states
    per_token = 2 * c.num_heads * c.head_dim * (block / 2 + 2 * c.d_state) + 2 * block / 2 * c.d_state
    return Case(
        "scan", f"{length} tokens",
        {
            "vamba": lambda: pick("scan", x)(x, dt, bias, a_log, B, C, D, state)[0],
            "mamba-ssm, chunks of 256": theirs(256), "mamba-ssm, chunks of 128": theirs(128),
        },
        length * per_token, length * DTYPE.itemsize * (2 * c.d_inner + 2 * c.num_groups * c.d_state + c.num_heads),
    )  # fmt: skip


def _norm(config: VambaConfig, device: torch.device, length: int) -> Case:
    """The norm behind the recurrence, of y times silu(z)."""
    from mamba_ssm.ops.triton.layernorm_gated import rmsnorm_fn

    c = config.mixer
    y, z = (torch.randn(1, length, c.d_inner, device=device).to(DTYPE) for _ in range(2))
    weight = torch.ones(c.d_inner, device=device, dtype=DTYPE)
    group = c.d_inner // c.num_groups
    return Case(
        "gated_rms_norm", f"{length} tokens",
        {
            "vamba": lambda: pick("gated_rms_norm", z)(y, z, weight, c.num_groups, 1e-5),
            "mamba-ssm": lambda: rmsnorm_fn(y, weight, None, z, 1e-5, group, norm_before_gate=False),
        },
        0, 3 * y.nbytes,
    )  # fmt: skip


def _patches(config: VambaConfig, device: torch.device, pairs: int) -> Case:
    """Attention inside pairs of frames, in the ViT."""
    heads = config.vision.num_heads
    head_dim = config.vision.embed_dim // heads
    qkv = torch.randn(pairs, PATCHES, 3, heads, head_dim, device=device).to(DTYPE)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    return Case(
        "attend_patches", f"{pairs} x {PATCHES} patches",
        {
            "vamba": lambda: pick("attend_patches", q)(q, k, v),
            **_attentions(q, k, v, lambda y: y.transpose(1, 2).flatten(-2)),
        },
        4 * pairs * heads * PATCHES**2 * head_dim, 4 * qkv.nbytes / 3,
    )  # fmt: skip


def _attend(config: VambaConfig, device: torch.device, tokens: int, length: int) -> Case:
    """Attention of a text of some tokens to those of a video; query heads that share keys lie along the rows."""
    kv_heads = config.num_kv_heads
    rows = config.num_heads // kv_heads * length
    q = torch.randn(1, kv_heads, rows, config.head_dim, device=device).to(DTYPE)
    keys, values = (torch.randn(1, tokens, kv_heads, config.head_dim, device=device).to(DTYPE) for _ in range(2))
    return Case(
        "attend", f"{length} to {tokens} tokens",
        {
            "vamba": lambda: pick("attend", q)(q, keys, values),
            **_attentions(q, keys.transpose(1, 2), values.transpose(1, 2), lambda y: y),
        },
        4 * rows * kv_heads * tokens * config.head_dim, keys.nbytes + values.nbytes,
    )  # fmt: skip


def _attentions(q: Tensor, k: Tensor, v: Tensor, shape: Callable[[Tensor], Tensor]) -> dict[str, Callable[[], Tensor]]:
    """Attention by others, of q, k, v (batch, heads, length, head_dim), with its result brought into a shape."""

    def by(backend: SDPBackend) -> Callable[[], Tensor]:
        def run() -> Tensor:
            with sdpa_kernel(backend):
                return shape(F.scaled_dot_product_attention(q, k, v))

        return run

    try:
        from flash_attn import flash_attn_func
    except ImportError:
        flash = {"FlashAttention 2 in PyTorch": by(SDPBackend.FLASH_ATTENTION)}
    else:
        by_length = [t.transpose(1, 2) for t in (q, k, v)]
        flash = {"flash-attn": lambda: shape(flash_attn_func(*by_length).transpose(1, 2))}
    return flash | {"cuDNN": by(SDPBackend.CUDNN_ATTENTION)}


def _measure(case: Case, ceiling: Ceilings, turns: int, calls: int) -> dict[str, Any]:
    ours, *theirs = case.candidates
    result = case.candidates[ours]()
    device = result.device
    apart: dict[str, float] = {}
    times: dict[str, list[float]] = {}
    for name in theirs:
        try:
            apart[name] = relative_error(case.candidates[name](), result)
        except RuntimeError as error:  # a size that it does not take
            print(f"{case.operation}, {case.size}: {name}: {str(error).splitlines()[0]}", file=sys.stderr)
    captured = {name: _captured(case.candidates[name], calls) for name in (ours, *apart)}
    for turn in range(turns + 1):
        for name, graph in captured.items():
            began = Moment(device)
            graph.replay()
            seconds = Moment(device).seconds_since(began)
            if turn:  # the first one warms up
                times.setdefault(name, []).append(1e6 * seconds / calls)
    medians = {name: statistics.median(found) for name, found in times.items()}
    fastest = min((medians[name] for name in apart), default=float("nan"))
    floor = max(case.flops / ceiling.sustained_flops, case.num_bytes / ceiling.bytes_per_second)
    return {
        "operation": case.operation, "size": case.size, "floor_microseconds": 1e6 * floor,
        "microseconds": medians, "spread": {name: [min(t), max(t)] for name, t in times.items()},
        "difference_from_ours": apart, "ours_over_fastest_peer": medians[ours] / fastest,
    }  # fmt: skip


def _captured(work: Callable[[], Tensor], calls: int) -> torch.cuda.CUDAGraph:
    """As many calls of some work, which ran before."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            work()
    return graph


if __name__ == "__main__":
    sys.exit(main())
