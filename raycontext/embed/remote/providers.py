"""Embedders that a server runs: which there are, what they are asked and what they answer. No I/O.

A name is KIND:MODEL or KIND:MODEL@URL: `openai:text-embedding-3-small`, `openai:bge-m3@http://gpu.example:8000/v1` (any
server that speaks OpenAI's interface), `ollama:nomic-embed-text`, `voyage:voyage-code-3`. Nothing is sent to anyone
unless such a name is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import InvalidInput

__all__ = ["KINDS", "Answer", "Provider", "RemoteEmbedder", "UnusableAnswer", "remote_embedder", "tokens_at_most"]

Purpose = Literal["document", "query"]

BYTES_PER_TOKEN = 2
"""At least, in source code; there are rather 3 to 4. Before a request is sent it counts for what it costs at most."""

MOST_CHARACTERS = 24_000
"""Of a text that is sent: models take 8,000 tokens or less."""


class UnusableAnswer(Exception):
    """What a server sent is not what was asked for: `UnusableAnswer(problem)`."""


class Answer(NamedTuple):
    """What a server says to a request."""

    vectors: NDArray[np.float32]
    """[texts of the request, dimension], of any length."""
    tokens: int | None
    """What it counts for it; None where it does not say."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A way to ask for embeddings over HTTP."""

    kind: str
    url: str
    """Where it is unless the name says otherwise."""
    path: str
    key: str
    """Variable of the environment with the key; empty where none is needed."""
    most_texts: int
    """Of a request."""
    most_tokens: int
    body: Callable[[str, Sequence[str], Purpose], dict[str, Any]]
    read: Callable[[Any], Answer]


def tokens_at_most(text: str) -> int:
    """How many tokens a text has at most."""
    return max(math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN), 1)


def _vectors(lists: Sequence[Any]) -> NDArray[np.float32]:
    return np.array(lists, np.float32)


def _openai_body(model: str, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
    return {"model": model, "input": list(texts), "encoding_format": "float"}


def _voyage_body(model: str, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
    return {"model": model, "input": list(texts), "input_type": purpose, "truncation": True}


def _ollama_body(model: str, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
    return {"model": model, "input": list(texts), "truncate": True}


def _read_data(answer: Any) -> Answer:
    """The form of OpenAI, which Voyage shares."""
    items = sorted(answer["data"], key=lambda item: int(item["index"]))
    tokens = (answer.get("usage") or {}).get("total_tokens")
    return Answer(_vectors([item["embedding"] for item in items]), None if tokens is None else int(tokens))


def _read_ollama(answer: Any) -> Answer:
    tokens = answer.get("prompt_eval_count")
    return Answer(_vectors(answer["embeddings"]), None if tokens is None else int(tokens))


KINDS: Mapping[str, Provider] = {
    provider.kind: provider
    for provider in (
        Provider(
            "openai",
            "https://api.openai.com/v1",
            "/embeddings",
            "OPENAI_API_KEY",
            256,
            100_000,
            _openai_body,
            _read_data,
        ),
        Provider(
            "voyage",
            "https://api.voyageai.com/v1",
            "/embeddings",
            "VOYAGE_API_KEY",
            128,
            50_000,
            _voyage_body,
            _read_data,
        ),
        Provider("ollama", "http://127.0.0.1:11434", "/api/embed", "", 64, 50_000, _ollama_body, _read_ollama),
    )
}
"""The first two limits are those of the services (their documentation, 2025), halved for tokens."""


@dataclass(frozen=True, slots=True)
class RemoteEmbedder:
    """An embedder that a server runs, as a value. An `EmbedderActor` asks the server, so that all that is asked of it
    passes through one place."""

    provider: Provider
    model: str
    url: str

    @property
    def name(self) -> str:
        return f"{self.provider.kind}:{self.model}@{self.url}"

    @property
    def fingerprint(self) -> str:
        """Of the model's name and the server: two servers may call different models the same."""
        return f"{self.name}-1"

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The content of a request, for JSON."""
        return self.provider.body(self.model, texts, purpose)

    def read(self, answer: Any, count: int) -> Answer:
        """What an answer to a request with so many texts says. Raises `UnusableAnswer`."""
        try:
            found = self.provider.read(answer)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UnusableAnswer("the answer is not in the form that was expected") from error
        if found.vectors.ndim != 2 or len(found.vectors) != count or found.vectors.shape[1] == 0:
            raise UnusableAnswer(f"there are not {count} vectors of one length in the answer")
        if not np.isfinite(found.vectors).all():
            raise UnusableAnswer("a vector holds what is no number")
        return found


def remote_embedder(kind: str, rest: str) -> RemoteEmbedder:
    """The embedder of a name `kind:rest`; its server is not asked. Raises InvalidInput."""
    provider = KINDS[kind]
    model, at, url = rest.rpartition("@")
    if not at or not url.startswith(("http://", "https://")):
        model, url = rest, provider.url
    if not model or any(character.isspace() for character in rest):
        raise InvalidInput(
            f"'{kind}:{rest}' names no model", f"Give {kind}:MODEL, or {kind}:MODEL@URL for a server of your own."
        )
    return RemoteEmbedder(provider, model, url.rstrip("/"))
