"""Files in any encoding become the text that they hold; what is recorded makes the same text again."""

from __future__ import annotations

import codecs
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.discover.decoding import Decoded, decode, decoded_as, text_problem

from .encoded_samples import ENCODINGS, samples

MOST_WRONG = 0.02
"""Largest share of samples that the detector may decode wrong. Measured: 6 of 396; two accents are too few to tell."""


def text_of(raw: bytes, declared: str = "") -> Decoded:
    found = decode(raw, declared)
    assert isinstance(found, Decoded), found
    return found


def test_samples_of_twelve_encodings_are_decoded_right() -> None:
    wrong: Counter[str] = Counter()
    count = 0
    for sample in samples():
        found = text_of(sample.raw)
        count += 1
        assert decoded_as(sample.raw, found.encoding) == found.data
        if found.data.decode() != sample.text:
            wrong[sample.encoding] += 1
    assert count == 33 * len(ENCODINGS)
    assert sum(wrong.values()) <= MOST_WRONG * count, wrong
    assert wrong.keys() <= {"iso8859_2", "cp1250"}


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        (b"-- Copyright \xa9 2008\nentity adder is\nend;\n", "-- Copyright © 2008\nentity adder is\nend;\n", "latin-1"),
        (b"/* M\xfcller, 20\xb0C */\n", "/* Müller, 20°C */\n", "latin-1"),
        (b"// it\x92s\n", "// it’s\n", "cp1252"),
        ("für größere\n".encode() + b"M\xfcller\n", "für größere\nMüller\n", "utf-8+latin-1"),
        (codecs.BOM_UTF8 + b"M\xfcller\n", "Müller\n", "utf-8+latin-1"),
    ],
)
def test_where_nothing_tells_the_encoding_it_is_latin_1_and_marked(raw: bytes, text: str, encoding: str) -> None:
    assert text_of(raw) == Decoded(text.encode(), encoding, is_guess=True)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("# -*- coding: koi8-r -*-\n", "koi8-r"),
        ("#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\n", "koi8-r"),
        ('<?xml version="1.0" encoding="KOI8-R"?>\n', "koi8-r"),
        ('<html><head><meta http-equiv="x" content="text/html; charset=koi8-r">\n', "koi8-r"),
        ('@charset "KOI8-R";\n', "koi8-r"),
        ("=encoding koi8-r\n", "koi8-r"),
    ],
)
def test_declaration_in_the_file_decides_before_the_detector(head: str, encoding: str) -> None:
    text = f"{head}# щ\n"
    assert text_of(text.encode("koi8-r")) == Decoded(text.encode(), encoding, is_guess=False)


@pytest.mark.parametrize(
    "head", ["# coding: nonsense\n", "# coding: punycode\n", "# coding: hex\n", "# coding: utf-8\n"]
)
def test_declaration_that_cannot_be_right_does_not_count(head: str) -> None:
    assert text_of(f"{head}# Größe\n".encode("latin-1")).data == f"{head}# Größe\n".encode()


def test_declaration_of_the_tree_decides_before_the_form_of_the_bytes() -> None:
    assert text_of("Größe".encode("utf-16-le"), "UTF-16LE-BOM").data == "Größe".encode()
    assert text_of("ж".encode("cp1251") * 40, "windows-1251") == Decoded("ж".encode() * 40, "cp1251", is_guess=False)
    assert text_of("日本".encode("iso2022_jp"), "ISO-2022-JP").data == "日本".encode()
    assert text_of("Größe".encode(), "no such thing").data == "Größe".encode()
    assert text_of("Größe".encode(), "ascii").data == "Größe".encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_wide_characters_leave_no_nul_and_keep_their_lines(encoding: str) -> None:
    text = "def größe():\n\treturn 1\n\x0c\n# \u2028 \x85 end\n" * 3
    assert text_of(text.encode(encoding)).data == text.encode()


@pytest.mark.parametrize(
    "raw",
    [b"\0", b"GIF89a\x01\x00\x01\x00", bytes(range(256)), bytes(range(1, 256)), b"\x7fELF\x02\x01\x01" + b"\0" * 64],
)
def test_bytes_that_are_no_text(raw: bytes) -> None:
    assert decode(raw) in ("binary", "undecodable")


@given(st.binary(max_size=200), st.sampled_from(["", "latin-1", "utf-16", "gbk", "nonsense"]))
def test_any_bytes_are_text_or_have_a_problem_and_both_functions_agree(raw: bytes, declared: str) -> None:
    found = decode(raw, declared)
    assert text_problem(raw, declared) == (found if isinstance(found, str) else None)
    if isinstance(found, Decoded):
        found.data.decode()
        assert b"\0" not in found.data
        assert decoded_as(raw, found.encoding) == found.data
