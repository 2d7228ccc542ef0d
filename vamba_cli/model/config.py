"""Architecture sizes, read strictly from a checkpoint's `config.json` and `preprocessor_config.json`.

A flag whose value changes the result is either implemented or refused by name; a flag that changes nothing
(initialisation ranges, library bookkeeping) is accepted and ignored; a flag nobody has heard of is refused,
because ignoring it could change the answers silently.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vamba_cli.errors import ModelError

# Keys that have no effect on the result of this implementation: what the transformers library writes into every
# config, its nested ones too ...
_BOOKKEEPING = frozenset(
    """_attn_implementation _attn_implementation_autoset _commit_hash _name_or_path add_cross_attention architectures
    attn_implementation auto_map bad_words_ids begin_suppress_tokens bos_token_id chunk_size_feed_forward
    cross_attention_hidden_size decoder_start_token_id diversity_penalty do_sample dtype early_stopping
    encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty finetuning_task forced_bos_token_id
    forced_eos_token_id gradient_checkpointing id2label initializer_range is_decoder is_encoder_decoder label2id
    length_penalty max_length min_length model_type no_repeat_ngram_size num_beam_groups num_beams
    num_return_sequences output_attentions output_hidden_states output_scores pad_token_id prefix problem_type
    pruned_heads remove_invalid_values repetition_penalty return_dict return_dict_in_generate sep_token_id
    suppress_tokens task_specific_params temperature tf_legacy_loss tie_encoder_decoder tokenizer_class top_k top_p
    torch_dtype torchscript transformers_version typical_p use_bfloat16""".split()
)
# ... and, per object, ids of tokens, initialisation ranges and hints for training.
_IGNORED_TEXT = _BOOKKEEPING | frozenset(
    """attention_dropout image_token_id max_position_embeddings max_window_layers rope_scaling sliding_window use_cache
    video_token_id vision_end_token_id vision_start_token_id vision_token_id""".split()
)
_IGNORED_VISION = _BOOKKEEPING | frozenset({"spatial_patch_size"})
_IGNORED_MIXER = _BOOKKEEPING | frozenset(
    """A_init_range chunk_size conv_init device dt_init dt_init_floor dt_max dt_min dt_scale layer_idx process_group
    residual_in_fp32 sequence_parallel use_mem_eff_path""".split()
)


class _Flags:
    """One JSON object that is read key by key; what was not read at the end is refused."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self._where = where
        self._read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self._read.add(key)
        value = self._values.get(key)
        return default if value is None else value

    def integer(self, key: str, default: int | None = None) -> int:
        value = self.get(key, default)
        if value is None:
            raise ModelError(
                f"{self._where} lacks {key!r}, which has no default: the checkpoint's config is incomplete"
            )
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ModelError(f"{self._where}: {key} = {value!r} must be a whole number, 1 or more")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ModelError(f"{self._where}: {key} = {value!r} must be a number above 0")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise ModelError(f"{self._where}: {key} = {value!r} must be true or false")
        return value

    def only(self, key: str, allowed: Any, default: Any) -> None:
        value = self.get(key, default)
        if value != allowed:
            raise ModelError(f"{self._where}: {key} = {value!r} is not implemented; only {allowed!r} is")

    def refuse_unread(self, ignored: frozenset[str]) -> None:
        unknown = sorted(set(self._values) - self._read - ignored)
        if unknown:
            near = difflib.get_close_matches(unknown[0], sorted(self._read | ignored), n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ModelError(
                f"{self._where} has the unknown flag {unknown[0]!r} = {self._values[unknown[0]]!r}{hint}; "
                "it may change the result, so the checkpoint is refused"
            )


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """The Qwen2-VL vision transformer and its merger."""

    depth: int
    embed_dim: int
    num_heads: int
    mlp_dim: int
    out_dim: int
    patch_size: int = 14
    temporal_patch_size: int = 2
    merge_size: int = 2
    in_channels: int = 3

    @property
    def head_dim(self) -> int:
        return self.embed_dim // self.num_heads

    @property
    def patch_dim(self) -> int:
        """Numbers in one flattened patch: channels x 2 frames x 14 x 14."""
        return self.in_channels * self.temporal_patch_size * self.patch_size**2

    @property
    def cell(self) -> int:
        """Pixels along the side of one video token (28): frames are resized to multiples of it."""
        return self.patch_size * self.merge_size

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "VisionConfig":
        flags = _Flags(values, "vision_config")
        flags.only("hidden_act", "quick_gelu", "quick_gelu")
        flags.only("in_channels", 3, 3)
        flags.only("in_chans", 3, 3)
        flags.only("temporal_patch_size", 2, 2)
        flags.only("spatial_merge_size", 2, 2)
        embed_dim = flags.integer("embed_dim", 1280)
        ratio = flags.number("mlp_ratio", 4)
        config = VisionConfig(
            depth=flags.integer("depth", 32),
            embed_dim=embed_dim,
            num_heads=flags.integer("num_heads", 16),
            mlp_dim=int(embed_dim * ratio),
            out_dim=flags.integer("hidden_size", 3584),
            patch_size=flags.integer("patch_size", 14),
        )
        flags.refuse_unread(_IGNORED_VISION)
        if config.embed_dim % config.num_heads or config.head_dim % 4:
            raise ModelError(
                f"vision_config: embed_dim {config.embed_dim} over num_heads {config.num_heads} must be a multiple of 4"
            )
        return config


@dataclass(frozen=True, slots=True)
class MixerConfig:
    """One Mamba-2 mixer (Dao & Gu, arXiv 2405.21060)."""

    d_model: int
    d_state: int = 128
    head_dim: int = 64
    expand: int = 2
    d_conv: int = 4
    num_groups: int = 1
    norm_eps: float = 1e-5

    @property
    def d_inner(self) -> int:
        return self.expand * self.d_model

    @property
    def num_heads(self) -> int:
        return self.d_inner // self.head_dim

    @property
    def conv_dim(self) -> int:
        """Channels of [x | B | C], which pass through the causal convolution together."""
        return self.d_inner + 2 * self.num_groups * self.d_state

    @property
    def in_dim(self) -> int:
        """Outputs of in_proj: [z | x | B | C | dt]."""
        return self.d_inner + self.conv_dim + self.num_heads

    @staticmethod
    def from_json(values: Mapping[str, Any], hidden_size: int) -> "MixerConfig":
        flags = _Flags(values, "vision_mamba_mixer_config")
        flags.only("enable", True, False)
        flags.only("hidden_dim", hidden_size, hidden_size)
        for key, fixed in {
            "rmsnorm": True, "norm_before_gate": False, "bias": False, "conv_bias": True, "D_has_hdim": False,
        }.items():  # fmt: skip
            flags.only(key, fixed, fixed)
        limit = [float(bound) for bound in flags.get("dt_limit", (0.0, math.inf))]
        if limit != [0.0, math.inf]:
            raise ModelError(f"vision_mamba_mixer_config: dt_limit = {limit} is not implemented; only [0, Infinity] is")
        config = MixerConfig(
            d_model=hidden_size,
            d_state=flags.integer("d_state", 128),
            head_dim=flags.integer("headdim", 64),
            expand=flags.integer("expand", 2),
            d_conv=flags.integer("d_conv", 4),
            num_groups=flags.integer("ngroups", 1),
        )
        flags.refuse_unread(_IGNORED_MIXER)
        if config.d_inner % config.head_dim or config.num_heads % config.num_groups:
            raise ModelError(
                f"vision_mamba_mixer_config: {config.d_inner} channels do not divide into heads of {config.head_dim} "
                f"and {config.num_groups} groups"
            )
        return config


@dataclass(frozen=True, slots=True)
class VambaConfig:
    """The whole network: text decoder sizes plus vision and mixer."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool
    use_alpha_balancing: bool
    vision: VisionConfig
    mixer: MixerConfig

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    @property
    def kv_dim(self) -> int:
        """Numbers in one key (or value) of one token: K/V heads x head_dim."""
        return self.num_kv_heads * self.head_dim

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "VambaConfig":
        """Read the reference's flat Qwen2-VL layout.

        Raises:
            ModelError: a flag is missing, unknown, or has a value that is not implemented; it is named.
        """
        flags = _Flags(values, "config.json")
        flags.only("model_type", "qwen2_vl", "qwen2_vl")
        flags.only("hidden_act", "silu", "silu")
        for key in ("use_sliding_window", "cross_attn_use_position_embeddings", "cross_attn_use_layer_norm"):
            flags.only(key, False, False)
        mixer = flags.get("vision_mamba_mixer_config")
        if not isinstance(mixer, Mapping):
            raise ModelError(
                "config.json has no vision_mamba_mixer_config: this is a plain Qwen2-VL checkpoint, not VAMBA; "
                "use TIGER-Lab/Vamba-Qwen2-VL-7B or a fine-tune of it"
            )
        hidden_size = flags.integer("hidden_size")
        num_heads = flags.integer("num_attention_heads")
        config = VambaConfig(
            vocab_size=flags.integer("vocab_size"),
            hidden_size=hidden_size,
            intermediate_size=flags.integer("intermediate_size"),
            num_layers=flags.integer("num_hidden_layers"),
            num_heads=num_heads,
            num_kv_heads=flags.integer("num_key_value_heads", num_heads),
            rms_norm_eps=flags.number("rms_norm_eps", 1e-6),
            rope_theta=flags.number("rope_theta", 1e6),
            tie_word_embeddings=flags.flag("tie_word_embeddings", False),
            use_alpha_balancing=flags.flag("use_alpha_balancing", False),
            vision=VisionConfig.from_json(flags.get("vision_config", {})),
            mixer=MixerConfig.from_json(mixer, hidden_size),
        )
        _check_rope_scaling(values.get("rope_scaling"))
        flags.refuse_unread(_IGNORED_TEXT)
        if config.hidden_size % config.num_heads or config.num_heads % config.num_kv_heads or config.head_dim % 2:
            raise ModelError(
                f"config.json: hidden_size {hidden_size}, {num_heads} heads, {config.num_kv_heads} K/V heads disagree"
            )
        if config.vision.out_dim != hidden_size:
            raise ModelError(
                f"config.json: vision_config.hidden_size {config.vision.out_dim} must equal hidden_size {hidden_size}"
            )
        return config


def _check_rope_scaling(scaling: Any) -> None:
    """M-RoPE with equal indices on its three axes is ordinary RoPE, so its sections do not matter; others do."""
    kind = (scaling or {}).get("rope_type", (scaling or {}).get("type", "default"))
    if kind not in ("mrope", "default"):
        raise ModelError(f"config.json: rope_scaling type {kind!r} is not implemented; 'mrope' and 'default' are")


@dataclass(frozen=True, slots=True)
class PixelConfig:
    """How frames become patches: limits on the area and the normalisation."""

    min_pixels: int = 3136
    max_pixels: int = 1_003_520
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)

    @staticmethod
    def from_json(values: Mapping[str, Any], vision: VisionConfig) -> "PixelConfig":
        """Read a Qwen2-VL `preprocessor_config.json`; refuse another resampler, scale or patch geometry."""
        flags = _Flags(values, "preprocessor_config.json")
        for key in ("do_resize", "do_rescale", "do_normalize"):
            flags.only(key, True, True)
        flags.only("resample", 3, 3)
        if abs(flags.number("rescale_factor", 1 / 255) * 255 - 1) > 1e-6:
            raise ModelError(
                f"preprocessor_config.json: rescale_factor {values['rescale_factor']!r} is not implemented; 1/255 is"
            )
        flags.only("patch_size", vision.patch_size, vision.patch_size)
        flags.only("temporal_patch_size", vision.temporal_patch_size, vision.temporal_patch_size)
        flags.only("merge_size", vision.merge_size, vision.merge_size)
        size = flags.get("size", {})
        default = PixelConfig()
        mean = tuple(float(v) for v in flags.get("image_mean", default.mean))
        std = tuple(float(v) for v in flags.get("image_std", default.std))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ModelError(
                f"preprocessor_config.json: image_mean {mean} and image_std {std} need three channels each"
            )
        return PixelConfig(
            min_pixels=flags.integer("min_pixels", size.get("min_pixels", default.min_pixels)),
            max_pixels=flags.integer("max_pixels", size.get("max_pixels", default.max_pixels)),
            mean=(mean[0], mean[1], mean[2]),
            std=(std[0], std[1], std[2]),
        )
