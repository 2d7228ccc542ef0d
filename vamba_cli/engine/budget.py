"""What a video will cost before it is encoded: bytes and floating-point operations from sizes alone. Pure."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from vamba_cli.engine.generate import (
    PROMPT_TOKENS,
    WINDOWS_PER_BATCH,
    most_at_once,
    state_numbers,
    tokens_that_are_copied,
)
from vamba_cli.errors import MemoryBudgetError
from vamba_cli.kernels.packed import SCALE_DTYPE
from vamba_cli.kernels.plain import DENSE_NUMBERS
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.sparse import num_kept
from vamba_cli.weights.parts import TEXT, VIDEO, part_of
from vamba_cli.weights.quantise import kind_of, stored_bytes

GIB = 1 << 30
_OUTPUT = "lm_head.weight"  # whose product comes when the states of the layers are gone
_CHUNKS_IN_FLIGHT = 4  # of frames: being decoded, waiting, at work, and the one that is put together
_CUDA_PAGE_BYTES = 2 << 20
_SCAN_STATES = 640  # of heads, that the pieces of a chunk leave behind: about four a processor
_TEXT_TOKENS = 1024  # of one long prompt
_WORKSPACE_BYTES = 3 * (32 << 20)  # cuBLAS keeps 32 MiB for each stream: of the ViT, of the mixers, of captured steps


@dataclass(frozen=True, slots=True)
class Workload:
    """One video under one plan, and how it is held; element sizes in bytes.

    tokens_per_pair: of the ViT; `kept_per_pair` of them reach the mixers.
    weights: 'full', 'int8', 'int4' or 'fp8'. kv: 'full', 'int8' or 'fp8'.
    offload: keys and values lie in the CPU's memory, beside a GPU.
    split: what encodes and what answers are not loaded together.
    process_bytes: what the process holds besides, in the same memory: the interpreter, libraries, pictures of decoders.
    """

    num_pairs: int
    tokens_per_pair: int
    chunk_pairs: int
    forward_pairs: int  # frame pairs that pass the ViT together
    weight_element_bytes: int
    memory_element_bytes: int  # of full keys and values
    fast: bool = False  # whether the kernels for GPUs run
    weights: str = "full"
    kv: str = "full"
    token_keep: float = 1.0
    offload: bool = False
    split: bool = False
    process_bytes: int = 0

    @property
    def kept_per_pair(self) -> int:
        return num_kept(self.tokens_per_pair, self.token_keep)

    @property
    def num_tokens(self) -> int:
        return self.num_pairs * self.kept_per_pair


@dataclass(frozen=True, slots=True)
class Cost:
    """Predicted bytes of a video.

    weight_bytes: the most weights that are held at once.
    memory_bytes: keys and values of the whole video, wherever they are.
    chunk_bytes: what encoding one chunk takes besides.
    answer_bytes: what reading the memory takes besides: copies of windows and the states of a prompt.
    encode_peak_bytes, answer_peak_bytes: the most on the device in each of the two phases.
    """

    weight_bytes: int
    memory_bytes: int
    chunk_bytes: int
    answer_bytes: int
    encode_peak_bytes: int
    answer_peak_bytes: int
    encode_flops: float

    @property
    def peak_bytes(self) -> int:
        return max(self.encode_peak_bytes, self.answer_peak_bytes)


def num_parameters(config: VambaConfig) -> tuple[int, int, int]:
    """Parameters of (ViT with merger, one mixer block, everything of the text side with the K/V projections)."""
    v, m, h = config.vision, config.mixer, config.hidden_size
    wide = v.embed_dim * v.merge_size**2
    block = 4 * v.embed_dim**2 + 2 * v.embed_dim * v.mlp_dim + 9 * v.embed_dim + v.mlp_dim
    vision = v.patch_dim * v.embed_dim + v.depth * block + 2 * v.embed_dim + wide * (wide + 1) + (wide + 1) * v.out_dim
    mixer = m.d_model * (m.in_dim + m.d_inner + 1) + m.conv_dim * (m.d_conv + 1) + 3 * m.num_heads + m.d_inner
    attention = 2 * h * h + 2 * h * config.kv_dim + h + 2 * config.kv_dim
    layer = 2 * attention + 3 * h * config.intermediate_size + 2 * h + config.use_alpha_balancing
    embeddings = config.vocab_size * h * (1 if config.tie_word_embeddings else 2)
    return vision, mixer, config.num_layers * layer + embeddings + h


def _matrices(config: VambaConfig) -> Iterator[tuple[str, int, int, int]]:
    """(name, rows, width, how many) of every kind of matrix that may be quantised."""
    v, m, h = config.vision, config.mixer, config.hidden_size
    wide = v.embed_dim * v.merge_size**2
    for name, rows, width in (
        ("qkv", 3 * v.embed_dim, v.embed_dim), ("proj", v.embed_dim, v.embed_dim),
        ("fc1", v.mlp_dim, v.embed_dim), ("fc2", v.embed_dim, v.mlp_dim),
    ):  # fmt: skip
        yield f"vision.blocks.0.{name}.weight", rows, width, v.depth
    yield "vision.merger.fc1.weight", wide, wide, 1
    yield "vision.merger.fc2.weight", v.out_dim, wide, 1
    for name, rows, width in (("in_proj", m.in_dim, m.d_model), ("out_proj", m.d_model, m.d_inner)):
        yield f"layers.0.mixer.mixer.{name}.weight", rows, width, config.num_layers - 1
    for attention in ("self_attn", "cross_attn"):
        for name, rows in (("q", h), ("k", config.kv_dim), ("v", config.kv_dim), ("o", h)):
            yield f"layers.0.{attention}.{name}_proj.weight", rows, h, config.num_layers
    for name in ("gate", "up"):
        yield f"layers.0.mlp.{name}_proj.weight", config.intermediate_size, h, config.num_layers
    yield "layers.0.mlp.down_proj.weight", h, config.intermediate_size, config.num_layers
    if not config.tie_word_embeddings:
        yield _OUTPUT, config.vocab_size, h, 1


def weight_bytes(config: VambaConfig, weights: str, element_bytes: int) -> dict[str, int]:
    """Bytes of the two parts of the network (see `weights.parts`), held as `weights`."""
    vision, mixer, text = num_parameters(config)
    projections = config.num_layers * 2 * config.kv_dim * (config.hidden_size + 1)
    video = vision + (config.num_layers - 1) * mixer + projections
    recurrence = (config.num_layers - 1) * 3 * config.mixer.num_heads  # A_log, dt_bias and D: float32 at least
    held = {VIDEO: video * element_bytes, TEXT: (text - projections) * element_bytes}
    held[VIDEO] += recurrence * max(0, 4 - element_bytes)
    for name, rows, width, number in _matrices(config):
        kind = kind_of(name, width, weights)
        saved = rows * width * element_bytes - stored_bytes(kind, rows, width, element_bytes)
        held[part_of(name)] -= number * saved
    return held


def predict(config: VambaConfig, work: Workload) -> Cost:
    """Cost of a video: weights, memory, buffers of encoding and of answering, and arithmetic."""
    m = config.mixer
    _, mixer, _ = num_parameters(config)
    mixers, tokens = config.num_layers - 1, work.num_tokens
    per_token_kv = 2 * config.kv_dim * config.num_layers
    flops = work.num_pairs * vision_flops(config, work.tokens_per_pair) + tokens * (2 * mixer * mixers)
    flops += tokens * (2 * config.hidden_size * per_token_kv + 6 * m.d_inner * m.d_state * mixers)
    held = weight_bytes(config, work.weights, work.weight_element_bytes)
    memory_bytes = tokens * _token_bytes(config, work)
    chunk_bytes, answer_bytes = _chunk_bytes(config, work), _answer_bytes(config, work)
    near = 0 if work.offload else memory_bytes
    encoding, answering = (held[VIDEO], held[TEXT]) if work.split else (sum(held.values()),) * 2
    return Cost(
        weight_bytes=max(encoding, answering),
        memory_bytes=memory_bytes,
        chunk_bytes=chunk_bytes,
        answer_bytes=answer_bytes,
        encode_peak_bytes=work.process_bytes + encoding + near + chunk_bytes,
        answer_peak_bytes=work.process_bytes + answering + near + answer_bytes,
        encode_flops=float(flops),
    )


def vision_flops(config: VambaConfig, tokens_per_pair: int) -> int:
    """Arithmetic of the ViT for one frame pair that is not a repetition."""
    v = config.vision
    patches = tokens_per_pair * v.merge_size**2
    return 2 * num_parameters(config)[0] * patches + 4 * patches**2 * v.embed_dim * v.depth


def _token_bytes(config: VambaConfig, work: Workload) -> int:
    """Keys and values of one video token."""
    if work.kv == "full":
        return 2 * config.num_layers * config.kv_dim * work.memory_element_bytes
    return 2 * config.num_layers * (config.kv_dim + config.num_kv_heads * SCALE_DTYPE.itemsize)


def _answer_bytes(config: VambaConfig, work: Workload) -> int:
    """The most of: one question about the whole video; windows of one, two and four pairs, each with its prompt.

    Keys and values that are few are copied, dense, for all layers; of more, and where they cannot be read in place, for
    one layer at a time. Windows of which something is generated are few; those that are only judged may be more.
    """
    element = work.weight_element_bytes
    per_layer = 2 * config.kv_dim * element
    state = element * state_numbers(config)
    most = tokens_that_are_copied(config.num_layers, config.kv_dim, work.num_tokens)
    generated = most, WINDOWS_PER_BATCH, config.num_layers
    judged = *most_at_once(config, most, near=not work.offload), 2

    def windows(pairs: int) -> Iterator[int]:
        for tokens, prompts, copies in (generated, judged):
            number = min(prompts, work.num_pairs // pairs, tokens // (pairs * work.kept_per_pair))
            copied = number * pairs * work.kept_per_pair * per_layer * copies
            yield copied + max(_TEXT_TOKENS, number * PROMPT_TOKENS) * state

    tokens, whole = work.num_tokens, 0
    if work.offload or work.kv != "full" or work.memory_element_bytes != element:
        packed = _token_bytes(config, work) // config.num_layers if work.offload else 0
        one_layer = per_layer if work.kv == "full" else packed
        whole = tokens * (per_layer * config.num_layers if tokens <= most else one_layer)
    dense = _dense_numbers(config, work, TEXT) * element
    kept = _WORKSPACE_BYTES if work.fast else 0
    return max(whole + _TEXT_TOKENS * state, *chain.from_iterable(map(windows, (1, 2, 4)))) + dense + kept


def _chunk_bytes(config: VambaConfig, work: Workload) -> int:
    chunk_tokens = work.chunk_pairs * work.kept_per_pair
    found = (_fast_chunk_bytes if work.fast else _plain_chunk_bytes)(config, work, chunk_tokens)
    tokens = work.chunk_pairs * work.tokens_per_pair  # from the ViT; those that are dropped live on a little
    found += (tokens - chunk_tokens) * config.hidden_size * work.weight_element_bytes
    if work.weights == "full":
        return found
    if work.weights == "fp8" and work.fast:
        return found + _float8_bytes(config, work, chunk_tokens)
    rows = min(config.mixer.in_dim, DENSE_NUMBERS // config.hidden_size)  # one dense block, and what it gives
    return found + work.weight_element_bytes * (2 * _dense_numbers(config, work, VIDEO) + rows * chunk_tokens)


def _float8_bytes(config: VambaConfig, work: Workload, chunk_tokens: int) -> int:
    """What products in float8 take besides: the codes of their left factors, and what is added in a pass of its own."""
    v, m = config.vision, config.mixer
    patches = work.forward_pairs * work.tokens_per_pair * v.merge_size**2
    element = work.weight_element_bytes
    return patches * (v.mlp_dim + v.embed_dim * element) + chunk_tokens * (m.d_inner + m.d_model * element)


def _dense_numbers(config: VambaConfig, work: Workload, part: str) -> int:
    """Of the quantised weights of a part's layers, the most numbers that are dense at once."""
    if work.weights == "full":
        return 0
    layers = (rows * width for name, rows, width, _ in _matrices(config) if part_of(name) == part and name != _OUTPUT)
    return min(DENSE_NUMBERS, max(layers))


