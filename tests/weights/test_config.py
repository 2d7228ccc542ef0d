"""Flags of a checkpoint's JSON files: what is implemented is read, everything else is refused by its name."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.tinynet import SMALL
from vamba_cli.errors import ModelError
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.train.export import config_json, preprocessor_json
from vamba_cli.weights.load import read_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The JSON files of a checkpoint."""
    (tmp_path / "config.json").write_text(json.dumps(config_json(SMALL)))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessor_json(PixelConfig())))
    return tmp_path


def edit_config(folder: Path, changes: dict[str, Any], part: str | None = None) -> None:
    """Set keys of config.json, or of one of its objects; json writes infinity as a bare `Infinity`."""
    file = folder / "config.json"
    values = json.loads(file.read_text())
    (values[part] if part else values).update(changes)
    file.write_text(json.dumps(values))


def refusal(changes: dict[str, Any], part: str | None = None) -> str:
    values = config_json(SMALL)
    (values[part] if part else values).update(changes)
    with pytest.raises(ModelError) as refused:
        VambaConfig.from_json(values)
    return str(refused.value)


MIXER, VISION = "vision_mamba_mixer_config", "vision_config"


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        (None, "hidden_act", "gelu"),
        (None, "use_sliding_window", True),
        (None, "cross_attn_use_position_embeddings", True),
        (None, "cross_attn_use_layer_norm", True),
        (None, "model_type", "llama"),
        (None, "tie_word_embeddings", "yes"),
        (None, "hidden_size", 63.5),
        (None, "num_hidden_layers", 0),
        (None, "rms_norm_eps", -1e-6),
        (VISION, "hidden_act", "gelu"),
        (VISION, "in_channels", 1),
        (VISION, "in_chans", 4),
        (VISION, "spatial_merge_size", 3),
        (VISION, "temporal_patch_size", 1),
        (MIXER, "enable", False),
        (MIXER, "hidden_dim", 65),
        (MIXER, "rmsnorm", False),
        (MIXER, "norm_before_gate", True),
        (MIXER, "bias", True),
        (MIXER, "conv_bias", False),
        (MIXER, "D_has_hdim", True),
        (MIXER, "dt_limit", [0.0, 0.1]),
        (MIXER, "dt_limit", [1e-4, math.inf]),
        (MIXER, "d_state", True),
    ],
)
def test_a_value_that_is_not_implemented_is_refused_by_name(part: str | None, key: str, value: object) -> None:
    message = refusal({key: value}, part)
    assert key in message and (part or "config.json") in message
    assert str(value if key != "dt_limit" else [float(bound) for bound in value]) in message  # type: ignore[attr-defined]


def test_a_mixer_that_is_not_enabled_is_refused() -> None:
    values = config_json(SMALL)
    del values[MIXER]["enable"]
    with pytest.raises(ModelError, match="enable = False"):
        VambaConfig.from_json(values)


@pytest.mark.parametrize(
    ("part", "key", "near"),
    [(None, "use_alpha_balance", "use_alpha_balancing"), (VISION, "embedding_dim", "embed_dim"),
     (MIXER, "d_sate", "d_state")],
)  # fmt: skip
def test_an_unknown_flag_is_named_with_the_nearest(part: str | None, key: str, near: str) -> None:
    message = refusal({key: 7}, part)
    assert f"unknown flag '{key}' = 7 (did you mean '{near}'?)" in message


def test_an_unknown_flag_like_none_is_named_all_the_same() -> None:
    assert "unknown flag 'zzz' = 1;" in refusal({"zzz": 1})


@pytest.mark.parametrize("kind", ["yarn", "linear", "dynamic"])
def test_other_rope_scaling_is_refused(kind: str) -> None:
    assert kind in refusal({"rope_scaling": {"type": kind, "factor": 4.0}})
    assert kind in refusal({"rope_scaling": {"rope_type": kind}})


@pytest.mark.parametrize(
    "key", ["hidden_size", "num_attention_heads", "vocab_size", "intermediate_size", "num_hidden_layers"]
)
def test_a_size_without_a_default_must_be_there(key: str) -> None:
    assert key in refusal({key: None})


