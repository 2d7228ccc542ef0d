"""Networks to checkpoint folders in the released format, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.names import reference_name


def config_json(config: VambaConfig) -> dict[str, Any]:
    """The flat Qwen2-VL layout that `VambaConfig.from_json` reads."""
    vision, mixer = config.vision, config.mixer
    return {
        "model_type": "qwen2_vl",
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_kv_heads,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": config.tie_word_embeddings,
        "use_alpha_balancing": config.use_alpha_balancing,
        "torch_dtype": "bfloat16",
        "vision_config": {
            "depth": vision.depth,
            "embed_dim": vision.embed_dim,
            "hidden_size": vision.out_dim,
            "num_heads": vision.num_heads,
            "mlp_ratio": vision.mlp_dim / vision.embed_dim,
            "patch_size": vision.patch_size,
        },
        "vision_mamba_mixer_config": {
            "enable": True,
            "hidden_dim": mixer.d_model,
            "headdim": mixer.head_dim,
            "d_state": mixer.d_state,
            "d_conv": mixer.d_conv,
            "expand": mixer.expand,
            "ngroups": mixer.num_groups,
        },
    }


def preprocessor_json(pixels: PixelConfig) -> dict[str, Any]:
    return {
        "min_pixels": pixels.min_pixels,
        "max_pixels": pixels.max_pixels,
        "image_mean": list(pixels.mean),
        "image_std": list(pixels.std),
    }


def export(model: Vamba, folder: Path, dtype: torch.dtype = torch.bfloat16) -> Path:
    """Write config, preprocessor and weights; the weights are renamed into place last, so a folder is never half."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in (
        ("config.json", config_json(model.config)),
        ("preprocessor_config.json", preprocessor_json(PixelConfig())),
    ):
        (folder / name).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    tensors = {}
    for name, parameter in model.named_parameters():
        value = parameter.detach().to("cpu", dtype)
        if name == "vision.patch_embed.weight":
            value = value.unflatten(1, (3, 2, model.config.vision.patch_size, model.config.vision.patch_size))
        tensors[reference_name(name)] = value.contiguous()
    partial = folder / "model.safetensors.partial"
    save_file(tensors, partial, metadata={"format": "pt"})
    final = folder / "model.safetensors"
    partial.rename(final)
    return final
