"""The Mamba-2 mixer of one layer: one path for any length, state in and state out (MODEL section 5)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import is_fast, pick
from vamba_cli.model.config import MixerConfig
from vamba_cli.model.layers import RMSNorm, add_product, multiplies_codes


class MixerState(NamedTuple):
    """What a mixer carries from one chunk of the video to the next.

    conv: (batch, conv_dim, d_conv - 1) the last columns of [x|B|C] before the convolution.
    ssm: (batch, heads, head_dim, d_state) float32 (float64 for a float64 model): bfloat16 would drift.
    """

    conv: Tensor
    ssm: Tensor


class GatedRMSNorm(nn.Module):
    """RMSNorm(y * silu(z)), the mean square taken per group of channels."""

    def __init__(self, dim: int, num_groups: int, eps: float) -> None:
        super().__init__()
        self.num_groups = num_groups
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        return pick("gated_rms_norm", z)(y, z, self.weight, self.num_groups, self.eps)


class CausalConv(nn.Module):
    """Depthwise causal convolution and SiLU; its weight keeps the (channels, 1, taps) shape of a Conv1d."""

    def __init__(self, channels: int, taps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 1, taps))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, length, channels) behind `carried` (batch, channels, taps - 1) to output and what to carry on."""
        before = self.weight.shape[-1] - 1
        out = pick("conv_silu", x)(x, carried, self.weight, self.bias)
        tail = x[:, -before:].transpose(1, 2)
        if x.shape[1] < before:
            tail = torch.cat((carried.to(x.dtype), tail), dim=-1)[..., -before:]
        # a copy: the few carried columns must not keep the whole chunk alive
        return out, tail.clone(memory_format=torch.contiguous_format)


class Mamba2(nn.Module):
    """The mixer proper: in_proj, causal convolution, SSD scan, gated norm, out_proj."""

    def __init__(self, config: MixerConfig) -> None:
        super().__init__()
        self.config = config
        self.in_proj = nn.Linear(config.d_model, config.in_dim, bias=False)
        self.conv1d = CausalConv(config.conv_dim, config.d_conv)
        self.dt_bias = nn.Parameter(torch.zeros(config.num_heads))
        self.A_log = nn.Parameter(torch.zeros(config.num_heads))
        self.D = nn.Parameter(torch.ones(config.num_heads))
        self.norm = GatedRMSNorm(config.d_inner, config.num_groups, config.norm_eps)
        self.out_proj = nn.Linear(config.d_inner, config.d_model, bias=False)

    def empty_state(self, batch: int = 1) -> MixerState:
        c, like = self.config, self.conv1d.weight
        wide = torch.promote_types(like.dtype, torch.float32)
        return MixerState(
            conv=like.new_zeros(batch, c.conv_dim, c.d_conv - 1),
            ssm=torch.zeros(batch, c.num_heads, c.head_dim, c.d_state, device=like.device, dtype=wide),
        )

    def forward(self, u: Tensor, state: MixerState) -> tuple[Tensor, MixerState]:
        """u (batch, length, d_model) and the state before it to the output of the same shape and the state after it."""
        y, state = self.inner(self.project(u), state)
        return self.out_proj(y), state

    def project(self, u: Tensor) -> Sequence[Tensor]:
        """[z, xBC, dt] of every token by itself."""
        c = self.config
        sizes = (c.d_inner, c.conv_dim, c.num_heads)
        if multiplies_codes(self.in_proj):
            return self.in_proj(u).split(sizes, dim=-1)
        parts: Sequence[Tensor] = pick("linear_parts", u)(u, self.in_proj.weight, sizes)
        return parts

    def inner(self, projected: Sequence[Tensor], state: MixerState) -> tuple[Tensor, MixerState]:
        """What `out_proj` is applied to, (batch, length, d_inner), and the state after it."""
        c, (z, xBC, dt) = self.config, projected
        xBC, conv_state = self.conv1d(xBC, state.conv)
        x, B, C = xBC.split((c.d_inner, c.num_groups * c.d_state, c.num_groups * c.d_state), dim=-1)
        x = x.unflatten(-1, (c.num_heads, c.head_dim))  # b l h p
        B, C = (v.unflatten(-1, (c.num_groups, c.d_state)) for v in (B, C))  # b l g n
        y, ssm_state = pick("scan", x)(x, dt, self.dt_bias, self.A_log, B, C, self.D, state.ssm)
        return self.norm(y.flatten(-2), z), MixerState(conv_state, ssm_state)


class MixerBlock(nn.Module):
    """V + mixer(RMSNorm(V)), as a part of a decoder layer; V may be overwritten."""

    def __init__(self, config: MixerConfig) -> None:
        super().__init__()
        self.norm = RMSNorm(config.d_model, config.norm_eps)
        self.mixer = Mamba2(config)

    def forward(self, v: Tensor, state: MixerState, order: Tensor | None = None) -> tuple[Tensor, MixerState]:
        """V is v[:, order], where there is an order: what repeats is projected once."""
        projected = self.mixer.project(self.norm(v))
        if order is not None:
            v, *projected = (part.index_select(1, order) for part in (v, *projected))
        y, state = self.mixer.inner(projected, state)
        if is_fast(v):  # the sum happens inside the last product, in place
            return add_product(v, y, self.mixer.out_proj), state
        return v + self.mixer.out_proj(y), state
