"""`vamba models`: which weights there are, fetching them, and checking them against reference results."""

from pathlib import Path
from typing import Annotated

from vamba_cli.cli.help import OptionGroups, group
from vamba_cli.cli.options import MODEL, JsonFlag, argument, option, shared
from vamba_cli.cli.terminal import Terminal, result_columns, show, show_json
from vamba_cli.errors import ModelError, VerificationError
from vamba_cli.results import SCHEMA_VERSION

models_app = group(
    "models",
    """
    List, fetch and verify models.

    \b
    Example:
      vamba models list
    """,
)


@models_app.command("list", cls=OptionGroups)
@shared()
def list_models(json: JsonFlag = False) -> None:
    """
    List the known models and which are on this machine.

    \b
    Examples:
      vamba models list
      vamba models list --json

    Any folder in the released format and any owner/name of the Hugging Face
    Hub works with --model, too.
    """
    from vamba_cli.weights.registry import KNOWN_MODELS, is_present

    rows = [(model, is_present(model.name)) for model in KNOWN_MODELS]
    if json:
        listed = [
            {"name": m.name, "description": m.description, "repository": m.repository, "present": present}
            for m, present in rows
        ]
        show_json({"schema_version": SCHEMA_VERSION, "task": "models", "models": listed})
        return
    from vamba_cli.cli import render

    def where(repository: str | None, present: bool) -> str:
        return ("missing", "bundled", "not fetched", "fetched")[2 * (repository is not None) + present]

    table = [(m.name, where(m.repository, present), m.description) for m, present in rows]
    show(render.table(("NAME", "HERE", "DESCRIPTION"), table, result_columns()))


@models_app.command("pull", cls=OptionGroups)
@shared()
def pull_model(
    terminal: Terminal,
    name: Annotated[str, argument("NAME", "vamba-qwen2-vl-7b or owner/name.")],
    revision: Annotated[str, option("--revision", "REV", "Branch, tag or commit on the Hub.", MODEL)] = "main",
    json: JsonFlag = False,
) -> None:
    """
    Fetch a model; a broken download goes on.

    \b
    Examples:
      vamba models pull vamba-qwen2-vl-7b
      vamba models pull owner/name --revision v1.2

    It comes from the Hugging Face Hub: safetensors, JSON and tokenizer files
    only. HF_HOME, HF_ENDPOINT and HF_HUB_OFFLINE are honoured.
    """
    from vamba_cli.cli.progress import download_progress
    from vamba_cli.weights.registry import resolve_model

    with download_progress(terminal, name) as on_download:
        model = resolve_model(name, revision, download=True, on_download=on_download)
    if json:
        head = {"schema_version": SCHEMA_VERSION, "task": "pull"}
        show_json({**head, "name": model.name, "folder": str(model.folder), "commit": model.commit})
        return
    from vamba_cli.cli import render

    rows = [("model", model.name), ("folder", str(model.folder)), ("commit", model.commit or "none: local files")]
    show(render.fields(rows, result_columns(), indent=""))


@models_app.command("verify", cls=OptionGroups)
@shared()
def verify_model(
    terminal: Terminal,
    folder: Annotated[Path, argument("DIR", "A checkpoint with an expected.safetensors.")],
    weight_dtype: Annotated[str, option("--weight-dtype", "NAME", "full, int8, int4 or fp8.")] = "full",
    kv_dtype: Annotated[str, option("--kv-dtype", "NAME", "full, int8 or fp8.")] = "full",
    json: JsonFlag = False,
) -> None:
    """
    Compare a model with reference results in its folder.

    \b
    Examples:
      vamba models verify ../shared/goldens/a
      vamba models verify ../shared/goldens/c --json
      vamba models verify ../shared/goldens/a --weight-dtype int8

    expected.safetensors holds them: patches, vision output, mixer outputs, keys
    and values, logits, greedy tokens. All is computed in float32 on the
    processor. What the file lacks is skipped and said. Exit code 1 if something
    lies beyond its tolerance; in fewer bits that is wide, and shows mistakes only.
    """
    from vamba_cli.cli.progress import progress

    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder: name one that holds a checkpoint and its expected.safetensors")
    with progress(terminal) as draw:
        from vamba_cli import api

        result = api.verify(folder, draw, weight_dtype=weight_dtype, kv_dtype=kv_dtype)
    if json:
        show_json(result.to_json())
    else:
        from vamba_cli.cli import render

        show(render.verify(result))
    if result.failed:
        worst = result.failed[0]
        raise VerificationError(
            f"{folder}: {len(result.failed)} of {len(result.rows)} beyond tolerance, {worst.name} first"
        )
    if not result.ok:
        raise VerificationError(f"{folder}: nothing was compared, its expected.safetensors holds no known quantity")
