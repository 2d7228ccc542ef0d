"""The recipe of the bundled checkpoint, as data: sizes, stages, learning rates."""

import math
from dataclasses import dataclass

import torch

from vamba_cli.model.config import MixerConfig, VambaConfig, VisionConfig
from vamba_cli.model.vamba import Vamba

TINY = VambaConfig(
    vocab_size=272,  # 256 bytes and 16 special tokens
    hidden_size=384,
    intermediate_size=512,
    num_layers=4,
    num_heads=6,
    num_kv_heads=2,
    rms_norm_eps=1e-6,
    rope_theta=1e4,
    tie_word_embeddings=False,
    use_alpha_balancing=True,
    vision=VisionConfig(depth=7, embed_dim=256, num_heads=4, mlp_dim=768, out_dim=384),
    mixer=MixerConfig(d_model=384, d_state=64),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training at one frame size; seconds of wall clock, without compilation."""

    width: int
    height: int
    clips_per_step: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run. Two runs with one recipe and seed draw the same slides, not the same bits."""

    stages: tuple[Stage, ...]
    pairs_per_clip: int = 4
    questions_per_clip: int = 8
    text_length: int = 128
    matrix_rate: float = 0.006  # Muon
    other_rate: float = 6e-4  # AdamW
    flat_share: float = 0.3  # of the run at full rate, then linear down to `final_rate` of it
    final_rate: float = 0.015
    dense_weight: float = 1.0
    head_steps: int = 0  # steps at the beginning in which the dense reader alone learns from its loss
    real_page_share: float = 0.3  # of the slides shown in the last stage
    ring_slides: int = 16000
    seed: int = 1


FIRST_RUN = Recipe(stages=(Stage(308, 168, 144, 75.0), Stage(644, 364, 40, 375.0)))
# Going on from shipped weights: full size from the start, the learning rate falls at once. The dense reader is new;
# what it sends back until it reads would spoil what the network has learnt.
RESUMED_RUN = Recipe(
    stages=(Stage(644, 364, 40, 480.0),), matrix_rate=0.005, other_rate=5e-4, flat_share=0.1, head_steps=100
)


def new_model(config: VambaConfig, seed: int) -> Vamba:
    """A network to train from nothing: torch's defaults for linear layers, Mamba-2's own for the recurrence."""
    torch.manual_seed(seed)
    model = Vamba(config)
    for name, p in model.named_parameters():
        if name.endswith("A_log"):
            p.data.uniform_(1, 16).log_()
        elif name.endswith("dt_bias"):
            dt = torch.empty_like(p).uniform_(math.log(1e-3), math.log(1e-1)).exp()
            p.data.copy_(dt + torch.log(-torch.expm1(-dt)))  # the inverse of softplus
        elif name.endswith("conv1d.weight"):
            p.data.uniform_(-0.5, 0.5)
        elif "embed_tokens" in name or "lm_head" in name:
            p.data.normal_(0, 0.02)
    return model
