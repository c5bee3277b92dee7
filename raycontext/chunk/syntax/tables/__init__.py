"""Tables of rules, one for each language that has its own."""

from __future__ import annotations

from raycontext.chunk.syntax.rules import LanguageRules
from raycontext.chunk.syntax.tables.build import CMAKE, MAKE
from raycontext.chunk.syntax.tables.c_family import CPP, GLSL, C
from raycontext.chunk.syntax.tables.dart import DART
from raycontext.chunk.syntax.tables.functional import CLOJURE, ELIXIR, ERLANG, HASKELL, NIX
from raycontext.chunk.syntax.tables.generic import generic_rules
from raycontext.chunk.syntax.tables.javascript import JAVASCRIPT, TYPESCRIPT
from raycontext.chunk.syntax.tables.jvm import CSHARP, JAVA, KOTLIN, SCALA, SWIFT
from raycontext.chunk.syntax.tables.objective_c import OBJC
from raycontext.chunk.syntax.tables.ocaml import OCAML, OCAML_INTERFACE
from raycontext.chunk.syntax.tables.others import GLEAM, MATLAB, SOLIDITY, D
from raycontext.chunk.syntax.tables.powershell import POWERSHELL
from raycontext.chunk.syntax.tables.python import PYTHON, STARLARK
from raycontext.chunk.syntax.tables.ruby import RUBY
from raycontext.chunk.syntax.tables.scripting import BASH, JULIA, LUA, PHP, R
from raycontext.chunk.syntax.tables.systems import GO, PROTO, RUST, ZIG
from raycontext.chunk.syntax.tables.web import CSS, GRAPHQL, HTML

__all__ = ["rules_for"]

_TABLES: dict[str, LanguageRules] = {
    "apex": JAVA,
    "arduino": CPP,
    "bash": BASH,
    "c": C,
    "clojure": CLOJURE,
    "cmake": CMAKE,
    "cpp": CPP,
    "csharp": CSHARP,
    "css": CSS,
    "cuda": CPP,
    "d": D,
    "dart": DART,
    "elixir": ELIXIR,
    "erlang": ERLANG,
    "gleam": GLEAM,
    "glsl": GLSL,
    "go": GO,
    "graphql": GRAPHQL,
    "haskell": HASKELL,
    "hlsl": CPP,
    "html": HTML,
    "java": JAVA,
    "javascript": JAVASCRIPT,
    "julia": JULIA,
    "kotlin": KOTLIN,
    "lua": LUA,
    "luau": LUA,
    "make": MAKE,
    "matlab": MATLAB,
    "nix": NIX,
    "objc": OBJC,
    "ocaml": OCAML,
    "ocaml_interface": OCAML_INTERFACE,
    "php": PHP,
    "powershell": POWERSHELL,
    "proto": PROTO,
    "python": PYTHON,
    "r": R,
    "ruby": RUBY,
    "rust": RUST,
    "scala": SCALA,
    "solidity": SOLIDITY,
    "starlark": STARLARK,
    "swift": SWIFT,
    "tsx": TYPESCRIPT,
    "typescript": TYPESCRIPT,
    "zig": ZIG,
}


def rules_for(language: str) -> LanguageRules:
    """Return the table of a language. A language without a table of its own gets one for usual node names."""
    return _TABLES.get(language) or generic_rules(language)
