"""A client's configuration as a document to which the entry of our server is added, and in which all else stays.

Every edit is proven before it is used: the new text is parsed again, and must say what the old one said, but for our
entry. An edit that cannot be proven is refused, and the user is told what to add by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from raycontext.cli.install import jsonc, toml_text
from raycontext.cli.install.clients import SERVER, Client
from raycontext.errors import ConfigurationError

__all__ = ["Document", "by_hand"]

MARK = "\ufeff"
"""Byte order mark, which some editors of Windows write at the begin of a file."""
MAX_PARTS = 50
"""Largest number of parts in which an entry may stand in a TOML document."""


class Document:
    """Content of the configuration of one client. Errors name `place`, the path of its file."""

    def __init__(self, client: Client, place: str, content: bytes | None) -> None:
        """Read `content`, None for a missing file. Raises `ConfigurationError` when it cannot be read."""
        self.client = client
        self.place = place
        try:
            text = (content or b"").decode()
            self.text = text.removeprefix(MARK)
            self.mark = text[: len(text) - len(self.text)]
            self.root: dict[str, Any] = self._parsed(self.text)
        except (ValueError, RecursionError) as error:  # both formats raise these, and so do bytes that are not UTF-8
            raise self._unreadable(str(error)) from None
        self.path = (client.container, SERVER)
        self.servers = self.root.get(client.container)
        if self.servers is not None and not isinstance(self.servers, dict):
            raise self._unreadable(f"'{client.container}' is not a table of servers")

    def entry(self) -> dict[str, Any] | None:
        """Return the entry of our server; None when there is none. Raises `ConfigurationError` when it is not ours."""
        if SERVER not in (self.servers or {}):
            return None
        entry: Any = (self.servers or {})[SERVER]
        if not self.client.is_ours(entry):
            raise ConfigurationError(
                self.place,
                f"it has a server named '{SERVER}' that raycontext did not put there",
                "Rename or remove that entry, then run the command again.",
            )
        return dict(entry)

    def with_entry(self, entry: dict[str, Any]) -> bytes:
        """Return the content with `entry` for our server. Keys that the user added to our entry stay.

        Raises `ConfigurationError` when no edit can be proven to change nothing else.
        """
        former = self.entry()
        if former is None:
            wanted = {**self.root, self.client.container: {**(self.servers or {}), SERVER: entry}}
            return self._bytes(self._proven(self._texts_with(entry), wanted))
        merged = _merged(former, entry)
        document = self
        for keys, value in _changes(former, merged):
            changed = _with_value(document.root, (*document.path, *keys), value)
            try:
                text = document._proven(document._texts_set(keys, changed), changed)
            except ConfigurationError:  # the value cannot be replaced where it stands: the whole entry is written anew
                return Document(self.client, self.place, self.without_entry(True)).with_entry(merged)
            document = Document(self.client, self.place, self._bytes(text))
        return self._bytes(document.text)

    def without_entry(self, keep_container: bool) -> bytes:
        """Return the content without our server.

        keep_container: whether a table of servers that is empty then stays. Raises `ConfigurationError` when no edit
        can be proven to change nothing else.
        """
        left = {name: value for name, value in (self.servers or {}).items() if name != SERVER}
        kept = {**self.root, self.client.container: left}
        removed = {name: value for name, value in self.root.items() if name != self.client.container}
        wanted = [kept] if left or keep_container else [removed, kept]
        return self._bytes(self._proven(self._texts_without(keep_container or bool(left)), *wanted))

    def _texts_with(self, entry: dict[str, Any]) -> Iterator[str]:
        """Yield proposals for the text with a new entry."""
        if self.client.format == "toml":
            yield from toml_text.with_table(self.text, self.path, entry)
        else:
            yield jsonc.with_member(self.text, self.path, entry)

    def _texts_set(self, keys: tuple[str, ...], changed: dict[str, Any]) -> Iterator[str]:
        """Yield proposals for the text with one value of our entry as it is in `changed`, the whole document."""
        path = (*self.path, *keys)
        if self.client.format == "json":
            yield jsonc.with_member(self.text, path, _at(changed, path))
            return
        for depth in range(len(path), len(self.path), -1):  # a table in braces is replaced as a whole
            former, value = (_at(root, path[:depth]) for root in (self.root, changed))
            yield from toml_text.with_value(self.text, path[:depth], value, former)

    def _texts_without(self, keep_container: bool) -> Iterator[str]:
        """Yield proposals for the text without our entry."""
        text = self.text
        if self.client.format == "json":
            text = jsonc.without_member(text, self.path)
            if not keep_container and jsonc.value_of(text, self.path[:1]) == {}:
                yield jsonc.without_member(text, self.path[:1])
            yield text
            return
        for _ in range(MAX_PARTS):
            shorter = next(filter(self._keeps_others, toml_text.without_table(text, self.path)), text)
            if shorter == text:
                return
            text = shorter
            yield text

    def _keeps_others(self, text: str) -> bool:
        """Return whether a text says the same as this document, our entry left out of account."""
        try:
            root = self._parsed(text)
        except (ValueError, RecursionError):
            return False
        return _same(_without_ours(root, self.path), _without_ours(self.root, self.path))

    def _proven(self, texts: Iterable[str], *wanted: dict[str, Any]) -> str:
        """Return the first text that says what is wanted. Raises `ConfigurationError` when there is none."""
        try:
            for text in texts:
                if any(self._says(text, root) for root in wanted):
                    return text
        except jsonc.NotJson as error:
            raise self._unreadable(str(error)) from None
        raise ConfigurationError(
            self.place,
            f"no edit was found that changes nothing but the entry '{SERVER}' of '{self.client.container}'",
            "Nothing was changed. Make the change by hand.",
        )

    def _says(self, text: str, root: dict[str, Any]) -> bool:
        try:
            return _same(self._parsed(text), root)
        except (ValueError, RecursionError):
            return False

    def _bytes(self, text: str) -> bytes:
        try:
            return (self.mark + text).encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                self.place, "the entry holds a path that is not valid UTF-8", "Nothing was changed. Rename the folder."
            ) from None

    def _parsed(self, text: str) -> dict[str, Any]:
        """Return the document as values. Raises `ValueError` or `RecursionError`."""
        if self.client.format == "toml":
            return toml_text.parsed(text)
        if not text.strip(" \t\r\n"):
            return {}
        value = jsonc.value_of(text, ())
        if not isinstance(value, dict):
            raise ValueError("the document is not an object")
        return value

    def _unreadable(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            self.place,
            f"it cannot be read ({problem})",
            "Nothing was changed. Fix the file, then run the command again.",
        )


def by_hand(client: Client, entry: dict[str, Any]) -> str:
    """Return the text that a user adds to a configuration where we do not edit it."""
    if client.format == "toml":
        return toml_text.block_of((client.container, SERVER), entry).rstrip()
    return json.dumps({client.container: {SERVER: entry}}, indent=2)


def _merged(former: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Return `entry` with the keys that only `former` has, in tables within it, too."""
    return former | {
        key: _merged(former[key], value) if isinstance(value, dict) and isinstance(former.get(key), dict) else value
        for key, value in entry.items()
    }


def _changes(former: dict[str, Any], wanted: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys and values that are other in `wanted`."""
    for key, value in wanted.items():
        before = former.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from (((key, *keys), inner) for keys, inner in _changes(before, value))
        elif key not in former or not _same(before, value):
            yield (key,), value


def _with_value(root: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a document with a value at `path`. The tables above it are there."""
    key, *below = path
    return {**root, key: _with_value(root[key], tuple(below), value) if below else value}


def _at(root: Any, path: tuple[str, ...]) -> Any:
    """Return the value at `path`; None when there is none."""
    for key in path:
        root = root.get(key) if isinstance(root, dict) else None
    return root


def _without_ours(root: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return a document without our entry, and without the table of servers when nothing else is in it."""
    container, server = path
    servers = root.get(container)
    if not isinstance(servers, dict):
        return root
    others = {name: value for name, value in servers.items() if name != server}
    rest = {name: value for name, value in root.items() if name != container}
    return {**rest, container: others} if others else rest


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, types included: 1 is neither true nor 1.0."""
    first, second = (json.dumps(value, sort_keys=True, default=repr) for value in (one, other))
    return first == second
