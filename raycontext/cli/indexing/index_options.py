"""Options of an index run, which every command that indexes offers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from raycontext.models.options import RunOptions

__all__ = ["INDEX_OPTIONS", "with_index_options"]

INDEX_OPTIONS: dict[str, Any] = {
    "include": Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Index only files that match this glob, in gitignore syntax and relative to the folder. May be given "
            "again. The collection keeps it; '' removes it.",
        ),
    ],
    "exclude": Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Leave out files that match this glob, beyond what ignore files leave out. May be given again. The "
            "collection keeps it; '' removes it.",
        ),
    ],
    "secrets": Annotated[
        bool | None,
        typer.Option("--secrets/--no-secrets", help="Index files with keys and tokens too.", show_default=False),
    ],
    "language_of": Annotated[
        list[str] | None,
        typer.Option(
            "--language-of",
            metavar="GLOB=LANGUAGE",
            help="Language of the files that match a glob, such as '*.inc=php'. May be given again; the last one that "
            "matches counts. The collection keeps it; '' removes it; a change rebuilds it.",
        ),
    ],
    "max_file_bytes": Annotated[
        int | None, typer.Option("--max-file-bytes", help="Leave out files that are larger (default: 4 MiB).")
    ],
    "num_shards": Annotated[
        int | None,
        typer.Option(
            "--shards",
            help="Number of parts that are searched side by side, for trees of millions of files. Another number "
            "rebuilds the collection.",
        ),
    ],
    "embedder": Annotated[
        str | None,
        typer.Option(
            "--embedder",
            help="static; or a model in a folder: model2vec:FOLDER, onnx:FOLDER, sentence-transformers:FOLDER; or one "
            "on a server, which gets all the text: openai:MODEL, voyage:MODEL, ollama:MODEL, each with @URL for "
            "another place. Another one rebuilds the collection.",
        ),
    ],
    "fork": Annotated[
        bool | None,
        typer.Option(
            "--fork/--no-fork",
            help="Take over what other collections of the root hold of the same files, instead of parsing (default).",
            show_default=False,
        ),
    ],
    "fork_from": Annotated[
        str | None,
        typer.Option(
            "--fork-from",
            "--from",
            metavar="COLLECTION",
            help="Take over files of this collection only; a new collection begins with its options.",
        ),
    ],
    "max_embedding_tokens": Annotated[
        int | None,
        typer.Option("--max-embedding-tokens", help="Stop before the run costs more tokens of an embedding server."),
    ],
    "retry_quarantined": Annotated[
        bool | None,
        typer.Option(
            "--retry-quarantined",
            help="Try the files in quarantine again: those whose indexing failed before, and whose contents have not "
            "changed.",
            show_default=False,
        ),
    ],
}
"""Type and option of each field of `RunOptions`, by its name."""


def with_index_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command so that it offers the options of an index run, and gets them as one value, `options`."""
    signature = inspect.signature(command, eval_str=True, locals={"RunOptions": object})
    offered = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in INDEX_OPTIONS.items()
    ]

    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        parameters += offered if parameter.name == "options" else [parameter]

    @wraps(command)
    def run(**given: Any) -> None:
        command(options=_options({name: given.pop(name, None) for name in INDEX_OPTIONS}), **given)

    del run.__wrapped__  # it describes other parameters
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options(given: dict[str, Any]) -> RunOptions:
    """Return the options as one value. Raises `InvalidInput`."""
    from raycontext.index.request import run_options  # imported late, since it would make --help slow

    globs = {name: _globs(given[name]) for name in ("include", "exclude", "language_of")}
    return run_options(**{**given, **globs})


def _globs(given: list[str] | None) -> list[str] | None:
    """Return the globs of a repeatable option: None when it was not given, an empty list when only '' was given."""
    return [glob for glob in given if glob] if given else None
