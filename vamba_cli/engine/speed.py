"""How fast a model is here, and how much memory it takes, beside the floors that its sizes set.

Frames are random, so that each passes the ViT, and answers are of fixed length: speed does not depend on what is said.
Reading files is measured elsewhere; nothing here needs a decoder.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vamba_cli.engine.budget import Cost, Workload, predict, vision_flops, weight_bytes
from vamba_cli.engine.encode import Encoder, memory_for
from vamba_cli.engine.generate import Following, MemoryView, Span
from vamba_cli.engine.novelty import Frames
from vamba_cli.engine.signals import Probe, signals
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.parts import TEXT, VIDEO
from vamba_cli.weights.ready import ReadyModel
from vamba_cli.weights.tokenizer import ByteTokenizer

TEXT_TOKENS, NEW_TOKENS = 64, 64
_STEPS = 12  # tokens whose mean time is one measurement
_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def timed(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds that some work takes on a device."""
    _wait(device)
    started = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - started


class Moment:
    """A point of the work that a device was given; the program may be ahead of it."""

    def __init__(self, device: torch.device) -> None:
        self._event = torch.cuda.Event(enable_timing=True) if device.type == "cuda" else None
        self._clock = time.perf_counter()
        if self._event is not None:
            self._event.record()

    def seconds_since(self, earlier: "Moment") -> float:
        """Waits for this moment on a GPU."""
        if self._event is None or earlier._event is None:
            return self._clock - earlier._clock
        self._event.synchronize()
        return earlier._event.elapsed_time(self._event) / 1e3


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What this machine reaches in large products, in short and for a second, and in a copy (bytes read + written)."""

    flops: float
    sustained_flops: float
    bytes_per_second: float


def ceilings(device: torch.device, dtype: torch.dtype) -> Ceilings:
    """Measured in the dtype of the model."""
    on_gpu = device.type == "cuda"
    side, short, long = (8192, 10, 600) if on_gpu else (1024, 4, 12)
    numbers = 1 << (30 if on_gpu else 25)
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    big = torch.zeros(numbers, device=device, dtype=dtype)
    there = torch.empty_like(big)
    for _ in range(3):
        a @ b
        there.copy_(big)
    fast, slow = (_of_many(device, lambda: a @ b, times) for times in (short, long))
    copied = _of_many(device, lambda: there.copy_(big), 5)
    return Ceilings(2 * side**3 / fast, 2 * side**3 / slow, 2 * big.nbytes / copied)


def _of_many(device: torch.device, work: Callable[[], object], times: int) -> float:
    """Mean seconds of some work; what it gives is dropped at once: six hundred products do not fit into a card."""

    def run() -> None:
        for _ in range(times):
            work()

    return timed(device, run) / times


class PeakMemory:
    """The most memory that was in use since this value was made: the GPU's tensors, or this process's pages.

    Of a process, what was resident before does not count; without Linux's /proc nothing can be said of it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._before = device, 0
        self.known = device.type == "cuda" or _RESET.exists()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        elif self.known:
            _RESET.write_text("5")  # the peak becomes what is resident now
            self._before = _resident_peak()

    def bytes(self) -> int | None:
        if not self.known:
            return None
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        return _resident_peak() - self._before


def _resident_peak() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def random_frames(num: int, width: int, height: int) -> Frames:
    return np.random.default_rng(0).integers(0, 256, (num, height, width, 3), dtype=np.uint8)


@torch.inference_mode()
def encode(model: Vamba, pixels: PixelConfig, memory: VideoMemory, pool: Frames, work: Workload) -> VideoMemory:
    """Encode as many frames as the work has, from a pool that is gone through again and again."""
    encoder = Encoder(model, pixels, memory, overlap=True)
    num_frames, chunk = 2 * work.num_pairs, 2 * work.chunk_pairs
    for first in range(0, num_frames, chunk):
        index = np.arange(first, min(first + chunk, num_frames))
        whole = chunk == len(pool)  # then no copy: frames come ready from the decoder's thread
        encoder.push(pool[: len(index)] if whole else pool[index % len(pool)], index.astype(np.float64))
    encoder.finish()
    return memory


class Asker:
    """Asks a memory with random tokens, greedily."""

    def __init__(self, model: Vamba, memory: VideoMemory) -> None:
        self.model, self.memory = model, memory
        self._following: Following | None = None
        self._token = 0

    @torch.inference_mode()
    def first(self) -> None:
        """Read a new question up to the first token of its answer."""
        self._following = None  # frees a captured graph
        model = self.model
        ids = np.random.default_rng().integers(0, model.config.vocab_size, TEXT_TOKENS).tolist()
        video = MemoryView(model, self.memory, [(0, self.memory.num_pairs)])
        self._following = Following(model, video, model.text_cache(1, TEXT_TOKENS + NEW_TOKENS))
        self._token = int(self._following(ids).argmax())

    @torch.inference_mode()
    def more(self, num_tokens: int) -> None:
        """So many tokens of the answer behind the first one."""
        if self._following is None:
            self.first()
        assert self._following is not None
        for _ in range(num_tokens):
            self._token = int(self._following([self._token]).argmax())


