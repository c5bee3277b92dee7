"""Models of the package sentence-transformers, run by PyTorch on the CPU or on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from raycontext.embed.models.local import PROMPTS_FILE, ModelKind, TextModel, first_file, read_prompts
from raycontext.errors import InvalidInput
from raycontext.files.foreign_json import read_json

__all__ = ["KIND"]

# Suffixes of weights, configurations and vocabularies.
_SUFFIXES = {".safetensors", ".bin", ".json", ".txt", ".model"}
# Folders that hold copies of the weights for other programs.
_OTHER_FORMS = {"onnx", "openvino"}


_CODE_SUFFIXES = {".py", ".pyc", ".so", ".dll", ".dylib", ".pkl", ".pickle"}
# Packages that the module types of a model may lie in.
_PACKAGES = ("sentence_transformers.", "transformers.")

FIRST_RELEASE = 6
"""Major version of the package from which on `trust_remote_code=False` also holds for code in a local folder."""

GPU_BATCH = 64
"""Number of texts that a GPU embeds at a time."""


class _SentenceTransformer:
    """Loaded model of the package. Implements `TextModel`."""

    def __init__(self, folder: Path, prompts_file: Path | None, device: str) -> None:
        from sentence_transformers import SentenceTransformer

        self._prompts = read_prompts(prompts_file)
        self._batch = 1 if device == "cpu" else GPU_BATCH
        self._model: Any = SentenceTransformer(
            str(folder), device=device, local_files_only=True, trust_remote_code=False
        )
        # One thread owns the model, since its tokenizer is not thread-safe. Other threads wait for their turn.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sentence-transformers")

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        return self._encode(self._model.encode_document, texts, self._prompts.document)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[Any]:
        return self._encode(self._model.encode_query, texts, self._prompts.query)

    def _encode(self, method: Callable[..., NDArray[Any]], texts: Sequence[str], prompt: str) -> NDArray[Any]:
        # On a CPU, one text at a time, so that a vector cannot depend on its batch. A GPU would idle, so there batches
        # are allowed: they change only the last digits, which quantising to 8 bits nearly always removes.
        options = {
            "batch_size": self._batch,
            "show_progress_bar": False,
            "convert_to_numpy": True,
            "normalize_embeddings": True,
        }
        return self._thread.submit(method, list(texts), prompt=prompt, **options).result()


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of a model by their relative names. Raises `InvalidInput` where the folder holds no model."""
    first_file(folder, "sentence-transformers", "modules.json", "config.json")
    found = (path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    names = ((path.relative_to(folder), path) for path in found)
    return {name.as_posix(): path for name, path in names if not _left_out(name)}


def _left_out(name: Path) -> bool:
    return name.parts[0] in _OTHER_FORMS or any(part.startswith(".") for part in name.parts)


def _check_release() -> None:
    """Raise `InvalidInput` where the installed package is older than `FIRST_RELEASE`."""
    import sentence_transformers

    release = str(sentence_transformers.__version__)
    if int(release.partition(".")[0]) < FIRST_RELEASE:
        raise InvalidInput(
            f"sentence-transformers {release} may run code that a model's folder holds",
            "Install a newer one: pip install -U 'raycontext[sentence-transformers]'",
        )


def _check_no_code(folder: Path) -> None:
    """Raise `InvalidInput` where a model's folder holds code, or its files name code that is not of the package.

    The package is told to trust none. This holds without that promise.
    """
    for path in folder.rglob("*"):
        if path.suffix in _CODE_SUFFIXES and path.is_file():
            raise _code_found(path)
        if path.suffix != ".json" or not path.is_file():
            continue
        try:
            content = read_json(path.read_bytes())
        except ValueError:
            continue  # the package reports what it cannot read
        modules = content if path.name == "modules.json" and isinstance(content, list) else []
        if (isinstance(content, dict) and "auto_map" in content) or not all(map(_is_of_the_package, modules)):
            raise _code_found(path)


def _is_of_the_package(module: Any) -> bool:
    return isinstance(module, dict) and str(module.get("type", "")).startswith(_PACKAGES)


def _code_found(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} holds or names code, which is not run", "Choose a model without code of its own.")


def _load(folder: Path, files: Mapping[str, Path], device: str) -> TextModel:
    _check_release()
    _check_no_code(folder)
    return _SentenceTransformer(folder, files.get(PROMPTS_FILE), device)


KIND = ModelKind(
    name="sentence-transformers",
    is_heavy=True,
    version=1,
    packages=("sentence_transformers",),
    example="sentence-transformers/all-MiniLM-L6-v2",
    files=_files,
    load=_load,
)
