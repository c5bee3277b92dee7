"""Patterns of Ada, Pascal, Fortran, COBOL and Visual Basic, whose words are the same in small and large letters."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import DASH

__all__ = ["CLASSIC"]

_N = r"(?P<name>\w+)"
_ADA = Patterns(
    (
        rule("module", r"\s*(?i:(?:private\s+)?package\s+(?:body\s+)?)(?P<name>[\w.]+)\s+(?i:is|with)\b"),
        rule("module", r"\s*(?i:(?:private\s+)?package\s+(?:body\s+)?)(?P<name>[\w.]+)\s*$"),
        rule("module", r"\s*(?i:protected\s+(?:body|type)\s+|protected\s+)(?P<name>\w+)"),
        rule("function", r"\s*(?i:task\s+(?:body|type)\s+|task\s+)(?P<name>\w+)"),
        rule(
            "function",
            r"\s*(?i:(?:not\s+)?(?:overriding\s+)?(?:procedure|function))\s+(?P<name>(?:\w+\.)*\w+|\"[^\"\n]+\")",
        ),
        rule("function", r"\s*(?i:entry)\s+" + _N, in_code=True, holds=False),
        rule(
            "class",
            r"\s*(?i:type)\s+"
            + _N
            + r"(?:\s*\([^()]*\))?\s+(?i:is\s+(?:(?:abstract|tagged|limited|null|new\s+[\w.]+\s+with)\s+)*(?:record|null\s+record|tagged|private))\b",
            holds=False,
        ),
        rule("enum", r"\s*(?i:type)\s+" + _N + r"\s+(?i:is)\s*\(", holds=False),
        rule("type", r"\s*(?i:type|subtype)\s+" + _N + r"[^\n;]*?\s(?i:is)\b"),
        rule("type", r"\s*(?i:type|subtype)\s+" + _N + r"\s*(?:;|--[^\n]*|\([^()]*\)\s*)?$"),
        rule("type", r"\s*(?i:type)\s+" + _N + r"\s*;"),
        rule("class", r"\s*" + _N + r"\s*:\s*(?i:exception)\b", holds=False),
        rule("constant", r"\s*" + _N + r"\s*:\s*(?i:constant)\b"),
    ),
    (DASH),
    (b"--", b"generic"),
    end=r"[ \t]*(?i:end)\b(?![ \t]+(?i:if|case|loop|record|select)\b)",
)
_PASCAL = Patterns(
    (
        rule("module", r"\s*(?i:unit|program|library|package)\s+(?P<name>[\w.]+)\s*(?:;|\()", holds=False),
        rule(
            "class",
            r"\s*(?i:generic\s+)?(?P<name>\w+)(?:<[^=\n]*>)?\s*=\s*(?i:packed\s+)?(?i:class|object|record|objcclass)\b(?!\s*(?i:of)\b)(?!\s*;)",
        ),
        rule(
            "interface", r"\s*(?i:generic\s+)?(?P<name>\w+)(?:<[^=\n]*>)?\s*=\s*(?i:interface|dispinterface)\b(?!\s*;)"
        ),
        rule("enum", r"(?:\s*(?i:type))?\s+(?P<name>\w+)\s*=\s*\(\s*(?:\{[^}]*\}\s*)*\w+\s*[,)=]"),
        rule(
            "type",
            r"\s+(?P<name>\w+)(?:<[^=\n]*>)?\s*=\s*(?i:\^|array\b|set\s+of|type\b|class\s+of|reference\s+to|procedure\b|function\b|packed\s+array|file\s+of|class\s*;|interface\s*;|string\b)",
        ),
        rule(
            "function",
            r"\s*(?i:(?:class\s+)?(?:procedure|function|constructor|destructor|operator))\s+(?:(?P<owner>(?:\w+(?:<[^>\n]*>)?\.)+))?(?P<name>\w+|[-+*/=<>:]+)",
        ),
        rule("constant", r"\s*(?i:(?:class\s+)?property)\s+" + _N),
        rule("type", r"\s+(?P<name>[TP][A-Z]\w*)\s*=\s*[\w.]+(?:<[^;\n]*>)?\s*;"),
        rule("constant", r"(?:\s*(?i:const|resourcestring)\s+|\s+)(?P<name>\w+)\s*(?::\s*[^=;\n]+)?=\s*[^;\n]+;"),
    ),
    (r"//[^\n]*|\{.*?(?:\}|\Z)|\(\*.*?(?:\*\)|\Z)|'(?:[^'\n]|'')*'"),
    (b"//", b"{", b"(*", b"["),
    end=r"[ \t]*(?i:end)\b",
)
_FORTRAN_TYPE = r"(?:(?:double\s+precision|(?:integer|real|complex|logical|character|type|class)(?:\s*\*\s*\(?[\d*]+\)?|\s*\([^()\n]*(?:\([^()\n]*\))?[^()\n]*\))?)\s+)"
_FORTRAN_WORDS = (
    r"(?:(?:pure|elemental|recursive|impure|module|non_recursive|attributes\s*\([^)]*\))\s+|" + _FORTRAN_TYPE + r")*"
)
_FORTRAN = Patterns(
    (
        rule(
            "module",
            r"\s*(?i:(?:module)\s+(?!procedure\b|subroutine\b|function\b)|submodule\s*\([^)]*\)\s*|program\s+|block\s*data\s+)(?P<name>\w+)\s*(?:[!;]|$)",
        ),
        rule(
            "function",
            r"\s*(?i:" + _FORTRAN_WORDS + r"(?:subroutine|function))\s+(?P<name>\w+)\s*(?:[(!&;]|\bbind\b|$)",
        ),
        rule("function", r"\s*(?i:module\s+procedure)\s+(?P<name>\w+)\s*$", holds=False),
        rule("function", r"\s*(?i:entry)\s+(?P<name>\w+)\s*\(", in_code=True),
        rule(
            "class",
            r"\s*(?i:type(?:\s*,\s*[\w()\s]+)*\s*(?:::)\s*|type\s+)(?P<name>(?!is\b)\w+)\s*(?:\([^)]*\))?\s*(?:[!;]|$)",
        ),
        rule("method", r"\s*(?i:procedure(?:\s*\([^)]*\))?(?:\s*,\s*[\w()]+)*\s*::)\s*(?P<name>\w+)"),
        rule(
            "method",
            r"\s*(?i:generic(?:\s*,\s*\w+)*\s*::)\s*(?P<name>(?i:operator|assignment|read|write)\s*\([^)\n]*\)|\w+)",
        ),
        rule(
            "interface",
            r"\s*(?i:(?:abstract\s+)?interface)\s+(?P<name>(?i:operator|assignment|read|write)\s*\([^)\n]*\)|\w+)",
            holds=False,
        ),
        rule("constant", r"\s*(?i:[\w()=*\s]+(?:,\s*\w+(?:\([^)]*\))?)*,\s*parameter[\w,()\s:]*::)\s*(?P<name>\w+)"),
    ),
    (r"![^\n]*|^[cC*][^\n]*|" + r'"[^"\n]*"|' + r"'[^'\n]*'"),
    (b"!", b"C", b"c", b"*"),
    end=r"[ \t]*(?i:end)(?:[ \t]*(?i:module|submodule|program|subroutine|function|type|block[ \t]*data|procedure)\b|[ \t]*(?:!|$))",
)
_COBOL_WORDS = r"(?!(?:EXIT|STOP|GOBACK|CONTINUE|END-\w+|END|DISPLAY|ACCEPT|EJECT|SKIP\d|ELSE|FD|SD|PROCEDURE|DATA|ENVIRONMENT|IDENTIFICATION|DECLARATIVES|COPY|FILE-CONTROL|I-O-CONTROL|SOURCE-COMPUTER|OBJECT-COMPUTER|SPECIAL-NAMES|AUTHOR|INSTALLATION|DATE-WRITTEN|DATE-COMPILED|SECURITY|REMARKS|REPOSITORY)\b[ \t]*[.])"
_COBOL = Patterns(
    (
        rule(
            "module",
            r"(?:[^\n]{6}[ \t]+|[ \t]*)(?i:PROGRAM-ID|CLASS-ID|FUNCTION-ID|INTERFACE-ID)[ \t]*\.?\s*(?P<name>[\w-]+|\"[^\"\n]+\"|'[^'\n]+')",
            holds=False,
        ),
        rule(
            "section",
            r"(?:[\d ]{6}[ \t]|[ \t]{0,11})(?i:(?P<name>(?:WORKING-STORAGE|FILE|LINKAGE|LOCAL-STORAGE|INPUT-OUTPUT|CONFIGURATION|SCREEN|REPORT|COMMUNICATION))[ \t]+SECTION)[ \t]*\.",
        ),
        rule(
            "function",
            r"(?:[\d ]{6}[ \t]|[ \t]{0,11})(?P<name>[A-Za-z0-9][\w-]*)[ \t]+(?i:SECTION)(?:[ \t]+\d+)?[ \t]*\.",
            holds=False,
        ),
        rule(
            "function",
            r"(?:[\d ]{6}[ \t]|[ \t]{0,7}|\t)(?i:"
            + _COBOL_WORDS
            + r")(?P<name>[A-Za-z0-9][\w-]*[A-Za-z][\w-]*|\d[\w-]*-[\w-]*)[ \t]*\.[ \t]*(?:$|\r)",
            holds=False,
        ),
        rule("class", r"(?:[^\n]{6}[ \t]+|[ \t]*)(?i:FD|SD)[ \t]+(?P<name>[\w-]+)", holds=False),
        rule("constant", r"(?:[\d ]{6}[ \t]+|[ \t]*)(?:0?1|77|78)[ \t]+(?P<name>(?!(?i:FILLER)\b)[A-Za-z0-9][\w-]*)"),
    ),
    (r"^.{6}[*/][^\n]*|\*>[^\n]*|^[*][^\n]*"),
    (b"*",),
)
_VB_WORDS = r"(?:(?:public|private|friend|protected|shared|overrides|overridable|mustoverride|notoverridable|overloads|shadows|async|iterator|partial|default|readonly|writeonly|static|declare|mustinherit|notinheritable|widening|narrowing|withevents|custom|ptrsafe|unicode|ansi|auto)\s+)*"
_VB_NAME = r"(?P<name>\[?\w+\]?)"
_VB = Patterns(
    (
        rule("module", r"\s*(?i:namespace)\s+(?P<name>[\w.]+)"),
        rule("interface", r"\s*(?i:" + _VB_WORDS + r"interface)\s+" + _VB_NAME),
        rule("enum", r"\s*(?i:" + _VB_WORDS + r"enum)\s+" + _VB_NAME),
        rule("class", r"\s*(?i:" + _VB_WORDS + r"(?:class|structure))\s+" + _VB_NAME),
        rule("class", r"\s*(?i:(?:public\s+|private\s+)?type)\s+" + _VB_NAME + r"\s*(?:'|$|\r)"),
        rule("module", r"\s*(?i:" + _VB_WORDS + r"module)\s+" + _VB_NAME),
        rule("type", r"\s*(?i:" + _VB_WORDS + r"delegate\s+(?:sub|function))\s+" + _VB_NAME),
        rule("method", r"\s*(?i:" + _VB_WORDS + r"operator)\s+(?P<name>[-+*/\\^&=<>]+|\w+)"),
        rule("constant", r"\s*(?i:" + _VB_WORDS + r"(?:property(?:\s+[gls]et)?|event))\s+" + _VB_NAME),
        rule(
            "function",
            r"\s*(?i:"
            + _VB_WORDS
            + r"(?:sub|function))\s+"
            + _VB_NAME
            + r"(?=\s*(?:[(':]|$|\r|(?i:lib|handles|as)\b))",
        ),
        rule("constant", r"\s*(?i:(?:(?:public|private|friend|protected|global|shared)\s+)*const)\s+" + _VB_NAME),
        rule(
            "constant",
            r"\s*(?i:(?:public|private|friend|protected|global|dim)\s+(?:(?:shared|readonly|withevents|shadows)\s+)*)(?P<name>\w+)(?:\([^)]*\))?\s+(?i:as)\b",
        ),
        rule("constant", r"#(?i:const)\s+" + _VB_NAME),
    ),
    (r"'[^\n]*|\"(?:[^\"\n]|\"\")*\""),
    (b"'", b"<", b"Rem", b"Attribute"),
    end=r"[ \t]*(?i:end)[ \t]+(?i:namespace|interface|enum|class|structure|module|property|sub|function|operator|event|type)\b",
    methods_in_modules=False,
)

CLASSIC: dict[str, Patterns] = {
    "ada": _ADA,
    "cobol": _COBOL,
    "fortran": _FORTRAN,
    "pascal": _PASCAL,
    "vb": _VB,
}
"""Patterns of each language."""
