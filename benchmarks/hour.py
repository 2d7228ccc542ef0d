"""How long does an hour of lecture take to the first answer?

    python benchmarks/hour.py ../shared/lectures/*.mp4 [--out results.json] [--question TEXT] [--keep hour.mp4]

Joins videos (packets, nothing is encoded anew) up to `--minutes`, and runs `vamba ask` on the result in a fresh
process with an empty cache and default settings. Printed are wall seconds, and processor seconds of that process by
stage (of machines with two cores, where no part of the encoder's work takes more than one thread): reading is the
rest of the encoding, FFmpeg's threads above all. Floors are the stage's arithmetic at the rate of a large
float32 matrix product, measured on one core just before. Linux only.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULT = "HOUR_STAGES"  # where the process that is measured writes its stages


def join(videos: list[Path], out: Path, seconds: float) -> float:
    """The packets of all videos one behind the other, up to a length; returns the length."""
    import av

    with av.open(str(out), "w") as joined:
        stream, shift, length = None, 0, 0.0
        for video in videos:
            with av.open(str(video)) as container:
                source = container.streams.video[0]
                stream = stream or joined.add_stream_from_template(source)
                stop, tick = shift, float(source.time_base or 0)
                for packet in container.demux(source):
                    if packet.pts is None or packet.dts is None or (packet.pts + shift) * tick >= seconds:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    stop = max(stop, packet.pts + (packet.duration or 0))
                    joined.mux(packet)
                shift, length = stop, stop * tick
    return length


def rate() -> float:
    """Floating-point operations a second of one core in large float32 products."""
    import torch

    threads, best = torch.get_num_threads(), float("inf")
    torch.set_num_threads(1)
    a, b = torch.randn(2048, 1024), torch.randn(1024, 1024)
    for _ in range(10):
        started = time.process_time()
        a @ b
        best = min(best, time.process_time() - started)
    torch.set_num_threads(threads)
    return 2 * 2048 * 1024 * 1024 / best


class Stages:
    """Processor and wall seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.passes = 0

    def timed(self, owner: Any, name: str, stage: str, used: Callable[[], float]) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def measured(*args: Any, **kwargs: Any) -> Any:
            wall, before = time.perf_counter(), used()
            result = inner(*args, **kwargs)
            entry = self.seconds.setdefault(stage, [0.0, 0.0])
            entry[0] += used() - before
            entry[1] += time.perf_counter() - wall
            return result

        setattr(owner, name, measured)


def inside(arguments: list[str]) -> int:
    """`vamba` with its stages timed: this runs in the fresh process."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from vamba_cli.api import questions
    from vamba_cli.cli.app import main as vamba
    from vamba_cli.engine import session
    from vamba_cli.engine.encode import Encoder
    from vamba_cli.model.vision import VisionTransformer

    stages = Stages()

    def counted(self: VisionTransformer, patches: Any, rows: int, columns: int) -> Any:
        stages.passes += len(patches)
        return forward(self, patches, rows, columns)

    forward, VisionTransformer.forward = VisionTransformer.forward, counted  # type: ignore[method-assign]
    for name, stage in (("_vit", "pixels, ViT"), ("_mix", "mixers, K/V"), ("push", "comparing")):
        stages.timed(Encoder, name, stage, time.thread_time)
    for owner, name, stage in (
        (session, "_encode", "encoding"), (session, "_keep", "keep on disk"), (questions, "answer_all", "answer"),
    ):  # fmt: skip
        stages.timed(owner, name, stage, time.process_time)
    code = vamba(arguments)
    used = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "seconds": stages.seconds,
        "passes": stages.passes,
        "total": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
    Path(os.environ[RESULT]).write_text(json.dumps(result))
    return code


def floors(passes: int, pairs: int, tokens: int, operations_a_second: float) -> dict[str, float]:
    """Seconds of one core for the arithmetic of ViT and mixers with the bundled checkpoint.

    The products of the first layer are counted once for each pair that differs from the one before.
    """
    import vamba_cli.weights
    from vamba_cli.weights.load import read_config

    config, _ = read_config(Path(vamba_cli.weights.__file__).parent / "tiny")
    v, m, h, mixers = config.vision, config.mixer, config.hidden_size, config.num_layers - 1
    a_pair = tokens // pairs
    patches = a_pair * v.merge_size**2
    linear = v.patch_dim * v.embed_dim + v.depth * (4 * v.embed_dim**2 + 2 * v.embed_dim * v.mlp_dim)
    wide = v.embed_dim * v.merge_size**2
    vit = 2 * patches * linear + 2 * a_pair * wide * (wide + v.out_dim) + 4 * patches**2 * v.embed_dim * v.depth
    first = 2 * h * m.in_dim + 4 * h * config.kv_dim
    behind = (mixers - 1) * 2 * h * m.in_dim + (config.num_layers - 1) * 4 * h * config.kv_dim
    behind += mixers * (2 * m.d_inner * h + 6 * m.d_inner * m.d_state)
    mixing = a_pair * (passes * first + pairs * behind)
    return {"pixels, ViT": passes * vit / operations_a_second, "mixers, K/V": mixing / operations_a_second}


def measure(video: Path, question: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "stages.json")
        environment = {**os.environ, "XDG_CACHE_HOME": folder, RESULT: str(told)}
        command = [sys.executable, __file__, "--inside", "ask", str(video), question, "--json"]
        started = time.perf_counter()
        done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        wall = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"vamba ask failed with {done.returncode}:\n{done.stderr}")
        return {"wall_seconds": wall, **json.loads(told.read_text()), "result": json.loads(done.stdout)}


def main() -> int:
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+", help="joined in this order")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--question", default="when is debhelper introduced?")
    parser.add_argument("--keep", type=Path, help="keep the joined video there, or take it from there")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hour = args.keep or Path(folder, "hour.mp4")
        if not hour.exists():
            join(args.videos, hour, 60 * args.minutes)
        operations = rate()
        row = measure(hour, args.question)
    frames, tokens = row["result"]["num_frames"], row["result"]["num_video_tokens"]
    row["floor_seconds"] = floors(row["passes"], frames // 2, tokens, operations)
    row["gflops_a_core"], row["load_average"] = operations / 1e9, os.getloadavg()[0]
    show(row, frames)
    if args.out:
        args.out.write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def show(row: dict[str, Any], frames: int) -> None:
    seconds, floor = row["seconds"], row["floor_seconds"]
    parts = ("pixels, ViT", "mixers, K/V", "comparing", "keep on disk", "answer")
    stages = {part: seconds[part][0] for part in parts}
    stages["reading"] = seconds["encoding"][0] - sum(seconds[part][0] for part in parts[:3])
    stages["start, load"] = row["total"] - sum(stages.values())
    print(f"{frames} frames, {row['passes']} pairs through the ViT, one core does {row['gflops_a_core']:.0f} GFLOP/s")
    for stage, used in stages.items():
        least = f"  floor {floor[stage]:5.1f}" if stage in floor else ""
        print(f"{stage:20} {used:6.1f} processor s{least}")
    print(f"{'all':20} {row['total']:6.1f} processor s, peak {row['peak_bytes'] / (1 << 20):.0f} MiB")
    print(f"encoding {seconds['encoding'][1]:.1f} s, answer {seconds['answer'][1]:.1f} s, first answer after "
          f"{row['wall_seconds']:.1f} s (load average {row['load_average']:.1f})")  # fmt: skip
    print(row["result"]["answers"][0]["answer"])


if __name__ == "__main__":
    sys.exit(main())
