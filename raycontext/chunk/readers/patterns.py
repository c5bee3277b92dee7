"""Reader of languages whose grammars are missing or poor. Patterns find the lines that begin definitions."""

from __future__ import annotations

import re
from collections.abc import Callable

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit
from raycontext.models import ChunkKind

__all__ = ["PATTERN_LANGUAGES", "pattern_outline"]

_Patterns = tuple[tuple[ChunkKind, re.Pattern[bytes]], ...]


def _patterns(**by_kind: str) -> _Patterns:
    """Compile a pattern for each kind of definition. The last group that matches is the name."""
    return tuple((ChunkKind(kind), re.compile(text.encode())) for kind, text in by_kind.items())


_GROOVY_MODIFIERS = r"(?:(?:public|private|protected|static|final|abstract|synchronized)\s+)*"

_LANGUAGES: dict[str, _Patterns] = {
    "asciidoc": _patterns(section=r"={1,6}[ \t]+(\S[^\r\n]*)"),
    "awk": _patterns(function=r"func(?:tion)?\s+(\w+)"),
    "batch": _patterns(function=r"[ \t]*:(\w[\w.-]*)"),
    "coffeescript": _patterns(
        **{"class": r"\s*(?:module\.exports\s*=\s*)?class\s+([\w.]+)", "function": r"(?:  )?@?(\w+)\s*[:=].*[-=]>"}
    ),
    "crystal": _patterns(
        **{
            "class": r"\s*(?:abstract\s+)?(?:class|struct|enum|lib)\s+([\w:]+)",
            "module": r"\s*module\s+([\w:]+)",
            "macro": r"\s*macro\s+(\w+)",
            "function": r"\s*(?:private\s+|protected\s+|abstract\s+)*def\s+(?:self\.)?([\w?!=<>+*/\[\]-]+)",
        }
    ),
    "diff": _patterns(section=r"(?:diff --git a/\S+ b/|\+\+\+ b/|Index: )(\S+)"),
    "dockerfile": _patterns(section=r"(?i:FROM)\s+(?:\S+\s+(?i:AS)\s+)?(\S+)"),
    "gherkin": _patterns(
        section=r"\s*Feature:\s*(\S[^\r\n]*)", test=r"\s*(?:Scenario(?: Outline)?|Rule):\s*(\S[^\r\n]*)"
    ),
    "groovy": _patterns(
        **{
            "class": r"\s*" + _GROOVY_MODIFIERS + r"(?:class|interface|enum|trait)\s+(\w+)",
            "function": r"(?: {0,4}|\t)" + _GROOVY_MODIFIERS + r"(?:def|void|[A-Z]\w*(?:<[^>]*>)?|int|boolean|long)"
            r"\s+(\w+)\s*\([^;=]*$",
            "constant": r"(?:task|stage|pipeline|plugins|dependencies|android|repositories)\b\s*\(?['\"]?(\w*)",
        }
    ),
    "hcl": _patterns(
        section=r'(?:resource|data)\s+"[^"]+"\s+"([^"]+)"',
        module=r'(?:module|provider)\s+"([^"]+)"',
        constant=r'(?:variable|output)\s+"([^"]+)"|(locals|terraform)\s*\{',
    ),
    "latex": _patterns(section=r"\s*\\(?:part|chapter|(?:sub)*section|paragraph)\*?\{([^}\r\n]+)"),
    "nim": _patterns(
        function=r"(?:proc|func|method|iterator|converter)\s+`?([\w=+*/<>$-]+)`?",
        macro=r"(?:template|macro)\s+`?(\w+)",
        type=r"  ([A-Z]\w*)\*?(?:\[[^\]]*\])?\s*(?:\{\.[^}]*\.\}\s*)?=",
    ),
    "org": _patterns(section=r"\*+[ \t]+(\S[^\r\n]*)"),
    "perl": _patterns(
        module=r"[ \t]*(?:package|class|role)\s+([A-Za-z_][\w:']*)",
        function=r"[ \t]*(?:(?:my|our|async)\s+)?(?:sub|method|fun)\s+([A-Za-z_][\w:']*)",
        section=r"=head\d\s+(\S[^\r\n]*)",
        constant=r"use\s+constant\s+(\w+)|(?:has|our|my)\s+['\"(]*[$@%]?(\w+)",
    ),
    "prolog": _patterns(function=r"([a-z]\w*)\(.*(?::-|\.)\s*$"),
    "raku": _patterns(
        **{
            "class": r"\s*(?:unit\s+)?(?:class|role|grammar)\s+([\w:-]+)",
            "function": r"\s*(?:multi\s+)?(?:sub|method|token|rule|regex)\s+([\w:-]+)",
        }
    ),
    "roff": _patterns(section=r"\.S[HS][ \t]+\"?([^\"\r\n]+)"),
    "tcl": _patterns(
        function=r"\s*(?:proc|method)\s+(\S+)", test=r"\s*test\s+\{?([^{}\r\n]+)\}?\s", module=r"namespace eval\s+(\S+)"
    ),
    "thrift": _patterns(
        **{
            "class": r"(?:struct|exception|union)\s+(\w+)",
            "interface": r"service\s+(\w+)",
            "enum": r"enum\s+(\w+)",
            "type": r"typedef\s+.*\s(\w+)\s*$",
            "constant": r"const\s+\S+\s+(\w+)",
        }
    ),
    "vb": _patterns(
        **{
            "class": r"(?i)\s*(?:(?:public|private|friend|partial)\s+)*(?:class|structure|module)\s+(\w+)",
            "function": r"(?i)\s*(?:(?:public|private|friend|protected|shared|overrides)\s+)*"
            r"(?:sub|function|property(?:\s+[gls]et)?)\s+(\w+)",
        }
    ),
}

