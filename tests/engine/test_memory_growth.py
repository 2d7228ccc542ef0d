"""A longer video costs its keys and values, and nothing else (MODEL section 1, point 2)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from tests.peak_memory import MIB, in_fresh_process, needs_peak_memory, peak_growth_bytes
from tests.tinynet import SMALL
from vamba_cli.engine.encode import Encoder, encode_video
from vamba_cli.media.frames import FrameChunk
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.weights.load import random_model

WIDE = replace(  # 12 KiB of keys and values per token in float16
    SMALL, hidden_size=512, num_layers=6, num_kv_heads=4, intermediate_size=64,
    vision=replace(SMALL.vision, out_dim=512), mixer=replace(SMALL.mixer, d_model=512, head_dim=64, expand=1),
)  # fmt: skip
SIDE, TOKENS, CHUNK_PAIRS, PAIRS = 112, 16, 8, 32
ALLOCATOR_NOISE = 2 * MIB  # small blocks that were freed but not handed back; 0.4 MiB were seen


def chunks(num_pairs: int) -> Iterator[FrameChunk]:
    """Frames as a decoder would hand them out: made when they are wanted, and all different."""
    draw = np.random.default_rng(0)
    for first in range(0, num_pairs, CHUNK_PAIRS):
        frames = draw.integers(0, 256, (2 * CHUNK_PAIRS, SIDE, SIDE, 3), dtype=np.uint8)
        times = np.arange(2.0 * first, 2.0 * (first + CHUNK_PAIRS), dtype=np.float64)
        yield FrameChunk(frames, times)


def encoding_growth(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """For each number of frame pairs: bytes by which encoding them raises the peak, and bytes of what comes out."""
    torch.set_num_threads(1)
    model = random_model(WIDE, device="cpu", dtype=torch.float32)
    sizes: list[int] = []

    def encode(pairs: int) -> VideoMemory:
        memory = VideoMemory.allocate(
            WIDE, pairs, TOKENS, end_seconds=2.0 * pairs, device=torch.device("cpu"), dtype=torch.float16
        )
        encode_video(Encoder(model, PixelConfig(), memory), chunks(pairs), 2 * pairs)
        assert memory.num_pairs == pairs
        sizes.append(memory.num_bytes)
        return memory

    encode(2 * CHUNK_PAIRS)  # what the first use of torch brings along, and the buffers of a chunk, are not the video's
    grown = [peak_growth_bytes(partial(encode, pairs)) for pairs in lengths]
    return list(zip(grown, sizes[1:], strict=True))


@needs_peak_memory
def test_an_eight_times_longer_video_costs_its_keys_and_values_only() -> None:
    (short, short_size), (long, long_size) = in_fresh_process(encoding_growth, (PAIRS, 8 * PAIRS))
    added, growth = long_size - short_size, long - short
    assert long_size == 8 * short_size and added > 40 * MIB
    assert growth > 0.9 * added - ALLOCATOR_NOISE  # else this measures something else
    assert growth < 1.1 * added + ALLOCATOR_NOISE
