"""The Qwen2-VL vision transformer: patches of frame pairs to video tokens (MODEL section 4)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vamba_cli.model.config import VisionConfig
from vamba_cli.model.rope import Rotary, patch_rotary, rotate


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

    def forward(self, x: Tensor, rotary: Rotary) -> Tensor:  # (pairs, patches, embed_dim)
        x = x + self._attend(self.norm1(x), rotary)
        hidden = self.fc1(self.norm2(x))
        return x + self.fc2(hidden * torch.sigmoid(1.702 * hidden))  # quick GELU

    def _attend(self, x: Tensor, rotary: Rotary) -> Tensor:
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))  # t s 3 h d
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each t h s d
        out = F.scaled_dot_product_attention(rotate(q, rotary), rotate(k, rotary), v)
        return self.proj(out.transpose(1, 2).flatten(-2))


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
        for block in self.blocks:
            x = block(x, rotary)
        return self.merger(x)
