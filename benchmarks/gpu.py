"""The released model's size on one GPU, with random weights: is it right, how fast, how much memory?

    python benchmarks/gpu.py --out results.json [--frames 1024 4096] [--longest]

Times are medians of `--repeats` runs after a warm-up, with all of them beside; floors are counted from the config and
from what this very card reaches in a large product and a large copy. `--model DIR` with a small checkpoint and
`--device cpu` runs the same script as a check.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import vamba_cli.weights
from vamba_cli.engine.budget import GIB, Workload, num_parameters, pairs_that_fit, predict
from vamba_cli.engine.encode import Encoder, forward_pairs, tokens_per_pair
from vamba_cli.engine.generate import Following, view
from vamba_cli.engine.signals import Probe, signals
from vamba_cli.kernels.dispatch import is_fast_for, only_plain, pick, table
from vamba_cli.kernels.ssd import ssd_sequential
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import random_model, read_config
from vamba_cli.weights.tokenizer import ByteTokenizer

RELEASED = Path(vamba_cli.weights.__file__).parent / "released"
REFERENCE = {  # frames: first token s, peak GiB, ms per further token, on one H100 (MODEL section 8)
    128: (0.73, 25.1, 64), 256: (1.31, 29.0, 67), 512: (2.64, 37.0, 72), 1024: (5.21, 52.9, 116),
}  # fmt: skip
WIDTH, HEIGHT, TEXT_TOKENS, NEW_TOKENS, CHUNK_FRAMES = 640, 360, 64, 64, 64


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


def spread(seconds: list[float]) -> dict[str, Any]:
    """The median of some times, and all of them."""
    return {"median": statistics.median(seconds), "all": seconds}


def ceilings(device: torch.device) -> dict[str, float]:
    """What this card reaches: bfloat16 products, in short and for a second, and a copy (bytes read plus written)."""
    if device.type != "cuda":
        return {"flops": 1e11, "sustained_flops": 1e11, "bytes": 1e10}
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    short = timed(device, lambda: [a @ b for _ in range(10)]) / 10
    long = timed(device, lambda: [a @ b for _ in range(600)]) / 600
    big = torch.randn(1 << 30, device=device, dtype=torch.bfloat16)
    there = big.clone()
    copied = timed(device, lambda: [there.copy_(big) for _ in range(10)]) / 10
    flops = 2 * 8192**3
    return {"flops": flops / short, "sustained_flops": flops / long, "bytes": 4 * (1 << 30) / copied}


@torch.inference_mode()
def probe_scan(config: VambaConfig, device: torch.device, dtype: torch.dtype, length: int) -> dict[str, Any]:
    """The scan of one layer over `length` tokens in one call and in chunks, against its definition in float32."""
    c = config.mixer
    g = torch.Generator(device=device).manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, device=device).to(dtype)

    wide = normal(1, length, c.in_dim)  # x, B and C as slices of long rows: this is where 32-bit offsets end
    x, B, C, dt = wide[..., : c.conv_dim + c.num_heads].split(
        [c.d_inner, c.num_groups * c.d_state, c.num_groups * c.d_state, c.num_heads], -1
    )
    x = x.unflatten(-1, (c.num_heads, c.head_dim))
    B, C = (t.unflatten(-1, (c.num_groups, c.d_state)) for t in (B, C))
    bias = torch.full((c.num_heads,), -4.0, device=device)
    a_log = torch.linspace(-4, 2, c.num_heads, device=device)  # some heads remember thousands of tokens
    D = torch.ones(c.num_heads, device=device)
    start = torch.zeros(1, c.num_heads, c.head_dim, c.d_state, device=device)
    part = slice(0, min(8, c.num_heads))
    step = torch.nn.functional.softplus(dt[..., part].float() + bias[part])
    exact, state = ssd_sequential(x[:, :, part].float(), step, -a_log[part].exp(), B, C, start[:, part])
    exact += x[:, :, part].float()
    scan = pick("scan", x)
    whole, whole_state = scan(x, dt, bias, a_log, B, C, D, start)
    keep = slice(max(0, length - 20_000), length)  # the end, where an offset that overflowed would show
    result = {
        "tokens": length,
        "one_call_vs_definition": relative(whole[:, keep, part], exact[:, keep]),
        "state_vs_definition": relative(whole_state[:, part], state),
    }
    h, pieces = start, []
    for first in range(0, length, 4784):
        p = slice(first, first + 4784)
        y, h = scan(x[:, p], dt[:, p], bias, a_log, B[:, p], C[:, p], D, h)
        pieces.append(y[:, :, part])
    result["chunks_vs_definition"] = relative(torch.cat(pieces, 1)[:, keep], exact[:, keep])
    return result


def frames_of(num: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (num, HEIGHT, WIDTH, 3), dtype=np.uint8)


POOL = frames_of(64, 0)


@torch.inference_mode()
def encode(model: Vamba, pixels: PixelConfig, num_frames: int, chunk_frames: int = CHUNK_FRAMES) -> VideoMemory:
    """Encode `num_frames` random frames; the same ones whatever the chunk."""
    per_pair = tokens_per_pair(WIDTH, HEIGHT, pixels, model.config.vision.cell)
    memory = VideoMemory.allocate(
        model.config, num_frames // 2, per_pair, end_seconds=float(num_frames), device=model.device, dtype=model.dtype
    )
    encoder = Encoder(model, pixels, memory, overlap=True)
    for first in range(0, num_frames, chunk_frames):
        index = np.arange(first, min(first + chunk_frames, num_frames))
        whole = chunk_frames == len(POOL)  # then no copy: frames come ready from the decoder's thread
        encoder.push(POOL[: len(index)] if whole else POOL[index % len(POOL)], index.astype(np.float64))
    encoder.finish()
    return memory


class Asker:
    """Asks a memory with random tokens, greedily."""

    def __init__(self, model: Vamba, memory: VideoMemory) -> None:
        self.model, self.memory = model, memory
        self.following: Following | None = None
        self.token = 0

    @torch.inference_mode()
    def first(self) -> None:
        """Read a new question up to the first token of its answer."""
        self.following = None  # frees a captured graph
        model = self.model
        ids = np.random.default_rng().integers(0, model.config.vocab_size, TEXT_TOKENS).tolist()
        video = view(model, self.memory, [(0, self.memory.num_pairs)])
        self.following = Following(model, video, model.text_cache(1, TEXT_TOKENS + NEW_TOKENS))
        self.token = int(self.following(ids).argmax())

    @torch.inference_mode()
    def more(self, num_tokens: int) -> None:
        assert self.following is not None
        for _ in range(num_tokens):
            self.token = int(self.following([self.token]).argmax())


def workload(model: Vamba, pixels: PixelConfig, num_frames: int) -> Workload:
    per_pair = tokens_per_pair(WIDTH, HEIGHT, pixels, model.config.vision.cell)
    batch = min(CHUNK_FRAMES // 2, forward_pairs(model.device))
    element = model.dtype.itemsize
    fast = is_fast_for(model.device, model.dtype)
    return Workload(num_frames // 2, per_pair, CHUNK_FRAMES // 2, batch, element, element, fast)


def one_size(
    model: Vamba, pixels: PixelConfig, num_frames: int, repeats: int, ceiling: dict[str, float]
) -> dict[str, Any]:
    """Times to the first token, of each further one and of a second question, and peak memory, with floors."""
    device, config = model.device, model.config
    kept: list[Asker] = []

    def first_token() -> None:
        kept.append(Asker(model, encode(model, pixels, num_frames)))
        kept[0].first()

    first_seconds, peaks = [], []
    for _ in range(repeats):
        kept.clear()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        first_seconds.append(timed(device, first_token))
        peaks.append(peak_gib(device))
    asker = kept[0]
    started_seconds = timed(device, partial(asker.more, 1))
    token_seconds = [timed(device, partial(asker.more, 12)) / 12 for _ in range(3)]
    question_seconds = [timed(device, asker.first) for _ in range(3)]
    cost = predict(config, workload(model, pixels, num_frames))
    _, _, text = num_parameters(config)
    read_bytes = (text - config.vocab_size * config.hidden_size) * model.dtype.itemsize + asker.memory.num_bytes
    reference = REFERENCE.get(num_frames, (None, None, None))
    return {
        "frames": num_frames, "video_tokens": asker.memory.num_tokens,
        "finite": all(bool(torch.isfinite(t[-1000:]).all()) for t in (*asker.memory.keys, *asker.memory.values)),
        "first_token_seconds": spread(first_seconds), "reference_first_token_seconds": reference[0],
        "first_token_floor_seconds": cost.encode_flops / ceiling["flops"],
        "first_token_sustained_floor_seconds": cost.encode_flops / ceiling["sustained_flops"],
        "second_question_seconds": spread(question_seconds), "graph_capture_seconds": started_seconds,
        "token_milliseconds": spread([1e3 * s for s in token_seconds]), "reference_token_milliseconds": reference[2],
        "token_floor_milliseconds": read_bytes / ceiling["bytes"] * 1e3,
        "peak_gib": max(peaks), "predicted_peak_gib": cost.peak_bytes / GIB, "reference_peak_gib": reference[1],
        "peak_floor_gib": (cost.weight_bytes + cost.memory_bytes) / GIB,
    }  # fmt: skip


@torch.inference_mode()
def answers(model: Vamba, memory: VideoMemory) -> list[Tensor]:
    """Logits behind a fixed question and behind four given tokens."""
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size, TEXT_TOKENS).tolist()
    video = view(model, memory, [(0, memory.num_pairs)])
    following = Following(model, video, model.text_cache(1, TEXT_TOKENS + 8))
    return [following(ids).float().clone(), *(following([token]).float().clone() for token in (1, 22, 100, 255))]


def precision(model: Vamba, exact: Vamba, pixels: PixelConfig, num_frames: int = 32) -> dict[str, Any]:
    """Errors against float32 in plain PyTorch: of plain PyTorch in the model's dtype, of the kernels, of streaming."""
    with only_plain():
        reference = encode(exact, pixels, num_frames)
        said = answers(exact, reference)
        plain = encode(model, pixels, num_frames)
        plainly = answers(model, plain)
    found = {"plain": (plain, plainly)}
    for name, chunk in (("fast", CHUNK_FRAMES), ("fast, chunks of 6", 6)):
        memory = encode(model, pixels, num_frames, chunk)
        found[name] = (memory, answers(model, memory))
    result: dict[str, Any] = {"frames": num_frames}
    for name, (memory, logits) in found.items():
        pairs = zip(memory.keys + memory.values, reference.keys + reference.values, strict=True)
        errors = [relative(a, b) for a, b in pairs]
        result[name] = {
            "first_layer": errors[0], "largest": max(errors),
            "logits": [relative(a, b) for a, b in zip(logits, said, strict=True)],
        }  # fmt: skip
    return result


