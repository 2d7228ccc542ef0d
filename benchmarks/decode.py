"""Reading frames: ours beside one plain PyAV pass, OpenCV and decord, each in a process of its own, in turns.

    python benchmarks/decode.py make VIDEOS --film bbb.webm --slides lecture.mp4
    python benchmarks/decode.py run VIDEOS --case film --rounds 2 --decord OTHER_VENV/bin/python --out results.json

decord wants a numpy and a Python of its own, hence another virtual environment; without it the rest is compared.
"""

import argparse
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CASES = ("film", "lecture", "keyframes")  # 512 frames of 10 minutes; every 2 s of an hour; key frames of the film
_NUM_FILM_FRAMES = 512
_LECTURE_FPS = 0.5
Wanted = list[float]


def wanted_times(case: str) -> Wanted:
    if case == "lecture":
        return [index / _LECTURE_FPS for index in range(int(3600 * _LECTURE_FPS))]
    if case == "keyframes":
        return [10.0 * index for index in range(60)]
    return [index * 600 / _NUM_FILM_FRAMES for index in range(_NUM_FILM_FRAMES)]


def read_ours(path: Path, case: str) -> Iterator[float]:
    from vamba_cli.media.frames import FrameReader
    from vamba_cli.media.plan import Sampling, plan_frames
    from vamba_cli.media.probe import probe

    wishes = {
        "film": Sampling(num_frames=_NUM_FILM_FRAMES),
        "lecture": Sampling(fps=_LECTURE_FPS),
        "keyframes": Sampling(keyframes_only=True),
    }
    info = probe(path)
    with FrameReader(info, plan_frames(info, wishes[case])) as reader:
        for chunk in reader:
            yield from chunk.times_seconds.tolist()


def read_with_pyav(path: Path, case: str) -> Iterator[float]:
    """All frames decoded, with the threads that PyAV recommends; the wanted ones converted."""
    import av

    wanted = iter([*wanted_times(case), float("inf")])
    target = next(wanted)
    before: av.VideoFrame | None = None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if case == "keyframes":
            stream.codec_context.skip_frame = "NONKEY"
        for frame in container.decode(stream):
            while before is not None and frame.time is not None and frame.time > target + 1e-4:
                before.to_ndarray(format="rgb24")
                yield float(before.time or 0.0)
                target = next(wanted)
            before = frame
        if before is not None and target != float("inf"):
            before.to_ndarray(format="rgb24")
            yield float(before.time or 0.0)


def read_with_opencv(path: Path, case: str) -> Iterator[float]:
    """All frames decoded, the wanted ones converted. It has no way to decode key frames only."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS)
    position = -1
    for seconds in wanted_times(case):
        while position < int(seconds * rate + 1e-3):
            if not capture.grab():
                return
            position += 1
        _, picture = capture.retrieve()
        cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        yield position / rate


def read_with_decord(path: Path, case: str) -> Iterator[float]:
    decord = importlib.import_module("decord")

    reader = decord.VideoReader(str(path))
    rate = reader.get_avg_fps()
    indices = (
        list(reader.get_key_indices())
        if case == "keyframes"
        else [int(seconds * rate + 1e-3) for seconds in wanted_times(case)]
    )
    for first in range(0, len(indices), 32):
        part = indices[first : first + 32]
        reader.get_batch(part).asnumpy()
        yield from (index / rate for index in part)


def floor(path: Path, case: str) -> Iterator[float]:
    """Decodes what must be decoded, on one thread: packets up to the last wanted one of each GOP, less frames that
    nobody asked for and no other refers to. No picture is made."""
    import av

    from vamba_cli.media.h264 import Kind, h264_packets

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context, base = stream.codec_context, stream.time_base
        assert base is not None
        context.thread_count = 1
        heads = h264_packets("h264", context.extradata)
        assert heads is not None
        packets = [(float(packet.pts * base), packet) for packet in container.demux(stream) if packet.pts is not None]
        starts = sorted(seconds for seconds, _ in packets)
        served = {max(s for s in _around(starts, seconds) if s <= seconds + 1e-4) for seconds in wanted_times(case)}
        gop: list[Any] = []
        for seconds, packet in [*packets, (float("inf"), None)]:
            if packet is None or packet.is_keyframe:
                last = max((index for index, (at, _) in enumerate(gop) if at in served), default=-1)
                for at, needed in gop[: last + 1]:
                    if at in served or heads.kind(memoryview(needed)) is not Kind.ALONE:
                        yield from (at for _ in context.decode(needed))
                yield from (0.0 for _ in context.decode(None))
                context.flush_buffers()
                gop = []
            gop.append((seconds, packet))


def _around(starts: list[float], seconds: float) -> list[float]:
    from bisect import bisect_right

    position = bisect_right(starts, seconds + 1e-4)
    return starts[max(0, position - 1) : position]


READERS: dict[str, Callable[[Path, str], Iterator[float]]] = {
    "ours": read_ours,
    "PyAV pass": read_with_pyav,
    "OpenCV": read_with_opencv,
    "decord": read_with_decord,
    "floor": floor,
}


def work(name: str, path: Path, case: str) -> None:
    """One reading, measured in this process; imports are not counted."""
    import numpy  # noqa: F401

    for module in {"ours": ("vamba_cli.media.frames",), "OpenCV": ("cv2",), "decord": ("decord",)}.get(name, ("av",)):
        __import__(module)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    times = list(READERS[name](path, case))
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "wall_seconds": round(wall, 2),
        "peak_mib": after.ru_maxrss // 1024,
        "memory_before_mib": before.ru_maxrss // 1024,
        "frames": len(times),
        "times_crc": zlib.crc32(" ".join(f"{seconds:.3f}" for seconds in times).encode()),
    }))  # fmt: skip


def compare(case: str, videos: Path, rounds: int, decord_python: Path | None) -> dict[str, Any]:
    path = videos / ("lecture.mp4" if case == "lecture" else "film.mp4")
    names = [name for name in READERS if name != "decord" or decord_python]
    if case == "keyframes":
        names = [name for name in names if name not in ("OpenCV", "floor")]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            python = decord_python if name == "decord" else sys.executable
            command = [str(python), __file__, "work", str(path), "--case", case, "--reader", name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{name} failed:\n{done.stderr}")
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(case, name, runs[name][-1], flush=True)
    ours = [run["processor_seconds"] for run in runs["ours"]]
    ratios = {
        name: round(statistics.median(run["processor_seconds"] for run in found) / statistics.median(ours), 2)
        for name, found in runs.items()
    }
    return {"case": case, "bytes": path.stat().st_size, "runs": runs, "processor_seconds_of_ours": ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "run", "work"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--film", type=Path)
    parser.add_argument("--slides", type=Path)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--reader", choices=READERS)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--decord", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.what == "make":
        from decode_videos import make_film, make_lecture

        make_film(given.path / "film.mp4", given.film)
        make_lecture(given.path / "lecture.mp4", given.slides)
    elif given.what == "work":
        work(given.reader, given.path, given.case[0])
    else:
        found = [compare(case, given.path, given.rounds, given.decord) for case in given.case or CASES]
        machine = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
        if given.out is not None:
            given.out.write_text(json.dumps({"machine": machine, "cases": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
