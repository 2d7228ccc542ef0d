"""The released model's size on one GPU, with random weights: is it right, how fast, how much memory?

    python benchmarks/gpu.py --out results.json                   every figure of the table, about five minutes
    python benchmarks/gpu.py --out results.json --only first      some of: scan precision first 4096 float8 longest
                                                                  presets modes

Times are medians of `--repeats` runs after a warm-up, with all of them beside; floors are counted from the config and
from what this very card reaches in a large product and a large copy. Each figure is held against what is wanted; the
last line says how many are met, and the exit code is 1 if one is not. `--model DIR` with a small checkpoint and
`--device cpu --frames 8` runs the same script as a check; then nothing is held against anything.
"""

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import vamba_cli.weights
from vamba_cli.engine.budget import GIB, Workload, pairs_that_fit, predict
from vamba_cli.engine.encode import forward_pairs, memory_for, tokens_per_pair
from vamba_cli.engine.generate import Following, MemoryView
from vamba_cli.engine.saving import Fixed, economise
from vamba_cli.engine.speed import (
    Ceilings,
    Measured,
    ceilings,
    encode,
    floors,
    measure,
    random_frames,
    timed,
)
from vamba_cli.engine.verify import relative_error
from vamba_cli.kernels.dispatch import is_fast_for, only_plain, pick, table
from vamba_cli.kernels.packed import Packed
from vamba_cli.kernels.ssd import ssd_sequential
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.presets import apply_presets
from vamba_cli.settings import Settings
from vamba_cli.weights.ready import ModelFolder, ReadyModel, load_ready, open_folder
from vamba_cli.weights.registry import ResolvedModel

RELEASED = Path(vamba_cli.weights.__file__).parent / "released"
REFERENCE = {  # frames: first token s, peak GiB, ms per further token, on one H100 (MODEL section 8)
    128: (0.73, 25.1, 64), 256: (1.31, 29.0, 67), 512: (2.64, 37.0, 72), 1024: (5.21, 52.9, 116),
}  # fmt: skip
WANTED = {  # figure: at most (at least, where the number is of frames)
    "first.first_token_seconds": 2.9, "first.peak_gib": 31.0, "first.token_milliseconds": 12.0,
    "first.second_question_seconds": 0.25, "first.windows_seconds": 1.0,
    "4096.first_token_seconds": 12.0, "4096.peak_gib": 58.0,
    "longest.full.frames": 6000, "longest.fp8.frames": 10_000,
    "presets.24gb.frames": 1024, "presets.16gb.frames": 768, "presets.12gb.frames": 512, "presets.8gb.frames": 256,
}  # fmt: skip
PRESETS = ("24gb", "16gb", "12gb", "8gb")
WIDTH, HEIGHT, CHUNK_FRAMES, WINDOWS = 640, 360, 56, 200
MODES = (
    ("full", "full"), ("full", "int8"), ("full", "fp8"), ("fp8", "full"), ("int8", "full"), ("int4", "full"),
    ("int4", "int8"),
)  # fmt: skip