def windows(model: Vamba, pixels: PixelConfig, num_frames: int, num_windows: int = 200) -> dict[str, Any]:
    """Score windows of two frame pairs, each read alone."""
    memory = encode(model, pixels, num_frames)
    spans = [(first, first + 2) for first in np.linspace(0, memory.num_pairs - 2, num_windows).astype(int).tolist()]
    probe = Probe("Does this part of the video show how backpropagation works?")
    work = partial(signals, model, ByteTokenizer(), memory, probe, spans)
    work()
    return {"windows": num_windows, "seconds": spread([timed(model.device, work) for _ in range(3)])}


def twin(model: Vamba) -> Vamba:
    """The same weights in float32."""
    exact = random_model(model.config, device=model.device, dtype=torch.float32)
    exact.load_state_dict(model.state_dict())
    return exact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=RELEASED, help="folder with config.json")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--frames", type=int, nargs="+", default=[1024])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--longest", action="store_true", help="also the longest video that the budget says fits")
    parser.add_argument("--probe-tokens", type=int, default=153_088, help="beyond 146,047, where int32 offsets end")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    device = torch.device(args.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    config, pixels = read_config(args.model)
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__, "dtype": str(dtype), "operations": dict(table()),
    }  # fmt: skip

    def keep(name: str, work: Callable[[], Any]) -> Any:
        results[name] = work()
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        print(name, json.dumps(results[name]), flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        return results[name]

    ceiling = keep("ceilings", lambda: ceilings(device))
    keep("scan", lambda: probe_scan(config, device, dtype, args.probe_tokens))
    model = random_model(config, device=device, dtype=dtype)
    keep("parameters", lambda: sum(p.numel() for p in model.parameters()))
    keep("precision", lambda: precision(model, twin(model), pixels))
    keep("warm_up_seconds", lambda: timed(device, lambda: one_size(model, pixels, 64, 1, ceiling)))
    for num_frames in args.frames:
        keep(f"{num_frames} frames", partial(one_size, model, pixels, num_frames, args.repeats, ceiling))
    keep("windows", lambda: windows(model, pixels, args.frames[0]))
    if args.longest:
        limit = int(torch.cuda.mem_get_info(device)[1]) - 2 * GIB  # as a session leaves them
        most = 2 * pairs_that_fit(config, workload(model, pixels, 1 << 20), limit)
        keep("longest", partial(one_size, model, pixels, most, 1, ceiling))


if __name__ == "__main__":
    main()
