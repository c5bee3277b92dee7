"""Patterns of languages with few users, and of pages that hold code."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import HASH, SEMICOLON, C

__all__ = ["OTHERS"]

_N = r"(?P<name>\w+)"
_STRING = r"(?:\"[^\"\n]*\"|'[^'\n]*')"
_SLASHES = (b"//", b"/*", b"*", b"@", b"#[", b"[")
_HASH_COMMENT = (b"#",)

_BALLERINA_WORDS = r"(?:(?:public|private|isolated|transactional|distinct|client|service|remote|final|readonly|const|configurable)\s+)*"
_BALLERINA = Patterns(
    (
        rule("class", r"\s*" + _BALLERINA_WORDS + r"class\s+" + _N),
        rule("enum", r"\s*(?:public\s+)?enum\s+" + _N),
        rule(
            "interface", r"\s*(?:public\s+)?type\s+" + _N + r"\s+(?:(?:isolated|distinct|client|service)\s+)*object\b"
        ),
        rule("class", r"\s*(?:public\s+)?type\s+" + _N + r"\s+(?:readonly\s*&\s*)?record\b", holds=False),
        rule("type", r"\s*(?:public\s+)?type\s+" + _N),
        rule("section", r"\s*(?:isolated\s+)?service\s+(?P<name>\S+)\s[^{}\n]*\{"),
        rule("method", r"\s*(?:isolated\s+)?resource\s+(?:isolated\s+)?function\s+\w+\s+(?P<name>[^\s(]+)\s*\("),
        rule("function", r"\s*" + _BALLERINA_WORDS + r"function\s+" + _N + r"\s*\("),
        rule("constant", r"\s*(?:public\s+)?const\s+(?:[\w:]+\s+)?" + _N + r"\s*="),
        rule("constant", r"(?:(?:public|isolated|final|configurable|listener)\s+)+[\w:<>\[\]?|]+\s+" + _N + r"\s*="),
    ),
    HASH.replace(r"|'(?:[^'\\\n]|\\.)*'", "") + r"|//[^\n]*",
    (b"#", b"//", b"@"),
    braces=True,
)
_BICEP = Patterns(
    (
        rule("constant", r"\s*(?:param|var|output)\s+" + _N),
        rule("section", r"\s*resource\s+" + _N, holds=False),
        rule("module", r"\s*module\s+" + _N, holds=False),
        rule("type", r"\s*type\s+" + _N),
        rule("function", r"\s*func\s+" + _N, holds=False),
    ),
    C,
    _SLASHES,
)
_BITBAKE = Patterns(
    (
        rule("function", r"(?:python\s+|fakeroot\s+)*(?P<name>[\w:${}.-]+)\s*\(\)\s*\{", holds=False),
        rule("function", r"def\s+" + _N + r"\s*\("),
        rule("constant", r"(?:export\s+)?(?P<name>[A-Z_][\w:${}.-]*)(?:\[\w+\])?\s*(?:\?\?=|\?=|:=|\.=|=\.|\+=|=\+|=)"),
    ),
    HASH,
    _HASH_COMMENT,
)
_CAIRO = Patterns(
    (
        rule("class", r"\s*(?:pub\s+)?struct\s+" + _N),
        rule("enum", r"\s*(?:pub\s+)?enum\s+" + _N),
        rule("interface", r"\s*(?:pub\s+)?trait\s+" + _N),
        rule("module", r"\s*(?:pub\s+)?(?:impl|mod|namespace)\s+" + _N + r"[^;{\n]*\{"),
        rule("type", r"\s*(?:pub\s+)?type\s+" + _N),
        rule("function", r"\s*(?:pub\s+)?(?:extern\s+)?(?:fn|func)\s+" + _N),
        rule("constant", r"\s*(?:pub\s+)?const\s+" + _N),
    ),
    C,
    _SLASHES,
    braces=True,
)
_CAPNP = Patterns(
    (
        rule("class", r"\s*struct\s+" + _N),
        rule("interface", r"\s*interface\s+" + _N),
        rule("enum", r"\s*enum\s+" + _N),
        rule("constant", r"\s*const\s+" + _N),
        rule("macro", r"\s*annotation\s+" + _N, holds=False),
        rule("method", r"\s*" + _N + r"\s+@\d+\s*\(", holds=False),
    ),
    HASH,
    _HASH_COMMENT,
    braces=True,
)
_GDSCRIPT = Patterns(
    (
        rule("class", r"class_name\s+" + _N, holds=False),
        rule("class", r"\s*class\s+" + _N),
        rule("enum", r"\s*enum\s+" + _N),
        rule("function", r"\s*(?:static\s+|remote\s+|master\s+|puppet\s+)*func\s+" + _N),
        rule("function", r"\s*signal\s+" + _N, holds=False),
        rule(
            "constant",
            r"\s*(?:@\w+(?:\([^()\n]*\))?\s+)*(?:static\s+)?(?:export\s*(?:\([^()\n]*\))?\s+|onready\s+)*(?:const|var)\s+"
            + _N,
        ),
    ),
    r'"""(?:.*?)(?:"""|\Z)|' + HASH,
    (b"#", b"@"),
)
_HARE = Patterns(
    (
        rule("function", r"\s*(?:export\s+)?(?:@\w+(?:\([^()\n]*\))?\s+)*fn\s+(?P<name>[\w:]+)", holds=False),
        rule("enum", r"\s*(?:export\s+)?type\s+" + _N + r"\s*=\s*enum\b"),
        rule("class", r"\s*(?:export\s+)?type\s+" + _N + r"\s*=\s*(?:struct|union)\b", holds=False),
        rule("type", r"\s*(?:export\s+)?type\s+" + _N),
        rule("constant", r"(?:export\s+)?(?:def|let|const)\s+(?:@\w+(?:\([^()\n]*\))?\s+)*" + _N),
    ),
    C,
    _SLASHES,
)
_LLVM = Patterns(
    (
        rule("function", r"define\s+[^@\n]*@(?P<name>[\w.$-]+|\"[^\"\n]+\")", holds=False),
        rule("function", r"declare\s+[^@\n]*@(?P<name>[\w.$-]+|\"[^\"\n]+\")", holds=False),
        rule("class", r"%(?P<name>[\w.$-]+|\"[^\"\n]+\")\s*=\s*type\b", holds=False),
        rule("constant", r"@(?P<name>[\w.$-]+|\"[^\"\n]+\")\s*="),
    ),
    SEMICOLON,
    (b";",),
)
_PONY = Patterns(
    (
        rule("interface", r"\s*(?:interface|trait)\s+(?:(?:val|ref|iso|box|tag|trn)\s+)?" + _N),
        rule("class", r"\s*(?:class|actor|struct|primitive)\s+(?:(?:val|ref|iso|box|tag|trn)\s+)?" + _N),
        rule("type", r"\s*type\s+" + _N),
        rule("method", r"\s*(?:fun|new|be)\s+(?:(?:val|ref|iso|box|tag|trn)\s+)?(?:\\[^\\\n]*\\\s*)?" + _N),
        rule("constant", r"\s+(?:let|var|embed)\s+" + _N),
    ),
    r'"""(?:.*?)(?:"""|\Z)|' + C,
    (b"//", b'"""'),
)
_PUPPET = Patterns(
    (
        rule("class", r"\s*class\s+(?P<name>[\w:]+)"),
        rule("function", r"\s*(?:define|plan)\s+(?P<name>[\w:]+)", holds=False),
        rule("function", r"\s*function\s+(?P<name>[\w:]+)", holds=False),
        rule("section", r"\s*node\s+(?P<name>" + _STRING + r"|default|/[^/\n]+/)"),
        rule("type", r"\s*type\s+(?P<name>[\w:]+)"),
    ),
    HASH,
    _HASH_COMMENT,
    braces=True,
)
_QML = Patterns(
    (
        rule("class", r"\s*component\s+" + _N + r"\s*:"),
        rule("function", r"\s*function\s+" + _N),
        rule("function", r"\s*signal\s+" + _N, holds=False),
        rule("enum", r"\s*enum\s+" + _N),
        rule("constant", r"\s*(?:(?:default|readonly|required)\s+)*property\s+[\w.<>]+\s+" + _N),
        rule("section", r"\s*id\s*:\s*" + _N),
        rule("section", r"(?P<name>[A-Z][\w.]*)\s*\{"),
    ),
    C,
    _SLASHES,
    braces=True,
)
_REGO = Patterns(
    (
        rule("module", r"package\s+(?P<name>[\w.]+)", rest=True),
        rule("function", r"(?:default\s+)?" + _N + r"\s*\([^()\n]*\)", holds=False),
        rule("constant", r"default\s+" + _N),
        rule(
            "function",
            r"(?!import\b|package\b|default\b|else\b)"
            + _N
            + r"(?:\[[^\]\n]*\])?\s*(?:(?:contains|if)\b|(?::?=[^={\n]*)?\{)",
            holds=False,
        ),
        rule("constant", r"(?!import\b|package\b)" + _N + r"\s*:?=(?!=)"),
    ),
    HASH,
    _HASH_COMMENT,
)
_SMALI = Patterns(
    (
        rule("class", r"\.class\s+[^\n]*?L(?P<name>[\w/$-]+);", rest=True),
        rule("method", r"\.method\s+[^\n(]*?(?P<name>[\w$<>-]+)\(", holds=False),
        rule("constant", r"\.field\s+[^\n:]*?(?P<name>[\w$-]+):"),
    ),
    HASH,
    _HASH_COMMENT,
)
_SMITHY = Patterns(
    (
        rule("module", r"namespace\s+(?P<name>[\w.]+)", rest=True),
        rule("class", r"(?:structure|resource|union)\s+" + _N, holds=False),
        rule("interface", r"service\s+" + _N, holds=False),
        rule("function", r"operation\s+" + _N, holds=False),
        rule("enum", r"(?:enum|intEnum)\s+" + _N, holds=False),
        rule(
            "type",
            r"(?:list|map|set|string|integer|long|short|byte|float|double|boolean|blob|timestamp|document|bigInteger|bigDecimal)\s+"
            + _N,
        ),
    ),
    C,
    _SLASHES,
)
_TABLEGEN = Patterns(
    (
        rule("class", r"\s*(?:multiclass|class)\s+" + _N, holds=False),
        rule("constant", r"\s*(?:defm|def|defset|defvar)\s+(?P<name>[\w#]+)"),
    ),
    C,
    _SLASHES,
)
_TYPST = Patterns(
    (
        rule("section", r"=+\s+(?P<name>\S[^\r\n]*)"),
        rule("function", r"\s*#let\s+(?P<name>[\w-]+)\s*\(", holds=False),
        rule("constant", r"\s*#let\s+(?P<name>[\w-]+)"),
    ),
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|```.*?(?:```|\Z)",
    (b"//",),
)
_V = Patterns(
    (
        rule("module", r"module\s+(?P<name>\w+)\s*$", holds=False),
        rule("class", r"(?:pub\s+)?struct\s+(?:C\.)?" + _N, holds=False),
        rule("type", r"(?:pub\s+)?union\s+" + _N, holds=False),
        rule("interface", r"(?:pub\s+)?interface\s+" + _N, holds=False),
        rule("enum", r"(?:pub\s+)?enum\s+" + _N, holds=False),
        rule("type", r"(?:pub\s+)?type\s+" + _N),
        rule(
            "function",
            r"(?:pub\s+)?fn\s+(?:\(\s*(?:mut\s+|shared\s+)?\w+\s+&?(?P<owner>\w+)(?:\[[^\]\n]*\])?\s*\)\s*)?(?:C\.|JS\.)?"
            r"(?P<name>[\w.]+|[-+*/%<>=!]+)\s*(?:\[[^\]\n]*\]\s*)?\(",
        ),
        rule("constant", r"(?:pub\s+)?const\s+(?P<name>\w+)\s*="),
        rule("constant", r"\s+(?P<name>[a-z_]\w*)\s*=(?!=)", under=r"(?:pub\s+)?const\s*\("),
        rule("constant", r"(?:__global\s*)" + _N),
    ),
    C,
    _SLASHES,
    braces=True,
)
_WORDS = r"(?:(?:public|private|protected|internal|static|abstract|virtual|override|async|extern|inline|sealed|final|signal|new|owned|unowned|weak|readonly|const|partial|synchronized|class)\s+)*"
_TYPE = r"(?!(?:return|else|new|throw|case|using|var|await|yield|delete|goto|public|private|protected|internal|namespace|if|while|for|foreach|switch|catch|lock|try|do)\b)[A-Za-z_][\w.:]*(?:\s*<[^;(){}\n]*>)?(?:\[[,\s]*\])*[?*]?"
_NOT_CALLS = (
    r"(?!(?:if|for|foreach|while|switch|catch|using|lock|return|sizeof|typeof|fixed|when|synchronized|try|do|else)\b)"
)
_CODE_RULES = (
    rule("module", r"\s*namespace\s+(?P<name>[\w.]+)\s*\{"),
    rule("interface", r"\s*" + _WORDS + r"interface\s+" + _N),
    rule("enum", r"\s*" + _WORDS + r"(?:enum|errordomain)\s+" + _N),
    rule("class", r"\s*" + _WORDS + r"(?:class|struct|record)\s+(?P<name>[\w.]+)"),
    rule("type", r"\s*" + _WORDS + r"delegate\s+" + _TYPE + r"\s+" + _N),
)
_METHOD_RULES = (
    rule(
        "function",
        r"\s*"
        + _WORDS
        + _TYPE
        + r"\s+"
        + _NOT_CALLS
        + r"(?P<name>[\w.]+)\s*(?:<[^;(){}\n]*>)?\s*\((?=[^;{}]{0,600}\)\s*(?:throws\s+[\w.,\s]+|requires\s*\([^{}]*\)|where\s+[^{};]*)*\s*(?:\{|=>|;|$))",
    ),
    rule(
        "method",
        r"\s+(?:(?:public|private|protected|internal)\s+)+(?P<name>[A-Z][\w.]*)\s*\((?=[^;{}]{0,600}\)\s*(?:throws\s+[\w.,\s]+|:\s*(?:base|this)[^{}]*)?\s*\{)",
    ),
)
_PROPERTY = rule(
    "constant",
    r"\s*(?:\[[^\]\n]*\]\s*)*(?:(?:public|private|protected|internal|static|readonly|const|override|virtual|final)\s+)+"
    + _TYPE
    + r"\s+"
    + _N
    + r"\s*(?:[;={]|=>)",
)
_VALA = Patterns((*_CODE_RULES, *_METHOD_RULES, _PROPERTY), r'"""(?:.*?)(?:"""|\Z)|' + C, _SLASHES, braces=True)
_ID = r"[^\n]{0,300}?<[A-Za-z][\w:-]*\b[^<>]{0,500}?\sid\s*=\s*[\"']?(?P<name>[\w.:-]+)"
_SCRIPT_RULES = (
    rule("function", r"[^\n]{0,300}?<script\b[^>\n]*>\s*(?:async\s+)?function\s*\*?\s*" + _N, holds=False),
    rule("function", r"\s*(?:async\s+)?function\s*\*?\s*" + _N + r"\s*\("),
)
_RAZOR = Patterns(
    (
        rule("section", r"\s*@section\s+" + _N, holds=False),
        rule("function", r"\s*@helper\s+" + _N),
        rule("constant", r"@page\s+(?P<name>\"[^\"\n]*\")"),
        *_CODE_RULES,
        *_SCRIPT_RULES,
        *_METHOD_RULES,
        _PROPERTY,
        rule("section", _ID),
    ),
    r"@\*.*?(?:\*@|\Z)|<!--.*?(?:-->|\Z)|^[ \t]*//[^\n]*|/\*.*?(?:\*/|\Z)",
    (b"//", b"/*", b"*", b"@*", b"["),
    braces=True,
)
_JSP = Patterns(
    (*_CODE_RULES, *_SCRIPT_RULES, *_METHOD_RULES, _PROPERTY, rule("section", _ID)),
    r"<%--.*?(?:--%>|\Z)|<!--.*?(?:-->|\Z)|^[ \t]*//[^\n]*|/\*.*?(?:\*/|\Z)",
    (b"//", b"/*", b"*", b"<%--", b"@"),
    braces=True,
)
_WAT = Patterns(
    (
        rule("function", r"\s*\((?:func)\s+\$(?P<name>[^\s()]+)", holds=False),
        rule("constant", r"\s*\((?:global|memory|table)\s+\$(?P<name>[^\s()]+)"),
        rule("type", r"\s*\(type\s+\$(?P<name>[^\s()]+)"),
        rule("module", r"\s*\(module\s+\$(?P<name>[^\s()]+)", holds=False),
    ),
    r";;[^\n]*|\(;.*?(?:;\)|\Z)|" + r'"(?:[^"\\\n]|\\.)*"',
    (b";;",),
)

OTHERS: dict[str, Patterns] = {
    "ballerina": _BALLERINA,
    "bicep": _BICEP,
    "bitbake": _BITBAKE,
    "cairo": _CAIRO,
    "capnp": _CAPNP,
    "gdscript": _GDSCRIPT,
    "hare": _HARE,
    "jsp": _JSP,
    "llvm": _LLVM,
    "pony": _PONY,
    "puppet": _PUPPET,
    "qmljs": _QML,
    "razor": _RAZOR,
    "rego": _REGO,
    "smali": _SMALI,
    "smithy": _SMITHY,
    "tablegen": _TABLEGEN,
    "typst": _TYPST,
    "v": _V,
    "vala": _VALA,
    "wat": _WAT,
}
"""Patterns of each language."""