class Bench:
    """One card, one model; each part writes what it found, and how it compares with what is wanted."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.device = args, torch.device(args.device)
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.folder: ModelFolder = open_folder(ResolvedModel(args.model.name, args.model, None))
        self.config: VambaConfig = self.folder.config
        self.judged = self.device.type == "cuda" and args.model == RELEASED
        self.limit_to(self.memory())
        self.results: dict[str, Any] = {
            "device": torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu",
            "torch": torch.__version__, "dtype": str(self.dtype), "operations": dict(table()), "verdicts": {},
        }  # fmt: skip
        self.ceiling: Ceilings = ceilings(self.device, self.dtype)
        self.keep("ceilings", lambda: {n: getattr(self.ceiling, n) for n in Ceilings.__slots__})

    def keep(self, name: str, work: Callable[[], Any]) -> None:
        self.results[name] = work()
        print(name, json.dumps(self.results[name]), flush=True)
        self._write()
        self.clear()

    def _write(self) -> None:
        self.args.out.write_text(json.dumps(self.results, indent=1) + "\n")

    def clear(self) -> None:
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def memory(self) -> int:
        """Bytes that the card has, or that it shall have at most."""
        if self.device.type != "cuda":
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        total = int(torch.cuda.mem_get_info(self.device)[1])
        return min(total, int(self.args.memory_gib * GIB)) if self.args.memory_gib else total

    def limit_to(self, num_bytes: int) -> None:
        if self.device.type == "cuda":
            total = torch.cuda.mem_get_info(self.device)[1]
            torch.cuda.set_per_process_memory_fraction(min(1.0, num_bytes / total))

    def judge(self, figure: str, value: float | None) -> None:
        """Hold a figure against what is wanted: no more, or of frames no fewer."""
        if figure not in WANTED or value is None or not self.judged:
            return
        wanted = WANTED[figure]
        met = value >= wanted if figure.endswith("frames") else value <= wanted
        self.results["verdicts"][figure] = {"measured": value, "wanted": wanted, "met": met}

    def judge_prediction(self, name: str, found: dict[str, Any]) -> None:
        """Predicted peaks lie within 5 % of the measured ones, and never below."""
        if self.judged and found["peak_gib"] is not None:
            ratio = found["predicted_peak_gib"] / found["peak_gib"]
            verdict = {"measured": ratio, "wanted": "1 to 1.05", "met": 1 <= ratio <= 1.05}
            self.results["verdicts"][f"{name}.predicted_peak"] = verdict

    def ready(self, weights: str = "full", split: bool = False, dtype: torch.dtype | None = None) -> ReadyModel:
        return load_ready(
            self.folder, self.device, dtype or self.dtype, random_weights=True, weights=weights, split=split
        )

    def work(self, num_frames: int, **how: Any) -> Workload:
        per_pair = tokens_per_pair(WIDTH, HEIGHT, self.folder.pixels, self.config.vision.cell)
        batch = min(CHUNK_FRAMES // 2, forward_pairs(self.device))
        element = self.dtype.itemsize
        fast = is_fast_for(self.device, self.dtype)
        work = Workload(num_frames // 2, per_pair, CHUNK_FRAMES // 2, batch, element, element, fast)
        return replace(work, **how)

    def one(self, ready: ReadyModel, work: Workload, repeats: int, num_windows: int = 0) -> dict[str, Any]:
        """Times and peak of one video, with floors and what the reference code takes."""
        found: Measured = measure(ready, work, WIDTH, HEIGHT, repeats=repeats, num_windows=num_windows)
        cost, best = predict(self.config, work), floors(self.config, work, self.ceiling)
        reference = REFERENCE.get(2 * work.num_pairs, (None, None, None))
        return {
            "frames": 2 * work.num_pairs, "video_tokens": work.num_tokens, "weights": work.weights, "kv": work.kv,
            **found.to_json(),
            "peak_gib": None if found.peak_bytes is None else found.peak_bytes / GIB,
            "predicted_peak_gib": cost.peak_bytes / GIB, "peak_floor_gib": best.peak_bytes / GIB,
            "first_token_floor_seconds": best.encode_seconds,
            "first_token_sustained_floor_seconds": best.sustained_encode_seconds,
            "token_floor_milliseconds": 1e3 * best.token_seconds,
            "reference_first_token_seconds": reference[0], "reference_peak_gib": reference[1],
            "reference_token_milliseconds": reference[2],
        }  # fmt: skip

    # --- the parts

    def scan(self) -> None:
        self.keep("scan", lambda: probe_scan(self.config, self.device, self.dtype, self.args.probe_tokens))

    def precision(self) -> None:
        """Errors against float32 in plain PyTorch: of plain PyTorch in the model's dtype, of the kernels, of chunks."""

        def find() -> dict[str, Any]:
            work = self.work(32)
            ready, reference, said = self._reference(work)
            result: dict[str, Any] = {"frames": 2 * work.num_pairs}
            with only_plain():
                result["plain"] = errors(ready.model, self._encoded(ready.model, work), reference, said)
            result["fast"] = errors(ready.model, self._encoded(ready.model, work), reference, said)
            small = replace(work, chunk_pairs=3, forward_pairs=3)
            result["fast, chunks of 6"] = errors(ready.model, self._encoded(ready.model, small), reference, said)
            return result

        self.keep("precision", find)

    def modes(self) -> None:
        """Errors of fewer bits, layer by layer, and how often the next token stays that of float32."""

        def find() -> dict[str, Any]:
            work, result = self.work(32), {}
            _, reference, said = self._reference(work)
            self.clear()
            for weights, kv in MODES:
                model = self.ready(weights).model
                memory = self._encoded(model, replace(work, kv=kv))
                result[f"weights {weights}, kv {kv}"] = errors(model, memory, reference, said)
                del model, memory
                self.clear()
            return result

        self.keep("modes", find)

    def _reference(self, work: Workload) -> tuple[ReadyModel, VideoMemory, list[Tensor]]:
        """The network in the model's dtype, and what the very same weights in float32 encode and say."""
        ready, exact = self.ready(), self.ready(dtype=torch.float32)
        exact.model.load_state_dict(ready.model.state_dict())
        with only_plain():
            memory = self._encoded(exact.model, work)
            return ready, memory, answers(exact.model, memory)

    def _encoded(self, model: Vamba, work: Workload) -> VideoMemory:
        pool = random_frames(2 * work.num_pairs, WIDTH, HEIGHT)
        return encode(model, self.folder.pixels, memory_for(model, work, model.dtype, 2.0 * work.num_pairs), pool, work)

    def first(self) -> None:
        """The first rows of the table, after a warm-up of the same size: what it allocates is there from then on."""
        ready, frames = self.ready(), self.args.frames
        self.keep("warm_up_seconds", lambda: timed(self.device, lambda: self.one(ready, self.work(frames), 1, 8)))
        self.keep("first", lambda: self.one(ready, self.work(frames), self.args.repeats, WINDOWS))
        self._judge("first")
        self.judge("first.windows_seconds", self.results["first"]["window_seconds"]["median"])

    def _judge(self, name: str) -> None:
        found = self.results[name]
        self.judge(f"{name}.first_token_seconds", found["first_token_seconds"]["median"])
        self.judge(f"{name}.peak_gib", found["peak_gib"])
        self.judge(f"{name}.token_milliseconds", 1e3 * found["token_seconds"]["median"])
        self.judge(f"{name}.second_question_seconds", found["question_seconds"]["median"])
        self.judge_prediction(name, found)
        self._write()

    def float8(self) -> None:
        """The first rows again, with what encodes multiplying in float8."""
        work = self.work(self.args.frames, weights="fp8")
        self.keep("float8", lambda: self.one(self.ready("fp8"), work, self.args.repeats))

    def four_thousand(self) -> None:
        self.keep("4096", lambda: self.one(self.ready(), self.work(4 * self.args.frames), self.args.repeats))
        self._judge("4096")

    def longest(self) -> None:
        """The longest video that the budget says fits, with keys and values in 16 and in 8 bits; run once."""
        limit = self.memory() - 2 * GIB  # as a session leaves them
        for kv in ("full", "fp8"):
            most = 2 * pairs_that_fit(self.config, self.work(1 << 20, kv=kv), limit)
            most = most if self.device.type == "cuda" else self.args.frames
            name = f"longest.{kv}"
            self.keep(name, lambda kv=kv, most=most: self.one(self.ready(), self.work(most, kv=kv), 1))  # type: ignore[misc]
            self.judge(f"{name}.frames", most)
            self.judge_prediction(name, self.results[name])
            self._write()

    def presets(self) -> None:
        """Each preset with the frames that it promises, in a process that may use no more than its card has."""
        for name in PRESETS:
            settings = apply_presets(Settings(), [name])
            assert settings.max_frames is not None and settings.memory_limit_gib is not None
            self.limit_to(int(name.removesuffix("gb")) * GIB - GIB // 2)  # a context lies outside of the allocator
            frames = settings.max_frames if self.device.type == "cuda" else self.args.frames
            work = self._as_preset(settings, frames)
            key = f"presets.{name}"
            self.keep(key, lambda work=work: self.one(self.ready(work.weights, work.split), work, 1, WINDOWS))  # type: ignore[misc]
            self.judge(f"{key}.frames", 2 * work.num_pairs)
            self.judge_prediction(key, self.results[key])
            self._write()
        self.limit_to(self.memory())

    def _as_preset(self, settings: Settings, frames: int) -> Workload:
        fixed = Fixed(
            settings.chunk_frames and settings.chunk_frames // 2, settings.weight_dtype, settings.kv_dtype,
            settings.token_keep, settings.kv_offload, settings.split,
        )  # fmt: skip
        limit = int((settings.memory_limit_gib or 0) * GIB)
        work, note = economise(self.config, self.work(frames), limit, fixed, host_bytes=1 << 40)
        if note:
            print(f"unexpected: {note}", file=sys.stderr)
        return work


@torch.inference_mode()
def probe_scan(config: VambaConfig, device: torch.device, dtype: torch.dtype, length: int) -> dict[str, Any]:
    """The scan of one layer over `length` tokens in one call and in chunks, against its definition in float32."""
    c = config.mixer
    g = torch.Generator(device=device).manual_seed(1)
    # x, B and C as slices of long rows: this is where 32-bit offsets end
    wide = torch.randn(1, length, c.in_dim, generator=g, device=device).to(dtype)
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
    B_part, C_part = (t[:, :, : max(1, part.stop * c.num_groups // c.num_heads)] for t in (B, C))
    step = torch.nn.functional.softplus(dt[..., part].float() + bias[part])
    exact, state = ssd_sequential(x[:, :, part].float(), step, -a_log[part].exp(), B_part, C_part, start[:, part])
    exact += x[:, :, part].float()
    scan = pick("scan", x)
    whole, whole_state = scan(x, dt, bias, a_log, B, C, D, start)
    keep = slice(max(0, length - 20_000), length)  # the end, where an offset that overflowed would show
    result = {
        "tokens": length,
        "one_call_vs_definition": relative_error(whole[:, keep, part], exact[:, keep]),
        "state_vs_definition": relative_error(whole_state[:, part], state),
    }
    h, pieces = start, []
    for first in range(0, length, 4784):
        p = slice(first, first + 4784)
        y, h = scan(x[:, p], dt[:, p], bias, a_log, B[:, p], C[:, p], D, h)
        pieces.append(y[:, :, part])
    result["chunks_vs_definition"] = relative_error(torch.cat(pieces, 1)[:, keep], exact[:, keep])
    return result


@torch.inference_mode()
def answers(model: Vamba, memory: VideoMemory) -> list[Tensor]:
    """Logits behind a fixed question and behind given tokens, on the CPU."""
    g = torch.Generator().manual_seed(0)
    ids = torch.randint(0, model.config.vocab_size, (64,), generator=g).tolist()
    tokens = torch.randint(0, model.config.vocab_size, (31,), generator=g).tolist()
    video = MemoryView(model, memory, [(0, memory.num_pairs)])
    following = Following(model, video, model.text_cache(1, 64 + len(tokens)))
    return [following(part).float().cpu().clone() for part in (ids, *([token] for token in tokens))]


def errors(model: Vamba, memory: VideoMemory, reference: VideoMemory, said: list[Tensor]) -> dict[str, Any]:
    """Of keys and values, layer by layer, and of logits; and of how many of them the best token is the same."""
    layers = []
    for layer in range(model.config.num_layers):
        ours, exact = memory.read(layer, 0, memory.num_pairs), reference.rows(layer, 0, memory.num_pairs)
        dense = [rows.dense(torch.float32) if isinstance(rows, Packed) else rows for rows in ours]
        layers.append([relative_error(a, b) for a, b in zip(dense, exact, strict=True)])
    found = answers(model, memory)
    same = sum(int(a.argmax() == b.argmax()) for a, b in zip(found, said, strict=True))
    return {
        "keys_values_by_layer": layers, "largest": max(max(pair) for pair in layers),
        "logits": sum(relative_error(a, b) for a, b in zip(found, said, strict=True)) / len(said),
        "same_next_token": f"{same} of {len(said)}",
    }  # fmt: skip


PARTS = {
    "scan": Bench.scan, "precision": Bench.precision, "first": Bench.first, "4096": Bench.four_thousand,
    "float8": Bench.float8, "longest": Bench.longest, "presets": Bench.presets, "modes": Bench.modes,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=RELEASED, help="folder with config.json")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--frames", type=int, default=1024, help="of the first rows; the others follow from them")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--probe-tokens", type=int, default=153_088, help="beyond 146,047, where int32 offsets end")
    parser.add_argument("--memory-gib", type=float, help="use no more of the card: 79 on a larger one stands for 80 GB")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    bench = Bench(args)
    for name in args.only:
        PARTS[name](bench)
        bench.clear()
    verdicts = bench.results["verdicts"]
    for figure, verdict in verdicts.items():
        print(f"{'met    ' if verdict['met'] else 'NOT MET'} {figure}: {verdict['measured']:.4g}, {verdict['wanted']}")
    print(f"{sum(v['met'] for v in verdicts.values())} of {len(verdicts)} met")
    return int(not all(v["met"] for v in verdicts.values()))


if __name__ == "__main__":
    sys.exit(main())
