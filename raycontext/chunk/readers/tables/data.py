"""Patterns of schemas, build files, documents and queries."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import DOUBLE_QUOTED, HASH, C

__all__ = ["DATA"]

_N = r"(?P<name>\w+)"
_STRING = r"(?:\"[^\"\n]*\"|'[^'\n]*')"
_SQL_WORDS = (
    r"(?:\s+or\s+(?:replace|alter))?(?:\s+(?:global|local|temp|temporary|unlogged|external|foreign|unique|clustered"
    r"|nonclustered|bitmap|fulltext|spatial|materialized|recursive|force|noforce|editionable|noneditionable|aggregate"
    r"|constraint|event|virtual|secure|transient|definer\s*=\s*\S+|sql\s+security\s+\w+|algorithm\s*=\s*\w+))*\s+"
)
_IF = r"(?:\s+(?i:if\s+not\s+exists|concurrently))*\s+"
_SQL_PART = r"(?:\[[^\]\n]+\]|\"[^\"\n]+\"|`[^`\n]+`|[A-Za-z_#@$]\w*)"
_SQL_NAME = r"(?P<scope>(?:" + _SQL_PART + r"\s*\.\s*)*)(?P<name>" + _SQL_PART + r")"


def _create(words: str, *, verb: str = "create") -> str:
    """Return the pattern of `CREATE … word name` for some words."""
    return rf"\s*(?i:{verb}{_SQL_WORDS}(?:{words}))" + _IF + _SQL_NAME


_SQL = Patterns(
    (
        rule("module", _create(r"package(?:\s+body)?|schema(?!\s+authorization)|database")),
        rule("class", _create("table|view"), holds=False),
        rule(
            "function",
            _create(
                r"function|procedure|proc|trigger|aggregate|macro|rule|event(?!\s+trigger)", verb="(?:create|alter)"
            ),
        ),
        rule("type", _create(r"type(?:\s+body)?|domain"), holds=False),
        rule("constant", _create("index|sequence|role|user|synonym|policy|publication|server|tablespace")),
        rule(
            "function",
            r"\s*(?i:(?:(?:member|static|constructor|overriding|map|order)\s+)?(?:procedure|function))\s+(?P<name>"
            + _SQL_PART
            + r")(?=\s*(?:\(|(?i:is|as|return)\b|;|$))",
        ),
        rule("type", r"\s+(?i:type|subtype)\s+" + _N + r"\s+(?i:is)\b"),
        rule("class", r"\s+" + _N + r"\s+(?i:exception)\s*;", holds=False),
        rule("constant", r"\s+" + _N + r"\s+(?i:constant)\s"),
        rule("function", r"\s+(?i:cursor)\s+" + _N, holds=False),
        rule("section", r"--\s*(?:name)\s*:\s*(?P<name>\w+)", in_comment=True),
    ),
    # `DELIMITER $$` of MySQL opens no string, and `END$$` closes none.
    (
        r"--[^\n]*|/\*.*?(?:\*/|\Z)|^[ \t]*(?i:delimiter)\b[^\n]*|(?<![\w;)])(?<!(?i:end)[ ])"
        r"(?P<dollar>\$\w*\$).*?(?:(?P=dollar)|\Z)|'(?:[^']|'')*'|\"[^\"\n]*\""
    ),
    (b"--", b"/*"),
)
_PRISMA = Patterns(
    (
        rule("enum", r"\s*enum\s+" + _N + r"\s*\{"),
        rule("class", r"\s*(?:model|view)\s+" + _N + r"\s*\{"),
        rule("type", r"\s*type\s+" + _N + r"\s*[={]"),
        rule("constant", r"\s*(?:datasource|generator)\s+" + _N + r"\s*\{"),
    ),
    (C),
    (b"//",),
    braces=True,
)
_JSONNET = Patterns(
    (
        rule("function", r"\s*local\s+" + _N + r"\s*(?:\(|=\s*function\b)", holds=False),
        rule("constant", r"\s*local\s+" + _N + r"\s*=(?!=)"),
        rule(
            "function",
            r"\s*(?P<name>[A-Za-z_]\w*|" + _STRING + r")\s*\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)\s*:{1,3}",
            holds=False,
        ),
        rule("function", r"\s*(?P<name>[A-Za-z_]\w*|" + _STRING + r")\s*:{1,3}\s*function\b", holds=False),
        rule("constant", r"(?: {0,4}|\t{0,2})(?P<name>[A-Za-z_]\w*|" + _STRING + r")\s*\+?:{1,3}(?!:)"),
    ),
    (r"\|\|\|.*?(?:\|\|\||\Z)|#[^\n]*|" + C),
    (b"//", b"#", b"/*", b"*"),
)
_MESON = Patterns(
    (
        rule(
            "module",
            r"(?:\s*\w+\s*=\s*)?\s*(?:project|executable|(?:static_|shared_|both_|)library|shared_module|build_target|jar|custom_target|run_target|alias_target|dependency_target)\s*\(\s*\n?\s*(?P<name>"
            + _STRING
            + r")",
            holds=False,
        ),
        rule("test", r"\s*(?:test|benchmark)\s*\(\s*(?P<name>" + _STRING + r")", holds=False),
        rule("constant", r"\s*option\s*\(\s*\n?\s*(?P<name>" + _STRING + r")"),
        rule("constant", _N + r"\s*\+?=(?!=)"),
    ),
    (r"'''.*?(?:'''|\Z)|" + HASH),
    (b"#",),
)
_DOCKERFILE = Patterns(
    (
        rule("section", r"\s*(?i:FROM)\s+(?:--\S+\s+)*\S+\s+(?i:AS)\s+(?P<name>\S+)"),
        rule("section", r"\s*(?i:FROM)\s+(?:--\S+\s+)*(?P<name>[^\s#]+)"),
        rule("constant", r"(?i:ARG|ENV)\s+" + _N),
    ),
    (r"^[ \t]*#[^\n]*|<<-?[\"']?(?P<marker>\w+)[\"']?[^\n]*\n.{0,20000}?^\s*(?P=marker)$"),
    (b"#",),
)
_GHERKIN = Patterns(
    (
        rule("section", r"\s*(?:Feature|Background|Funktionalität|Fonctionnalité):[ \t]*(?P<name>\S[^\r\n]*)"),
        rule(
            "test",
            r"\s*(?:Scenario(?: Outline| Template)?|Example|Rule|Szenario|Scénario):[ \t]*(?P<name>\S[^\r\n]*)",
            holds=False,
        ),
    ),
    (r'"""(?:.*?)(?:"""|\Z)|^[ \t]*#[^\n]*'),
    (b"#", b"@"),
)
_THRIFT = Patterns(
    (
        rule("class", r"\s*(?:struct|exception)\s+" + _N),
        rule("type", r"\s*union\s+" + _N, holds=False),
        rule("interface", r"\s*service\s+" + _N),
        rule("enum", r"\s*(?:senum|enum)\s+" + _N),
        rule("type", r"\s*typedef\s+\S[^\n;]*?\s" + _N + r"\s*[;,]?\s*(?:\([^()\n]*\)\s*)?$"),
        rule("module", r"namespace\s+\S+\s+(?P<name>[\w.]+)", holds=False),
        rule("constant", r"\s*const\s+[^=\n]*?" + _N + r"\s*="),
        rule(
            "method", r"\s+(?:oneway\s+|async\s+)?(?!throws\b)[\w.]+(?:\s*<[^()\n]*>)?\s+" + _N + r"\s*\(", holds=False
        ),
    ),
    (r"#[^\n]*|" + C),
    (b"//", b"#", b"/*", b"*"),
    braces=True,
)
_HCL = Patterns(
    (
        rule(
            "section",
            r"(?:resource|data|ephemeral)\s+\"?(?P<scope>[^\"\s]+)\"?\s+(?P<name>\"[^\"\n]+\"|[A-Za-z_][\w-]*)\s*\{",
        ),
        rule("module", r"(?:module|provider)\s+\"(?P<name>[^\"\n]+)\""),
        rule("constant", r"(?:variable|output)\s+\"(?P<name>[^\"\n]+)\""),
        rule("constant", r"(?P<name>locals|terraform|moved|import|check)\s*\{"),
        rule("section", r"(?P<scope>[A-Za-z_][\w-]*)\s+\"(?P<name>[^\"\n]+)\"\s*\{"),
        rule("section", r"(?P<scope>[A-Za-z_][\w-]*)\s+\"[^\"\n]+\"\s+\"(?P<name>[^\"\n]+)\"\s*\{"),
        rule("constant", r"(?P<name>[A-Za-z_][\w-]*)\s*=(?![=>])"),
        rule("constant", r"\s+(?P<name>[A-Za-z_][\w-]*)\s*=(?![=>])", under=r"locals\s*\{"),
    ),
    (r"<<-?(?P<marker>\w+)[^\n]*\n.{0,20000}?^\s*(?P=marker)$|#[^\n]*|" + C),
    (b"#", b"//", b"/*", b"*"),
)
_ASCIIDOC = Patterns(
    (rule("section", r"={1,6}[ \t]+(?P<name>\S[^\r\n]*)"),),
    (r"^(?P<fence>-{4,}|\.{4,})[ \t]*\n.*?(?:^(?P=fence)[ \t]*$|\Z)"),
    (b"[", b"//"),
)
_DIFF = Patterns((rule("section", r"(?:diff --git a/\S+ b/|\+\+\+ b/|Index: )(?P<name>\S+)"),))
_LATEX = Patterns(
    (
        rule(
            "section",
            r"\s*\\(?:part|chapter|(?:sub)*section|(?:sub)?paragraph)\*?\s*(?:\[[^\]\n]*\])?\{(?P<name>[^}\r\n]+)",
        ),
        rule(
            "macro",
            r"\s*\\(?:(?:re|provide)?newcommand|renewcommand|providecommand|DeclareRobustCommand|DeclareMathOperator|NewDocumentCommand)\*?\s*\{?\\(?P<name>[A-Za-z@]+)",
            holds=False,
        ),
        rule("macro", r"\s*\\(?:[egx]?def|gdef|edef|xdef)\\(?P<name>[A-Za-z@]+)", holds=False),
        rule("macro", r"\s*\\(?:re)?newenvironment\*?\{(?P<name>[^}\n]+)", holds=False),
    ),
    (r"(?<!\\)%[^\n]*|\\begin\{(?:verbatim|lstlisting)\}.*?(?:\\end\{(?:verbatim|lstlisting)\}|\Z)"),
    (b"%",),
)
_ORG = Patterns(
    (rule("section", r"\*+[ \t]+(?P<name>\S[^\r\n]*)"),),
    (r"^[ \t]*#\+(?i:begin)_.*?(?:^[ \t]*#\+(?i:end)_[^\n]*|\Z)"),
    (),
)
_POD = Patterns(
    (
        rule("section", r"=head\d[ \t]+(?P<name>\S[^\r\n]*)"),
        rule("section", r"=item[ \t]+(?P<name>(?![*\d])\S[^\r\n]*)"),
    ),
    "",
    (),
)
_ROFF = Patterns((rule("section", r"\.S[HSh][ \t]+\"?(?P<name>[^\"\r\n]+)"),), "", (b'.\\"',))
_BIBTEX = Patterns(
    (
        rule("section", r"\s*@(?!(?i:comment|preamble|string)\b)\w+\s*[{(]\s*(?P<name>[^\s,{}]+)"),
        rule("constant", r"\s*@(?i:string)\s*[{(]\s*" + _N),
    ),
    "",
    (b"%",),
)
_NINJA = Patterns(
    (
        rule("function", r"rule\s+(?P<name>\S+)", holds=False),
        rule("section", r"build\s+(?P<name>[^\s:|]+)"),
        rule("constant", r"(?:pool\s+)?(?P<name>[\w.-]+)\s*="),
    ),
    (r"^#[^\n]*"),
    (b"#",),
)
_PO = Patterns((rule("section", r"msgid\s+\"(?P<name>[^\"\n]{1,160})"),), "", (b"#",))
_GOMOD = Patterns((rule("module", r"module\s+(?P<name>\S+)", holds=False),), "", (b"//",))
_REQUIREMENTS = Patterns(
    (rule("constant", r"(?P<name>[A-Za-z][\w.-]*)(?:\[[^\]\n]*\])?\s*(?:[=<>!~@;#]|$)"),), "", (b"#",)
)
_MERMAID = Patterns(
    (
        rule("class", r"\s*class\s+" + _N),
        rule("section", r"\s*(?:subgraph|section|title|participant|actor|state)\s+(?P<name>\w[^\r\n\[{;]*)"),
        rule(
            "section",
            r"(?P<name>flowchart|graph|sequenceDiagram|classDiagram|stateDiagram(?:-v2)?|erDiagram|gantt|pie|journey|gitGraph|mindmap|timeline)\b",
        ),
    ),
    (r"%%[^\n]*|" + DOUBLE_QUOTED),
    (b"%%",),
)

DATA: dict[str, Patterns] = {
    "asciidoc": _ASCIIDOC,
    "bibtex": _BIBTEX,
    "diff": _DIFF,
    "dockerfile": _DOCKERFILE,
    "gherkin": _GHERKIN,
    "gomod": _GOMOD,
    "hcl": _HCL,
    "jsonnet": _JSONNET,
    "latex": _LATEX,
    "mermaid": _MERMAID,
    "meson": _MESON,
    "ninja": _NINJA,
    "org": _ORG,
    "po": _PO,
    "pod": _POD,
    "prisma": _PRISMA,
    "requirements": _REQUIREMENTS,
    "roff": _ROFF,
    "sql": _SQL,
    "thrift": _THRIFT,
}
"""Patterns of each language."""
