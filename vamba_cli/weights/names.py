"""The reference checkpoint's tensor names (MODEL section 6) and ours, as one table."""

import re

from vamba_cli.errors import ModelError

# (reference name as a pattern, our name); N is a layer or block number.
_TABLE = (
    (r"visual\.patch_embed\.proj\.weight", r"vision.patch_embed.weight"),
    (r"visual\.blocks\.(\d+)\.(norm[12])\.(\w+)", r"vision.blocks.\1.\2.\3"),
    (r"visual\.blocks\.(\d+)\.(?:attn|mlp)\.(qkv|proj|fc1|fc2)\.(\w+)", r"vision.blocks.\1.\2.\3"),
    (r"visual\.merger\.ln_q\.(\w+)", r"vision.merger.norm.\1"),
    (r"visual\.merger\.mlp\.0\.(\w+)", r"vision.merger.fc1.\1"),
    (r"visual\.merger\.mlp\.2\.(\w+)", r"vision.merger.fc2.\1"),
    (r"model\.embed_tokens\.weight", r"embed_tokens.weight"),
    (r"model\.layers\.(\d+)\.(self_attn|cross_attn)\.([qkvo]_proj\.\w+)", r"layers.\1.\2.\3"),
    (r"model\.layers\.(\d+)\.alpha", r"layers.\1.alpha"),
    (r"model\.layers\.(\d+)\.mlp\.((?:gate|up|down)_proj\.\w+)", r"layers.\1.mlp.\2"),
    (r"model\.layers\.(\d+)\.input_layernorm\.weight", r"layers.\1.input_norm.weight"),
    (r"model\.layers\.(\d+)\.post_attention_layernorm\.weight", r"layers.\1.mlp_norm.weight"),
    (r"model\.layers\.(\d+)\.vision_mixer\.norm\.weight", r"layers.\1.mixer.norm.weight"),
    (r"model\.layers\.(\d+)\.vision_mixer\.mixer\.(.+)", r"layers.\1.mixer.mixer.\2"),
    (r"model\.norm\.weight", r"norm.weight"),
    (r"lm_head\.weight", r"lm_head.weight"),
)
_PATTERNS = tuple((re.compile(pattern), ours) for pattern, ours in _TABLE)


def our_name(reference_name: str) -> str:
    """The parameter that a tensor of the reference checkpoint fills.

    Raises:
        ModelError: the name is not in the table.
    """
    for pattern, ours in _PATTERNS:
        match = pattern.fullmatch(reference_name)
        if match:
            return match.expand(ours)
    raise ModelError(
        f"the checkpoint holds the unknown tensor {reference_name!r}: it is not a VAMBA checkpoint, or a newer kind"
    )


def reference_name(ours: str) -> str:
    """The inverse of `our_name`, for writing checkpoints that the reference code can load."""
    rules = (
        (r"vision\.patch_embed\.", "visual.patch_embed.proj."),
        (r"vision\.blocks\.(\d+)\.(norm[12])\.", r"visual.blocks.\1.\2."),
        (r"vision\.blocks\.(\d+)\.(qkv|proj)\.", r"visual.blocks.\1.attn.\2."),
        (r"vision\.blocks\.(\d+)\.(fc[12])\.", r"visual.blocks.\1.mlp.\2."),
        (r"vision\.merger\.norm\.", "visual.merger.ln_q."),
        (r"vision\.merger\.fc1\.", "visual.merger.mlp.0."),
        (r"vision\.merger\.fc2\.", "visual.merger.mlp.2."),
        (r"layers\.(\d+)\.input_norm\.", r"model.layers.\1.input_layernorm."),
        (r"layers\.(\d+)\.mlp_norm\.", r"model.layers.\1.post_attention_layernorm."),
        (r"layers\.(\d+)\.mixer\.", r"model.layers.\1.vision_mixer."),
        (r"(layers\.\d+\.|embed_tokens\.|norm\.)", r"model.\1"),
        (r"(lm_head\.)", r"\1"),
    )
    for pattern, replacement in rules:
        if re.match(pattern, ours):
            return re.sub("^" + pattern, replacement, ours)
    raise ModelError(f"{ours!r} is not a parameter of the network")
