"""What a video will cost before it is encoded: bytes and floating-point operations from sizes alone. Pure."""

from dataclasses import dataclass, replace

from vamba_cli.errors import MemoryBudgetError
from vamba_cli.model.config import VambaConfig

GIB = 1 << 30
_CUDA_PAGE_BYTES = 2 << 20
_LEAST_CHUNK_PAIRS = 4  # below, launches take longer than the work


@dataclass(frozen=True, slots=True)
class Workload:
    """One video under one plan; element sizes in bytes."""

    num_pairs: int
    tokens_per_pair: int
    chunk_pairs: int
    forward_pairs: int  # frame pairs that pass the ViT together
    weight_element_bytes: int
    memory_element_bytes: int
    fast: bool = False  # whether the kernels for GPUs run


@dataclass(frozen=True, slots=True)
class Cost:
    """Predicted bytes; peak holds weights, keys and values, and the largest chunk at work."""

    weight_bytes: int
    memory_bytes: int
    chunk_bytes: int
    encode_flops: float

    @property
    def peak_bytes(self) -> int:
        return self.weight_bytes + self.memory_bytes + self.chunk_bytes


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


def predict(config: VambaConfig, work: Workload) -> Cost:
    """Cost of encoding a video: weights, memory, the buffers of one chunk, and arithmetic."""
    v, m = config.vision, config.mixer
    vision, mixer, text = num_parameters(config)
    mixers = config.num_layers - 1
    tokens = work.num_pairs * work.tokens_per_pair
    patches = work.tokens_per_pair * v.merge_size**2
    per_token_kv = 2 * config.kv_dim * config.num_layers
    chunk_tokens = work.chunk_pairs * work.tokens_per_pair
    chunk_bytes = (_fast_chunk_bytes if work.fast else _plain_chunk_bytes)(config, work, chunk_tokens)
    attention_flops = 4 * patches**2 * v.embed_dim * v.depth
    flops = work.num_pairs * (2 * vision * patches + attention_flops) + tokens * (2 * mixer * mixers)
    flops += tokens * (2 * config.hidden_size * per_token_kv + 6 * m.d_inner * m.d_state * mixers)
    return Cost(
        weight_bytes=(vision + mixers * mixer + text) * work.weight_element_bytes,
        memory_bytes=tokens * per_token_kv * work.memory_element_bytes,
        chunk_bytes=chunk_bytes,
        encode_flops=float(flops),
    )


def _plain_chunk_bytes(config: VambaConfig, work: Workload, chunk_tokens: int) -> int:
    """Buffers of one chunk in plain PyTorch, which scans in float32, in blocks of 64."""
    v, m = config.vision, config.mixer
    patches = work.tokens_per_pair * v.merge_size**2
    vit_values = work.forward_pairs * patches * (v.patch_dim + 6 * v.embed_dim + 2 * v.mlp_dim)
    scan_floats = chunk_tokens * (3 * 64 * m.num_heads + 4 * m.d_inner + 4 * m.conv_dim)
    return work.weight_element_bytes * (vit_values + 6 * chunk_tokens * m.in_dim) + 4 * scan_floats


def _fast_chunk_bytes(config: VambaConfig, work: Workload, chunk_tokens: int) -> int:
    """Buffers of one chunk with the kernels: every tensor that is alive at once, and both ends of the states."""
    v, m = config.vision, config.mixer
    patches = work.forward_pairs * work.tokens_per_pair * v.merge_size**2
    vit_values = patches * (v.patch_dim + 2 * v.embed_dim + max(v.mlp_dim, 4 * v.embed_dim))
    mixer_values = chunk_tokens * (m.in_dim + m.conv_dim + 2 * m.d_inner + 4 * m.d_model)
    state_bytes = 2 * config.num_layers * 4 * m.d_inner * m.d_state
    pixel_bytes = 3 * patches * 3 * v.patch_size**2 * v.temporal_patch_size
    rounding_bytes = 2 * config.num_layers * _CUDA_PAGE_BYTES  # every large tensor begins a page
    return work.weight_element_bytes * (vit_values + mixer_values) + state_bytes + pixel_bytes + rounding_bytes


def with_a_chunk_that_fits(config: VambaConfig, work: Workload, limit_bytes: int) -> Workload:
    """The workload, its chunks halved until the peak stays within the limit, or they are as small as is useful."""
    while work.chunk_pairs > _LEAST_CHUNK_PAIRS and predict(config, work).peak_bytes > limit_bytes:
        half = work.chunk_pairs // 2
        work = replace(work, chunk_pairs=half, forward_pairs=min(half, work.forward_pairs))
    return work


def pairs_that_fit(config: VambaConfig, work: Workload, limit_bytes: int) -> int:
    """The most frame pairs, at most those of the workload, whose peak stays within the limit.

    Raises:
        MemoryBudgetError: not even the weights and one chunk fit.
    """
    cost = predict(config, work)
    fixed = cost.weight_bytes + cost.chunk_bytes
    per_pair = max(1, cost.memory_bytes // max(1, work.num_pairs))
    fitting = (limit_bytes - fixed) // per_pair
    if fitting < 1:
        raise MemoryBudgetError(
            f"this model needs {fixed / GIB:.1f} GiB (weights {cost.weight_bytes / GIB:.1f}, one chunk of frames "
            f"{cost.chunk_bytes / GIB:.1f}) and {per_pair / GIB:.3f} GiB for each frame pair, but may use "
            f"{limit_bytes / GIB:.{1 if limit_bytes >= GIB / 10 or limit_bytes <= 0 else 3}f} GiB: use a smaller "
            "model, smaller frames (--longest-edge) or --dtype bfloat16, or raise --memory-limit"
        )
    return min(work.num_pairs, fitting)
