"""Descriptions of fields in the OpenAPI document: the docstrings below the fields of the daemon's messages."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from raycontext.serve import messages

__all__ = ["DescribedSchema"]


class DescribedSchema(GenerateJsonSchema):
    """Generator of JSON schemas in which the fields of messages have their docstrings as descriptions."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the JSON schema of a model."""
        described = super().model_schema(schema)
        for kind in schema["cls"].__mro__:
            for name, text in _docstrings(kind).items() if kind.__module__ == messages.__name__ else ():
                if name in described.get("properties", {}):
                    described["properties"][name].setdefault("description", text)
        return described


@cache
def _docstrings(kind: type[Any]) -> dict[str, str]:
    """Return the docstrings that stand below the fields of a class itself, by field."""
    (definition,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            assert isinstance(text.value, ast.Constant)
            found[field.target.id] = inspect.cleandoc(str(text.value.value))
    return found
