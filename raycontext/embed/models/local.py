"""Embedders whose model lies in a local folder: what they have in common. Nothing is ever downloaded.

A kind of model says which files of a folder it is made of and how it is loaded. Its fingerprint is the hash of those
files' contents, so that a copy in another folder is the same embedder and a changed one is another. Files are looked
at by stat before each use: a process that lives long follows a model that is replaced under it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.embed.vectors import Documents
from raycontext.errors import InvalidInput, RaycontextError

__all__ = [
    "PROMPTS_FILE",
    "LocalEmbedder",
    "ModelKind",
    "Prompts",
    "TextModel",
    "first_file",
    "read_json",
    "read_prompts",
]

Shape = TypeVar("Shape", dict[str, Any], list[Any])

READ_BYTES = 1 << 20
PROBE = "dimension"
"""Embedded once, to see how long vectors are and that the model works."""

PROMPTS_FILE = "config_sentence_transformers.json"


class TextModel(Protocol):
    """A loaded model. Both methods turn n texts into n vectors, float[n, dimension], of any length. They may be called
    by several threads at once, and the vector of a text depends on the text alone."""

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]: ...

    def encode_queries(self, texts: Sequence[str]) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A kind of model and how to come by one."""

    name: str
    """Also the name of the extra that installs what it needs."""
    is_heavy: bool
    """Whether a text takes it milliseconds: then it may run in actors of its own."""
    version: int
    """Of what is computed from the files, part of the fingerprint."""
    packages: tuple[str, ...]
    """Names of the modules that must be installed."""
    example: str
    """Name of a model that fits, on the hub."""
    files: Callable[[Path], Mapping[str, Path]]
    """The files that a model in a folder is made of, by the part that each plays. Raises InvalidInput."""
    load: Callable[[Path, Mapping[str, Path], str], TextModel]
    """The model in a folder, from those files, on a device: "cpu" or "cuda"."""

    def advice(self) -> str:
        return (
            "No model is downloaded. Get one first, for example with "
            f"`hf download {self.example} --local-dir FOLDER`, and give that folder."
        )


class _File(NamedTuple):
    """A file of a model as it was seen."""

    part: str
    path: Path
    size: int
    mtime_ns: int
    inode: int


