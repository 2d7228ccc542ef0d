"""One VAMBA layer: two streams, text and video, side by side (MODEL section 5)."""

import torch
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import pick
from vamba_cli.kernels.packed import Rows
from vamba_cli.model.attention import CrossAttention, SelfAttention, TextCache
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.layers import Linear, RMSNorm
from vamba_cli.model.mixer import MixerBlock
from vamba_cli.model.rope import Rotary


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)) (Shazeer, arXiv 2002.05202)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = Linear(dim, hidden, bias=False)
        self.up_proj = Linear(dim, hidden, bias=False)
        self.down_proj = Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(pick("swiglu", x)(self.gate_proj(x), self.up_proj(x)))


class DecoderLayer(nn.Module):
    """The video stream runs through `mixer` alone; the text stream through `forward`, reading the video's K/V."""

    def __init__(self, config: VambaConfig, *, mixes: bool = True) -> None:
        super().__init__()
        self.input_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = SelfAttention(config)
        self.cross_attn = CrossAttention(config)
        self.alpha = nn.Parameter(torch.full((1,), 0.5)) if config.use_alpha_balancing else None
        self.mlp_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config.hidden_size, config.intermediate_size)
        self.mixer = MixerBlock(config.mixer) if mixes else None

    def forward(
        self,
        text: Tensor,
        keys: Rows,
        values: Rows,
        rotary: Rotary,
        cache: TextCache | None = None,
        layer: int = 0,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Text (batch, length, hidden) through one layer; keys and values as in `CrossAttention`."""
        x = self.input_norm(text)
        own = self.self_attn(x, rotary, cache, layer)
        video = self.cross_attn(x, keys, values, mask)
        return self.behind_attention(text, own, video)

    def behind_attention(self, text: Tensor, own: Tensor, video: Tensor) -> Tensor:
        """Text with what it read of itself and of the video, balanced, and through the MLP."""
        read = own + video if self.alpha is None else torch.lerp(video, own, self.alpha.clamp(0, 1).to(own.dtype))
        text = text + read
        return text + self.mlp(self.mlp_norm(text))
