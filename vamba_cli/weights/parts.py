"""The two parts of a network: what makes a memory of a video, and what reads it. They need not be there together."""

import re
from collections.abc import Callable

import torch
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


class Phases:
    """Holds one part of a network at a time, as it is needed; the other one is not in memory."""

    def __init__(self, model: Vamba, fill: Callable[[str], None]) -> None:
        self._model, self._fill = model, fill
        self._held = ""

    def enter(self, part: str) -> None:
        if part == self._held:
            return
        if self._held:
            drop(self._model, self._held)
            self._held = ""
            if self._model.device.type == "cuda":
                torch.cuda.empty_cache()  # what was freed is of other sizes than what comes
        self._fill(part)
        self._held = part
