"""Registry of embedders: it finds an embedder by its name."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path

from raycontext.embed.names import MODELS, STATIC, split_name
from raycontext.embed.permission import check_permitted
from raycontext.embed.remote.providers import KINDS, RemoteEmbedder, remote_embedder
from raycontext.embed.vectors import Embedder
from raycontext.errors import InvalidInput

__all__ = ["embedder_for", "opened_embedder"]


def embedder_for(name: str, device: str = "cpu") -> Embedder | RemoteEmbedder:
    """Return the embedder called `name`, like `opened_embedder`.

    Raises also `EmbedderNotAllowed` where neither this user nor the operator of this machine has named it: a root that
    others made names an embedder, too.
    """
    check_permitted(name)
    return opened_embedder(name, device)


@cache
def opened_embedder(name: str, device: str = "cpu") -> Embedder | RemoteEmbedder:
    """Return the embedder called `name`. The same name and device give the same object.

    A name is `static`, KIND:FOLDER with the absolute folder of a model (`~` is allowed), or KIND:MODEL[@URL] with the
    model of a server. A model in a folder runs on `device`, "cpu" or "cuda". Raises `InvalidInput` where the kind is
    not known, the folder or a file of the model is missing, or the package that runs it is not installed.
    """
    if name == STATIC:
        from raycontext.embed.models.static import StaticEmbedder

        return StaticEmbedder()
    from raycontext.embed.models.local import LocalEmbedder

    kind, folder = split_name(name)
    if kind in KINDS:
        return remote_embedder(kind, folder)
    if not os.path.isabs(folder):  # noqa: PTH117 - of os.path, as below
        raise InvalidInput(f"The folder of the embedder '{name}' is not absolute", "Give its whole path.")
    return LocalEmbedder(import_module(MODELS[kind]).KIND, Path(folder), device)