PATTERN_LANGUAGES: tuple[str, ...] = tuple(sorted(_LANGUAGES))
"""Languages that `pattern_outline` can read."""

_COMMENT = (b"#", b"//", b"--", b";", b"*", b"/*", b"'", b"%", b"@")


def pattern_outline(language: str) -> Callable[[Lines], tuple[list[Unit], list[Draft]]]:
    """Return the reader of one of `PATTERN_LANGUAGES`. Raises `KeyError` for any other language.

    A unit reaches from a definition, with the comment above it, to the next definition.
    """
    patterns = _LANGUAGES[language]

    def read(lines: Lines) -> tuple[list[Unit], list[Draft]]:
        units: list[Unit] = []
        drafts: list[Draft] = []
        outer = ""  # name of the class or module around; a smaller indentation ends it
        outer_indent = 0
        for row in range(len(lines)):
            text = lines.start_of(row)
            if not text.strip():
                continue
            for kind, pattern in patterns:
                match = pattern.match(text)
                if match is None:
                    continue
                name = (match[match.lastindex or 0] or b"").decode("utf-8", "ignore").strip()
                indent = lines.indent(row)
                if indent <= outer_indent:
                    outer = ""
                first = _with_comments(lines, row, units[-1].first + 1 if units else 0)
                if units:
                    units[-1].last = first - 1
                depth = 1 if outer else 0
                unit = Unit(first, len(lines) - 1, None, Level(f"{outer} > {name}" if outer else name, depth))
                unit.defines = True
                units.append(unit)
                if name:
                    own = ChunkKind.METHOD if outer and kind is ChunkKind.FUNCTION else kind
                    drafts.append(Draft(name, own, row, outer, unit, depth, type_like=kind is ChunkKind.MODULE))
                if kind in (ChunkKind.CLASS, ChunkKind.MODULE) and not outer:
                    outer, outer_indent = name, indent
                break
        return units, drafts

    return read


def _with_comments(lines: Lines, row: int, lowest: int) -> int:
    """Return the first row of the comment directly above `row`, else `row`. The result is not below `lowest`."""
    while row > lowest and lines.row(row - 1).lstrip().startswith(_COMMENT):
        row -= 1
    return row