class LocalEmbedder:
    """A kind of model in a folder. Implements `Embedder`; the model is loaded when first asked for a vector.

    Everything raises InvalidInput where the folder or one of its files is missing, or the model cannot be loaded.
    """

    def __init__(self, kind: ModelKind, folder: Path, device: str = "cpu") -> None:
        """Raises InvalidInput also where packages are missing."""
        if not all(find_spec(package) for package in kind.packages):
            raise InvalidInput(
                f"The embedder {kind.name} needs {' and '.join(kind.packages)}",
                f"Install: pip install 'raycontext[{kind.name}]'",
            )
        self._kind = kind
        self._folder = folder
        self._device = device
        self._hashed: tuple[tuple[_File, ...], str] | None = None
        self._models: dict[tuple[_File, ...], Future[tuple[TextModel, int]]] = {}
        self._files()

    @property
    def name(self) -> str:
        return f"{self._kind.name}:{self._folder}"

    @property
    def is_heavy(self) -> bool:
        """See `ModelKind`."""
        return self._kind.is_heavy

    @property
    def fingerprint(self) -> str:
        """Of the contents of the model's files, wherever they lie."""
        files, hashed = self._files(), self._hashed
        if hashed is None or hashed[0] != files:
            try:
                self._hashed = hashed = files, _content_hash(files)
            except OSError as error:
                raise self._unreadable(error) from error
        return f"{self._kind.name}-{self._kind.version}:{hashed[1]}"

    @property
    def dimension(self) -> int:
        return self._model()[1]

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """Vectors of the documents' texts, float32[n, dimension]; blank ones are zero."""
        return self.embed_texts(documents.texts())

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same, of texts."""
        model, dimension = self._model()
        return _unit_vectors(texts, model.encode_documents, dimension)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Vector of the query, float32[dimension]; zero for a blank one."""
        model, dimension = self._model()
        return _unit_vectors([text], model.encode_queries, dimension).reshape(dimension)

    def _files(self) -> tuple[_File, ...]:
        if not self._folder.is_dir():
            raise InvalidInput(f"{self._folder} is not a folder with a model", self._kind.advice())
        files = []
        try:
            for part, path in sorted(self._kind.files(self._folder).items()):
                stat = path.stat()
                files.append(_File(part, path, stat.st_size, stat.st_mtime_ns, stat.st_ino))
        except OSError as error:
            raise self._unreadable(error) from error
        return tuple(files)

    def _unreadable(self, error: OSError) -> InvalidInput:
        return InvalidInput(f"The model in {self._folder} cannot be read: {error}", self._kind.advice())

    def _model(self) -> tuple[TextModel, int]:
        """The model and the length of its vectors."""
        files = self._files()
        own: Future[tuple[TextModel, int]] = Future()
        loading = self._models.setdefault(files, own)  # of threads that come at once, one loads and all wait
        if loading is own:
            try:
                own.set_result(self._load(files))
            except BaseException as error:
                self._models.pop(files, None)
                own.set_exception(error)
            for former in list(self._models):
                if former != files:
                    self._models.pop(former, None)
        return loading.result()

    def _load(self, files: tuple[_File, ...]) -> tuple[TextModel, int]:
        try:
            model = self._kind.load(self._folder, {file.part: file.path for file in files}, self._device)
            return model, int(model.encode_documents([PROBE]).shape[1])
        except (RaycontextError, MemoryError):
            raise
        except Exception as error:  # the libraries raise whatever comes to them
            raise InvalidInput(
                f"The {self._kind.name} model in {self._folder} cannot be used: {type(error).__name__}: {error}",
                "Get it again, or choose another.",
            ) from error


def _content_hash(files: Sequence[_File]) -> str:
    """Of the parts and their contents, 32 hexadecimal digits."""
    total = xxhash.xxh3_128()
    for file in files:
        content = xxhash.xxh3_128()
        with file.path.open("rb") as stream:
            while block := stream.read(READ_BYTES):
                content.update(block)
        total.update(f"{file.part} {content.hexdigest()}\n".encode())
    return total.hexdigest()


def _unit_vectors(
    texts: Sequence[str], encode: Callable[[Sequence[str]], NDArray[Any]], dimension: int
) -> NDArray[np.float32]:
    told = [place for place, text in enumerate(texts) if text.strip()]
    vectors = np.zeros((len(texts), dimension), np.float32)
    if not told:
        return vectors
    encoded = np.asarray(encode([texts[place] for place in told]), np.float64)
    lengths = np.sqrt(np.sum(encoded**2, axis=1, keepdims=True))
    vectors[told] = encoded / np.where(lengths > 0, lengths, 1.0)
    return vectors


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a model wants to see before a query and before a document."""

    query: str = ""
    document: str = ""


def read_prompts(path: Path | None) -> Prompts:
    """From the configuration of sentence-transformers, where there is one. Raises InvalidInput."""
    prompts = read_json(path, dict).get("prompts") if path is not None else None
    if not isinstance(prompts, dict):
        return Prompts()
    documents = (prompts.get(name) for name in ("document", "passage", "corpus"))
    return Prompts(str(prompts.get("query") or ""), next((str(prompt) for prompt in documents if prompt), ""))


def read_json(path: Path, shape: type[Shape]) -> Shape:
    """What a JSON file holds, a `dict` or a `list`. Raises InvalidInput where it holds something else."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        value = None
    if not isinstance(value, shape):
        raise InvalidInput(f"{path} does not hold what it should", "Get the model again.")
    return value


def first_file(folder: Path, kind: str, *names: str) -> Path:
    """The first of some files that is there. Raises InvalidInput where none is."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InvalidInput(f"{folder} holds no {kind} model", f"It has no {' or '.join(names)}.")
