"""Families of languages as the lexer reads them: marks of comments and strings, and words with their roles."""

from __future__ import annotations

from functools import cache

from raycontext.kernel.lexer import Syntax, syntax

__all__ = ["LANGUAGES_WITH_REFERENCES", "family_of", "syntax_of"]

_SLASHES = "SLASH_LINE SLASH_BLOCK"
_FEATURES = {
    "c": f"{_SLASHES} QUOTE_CHARACTERS DIRECTIVES TYPES_BEFORE LINE_ENDS_IMPORT COLON_BASES",
    "cpp": f"{_SLASHES} QUOTE_CHARACTERS DIRECTIVES TYPES_BEFORE GENERICS COLON_BASES RAW_STRINGS",
    "java": f"{_SLASHES} QUOTE_CHARACTERS TYPES_BEFORE GENERICS TRIPLE_STRINGS AT_CALLS",
    "csharp": f"{_SLASHES} QUOTE_CHARACTERS TYPES_BEFORE GENERICS COLON_BASES FORMATTED_BY_DOLLAR",
    "kotlin": f"{_SLASHES} NESTED_BLOCKS QUOTE_CHARACTERS TRIPLE_STRINGS DOLLAR_CODE GENERICS COLON_BASES COLON_TYPES "
    "LINE_ENDS_IMPORT CAPITALS_CONSTRUCT",
    "scala": f"{_SLASHES} NESTED_BLOCKS QUOTE_CHARACTERS LIFETIMES TRIPLE_STRINGS DOLLAR_CODE COLON_TYPES "
    "LINE_ENDS_IMPORT CAPITALS_CONSTRUCT",
    "swift": f"{_SLASHES} NESTED_BLOCKS TRIPLE_STRINGS BACKSLASH_CODE GENERICS COLON_BASES COLON_TYPES "
    "LINE_ENDS_IMPORT CAPITALS_CONSTRUCT",
    "dart": f"{_SLASHES} QUOTE_STRINGS TRIPLE_STRINGS DOLLAR_CODE TYPES_BEFORE GENERICS CAPITALS_CONSTRUCT",
    "groovy": f"{_SLASHES} QUOTE_STRINGS TRIPLE_STRINGS DOLLAR_CODE TYPES_BEFORE GENERICS LINE_ENDS_IMPORT",
    "python": "HASH_LINE QUOTE_STRINGS TRIPLE_STRINGS PREFIXED_STRINGS LINE_ENDS_IMPORT BASES_IN_PARENTHESES "
    "CAPITALS_CONSTRUCT COLON_TYPES AT_CALLS",
    "javascript": f"{_SLASHES} MARKUP QUOTE_STRINGS TEMPLATES EXPRESSIONS DOLLAR_WORDS GENERICS COLON_TYPES "
    "LINE_ENDS_IMPORT AT_CALLS",
    "go": f"{_SLASHES} QUOTE_CHARACTERS RAW_BACKTICKS RECEIVERS LINE_ENDS_IMPORT BRACES_CONSTRUCT TYPES_BEHIND",
    "rust": f"{_SLASHES} NESTED_BLOCKS QUOTE_CHARACTERS LIFETIMES STRINGS_OVER_LINES RAW_STRINGS HASH_RAW GENERICS "
    "BANG_CALLS BRACES_CONSTRUCT COLON_TYPES",
    "ruby": "HASH_LINE BEGIN_BLOCK QUOTE_STRINGS HASH_CODE STRINGS_OVER_LINES DOCUMENTS EXPRESSIONS MARKED_WORDS "
    "LESS_BASES DOT_CALLS COMMANDS LINE_ENDS_IMPORT",
    "elixir": "HASH_LINE TRIPLE_STRINGS QUOTE_STRINGS HASH_CODE STRINGS_OVER_LINES MARKED_WORDS COMMANDS "
    "LINE_ENDS_IMPORT",
    "php": f"{_SLASHES} HASH_LINE HASH_ATTRIBUTES QUOTE_STRINGS STRINGS_OVER_LINES DOCUMENTS COLON_TYPES TYPES_BEFORE",
    "shell": "HASH_LINE QUOTE_STRINGS STRINGS_OVER_LINES DOCUMENTS SHELL",
    "perl": "HASH_LINE BEGIN_BLOCK QUOTE_STRINGS STRINGS_OVER_LINES DOCUMENTS",
    "julia": "HASH_LINE HASH_BLOCK TRIPLE_STRINGS QUOTE_CHARACTERS LIFETIMES COLON_TYPES",
    "script": "HASH_LINE QUOTE_STRINGS TRIPLE_STRINGS",
    "lua": "DASH_LINE QUOTE_STRINGS",
    "haskell": "DASH_LINE HASKELL_BLOCK QUOTE_CHARACTERS LIFETIMES PRIMED_WORDS JUXTAPOSITION LINE_ENDS_IMPORT",
    "ml": "ML_BLOCK QUOTE_CHARACTERS LIFETIMES PRIMED_WORDS JUXTAPOSITION STRINGS_OVER_LINES LINE_ENDS_IMPORT",
    "lisp": "SEMICOLON_LINE LISP STRINGS_OVER_LINES",
    "erlang": "PERCENT_LINE QUOTE_STRINGS",
    "sql": "DASH_LINE SLASH_BLOCK QUOTE_STRINGS STRINGS_OVER_LINES",
    "slashes": f"{_SLASHES} QUOTE_CHARACTERS GENERICS COLON_TYPES LINE_ENDS_IMPORT",
}  # fmt: skip
"""Features of each family, by the names of `kernels.h`."""

