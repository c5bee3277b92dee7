"""Reader of JSON that someone else may have written: a file of a root or a model, a request, an answer of a server."""

from __future__ import annotations

import json

TYPE_CHECKING = False  # each warm command reads this file, and does without `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["read_json"]


def read_json(
    text: bytes | str,
    *,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """Return the value of a JSON text, with the options of `json.loads`.

    Raises `ValueError` for whatever is not JSON: also for bytes in no encoding of JSON, numbers of thousands of digits,
    and for brackets that are nested more deeply than Python reads.
    """
    try:
        return json.loads(text, parse_float=parse_float, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
