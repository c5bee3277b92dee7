"""Models that are ONNX graphs of transformer encoders, run by onnxruntime on the CPU, or on a GPU where it can.

Documents are run one at a time, on one thread. So neither padding nor another document of a batch can change a vector,
even where a quantised graph takes its scale from all its input. A batch would gain little: a document of a hundred
tokens fills a core, and the other cores work on other documents.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.embed.models.local import PROMPTS_FILE, ModelKind, TextModel, first_file, read_json, read_prompts
from raycontext.errors import InvalidInput

__all__ = ["KIND"]

MAX_TOKENS = 512
"""Number of tokens to which a text is cut, unless the model's configuration asks for fewer."""
LOG_ERRORS_ONLY = 3
"""Level of onnxruntime's log that leaves out warnings."""

_SENTENCE, _TOKENS = "sentence_embedding", "last_hidden_state"
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_INTEGERS: dict[str, type[np.integer[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}
_MODULES_IN_GRAPH = ("Transformer", "Pooling", "Normalize")  # computed by the graph or here
_OPTIONAL = {
    "pooling": "1_Pooling/config.json",
    "prompts": PROMPTS_FILE,
    "lengths": "sentence_bert_config.json",
    "modules": "modules.json",
}
# [tokens, dimension] -> [dimension]
_POOLING: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "mean": lambda tokens: np.mean(tokens, axis=0),
    "cls": lambda tokens: tokens[0],
    "max": lambda tokens: np.max(tokens, axis=0),
}


class _OnnxModel:
    """Loaded ONNX graph with its tokenizer, pooling and prompts. Implements `TextModel`."""

    def __init__(self, files: Mapping[str, Path], device: str) -> None:
        """Load the model from `files`, by the part that each plays. Raises `InvalidInput`."""
        from tokenizers import Tokenizer

        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = LOG_ERRORS_ONLY
        providers = [name for name in _PROVIDERS[device] if name in runtime.get_available_providers()]
        self._session: Any = runtime.InferenceSession(files["weights"], options, providers=providers)
        self._inputs = self._checked_inputs()
        outputs = [output.name for output in self._session.get_outputs()]
        self._output = next((name for name in (_SENTENCE, _TOKENS) if name in outputs), "")
        if not self._output:
            raise InvalidInput(
                f"The ONNX graph puts out {', '.join(outputs)}", f"It must put out {_TOKENS} or {_SENTENCE}."
            )
        self._pool = _POOLING["mean"]
        if self._output == _TOKENS:
            _check_modules(files.get("modules"))
            self._pool = _POOLING[_pooling_mode(files.get("pooling"))]
        self._prompts = read_prompts(files.get("prompts"))
        self._tokenizer = Tokenizer.from_file(str(files["tokenizer"]))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_most_tokens(files.get("lengths")))
        self._dimension = len(self._run([0], [1], [0]))

    def encode_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(self._prompts.document + text) for text in texts])

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(self._prompts.query + text) for text in texts])

    def _vector(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one text, float32[dimension]. It is zero where the text has no tokens."""
        tokens = self._tokenizer.encode(text)
        if not tokens.ids:
            return np.zeros(self._dimension, np.float32)
        return self._run(tokens.ids, tokens.attention_mask, tokens.type_ids)

    def _run(self, ids: Sequence[int], mask: Sequence[int], types: Sequence[int]) -> NDArray[np.float32]:
        columns = dict(zip(_INPUTS, (ids, mask, types), strict=True))
        fed = {name: np.array([columns[name]], kind) for name, kind in self._inputs.items()}
        (output,) = self._session.run([self._output], fed)
        vectors = np.asarray(output[0], np.float32)
        return vectors if self._output == _SENTENCE else self._pool(vectors)

    def _checked_inputs(self) -> dict[str, type[np.integer[Any]]]:
        """Return the inputs of the graph with their integer types. Raises `InvalidInput` for unknown inputs."""
        inputs = {found.name: found.type for found in self._session.get_inputs()}
        unknown = [name for name, kind in inputs.items() if name not in _INPUTS or kind not in _INTEGERS]
        if unknown:
            raise InvalidInput(
                f"The ONNX graph wants {', '.join(unknown)}", f"Only {', '.join(_INPUTS)} (integers) are known."
            )
        return {name: _INTEGERS[kind] for name, kind in inputs.items()}


def _runtime() -> Any:
    """Import onnxruntime with its telemetry switched off.

    From version 1.29 on the package reports names of models and files, hashes and the machine to its maker by default.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read during the import
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # for a package that was imported before
    return onnxruntime


def _pooling_mode(path: Path | None) -> str:
    """Return the pooling mode of a configuration file, which holds one name or a flag for each mode.

    Without a file it is the mean. Raises `InvalidInput` for a mode that is not known.
    """
    if path is None:
        return "mean"
    configuration = read_json(path, dict)
    modes = configuration.get("pooling_mode")
    if modes is None:
        prefix, suffix = "pooling_mode_", "_tokens"
        modes = [
            name.removeprefix(prefix).removesuffix(suffix).removesuffix("_token")
            for name, wanted in configuration.items()
            if name.startswith(prefix) and wanted
        ]
    elif isinstance(modes, str):
        modes = [modes]
    if len(modes) != 1 or modes[0] not in _POOLING or configuration.get("include_prompt", True) is not True:
        raise InvalidInput(f"{path} asks for a pooling that is not known", f"Known: one of {', '.join(_POOLING)}.")
    return str(modes[0])


def _check_modules(path: Path | None) -> None:
    """Raise `InvalidInput` where the model has layers beyond the graph, since they would be left out unnoticed."""
    if path is None:
        return
    kinds = [str(module.get("type")) for module in read_json(path, list) if isinstance(module, dict)]
    others = [kind for kind in kinds if kind.rpartition(".")[2] not in _MODULES_IN_GRAPH]
    if others:
        raise InvalidInput(
            f"The model has {', '.join(others)}, which the ONNX graph leaves out", f"Export it with {_SENTENCE}."
        )


def _most_tokens(path: Path | None) -> int:
    """Return the number of tokens to which a text is cut: that of the configuration, at most `MAX_TOKENS`."""
    configured = read_json(path, dict).get("max_seq_length") if path is not None else None
    return min(configured, MAX_TOKENS) if isinstance(configured, int) and configured > 0 else MAX_TOKENS


def _files(folder: Path) -> dict[str, Path]:
    weights = first_file(folder, "onnx", "model.onnx", "onnx/model.onnx")
    files = {"weights": weights, "tokenizer": first_file(folder, "onnx", "tokenizer.json")}
    # Weights beyond 2 GiB lie beside the graph.
    files.update((path.name, path) for path in weights.parent.glob(f"{weights.name}?*") if path.is_file())
    files.update((part, folder / name) for part, name in _OPTIONAL.items() if (folder / name).is_file())
    return files


def _load(folder: Path, files: Mapping[str, Path], device: str) -> TextModel:
    return _OnnxModel(files, device)


KIND = ModelKind(
    name="onnx",
    is_heavy=True,
    version=1,
    packages=("onnxruntime", "tokenizers"),
    example="sentence-transformers/all-MiniLM-L6-v2",
    files=_files,
    load=_load,
)