_C_WORDS = (
    "if else for while do switch case default return break continue goto sizeof typeof static extern inline const "
    "volatile register restrict signed unsigned auto alignof alignas _Alignas _Atomic _Bool _Static_assert"
)
_CURLY = "if else for while do switch case default return break continue try catch finally throw"
_MODIFIERS = "public private protected static final abstract override virtual readonly const let var"
_WORDS: dict[str, dict[str, str]] = {
    "c": {
        "KEYWORD": _C_WORDS, "TYPE_WORD": "void int char short long float double bool",
        "DEFINES_TYPE": "struct union enum",
    },
    "cpp": {
        "KEYWORD": f"{_C_WORDS} {_CURLY} {_MODIFIERS} noexcept constexpr consteval constinit explicit friend mutable "
        "template typename operator decltype co_await co_return co_yield delete this nullptr true false requires "
        "concept static_cast dynamic_cast reinterpret_cast const_cast and or not typedef thread_local",
        "TYPE_WORD": "void int char short long float double bool",
        "DEFINES_TYPE": "struct union enum class namespace",
        "CONSTRUCTS": "new", "IMPORTS": "using",
    },
    "java": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} synchronized transient volatile native strictfp default assert yield this "
        "super null true false sealed permits non-sealed module",
        "TYPE_WORD": "void int char short long float double boolean byte",
        "DEFINES_TYPE": "class interface enum record", "CONSTRUCTS": "new", "INHERITS": "extends implements",
        "USES_TYPE": "throws instanceof", "IMPORTS": "import package",
    },
    "csharp": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} internal sealed partial async await event delegate explicit implicit extern "
        "foreach in fixed lock out params ref sizeof stackalloc this base null true false unchecked unsafe checked "
        "volatile yield where get set init value nameof typeof operator",
        "TYPE_WORD": "void int char short long float double bool byte string object decimal uint ulong ushort sbyte",
        "DEFINES_TYPE": "class interface enum struct record namespace", "CONSTRUCTS": "new", "USES_TYPE": "as is",
        "IMPORTS": "using",
    },
    "kotlin": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} val when in is this super null true false companion data sealed open inner "
        "internal suspend inline operator infix lateinit vararg where by constructor init get set",
        "DEFINES": "fun", "DEFINES_TYPE": "class interface object typealias enum", "USES_TYPE": "as",
        "IMPORTS": "import package",
    },
    "scala": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} val lazy implicit sealed case match yield this super null true false given "
        "using then end forSome",
        "DEFINES": "def", "DEFINES_TYPE": "class trait object type enum", "CONSTRUCTS": "new",
        "INHERITS": "extends with", "IMPORTS": "import package",
    },
    "swift": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} guard in is where self Self super nil true false init deinit subscript lazy "
        "weak unowned mutating throws rethrows async await open internal fileprivate inout some any defer repeat",
        "DEFINES": "func", "DEFINES_TYPE": "class struct enum protocol extension typealias", "USES_TYPE": "as",
        "IMPORTS": "import",
    },
    "dart": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} late required async await yield this super null true false is in assert "
        "factory external covariant get set operator part of show hide deferred",
        "TYPE_WORD": "void int double bool dynamic num", "DEFINES_TYPE": "class mixin enum extension typedef",
        "CONSTRUCTS": "new", "INHERITS": "extends implements with on", "USES_TYPE": "as",
        "IMPORTS": "import export library",
    },
    "groovy": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} in this super null true false assert",
        "TYPE_WORD": "void int char short long float double boolean byte def",
        "DEFINES_TYPE": "class interface enum trait", "CONSTRUCTS": "new", "INHERITS": "extends implements",
        "USES_TYPE": "as instanceof throws", "IMPORTS": "import package",
    },
    "python": {
        "KEYWORD": "if elif else for while try except finally with return yield break continue pass del global "
        "nonlocal assert raise lambda and or not in is None True False async await as",
        "DEFINES": "def", "DEFINES_TYPE": "class", "IMPORTS": "import from cimport",
    },
    "javascript": {
        "KEYWORD": f"{_CURLY} public private protected static abstract override readonly const let var async await "
        "yield this super null undefined true false typeof void delete in of declare get set debugger default from "
        "keyof infer asserts",
        "DEFINES": "function", "DEFINES_TYPE": "class interface enum namespace", "CONSTRUCTS": "new",
        "INHERITS": "extends implements", "USES_TYPE": "as instanceof satisfies is", "IMPORTS": "import",
        "EXPORTS": "export", "CALLS_IMPORT": "require",
    },
    "go": {
        "KEYWORD": "if else for range switch case default return break continue fallthrough goto select go defer var "
        "const chan map struct interface nil true false package",
        "DEFINES": "func", "DEFINES_TYPE": "type", "IMPORTS": "import",
    },
    "rust": {
        "KEYWORD": "if else for while loop match return break continue let mut ref move in where pub crate super self "
        "Self static const async await dyn unsafe extern true false box default",
        "DEFINES": "fn", "DEFINES_TYPE": "struct enum trait union type mod", "USES_TYPE": "as", "IMPLEMENTS": "impl",
        "IMPORTS": "use",
    },
    "ruby": {
        "KEYWORD": "if elsif else unless case when while until for in do begin rescue ensure end return break next "
        "redo retry yield self super nil true false and or not then alias undef defined",
        "DEFINES": "def", "DEFINES_TYPE": "class module", "CALLS_IMPORT": "require require_relative load autoload",
    },
    "elixir": {
        "KEYWORD": "if else unless case cond do end fn rescue catch after when and or not in nil true false with for "
        "try raise receive quote unquote",
        "DEFINES": "def defp defmacro defmacrop defguard defdelegate", "DEFINES_TYPE": "defmodule defprotocol defimpl",
        "IMPORTS": "alias import use require",
    },
    "php": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} foreach as elseif endif endforeach endfor endwhile echo print global isset "
        "unset empty null true false self parent match yield from clone and or xor declare goto list array static "
        "insteadof php",
        "DEFINES": "function fn", "DEFINES_TYPE": "class interface trait enum namespace", "CONSTRUCTS": "new",
        "INHERITS": "extends implements", "USES_TYPE": "instanceof", "IMPORTS": "use",
    },
    "shell": {
        "KEYWORD": "if then elif else fi for in do done while until case esac time exec eval command builtin",
        "DEFINES": "function",
    },
    "perl": {
        "KEYWORD": "if elsif else unless while until for foreach return my our local last next redo and or not eq ne "
        "lt gt le ge x cmp do eval qw q qq",
        "DEFINES": "sub", "DEFINES_TYPE": "package", "IMPORTS": "use require no",
    },
    "julia": {
        "KEYWORD": "if elseif else for while try catch finally return break continue begin let do end local global "
        "const in isa where true false nothing mutable abstract primitive quote export baremodule",
        "DEFINES": "function macro", "DEFINES_TYPE": "struct module type", "IMPORTS": "using import",
    },
    "script": {
        "KEYWORD": "if elif else elsif for while until do done end return break continue in and or not true false nil "
        "null None True False self this then switch case default var let const",
        "DEFINES": "def func proc sub function fn method", "DEFINES_TYPE": "class type module",
        "IMPORTS": "import from include require",
    },
    "lua": {
        "KEYWORD": "if elseif else for while repeat until do end return break local in and or not nil true false then "
        "goto",
        "DEFINES": "function", "CALLS_IMPORT": "require",
    },
    "haskell": {
        "KEYWORD": "if then else case of do let in where infix infixl infixr deriving qualified hiding as forall",
        "DEFINES_TYPE": "module class instance data newtype type", "IMPORTS": "import",
    },
    "ml": {
        "KEYWORD": "if then else match with fun function begin end do done for while to downto try in of rec and "
        "mutable as when not or true false inherit initializer virtual method private constraint lazy assert",
        "DEFINES": "let val external member", "DEFINES_TYPE": "type module class exception namespace",
        "CONSTRUCTS": "new",
        "IMPORTS": "open include",
    },
    "lisp": {
        "KEYWORD": "if let let* letrec cond case when unless do loop begin lambda fn quote setq set! progn and or not "
        "nil true false t else",
        "DEFINES": "defun defn defmacro define defmethod defgeneric defvar def defparameter defconst defcustom defn- "
        "define-syntax defalias",
        "DEFINES_TYPE": "defclass defstruct deftype defrecord defprotocol ns in-package",
    },
    "erlang": {
        "KEYWORD": "if case of end receive after when fun try catch begin andalso orelse not and or xor div rem",
    },
    "sql": {
        "KEYWORD": "select from where and or not in is null as on join left right inner outer full group by order "
        "having limit offset union all distinct insert into values update set delete begin end if then else case "
        "when return returns declare primary key references default with SELECT FROM WHERE AND OR NOT IN IS NULL AS ON "
        "JOIN LEFT RIGHT INNER OUTER FULL GROUP BY ORDER HAVING LIMIT OFFSET UNION ALL DISTINCT INSERT INTO VALUES "
        "UPDATE SET DELETE BEGIN END IF THEN ELSE CASE WHEN RETURN RETURNS DECLARE PRIMARY KEY REFERENCES DEFAULT WITH",
        "DEFINES": "function procedure FUNCTION PROCEDURE",
        "DEFINES_TYPE": "table view type index TABLE VIEW TYPE INDEX",
    },
    "slashes": {
        "KEYWORD": f"{_CURLY} {_MODIFIERS} in is as this super self null nil true false when match where pub mut type",
        "DEFINES": "fn func fun function def proc contract message rpc task rule",
        "DEFINES_TYPE": "class struct enum interface trait module union service",
        "CONSTRUCTS": "new", "INHERITS": "extends implements", "IMPORTS": "import include using use",
    },
}  # fmt: skip
"""Words of each family, by role."""

