"""What an embedder is, which there are, and how vectors are stored: 8-bit codes and sign bits."""

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
# Kind of model -> module with its `KIND`. Modules are imported when asked for.
_MODELS = {
    "model2vec": "raycontext.embed.models.model2vec",
    "onnx": "raycontext.embed.models.onnx",
    "sentence-transformers": "raycontext.embed.models.sentence_transformers",
}


@cache
def embedder_for(name: str, device: str = "cpu") -> Embedder | RemoteEmbedder:
    """The embedder of that name: `static`; KIND:FOLDER with an absolute folder that holds a model (`~` is allowed), to
    be run on `device`, "cpu" or "cuda"; or KIND:MODEL[@URL] of a server.

    The same object for the same name. Raises InvalidInput where there is no such kind, the folder or a file of the
    model is missing, or the package that runs it is not installed.
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
    """The name in full, as other processes need it: with an absolute folder, or with the URL of the server. Raises
    InvalidInput for an unknown kind."""
    if name == STATIC:
        return name
    kind, folder = _split(name)
    if kind in KINDS:
        return remote_embedder(kind, folder).name
    return f"{kind}:{os.path.abspath(folder)}"  # noqa: PTH100 - pathlib keeps `..`


def _split(name: str) -> tuple[str, str]:
    """Kind and folder, with the home folder put in, or kind and model of a server."""
    kind, _, folder = name.partition(":")
    if kind in KINDS and folder:
        return kind, folder
    if kind not in _MODELS or not folder:
        known = ", ".join((STATIC, *(f"{kind}:FOLDER" for kind in _MODELS), *(f"{kind}:MODEL" for kind in KINDS)))
        raise InvalidInput(f"There is no embedder '{name}'", f"Known embedders: {known}.")
    return kind, os.path.expanduser(folder)  # noqa: PTH111 - pathlib fails where there is no such user