def _plain_chunk_bytes(config: VambaConfig, work: Workload, chunk_tokens: int) -> int:
    """Buffers of one chunk in plain PyTorch, which scans in float32, in blocks of 64; and frames that wait for it."""
    v, m = config.vision, config.mixer
    patches = work.tokens_per_pair * v.merge_size**2
    vit_values = work.forward_pairs * patches * (v.patch_dim + 6 * v.embed_dim + 2 * v.mlp_dim)
    scan_floats = chunk_tokens * (3 * 64 * m.num_heads + 4 * m.d_inner + 4 * m.conv_dim)
    pixels = work.chunk_pairs * work.tokens_per_pair * v.cell**2 * v.temporal_patch_size
    frame_bytes = _CHUNKS_IN_FLIGHT * 3 * pixels
    return work.weight_element_bytes * (vit_values + 6 * chunk_tokens * m.in_dim) + 4 * scan_floats + frame_bytes


def _fast_chunk_bytes(config: VambaConfig, work: Workload, chunk_tokens: int) -> int:
    """Buffers of one chunk with the kernels: every tensor that is alive at once, and both ends of the states."""
    v, m = config.vision, config.mixer
    patches = work.forward_pairs * work.tokens_per_pair * v.merge_size**2
    vit_values = patches * (v.patch_dim + 2 * v.embed_dim + max(v.mlp_dim, 4 * v.embed_dim))
    mixer_values = chunk_tokens * (m.in_dim + m.conv_dim + 2 * m.d_inner + 4 * m.d_model)
    state_bytes = 2 * config.num_layers * 4 * m.d_inner * m.d_state
    scan_bytes = 4 * (4 * chunk_tokens * m.num_heads + _SCAN_STATES * m.head_dim * m.d_state)
    pixel_bytes = 3 * patches * 3 * v.patch_size**2 * v.temporal_patch_size
    rounding_bytes = 2 * config.num_layers * _CUDA_PAGE_BYTES  # every large tensor begins a page
    float_bytes = state_bytes + scan_bytes
    return work.weight_element_bytes * (vit_values + mixer_values) + float_bytes + pixel_bytes + rounding_bytes


