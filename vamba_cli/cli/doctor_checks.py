"""The checks of `vamba doctor`: each looks at one thing, touches no network, and says what to do."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from vamba_cli import __version__
from vamba_cli.config_files import LOCAL_FILE, USER_FILE, resolve
from vamba_cli.errors import ModelError, UsageError
from vamba_cli.folders import config_folder, memory_folder
from vamba_cli.results import Check, DoctorResult

_HUB_PLACES = ("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT")
_RELEASED_GIB = 24  # memory of a GPU that holds the released model: 21.1 GiB of weights, and room to work


def examine() -> DoctorResult:
    """Run every check."""
    return DoctorResult(__version__, tuple(_checks()))


def _checks() -> Iterator[Check]:
    yield _python()
    yield from _torch()
    yield _kernels()
    yield _decoder()
    for name in ("mamba-ssm", "flash-attn"):
        yield _optional(name)
    yield _bundled()
    yield _released()
    yield _hub()
    yield _cache()
    yield _settings()


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _torch() -> Iterator[Check]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Check("torch", "fail", f"cannot be imported: {error}", "`pip install torch`")
        return
    yield Check("torch", "ok", torch.__version__)
    yield Check("processor", "ok", f"{torch.get_num_threads()} threads, float32, {_memory_text()}")
    if not torch.cuda.is_available():
        yield _no_gpu(torch.backends.mps.is_available())
        return
    for index in range(torch.cuda.device_count()):
        free_bytes, total_bytes = torch.cuda.mem_get_info(index)
        major, minor = torch.cuda.get_device_capability(index)
        detail = f"{torch.cuda.get_device_name(index)}, compute {major}.{minor}, "
        detail += f"{free_bytes / 2**30:.1f} of {total_bytes / 2**30:.1f} GiB free"
        small = total_bytes / 2**30 < _RELEASED_GIB - 1.5  # a card of "24 GB" reports somewhat less
        advice = (
            f"the released model needs {_RELEASED_GIB} GB, or --preset 8gb to 16gb; the bundled one runs"
            if small
            else ""
        )
        yield Check(f"cuda:{index}", "warn" if small else "ok", detail, advice)
    yield _bfloat16(torch.cuda.is_bf16_supported(including_emulation=False))


def _kernels() -> Check:
    try:
        from vamba_cli.kernels.dispatch import table, why_not_fast
    except (ImportError, OSError) as error:
        return Check("kernels", "fail", f"cannot be imported: {error}", "`pip install torch`")
    reason = why_not_fast()
    if reason is None:
        chosen = table()
        kinds = sorted({kind for _, kind in chosen})
        detail = "; ".join(f"{kind}: {', '.join(name for name, k in chosen if k == kind)}" for kind in kinds)
        return Check("kernels", "ok", f"for 16-bit models on the GPU: {detail}")
    if reason == "no CUDA device":
        return Check("kernels", "ok", "plain PyTorch for everything: no CUDA device")
    return Check("kernels", "warn", f"plain PyTorch for everything, several times slower: {reason}",
                 "triton comes with PyTorch for CUDA on Linux; it needs a C compiler (gcc) once")  # fmt: skip


def _bfloat16(supported: bool) -> Check:
    if supported:
        return Check("bfloat16", "ok", "supported by the GPU")
    return Check("bfloat16", "warn", "not supported by the GPU", "choose --dtype float16 or float32")


def _no_gpu(has_mps: bool) -> Check:
    if shutil.which("nvidia-smi"):
        advice = "this torch was built without CUDA, or the driver is too old: see pytorch.org/get-started"
        return Check("gpu", "warn", "nvidia-smi is here, but torch sees no CUDA device", advice)
    detail = "Apple's, as --device mps (not tested by us)" if has_mps else "none"
    advice = f"the bundled model needs none; the released one {_RELEASED_GIB} GB, or --preset 8gb to 16gb"
    return Check("gpu", "warn", detail, advice)


def _memory_text() -> str:
    try:
        total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "memory unknown"
    return f"{total_bytes / 2**30:.1f} GiB of memory"


def _decoder() -> Check:
    try:
        from vamba_cli.media.versions import decoder_versions, missing_decoders

        versions, missing = decoder_versions(), missing_decoders()
    except (ImportError, OSError) as error:
        return Check("decoder", "fail", f"PyAV cannot be imported: {error}", "`pip install av`")
    detail = f"PyAV {versions['av']} with libavcodec {versions.get('libavcodec', '?')}"
    if missing:
        return Check("decoder", "warn", f"{detail}, without {', '.join(missing)}", "`pip install --force-reinstall av`")
    return Check("decoder", "ok", detail)


def _optional(name: str) -> Check:
    module = name.replace("-", "_")
    if importlib.util.find_spec(module) is None:
        return Check(name, "ok", "not installed (not needed: vamba's own kernels are faster)")
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    return Check(name, "ok", f"{version} found, not used: vamba's own kernels are faster")


def _bundled() -> Check:
    from vamba_cli.weights.registry import resolve_model

    try:
        folder = resolve_model("tiny").folder
    except ModelError as error:
        return Check("tiny", "fail", str(error), "`pip install --force-reinstall vamba`")
    size_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return Check("tiny", "ok", f"bundled, {size_bytes / 2**20:.1f} MiB")


def _released() -> Check:
    name = "vamba-qwen2-vl-7b"
    try:
        from vamba_cli.weights.registry import is_present

        here = is_present(name)
    except ImportError as error:
        return Check(name, "fail", f"huggingface_hub cannot be imported: {error}", "`pip install huggingface-hub`")
    return Check(name, "ok", "fetched" if here else f"not fetched (`vamba models pull {name}`: 23 GB)")


def _hub() -> Check:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    places = [f"{name}={os.environ[name]}" for name in _HUB_PLACES if os.environ.get(name)]
    detail = ", ".join([f"HF_HUB_OFFLINE is {'set: nothing can be fetched' if offline else 'not set'}", *places])
    return Check("hub", "ok", f"{detail} (no connection was tried)")


def _cache() -> Check:
    folder = memory_folder(os.environ)
    size_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors")) if folder.is_dir() else 0
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        advice = "make it writable, set XDG_CACHE_HOME to another folder, or use --no-cache"
        return Check("cache", "warn", f"{folder} cannot be written", advice)
    free_bytes = shutil.disk_usage(existing).free
    return Check(
        "cache", "ok", f"{folder}, {size_bytes / 2**20:.1f} MiB used, {free_bytes / 2**30:.1f} GiB free on disk"
    )


def _settings() -> Check:
    files = [path for path in (config_folder(os.environ) / USER_FILE, Path.cwd() / LOCAL_FILE) if path.is_file()]
    variables = sorted(name for name in os.environ if name.startswith("VAMBA_"))
    detail = ", ".join([*map(str, files), *variables]) or "no config file and no VAMBA_* variable"
    try:
        resolve({}, (), os.environ, Path.cwd())
    except UsageError as error:
        return Check("settings", "fail", detail, str(error))
    return Check("settings", "ok", detail)
