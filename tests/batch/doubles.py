"""Tasks that stand in for the model: what they do is written in the video's own first line.

steady 0.2      works for 0.2 seconds, then reads the file's words
abort           ends its process as native code does
exit            ends its process before a word is said of the video, as a broken demuxer does while it probes
hang            never ends
memory 2        is out of memory until memory was lowered twice
bug             raises what no task should
grow            the file grows while it is read
vanish          the file goes away while it is read
poison          the process fails from now on, as with CUDA after some errors
nan             gives what is no JSON
noise           native code prints on stdout
"""

import os
import time
from pathlib import Path
from typing import Any

from vamba_cli.batch.work import Worker
from vamba_cli.engine.events import EncodeProgress, Stage
from vamba_cli.errors import MediaError, ModelError

ERRORS = {
    "bug": KeyError("nobody thought of this"),
    "broken": MediaError("there is no picture in it"),
    "model": ModelError("the weights are damaged: pull them again"),
}
_poisoned: list[Path] = []


def play(video: Path, worker: Worker) -> dict[str, Any]:
    """Do what the file says."""
    text = video.read_text("utf-8")
    verb, _, rest = text.partition("\n")[0].partition(" ")
    if verb == "exit":
        os._exit(7)
    worker.on_event(Stage("encode", ""))
    if verb == "steady":
        time.sleep(float(rest.split()[0]))
    elif verb == "abort":
        os.write(2, b"native code: assertion failed\n")
        os.abort()
    elif verb == "hang":
        time.sleep(3600)
    elif verb == "memory" and worker.reduction < int(rest):
        raise MemoryError("no room for 3 frames")
    elif verb in ERRORS:
        raise ERRORS[verb]
    elif verb == "grow":
        with video.open("a") as file:
            file.write("more\n")
    elif verb == "vanish":
        video.unlink()
    elif verb == "poison":
        _poisoned.append(video)
    elif verb == "nan":
        return {"score": float("nan")}
    elif verb == "noise":
        os.write(1, b"libnative 1.0 [warning] hello\n")
    if _poisoned:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    worker.on_event(EncodeProgress(1, 1, 1.0, 1))
    return {
        "schema_version": 1, "task": "play", "video": {"path": str(video)}, "words": text.split(), "num_frames": 2,
        "timing": {"play_seconds": time.monotonic()},
    }  # fmt: skip


def listed(video: Path, worker: Worker) -> Any:
    """Whatever the file says, in Python."""
    return eval(video.read_text("utf-8"))


def crowded(video: Path, worker: Worker) -> dict[str, Any]:
    """Takes GPU memory, more than it may have until both reductions apply; earlier attempts may not have kept any."""
    import torch

    torch.cuda.set_per_process_memory_fraction(0.02)
    share_bytes = int(0.02 * torch.cuda.get_device_properties(0).total_memory)
    taken = torch.empty(int(share_bytes * (1.5, 1.1, 0.9)[worker.reduction]), dtype=torch.uint8, device="cuda")
    return {"task": "crowded", "name": video.name, "device": taken.device.type}


def null(video: Path, worker: Worker) -> dict[str, Any]:
    """Nothing: what is measured is the batch."""
    return {"task": "null", "name": video.name}
