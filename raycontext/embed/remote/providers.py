"""Embedders that a server runs: the providers, their requests and their answers, without I/O.

A name is KIND:MODEL or KIND:MODEL@URL: `openai:text-embedding-3-small`, `openai:bge-m3@http://gpu.example:8000/v1` (any
server with OpenAI's interface), `ollama:nomic-embed-text`, `voyage:voyage-code-3`. Nothing is sent to any server unless
the user gives such a name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import InvalidInput

__all__ = ["KINDS", "Answer", "Provider", "RemoteEmbedder", "UnusableAnswer", "remote_embedder", "tokens_at_most"]

Purpose = Literal["document", "query"]

BYTES_PER_TOKEN = 2
"""Smallest number of bytes of source code that make a token. Usual values are 3 to 4. The cost of a request is
estimated with it before the request is sent, so that the estimate is an upper bound."""

MOST_CHARACTERS = 24_000
"""Number of characters to which a text is cut before it is sent. Models read 8,000 tokens or fewer."""


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Names of this machine. What is sent to them never leaves it."""


class UnusableAnswer(Exception):
    """Error for an answer that does not have the expected form: `UnusableAnswer(problem)`."""


class Answer(NamedTuple):
    """Answer of a server to a request."""

    vectors: NDArray[np.float32]
    """Vectors of the texts, float32[texts, dimension], not normalised."""
    tokens: int | None
    """Tokens that the server counted for the request. None where it does not say."""


@dataclass(frozen=True, slots=True)
class Provider:
    """HTTP interface of a service that embeds texts."""

    kind: str
    """First part of an embedder's name."""
    url: str
    """Address of the service where the embedder's name gives none."""
    path: str
    """Path of the call, which is appended to the address."""
    key: str
    """Environment variable that holds the key. Empty where no key is needed."""
    address: str
    """Environment variable with the address of the server that the key belongs to, where it is not `url`. Empty where
    there is none."""
    most_texts: int
    """Largest number of texts in a request."""
    most_tokens: int
    """Largest number of tokens in a request, by `tokens_at_most`."""
    body: Callable[[str, Sequence[str], Purpose], dict[str, Any]]
    """Function that makes the JSON body of a request from model, texts and purpose."""
    read: Callable[[Any], Answer]
    """Function that reads the JSON of an answer. It raises any of the errors of a wrong shape."""


def tokens_at_most(text: str) -> int:
    """Return an upper bound of the number of tokens of `text`, at least 1."""
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
    """Read an answer in OpenAI's form, which Voyage shares."""
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
            "OPENAI_BASE_URL",
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
            "",
            128,
            50_000,
            _voyage_body,
            _read_data,
        ),
        Provider("ollama", "http://127.0.0.1:11434", "/api/embed", "", "", 64, 50_000, _ollama_body, _read_ollama),
    )
}
"""Providers by kind. The limits of OpenAI and Voyage are those of their documentation of 2025, with the tokens
halved."""


@dataclass(frozen=True, slots=True)
class RemoteEmbedder:
    """Embedder that a server runs, as a value. An `EmbedderActor` sends the requests, so that all requests of a cluster
    pass through one place."""

    provider: Provider
    model: str
    url: str

    @property
    def name(self) -> str:
        """Full name of the embedder, KIND:MODEL@URL."""
        return f"{self.provider.kind}:{self.model}@{self.url}"

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the model's name and the server, since two servers may give one name to different models."""
        return f"{self.name}-1"

    def may_have_key(self, address: str) -> bool:
        """Return whether the provider's key may be sent to the server of this embedder.

        address: value of the environment variable `Provider.address`; "" where it is not set. The key belongs to that
        server, else to the provider's own. It never goes over plain HTTP, except to this machine.
        """
        server = urlsplit(self.url)
        is_safe = server.scheme == "https" or server.hostname in LOOPBACK
        return is_safe and _origin(self.url) == _origin(address or self.provider.url)

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """Return the JSON body of a request."""
        return self.provider.body(self.model, texts, purpose)

    def read(self, answer: Any, count: int) -> Answer:
        """Read the JSON of an answer to a request with `count` texts. Raises `UnusableAnswer`."""
        try:
            found = self.provider.read(answer)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UnusableAnswer("the answer is not in the form that was expected") from error
        if found.vectors.ndim != 2 or len(found.vectors) != count or found.vectors.shape[1] == 0:
            raise UnusableAnswer(f"there are not {count} vectors of one length in the answer")
        if not np.isfinite(found.vectors).all():
            raise UnusableAnswer("a vector holds what is no number")
        return found


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return what tells the server of a URL from others: scheme, host and port. An impossible port counts as None."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return parts.scheme, None, None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)


def remote_embedder(kind: str, rest: str) -> RemoteEmbedder:
    """Return the embedder called `kind:rest`, without asking its server. Raises `InvalidInput`."""
    provider = KINDS[kind]
    model, at, url = rest.rpartition("@")
    if not at or not url.startswith(("http://", "https://")):
        model, url = rest, provider.url
    if not model or any(character.isspace() for character in rest):
        raise InvalidInput(
            f"'{kind}:{rest}' names no model", f"Give {kind}:MODEL, or {kind}:MODEL@URL for a server of your own."
        )
    return RemoteEmbedder(provider, model, url.rstrip("/"))
