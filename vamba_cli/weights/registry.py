"""Names of models and where their files lie: bundled, a local folder, or a repository of the Hugging Face Hub.

Only safetensors, JSON and tokenizer text are ever fetched; pickled weights and code are not. No torch here.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vamba_cli.errors import ModelError

# bytes so far and bytes in all (0 while unknown)
OnDownload = Callable[[int, int], None]

FETCHED = ("*.safetensors", "*.json", "merges.txt", "vocab.txt", "tokenizer.model")
_NEEDED = ("config.json", "preprocessor_config.json")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BUNDLED_FOLDER = Path(__file__).parent / "tiny"
_RELEASED_SIZES = Path(__file__).parent / "released"  # config files only, for --random-weights


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An entry of the registry; repository is None for weights that come with the package."""

    name: str
    description: str
    repository: str | None


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A name that was found: its folder, and the commit where it came from the Hub."""

    name: str
    folder: Path
    commit: str | None


KNOWN_MODELS = (
    KnownModel("tiny", "14.9 M parameters, bundled: reads titles on slides, on any computer, offline", None),
    KnownModel(
        "vamba-qwen2-vl-7b",
        "11.3 B parameters, the released model: 23 GB to download, a GPU of 24 GB, or of 8 in fewer bits",
        "TIGER-Lab/Vamba-Qwen2-VL-7B",
    ),
)


def resolve_model(
    name: str, revision: str = "main", *, download: bool = False, on_download: OnDownload | None = None
) -> ResolvedModel:
    """Find the files of a model: a name of the registry, a local folder, or `owner/name` on the Hub.

    With `download` missing files are fetched (a broken download goes on where it stopped); without it the network
    is never touched.

    Raises:
        ModelError: no such model, or its files are not here and cannot be had; it says what to do.
    """
    known = {model.name: model for model in KNOWN_MODELS}.get(name)
    if known is not None and known.repository is None:
        return _bundled(name)
    if known is None and name and Path(name).expanduser().is_dir():
        return _local(Path(name).expanduser())
    repository = known.repository if known else name
    if repository is None or not _HUB_NAME.fullmatch(repository):
        raise ModelError(_unknown(name))
    return _from_hub(name, repository, revision, download, on_download)


def resolve_config(name: str, revision: str = "main") -> ResolvedModel:
    """Where the sizes of a model lie; for the released model they are bundled, so no weight need be here.

    Raises:
        ModelError: as `resolve_model`.
    """
    hub = {model.name for model in KNOWN_MODELS if model.repository} | {model.repository for model in KNOWN_MODELS}
    if name in hub:
        return ResolvedModel(name, _RELEASED_SIZES, None)
    return resolve_model(name, revision)


def is_present(name: str, revision: str = "main") -> bool:
    """Whether `resolve_model` finds the whole model on this machine without the network."""
    try:
        resolve_model(name, revision)
    except ModelError:
        return False
    return True


def missing_file(folder: Path) -> str | None:
    """The first file that a folder in the released format lacks, or None; files are not opened but for the index."""
    for needed in _NEEDED:
        if not (folder / needed).is_file():
            return needed
    if (folder / "model.safetensors").is_file():
        return None
    index = folder / "model.safetensors.index.json"
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except FileNotFoundError:
        return "model.safetensors"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return index.name
    return next((str(shard) for shard in shards if not (folder / str(shard)).is_file()), None)


def _bundled(name: str) -> ResolvedModel:
    missing = missing_file(_BUNDLED_FOLDER)
    if missing is not None:
        raise ModelError(
            f"this installation has no bundled weights ({_BUNDLED_FOLDER} lacks {missing}): install vamba again, "
            f"or name another model with --model"
        )
    return ResolvedModel(name, _BUNDLED_FOLDER, None)


def _local(folder: Path) -> ResolvedModel:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json")
    return ResolvedModel(str(folder), folder, None)


def _from_hub(
    name: str, repository: str, revision: str, download: bool, on_download: OnDownload | None
) -> ResolvedModel:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    offline = download and os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    wanted: dict[str, Any] = {"revision": revision, "allow_patterns": list(FETCHED)}
    if download:
        wanted["tqdm_class"] = _reporting_tqdm(on_download)
    try:
        folder = Path(snapshot_download(repository, local_files_only=not download or offline, **wanted))
    except HFValidationError as error:
        raise ModelError(f"{name!r} is not a name that the Hugging Face Hub allows: {error}") from error
    except Exception as error:  # requests, httpx or their successors, by version of the library
        raise ModelError(_hub_failure(name, repository, revision, download and not offline, error)) from error
    missing = missing_file(folder)
    if missing is not None and not (download and not offline):
        raise ModelError(f"the download of {repository} is incomplete ({missing} is missing): {_pull(name, revision)}")
    if missing is not None:
        raise ModelError(f"{repository} at {revision!r} is not a VAMBA checkpoint: it has no {missing}")
    commit = folder.name if _COMMIT.fullmatch(folder.name) else None
    return ResolvedModel(name, folder, commit)


def _hub_failure(name: str, repository: str, revision: str, online: bool, error: Exception) -> str:
    """What went wrong, by the class of the library's error, and what to do about it."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"{repository} is gated: accept its terms on huggingface.co, log in with `hf auth login`, and try again"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"the Hugging Face Hub has no repository {repository} (or it is private: log in with `hf auth login`)"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repository} has no revision {revision!r}: give a branch, a tag or a commit that it has"
    if not online:
        source = f"revision {revision}" if name == repository else f"{repository}, revision {revision}"
        return f"{name} ({source}) is not on this machine: {_pull(name, revision)}"
    if isinstance(error, errors.LocalEntryNotFoundError | ConnectionError | TimeoutError):
        return (
            f"the Hugging Face Hub cannot be reached to fetch {repository}: check the network and the proxy, "
            "or copy a downloaded folder here and name its path"
        )
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{repository} could not be downloaded ({first_line}): try again, it goes on where it stopped"


def _pull(name: str, revision: str) -> str:
    pinned = "" if revision == "main" else f" --revision {revision}"
    unset = " with HF_HUB_OFFLINE unset" if os.environ.get("HF_HUB_OFFLINE") else ""
    return f"run `vamba models pull {name}{pinned}`{unset}"


def _unknown(name: str) -> str:
    known = [model.name for model in KNOWN_MODELS]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
    return f"there is no model {name!r}: {hint} A folder or an owner/name of the Hugging Face Hub is allowed, too"


def _reporting_tqdm(on_download: OnDownload | None) -> type:
    """A silent progress bar for the Hub's library that passes the bytes on.

    The library opens one bar for bytes received and one for bytes written, of which either may stay empty, and one
    that counts files: the fullest of the byte bars tells how far the download is.
    """
    from huggingface_hub.utils.tqdm import tqdm

    written: dict[int, int] = {}

    class Reporting(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._counts_bytes = kwargs.get("unit") == "B"
            super().__init__(*args, **{**kwargs, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            if self._counts_bytes and on_download is not None:
                written[id(self)] = written.get(id(self), 0) + int(n or 0)
                on_download(max(written.values()), int(self.total or 0))
            return None

    return Reporting
