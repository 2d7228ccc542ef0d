"""Many questions in one row of tokens: the decoder of training, which gives each what asking it alone would give.

A question begins with its own first token, counts its positions from there, and sees nothing of the others in its row.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vamba_cli.model.attention import CrossAttention, SelfAttention
from vamba_cli.model.decoder import DecoderLayer
from vamba_cli.model.rope import Rotary, rotate, text_rotary
from vamba_cli.model.vamba import Vamba, View
from vamba_cli.weights.tokenizer import ByteTokenizer

_CLOSED = -3e4  # as good as minus infinity, but a row that may read nothing stays a number


class Rows(NamedTuple):
    """Rows of questions: token ids (rows, length), and the weight in the loss of predicting each of them."""

    ids: Tensor
    weights: Tensor


def bias_where(readable: Tensor) -> Tensor:
    """What to add to attention scores, (batch, 1, queries, keys), from where a query may read a key."""
    return torch.zeros(readable.shape, device=readable.device).masked_fill(~readable, _CLOSED)[:, None]


def layout(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Position of each token in its question, (rows, length), and the bias of attention within questions."""
    place = torch.arange(ids.shape[1], device=ids.device)
    begins = ids == ByteTokenizer.vision_start_id
    position = place - place.expand_as(ids).masked_fill(~begins, 0).cummax(1).values
    question = begins.cumsum(1)
    return position, bias_where((question[:, :, None] == question[:, None, :]) & (place[:, None] >= place))


class PackedLayer(nn.Module):
    """A decoder layer as it is in `DecoderLayer.forward`, for packed rows."""

    def __init__(self, layer: DecoderLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self, text: Tensor, keys: Tensor, values: Tensor, rotary: Rotary, own_bias: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Text (rows, length, hidden) reads keys and values (rows, tokens, kv_heads, head_dim): all, or by a bias."""
        layer = self.layer
        x = layer.input_norm(text)
        own = _self_attention(layer.self_attn, x, rotary, own_bias)
        if bias is None:
            video = layer.cross_attn(x, keys, values)
        else:
            video = _attention(layer.cross_attn, layer.cross_attn.queries(x).transpose(1, 2), keys, values, bias)
        return layer.behind_attention(text, own, video)


def _self_attention(attention: SelfAttention, x: Tensor, rotary: Rotary, bias: Tensor) -> Tensor:
    keys, values = attention.keys_values(x)
    turned = rotate(keys.transpose(1, 2), rotary).transpose(1, 2)
    return _attention(attention, rotate(attention.queries(x).transpose(1, 2), rotary), turned, values, bias)


def _attention(
    attention: SelfAttention | CrossAttention, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor
) -> Tensor:
    """q (rows, heads, length, head_dim); the heads that share keys are laid out one by one, as biased kernels want."""
    group = attention.num_heads // attention.num_kv_heads
    k, v = (part.repeat_interleave(group, 2).transpose(1, 2) for part in (keys, values))
    wide = bias.to(q.dtype).expand(-1, q.shape[1], -1, -1)
    out = F.scaled_dot_product_attention(q, k, v, wide)
    return attention.o_proj(out.transpose(1, 2).flatten(2))


class PackedDecoder(nn.Module):
    """All layers of a model for packed rows, and the loss of their answers."""

    def __init__(self, model: Vamba) -> None:
        super().__init__()
        self.model = model
        self.layers = nn.ModuleList(map(PackedLayer, model.decoder_layers()))

    def forward(self, ids: Tensor, video: View, bias: Tensor | None = None) -> Tensor:
        """Rows of token ids to (rows, length, hidden) for `logits`; `video` and `bias` as in `PackedLayer`."""
        model = self.model
        text = model.embed_tokens(ids)
        position, own_bias = layout(ids)
        wide = torch.promote_types(text.dtype, torch.float32)
        table = text_rotary(position.flatten(), model.config.head_dim, model.config.rope_theta, wide)
        rotary = Rotary(*(part.unflatten(0, ids.shape)[:, None] for part in table))
        for index, layer in enumerate(self.layers):
            text = layer(text, *video(index), rotary, own_bias, bias)
        return model.norm(text)

    def loss(self, rows: Rows, video: View, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Weighted sum of the losses of all answer tokens, and the sum of the weights."""
        hidden = self(rows.ids, video, bias)
        return self.token_loss(hidden, rows.ids, rows.weights)

    def token_loss(self, hidden: Tensor, ids: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.model.logits(hidden[:, :-1]).float()
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        aimed = weights[:, 1:].flatten()
        return (loss * aimed).sum(), aimed.sum()
