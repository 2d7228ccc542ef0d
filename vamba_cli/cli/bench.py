"""`vamba bench`: this machine measured with a model and its settings."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from vamba_cli.cli.demo import place, timetable, write_lecture
from vamba_cli.cli.options import FRAMES, MODEL, JsonFlag, option, shared, video_argument
from vamba_cli.cli.terminal import Terminal, result_columns, show, show_json
from vamba_cli.settings import Settings


@shared(MODEL, FRAMES)
def bench(
    settings: Settings,
    terminal: Terminal,
    video: Annotated[Path | None, video_argument("A video; without it a small lecture is made.")] = None,
    repeats: Annotated[int, option("--repeats", "N", "Times that each figure is taken (3).")] = 3,
    json: JsonFlag = False,
) -> None:
    """
    Measure this machine: reading, encoding, answering.

    \b
    Examples:
      vamba bench
      vamba bench lecture.mp4 --preset 24gb --json
      vamba bench --model vamba-qwen2-vl-7b --random-weights

    Beside each figure stands the best that the model's sizes allow with the
    products and copies that this machine reaches. The cache is not used.
    """
    from vamba_cli.cli.progress import progress

    with place(None) if video is None else nullcontext(video) as path:
        if video is None:
            write_lecture(path, timetable(0))
        with progress(terminal) as draw:
            from vamba_cli import api

            result = api.bench(path, settings, draw, repeats=repeats)
    if json:
        show_json(result.to_json())
        return
    from vamba_cli.cli import render

    show(render.bench(result, result_columns()))
