"""Patterns of style sheets and templates."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import C

__all__ = ["MARKUP"]

_N = r"(?P<name>[\w-]+)"
_ID = r"[^\n]{0,300}?<[A-Za-z][\w:-]*\b(?:[^<>]|<%[^%\n]*%>){0,500}?\s(?:xml:|android:)?id\s*=\s*[\"']?(?:@\+id/)?(?P<name>[\w.:-]+)(?=[\"'\s>/])"
_LESS = Patterns(
    (
        rule(
            "constant",
            r"\s*@(?!media\b|import\b|charset\b|plugin\b|namespace\b|supports\b|keyframes\b|font-face\b|page\b|layer\b|arguments\b|rest\b)"
            + _N
            + r"\s*:(?!:)",
        ),
        rule("function", r"\s*[.#]" + _N + r"\s*\((?=[^{}]{0,600}?\)\s*(?:when\b[^{;]*)?\{)"),
        rule("section", r"\s*@(?:-\w+-)?keyframes\s+" + _N),
        rule("section", r"\s*(?P<name>(?![@}{&])[^\s;{}:][^;{}\n]*?)\s*\{"),
    ),
    (C),
    (b"//", b"/*", b"*"),
    braces=True,
)
_SCSS = Patterns(
    (
        rule("constant", r"\$" + _N + r"\s*:"),
        rule("function", r"\s*@(?:mixin|function)\s+" + _N),
        rule("section", r"\s*@(?:-\w+-)?keyframes\s+" + _N),
        rule("section", r"\s*@layer\s+(?P<name>[\w.-]+)\s*\{"),
        rule("section", r"\s*(?P<name>(?![@}{&$])[^\s;{}/:][^;{}\n]*?)\s*\{"),
        rule("section", r"(?P<name>:root)\s*\{"),
        rule("constant", r"\s+(?P<name>--[\w-]+)\s*:", under=r"\s*:root\b"),
    ),
    C,
    (b"//", b"/*", b"*"),
    braces=True,
)
_SASS = Patterns(
    (
        rule("constant", r"\$" + _N + r"\s*:"),
        rule("function", r"\s*(?:=|@mixin\s+)" + _N, holds=False),
        rule("function", r"\s*@function\s+" + _N, holds=False),
        rule("section", r"\s*@keyframes\s+" + _N),
        rule("section", r"(?P<name>%[\w-]+)\s*$"),
        rule("section", r"(?P<name>[.#a-z*:\[>][^\n:]*(?::[\w-]+(?:\([^()\n]*\))?)*)\s*$"),
    ),
    (r"//[^\n]*|/\*.*?(?:\*/|\Z)"),
    (b"//", b"/*"),
)
_JINJA = Patterns(
    (
        rule("function", r"[^\n]*?\{%[-+]?\s*(?:macro)\s+" + _N, holds=False),
        rule("section", r"[^\n]*?\{%[-+]?\s*(?:block|embed|partialdef|slot)\s+" + _N),
        rule("constant", r"[^\n]*?\{%[-+]?\s*set\s+" + _N),
        rule("section", _ID),
    ),
    (r"\{#.*?(?:#\}|\Z)|<!--.*?(?:-->|\Z)"),
    (b"{#", b"<!--"),
)
_GO_TEMPLATE = Patterns(
    (
        rule("function", r"[^\n]*?\{\{-?\s*(?:define|block)\s+[\"`](?P<name>[^\"`\n]+)[\"`]", holds=False),
        rule("section", _ID),
    ),
    (r"\{\{-?\s*/\*.*?(?:\*/\s*-?\}\}|\Z)|<!--.*?(?:-->|\Z)"),
    (b"{{/*", b"{{- /*", b"<!--"),
)
_HANDLEBARS = Patterns(
    (
        rule("function", r"[^\n]*?\{\{[~#]*\*\s*inline\s+[\"'](?P<name>[^\"'\n]+)[\"']", holds=False),
        rule(
            "section",
            r"[^\n]*?\{\{~?#(?:block|partial|content|content-for|contentFor|extend)\s+[\"'](?P<name>[^\"'\n]+)[\"']",
        ),
        rule("section", _ID),
    ),
    (r"\{\{!--.*?(?:--~?\}\}|\Z)|\{\{!.*?(?:\}\}|\Z)|<!--.*?(?:-->|\Z)"),
    (b"{{!", b"<!--"),
)
_EMBEDDED = Patterns(
    (
        rule("function", r"[^\n]*?<%[-=]?\s*(?:def)\s+" + _N, holds=False),
        rule("section", r"[^\n]*?<%[-=]?\s*(?:content_for|block)\s*\(?\s*:?[\"']?" + _N),
        rule("section", _ID),
    ),
    (r"<%#.*?(?:%>|\Z)|<%--.*?(?:--%>|\Z)|<!--.*?(?:-->|\Z)"),
    (b"<%#", b"<!--"),
)
_XML = Patterns(
    (
        rule(
            "function",
            r"\s*<(?:target|xsl:template|template|macrodef)\b[^<>]{0,500}?\sname\s*=\s*[\"'](?P<name>[^\"'\n]+)[\"']",
            holds=False,
        ),
        rule(
            "class",
            r"\s*<(?:xs:|xsd:)?(?:element|complexType|simpleType|group|attributeGroup)\b[^<>]{0,500}?\sname\s*=\s*[\"'](?P<name>[^\"'\n]+)[\"']",
            holds=False,
        ),
        rule(
            "constant",
            r"\s*<(?:string|color|dimen|style|integer|bool|item|array|string-array|plurals|declare-styleable|attr)\b[^<>]{0,500}?\sname\s*=\s*[\"'](?P<name>[^\"'\n]+)[\"']",
        ),
        rule(
            "section",
            r"\s*<[A-Za-z_][\w:.-]*\b[^<>]{0,500}?\s(?:[\w-]+:)?(?:id|Id|ID|Key|Name)\s*=\s*[\"'](?:@\+id/)?(?P<name>[^\"'\n]+)[\"']",
        ),
    ),
    (r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)"),
    (b"<!--",),
)
_HAML = Patterns(
    (
        rule("section", r"\s*(?:%[\w:-]+)?(?:\.[\w-]+)*#(?P<name>[\w-]+)"),
        rule("section", r"\s*-\s*content_for\s+:?" + _N),
    ),
    (r"^[ \t]*-#[^\n]*"),
    (b"-#", b"/"),
)
_SLIM = Patterns(
    (
        rule("section", r"\s*(?:[a-z][\w-]*)?(?:\.[\w-]+)*#(?P<name>[A-Za-z][\w-]*)"),
        rule("section", r"\s*-\s*content_for\s+:?" + _N),
    ),
    (r"^[ \t]*/[^\n]*"),
    (b"/",),
)

MARKUP: dict[str, Patterns] = {
    "embeddedtemplate": _EMBEDDED,
    "gotemplate": _GO_TEMPLATE,
    "haml": _HAML,
    "handlebars": _HANDLEBARS,
    "heex": _EMBEDDED,
    "jinja": _JINJA,
    "less": _LESS,
    "sass": _SASS,
    "scss": _SCSS,
    "slim": _SLIM,
    "twig": _JINJA,
    "xml": _XML,
}
"""Patterns of each language."""
