"""What a result depends on, by content: the bytes of a video, and the weights of a model."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from vamba_cli.batch.jobs import digest
from vamba_cli.settings import Settings

if TYPE_CHECKING:
    from vamba_cli.weights.registry import ResolvedModel

_SAMPLES, _SAMPLE_BYTES = 64, 4096


def content_of(video: Path, *beside: Path) -> str:
    """Hash of all bytes of a file, and of those that go with it.

    Raises:
        OSError
    """
    with video.open("rb") as file:
        own = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    if not beside:
        return own
    return digest(" ".join([own, *(f"{path.name} {content_of(path)}" for path in beside)]).encode("utf-8", "replace"))


def model_identity(settings: Settings) -> str:
    """The Hub's commit, or a hash of names, sizes and many samples of the files, equal on every host with a copy.

    Raises:
        ModelError: there is no such model here.
    """
    resolved = _resolved(settings)
    if resolved.commit:
        return resolved.commit
    found = hashlib.blake2b(digest_size=16)
    for path in sorted([*resolved.folder.glob("*.safetensors"), *resolved.folder.glob("*.json")]):
        found.update(f"{path.name} {path.stat().st_size} ".encode())
        found.update(_samples(path))
    return found.hexdigest()


def weights_bytes(settings: Settings) -> int:
    """Size of the weights on disk.

    Raises:
        ModelError: there is no such model here.
    """
    return sum(path.stat().st_size for path in _resolved(settings).folder.glob("*.safetensors"))


def _resolved(settings: Settings) -> "ResolvedModel":
    from vamba_cli.weights.registry import resolve_config, resolve_model

    return (resolve_config if settings.random_weights else resolve_model)(settings.model, settings.revision)


def _samples(path: Path) -> bytes:
    """All of a small file, evenly spaced pieces of a large one: training changes every tensor."""
    size_bytes = path.stat().st_size
    if size_bytes <= _SAMPLES * _SAMPLE_BYTES:
        return path.read_bytes()
    pieces = []
    with path.open("rb") as file:
        for index in range(_SAMPLES):
            file.seek((size_bytes - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
            pieces.append(file.read(_SAMPLE_BYTES))
    return b"".join(pieces)
