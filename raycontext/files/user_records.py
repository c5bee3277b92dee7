"""Records of what this user has chosen. They lie outside of every root, so that nothing in a root can forge one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path

from raycontext.files.private import make_private_folder

__all__ = ["Facts", "forget", "is_recorded", "record"]

Facts = Mapping[str, str | int]
"""What a record says, by name."""


def record(kind: str, facts: Facts) -> bool:
    """Record `facts` under `kind`, once. Return False where the user's state folder cannot be written.

    A record is a file that is created whole and never changed. Only this user can read it.
    """
    if is_recorded(kind, facts):
        return True
    place = _place(kind, facts)
    temporary = place.with_name(f".{secrets.token_hex(8)}")
    try:
        make_private_folder(place.parent)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_content(facts))
            with suppress(FileExistsError):
                os.link(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError:
        return False
    return is_recorded(kind, facts)


def is_recorded(kind: str, facts: Facts) -> bool:
    """Return whether this user has recorded exactly these facts."""
    place = _place(kind, facts)
    try:
        found = place.lstat()
        owned = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
        return stat.S_ISREG(found.st_mode) and owned and place.read_bytes() == _content(facts)
    except OSError:
        return False


def forget(kind: str, facts: Facts) -> None:
    """Remove the record of these facts, where there is one and the user's state folder can be written."""
    with suppress(OSError):
        _place(kind, facts).unlink(missing_ok=True)


def _place(kind: str, facts: Facts) -> Path:
    name = hashlib.sha256(_content(facts)).hexdigest()[:32]
    return user_state_path("raycontext", appauthor=False) / kind / f"{name}.json"


def _content(facts: Facts) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()
