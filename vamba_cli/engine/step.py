"""One more token of one text on a GPU: all layers as a CUDA graph that is captured once and replayed."""

import torch
from torch import Tensor

from vamba_cli.kernels.dispatch import is_fast
from vamba_cli.kernels.packed import Packed
from vamba_cli.model.attention import TextCache
from vamba_cli.model.decoder import DecoderLayer
from vamba_cli.model.layers import Linear
from vamba_cli.model.vamba import Vamba, View


class StepGraph:
    """Decodes tokens behind a text that `Vamba.decode` has read into `cache`; equal to it within rounding.

    A decoded token of the released model is some 1,500 launches when its layers run one operation after the other,
    which takes longer than reading its weights. Here it is 250 launches, replayed as one.
    """

    @staticmethod
    def suits(model: Vamba, video: View, cache: TextCache) -> bool:
        """Whether this model, memory and text can be decoded so."""
        keys, _ = video(0)
        if isinstance(keys, Packed) or not isinstance(next(iter(model.decoder_layers())).mlp.up_proj, Linear):
            return False  # 8 or 4 bits: their kernels run one by one
        if model.config.hidden_size % 4 or model.config.kv_dim % 4:  # the kernels take four rows of a matrix at a time
            return False
        return is_fast(model.embed_tokens.weight) and len(cache.keys[0]) == len(keys) == 1 and keys.shape[1] > 0

    def __init__(self, model: Vamba, video: View, cache: TextCache) -> None:
        from vamba_cli.kernels import triton_attention, triton_step

        self._kernels, self._attend = triton_step, triton_attention.attend
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
            k.gated_products(self._normed, layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight, self._hidden)
            k.products(self._hidden, [layer.mlp.down_proj.weight], [], self._added[0])
            norm = layers[index + 1].input_norm if index + 1 < len(layers) else model.norm
            k.add_norm(x, self._added[0], None, norm.weight, c.rms_norm_eps, self._normed)
        self._position += 1
        return model.logits(self._normed)

    def _attention(self, layer: DecoderLayer, index: int) -> None:
        """Self- and cross-attention of a layer, from `normed` to the two rows of `added`."""
        c, k = self._model.config, self._kernels
        own, cross = layer.self_attn, layer.cross_attn
        modules = (own.q_proj, own.k_proj, own.v_proj, cross.q_proj)
        k.products(self._normed, [m.weight for m in modules], [m.bias for m in modules], self._projected)
        queries, keys, values, reading = self._projected.split([c.hidden_size, c.kv_dim, c.kv_dim, c.hidden_size])
        past = self._cache.keys[index][0], self._cache.values[index][0]
        k.text_attention(queries, keys, values, *past, self._position, c.rope_theta, self._heads[0])
        shape = (1, c.num_kv_heads, c.num_heads // c.num_kv_heads, c.head_dim)
        seen_keys, seen_values = self._video(index)
        assert isinstance(seen_keys, Tensor) and isinstance(seen_values, Tensor)
        self._attend(reading.view(shape), seen_keys, seen_values, self._heads[1].view(shape))
        k.products(self._heads, [own.o_proj.weight, cross.o_proj.weight], [], self._added)
