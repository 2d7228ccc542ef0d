"""Predicted peaks against those that the kernel counts for a process that encodes and answers, on the CPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.peak_memory import MIB, in_fresh_process, needs_peak_memory, peak_growth_bytes
from tests.tinynet import SMALL
from vamba_cli.engine.budget import Workload, predict
from vamba_cli.engine.encode import Encoder
from vamba_cli.engine.generate import generate
from vamba_cli.engine.signals import Probe, signals
from vamba_cli.kernels.packed import DTYPES
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import fill_randomly, skeleton
from vamba_cli.weights.parts import TEXT, VIDEO, drop
from vamba_cli.weights.tokenizer import ByteTokenizer

MEDIUM = replace(  # 40 M parameters, 32 KiB of keys and values for a video token in 16 bits
    SMALL, vocab_size=8000, hidden_size=512, intermediate_size=2048, num_layers=8, num_heads=8, num_kv_heads=4,
    vision=replace(SMALL.vision, depth=3, embed_dim=256, num_heads=4, mlp_dim=1024, out_dim=512),
    mixer=replace(SMALL.mixer, d_model=512, d_state=64, head_dim=64, num_groups=1),
)  # fmt: skip
SIDE, TOKENS, PAIRS, CHUNK_PAIRS = 224, 64, 96, 4
WORK = Workload(PAIRS, TOKENS, CHUNK_PAIRS, 4, weight_element_bytes=4, memory_element_bytes=2)


def encode(model: Vamba, work: Workload) -> VideoMemory:
    memory = VideoMemory.allocate(
        MEDIUM, work.num_pairs, work.kept_per_pair, end_seconds=1.0, device=torch.device("cpu"),
        dtype=DTYPES.get(work.kv, torch.float16),
    )  # fmt: skip
    encoder, draw = Encoder(model, PixelConfig(), memory), np.random.default_rng(0)
    for first in range(0, work.num_pairs, work.chunk_pairs):
        frames = draw.integers(0, 256, (2 * work.chunk_pairs, SIDE, SIDE, 3), dtype=np.uint8)
        encoder.push(frames, np.arange(2.0 * first, 2.0 * (first + work.chunk_pairs)))
    return memory


def answer(model: Vamba, memory: VideoMemory) -> None:
    """A question about all of the video, and windows of it, as a session asks them."""
    generate(model, ByteTokenizer(), memory, "what?", max_new_tokens=2)
    windows = [(first, first + 1) for first in range(memory.num_pairs)]
    signals(
        model, ByteTokenizer(), memory, Probe("Does this part of the video show how something is done? Yes?"), windows
    )


def work_through(work: Workload) -> None:
    model = skeleton(MEDIUM)

    def load(part: str | None) -> None:
        fill_randomly(model, device="cpu", dtype=torch.float32, weights=work.weights, part=part)

    load(VIDEO if work.split else None)
    memory = encode(model, work)
    if work.split:
        drop(model, VIDEO)
        load(TEXT)
    answer(model, memory)


def measured(work: Workload) -> int:
    torch.set_num_threads(1)
    work_through(replace(work, num_pairs=2 * work.chunk_pairs))  # what the first use of torch brings along
    return peak_growth_bytes(lambda: work_through(work))


@needs_peak_memory
@pytest.mark.parametrize(
    "work",
    [
        WORK,
        replace(WORK, kv="int8"),
        replace(WORK, weights="int8", kv="fp8"),
        replace(WORK, split=True),
        replace(WORK, split=True, weights="int4", kv="int8", token_keep=0.5),
        replace(WORK, chunk_pairs=16),
    ],
    ids=["full", "kv", "weights", "split", "everything", "chunks"],
)
def test_the_peak_is_as_predicted(work: Workload) -> None:
    found, predicted = in_fresh_process(measured, work), predict(MEDIUM, work).peak_bytes
    assert found > 100 * MIB
    assert found <= predicted <= 1.1 * found
