"""Comments and strings of families of languages, in which no definition begins."""

from __future__ import annotations

__all__ = ["CURLY_WITH_BLOCKS", "DASH", "DOUBLE_QUOTED", "HASH", "LISP", "PERCENT", "QUOTED", "SEMICOLON", "C"]

DOUBLE_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
"""Strings in double quotes on one line."""
QUOTED = DOUBLE_QUOTED + r"|'(?:[^'\\\n]|\\.)*'"
"""Strings on one line."""
C = r"/\*.*?(?:\*/|\Z)|//[^\n]*|" + QUOTED
"""Comments and strings of C."""
CURLY_WITH_BLOCKS = r'"""(?:[^\\]|\\.)*?(?:"""|\Z)|' + r"'''(?:[^\\]|\\.)*?(?:'''|\Z)|" + C
"""Comments and strings of C, and strings in three quotes."""
HASH = r"#[^\n]*|" + QUOTED
"""Comments after a hash, and strings on one line."""
DASH = r"--[^\n]*|" + r'"(?:[^"\n]|"")*"'
"""Comments of Ada and VHDL, and strings on one line."""
SEMICOLON = r";[^\n]*|" + QUOTED
"""Comments after a semicolon, and strings on one line."""
PERCENT = r"%[^\n]*|" + QUOTED
"""Comments after a percent sign, and strings on one line."""
LISP = r'#\\.|\?\\?["();]|;[^\n]*|#\|.*?(?:\|#|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)'
"""Characters, comments and strings of languages with parentheses. Strings go over several lines."""
