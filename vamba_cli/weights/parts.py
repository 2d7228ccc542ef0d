"""The two parts of a network: what makes a memory of a video, and what reads it. They need not be there together."""

import re

from torch import nn

from vamba_cli.model.vamba import Vamba

VIDEO, TEXT, BOTH = "video", "text", "both"
_VIDEO = re.compile(r"vision\.|layers\.\d+\.mixer\.|layers\.\d+\.cross_attn\.[kv]_proj\.")


def part_of(name: str) -> str:
    """The part that needs a parameter: the ViT, the mixers and the K/V projections, or the text decoder."""
    if name == "norm.weight":  # a few kilobytes that tell device and dtype
        return BOTH
    return VIDEO if _VIDEO.match(name) else TEXT


def drop(model: Vamba, part: str) -> None:
    """Give the memory of a part back: its parameters are on the meta device then, as before they were filled."""
    for path, module in model.named_modules():
        for leaf, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            if part_of(f"{path}.{leaf}" if path else leaf) == part:
                empty = tensor.to("meta")
                setattr(module, leaf, nn.Parameter(empty, requires_grad=False) if leaf in module._parameters else empty)
