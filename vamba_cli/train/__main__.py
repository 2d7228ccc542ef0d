"""`python -m vamba_cli.train`: train the bundled checkpoint on one GPU, from nothing or from earlier weights."""

import argparse
import json
import os
import platform
import random
import shlex
import sys
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vamba_cli.train.alphabet import ALPHABET, normalise
from vamba_cli.train.evaluate import EvaluationSet
from vamba_cli.train.fonts import find_fonts, split_fonts
from vamba_cli.train.loop import READER, Trainer, sample_shape
from vamba_cli.train.pages import Page, PageRenderer, is_validation, read_pages, to_slide
from vamba_cli.train.pool import SamplePool, slot_bytes
from vamba_cli.train.profile import profile
from vamba_cli.train.questions import QuestionMaker, SlideText
from vamba_cli.train.recipe import FIRST_RUN, ORDER_RUN, RESUMED_RUN, TINY, Recipe, Stage, new_model
from vamba_cli.train.render import FULL_SIZE, Slide, SlideRenderer
from vamba_cli.train.retitle import Retitler
from vamba_cli.train.samples import Sample, Sampler
from vamba_cli.train.words import WordSource
from vamba_cli.weights.load import load_model

_MOST_DECKS = 10**6  # that one worker draws
_FINISH_SECONDS = 75.0  # at most, to save, evaluate and end; half of a shorter limit


def make_sampler(
    worker: int, fonts: Path, pages: tuple[Page, ...], stage: Stage, recipe: Recipe, seed: int
) -> Callable[[], Sample]:
    """What one worker process draws: synthetic slides, and real pages as often as the stage says."""
    seed = seed * 1000 + worker
    size = (stage.width, stage.height)
    training_fonts, _ = split_fonts(find_fonts([fonts]))
    synthetic = SlideRenderer(
        training_fonts,
        WordSource(seed, path=word_file(fonts)),
        seed,
        size,
        photos=photo_files(fonts),
        same_look_share=0.9,
    )
    retitle = Retitler(training_fonts, WordSource(seed + 500, path=word_file(fonts)))
    real = PageRenderer(pages, seed, size, retitle) if pages and stage.real_page_share else None
    picker = random.Random(seed)

    def draw() -> Slide:
        is_real = real is not None and picker.random() < stage.real_page_share
        slide = real() if real is not None and is_real else synthetic()
        return replace(slide, deck=(2 * seed + is_real) * _MOST_DECKS + slide.deck)  # no other worker has that number

    return Sampler(draw, QuestionMaker(seed, stage.mix), sample_shape(stage, recipe))


def word_file(fonts: Path) -> Path | None:
    path = fonts / "words.txt.gz"
    return path if path.is_file() else None


def photo_files(fonts: Path) -> tuple[Path, ...]:
    """Photographs that drawn slides may show, if `photos` lies beside the fonts."""
    return tuple(sorted((fonts / "photos").glob("*.webp")))


