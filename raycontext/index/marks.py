"""Marks of files: a program wrote it, it belongs to another project. The tree may give them, else the content does."""

from __future__ import annotations

from collections.abc import Mapping

from raycontext.analyse.generated import is_generated
from raycontext.discover.read import Content

__all__ = ["is_generated_file", "is_vendored_file"]

GENERATED_ATTRIBUTE = "linguist-generated"
"""Attribute of `.gitattributes` that marks a file that a program wrote."""
VENDORED_ATTRIBUTE = "linguist-vendored"
"""Attribute of `.gitattributes` that marks a file of another project."""


def is_generated_file(content: Content) -> bool:
    """Return whether a program wrote the file, by what the tree says, else by its content."""
    marked = _is_marked(content.attributes, GENERATED_ATTRIBUTE)
    return is_generated(content.data) if marked is None else marked


def is_vendored_file(content: Content) -> bool:
    """Return whether the tree says that the file belongs to another project."""
    return bool(_is_marked(content.attributes, VENDORED_ATTRIBUTE))


def _is_marked(attributes: Mapping[str, str], name: str) -> bool | None:
    """Return whether the tree gives a mark to a file; None where it says nothing."""
    value = attributes.get(name)
    return None if value is None else value != "false"
