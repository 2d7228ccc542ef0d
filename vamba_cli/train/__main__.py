"""`python -m vamba_cli.train`: train the bundled checkpoint on one GPU, from nothing or from earlier weights."""

import argparse
import json
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vamba_cli.train.alphabet import ALPHABET, normalise
from vamba_cli.train.fonts import find_fonts, split_fonts
from vamba_cli.train.loop import EvaluationSet, Trainer
from vamba_cli.train.pages import PageRenderer, is_validation, load_pages
from vamba_cli.train.pool import SlidePool
from vamba_cli.train.questions import SlideText
from vamba_cli.train.recipe import FIRST_RUN, RESUMED_RUN, TINY, Recipe, new_model
from vamba_cli.train.render import FULL_SIZE, Slide, SlideRenderer
from vamba_cli.train.words import WordSource
from vamba_cli.weights.load import load_model


class PoolSource:
    """Fresh slides from worker processes, as tensors."""

    def __init__(self, pool: SlidePool) -> None:
        self._pool = pool

    def take(self, num: int) -> tuple[Tensor, Tensor, list[SlideText]]:
        batch = self._pool.take(num, wait_seconds=0.0)
        texts = [SlideText(title, lines) for title, lines in zip(batch.titles, batch.lines, strict=True)]
        return torch.from_numpy(batch.images), torch.from_numpy(batch.targets), texts


def make_drawer(
    worker: int, fonts: Path, pages: Path | None, page_share: float, size: tuple[int, int], seed: int
) -> Callable[[], Slide]:
    """What one worker process draws: synthetic slides, and real pages with probability `page_share`."""
    seed = seed * 1000 + worker
    training_fonts, _ = split_fonts(find_fonts([fonts]))
    synthetic = SlideRenderer(
        training_fonts, WordSource(seed, path=word_file(fonts)), seed, size, photos=photo_files(fonts)
    )
    real = PageRenderer(pages, seed, size) if pages else None
    picker = random.Random(seed)
    return lambda: real() if real is not None and picker.random() < page_share else synthetic()


def word_file(fonts: Path) -> Path | None:
    path = fonts / "words.txt.gz"
    return path if path.is_file() else None


def photo_files(fonts: Path) -> tuple[Path, ...]:
    """Photographs that drawn slides may show, if `photos` lies beside the fonts."""
    return tuple(sorted((fonts / "photos").glob("*.webp")))


def evaluation_sets(fonts: Path, pages: Path | None, stills: Path | None) -> list[EvaluationSet]:
    """Unseen fonts and words; real pages of a repository that is not trained on; stills of real lectures."""
    _, unseen = split_fonts(find_fonts([fonts]))
    render = SlideRenderer(unseen, WordSource(7, held_out=True, path=word_file(fonts)), 7, FULL_SIZE)
    drawn = [slide for slide in (render() for _ in range(240)) if slide.title][:160]
    sets = [_evaluation_set("unseen fonts and words", drawn)]
    if pages is not None:
        real = load_pages(pages, FULL_SIZE, lambda source: not is_validation(source))
        sets.append(_evaluation_set("real pages", [page for page in real if page.title][:200]))
    if stills is not None:
        rows = json.loads((stills / "titles.json").read_text())
        images = np.stack([np.asarray(Image.open(stills / row["image"]).convert("RGB")) for row in rows])
        sets.append(EvaluationSet("lecture stills", images, [SlideText(normalise(row["title"]), ()) for row in rows]))
    return sets


def _evaluation_set(name: str, slides: list[Slide]) -> EvaluationSet:
    texts = [SlideText(slide.title, slide.lines) for slide in slides]
    return EvaluationSet(name, np.stack([slide.image for slide in slides]), texts)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m vamba_cli.train", description=__doc__)
    parser.add_argument(
        "--fonts", type=Path, required=True, help="folder of fonts; words.txt.gz and photos/*.webp in it are used too"
    )
    parser.add_argument("--pages", type=Path, help="folder of real pages with pages.jsonl")
    parser.add_argument("--stills", type=Path, help="folder of lecture stills with titles.json: for measuring only")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, curve and evaluations")
    parser.add_argument("--resume", type=Path, help="model folder to go on from")
    parser.add_argument("--seconds", type=float, help="length of the whole run; stages shrink in proportion")
    parser.add_argument("--workers", type=int, default=14, help="processes that draw slides")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def scaled(recipe: Recipe, seconds: float | None, seed: int) -> Recipe:
    share = 1.0 if seconds is None else seconds / sum(stage.seconds for stage in recipe.stages)
    return replace(recipe, seed=seed, stages=tuple(replace(s, seconds=s.seconds * share) for s in recipe.stages))


def main() -> None:
    args = arguments()
    recipe = scaled(RESUMED_RUN if args.resume else FIRST_RUN, args.seconds, args.seed)
    began = time.perf_counter()
    with ExitStack() as stack:
        sources = []
        for number, stage in enumerate(recipe.stages):  # all workers are forked now, before the GPU is touched
            size = (stage.width, stage.height)
            make = partial(
                make_drawer, fonts=args.fonts, pages=args.pages if size == FULL_SIZE else None,
                page_share=recipe.real_page_share, size=size, seed=args.seed + number,
            )  # fmt: skip
            capacity = min(2048, int(1.9e9 // (size[0] * size[1] * 3 + 4096)))
            sources.append((stage, stack.enter_context(SlidePool(make, args.workers, capacity, size, "fork"))))
        sets = evaluation_sets(args.fonts, args.pages, args.stills)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_float32_matmul_precision("high")
        if args.resume:
            model = load_model(args.resume, TINY).requires_grad_(True).train()
        else:
            model = new_model(TINY, args.seed)
        print(f"ready to train on {device} after {time.perf_counter() - began:.0f} s", flush=True)
        trainer = Trainer(model.to(device), recipe, args.out, len(ALPHABET), sets, compiled=not args.eager)
        for number, (stage, pool) in enumerate(sources, 1):
            trainer.run_stage(stage, PoolSource(pool))
            pool.close()
            trainer.save()
            trainer.evaluate(f"after stage {number}")
    print(f"{time.perf_counter() - began:.0f} s in all", flush=True)


if __name__ == "__main__":
    main()
