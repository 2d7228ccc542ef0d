"""One more token of one text on a GPU: all layers as a CUDA graph that is captured once and replayed."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import is_fast, pick
from vamba_cli.kernels.packed import Packed
from vamba_cli.model.attention import TextCache
from vamba_cli.model.decoder import DecoderLayer
from vamba_cli.model.layers import Linear
from vamba_cli.model.vamba import Vamba, View


class StepGraph:
    """Decodes tokens behind a text that `Vamba.decode` has read into `cache`; equal to it within rounding.

    A decoded token of the released model is some 1,500 launches when its layers run one operation after the other,
    which takes longer than reading its weights. Here it is 250 launches, replayed as one, or
    some 500 where weights have 8 or 4 bits.
    """

    @staticmethod
    def suits(model: Vamba, video: View, cache: TextCache) -> bool:
        """Whether this model, memory and text can be decoded so."""
        if not is_fast(model.embed_tokens.weight) or len(cache.keys[0]) != 1 or not getattr(video, "stays", True):
            return False  # copies that are made anew for every token have no place that a graph could read
        if model.config.hidden_size % 4 or model.config.kv_dim % 4:  # the kernels take four rows of a matrix at a time
            return False
        keys, _ = video(0)
        return keys.shape[0] == 1 and keys.shape[1] > 0

    def __init__(self, model: Vamba, video: View, cache: TextCache) -> None:
        from vamba_cli.kernels import triton_attention, triton_step

        self._kernels, self._attention_kernels = triton_step, triton_attention
        self._model, self._video, self._cache = model, video, cache
        like = model.embed_tokens.weight
        self._token = torch.zeros(1, dtype=torch.long, device=model.device)
        self._position = torch.full((1,), cache.length, device=model.device)
        self._num_left = cache.keys[0].shape[1] - cache.length  # beyond, a replay would write where others live
        c = model.config
        self._projected = like.new_empty(2 * c.hidden_size + 2 * c.kv_dim)
        self._heads, self._added = like.new_empty(2, c.hidden_size), like.new_empty(2, c.hidden_size)
        self._normed, self._hidden = like.new_empty(c.hidden_size), like.new_empty(c.intermediate_size)
        self._graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._run()  # compiles what is not compiled; what it writes is written again
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(self._graph):
            self._logits = self._run()
        self._position.fill_(cache.length)

    def __call__(self, token: int) -> Tensor:
        """Logits (vocab,) after the next token; they are overwritten by the next call."""
        if self._num_left == 0:
            raise ValueError(f"the text cache is full: it has room for {self._cache.keys[0].shape[1]} tokens")
        self._num_left -= 1
        self._token.fill_(token)
        self._graph.replay()
        return self._logits

    def _run(self) -> Tensor:
        model, c, k = self._model, self._model.config, self._kernels
        layers = list(model.decoder_layers())
        x = model.embed_tokens(self._token)[0]
        self._normed.copy_(layers[0].input_norm(x))
        for index, layer in enumerate(layers):
            self._attention(layer, index)
            k.add_norm(x, self._added, layer.alpha, layer.mlp_norm.weight, c.rms_norm_eps, self._normed)
            self._gated_products(layer)
            self._products(self._hidden, [layer.mlp.down_proj], self._added[0])
            norm = layers[index + 1].input_norm if index + 1 < len(layers) else model.norm
            k.add_norm(x, self._added[0], None, norm.weight, c.rms_norm_eps, self._normed)
        self._position += 1
        return model.logits(self._normed)

    def _attention(self, layer: DecoderLayer, index: int) -> None:
        """Self- and cross-attention of a layer, from `normed` to the two rows of `added`."""
        c, k = self._model.config, self._kernels
        own, cross = layer.self_attn, layer.cross_attn
        self._products(self._normed, [own.q_proj, own.k_proj, own.v_proj, cross.q_proj], self._projected)
        queries, keys, values, reading = self._projected.split([c.hidden_size, c.kv_dim, c.kv_dim, c.hidden_size])
        past = self._cache.keys[index][0], self._cache.values[index][0]
        k.text_attention(queries, keys, values, *past, self._position, c.rope_theta, self._heads[0])
        self._read(reading.view(1, c.num_kv_heads, c.num_heads // c.num_kv_heads, c.head_dim), index)
        self._products(self._heads, [own.o_proj, cross.o_proj], self._added)

    def _read(self, queries: Tensor, index: int) -> None:
        """What the queries (1, kv_heads, group, head_dim) read of the video, to the second row of `heads`."""
        (keys, values), y = self._video(index), self._heads[1].view(queries.shape)
        if isinstance(keys, Packed) and isinstance(values, Packed):
            y.copy_(self._attention_kernels.attend_packed(queries, keys, values))
        else:
            assert isinstance(keys, Tensor) and isinstance(values, Tensor)
            self._attention_kernels.attend(queries, keys, values, y)

    def _products(self, x: Tensor, modules: Sequence[nn.Module], y: Tensor) -> None:
        """y = what the layers make of x, one behind the other; x (width,), or one row of (layers, width) for each."""
        dense = [module for module in modules if isinstance(module, Linear)]
        if len(dense) == len(modules):
            self._kernels.products(x, [m.weight for m in dense], [m.bias for m in dense if m.bias is not None], y)
            return
        rows = x if x.ndim == 2 else x.expand(len(modules), -1)
        made = [module(row) for module, row in zip(modules, rows, strict=True)]  # 8 or 4 bits: each has a kernel
        torch.cat(made, out=y.view(-1))

    def _gated_products(self, layer: DecoderLayer) -> None:
        gate: nn.Module = layer.mlp.gate_proj
        up: nn.Module = layer.mlp.up_proj
        if isinstance(gate, Linear) and isinstance(up, Linear):
            self._kernels.gated_products(self._normed, gate.weight, up.weight, self._hidden)
        else:
            self._hidden.copy_(pick("swiglu", self._normed)(gate(self._normed), up(self._normed)))
