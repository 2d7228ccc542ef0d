"""A small network with a long memory, so that a state which is lost or rounded shows."""

import torch

from vamba_cli.model.config import MixerConfig, VambaConfig, VisionConfig
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


def small_model(dtype: torch.dtype = torch.float32, seed: int = 0) -> Vamba:
    model = random_model(SMALL, device="cpu", dtype=dtype, seed=seed)
    for name, p in model.named_parameters():
        if name.endswith("A_log"):
            p.data.uniform_(-4, 0)
        elif p.ndim >= 2:
            p.data.mul_(8)
    return model