@dataclass(frozen=True, slots=True)
class Measured:
    """What some work took. Lists hold all repetitions; `median` of them is what counts.

    first_token_seconds: encoding and reading a question, in one go, without loading a part of the network in between.
    load_seconds: of loading the decoder after the encoder; 0 where they are held together.
    peak_bytes: of all of it, and of scoring windows; None where the machine does not tell.
    """

    work: Workload
    first_token_seconds: list[float]
    encode_seconds: list[float]
    load_seconds: float
    graph_seconds: float
    token_seconds: list[float]
    question_seconds: list[float]
    window_seconds: list[float]
    num_windows: int
    peak_bytes: int | None
    finite: bool

    def to_json(self) -> dict[str, Any]:
        names = [name for name in Measured.__slots__ if name != "work"]
        values = {name: getattr(self, name) for name in names}
        lists = {
            k: {"median": statistics.median(v) if v else None, "all": v}
            for k, v in values.items()
            if isinstance(v, list)
        }
        return values | lists


def measure(
    ready: ReadyModel, work: Workload, width: int, height: int, *, repeats: int = 3, num_windows: int = 0,
    full_dtype: torch.dtype | None = None, peak: PeakMemory | None = None,
) -> Measured:  # fmt: skip
    """Encode random frames, ask about them twice, go on for some tokens and, if wanted, score windows.

    Args:
        full_dtype: of keys and values in `full`; the model's if not given.
        peak: where what was loaded before counts, too; else what happens here does, which on a GPU is everything.
    """
    model, device = ready.model, ready.device
    pool = random_frames(2 * max(2, min(work.chunk_pairs, work.num_pairs)), width, height)
    peak = peak or PeakMemory(device)
    first_seconds, encode_seconds, load_seconds = [], [], 0.0
    asker: Asker | None = None
    for _ in range(repeats):
        asker = None  # frees the memory of the repetition before
        ready.enter(VIDEO)
        _wait(device)
        begun = Moment(device)
        allocate = partial(memory_for, model, work, full_dtype or ready.dtype, 2.0 * work.num_pairs)
        asker = Asker(model, encode(model, ready.folder.pixels, allocate(), pool, work))
        encoded = Moment(device)
        ready.enter(TEXT)
        loaded = Moment(device)
        asker.first()  # a GPU may still be encoding when this begins
        said = Moment(device)
        encode_seconds.append(encoded.seconds_since(begun))
        load_seconds = loaded.seconds_since(encoded) if work.split else 0.0
        first_seconds.append(encode_seconds[-1] + said.seconds_since(loaded))
    assert asker is not None
    graph_seconds = timed(device, partial(asker.more, 1))
    token_seconds = [timed(device, partial(asker.more, _STEPS)) / _STEPS for _ in range(3)]
    question_seconds = [timed(device, asker.first) for _ in range(3)]
    memory = asker.memory
    window_seconds = _windows(model, memory, num_windows) if num_windows else []
    return Measured(
        work, first_seconds, encode_seconds, load_seconds, graph_seconds, token_seconds, question_seconds,
        window_seconds, num_windows, peak.bytes(), _is_finite(memory),
    )  # fmt: skip


def _windows(model: Vamba, memory: VideoMemory, num: int) -> list[float]:
    """Score windows of two frame pairs, each read alone; the first time is a warm-up."""
    last = max(0, memory.num_pairs - 2)
    spans: Sequence[Span] = [(first, first + 2) for first in np.linspace(0, last, num).astype(int).tolist()]
    probe = Probe("Does this part of the video show how backpropagation works?")
    run = partial(signals, model, ByteTokenizer(), memory, probe, spans)
    return [timed(model.device, run) for _ in range(4)][1:]


def _is_finite(memory: VideoMemory) -> bool:
    scales = (*memory.key_scales, *memory.value_scales)
    return all(bool(torch.isfinite(t[-1000:].float()).all()) for t in (scales or (*memory.keys, *memory.values)))


@dataclass(frozen=True, slots=True)
class Floors:
    """What the sizes and the ceilings of the machine leave as the least."""

    encode_seconds: float
    sustained_encode_seconds: float
    token_seconds: float
    peak_bytes: int


def floors(config: VambaConfig, work: Workload, ceiling: Ceilings, repeated_pairs: int = 0) -> Floors:
    """Arithmetic of encoding; bytes that one more token reads; weights with keys and values.

    Args:
        repeated_pairs: those whose picture was there before, so that they need not pass the ViT.
    """
    cost: Cost = predict(config, work)
    faster = 2 if work.weights == "fp8" else 1  # float8 against 16 bits, on the chips that have it
    flops = cost.encode_flops - repeated_pairs * vision_flops(config, work.tokens_per_pair)
    embeddings = 0 if config.tie_word_embeddings else config.vocab_size * config.hidden_size * work.weight_element_bytes
    read = weight_bytes(config, work.weights, work.weight_element_bytes)[TEXT] - embeddings + cost.memory_bytes
    return Floors(
        encode_seconds=flops / (faster * ceiling.flops),
        sustained_encode_seconds=flops / (faster * ceiling.sustained_flops),
        token_seconds=read / ceiling.bytes_per_second,
        peak_bytes=cost.weight_bytes + (0 if work.offload else cost.memory_bytes),
    )


def shortened(work: Workload, num_frames: int) -> Workload:
    """The same work on a shorter video."""
    return replace(work, num_pairs=max(1, min(work.num_pairs, num_frames // 2)))
