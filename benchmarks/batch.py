"""What `vamba batch` costs: planning and resuming many entries, and the work of one batch against its parts.

python benchmarks/batch.py entries --count 100000
python benchmarks/batch.py throughput --videos lectures/ --count 20 --seconds 20

`entries` makes tiny files that stand in for videos and gives them to a task that does nothing; it prints the seconds of
a dry run, of the first run (with --first-run), of a run that finds all of it done, and the peak memory of each, for the
count and a tenth of it, to see whether memory grows. `throughput` cuts clips from the videos and compares the time of a
batch over them with the sum of `api.ask` on each with the model loaded, by the clock and in processor seconds.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NULL = "tests.batch.doubles:null"
QUESTION = "what is shown?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    entries = parts.add_parser("entries")
    entries.add_argument("--count", type=int, default=100_000)
    entries.add_argument(
        "--first-run", action="store_true", help="do the work, too; else its records are written directly"
    )
    work = parts.add_parser("throughput")
    work.add_argument("--videos", type=Path, required=True)
    work.add_argument("--count", type=int, default=20)
    work.add_argument("--seconds", type=float, default=20.0)
    work.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vamba-batch-") as folder:
        if given.part == "entries":
            print(json.dumps(_entries(Path(folder), given.count, given.first_run), indent=1))
        else:
            print(json.dumps(_throughput(Path(folder), given), indent=1))


# many entries


def _entries(folder: Path, count: int, first_run: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number in (count // 10, count):
        videos = folder / f"in{number}"
        for index in range(number):
            path = videos / f"shelf {index // 1000}" / f"tape {index}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % index)
        out = folder / f"out{number}"
        steps = {"plan": ("--dry-run",), "first": (), "resume": ()}
        for name, options in steps.items():
            if name == "first" and not first_run:
                _write_records(videos, out)
                continue
            found[f"{name} {number}"] = _measured(videos, out, options)
    return found


def _write_records(videos: Path, out: Path) -> None:
    """What the first run would write, without waiting for the disk after each."""
    sys.path.insert(0, str(ROOT))
    from vamba_cli import __version__
    from vamba_cli.batch import jobs
    from vamba_cli.batch.book import absolute
    from vamba_cli.batch.fingerprint import content_of, model_identity
    from vamba_cli.batch.ledger import result_bytes
    from vamba_cli.batch.sources import Sources
    from vamba_cli.settings import Settings

    work = jobs.Work(NULL, Settings(), {}, model_identity(Settings()))
    for entry in Sources((str(videos),)).entries():
        data = result_bytes({"task": "null", "name": Path(entry.path).name})
        record = jobs.Record(
            name=entry.name, path=absolute(entry), task=NULL, status="done", work=work.digest, version=__version__,
            size_bytes=entry.size_bytes, mtime_ns=entry.mtime_ns, output=jobs.output_of(entry.name, work),
            output_bytes=len(data), attempts=1, content=content_of(Path(entry.path)), worker="process 1 on here",
            finished="2026-01-01T00:00:00.000+00:00",
        )  # fmt: skip
        key = jobs.key_of(entry.name, NULL)
        for path, text in (
            (out / record.output, data),
            (out / ".vamba" / "records" / key[:2] / f"{key[2:]}.json", record.to_bytes()),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    (out / "report.html").touch()


def _measured(videos: Path, out: Path, options: tuple[str, ...]) -> dict[str, Any]:
    """Seconds and peak memory of a run in a process of its own, stdout and all."""
    command = [sys.executable, "-m", "vamba_cli", "batch", str(videos), "-t", NULL, "-d", str(out), *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr
    words = process.stderr.read().decode()
    _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        raise SystemExit(words)
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "peak_mib": round(usage.ru_maxrss / 1024, 1)}


# throughput


def _throughput(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    clips = _clips(folder / "in", given.videos, given.count, given.seconds)
    singles, batches = [], []
    for index in range(given.rounds):  # in turn, so that a busy moment hits both
        singles.append(_single(clips))
        batches.append(_batch(folder / "in", folder / f"out{index}"))
        print(f"round {index}: singles {singles[-1]}, batch {batches[-1]}", file=sys.stderr)
    found: dict[str, Any] = {"videos": len(clips), "seconds_each": given.seconds, "single": singles, "batch": batches}
    for kind in ("seconds", "cpu_seconds"):
        ratios = [round(batch[kind] / single[kind], 3) for batch, single in zip(batches, singles, strict=True)]
        found |= {f"ratios_{kind}": ratios, f"median_ratio_{kind}": statistics.median(ratios)}
    return found


def _clips(folder: Path, videos: Path, count: int, seconds: float) -> list[Path]:
    """Clips from all of the videos, from different places."""
    folder.mkdir()
    sources = sorted(videos.glob("*.mp4"))
    for index in range(count):
        start = f"{60 + 45 * (index // len(sources))}"
        command = ["ffmpeg", "-v", "error", "-ss", start, "-i", str(sources[index % len(sources)]), "-t", str(seconds)]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-an", "-sn", "-dn", str(folder / f"{index:02}.mp4")]
        subprocess.run(command, check=True)
    return sorted(folder.iterdir())


def _single(clips: list[Path]) -> dict[str, float]:
    """The sum of `api.ask` on each, in a fresh process, the model loaded before the clock starts."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from vamba_cli import api; from vamba_cli.settings import Settings\n"
        "settings = Settings(cache=False); model = api.OpenModel(settings); model.ready()\n"
        "began, cpu = time.perf_counter(), time.process_time()\n"
        f"for path in sys.argv[1:]: api.ask(Path(path), [{QUESTION!r}], settings, model=model)\n"
        "print(time.perf_counter() - began, time.process_time() - cpu)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, clips)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, cpu_seconds = map(float, done.stdout.split())
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu_seconds, 2)}


def _batch(videos: Path, out: Path) -> dict[str, float]:
    """The whole command with its workers, from its start to its end."""
    command = [sys.executable, "-m", "vamba_cli", "batch", str(videos), "-t", "ask", "-q", QUESTION, "-d", str(out)]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "--no-cache"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu_seconds, 2)}


if __name__ == "__main__":
    main()
