"""Grouped-query attention: causal over the text, and from the text to the video (MODEL section 5)."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import pick
from vamba_cli.kernels.packed import Packed, Rows
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.layers import Linear
from vamba_cli.model.rope import Rotary, rotate


@dataclass(frozen=True, slots=True)
class TextCache:
    """Keys and values of the text so far: one (batch, capacity, kv_heads, head_dim) pair per layer.

    The buffers are written in place behind `length`; a cache value itself never changes.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    length: int

    def advanced(self, num_tokens: int) -> "TextCache":
        return replace(self, length=self.length + num_tokens)


class _Projections(nn.Module):
    """q, k, v with bias and o without, shared by both kinds of attention."""

    def __init__(self, config: VambaConfig) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_dim = (
            config.num_heads,
            config.num_kv_heads,
            config.head_dim,
        )
        self.q_proj = Linear(config.hidden_size, config.hidden_size)
        self.k_proj = Linear(config.hidden_size, config.kv_dim)
        self.v_proj = Linear(config.hidden_size, config.kv_dim)
        self.o_proj = Linear(config.hidden_size, config.hidden_size, bias=False)

    def queries(self, x: Tensor) -> Tensor:  # (batch, length, hidden) -> (batch, length, heads, head_dim)
        return self.q_proj(x).unflatten(-1, (self.num_heads, self.head_dim))

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:  # each (batch, length, kv_heads, head_dim)
        shape = (self.num_kv_heads, self.head_dim)
        return self.k_proj(x).unflatten(-1, shape), self.v_proj(x).unflatten(-1, shape)

    def write_keys_values(self, x: Tensor, keys: Tensor, values: Tensor) -> None:
        """`keys_values` of a single x (1, length, hidden), written to where they are kept: no copy is made."""
        products: list[tuple[nn.Module, Tensor]] = [(self.k_proj, keys), (self.v_proj, values)]
        for linear, kept in products:
            if isinstance(linear, Linear):
                torch.addmm(linear.bias, x[0], linear.weight.t(), out=kept.flatten(1))
            else:  # in fewer bits
                kept.copy_(linear(x)[0].unflatten(-1, kept.shape[1:]))


class SelfAttention(_Projections):
    """Causal attention over the text, with rotary positions that count text tokens only."""

    def forward(self, x: Tensor, rotary: Rotary, cache: TextCache | None = None, layer: int = 0) -> Tensor:
        q = rotate(self.queries(x).transpose(1, 2), rotary)  # b h l d
        k, v = self.keys_values(x)
        k = rotate(k.transpose(1, 2), rotary).transpose(1, 2)
        past = 0
        if cache is not None:
            past, end = cache.length, cache.length + x.shape[1]
            cache.keys[layer][:, past:end] = k
            cache.values[layer][:, past:end] = v
            k, v = cache.keys[layer][:, :end], cache.values[layer][:, :end]
        mask = None
        if past and x.shape[1] > 1:  # several new tokens behind old ones: causal, aligned at the end
            total = past + x.shape[1]
            mask = torch.ones(x.shape[1], total, dtype=torch.bool, device=x.device).tril(past)
        out = F.scaled_dot_product_attention(
            q, k.transpose(1, 2), v.transpose(1, 2), mask,
            is_causal=past == 0 and x.shape[1] > 1,
            enable_gqa=self.num_heads != self.num_kv_heads,
        )  # fmt: skip
        return self.o_proj(out.transpose(1, 2).flatten(-2))


class CrossAttention(_Projections):
    """Attention from text to video states: no positions, no causality, no norm on the video."""

    def forward(self, x: Tensor, keys: Rows, values: Rows, mask: Tensor | None = None) -> Tensor:
        """x (batch, length, hidden) reads keys and values (batch or 1, tokens, kv_heads, head_dim).

        The query heads that share a K/V head are laid along the query axis, so K/V are never repeated.
        `mask` (batch, tokens), True where a text may read the video, is for training only.
        """
        if keys.shape[1] == 0:  # no video, or an empty window: cross-attention adds nothing
            return torch.zeros_like(x)
        batch, length, _ = x.shape
        group = self.num_heads // self.num_kv_heads
        attend = pick("attend_packed" if isinstance(keys, Packed) else "attend", x)
        q = self.queries(x).unflatten(2, (self.num_kv_heads, group)).permute(0, 2, 3, 1, 4).flatten(2, 3)  # b kv g*l d
        if keys.shape[0] == 1 and batch > 1:  # one memory for many texts: they, too, are just more queries
            q = q.transpose(0, 1).flatten(1, 2)[None]
            out = attend(q, keys, values)[0].unflatten(1, (batch, group, length))
            out = out.permute(1, 3, 0, 2, 4)
        else:
            if mask is None:
                out = attend(q, keys, values)
            else:
                assert isinstance(keys, Tensor) and isinstance(values, Tensor)  # nobody trains on packed ones
                k, v = keys.transpose(1, 2), values.transpose(1, 2)
                out = F.scaled_dot_product_attention(q, k, v, mask[:, None, None])
            out = out.unflatten(2, (group, length)).permute(0, 3, 1, 2, 4)
        return self.o_proj(out.flatten(2))
