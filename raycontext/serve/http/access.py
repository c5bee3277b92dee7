"""Tokens that the operator of a daemon gives to others: what each may do, read from the file of `RAYCONTEXT_TOKENS`."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from raycontext.errors import InvalidInput
from raycontext.models import FrozenModel, first_problem

__all__ = ["Access", "read_accesses"]

LEAST_CHARACTERS = 32
"""Smallest length of a token, in characters."""


class Access(FrozenModel):
    """One token, and what whoever shows it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Name of whom the token is for."""
    token: Annotated[str, Field(min_length=LEAST_CHARACTERS, max_length=1000, pattern=r"^[\x21-\x7e]+$")]
    """The token, of visible ASCII characters."""
    writes: bool = False
    """Whether it may index, watch, cancel and remove; else it may only ask."""
    collections: tuple[str, ...] | None = None
    """Names of collections that it may reach, with the wildcards of a shell; None: all."""


_FILE = TypeAdapter(list[Access])


def read_accesses(file: str | None) -> Sequence[Access]:
    """Return the tokens of a YAML file, a list with the fields of `Access`; none where no file is given.

    Raises `InvalidInput` where the file cannot be read, is wrong, or can be read or written by others.
    """
    if file is None:
        return ()
    path = Path(file)
    try:
        with path.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or found.st_uid != os.getuid():
                raise InvalidInput(f"Others can reach the tokens in {file}", "Make it yours alone: chmod 600.")
            accesses = _FILE.validate_python(yaml.safe_load(opened) or [], strict=False)
    except OSError as error:
        raise InvalidInput(
            f"The tokens in {file} cannot be read: {error.strerror}", "Correct RAYCONTEXT_TOKENS."
        ) from error
    except yaml.YAMLError as error:  # its text may hold a token
        raise InvalidInput(f"The tokens in {file} are no YAML ({type(error).__name__})", "Correct the file.") from None
    except ValidationError as error:
        raise InvalidInput(f"The tokens in {file} are wrong: {first_problem(error)}", "Correct the file.") from None
    for field in ("name", "token"):
        given = Counter(getattr(one, field) for one in accesses)
        if max(given.values(), default=0) > 1:
            raise InvalidInput(f"Two entries of {file} have one {field}", "Give each its own.")
    return accesses
