"""Patterns of VHDL, Verilog, SystemVerilog and assemblers."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import DASH, C

__all__ = ["HARDWARE"]

_N = r"(?P<name>\w+)"
_VHDL = Patterns(
    (
        rule("module", r"\s*(?i:package\s+body)\s+" + _N + r"\s+(?i:is)\b"),
        rule("module", r"\s*(?i:package|configuration|context)\s+" + _N + r"\s+(?i:is|of)\b"),
        rule("class", r"\s*(?i:entity)\s+" + _N + r"\s+(?i:is)\b"),
        rule("module", r"\s*(?i:architecture)\s+" + _N + r"\s+(?i:of)\b"),
        rule("class", r"\s*(?i:component)\s+" + _N + r"\b(?!\s*;)"),
        rule("function", r"\s*(?i:(?:pure\s+|impure\s+)?function|procedure)\s+(?P<name>\w+|\"[^\"\n]+\")"),
        rule("class", r"\s*(?i:type)\s+" + _N + r"\s+(?i:is\s+(?:record|protected(?:\s+body)?))\b", holds=False),
        rule("enum", r"\s*(?i:type)\s+" + _N + r"\s+(?i:is)\s*\(", holds=False),
        rule("type", r"\s*(?i:type|subtype)\s+" + _N + r"\s+(?i:is)\b"),
        rule("constant", r"\s*(?i:constant|alias|attribute)\s+" + _N + r"\s*:"),
        rule("function", r"\s*(?P<name>\w+)\s*:\s*(?i:postponed\s+)?(?i:process)\b"),
    ),
    (DASH + r"|/\*.*?(?:\*/|\Z)"),
    (b"--",),
    end=r"[ \t]*(?i:end)\b(?![ \t]+(?i:if|case|loop|generate|record|for)\b)",
)

_LIFETIME = r"(?:(?:automatic|static)\s+)?"
_METHOD_WORDS = (
    r"(?:(?:virtual|static|protected|local|extern|pure|forkjoin|context|export|import|\"DPI-C\"|\"DPI\"|rand)\s+)*"
)
_VERILOG = Patterns(
    (
        rule("macro", r"\s*`define\s+" + _N, holds=False, in_code=True),
        rule(
            "module", r"\s*(?:extern\s+)?(?:module|macromodule|program|package|primitive|checker)\s+" + _LIFETIME + _N
        ),
        rule("interface", r"\s*(?:virtual\s+)?interface\s+(?:class\s+)?" + _N + r"\b(?!\s+\w+\s*;)"),
        rule("class", r"\s*(?:virtual\s+)?class\s+" + _LIFETIME + _N),
        rule(
            "function",
            r"\s*"
            + _METHOD_WORDS
            + r"(?:function|task)\b\s*"
            + _LIFETIME
            + r"(?:[\w:$]+(?:\s*#\s*\([^()\n]*\))?(?:\s+|(?=\[))|\[[^\]\n]*\]\s*){0,5}?(?P<owner>\w+::)?(?P<name>\w+)\s*(?:\(|;)",
        ),
        rule("enum", r"\s*typedef\s+enum\b[^{};]{0,200}\{[^{}]{0,4000}\}\s*" + _N + r"\s*;", holds=False),
        rule(
            "class",
            r"\s*typedef\s+(?:struct|union)\b[^{};]{0,200}\{[^{}]{0,4000}(?:\{[^{}]{0,1000}\}[^{}]{0,1000}){0,20}\}\s*"
            + _N,
            holds=False,
        ),
        rule("type", r"\s*typedef\s+(?!enum|struct|union)[^;{}]{0,300}?" + _N + r"\s*(?:\[[^\]]*\]\s*)*;", holds=False),
        rule(
            "constant",
            r"\s*(?:localparam|parameter)\s+(?:(?:\w+|\[[^\]\n]*\])\s+){0,6}?" + _N + r"\s*(?:\[[^\]\n]*\]\s*)?=",
        ),
        rule("class", r"\s*covergroup\s+" + _N, holds=False),
        rule("function", r"\s*(?:property|sequence)\s+" + _N, holds=False),
        rule("constant", r"\s*(?:static\s+)?constraint\s+" + _N + r"\s*\{"),
        rule("constant", r"\s*(?:modport|clocking)\s+" + _N),
    ),
    (C.replace(r"|'(?:[^'\\\n]|\\.)*'", "")),
    (b"//", b"/*", b"(*"),
    end=r"[ \t]*end(?:module|program|package|interface|class|function|task|primitive|checker)\b",
)

_SYMBOL = r"(?P<name>[A-Za-z_.$?@][\w.$?@]*)"
_ASSEMBLER = Patterns(
    (
        rule("macro", r"\s*(?i:\.macro|%i?macro|%x?define|%i?assign|#define)\s+(?P<name>\w+)", holds=False),
        rule("macro", r"\s*(?P<name>\w+)\s+(?i:macro)\b", holds=False),
        rule(
            "class", r"\s*(?:(?i:struc|\.struct)\s+(?P<name>\w+)|(?P<name2>\w+)\s+(?i:struct?))\s*(?:;|$)", holds=False
        ),
        rule(
            "function",
            r"\s*(?:ENTRY|ENTRY_NP|SYM_(?:TYPED_)?(?:FUNC|CODE|INNER_LABEL|DATA)_START\w*|WEAK|GLOBAL|FUNC|SYM_INNER_LABEL|ASM_FUNC|ENTRY_\w+)\s*\(\s*(?P<name>(?!export\b)\w+)"
            r"|\s*(?:ENTRY|WEAK|GLOBAL|FUNC|function)\s+(?P<name2>(?!export\b)\w+)",
            holds=False,
        ),
        rule("function", r"\s*(?P<name>\w+)\s+(?i:proc)\b", holds=False),
        rule("constant", r"\s*(?i:\.equiv|\.equ|\.set|\.comm|\.lcomm|equ)\s+" + _SYMBOL, holds=False),
        rule(
            "constant",
            r"(?P<name>[A-Za-z_][\w$]*):?\s+(?i:equ|db|dw|dd|dq|resb|resw|resd|resq|byte|word|dword|qword)\b",
            holds=False,
        ),
        rule(
            "constant",
            r"(?P<name>(?!\.?L[\w.$]*:)[A-Za-z_][\w$.]*):\s*(?:\.(?:long|byte|word|quad|asciz|ascii|string|int|short|space|skip|zero|octa|hword|float|double)|d[bwdq]|res[bwdq])\b",
            holds=False,
        ),
        rule("function", r"(?P<name>(?!\.?L[\w.$]*:)[A-Za-z_$?@][\w$.?@]*)::?(?!=)", holds=False),
    ),
    (r"/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\.)*\"|(?:(?<=\s)|^)[#;@][^\n]*|//[^\n]*"),
    (b"#", b";", b"//", b"/*", b"*", b"@", b".globl", b".global", b".type", b".align", b".p2align", b"global"),
)

HARDWARE: dict[str, Patterns] = {"asm": _ASSEMBLER, "systemverilog": _VERILOG, "verilog": _VERILOG, "vhdl": _VHDL}
"""Patterns of each language."""
