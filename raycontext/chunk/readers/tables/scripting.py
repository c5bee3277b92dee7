"""Patterns of scripting languages: Perl, Tcl, Vim script, Groovy, Nim, Crystal and others."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import CURLY_WITH_BLOCKS, HASH, PERCENT, QUOTED

__all__ = ["SCRIPTING"]

_N = r"(?P<name>\w+)"
_AWK = Patterns((rule("function", r"\s*func(?:tion)?\s+" + _N + r"\s*\("),), (HASH), (b"#",), braces=True)
_BATCH = Patterns(
    (rule("function", r"\s*:(?P<name>\w[\w.-]*)\s*(?:\r|$)", holds=False),), "", (b"::", b"rem", b"REM", b"Rem")
)
_COFFEESCRIPT = Patterns(
    (
        rule(
            "class",
            r"\s*(?:module\.exports\s*=\s*|exports\.\w+\s*=\s*|export\s+(?:default\s+)?|@?[\w.]+\s*=\s*)?class\s+(?P<name>[\w.$@]+)",
        ),
        rule(
            "function",
            r"\s*@?(?P<owner>(?:[\w$]+(?:\.|::))+)?(?P<name>[\w$]+)\s*[:=]\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)\s*)?[-=]>",
        ),
        rule("constant", r"(?P<name>[A-Z][A-Z0-9_]+)\s*=(?!=)"),
        rule("test", r"\s*(?:describe|it|test)\s+(?P<name>\"[^\"\n]*\"|'[^'\n]*')"),
    ),
    (r"###.*?(?:###|\Z)|" + r'"""(?:[^\\]|\\.)*?(?:"""|\Z)|' + r"'''.*?(?:'''|\Z)|" + HASH),
    (b"#", b"@"),
)
_CRYSTAL = Patterns(
    (
        rule("class", r"\s*(?:private\s+)?(?:abstract\s+)?(?:class|struct|lib|union)\s+(?P<name>[\w:]+)"),
        rule("enum", r"\s*(?:private\s+)?enum\s+(?P<name>[\w:]+)"),
        rule("type", r"\s*(?:private\s+)?alias\s+(?P<name>[\w:]+)"),
        rule("type", r"\s*annotation\s+(?P<name>[\w:]+)"),
        rule("module", r"\s*(?:private\s+)?module\s+(?P<name>[\w:]+)"),
        rule("macro", r"\s*(?:private\s+|protected\s+)?macro\s+" + _N),
        rule(
            "function",
            r"\s*(?:(?:private|protected|abstract)\s+)*def\s+(?:self\.)?(?P<name>\w+[?!=]?|\[\]=?\??|[-+*/%<>=!~^&|]+)",
        ),
        rule("function", r"\s*fun\s+(?P<name>\w+)"),
        rule("test", r"\s*(?:describe|it|context)\s+(?P<name>\"[^\"\n]*\"|[A-Z][\w:]*)", in_code=True),
        rule("constant", r"\s*(?P<name>[A-Z][A-Z0-9_]*)\s*=(?!=)"),
        rule("constant", r"\s*(?:class_)?(?:getter|property|setter|record)[?!]?\s+" + _N),
    ),
    (HASH),
    (b"#", b"@["),
    end=r"[ \t]*end\b",
    methods_in_modules=True,
)

# A class holds methods, and a script holds functions. What stands before a name says that it is defined here.
_GROOVY_WORDS = r"(?:(?:public|private|protected|static|final|abstract|synchronized|default|native|transient|volatile|sealed|@\w+(?:\([^()\n]*\))?)\s+)*"
_GROOVY_TYPE = r"(?!(?:return|else|new|throw|in|case|assert|import|package|task|stage|instanceof)\b)[A-Za-z_][\w.]*(?:\s*<[^;(){}\n]*>)?(?:\[\])*"
_STRING = r"(?:\"[^\"\n]*\"|'[^'\n]*')"
_GROOVY = Patterns(
    (
        rule("interface", r"\s*" + _GROOVY_WORDS + r"(?:@?interface|trait)\s+" + _N),
        rule("enum", r"\s*" + _GROOVY_WORDS + r"enum\s+" + _N),
        rule("class", r"\s*" + _GROOVY_WORDS + r"(?:class|record)\s+" + _N),
        rule("function", r"\s*(?:stage)\s*\(?\s*(?:name\s*:\s*)?(?P<name>" + _STRING + r")", in_code=True, holds=False),
        rule("function", r"\s*task\s+(?P<name>\w+)\b(?!\s*=)", in_code=True, holds=False),
        rule("function", r"\s*task\s*\(?\s*(?P<name>" + _STRING + r")", in_code=True, holds=False),
        rule(
            "function",
            r"\s*(?:project\.)?tasks\.(?:register|create)\s*\(?\s*(?P<name>" + _STRING + r")",
            in_code=True,
            holds=False,
        ),
        rule(
            "constant",
            r"(?P<name>pipeline|plugins|dependencies|android|repositories|buildscript|allprojects|subprojects|publishing|configurations|sourceSets|jar|test|java|application|ext)\s*\{",
        ),
        rule("constant", r"\s*id\s*\(?\s*(?P<name>" + _STRING + r")\)?(?:\s+version\b[^\n]*)?(?:\s+apply\b[^\n]*)?$"),
        rule("constant", r"apply\s+plugin:\s*(?P<name>" + _STRING + r")"),
        rule("constant", r"\s*(?P<name>environment|stages|agent|post|parameters|options|triggers|tools)\s*\{"),
        rule(
            "function",
            r"\s*"
            + _GROOVY_WORDS
            + r"(?:<[^;(){}\n]+>\s*)?(?:def|"
            + _GROOVY_TYPE
            + r")\s+(?P<name>[A-Za-z_]\w*|"
            + _STRING
            + r")\s*\((?=[^;={}]{0,600}(?:=[^;{}]{0,600})?\)\s*(?:throws\s+[\w.,\s]+)?\{)",
        ),
        rule(
            "method",
            r"\s+" + _GROOVY_WORDS + r"(?P<name>[A-Z]\w*)\s*\((?=[^;={}()]{0,600}\)\s*(?:throws\s+[\w.,\s]+)?\{)",
        ),
        rule(
            "constant",
            r"\s*(?:(?:public|private|protected)\s+)?(?:static\s+final|final\s+static)\s+(?:def\s+)?(?:"
            + _GROOVY_TYPE
            + r"\s+)?(?P<name>\w+)\s*=",
        ),
        rule("function", r"\s*(?:(?:def|static|final|private)\s+)+(?P<name>\w+)\s*=\s*\{"),
        rule("constant", r"(?:def|ext)[ .]\s*(?P<name>\w+)\s*=(?![=~])"),
        rule(
            "constant", r"\s+(?:set\(\s*['\"])?(?P<name>[A-Za-z_]\w*)\s*=(?![=~])", under=r"\s*(?:project\.)?ext\s*\{"
        ),
        rule("function", r"(?:process|workflow)\s+" + _N + r"\s*\{", holds=False),
        rule(
            "constant",
            r"(?P<name>(?!(?:if|else|try|finally|do|static|return|while|for|switch|synchronized)\b)[a-z]\w*)\s*\{\s*(?://[^\n]*)?$",
        ),
    ),
    (CURLY_WITH_BLOCKS),
    (b"//", b"*", b"/*", b"@"),
    braces=True,
)
_NIM_NAME = r"(?P<name>\w+|`[^`\n]+`)"
_NIM = Patterns(
    (
        rule("method", r"\s*method\s+" + _NIM_NAME),
        rule("function", r"\s*(?:proc|func|iterator|converter)\s+" + _NIM_NAME),
        rule("macro", r"\s*(?:template|macro)\s+" + _NIM_NAME),
        rule(
            "enum",
            r"(?:type\s+|\s+)(?P<name>[A-Za-z]\w*)\*?(?:\[[^\]\n]*\])?\s*(?:\{\.[^}\n]*\.\}\s*)?=\s*enum\b",
            holds=False,
        ),
        rule(
            "class",
            r"(?:type\s+|\s+)(?P<name>[A-Za-z]\w*)\*?(?:\[[^\]\n]*\])?\s*(?:\{\.[^}\n]*\.\}\s*)?=\s*(?:(?:ref|ptr)\s+)?(?:object|tuple)\b",
            holds=False,
        ),
        rule(
            "type",
            r"(?:type\s+|  )(?P<name>[A-Z]\w*)\*?(?:\[[^\]\n]*\])?\s*(?:\{\.[^}\n]*\.\}\s*)?=\s*(?:distinct\b|proc\b|ref\b|ptr\b|concept\b|seq\b|set\b|array\b|[A-Za-z]\w*(?:\[[^\]\n]*\])?\s*$)",
            holds=False,
        ),
        rule("constant", r"(?:const|let|var)\s+(?P<name>\w+)\*?\s*(?:\{\.[^}\n]*\.\}\s*)?(?::\s*[^=\n]+)?="),
        rule(
            "constant",
            r"  (?P<name>\w+)\*?\s*(?:\{\.[^}\n]*\.\}\s*)?(?::\s*[^=\n]+)?=(?!=)",
            under=r"(?:const|let|var)\s*(?:#|$)",
        ),
        rule("test", r"\s*(?:test|suite)\s+(?P<name>\"[^\"\n]*\")", in_code=True),
    ),
    (r'"""(?:.*?)(?:"""|\Z)|#\[.*?(?:\]#|\Z)|#[^\n]*|"(?:[^"\\\n]|\\.)*"'),
    (b"#", b"{."),
)

# A page of a manual in the text of a program, what follows after its end, and text that begins after `<<`.
_PERL_HIDDEN = (
    r"^=[a-zA-Z].*?(?:^=cut\b[^\n]*|\Z)|^__(?:END|DATA)__\b.*"
    r"|<<~?(?:\"(?P<double>[^\"\n]+)\"|'(?P<single>[^'\n]+)'|(?P<bare>[A-Za-z_]\w*))[^\n]*\n.{0,20000}?"
    r"^[ \t]*(?:(?P=double)|(?P=single)|(?P=bare))[ \t]*$|#[^\n]*"
)
_PERL = Patterns(
    (
        rule("section", r"=head\d\s+(?P<name>\S[^\r\n]*)", in_comment=True),
        rule("module", r"\s*package\s+(?:#[^\n]*\n\s*)?(?P<name>[A-Za-z_][\w:']*)(?:\s+v?[\d._]+)?\s*\{"),
        rule("module", r"\s*package\s+(?:#[^\n]*\n\s*)?(?P<name>[A-Za-z_][\w:']*)(?:\s+v?[\d._]+)?\s*;", rest=True),
        rule("class", r"\s*(?:class|role)\s+(?P<name>[A-Z][\w:']*)(?:\s+v?[\d._]+)?[^;{\n]*[;{]"),
        rule("function", r"\s*(?:(?:my|our|state|async)\s+)*(?:sub|fun)\s+(?P<name>[A-Za-z_][\w:']*)\s*[({;:\n]"),
        rule("method", r"\s*(?:(?:my|async)\s+)*method\s+(?P<name>[A-Za-z_]\w*)\s*[({;:\n]"),
        rule("constant", r"\s*use\s+constant\s+(?:\{\s*)?(?P<name>[A-Za-z_]\w*)"),
        rule("constant", r"\s+(?P<name>[A-Za-z_]\w*)\s*=>", under=r"\s*use\s+constant\s*(?:\+?\{)?\s*(?:#|$)"),
        rule("constant", r"(?:our|my|local)\s+\(?\s*[$@%](?P<name>\w+)"),
        rule("constant", r"\s*has\s+(?:\(\s*)?[+'\"\[]*(?:qw\W\s*)?(?P<name>[a-z_]\w*)['\"]?\s*(?:=>|,)"),
        rule("test", r"subtest\s+(?P<name>" + _STRING + r")", in_code=True),
    ),
    (_PERL_HIDDEN),
    (b"#",),
    end=r"\s*\}",
)
_CYTHON_WORDS = r"(?:(?:public|readonly|inline|api|extern|const|unsigned|signed|volatile)\s+)*"
_CYTHON = Patterns(
    (
        rule(
            "class",
            r"\s*(?:(?:cdef|cpdef|ctypedef)\s+)?"
            + _CYTHON_WORDS
            + r"(?:class|cppclass|(?:packed\s+)?struct|union)\s+(?P<name>\w+)\s*(?:[(:\"\[]|$)",
        ),
        rule("enum", r"\s*(?:(?:cdef|cpdef|ctypedef)\s+)?" + _CYTHON_WORDS + r"enum\s+(?:class\s+)?(?P<name>\w+)"),
        rule("type", r"\s*ctypedef\s+fused\s+" + _N),
        rule("type", r"\s*ctypedef\s[^\n(:]*?\(\*\s*(?P<name>\w+)\s*\)|\s*ctypedef\s[^\n(:]*?(?P<name2>\w+)\s*$"),
        rule("function", r"\s*(?:async\s+)?def\s+(?P<name>\w+)\s*\("),
        rule(
            "function",
            r"\s*(?:cdef|cpdef)\s+"
            + _CYTHON_WORDS
            + r"(?:[\w.]+(?:\[[^\]\n]*\])?[\s*&]+)*(?P<name>\w+)\s*\((?!\s*\*)[^=\n]*(?:=[^\n]*)?$",
        ),
        rule(
            "function",
            r"\s+(?!(?:return|raise|print|yield|await|del|assert|not|if|elif|while|for|with|from|import|lambda|else)\b)"
            + _CYTHON_WORDS
            + r"[\w.]+[\s*]+(?P<name>\w+)\s*\([^=\n]*\)\s*(?:nogil|noexcept|except\s[^\n]*)*$",
        ),
        rule("method", r"\s+property\s+(?P<name>\w+)\s*:"),
        rule("constant", r"DEF\s+" + _N + r"\s*="),
        rule("constant", r"(?P<name>[A-Za-z_]\w*)\s*(?::[^=\n]+)?=(?!=)"),
        rule(
            "constant",
            r"\s*cdef\s+"
            + _CYTHON_WORDS
            + r"(?:[\w.]+(?:\[[^\]\n]*\])?[\s*&]+)+(?P<name>\w+)\s*(?:\[[^\]\n]*\]\s*)?(?:[=,]|$)",
        ),
    ),
    (r'"""(?:[^\\]|\\.)*?(?:"""|\Z)|' + r"'''(?:[^\\]|\\.)*?(?:'''|\Z)|" + HASH),
    (b"#", b"@"),
)
_RAKU = Patterns(
    (
        rule("class", r"\s*(?:unit\s+)?(?:my\s+|our\s+)?(?:class|role|grammar)\s+(?P<name>[\w:-]+)"),
        rule("module", r"\s*(?:unit\s+)?(?:module|package)\s+(?P<name>[\w:-]+)"),
        rule("enum", r"\s*(?:my\s+|our\s+)?enum\s+(?P<name>[\w:-]+)"),
        rule("type", r"\s*(?:my\s+|our\s+)?subset\s+(?P<name>[\w:-]+)"),
        rule(
            "method",
            r"\s*(?:(?:multi|proto|only|my|our)\s+)*(?:method|submethod|token|rule|regex)\s+!?(?P<name>[\w:'-]+)",
        ),
        rule("function", r"\s*(?:(?:multi|proto|only|my|our)\s+)*sub\s+(?P<name>[\w:'-]+)"),
        rule("constant", r"\s*(?:my\s+|our\s+)?constant\s+[$@%]?(?P<name>[\w-]+)"),
        rule("constant", r"\s*has\s+(?:[\w:]+\s+)?[$@%][.!](?P<name>[\w-]+)"),
    ),
    (r"^=begin\s.*?(?:^=end\b[^\n]*|\Z)|#`\(.*?\)|#[^\n]*|\"(?:[^\"\\\n]|\\.)*\""),
    (b"#",),
    braces=True,
)
_TCL_PARAMETERS = r"\s+(?:\{(?:[^{}]|\{[^{}]*\})*\}|[^\s{}]+)"
_TCL = Patterns(
    (
        rule("module", r"\s*namespace\s+eval\s+(?P<name>[^\s{}\"$]+)"),
        rule(
            "class",
            r"\s*(?:oo::class\s+create|oo::define|(?:itcl::|snit::)?(?:class|type|widget|widgetadaptor))\s+(?:::)?(?P<name>\w[\w:]*)\s*\{",
        ),
        rule(
            "method",
            r"\s*(?:oo::define\s+\S+\s+)?(?:(?:public|private|protected)\s+)?(?:method|classmethod|typemethod|itcl::body)\s+(?P<name>\w[^\s{}\"]*)"
            + _TCL_PARAMETERS,
        ),
        rule("method", r"\s+(?P<name>constructor)" + _TCL_PARAMETERS),
        rule("method", r"\s+(?P<name>destructor)\s*(?=\{)"),
        rule("function", r"\s*proc\s+(?P<name>[^\s{}\"$]+)" + _TCL_PARAMETERS),
        rule("test", r"\s*(?:tcltest::)?test\s+(?P<name>[\w.-]+)\s", in_code=True, holds=False),
        rule("constant", r"\s*variable\s+(?P<name>[A-Za-z_]\w*)"),
        rule("constant", r"set\s+(?P<name>(?:::)?[A-Za-z_][\w:]*)\s+\S"),
        rule("constant", r"\s+set\s+(?P<name>::[A-Za-z_][\w:]*)\s+\S"),
    ),
    (r"(?:^|;)[ \t]*#(?:[^\\\n]|\\.)*|\\[{}\"]"),
    (b"#",),
    braces=True,
)
_VIM_NAME = r"(?P<name>(?:[sgbwtl]:|<SID>|<sid>)?[\w.#{}:]+)"
_VIM = Patterns(
    (
        rule(
            "function",
            r"\s*(?:export\s+)?(?:static\s+)?(?:fu(?:n(?:c(?:t(?:i(?:on?)?)?)?)?)?)(?:!|\b)\s*" + _VIM_NAME + r"\s*\(",
        ),
        rule("function", r"\s*(?:export\s+)?(?:static\s+)?def!?\s+" + _VIM_NAME + r"\s*(?:<[^>\n]*>)?\("),
        rule("class", r"\s*(?:export\s+)?(?:abstract\s+)?class\s+" + _N),
        rule("interface", r"\s*(?:export\s+)?interface\s+" + _N),
        rule("enum", r"\s*(?:export\s+)?enum\s+" + _N),
        rule("function", r"\s*com(?:m(?:a(?:nd?)?)?)?!?\s+(?:-\S+\s+)*(?P<name>[A-Z]\w*)\b", holds=False),
        rule("section", r"\s*aug(?:roup)?\s+(?P<name>(?!(?i:end)\b)[\w.#:-]+)"),
        rule(
            "constant", r"(?:let|const|var|final)\s+(?P<name>(?:[sgbwt]:)?[A-Za-z_][\w#]*)\s*(?::\s*[\w<>,\s]+)?=(?!=)"
        ),
        rule("constant", r"\s*let\s+(?P<name>[sg]:[A-Za-z_][\w#]*)\s*=(?!=)"),
    ),
    (
        r"^[ \t]*\"[^\n]*|^[ \t]*#[^\n]*|^\s*let\s+[^\n=]+=<<\s*(?:trim\s+|eval\s+)*(?P<marker>\S+)\n.{0,20000}?^\s*(?P=marker)$"
    ),
    (b'"', b"#"),
    end=r"[ \t]*(?:end(?:fu(?:n(?:c(?:t(?:i(?:on?)?)?)?)?)?|f|def|class|interface|enum))\b",
)
_PROLOG = Patterns(
    (
        rule("module", r":-\s*module\(\s*(?P<name>\w+|'[^'\n]+')"),
        rule(
            "function",
            r"(?P<name>[a-z]\w*|'[^'\n]+')\s*(?:\((?:[^()\n]|\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\))*\))?\s*(?::-|-->|=>)",
            holds=False,
        ),
        rule("function", r"(?P<name>[a-z]\w*)\([^\n]*\)\s*\.\s*(?:%[^\n]*)?$", holds=False),
    ),
    (r"/\*.*?(?:\*/|\Z)|" + PERCENT),
    (b"%", b"/*", b"*"),
)
_FISH = Patterns(
    (
        rule("function", r"\s*function\s+(?P<name>(?!-)[^\s;]+)"),
        rule("constant", r"set\s+(?:-\w+\s+|--\w+\s+)*(?P<name>[A-Za-z_]\w*)\s+\S"),
    ),
    (r"#[^\n]*|" + QUOTED),
    (b"#",),
    end=r"end\b",
)

SCRIPTING: dict[str, Patterns] = {
    "awk": _AWK,
    "batch": _BATCH,
    "coffeescript": _COFFEESCRIPT,
    "crystal": _CRYSTAL,
    "cython": _CYTHON,
    "fish": _FISH,
    "groovy": _GROOVY,
    "nim": _NIM,
    "perl": _PERL,
    "prolog": _PROLOG,
    "raku": _RAKU,
    "tcl": _TCL,
    "vim": _VIM,
}
"""Patterns of each language."""
