"""A small network with a long memory, so that a state which is lost or rounded shows."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vamba_cli.model.config import MixerConfig, VambaConfig, VisionConfig
from vamba_cli.model.memory import Looks
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import random_model

SMALL = VambaConfig(
    vocab_size=272,
    hidden_size=64,
    intermediate_size=96,
    num_layers=3,
    num_heads=4,
    num_kv_heads=2,
    rms_norm_eps=1e-6,
    rope_theta=1e4,
    tie_word_embeddings=False,
    use_alpha_balancing=True,
    vision=VisionConfig(depth=2, embed_dim=32, num_heads=2, mlp_dim=64, out_dim=64),
    mixer=MixerConfig(d_model=64, d_state=12, head_dim=16, num_groups=2),
)


def small_model(dtype: torch.dtype = torch.float32, seed: int = 0, weights: str = "full") -> Vamba:
    model = random_model(SMALL, device="cpu", dtype=dtype, seed=seed, weights=weights)
    generator = torch.Generator().manual_seed(seed)
    for name, buffer in model.named_buffers():
        if name.endswith((".scale", ".low")):  # of a rounded matrix, which is no parameter
            buffer.mul_(8)
    for name, p in model.named_parameters():
        if name.endswith("A_log"):
            p.data.uniform_(-4, 0, generator=generator)
        elif p.ndim >= 2:
            p.data.mul_(8)
    return model


def looks(
    times_seconds: Sequence[float] | Tensor,
    novelty: Sequence[float] | Tensor | None = None,
    changes: Sequence[float] | Tensor | None = None,
    cuts: Sequence[bool] | None = None,
    features: Tensor | None = None,
    doubled: Sequence[bool] | None = None,
) -> Looks:
    """What an encoder would have noticed; nothing where nothing is said."""
    frames, pairs = len(times_seconds), len(times_seconds) // 2
    return Looks(
        torch.as_tensor(times_seconds, dtype=torch.float64),
        torch.zeros(frames) if changes is None else torch.as_tensor(changes, dtype=torch.float32),
        torch.zeros(frames, dtype=torch.bool) if cuts is None else torch.tensor(cuts),
        torch.zeros(pairs) if novelty is None else torch.as_tensor(novelty, dtype=torch.float32),
        torch.zeros(pairs, dtype=torch.bool) if doubled is None else torch.tensor(doubled),
        torch.zeros(pairs, 3, dtype=torch.float16) if features is None else features.to(torch.float16),
    )
