"""Embedders whose model is in a local folder: the parts that all kinds share. Nothing is ever downloaded.

A kind of model says which files of a folder make up a model and how the model is loaded. The fingerprint is a hash of
the contents of these files. So a copy in another folder is the same embedder, and a changed copy is another one. The
stats of the files are checked before each use, so a long-lived process notices that a model was replaced.
"""

from __future__ import annotations

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
from raycontext.files import foreign_json

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
"""Number of bytes that are read from a file at a time."""
PROBE = "dimension"
"""Text that is embedded once, to check the model and to learn the dimension of its vectors."""

PROMPTS_FILE = "config_sentence_transformers.json"
"""Name of the file that holds a model's prompts."""


class TextModel(Protocol):
    """Loaded model. Several threads may call its methods at once. The vector of a text depends on the text alone."""

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the vectors of n documents, float[n, dimension], not normalised."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the vectors of n queries, float[n, dimension], not normalised."""


@dataclass(frozen=True, slots=True)
class ModelKind:
    """Kind of model: its files, and how it is loaded."""

    name: str
    """Name of the kind, and of the extra that installs its packages."""
    is_heavy: bool
    """Whether a text takes milliseconds. Then the model may run in actors of its own."""
    version: int
    """Version of the computation. It is part of the fingerprint."""
    packages: tuple[str, ...]
    """Names of the modules that must be installed."""
    example: str
    """Name of a suitable model on the Hugging Face hub, for messages."""
    files: Callable[[Path], Mapping[str, Path]]
    """Function that returns the files of the model in a folder, by the part that each plays. It raises
    `InvalidInput`."""
    load: Callable[[Path, Mapping[str, Path], str], TextModel]
    """Function that loads the model in a folder from its files, on a device: "cpu" or "cuda"."""

    def advice(self) -> str:
        """Return the part of a message that says how to get a model."""
        return (
            "No model is downloaded. Get one first, for example with "
            f"`hf download {self.example} --local-dir FOLDER`, and give that folder."
        )


class _File(NamedTuple):
    """File of a model and its stat."""

    part: str
    path: Path
    size: int
    mtime_ns: int
    inode: int


class LocalEmbedder:
    """Embedder with a model in a folder. Implements `Embedder`.

    The model is loaded when the first vector is asked for. All members raise `InvalidInput` where the folder or one of
    its files is missing, or the model cannot be loaded.
    """

    def __init__(self, kind: ModelKind, folder: Path, device: str = "cpu") -> None:
        """Make an embedder of this kind in `folder` for `device`, "cpu" or "cuda", without loading the model.

        Raises `InvalidInput` also where packages are missing.
        """
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
        """Name of the embedder, KIND:FOLDER."""
        return f"{self._kind.name}:{self._folder}"

    @property
    def is_heavy(self) -> bool:
        """Whether a text takes milliseconds; see `ModelKind.is_heavy`."""
        return self._kind.is_heavy

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the contents of the model's files. The folder does not matter."""
        files, hashed = self._files(), self._hashed
        if hashed is None or hashed[0] != files:
            try:
                self._hashed = hashed = files, _content_hash(files)
            except OSError as error:
                raise self._unreadable(error) from error
        return f"{self._kind.name}-{self._kind.version}:{hashed[1]}"

    @property
    def dimension(self) -> int:
        """Number of components of a vector. Loads the model."""
        return self._model()[1]

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """Return the unit vectors of the documents' texts, float32[n, dimension]. Those of blank texts are zero."""
        return self.embed_texts(documents.texts())

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of n texts of documents, float32[n, dimension]. Those of blank texts are zero."""
        model, dimension = self._model()
        return _unit_vectors(texts, model.encode_documents, dimension)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a query, float32[dimension]. It is zero for a blank query."""
        model, dimension = self._model()
        return _unit_vectors([text], model.encode_queries, dimension).reshape(dimension)

    def _files(self) -> tuple[_File, ...]:
        """Return the files of the model with their stats. Raises `InvalidInput`."""
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
        """Return the model and the dimension of its vectors, loading the model where its files have changed."""
        files = self._files()
        own: Future[tuple[TextModel, int]] = Future()
        loading = self._models.setdefault(files, own)  # one thread loads the model, and all others wait for it
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
        """Load a model from its files, and return it with the number of its dimensions. Raises `InvalidInput`."""
        try:
            model = self._kind.load(self._folder, {file.part: file.path for file in files}, self._device)
            return model, int(model.encode_documents([PROBE]).shape[1])
        except (RaycontextError, MemoryError):
            raise
        except Exception as error:  # the libraries raise errors of many kinds
            raise InvalidInput(
                f"The {self._kind.name} model in {self._folder} cannot be used: {type(error).__name__}: {error}",
                "Get it again, or choose another.",
            ) from error


def _content_hash(files: Sequence[_File]) -> str:
    """Return a hash of the files' parts and contents, 32 hexadecimal digits. Raises `OSError`."""
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
    """Return the vectors of n texts scaled to unit length, float32[n, dimension]. Those of blank texts are zero."""
    nonblank = [place for place, text in enumerate(texts) if text.strip()]
    vectors = np.zeros((len(texts), dimension), np.float32)
    if not nonblank:
        return vectors
    encoded = np.asarray(encode([texts[place] for place in nonblank]), np.float64)
    lengths = np.sqrt(np.sum(encoded**2, axis=1, keepdims=True))
    vectors[nonblank] = encoded / np.where(lengths > 0, lengths, 1.0)
    return vectors


@dataclass(frozen=True, slots=True)
class Prompts:
    """Texts that a model expects before a query and before a document."""

    query: str = ""
    document: str = ""


def read_prompts(path: Path | None) -> Prompts:
    """Read the prompts from a configuration of sentence-transformers. Without a file they are empty.

    Raises `InvalidInput`.
    """
    prompts = read_json(path, dict).get("prompts") if path is not None else None
    if not isinstance(prompts, dict):
        return Prompts()
    documents = (prompts.get(name) for name in ("document", "passage", "corpus"))
    return Prompts(str(prompts.get("query") or ""), next((str(prompt) for prompt in documents if prompt), ""))


def read_json(path: Path, shape: type[Shape]) -> Shape:
    """Return the content of a JSON file that holds a `dict` or a `list`, as `shape` says.

    Raises `InvalidInput` where it holds something else, `OSError` where it cannot be read.
    """
    try:
        value = foreign_json.read_json(path.read_bytes())
    except ValueError:
        value = None
    if not isinstance(value, shape):
        raise InvalidInput(f"{path} does not hold what it should", "Get the model again.")
    return value


def first_file(folder: Path, kind: str, *names: str) -> Path:
    """Return the first of the files `names` in `folder` that exists. Raises `InvalidInput` where none does."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InvalidInput(f"{folder} holds no {kind} model", f"It has no {' or '.join(names)}.")
