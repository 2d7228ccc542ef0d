"""The library's front door: what the command line does, as functions.

from pathlib import Path
from vamba_cli import api
from vamba_cli.settings import Settings

result = api.ask(Path("lecture.mp4"), ["when is backprop introduced?"], Settings())
print(result.answers[0].answer)
for chapter in api.chapters(Path("lecture.mp4"), Settings()).items[0].chapters:
    print(chapter.start_seconds, chapter.title)
"""

from vamba_cli.api.inspection import inspect, verify
from vamba_cli.api.measuring import bench
from vamba_cli.api.models import OpenModel
from vamba_cli.api.questions import OpenVideo, ask
from vamba_cli.api.videos import chapters, chapters_of_each, poster_pictures, summaries_of_each, summarise
from vamba_cli.tasks.chapters import Wishes
from vamba_cli.tasks.summarise import SummaryWishes

__all__ = [
    "OpenModel",
    "OpenVideo",
    "SummaryWishes",
    "Wishes",
    "ask",
    "bench",
    "chapters",
    "chapters_of_each",
    "inspect",
    "poster_pictures",
    "summaries_of_each",
    "summarise",
    "verify",
]
