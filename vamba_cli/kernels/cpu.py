"""Operations for CPUs where no gradient is wanted: the definitions of `plain.py` with fewer passes over memory.

In place on what they made themselves, float32 or float64; `tests/kernels` holds them against `plain`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vamba_cli.kernels import plain

_BLOCKS = (64, 32, 16)  # tokens that the scan takes together, the best number first
_MOST_DECAY = 60.0  # e to this times any input stays far below the largest float32


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return (x * _over_rms(x, eps)).mul_(weight)


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, num_groups: int, eps: float) -> Tensor:
    gated = F.silu(z).mul_(y)
    groups = gated.unflatten(-1, (num_groups, -1))
    groups.mul_(_over_rms(groups, eps))
    return gated.mul_(weight)


def _over_rms(x: Tensor, eps: float) -> Tensor:
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()


def linear_parts(x: Tensor, weight: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """One product a part: what comes out is contiguous, and a few odd rows do not slow down the many."""
    return [F.linear(x, part) for part in weight.split(sizes)]


def linear_quick_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """h * sigmoid(1.702 h) is silu(1.702 h) / 1.702; the product takes the first factor in."""
    hidden = torch.addmm(1.702 * bias, x.flatten(0, -2), weight.T, alpha=1.702)
    return F.silu(hidden, inplace=True).div_(1.702).view(*x.shape[:-1], -1)


def qkv_patches(
    x: Tensor, weight: Tensor, bias: Tensor, heads: int, rotary: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    return rotate_patches(F.linear(x, weight, bias).unflatten(-1, (3, heads, -1)), *rotary[:2])


def rotate_patches(qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    half = cos.shape[-1] // 2
    cos, sin = (table[:, None, None, :half] for table in (cos, sin))
    first, second = qkv[:, :, :2].split(half, dim=-1)  # t s 2 h d/2
    turned = first * sin
    first.mul_(cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).add_(turned)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    return q, k, v


def conv_silu(x: Tensor, carried: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    length, taps = x.shape[1], weight.shape[-1]
    history = torch.cat((carried.transpose(1, 2).to(x.dtype), x), dim=1)  # b (taps-1+l) c
    out = torch.addcmul(bias, history[:, :length], weight[:, 0, 0])
    for tap in range(1, taps):
        out.addcmul_(history[:, tap : tap + length], weight[:, 0, tap])
    return F.silu(out, inplace=True)


def scan(
    x: Tensor, dt: Tensor, dt_bias: Tensor, a_log: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """The recurrence of `plain.scan` in products that all heads of a group share.

    The decay from token k to token q of a block is exp(s_q - s_k), s being the sum of dt A from the block's start.
    Taken apart, exp(-s_k) goes into what token k adds and exp(s_q) into what token q reads, and neither needs a matrix
    for each head. exp(-s) must not overflow: where a block decays by more than `_MOST_DECAY`, shorter ones are taken,
    and where none is short enough, `plain.scan`.
    """
    batch, length, _, P = x.shape
    groups = B.shape[2]
    step = F.softplus(dt.to(state.dtype) + dt_bias)
    falls = step * -torch.exp(a_log)
    for block in _BLOCKS:
        decay = F.pad(falls, (0, 0, 0, -length % block)).unflatten(1, (-1, block)).cumsum_(2)
        if decay.min() >= -_MOST_DECAY:
            break
    else:
        return plain.scan(x, dt, dt_bias, a_log, B, C, D, state)
    decay = decay.flatten(1, 2)[:, :length]  # b l h
    fade = decay.exp()
    added = (x * (step * decay.neg_().exp_())[..., None]).view(batch, length, groups, -1).transpose(1, 2)  # b g l rp
    B, C = B.transpose(1, 2), C.transpose(1, 2)  # b g l n
    h = state.reshape(batch, groups, -1, state.shape[-1])  # b g rp n; as `plain.scan` left it, perhaps
    y = torch.empty_like(x).view(batch, length, groups, -1).transpose(1, 2)
    for first in range(0, length, block):
        here = slice(first, first + block)
        inside = (C[:, :, here] @ B[:, :, here].mT).tril_() @ added[:, :, here]
        torch.add(inside, C[:, :, here] @ h.mT, out=y[:, :, here])
        end = fade[:, min(first + block, length) - 1].view(batch, groups, -1, 1, 1)
        h = (h + added[:, :, here].mT @ B[:, :, here]).unflatten(2, (-1, P)).mul_(end).flatten(2, 3)
    y = y.transpose(1, 2).view(x.shape).mul_(fade[..., None])
    return y.addcmul_(x, D[:, None]), h.view(state.shape)
