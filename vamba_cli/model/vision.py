"""The Qwen2-VL vision transformer: patches of frame pairs to video tokens (MODEL section 4)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import is_fast, pick
from vamba_cli.model.config import VisionConfig
from vamba_cli.model.layers import add_product, multiplies_codes
from vamba_cli.model.rope import PatchRotary, patch_rotary


class VisionBlock(nn.Module):
    """Pre-norm transformer block; attention is full inside one frame pair and never crosses it."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_heads = config.num_heads
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.fc1 = nn.Linear(dim, config.mlp_dim)
        self.fc2 = nn.Linear(config.mlp_dim, dim)

    def forward(self, x: Tensor, rotary: PatchRotary) -> Tensor:  # (pairs, patches, embed_dim)
        x = x + self.proj(self._attend(self.norm1(x), rotary))
        return x + self.fc2(self._hidden(self.norm2(x)))

    def accumulate(self, x: Tensor, owed: Tensor, rotary: PatchRotary) -> None:
        """`forward` in place, for GPUs: sums happen inside products, which leaves no room for their biases there.

        Args:
            x, owed: x + owed[0] is what `forward` would be given, owed[1] what is owed behind attention;
                (2, embed_dim) float32. With the bias of `fc2` owed[1] is what the next block owes.
        """
        norm = pick("shifted_layer_norm", x)
        normed = norm(x, owed[0], self.norm1.weight, self.norm1.bias, self.norm1.eps)
        add_product(x, self._attend(normed, rotary), self.proj)
        normed = norm(x, owed[1], self.norm2.weight, self.norm2.bias, self.norm2.eps)
        add_product(x, self._hidden(normed), self.fc2)

    def _attend(self, x: Tensor, rotary: PatchRotary) -> Tensor:
        if multiplies_codes(self.qkv):
            qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))  # t s 3 h d
            q, k, v = pick("rotate_patches", qkv)(qkv, rotary.cos, rotary.sin)  # each t h s d
        else:
            q, k, v = pick("qkv_patches", x)(x, self.qkv.weight, self.qkv.bias, self.num_heads, rotary)
        attended: Tensor = pick("attend_patches", q)(q, k, v)
        return attended

    def _hidden(self, x: Tensor) -> Tensor:
        if multiplies_codes(self.fc1):
            hidden: Tensor = pick("quick_gelu", x)(self.fc1(x))
            return hidden
        return pick("linear_quick_gelu", x)(x, self.fc1.weight, self.fc1.bias)


class PatchMerger(nn.Module):
    """Concatenate each 2x2 neighbourhood and project it to the width of the text decoder."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.group = config.merge_size**2
        wide = config.embed_dim * self.group
        self.norm = nn.LayerNorm(config.embed_dim, eps=1e-6)
        self.fc1 = nn.Linear(wide, wide)
        self.fc2 = nn.Linear(wide, config.out_dim)

    def forward(self, x: Tensor) -> Tensor:  # (pairs, patches, embed_dim) -> (pairs, patches/4, out_dim)
        grouped = self.norm(x).unflatten(1, (-1, self.group)).flatten(-2)
        return self.fc2(F.gelu(self.fc1(grouped)))


class VisionTransformer(nn.Module):
    """Every frame pair is encoded alone, so any split of the video at a multiple of two frames is exact."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = nn.Linear(config.patch_dim, config.embed_dim, bias=False)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.depth))
        self.merger = PatchMerger(config)

    def forward(self, patches: Tensor, rows: int, columns: int) -> Tensor:
        """Encode frame pairs of one size.

        Args:
            patches: (pairs, rows * columns, patch_dim) in merged order.
            rows, columns: patches along height and width.

        Returns:
            (pairs, rows * columns / 4, out_dim) video tokens.
        """
        x = self.patch_embed(patches)
        wide = torch.promote_types(x.dtype, torch.float32)
        rotary = patch_rotary(rows, columns, self.config.head_dim, self.config.merge_size, x.device, wide)
        if not is_fast(x):
            for block in self.blocks:
                x = block(x, rotary)
            return self.merger(x)
        blocks = [block for block in self.blocks if isinstance(block, VisionBlock)]
        biases: list[Tensor] = [layer.bias for block in blocks for layer in (block.proj, block.fc2)]
        owed = F.pad(torch.stack(biases).float().cumsum(0), (0, 0, 1, 0))
        for i, block in enumerate(blocks):
            block.accumulate(x, owed[2 * i : 2 * i + 2], rotary)
        return self.merger((x + owed[-1]).to(x.dtype))
