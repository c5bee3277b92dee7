"""Macros of C and C++ that define: `SYSCALL_DEFINE3(open, …) { … }`, `TEST_CASE("title") { … }`, `DEFINE_MUTEX(name);`.

No preprocessor runs before the grammar. Such a call is written as the function or the variable that it defines, byte
for byte, so that all offsets stay. The name is read from the file itself, so that even a title in quotes can be one.
"""

from __future__ import annotations

import re

__all__ = ["is_test_macro", "with_macro_definitions"]

_ARGUMENTS = rb"(?:[^()]++|\((?:[^()]++|\([^()]*+\))*+\))*+"
_FUNCTION = re.compile(
    rb"\n[ \t]*(?:static[ \t]+)?("
    rb"(?:[A-Z0-9]+_)*(?:SYSCALL_DEFINE|BPF_CALL_|DEFINE_)\w*\([ \t]*(?P<name>\w+)"
    rb"|(?:[A-Z]+_)*TEST_CASE\([ \t]*\"(?P<title>[^\"\n]+)\""
    rb"|SCENARIO\([ \t]*\"(?P<title2>[^\"\n]+)\""
    rb"|(?:[A-Z]+_)*(?:TEST_CASE_METHOD|TEST_CASE_FIXTURE)\([ \t]*\w+[ \t]*,[ \t]*\"(?P<title3>[^\"\n]+)\""
    rb")(?P<rest>" + _ARGUMENTS + rb"\))(?=\s*\{)"
)
_VARIABLE = re.compile(
    rb"\n[ \t]*(?:static[ \t]+)?("
    rb"(?:DEFINE_(?:PER_CPU\w*|EVENT\w*)|DECLARE_PER_CPU\w*)\([^(),]+,[ \t]*(?P<second>\w+)"
    rb"|(?:(?:DEFINE|DECLARE)_\w+|LIST_HEAD|TRACE_EVENT\w*|MODULE_PARM)\([ \t]*"
    rb"(?:(?:const[ \t]+)?(?:unsigned[ \t]+)?(?:int|bool|char|float|double|long|std::string|string)[ \t*]*,[ \t]*)?"
    rb"(?P<first>\w+)"
    rb")(?P<rest>" + _ARGUMENTS + rb"\))(?=[ \t]*;)"
)
_HINTS = (b"DEFINE", b"TEST_CASE", b"SCENARIO(", b"LIST_HEAD(", b"TRACE_EVENT", b"BPF_CALL_", b"DECLARE_")
_TEST = re.compile(rb"\s*(?:(?:[A-Z]+_)*TEST_CASE\w*|SCENARIO)\(")
_WORD = re.compile(rb"\w")
_NOT_LINE_END = re.compile(rb"[^\r\n]")


def with_macro_definitions(data: bytes) -> bytes:
    """Return source code in which calls of macros that define are functions and variables of the same length."""
    if not any(hint in data for hint in _HINTS):
        return data
    return _VARIABLE.sub(_as_variable, _FUNCTION.sub(_as_function, data))


def is_test_macro(data: bytes, offset: int) -> bool:
    """Return whether the call of a macro that defines a test begins at an offset."""
    return _TEST.match(data, offset) is not None


def _as_function(match: re.Match[bytes]) -> bytes:
    """Return `void name() ` in place of the call of a macro before a body."""
    group = next(name for name in ("name", "title", "title2", "title3") if match[name] is not None)
    if match["rest"] == b")" and group == "name":
        return match[0]  # `SYSCALL_DEFINE0(name) {` reads as a function as it is, and there is no room for another form
    return _rewritten(match, group, b"void", b"(", b")")


def _as_variable(match: re.Match[bytes]) -> bytes:
    """Return `int name` in place of the call of a macro."""
    return _rewritten(match, "first" if match["first"] is not None else "second", b"int", b" ", b" ")


def _rewritten(match: re.Match[bytes], group: str, word: bytes, opening: bytes, closing: bytes) -> bytes:
    """Return a match with a word at its beginning, and signs right behind the name and at its end."""
    whole = match[0]
    begin, end = match.start(1) - match.start(), len(whole)
    first, last = match.start(group) - match.start(), match.end(group) - match.start()
    before = _NOT_LINE_END.sub(b" ", whole[begin:first])
    name = bytes(byte if _WORD.match(bytes((byte,))) and byte < 128 else 120 for byte in whole[first:last])
    if not (name[:1].isalpha() or name[:1] == b"_"):
        name = b"x" + name[1:]
    behind = _NOT_LINE_END.sub(b" ", whole[last:end])
    signs = opening + behind[1:-1] + closing if len(behind) > 1 else closing
    return whole[:begin] + word + before[len(word) :] + name + signs
