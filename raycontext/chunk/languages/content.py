"""Languages told from the content of a file, where several languages share an extension.

Comments and strings say nothing about a language, so that the signs of C are looked for without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["BY_CONTENT", "UNKNOWN"]

UNKNOWN = "text"
"""Language of a file that is not recognised."""

Choice = Callable[[bytes], str]
"""Function of the first bytes of a file that returns its language."""

_C_COMMENT = re.compile(rb"/\*.*?(?:\*/|\Z)|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_CPP = re.compile(
    rb"^[ \t]*(?:class|namespace)[ \t]+\w[\w: <>,]*\s*(?:final\s*)?(?:[:{]|$)|^[ \t]*template\s*<"
    rb"|^[ \t]*(?:using[ \t]+(?:namespace\b|\w+[ \t]*=|\w+::)|constexpr\b|inline\s+namespace\b|(?:public|private|protected)\s*:)"
    rb"|\bstd::|^[ \t]*#[ \t]*include\s*<(?:string|vector|memory|map|utility|cstd\w+|type_traits|functional|iostream"
    rb"|array|atomic|optional|unordered_\w+|algorithm|chrono|tuple|mutex|thread)>"
    rb"|\boperator\s*(?:[-+*/=<>!&|\[(]|new\b|delete\b|bool\b)|\bvirtual\s+(?:~?\w)|\)\s*(?:const\s*)?noexcept\b|[A-Za-z_]\w*::~?\w"
    rb"|^[ \t]*(?:class|friend class)[ \t]+\w+[ \t]*;",
    re.MULTILINE,
)
_CPP_GUARD = re.compile(
    rb"^[ \t]*#[ \t]*if(?:def[ \t]+|[ \t]+defined[ \t]*\(?[ \t]*)__cplusplus\b.*?(?:^[ \t]*#[ \t]*(?:else|endif)\b|\Z)",
    re.M | re.S,
)
_OBJC = re.compile(
    rb"^[ \t]*(?:@(?:interface|implementation|protocol|class|import|property|end|synthesize|autoreleasepool)\b|#[ \t]*import\b)",
    re.M,
)


def _without_comments(head: bytes) -> bytes:
    """Return source code of C without comments and strings."""
    return _C_COMMENT.sub(b" ", head)


def _header(head: bytes) -> str:
    """Return the language of a `.h` file: C, C++ or Objective-C. What is for `__cplusplus` alone does not count."""
    code = _without_comments(head)
    if _OBJC.search(code):
        return "objc"
    # `extern "C"` and the like behind `#ifdef __cplusplus` stand in headers of C.
    return "cpp" if _CPP.search(_CPP_GUARD.sub(b"", code)) else "c"


def _scored(*languages: tuple[str, str], otherwise: str = UNKNOWN) -> Choice:
    """Return a function that chooses the language whose pattern matches most often, the first one among equals."""
    patterns = [(language, re.compile(pattern.encode(), re.MULTILINE)) for language, pattern in languages]

    def choose(head: bytes) -> str:
        best, most = otherwise, 0
        for language, pattern in patterns:
            count = sum(1 for _ in pattern.finditer(head))
            if count > most:
                best, most = language, count
        return best

    return choose


def _if(pattern: str, language: str, otherwise: str = UNKNOWN, flags: int = 0) -> Choice:
    """Return a function that chooses `language` where a pattern occurs, else `otherwise`."""
    compiled = re.compile(pattern.encode(), re.MULTILINE | flags)

    def choose(head: bytes) -> str:
        return language if compiled.search(head) else otherwise

    return choose


_MATLAB = r"^[ \t]*(?:%|function\b|classdef\b|end\b)|^[ \t]*\w+[ \t]*=[^\n]*;[ \t]*$"
_VERILOG = r"^[ \t]*(?:module\s+\w+\s*(?:#|\(|;)|endmodule|always\s*@|assign\s|reg\s|wire\s|input\s|output\s|`(?:timescale|define|include|ifdef))"
_COQ = r"^[ \t]*(?:Require\s|Theorem\s|Lemma\s|Definition\s|Inductive\s|Fixpoint\s|Proof\b|Qed\.|Section\s|Module\s+\w+\.|End\s+\w+\.|From\s+\w+\s+Require)"
_V = r"^(?:module\s+\w+$|import\s+[\w.]+$|(?:pub\s+)?(?:fn|struct|enum|interface|type|const)\s)|^\s+mut\s+\w+\s*:=|\bprintln\("
_PASCAL = r"(?i)^[ \t]*(?:unit\s+[\w.]+\s*;|program\s+\w+|begin\b|end\s*[.;]|uses\s|procedure\s|function\s|implementation\b|interface$|var$|type$)|^[ \t]*\{\$|:="
_PUPPET = r"^[ \t]*(?:class\s+[\w:]+[^;]*\{|define\s+[\w:]+|node\s|include\s+[\w:]+$|\$\w+\s*=|\}?\s*(?:file|package|service|exec|user)\s*\{)|=>|^[ \t]*#"
_LISP = r"^[ \t]*\(|^[ \t]*;;"
_OPENCL = r"\b__kernel\b|\bkernel\s+void\b|\bget_global_id\b|^[ \t]*#[ \t]*(?:define|include|pragma|if)|[;{}][ \t]*$"
_RAKU = r"^[ \t]*(?:use\s+v6\b|unit\s+(?:module|class|role)|(?:multi|proto)\s+(?:sub|method)\s|grammar\s+\w|has\s+[\w:]*\s*[$@%][.!]|plan\s+\d+;|class\s+[\w:]+\s*(?:is\s+\w+\s*)?\{)|^#!.*\b(?:perl6|raku)\b"
_PROLOG = r"^\s*:-|^[a-z]\w*\([^\n]*\)\s*:-|^[a-z]\w*(?:\([^\n]*\))?\s*\.[ \t]*$|^%"
_PERL = r"^[ \t]*(?:use\s+[\w:.]+|my\s+[$@%(]|#!.*perl|package\s+\w|sub\s+\w+|require\s+['\"\w]|our\s+[$@%]|=(?:head|pod|cut))|[$@%]\w+(?:\{|->|\[)|;[ \t]*$"
_MATHEMATICA = r"^\(\*|:=|\bBeginPackage\[|\b[A-Z]\w+\[[^\n]*\]|^[ \t]*\w+\[\w+_"
_PHP = r"<\?(?:php|=)?\s"
_HTML = r"<!DOCTYPE\s+html|<(?:html|body|div|table|form|head|p|span|ul|a)\b"
_SQL = r"(?i)^[ \t]*(?:create|insert|select|update|drop|alter)\s+\w"
_MAKE = r"^[\w.$()/%-]+[ \t]*:(?!=)|^[\w.]+[ \t]*[:?+]?=|^\t"
_ASSEMBLER = r"^[ \t]*(?:\.(?:text|globl?|section|align|file|type|macro|equ|byte|word)\b|%(?:macro|define|include|ifdef)\b|[.\w$]+:|(?:mov|push|pop|jmp|call|ret|lda|sta)\b)"
_GO_TEMPLATE = r"\{\{-?\s*(?:define|template|include|if|range|with|end|block|/\*|\.|\$)"
_SMARTY = r"\{(?:\$\w|foreach\b|include\b|if\b|\*|assign\b|block\b|literal\b|/if|extends\b)"
_JINJA = r"\{%|\{\{\s*\w"


def _inc(head: bytes) -> str:
    """Return the language of an `.inc` file, a piece that some other file includes."""
    if re.search(_PHP.encode(), head):
        return "php"
    code = _without_comments(head)
    if re.search(rb"^[ \t]*#[ \t]*(?:include|define|ifdef|ifndef|pragma)\b", code, re.M):
        return "cpp" if _CPP.search(code) else "c"
    choice = _INC(head)
    if choice == UNKNOWN and re.search(rb"[;{}][ \t]*$", code, re.M):
        return "cpp" if _CPP.search(code) else "c"
    return choice


_INC = _scored(
    ("pascal", _PASCAL.removesuffix("|:=")),
    ("asm", _ASSEMBLER),
    ("sql", _SQL),
    ("bitbake", r"^(?:inherit|require)\s|^[A-Z][A-Z0-9_]*(?:[:_/][\w/${}-]+)*\s*(?:\?\??|[:+.])?=[+.]?\s*\""),
    ("html", _HTML),
    ("make", r"^[\w.]+[ \t]*[:?+]?=|^ifeq|^endif"),
)


def _m_file(head: bytes) -> str:
    """Return the language of a `.m` file: Objective-C, MATLAB or Mathematica."""
    if _OBJC.search(head):
        return "objc"
    if re.search(rb"^[ \t]*\(\*|\bBeginPackage\[|^[ \t]*\w+\[[^\n]*_[^\n]*\][ \t]*:=", head, re.M):
        return "mathematica"
    if re.search(rb"^[ \t]*#[ \t]*(?:include|define|ifdef)\b|^[ \t]*//|/\*", head, re.M):
        return "objc"
    if re.search(_MATLAB.encode(), head, re.M):
        return "matlab"
    return "objc" if re.search(rb"[;{}][ \t]*$", head, re.M) else UNKNOWN


def _cls(head: bytes) -> str:
    """Return the language of a `.cls` file: Visual Basic, Apex or LaTeX."""
    if re.search(rb"(?i)^[ \t]*(?:VERSION\s+[\d.]+\s+CLASS|Attribute\s+VB_)", head, re.M):
        return "vb"
    if re.search(rb"(?i)\b(?:public|global|private)\b[^\n]*\bclass\b", head):
        return "apex"
    return "latex" if re.search(rb"^[ \t]*(?:\\[A-Za-z@]+|%)", head, re.M) else UNKNOWN


def _ts_file(head: bytes) -> str:
    """Return the language of a `.ts` file: TypeScript, or XML for a translation file of Qt."""
    return "xml" if re.search(rb"<!DOCTYPE TS|<TS\b", head) else "typescript"


def _unless_xml(language: str) -> Choice:
    """Return a function that chooses `language`, but XML for a file that begins as XML does."""

    def choose(head: bytes) -> str:
        return "xml" if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<map ", b"<tileset ")) else language

    return choose


def _raku_or(otherwise: Choice) -> Choice:
    """Return a function that chooses Raku where a file says so, else what another function chooses."""
    certain = re.compile(
        rb"^[ \t]*(?:use\s+v6\b|unit\s+(?:module|class|role|sub)\b|(?:module|role|grammar)\s+[\w:-]+\s*\{|module\s+[\w:]+\s*;)"
        rb"|\bft=(?:perl6|raku)\b|\)\s*is\s+export\b",
        re.MULTILINE,
    )

    def choose(head: bytes) -> str:
        return "raku" if certain.search(head) else otherwise(head)

    return choose


def _d_file(head: bytes) -> str:
    """Return the language of a `.d` file: D, Make for what a compiler lists, or none for a script of DTrace."""
    if re.match(rb"(?:[ \t]*#[^\n]*\n|\s)*[\w+-]*[./][\w./+-]*\s*:(?:\s*\\\r?\n)?[ \t]*[\w./+-]", head):
        return "make"
    if re.search(
        rb"^[ \t]*(?:#pragma[ \t]+D\b|[\w*$]*:[\w*]*:[\w*]*:[\w*]+|BEGIN[ \t]*$|provider\s+\w+\s*\{)", head, re.M
    ):
        return UNKNOWN
    return "d" if re.search(rb"[;{}][ \t]*\r?$", head, re.M) else UNKNOWN


_TEMPLATE = _scored(("gotemplate", _GO_TEMPLATE), ("html", _SMARTY), ("php", _PHP), ("jinja", _JINJA), ("html", _HTML))

BY_CONTENT: dict[str, Choice] = {
    "as": _if(r"^[ \t]*(?:package\b|class\b|public\b|import\s+flash|function\b)", "actionscript"),
    "asp": _if(r"(?i)<%@?\s*language\s*=\s*[\"']?(?:vbscript|javascript)|\bdim\b", "vb", "html"),
    "bas": _if(r"(?i)^[ \t]*(?:sub|function|dim|public|private|attribute|end\s+sub|option)\b", "vb"),
    "cl": _scored(("commonlisp", _LISP), ("c", _OPENCL), otherwise="commonlisp"),
    "cls": _cls,
    "d": _d_file,
    "bb": _scored(
        (
            "bitbake",
            r"^(?:inherit|require|SUMMARY|DESCRIPTION|LICENSE|SRC_URI|DEPENDS|do_\w+|[A-Z_]+(?:[:_]\w+)*\s*\??\??=)",
        ),
        ("clojure", r"^[ \t]*\((?:ns|def\w*|require|let|println)\b|^#!.*\bbb\b"),
    ),
    "gs": _scored(
        ("glsl", r"^[ \t]*(?:#version|#extension|layout\s*\(|uniform\s|in\s+vec|precision\s)"),
        ("javascript", r"^[ \t]*(?:function\s+\w+\s*\([^\n]*\{|(?:var|let|const)\s+\w+\s*=)"),
    ),
    "es": _scored(
        ("javascript", r"^[ \t]*(?:import|export|const|let|var|function|class)\s"), ("erlang", r"^[ \t]*%|^-\w+\(")
    ),
    "frm": _if(r"(?i)^[ \t]*(?:VERSION\s|Begin\s+VB|Attribute\s+VB)", "vb"),
    "fs": _scored(
        ("fsharp", r"^[ \t]*(?:module|namespace|let|open|type|member)\s|->"),
        ("glsl", r"^[ \t]*(?:#version|precision|uniform|varying|void\s+main|layout|in\s|out\s)|;[ \t]*$"),
        otherwise="fsharp",
    ),
    "h": _header,
    "hh": _if(r"<\?hh\b", "hack", "cpp"),
    "inc": _inc,
    "m": _m_file,
    "mod": _if(r"^module\s+\S+", "gomod"),
    "mm": _unless_xml("objc"),
    "php": _if(r"\A\s*<\?hh\b", "hack", "php"),
    "pm": _raku_or(_scored(("perl", _PERL), ("raku", _RAKU), otherwise="perl")),
    "pl": _raku_or(_scored(("perl", _PERL), ("prolog", _PROLOG), ("raku", _RAKU), otherwise="perl")),
    "pp": _scored(("puppet", _PUPPET), ("pascal", _PASCAL), otherwise="puppet"),
    "pro": _scored(("prolog", r"^\s*:-|^\w+\(.*\)\s*:-"), ("make", r"^[ \t]*[A-Z]\w*\s*[-+*~]?=|^\w+\s*\{")),
    "rs": _unless_xml("rust"),
    **{
        section: _if(r"^[.'](?:\\\"|TH\b|SH\b|Dd\b)", "roff")
        for section in ("1", "2", "3", "4", "5", "6", "7", "8", "man", "n")
    },
    "r": _if(r"^REBOL\b", UNKNOWN, "r"),
    "sc": _if(r"^[ \t]*(?:object|class|def|val|import|package|trait)\s", "scala"),
    "t": _raku_or(_scored(("perl", r"^[ \t]*(?:use\s+[\w:]+|my\s+[$@%(]|#!.*perl|package\s+\w)"), ("raku", _RAKU))),
    "trigger": _if(r"(?i)^[ \t]*trigger\s+\w+\s+on\s+\w+", "apex"),
    "tpl": _TEMPLATE,
    "ts": _ts_file,
    "tsx": _unless_xml("tsx"),
    "typ": _unless_xml("typst"),
    "ui": _if(r"\A\s*<[?!A-Za-z]", "xml"),
    "vba": _if(r"^\"\s*Vimball|^UseVimball\b", "vim", "vb"),
    "vsh": _if(r"^[ \t]*#(?:version|if|define)|\bgl_Position\b|^[ \t]*(?:attribute|varying|uniform)\s", "glsl", "v"),
    "v": _scored(("verilog", _VERILOG), ("coq", _COQ), ("v", _V), otherwise="verilog"),
}
"""Languages by extension (lower case, without the dot), where the content decides."""
