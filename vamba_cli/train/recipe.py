"""The recipe of the bundled checkpoint, as data: sizes, stages, learning rates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from vamba_cli.model.config import MixerConfig, VambaConfig, VisionConfig
from vamba_cli.model.vamba import Vamba

TINY = VambaConfig(
    vocab_size=272,  # 256 bytes and 16 special tokens
    hidden_size=384,
    intermediate_size=512,
    num_layers=4,
    num_heads=6,
    num_kv_heads=2,
    rms_norm_eps=1e-6,
    rope_theta=1e4,
    tie_word_embeddings=False,
    use_alpha_balancing=True,
    vision=VisionConfig(depth=7, embed_dim=256, num_heads=4, mlp_dim=768, out_dim=384),
    mixer=MixerConfig(d_model=384, d_state=64),
)


@dataclass(frozen=True, slots=True)
class Mix:
    """What is asked, as relative weights of kinds; a row of tokens holds as many questions as fit."""

    page: Mapping[str, float]  # about one page: title, shown, find, text, whole
    clip: Mapping[str, float]  # about stretches of a clip: titles, shown, title, order, count
    absent: Mapping[str, float]  # where the phrases come from that are asked for and are not there
    present_share: float = 0.5  # of "is it shown?" asks for what is there
    found_share: float = 0.65  # of "find" does
    word_share: float = 0.3  # of the phrases that are asked for are single words
    unknown_share: float = 0.4  # of those words have a digit, a hyphen or the like, where the page has such
    before_share: float = 0.1  # of the titles whose neighbour is asked for; the other neighbour is the one after
    inner_lists: float = 0.1  # as often are lists and counts asked for where a clip does not begin a video
    edge_share: float = 0.02  # of the titles whose neighbour is asked for have none
    yes_no_weight: float = 3.0  # of each token of such an answer; other answers weigh 1
    decisive_factor: float = 6.0  # of the letters by which an answer about order says which title it means
    text_bytes: int = 120  # of a "text?" answer; the product reads 128 tokens of it
    whole_bytes: int = 400  # of a "whole text?" answer


MIX = Mix(
    page={"title": 2.0, "shown": 4.0, "find": 4.0, "text": 0.6, "whole": 1.0},
    clip={"titles": 3.0, "shown": 2.5, "title": 1.0, "order": 3.0, "count": 3.0},
    absent={"one letter": 2.0, "one word": 2.0, "two lines": 1.5, "longer": 1.0, "stranger": 3.5},
)
# Reading comes first: while nothing is read yet, yes and no are coin tosses.
EARLY_MIX = replace(MIX, page={**MIX.page, "title": 5.0, "shown": 2.0})


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training at one frame size, with fixed shapes; seconds of wall clock, without compilation.

    A step encodes `pages` pictures once each and lays them out as `clips` of `pairs` frame pairs: where a page stays,
    its tokens are repeated. With several `layouts` each page comes in so many clips, in another order and for another
    time. `read_pages` of the pages (all of them where it is None) are asked about alone. `page_tokens` and
    `clip_tokens` are the lengths of the rows that hold the questions.
    """

    width: int
    height: int
    seconds: float
    pages: int
    clips: int
    pairs: int = 8
    page_tokens: int = 448
    clip_tokens: int = 384
    real_page_share: float = 0.0  # of the drawn pictures
    layouts: int = 1
    read_pages: int | None = None
    mix: Mix = MIX

    @property
    def num_read(self) -> int:
        return self.pages if self.read_pages is None else self.read_pages


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run. Two runs with one recipe and seed draw the same pages, not the same bits."""

    stages: tuple[Stage, ...]
    in_turns: bool = False  # a step of one stage, then of another, by their seconds; else one stage after the other
    matrix_rate: float = 0.006  # Muon
    other_rate: float = 6e-4  # Adam
    flat_share: float = 0.3  # of the run at full rate, then linear down to `final_rate` of it
    final_rate: float = 0.015
    dense_weight: float = 1.0
    part_weight: float = 0.1  # of how many titles came before, read from the video tokens of clips
    vision_learns: bool = True  # else it stays as it is, and so does the dense reader
    head_steps: int = 0  # steps at the beginning in which a new dense reader alone learns from its loss
    ring_pages: int = 16000
    rows_per_page: int = 4  # different rows of questions drawn for each page; each showing takes one
    seed: int = 1


FIRST_RUN = Recipe(
    stages=(
        Stage(308, 168, 75.0, pages=576, clips=144, page_tokens=256, clip_tokens=256, mix=EARLY_MIX),
        Stage(644, 364, 375.0, pages=160, clips=40, real_page_share=0.45),
    )
)
# Going on from shipped weights: the learning rate falls at once. If the dense reader is new, what it sends back until
# it reads would spoil what the network has learnt. Clips are long, as slides stay; real pages are small.
RESUMED_RUN = Recipe(
    stages=(
        Stage(644, 364, 320.0, pages=160, clips=20, pairs=64, clip_tokens=1024, real_page_share=0.55),
        Stage(1288, 728, 160.0, pages=40, clips=10),
    ),
    in_turns=True, matrix_rate=0.005, other_rate=5e-4, flat_share=0.1, head_steps=100,
)  # fmt: skip
# Order alone: what reads pages is kept, so a step has time for more clips, and most of its questions are about them.
ORDER_RUN = Recipe(
    stages=(
        Stage(
            644, 364, 480.0, pages=192, clips=48, pairs=32, layouts=2, read_pages=48, clip_tokens=1024,
            real_page_share=0.55,
        ),
    ),
    vision_learns=False, matrix_rate=0.005, other_rate=5e-4, flat_share=0.1,
)  # fmt: skip


def new_model(config: VambaConfig, seed: int) -> Vamba:
    """A network to train from nothing: torch's defaults for linear layers, Mamba-2's own for the recurrence."""
    torch.manual_seed(seed)
    model = Vamba(config)
    for name, p in model.named_parameters():
        if name.endswith("A_log"):
            p.data.uniform_(1, 16).log_()
        elif name.endswith("dt_bias"):
            dt = torch.empty_like(p).uniform_(math.log(1e-3), math.log(1e-1)).exp()
            p.data.copy_(dt + torch.log(-torch.expm1(-dt)))  # the inverse of softplus
        elif name.endswith("conv1d.weight"):
            p.data.uniform_(-0.5, 0.5)
        elif "embed_tokens" in name or "lm_head" in name:
            p.data.normal_(0, 0.02)
    return model
