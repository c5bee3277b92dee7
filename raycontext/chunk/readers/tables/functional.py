"""Patterns of F#, Elm, PureScript and other languages in which the left edge says what is defined."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import DOUBLE_QUOTED

__all__ = ["FUNCTIONAL"]

_N = r"(?P<name>\w+)"
_FSHARP_NAME = r"(?P<name>``[^`\n]+``|\(\s*\|[^()\n]+\|\s*\)|\(\s*[^\s\w()]+\s*\)|[A-Za-z_][\w']*)"
_FSHARP_WORDS = r"(?:(?:rec|inline|private|internal|public|mutable|\[<[^\n]*?>\])\s+)*"
_ATTRIBUTES = r"(?:\[<[^\n]*?>\]\s*)*"
_FSHARP = Patterns(
    (
        rule("module", r"\s*" + _ATTRIBUTES + r"(?:namespace)\s+(?:rec\s+)?(?:global\b)?(?P<name>[\w.]*)", rest=True),
        rule(
            "module",
            r"\s*" + _ATTRIBUTES + r"module\s+(?:rec\s+|private\s+|internal\s+)*(?P<name>[\w.]+)\s*=?\s*(?://[^\n]*)?$",
        ),
        rule("class", r"\s*exception\s+" + _N, holds=False),
        rule(
            "interface",
            r"\s*"
            + _ATTRIBUTES
            + r"(?:type|and)\s+(?:private\s+|internal\s+|public\s+)?(?P<name>I[A-Z]\w*)(?:<[^=\n]*>)?\s*=\s*(?:interface\b[^\n]*|//[^\n]*)?\n\s*(?:///[^\n]*\n\s*)*(?:abstract|interface|inherit)\b",
        ),
        rule(
            "class",
            r"\s*"
            + _ATTRIBUTES
            + r"(?:type|and)\s+(?:\[<[^\n]*?>\]\s*)?(?:private\s+|internal\s+|public\s+)?(?P<name>(?!private\b|internal\b)[A-Z]\w*)\s*(?:<[^=\n]*>)?\s*(?:private\s*|internal\s*)?(?:\(|=\s*(?://[^\n]*)?\s*\n?\s*(?:private\s+|internal\s+)?(?:\{|class\b|struct\b))",
        ),
        rule(
            "type",
            r"\s*"
            + _ATTRIBUTES
            + r"(?:type|and)\s+(?:\[<[^\n]*?>\]\s*)?(?:private\s+|internal\s+|public\s+)?(?P<name>[A-Z]\w*)\b(?!\s*\()(?:<[^\n]*?>)?[^=\n]*=?",
        ),
        rule(
            "method",
            r"\s*"
            + _ATTRIBUTES
            + r"(?:static\s+)?(?:member|override|default|abstract(?:\s+member)?)\s+(?:val\s+)?"
            + _FSHARP_WORDS
            + r"(?:\w+\.)?"
            + _FSHARP_NAME,
        ),
        rule("method", r"\s+(?P<name>new)\s*\("),
        rule(
            "function",
            r"\s*"
            + _ATTRIBUTES
            + r"(?:let|and)\s+"
            + _FSHARP_WORDS
            + _FSHARP_NAME
            + r"(?:\s*<[^=\n]*?>)?(?:\s*\(|\s+[A-Za-z_`{\[?])",
        ),
        rule(
            "function",
            r"\s*"
            + _ATTRIBUTES
            + r"let\s+"
            + _FSHARP_WORDS
            + _FSHARP_NAME
            + r"\s*(?::[^=\n]+)?=\s*(?:fun\b|function\b)",
        ),
        rule("constant", r"\s*" + _ATTRIBUTES + r"let\s+" + _FSHARP_WORDS + _FSHARP_NAME + r"\s*(?::[^=\n]+)?="),
        rule("function", r"\s*val\s+" + _FSHARP_WORDS + _FSHARP_NAME + r"\s*:", holds=False),
    ),
    (r'"""(?:.*?)(?:"""|\Z)|\(\*(?!\)).*?(?:\*\)|\Z)|//[^\n]*|"(?:[^"\\]|\\.)*"'),
    (b"//", b"[<", b"(*"),
)
_ELM = Patterns(
    (
        rule("module", r"(?:port\s+|effect\s+)?module\s+(?P<name>[\w.]+)", holds=False),
        rule("class", r"type\s+alias\s+" + _N + r"[^=\n]*=\s*\{", holds=False),
        rule("class", r"type\s+alias\s+" + _N + r"[^=\n]*=\s*\n\s*\{", holds=False),
        rule("type", r"type\s+(?:alias\s+)?" + _N, holds=False),
        rule("function", r"port\s+" + _N + r"\s*:", holds=False),
        rule("function", r"(?P<name>[a-z]\w*)(?:\s+(?:[a-z_]\w*|\([^()\n]*\)|\{[^}\n]*\}|_))+\s*=(?!=)"),
        rule("constant", r"(?P<name>(?!type\b|module\b|import\b|port\b)[a-z]\w*)\s*=(?!=)"),
        rule(
            "function", r"(?P<name>(?!type\b|module\b|import\b|port\b)[a-z]\w*)(?:\s+[^=\n]*)?\s*\n(?=\s)[^=\n]*=\s*$"
        ),
    ),
    (r"\{-.*?(?:-\}|\Z)|--[^\n]*|" + r'"""(?:.*?)(?:"""|\Z)|"(?:[^"\\\n]|\\.)*"'),
    (b"--", b"{-"),
)
_PURESCRIPT = Patterns(
    (
        rule("module", r"module\s+(?P<name>[\w.]+)", holds=False),
        rule("class", r"(?:data|newtype)\s+" + _N, holds=False),
        rule("type", r"type\s+" + _N, holds=False),
        rule("interface", r"class\s+(?:\([^()\n]*\)\s*<=\s*|[\w\s]+<=\s*)?(?P<name>[A-Z]\w*)"),
        rule("function", r"foreign\s+import\s+(?P<name>[a-z]\w*)", holds=False),
        rule("class", r"foreign\s+import\s+data\s+(?P<name>[A-Z]\w*)", holds=False),
        rule("module", r"(?:derive\s+(?:newtype\s+)?)?instance\s+(?P<name>\w+)\s*::", holds=False),
        rule(
            "function",
            r"(?P<name>(?!infix|import\b|module\b|where\b|else\b|instance\b|derive\b)[a-z_][\w']*)\s*::",
            holds=False,
        ),
    ),
    (r"\{-.*?(?:-\}|\Z)|--[^\n]*|" + r'"""(?:.*?)(?:"""|\Z)|"(?:[^"\\\n]|\\.)*"'),
    (b"--",),
)
_COQ = Patterns(
    (
        rule("module", r"\s*(?:Module(?:\s+Type)?|Section)\s+(?:Import\s+|Export\s+)?" + _N, holds=False),
        rule("interface", r"\s*(?:\w+\s+)?Class\s+" + _N, holds=False),
        rule(
            "class",
            r"\s*(?:(?:Local|Global|Program|Polymorphic|#\[[^\]\n]*\])\s+)*(?:Record|Structure)\s+" + _N,
            holds=False,
        ),
        rule(
            "type",
            r"\s*(?:(?:Local|Global|Program|Polymorphic)\s+)*(?:Inductive|CoInductive|Variant)\s+" + _N,
            holds=False,
        ),
        rule(
            "function",
            r"\s*(?:(?:Local|Global|Program|Polymorphic|#\[[^\]\n]*\])\s+)*(?:Definition|Fixpoint|CoFixpoint|Function|Lemma|Theorem|"
            r"Corollary|Proposition|Remark|Fact|Example|Instance|Let|Equations|Ltac|Axiom|Parameter|Hypothesis)\s+(?P<name>[\w']+)",
            holds=False,
        ),
        rule("macro", r"\s*(?:(?:Local|Reserved)\s+)*Notation\s+(?P<name>\"[^\"\n]*\"|\w+)", holds=False),
    ),
    (r"\(\*.*?(?:\*\)|\Z)|\"[^\"\n]*\""),
    (b"(*",),
)
_AGDA = Patterns(
    (
        rule("module", r"\s*module\s+(?P<name>[^\s({]+)", holds=False),
        rule("class", r"\s*(?:record)\s+(?P<name>[^\s({:]+)", holds=False),
        rule("type", r"\s*(?:data)\s+(?P<name>[^\s({:]+)", holds=False),
        rule(
            "function",
            r"(?P<name>(?!open\b|import\b|private\b|infix|postulate\b|syntax\b|where\b|variable\b|mutual\b)[^\s(){};@\"]+)\s+:\s",
            holds=False,
        ),
    ),
    (r"\{-.*?(?:-\}|\Z)|--[^\n]*"),
    (b"--", b"{-"),
)
_MATHEMATICA = Patterns(
    (
        rule("module", r"(?:BeginPackage|Begin)\[\s*(?P<name>\"[^\"\n]*\")", holds=False),
        rule("function", r"(?P<name>[A-Za-z$][\w$`]*)\[[^\n]*\]\s*(?:/;[^\n]*?)?:?="),
        rule("constant", r"(?P<name>[A-Za-z$][\w$`]*)\s*:?=(?![=.])"),
    ),
    (r"\(\*.*?(?:\*\)|\Z)|" + DOUBLE_QUOTED),
    (b"(*",),
)

FUNCTIONAL: dict[str, Patterns] = {
    "agda": _AGDA,
    "coq": _COQ,
    "elm": _ELM,
    "fsharp": _FSHARP,
    "mathematica": _MATHEMATICA,
    "purescript": _PURESCRIPT,
}
"""Patterns of each language."""