_LANGUAGES = {
    "c": "c objc glsl hlsl wgsl llvm",
    "cpp": "cpp cuda",
    "java": "java apex",
    "csharp": "csharp",
    "kotlin": "kotlin",
    "scala": "scala",
    "swift": "swift",
    "dart": "dart",
    "groovy": "groovy",
    "python": "python starlark cython gdscript bitbake meson",
    "javascript": "javascript typescript tsx vue svelte astro actionscript qmljs",
    "go": "go gotemplate",
    "rust": "rust",
    "ruby": "ruby crystal",
    "elixir": "elixir",
    "php": "php hack",
    "shell": "bash",
    "perl": "perl raku",
    "julia": "julia",
    "script": "awk cmake coffeescript dockerfile fish gleam make nim nix powershell puppet r rego tcl",
    "lua": "lua luau ada vhdl",
    "haskell": "haskell agda elm purescript",
    "ml": "ocaml ocaml_interface fsharp pascal",
    "lisp": "clojure commonlisp elisp fennel racket scheme",
    "erlang": "erlang matlab prolog",
    "sql": "sql",
    "slashes": "bicep cairo capnp d fortran hare haxe hcl jsonnet odin pony prisma proto smithy solidity squirrel "
    "systemverilog tablegen thrift typst v vala verilog zig",
}  # fmt: skip
"""Languages of each family. The others, prose and data, have no references."""

_FAMILY_OF = {language: family for family, languages in _LANGUAGES.items() for language in languages.split()}

LANGUAGES_WITH_REFERENCES = frozenset(_FAMILY_OF)
"""Names of the languages whose files have references."""


def family_of(language: str) -> str:
    """Return the family of a language; "" where its files have no references."""
    return _FAMILY_OF.get(language, "")


@cache
def syntax_of(language: str) -> Syntax | None:
    """Return how files of a language are read; None where they have no references."""
    family = family_of(language)
    return _syntax(family) if family else None


@cache
def _syntax(family: str) -> Syntax:
    words = {word: role for role, of_role in _WORDS[family].items() for word in of_role.split()}
    return syntax(_FEATURES[family].split(), words)
