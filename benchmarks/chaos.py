"""Kill a batch at random moments, again and again, and see whether anything is lost, done twice, or different.

python benchmarks/chaos.py --times 20                      # stand-ins for videos, seconds each time
python benchmarks/chaos.py --times 20 --real               # 40 short real videos and the bundled model
python benchmarks/chaos.py --times 20 --backend ray        # actors, on a cluster of two nodes made for it

Each time: runs over 40 videos whose workers are killed (SIGKILL) at random moments, and then the parent; then a last
run that is left alone. In the end every video must have one record, done, told to be done at most once, and the results
must be those of a quiet run, byte for byte; no claim and no half-written file may be left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--backend", default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--longest", type=float, help="seconds until the parent is killed, at most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="vamba-chaos-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        options = _options(folder, given)
        cluster = stack.enter_context(_cluster()) if given.backend == "ray" else None
        if cluster:
            options += ["--ray-address", cluster.address]
        quiet_seconds = time.monotonic()
        subprocess.run(_command(folder, "quiet", options), cwd=ROOT, check=True, capture_output=True)
        quiet_seconds = time.monotonic() - quiet_seconds
        longest = given.longest or (3.0 if cluster else quiet_seconds * 0.8)
        for index in range(given.times):
            draw = random.Random(given.seed + index)
            found = _once(folder, f"out{index}", options, draw, longest, cluster.pid if cluster else None)
            totals.update(found)
            print(json.dumps({"time": index, **found}), flush=True)
    print(json.dumps({"times": given.times, "quiet_seconds": round(quiet_seconds, 1), **totals}))
    if totals["wrong"]:
        raise SystemExit("something was lost, done twice, or different")


@dataclass(frozen=True)
class Cluster:
    """A cluster of Ray on this machine, below a process that ends with it."""

    pid: int
    address: str


@contextmanager
def _cluster() -> Iterator[Cluster]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.ray_cluster"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stderr
    line = next(line for line in process.stderr if line.startswith("address "))
    try:
        yield Cluster(process.pid, line.split()[1])
    finally:
        process.stdin.close()
        process.wait(60)


def _options(folder: Path, given: argparse.Namespace) -> list[str]:
    """Make the videos, and say what is done with them."""
    videos = folder / "in"
    videos.mkdir()
    for index in range(given.videos):
        path = videos / f"v{index:02}.mp4"
        if given.real:
            source = f"testsrc2=size={160 + 16 * (index % 8)}x120:rate=5:duration={2 + index % 3}"
            made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-vf", f"hue=h={9 * index}", str(path)]
            subprocess.run(made, check=True)
        else:
            path.write_text(f"steady {0.2 if given.backend == 'ray' else 0.05} {index}\n")
    task = ["-t", "ask", "-q", "what is shown?", "--no-cache"] if given.real else ["-t", "tests.batch.doubles:play"]
    return [*task, "-j", str(given.workers), "--backend", given.backend]


def _command(folder: Path, out: str, options: list[str]) -> list[str]:
    return [sys.executable, "-m", "vamba_cli", "batch", str(folder / "in"), "-d", str(folder / out), *options]


def _once(
    folder: Path, out: str, options: list[str], draw: random.Random, longest: float, above: int | None
) -> dict[str, int]:
    """Runs that are killed, then one that is not, and what was found; `above` the workers, where not the parent."""
    found: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for _ in range(50):
        process = _start(folder, out, options)
        if above is not None and draw.random() < 0.8:  # Ray takes long to start: few would die at work
            _wait_for_workers(process, above)
        end = time.monotonic() + draw.uniform(0.3, longest)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(draw.uniform(0.1, longest / 3))
            workers = list(_workers(above or process.pid))
            if workers and draw.random() < 0.6:
                found["workers_killed"] += _kill(draw.choice(workers))
        if process.poll() is None:
            found["parents_killed"] += _kill(process.pid)
        found["runs"] += 1
        _count(process, done)
        if _num_done(folder / out) == len(list((folder / "in").iterdir())) or found["runs"] > 8:
            break
    last = _start(folder, out, options)
    _count(last, done)
    records = [json.loads(path.read_bytes()) for path in (folder / out / ".vamba" / "records").rglob("*.json")]
    found["done"] = sum(record["status"] == "done" for record in records)
    found["told_twice"] = sum(count > 1 for count in done.values())
    found["different"] = int(_results(folder / out) != _results(folder / "quiet"))
    found["left_over"] = sum(len(list((folder / out / ".vamba" / part).iterdir())) for part in ("claims", "scratch"))
    whole = last.returncode == 0 and found["done"] == len(records) == len(list((folder / "in").iterdir()))
    found["wrong"] = int(not whole or found["told_twice"] + found["different"] + found["left_over"] > 0)
    return dict(found)


def _start(folder: Path, out: str, options: list[str]) -> "subprocess.Popen[bytes]":
    command = [*_command(folder, out, options), "--retry-failed"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _wait_for_workers(process: "subprocess.Popen[bytes]", above: int) -> None:
    limit = time.monotonic() + 30
    while process.poll() is None and not list(_workers(above)) and time.monotonic() < limit:
        time.sleep(0.05)


def _count(process: "subprocess.Popen[bytes]", done: Counter[str]) -> None:
    """Which videos the run told to be done; a line may be cut by its death."""
    out, _err = process.communicate()
    for text in out.splitlines():
        with suppress(ValueError):
            line: dict[str, Any] = json.loads(text)
            done[line["name"]] += line["status"] == "done"


def _num_done(out: Path) -> int:
    return sum(1 for _ in (out / ".vamba" / "records").rglob("*.json"))


def _results(out: Path) -> dict[str, bytes]:
    root = out / "results"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _workers(pid: int) -> Iterator[int]:
    """Worker processes, or actors of Ray, below a parent."""
    for child in _children(pid):
        with suppress(OSError):
            words = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"batch.worker" in words or words.startswith(b"ray::Actor"):
                yield child
        yield from _workers(child)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _kill(pid: int) -> int:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return 1
    return 0


if __name__ == "__main__":
    main()
