"""The released model's size on one GPU, with random weights: is it right, how fast, how much memory?

    python benchmarks/gpu.py --out results.json [--frames 64 1024]

Every figure stands beside its floor (arithmetic and bytes counted from the config) and beside the reference code's
figure from MODEL section 8. `--model DIR` with a small checkpoint and `--device cpu` runs the same script as a check.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import vamba_cli.weights
from vamba_cli.engine.budget import GIB, Workload, predict
from vamba_cli.engine.encode import Encoder, tokens_per_pair
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.mixer import Mamba2
from vamba_cli.model.ssd import ssd, ssd_sequential
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import random_model, read_config

RELEASED = Path(vamba_cli.weights.__file__).parent / "released"
PEAK_FLOPS, PEAK_BYTES = 787e12, 3.0e12  # bf16 and memory of one H100, measured (MODEL section 8)
REFERENCE = {  # frames: first token s, peak GiB, ms per further token
    128: (0.73, 25.1, 64), 256: (1.31, 29.0, 67), 512: (2.64, 37.0, 72), 1024: (5.21, 52.9, 116),
}  # fmt: skip
WIDTH, HEIGHT, TEXT_TOKENS, CHUNK_FRAMES = 640, 360, 64, 32


def relative(ours: Tensor, reference: Tensor) -> float:
    return float((ours.double() - reference.double()).norm() / reference.double().norm())


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def peak_gib(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / GIB if device.type == "cuda" else float("nan")


def timed(device: torch.device, work: Callable[[], object]) -> float:
    synchronise(device)
    started = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - started


@torch.inference_mode()
def probe_layer(config: VambaConfig, device: torch.device, length: int) -> dict[str, Any]:
    """The scan of one layer over `length` tokens in one call and in chunks, against its sequential definition."""
    c = config.mixer
    g = torch.Generator(device=device).manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, device=device)

    x, B, C = (
        normal(1, length, c.num_heads, c.head_dim),
        normal(1, length, c.num_groups, c.d_state),
        normal(1, length, c.num_groups, c.d_state),
    )
    dt = torch.rand(1, length, c.num_heads, generator=g, device=device) * 0.1
    A = -torch.linspace(0.002, 1, c.num_heads, device=device)  # some heads remember tens of thousands of tokens
    start = torch.zeros(1, c.num_heads, c.head_dim, c.d_state, device=device)
    keep = slice(max(0, length - 20_000), length)  # compare the end, where an offset that overflowed would show
    part = slice(0, min(8, c.num_heads))
    exact, state = ssd_sequential(x[:, :, part], dt[:, :, part], A[part], B, C, start[:, part])
    exact = exact[:, keep].clone()
    whole, whole_state = ssd(x, dt, A, B, C, start)
    result = {
        "tokens": length,
        "one_call_vs_definition": relative(whole[:, keep, part], exact),
        "state_vs_definition": relative(whole_state[:, part], state),
    }
    h, pieces = start, []
    for first in range(0, length, 4784):
        piece = slice(first, first + 4784)
        y, h = ssd(x[:, piece], dt[:, piece], A, B[:, piece], C[:, piece], h)
        pieces.append(y[:, :, part])
    result["chunks_vs_definition"] = relative(torch.cat(pieces, 1)[:, keep], exact)
    return result


@torch.inference_mode()
def mixer_precision(config: VambaConfig, device: torch.device, dtype: torch.dtype, length: int) -> float:
    """Relative error of a whole mixer in `dtype`, streamed in chunks, against float32 in one go."""
    torch.manual_seed(0)
    with torch.device(device):
        exact = Mamba2(config.mixer)
    exact.conv1d.weight.data.uniform_(-0.5, 0.5)
    exact.dt_bias.data.uniform_(-6.9, -2.3)
    exact.A_log.data.uniform_(0, 2.7)
    u = torch.randn(1, length, config.hidden_size, device=device)
    reference, _ = exact(u, exact.empty_state())
    low = Mamba2(config.mixer).to(device, dtype)
    low.load_state_dict(exact.state_dict())
    state, pieces = low.empty_state(), []
    for first in range(0, length, 4784):
        y, state = low(u[:, first : first + 4784].to(dtype), state)
        pieces.append(y)
    return relative(torch.cat(pieces, 1), reference)


def frames_of(num: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (num, HEIGHT, WIDTH, 3), dtype=np.uint8)


def encode(model: Vamba, pixels: PixelConfig, num_frames: int, chunk_frames: int) -> VideoMemory:
    """Encode `num_frames` random frames; the same ones whatever the chunk."""
    per_pair = tokens_per_pair(WIDTH, HEIGHT, pixels, model.config.vision.cell)
    memory = VideoMemory.allocate(
        model.config, num_frames // 2, per_pair, end_seconds=float(num_frames), device=model.device, dtype=model.dtype
    )
    encoder = Encoder(model, pixels, memory)
    pool = frames_of(64, 0)
    for first in range(0, num_frames, chunk_frames):
        index = np.arange(first, min(first + chunk_frames, num_frames))
        encoder.push(pool[index % 64], index.astype(np.float64))
    return memory


@torch.inference_mode()
def one_size(model: Vamba, pixels: PixelConfig, num_frames: int) -> dict[str, Any]:
    """Time to the first token, time of each further one, and peak memory, with floors."""
    device, config = model.device, model.config
    encode(model, pixels, 2 * CHUNK_FRAMES, CHUNK_FRAMES)  # warm-up
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    ids = torch.randint(0, config.vocab_size, (1, TEXT_TOKENS), device=device)
    kept: list[VideoMemory] = []
    encode_seconds = timed(device, lambda: kept.append(encode(model, pixels, num_frames, CHUNK_FRAMES)))
    memory = kept[0]

    def video(layer: int) -> tuple[Tensor, Tensor]:
        keys, values = memory.rows(layer, 0, memory.num_pairs)
        return keys[None], values[None]

    cache = model.text_cache(1, TEXT_TOKENS + 16)
    token = torch.zeros(1, 1, dtype=torch.long, device=device)

    def step(tokens: Tensor) -> None:
        nonlocal cache, token
        hidden = model.decode(tokens, video, cache)
        cache = cache.advanced(tokens.shape[1])
        token = model.logits(hidden[:, -1:]).argmax(-1)

    prompt_seconds = timed(device, lambda: step(ids))
    step(token)

    def eight() -> None:
        for _ in range(8):
            step(token)

    per_token = timed(device, eight) / 8
    work = Workload(num_frames // 2, memory.tokens_per_pair, CHUNK_FRAMES // 2, CHUNK_FRAMES // 2, 2, 2)
    cost = predict(config, work)
    finite = all(bool(torch.isfinite(t).all()) for t in (*memory.keys[:1], *memory.values[-1:]))
    reference = REFERENCE.get(num_frames, (None, None, None))
    return {
        "frames": num_frames, "video_tokens": memory.num_tokens, "finite": finite,
        "first_token_seconds": encode_seconds + prompt_seconds, "prompt_seconds": prompt_seconds,
        "first_token_floor_seconds": cost.encode_flops / PEAK_FLOPS, "reference_first_token_seconds": reference[0],
        "peak_gib": peak_gib(device), "peak_floor_gib": (cost.weight_bytes + cost.memory_bytes) / GIB,
        "predicted_peak_gib": cost.peak_bytes / GIB, "reference_peak_gib": reference[1],
        "token_milliseconds": per_token * 1e3,
        "token_floor_milliseconds": (15.6e9 + memory.num_bytes) / PEAK_BYTES * 1e3,
        "reference_token_milliseconds": reference[2],
    }  # fmt: skip


@torch.inference_mode()
def streaming(model: Vamba, pixels: PixelConfig, num_frames: int = 64) -> dict[str, float]:
    """Largest relative difference of keys and values, streamed against one go."""
    whole = encode(model, pixels, num_frames, num_frames)
    split = encode(model, pixels, num_frames, 6)
    errors = [relative(a, b) for a, b in zip(split.keys + split.values, whole.keys + whole.values, strict=True)]
    return {"frames": num_frames, "largest_error": max(errors), "first_layer_error": errors[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=RELEASED, help="folder with config.json")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--frames", type=int, nargs="+", default=[64, 1024])
    parser.add_argument("--probe-tokens", type=int, default=153_088, help="beyond 146,047, where int32 offsets end")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    device = torch.device(args.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    config, pixels = read_config(args.model)
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "dtype": str(dtype),
    }

    def keep(name: str, value: Any) -> None:
        results[name] = value
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        print(name, json.dumps(value), flush=True)

    keep("probe_layer", probe_layer(config, device, args.probe_tokens))
    if device.type == "cuda":
        torch.cuda.empty_cache()
    keep("mixer_in_low_precision_error", mixer_precision(config, device, dtype, min(args.probe_tokens, 9568)))
    started = time.perf_counter()
    model = random_model(config, device=device, dtype=dtype)
    keep("parameters", sum(p.numel() for p in model.parameters()))
    keep("weights_seconds", time.perf_counter() - started)
    keep("streaming", streaming(model, pixels))
    for num_frames in args.frames:
        keep(f"{num_frames} frames", one_size(model, pixels, num_frames))


if __name__ == "__main__":
    main()