def evaluation_sets(
    fonts: Path, pages: list[Page], stills: Path | None, num: int, sizes: Collection[tuple[int, int]] = ()
) -> list[EvaluationSet]:
    """Unseen fonts and words, also at other sizes; real pages that are not trained on; stills of real lectures."""
    sets = [_evaluation_set("unseen fonts and words", drawn_slides(fonts, FULL_SIZE, num))]
    for width, height in sorted(sizes):
        few = drawn_slides(fonts, (width, height), -(-num // 4))
        sets.append(_evaluation_set(f"unseen fonts and words, {width}x{height}", few))
    real = [page for page in pages if is_validation(page.source) and page.title][:num]
    if real:
        sets.append(_evaluation_set("real pages", [to_slide(page) for page in real]))
    if stills is not None:
        rows = json.loads((stills / "titles.json").read_text())[:num]
        images = np.stack([np.asarray(Image.open(stills / row["image"]).convert("RGB")) for row in rows])
        sets.append(EvaluationSet("lecture stills", images, [SlideText(normalise(row["title"]), ()) for row in rows]))
    return sets


def drawn_slides(fonts: Path, size: tuple[int, int], num: int) -> list[Slide]:
    """Slides with titles, in fonts and words that are not trained on."""
    _, unseen = split_fonts(find_fonts([fonts]))
    render = SlideRenderer(unseen, WordSource(7, held_out=True, path=word_file(fonts)), 7, size)
    return list(islice((slide for slide in iter(render, None) if slide.title), num))


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
    parser.add_argument("--order", action="store_true", help="with --resume: learn order alone, and read as before")
    parser.add_argument("--width", type=int, help="train at frames of this width alone, one of the recipe's")
    parser.add_argument("--seconds", type=float, help="training time of the whole run; stages shrink in proportion")
    parser.add_argument("--limit", type=float, help="seconds after which the command shall be over, all included")
    parser.add_argument("--workers", type=int, default=14, help="processes that draw pages")
    parser.add_argument(
        "--shrink", type=int, default=1, help="divide the pages and clips of a step, for a small machine"
    )
    parser.add_argument("--evaluate", type=int, default=160, help="pages of each evaluation set")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--no-graph", action="store_true", help="without a CUDA graph of the step")
    parser.add_argument("--profile", action="store_true", help="print where a step's time goes, and train nothing")
    parser.add_argument("--rate", type=float, default=1.0, help="share of the recipe's learning rates")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.order and not args.resume:
        parser.error("--order goes on from a network that reads: say which one with --resume FOLDER")
    return args


def at_width(recipe: Recipe, width: int) -> Recipe:
    """The recipe with its stages of one frame width alone, for as long as all of them."""
    stages = tuple(stage for stage in recipe.stages if stage.width == width)
    if not stages:
        known = " and ".join(str(stage.width) for stage in recipe.stages)
        raise SystemExit(f"--width {width} is not allowed: this recipe has {known}")
    longer = sum(stage.seconds for stage in recipe.stages) / sum(stage.seconds for stage in stages)
    return replace(recipe, stages=tuple(replace(stage, seconds=stage.seconds * longer) for stage in stages))


def scaled(recipe: Recipe, seconds: float | None, seed: int, shrink: int = 1, rate: float = 1.0) -> Recipe:
    """The recipe for another length, seed and size of machine, and at a share of its learning rates."""
    share = 1.0 if seconds is None else seconds / sum(stage.seconds for stage in recipe.stages)
    stages = tuple(
        replace(s, seconds=s.seconds * share, pages=max(1, s.pages // shrink), clips=max(1, s.clips // shrink))
        for s in recipe.stages
    )
    return replace(
        recipe, seed=seed, stages=stages, ring_pages=max(64, recipe.ring_pages // shrink),
        matrix_rate=recipe.matrix_rate * rate, other_rate=recipe.other_rate * rate,
    )  # fmt: skip


def write_facts(out: Path, recipe: Recipe, device: torch.device) -> None:
    """How the run was started, on what, and by which recipe: `run.json`, beside the curve and the scores."""
    on_gpu = device.type == "cuda"
    facts = {
        "command": shlex.join(["python", "-m", "vamba_cli.train", *sys.argv[1:]]),
        "machine": torch.cuda.get_device_name(device) if on_gpu else platform.machine(),
        "processors": os.cpu_count(), "torch": torch.__version__, "recipe": asdict(recipe),
    }  # fmt: skip
    (out / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    began = time.perf_counter()
    args = arguments()
    recipe = (ORDER_RUN if args.order else RESUMED_RUN) if args.resume else FIRST_RUN
    recipe = at_width(recipe, args.width) if args.width else recipe
    recipe = scaled(recipe, args.seconds, args.seed, args.shrink, args.rate)
    pages = read_pages(args.pages) if args.pages else []  # once: workers share the memory
    known = tuple(page for page in pages if not is_validation(page.source))
    with ExitStack() as stack:
        pools = []
        for number, stage in enumerate(recipe.stages):  # all workers are forked now, before the GPU is touched
            make = partial(
                make_sampler, fonts=args.fonts, pages=known, stage=stage, recipe=recipe, seed=args.seed + number
            )
            shape = sample_shape(stage, recipe)
            capacity = min(2048, int(1.9e9) // slot_bytes(shape))
            pools.append((stage, stack.enter_context(SamplePool(make, args.workers, capacity, shape, "fork"))))
        larger = {(stage.width, stage.height) for stage in recipe.stages if stage.width > FULL_SIZE[0]}
        sets = evaluation_sets(args.fonts, pages, args.stills, args.evaluate, larger)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_float32_matmul_precision("high")
        if device.type == "cuda":
            torch.cuda.set_stream(torch.cuda.Stream())  # a graph cannot be captured on the default one
        model = load_model(args.resume, TINY).requires_grad_(True).train() if args.resume else None
        trainer = Trainer(
            (model or new_model(TINY, args.seed)).to(device), recipe, args.out, len(ALPHABET), sets,
            compiled=not args.eager, captured=not args.no_graph, reader=reader_file(args.resume),
            ends_at=None if args.limit is None else began + args.limit - min(_FINISH_SECONDS, args.limit / 2),
        )  # fmt: skip
        write_facts(args.out, recipe, device)
        print(f"ready to train on {device} after {time.perf_counter() - began:.0f} s", flush=True)
        if args.profile:
            profile(trainer, *pools[0])
            return
        for number, together in enumerate([pools] if recipe.in_turns else [[each] for each in pools], 1):
            trainer.run(together)
            for _, pool in together:
                pool.close()
            trainer.save()
            trainer.evaluate(f"after stage {number}")
        if device.type == "cuda":
            print(f"at most {torch.cuda.max_memory_reserved() / 2**30:.1f} GiB of the GPU", flush=True)
    print(f"{time.perf_counter() - began:.0f} s in all", flush=True)


def reader_file(resume: Path | None) -> Path | None:
    """The dense reader that an earlier run laid beside its model, if there is one."""
    file = resume.parent / READER if resume is not None else None
    return file if file is not None and file.is_file() else None


if __name__ == "__main__":
    main()
