"""Names of embedders: their parts, their full form, and what they say about where an embedder runs."""

from __future__ import annotations

import os

from raycontext.embed.remote.providers import KINDS, RemoteEmbedder, remote_embedder
from raycontext.errors import InvalidInput

__all__ = ["MODELS", "STATIC", "absolute_name", "is_remote", "server_embedder", "split_name"]

STATIC = "static"
"""Name of the default embedder, whose table ships with the package."""
# Kind of model -> module with its `KIND`. A module is imported when its kind is asked for.
MODELS = {
    "model2vec": "raycontext.embed.models.model2vec",
    "onnx": "raycontext.embed.models.onnx",
    "sentence-transformers": "raycontext.embed.models.sentence_transformers",
}


def absolute_name(name: str) -> str:
    """Return an embedder's name in the form that other processes need: with an absolute folder, or with the server's
    URL.

    Raises `InvalidInput` for an unknown kind.
    """
    if name == STATIC:
        return name
    kind, folder = split_name(name)
    if kind in KINDS:
        return remote_embedder(kind, folder).name
    return f"{kind}:{os.path.abspath(folder)}"  # noqa: PTH100 - pathlib keeps `..`


def is_remote(name: str) -> bool:
    """Return whether a server has the embedder of that name."""
    return name.partition(":")[0] in KINDS


def server_embedder(name: str) -> RemoteEmbedder:
    """Return the embedder called `name`, which a server has, as a value. Nothing is asked. Raises `InvalidInput`."""
    return remote_embedder(*split_name(name))


def split_name(name: str) -> tuple[str, str]:
    """Split a name into its kind and its folder, in which `~` is expanded, or into its kind and a server's model.

    Raises `InvalidInput`.
    """
    kind, _, folder = name.partition(":")
    if kind in KINDS and folder:
        return kind, folder
    if kind not in MODELS or not folder:
        known = ", ".join((STATIC, *(f"{kind}:FOLDER" for kind in MODELS), *(f"{kind}:MODEL" for kind in KINDS)))
        raise InvalidInput(f"There is no embedder '{name}'", f"Known embedders: {known}.")
    return kind, os.path.expanduser(folder)  # noqa: PTH111 - pathlib fails where there is no such user
