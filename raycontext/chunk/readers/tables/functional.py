"""Patterns of F#, Elm, PureScript and other languages in which the left edge says what is defined."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import DOUBLE_QUOTED

__all__ = ["FUNCTIONAL"]

_N = r"(?P<name>\w+)"
_FSHARP_NAME = (
    r"(?P<name>``[^`\n]+``|\(\s*\|[^()\n]+\|\s*\)|\(\s*[^\s\w()]+\s*\)"
    r"|(?!(?:private|internal|public|rec|inline|val)\s)[A-Za-z_][\w']*)"
)
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
            r"Corollary|Proposition|Property|Remark|Fact|Example|Instance|Let|Equations|Ltac2?|Axioms?|Parameters?|Conjecture|"
            r"Hypothes[ie]s|Variables?|Context|Canonical(?:\s+Structure)?|Scheme|SubClass|Primitive)\s+"
            r"(?:\(\s*)?(?P<name>[\w']+)",
            holds=False,
        ),
        rule("function", r"\s*with\s+(?P<name>[\w']+)\s+(?:[({\w][^|\n]*)?:=", holds=False),
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
            r"(?P<name>(?!(?:open|import|private|infix[lr]?|postulate|syntax|where|variable|mutual|field|constructor|instance|pattern)\s)[^\s(){};@\"]+)\s+:\s",
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

_LEAN_WORDS = (
    r"(?:(?:@\[[^\]\n]*\]|private|protected|noncomputable|partial|unsafe|scoped|local|nonrec|public|meta)\s+)*"
)
_LEAN_NAME = r"(?P<name>«[^»\n]+»|[^\s(){}\[\]:«@\"]+)"
_LEAN = Patterns(
    (
        rule("module", r"\s*(?:namespace|section)\s+" + _LEAN_NAME + r"\s*$", holds=False),
        rule("class", r"\s*" + _LEAN_WORDS + r"structure\s+" + _LEAN_NAME, holds=False),
        rule("interface", r"\s*" + _LEAN_WORDS + r"class\s+(?:inductive\s+)?" + _LEAN_NAME, holds=False),
        rule("enum", r"\s*" + _LEAN_WORDS + r"inductive\s+" + _LEAN_NAME + r"\s+where\s*$", holds=False),
        rule("type", r"\s*" + _LEAN_WORDS + r"(?:inductive|coinductive)\s+" + _LEAN_NAME, holds=False),
        rule("type", r"\s*" + _LEAN_WORDS + r"abbrev\s+" + _LEAN_NAME, holds=False),
        rule("macro", r"\s*" + _LEAN_WORDS + r"(?:macro|syntax|elab|notation)\s+(?P<name>\"[^\"\n]+\")", holds=False),
        rule(
            "function",
            r"(?:set_option\s[^\n]*\sin\s+)?\s*"
            + _LEAN_WORDS
            + r"(?:def|theorem|lemma|example|instance|axiom|opaque|constant|irreducible_def|alias)\s+(?:\(priority[^()\n]*\)\s*)?"
            + _LEAN_NAME,
            holds=False,
        ),
    ),
    (r"/-.*?(?:-/|\Z)|--[^\n]*|" + DOUBLE_QUOTED),
    (b"--", b"/-", b"@["),
)
_IDRIS_WORDS = r"(?:(?:public\s+export|export|private|partial|total|covering|%\w+)\s+)*"
_IDRIS = Patterns(
    (
        rule("module", r"module\s+(?P<name>[\w.]+)", holds=False),
        rule("module", r"(?:namespace)\s+(?P<name>[\w.]+)", holds=False),
        rule("class", r"\s*" + _IDRIS_WORDS + r"record\s+" + _N, holds=False),
        rule("type", r"\s*" + _IDRIS_WORDS + r"data\s+" + _N, holds=False),
        rule("interface", r"\s*" + _IDRIS_WORDS + r"interface\s+(?:[^=\n]*=>\s*)?" + _N, holds=False),
        rule("module", _IDRIS_WORDS + r"(?P<name>[A-Z]\w*\s+[^=:\n]+?)\s+where\s*$", holds=False),
        rule(
            "function",
            _IDRIS_WORDS + r"(?P<name>(?!import\b|using\b|where\b)[A-Za-z_][\w']*|\([^\s\w()]+\))\s*:(?![:=])",
            holds=False,
        ),
    ),
    (r"\{-.*?(?:-\}|\Z)|--[^\n]*|\|\|\|[^\n]*|" + r'"""(?:.*?)(?:"""|\Z)|"(?:[^"\\\n]|\\.)*"'),
    (b"--", b"|||", b"{-", b"%", b"export", b"public export", b"total", b"covering", b"partial"),
)
_STANDARD_ML = Patterns(
    (
        rule("interface", r"\s*signature\s+(?P<name>[A-Za-z][\w']*)", holds=False),
        rule("module", r"\s*(?:structure|functor)\s+(?P<name>[A-Za-z][\w']*)\s*(?::|=|\()", holds=False),
        rule(
            "type",
            r"\s*(?:datatype|abstype|eqtype|type)\s+(?:(?:'\w+|\([^()\n]*\))\s+)?(?P<name>[A-Za-z][\w']*)",
            holds=False,
        ),
        rule("class", r"\s*exception\s+(?P<name>[A-Za-z][\w']*)", holds=False),
        rule("function", r"(?: {0,4}|\t)(?:fun|and)\s+(?:'\w+\s+)?(?P<name>[A-Za-z][\w']*)", holds=False),
        rule(
            "function", r"(?: {0,4}|\t)val\s+(?:rec\s+)?(?P<name>[A-Za-z][\w']*)\s*(?::[^=\n]*)?=\s*fn\b", holds=False
        ),
        rule("constant", r"(?: {0,4}|\t)val\s+(?P<name>[A-Za-z][\w']*)\s*[:=]"),
    ),
    (r"\(\*.*?(?:\*\)|\Z)|" + DOUBLE_QUOTED),
    (b"(*", b"*"),
)

FUNCTIONAL: dict[str, Patterns] = {
    "agda": _AGDA,
    "coq": _COQ,
    "elm": _ELM,
    "fsharp": _FSHARP,
    "idris": _IDRIS,
    "lean": _LEAN,
    "mathematica": _MATHEMATICA,
    "purescript": _PURESCRIPT,
    "standardml": _STANDARD_ML,
}
"""Patterns of each language."""