def pairs_that_fit(config: VambaConfig, work: Workload, limit_bytes: int) -> int:
    """The most frame pairs, at most those of the workload, whose peak stays within the limit.

    Raises:
        MemoryBudgetError: not even one frame pair fits.
    """

    def peak(num_pairs: int) -> int:
        return predict(config, replace(work, num_pairs=num_pairs)).peak_bytes

    fitting = bisect_right(range(1, work.num_pairs + 1), limit_bytes, key=peak)
    if fitting < 1:
        cost = predict(config, replace(work, num_pairs=1))
        fixed = cost.peak_bytes - cost.memory_bytes
        process = f", the program itself {work.process_bytes / GIB:.1f}" if work.process_bytes else ""
        raise MemoryBudgetError(
            f"this model needs {fixed / GIB:.1f} GiB (weights {cost.weight_bytes / GIB:.1f}, one chunk of frames "
            f"{cost.chunk_bytes / GIB:.1f}{process}) and {cost.memory_bytes / GIB:.3f} GiB for each frame pair, but "
            f"may use {limit_bytes / GIB:.{1 if limit_bytes >= GIB / 10 or limit_bytes <= 0 else 3}f} GiB: use a "
            "smaller model, smaller frames (--longest-edge), --dtype bfloat16 or --weight-dtype int4, or raise "
            "--memory-limit"
        )
    return fitting
