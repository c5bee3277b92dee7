"""Registry of embedders: it finds an embedder by its name."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path

from raycontext.embed.remote.providers import KINDS, RemoteEmbedder, remote_embedder
from raycontext.embed.vectors import Embedder
from raycontext.errors import InvalidInput

__all__ = ["absolute_name", "embedder_for"]

STATIC = "static"
"""Name of the default embedder, whose table ships with the package."""
# Kind of model -> module with its `KIND`. A module is imported when its kind is asked for.
_MODELS = {
    "model2vec": "raycontext.embed.models.model2vec",
    "onnx": "raycontext.embed.models.onnx",
    "sentence-transformers": "raycontext.embed.models.sentence_transformers",
}


@cache
def embedder_for(name: str, device: str = "cpu") -> Embedder | RemoteEmbedder:
    """Return the embedder called `name`. The same name and device give the same object.

    A name is `static`, KIND:FOLDER with the absolute folder of a model (`~` is allowed), or KIND:MODEL[@URL] with the
    model of a server. A model in a folder runs on `device`, "cpu" or "cuda". Raises `InvalidInput` where the kind is
    not known, the folder or a file of the model is missing, or the package that runs it is not installed.
    """
    if name == STATIC:
        from raycontext.embed.models.static import StaticEmbedder

        return StaticEmbedder()
    from raycontext.embed.models.local import LocalEmbedder

    kind, folder = _split(name)
    if kind in KINDS:
        return remote_embedder(kind, folder)
    if not os.path.isabs(folder):  # noqa: PTH117 - of os.path, as below
        raise InvalidInput(f"The folder of the embedder '{name}' is not absolute", "Give its whole path.")
    return LocalEmbedder(import_module(_MODELS[kind]).KIND, Path(folder), device)


def absolute_name(name: str) -> str:
    """Return an embedder's name in the form that other processes need: with an absolute folder, or with the server's
    URL.

    Raises `InvalidInput` for an unknown kind.
    """
    if name == STATIC:
        return name
    kind, folder = _split(name)
    if kind in KINDS:
        return remote_embedder(kind, folder).name
    return f"{kind}:{os.path.abspath(folder)}"  # noqa: PTH100 - pathlib keeps `..`


def _split(name: str) -> tuple[str, str]:
    """Split a name into its kind and its folder, in which `~` is expanded, or into its kind and a server's model.

    Raises `InvalidInput`.
    """
    kind, _, folder = name.partition(":")
    if kind in KINDS and folder:
        return kind, folder
    if kind not in _MODELS or not folder:
        known = ", ".join((STATIC, *(f"{kind}:FOLDER" for kind in _MODELS), *(f"{kind}:MODEL" for kind in KINDS)))
        raise InvalidInput(f"There is no embedder '{name}'", f"Known embedders: {known}.")
    return kind, os.path.expanduser(folder)  # noqa: PTH111 - pathlib fails where there is no such user
