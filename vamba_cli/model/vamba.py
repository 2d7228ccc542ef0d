"""VAMBA as a whole: encode video chunk by chunk, decode text against the memory of it."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import pick
from vamba_cli.kernels.packed import Rows
from vamba_cli.model.attention import TextCache
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.decoder import DecoderLayer
from vamba_cli.model.layers import Linear, RMSNorm
from vamba_cli.model.mixer import MixerState
from vamba_cli.model.rope import text_rotary
from vamba_cli.model.vision import VisionTransformer

MixerStates = tuple[MixerState, ...]
KeysValues = tuple[Tensor, Tensor]
View = Callable[[int], tuple[Rows, Rows]]


class Vamba(nn.Module):
    """The network. Call `encode_chunk` for video and `decode` for text; both go through the same layers.

    Nothing reads what the last layer's mixer computes, so it is left out unless `last_mixer` asks for it
    (to compare it with reference results).
    """

    def __init__(self, config: VambaConfig, *, last_mixer: bool = False) -> None:
        super().__init__()
        self.config = config
        last = config.num_layers - 1
        self.vision = VisionTransformer(config.vision)
        # Given its weight, for drawing one makes torch import its compiler: 1.5 s at the start of every command.
        nothing = torch.zeros(config.vocab_size, config.hidden_size)
        self.embed_tokens = nn.Embedding.from_pretrained(nothing, freeze=False)
        self.layers = nn.ModuleList(
            DecoderLayer(config, mixes=last_mixer or index < last) for index in range(config.num_layers)
        )
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.lm_head = None if config.tie_word_embeddings else Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def dtype(self) -> torch.dtype:
        return self.norm.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.norm.weight.device

    def decoder_layers(self) -> Iterable[DecoderLayer]:
        return (layer for layer in self.layers if isinstance(layer, DecoderLayer))

    def empty_states(self, batch: int = 1) -> MixerStates:
        """The state before the first frame, one per layer that mixes."""
        return tuple(layer.mixer.mixer.empty_state(batch) for layer in self.decoder_layers() if layer.mixer is not None)

    def encode_chunk(
        self,
        tokens: Tensor,
        states: MixerStates,
        emit: Callable[[int, Tensor, Tensor], None],
        observe: Callable[[int, Tensor], None] | None = None,
        order: Tensor | None = None,
        room: Callable[[int], KeysValues | None] | None = None,
    ) -> MixerStates:
        """Push a chunk of video tokens through all mixers, handing out each layer's keys and values.

        Args:
            tokens: (batch, length, hidden) from `vision`, the next in the video; they may be overwritten.
            states: what the mixers carry from the chunks before (`empty_states` at the start).
            emit: called with (layer, keys, values), each (batch, length, kv_heads, head_dim).
            observe: called with (layer, video states after its mixer), for tests and verification.
            order: (length,) where the video is tokens[:, order], because it repeats itself. The first layer's products
                are then made once for each of the tokens; the layers behind know what came before and differ.
            room: layer to where its keys and values of a batch of one are to lie, (length, kv_heads, head_dim) each;
                they are then not handed out. None, or where there is no room: they are.

        Returns:
            The states after this chunk. Any split into chunks gives the same keys, values and states.
        """
        after = []
        for index, layer in enumerate(self.decoder_layers()):
            here = None if room is None or order is not None else room(index)
            if here is not None:
                layer.cross_attn.write_keys_values(tokens, *here)
            else:
                keys, values = layer.cross_attn.keys_values(tokens)
                if order is not None:
                    keys, values = keys.index_select(1, order), values.index_select(1, order)
                emit(index, keys, values)
            if layer.mixer is None:
                break
            tokens, state = layer.mixer(tokens, states[index], order)
            order = None
            after.append(state)
            if observe is not None:
                observe(index, tokens)
        return tuple(after)

    def text_cache(self, batch: int, capacity: int) -> TextCache:
        c = self.config
        like = self.embed_tokens.weight
        keys, values = (
            tuple(like.new_empty(batch, capacity, c.num_kv_heads, c.head_dim) for _ in range(c.num_layers))
            for _ in range(2)
        )
        return TextCache(keys, values, 0)

    def decode(
        self,
        ids: Tensor,
        video: View,
        cache: TextCache | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Text through all layers and the final norm.

        Args:
            ids: (batch, length) token ids; the first of them stands at position `cache.length`, or 0.
            video: layer index to keys and values, (batch or 1, tokens, kv_heads, head_dim) each; 0 tokens for no video.
            cache: written in place; the caller goes on with `cache.advanced(length)`.
            mask: (batch, tokens), True where a text may read the video; for training.

        Returns:
            (batch, length, hidden) for `logits`.
        """
        past = 0 if cache is None else cache.length
        text = self.embed_tokens(ids)
        wide = torch.promote_types(text.dtype, torch.float32)
        positions = torch.arange(past, past + ids.shape[1], device=ids.device)
        rotary = text_rotary(positions, self.config.head_dim, self.config.rope_theta, wide)
        for index, layer in enumerate(self.decoder_layers()):
            text = layer(text, *video(index), rotary, cache, index, mask)
        return self.norm(text)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., hidden) to (..., vocab)."""
        if self.lm_head is None:
            return pick("linear", hidden)(hidden, self.embed_tokens.weight)
        return self.lm_head(hidden)
