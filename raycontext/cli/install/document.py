"""A configuration as text: the entry of our server is added or removed, and everything else stays."""

from __future__ import annotations

from typing import Any

from raycontext.cli.install.clients import ARGUMENTS, SERVER, Client
from raycontext.cli.install.jsonc import NotJson, value_of, with_member, without_member
from raycontext.errors import ConfigurationError

__all__ = ["Document"]


class Document:
    """Content of the configuration of one client. Errors name `place`, the path of its file."""

    def __init__(self, client: Client, place: str, content: bytes | None) -> None:
        """Read `content`, None for a missing file. Raises `ConfigurationError` when it cannot be read."""
        self.client = client
        self.place = place
        try:
            self.text = (content or b"").decode()
            self.servers: Any = self._value_of(self.text)
        except (ValueError, RecursionError) as error:  # both formats raise these, and so do bytes that are not UTF-8
            raise self._unreadable(str(error)) from None
        if self.servers is not None and not isinstance(self.servers, dict):
            raise self._unreadable(f"'{client.container}' is not a table of servers")

    def entry(self) -> dict[str, Any] | None:
        """Return the entry of our server; None when there is none. Raises `ConfigurationError` when it is not ours."""
        entry = (self.servers or {}).get(SERVER)
        if entry is None:
            return None
        ours = isinstance(entry, dict) and list(entry.get("args", ())) == ARGUMENTS and "command" in entry
        if not ours:
            raise ConfigurationError(
                self.place,
                f"it has a server named '{SERVER}' that raycontext did not put there",
                "Rename or remove that entry, then run the command again.",
            )
        return dict(entry)

    def with_entry(self, entry: dict[str, Any]) -> bytes:
        """Return the content with `entry` for our server."""
        if self.client.format == "toml":
            return _toml_with(self.text, self.client.container, entry).encode()
        try:
            return with_member(self.text, (self.client.container, SERVER), entry).encode()
        except NotJson as error:
            raise self._unreadable(str(error)) from None

    def without_entry(self, keep_container: bool) -> bytes:
        """Return the content without our server. A table of servers that is then empty goes, too, unless it is to be
        kept.
        """
        if self.client.format == "toml":
            return _toml_without(self.text, self.client.container, keep_container).encode()
        text = without_member(self.text, (self.client.container, SERVER))
        if not keep_container and value_of(text, (self.client.container,)) == {}:
            text = without_member(text, (self.client.container,))
        return text.encode()

    def _value_of(self, text: str) -> Any:
        if self.client.format == "toml":
            import tomlkit

            return tomlkit.parse(text).unwrap().get(self.client.container)
        if not text.strip("\ufeff \t\r\n"):
            return None
        if not isinstance(value_of(text, ()), dict):
            raise ValueError("the document is not an object")
        return value_of(text, (self.client.container,))

    def _unreadable(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            self.place,
            f"it cannot be read ({problem})",
            "Nothing was changed. Fix the file, then run the command again.",
        )


def _toml_with(text: str, container: str, entry: dict[str, Any]) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    if container not in document:
        document[container] = tomlkit.table(is_super_table=True)
    servers: Any = document[container]
    if SERVER in servers and servers[SERVER].unwrap() == entry:
        return text
    table = tomlkit.table()
    for key, value in entry.items():
        table[key] = value
    servers[SERVER] = table
    return tomlkit.dumps(document)


def _toml_without(text: str, container: str, keep_container: bool) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    servers: Any = document.get(container, {})
    if SERVER in servers:
        del servers[SERVER]
    if not servers and not keep_container and container in document:
        del document[container]
    return tomlkit.dumps(document)