@pytest.mark.parametrize(
    ("changes", "part"),
    [({"num_attention_heads": 5}, None), ({"num_key_value_heads": 3}, None), ({"num_heads": 5}, VISION),
     ({"hidden_size": 32}, VISION), ({"headdim": 48}, MIXER), ({"ngroups": 3}, MIXER)],
)  # fmt: skip
def test_sizes_that_disagree_are_refused(changes: dict[str, Any], part: str | None) -> None:
    assert str(next(iter(changes.values()))) in refusal(changes, part)


def test_plain_qwen2_vl_is_refused_with_a_hint(folder: Path) -> None:
    edit_config(folder, {MIXER: None})
    with pytest.raises(ModelError, match="plain Qwen2-VL checkpoint, not VAMBA; use TIGER-Lab/Vamba-Qwen2-VL-7B"):
        read_config(folder)


def test_defaults_of_absent_flags() -> None:
    values = config_json(SMALL)
    values["vision_config"] = {"hidden_size": 64}
    values[MIXER] = {"enable": True, "headdim": None}
    for key in ("use_alpha_balancing", "tie_word_embeddings", "rms_norm_eps", "rope_theta", "num_key_value_heads"):
        del values[key]
    config = VambaConfig.from_json(values)
    vision, mixer = config.vision, config.mixer
    assert (vision.depth, vision.embed_dim, vision.num_heads, vision.mlp_dim) == (32, 1280, 16, 5120)
    assert (mixer.d_state, mixer.head_dim, mixer.expand, mixer.d_conv, mixer.num_groups) == (128, 64, 2, 4, 1)
    assert not config.use_alpha_balancing and not config.tie_word_embeddings
    assert (config.rms_norm_eps, config.rope_theta, config.num_kv_heads) == (1e-6, 1e6, config.num_heads)


def test_every_flag_may_be_written_out() -> None:
    """A value that is implemented is accepted when it stands there, not only when it is absent."""
    values = config_json(SMALL)
    values.update(hidden_act="silu", use_sliding_window=False, cross_attn_use_position_embeddings=False)
    values.update(cross_attn_use_layer_norm=False)
    values[VISION].update(hidden_act="quick_gelu", in_channels=3, in_chans=3, spatial_merge_size=2)
    values[VISION].update(temporal_patch_size=2)
    values[MIXER].update(rmsnorm=True, norm_before_gate=False, bias=False, conv_bias=True, D_has_hdim=False)
    assert VambaConfig.from_json(values) == SMALL


def test_bare_infinity_and_bookkeeping_are_accepted(folder: Path) -> None:
    edit_config(folder, {"dt_limit": [0, math.inf], "chunk_size": 256, "use_mem_eff_path": True}, MIXER)
    assert "Infinity]" in (folder / "config.json").read_text()
    edit_config(folder, {"bos_token_id": 1, "max_position_embeddings": 32768, "transformers_version": "4.45"})
    edit_config(folder, {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}})
    assert read_config(folder)[0] == SMALL


@pytest.mark.parametrize(
    ("key", "value"),
    [("do_normalize", False), ("do_resize", False), ("resample", 2), ("rescale_factor", 1.0), ("patch_size", 16),
     ("merge_size", 1), ("temporal_patch_size", 1), ("image_mean", [0.5]), ("image_std", [1, 1, 0]), ("min_pixels", 0)],
)  # fmt: skip
def test_other_pixels_are_refused_by_name(folder: Path, key: str, value: object) -> None:
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    with pytest.raises(ModelError, match=rf"preprocessor_config\.json.*{key}"):
        read_config(folder)


def test_pixel_limits_are_read_from_either_place(folder: Path) -> None:
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps({"size": {"min_pixels": 784, "max_pixels": 50_176}}))
    assert (read_config(folder)[1].min_pixels, read_config(folder)[1].max_pixels) == (784, 50_176)
    file.write_text(json.dumps({"min_pixels": 1568, "max_pixels": 12_845_056}))
    assert (read_config(folder)[1].min_pixels, read_config(folder)[1].max_pixels) == (1568, 12_845_056)
