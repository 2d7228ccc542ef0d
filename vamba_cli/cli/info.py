"""`vamba info`: what a file is, and what asking it would take."""

from pathlib import Path
from typing import Annotated

from vamba_cli.cli.options import FRAMES, MODEL, JsonFlag, shared, video_argument
from vamba_cli.cli.terminal import result_columns, show, show_json
from vamba_cli.settings import Settings


@shared(MODEL, FRAMES)
def info(
    video: Annotated[Path, video_argument("A video file or an image.")],
    settings: Settings,
    json: JsonFlag = False,
) -> None:
    """
    Show a file, and what asking it would take.

    \b
    Examples:
      vamba info lecture.mp4
      vamba info lecture.mp4 --preset lecture,24gb --model vamba-qwen2-vl-7b

    Frames, video tokens, memory and work, from the file's index alone: nothing
    is decoded.
    """
    from vamba_cli import api

    result = api.inspect(video, settings)
    if json:
        show_json(result.to_json())
        return
    from vamba_cli.cli import render

    show(render.info(result, result_columns()))
