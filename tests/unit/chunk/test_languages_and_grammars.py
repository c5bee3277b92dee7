"""Languages are told from names, extensions and content; grammars load once."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from raycontext.chunk.languages import grammars
from raycontext.chunk.languages.detect import LANGUAGES, detect_language
from raycontext.chunk.languages.grammars import fingerprint, parser_for


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("src/app.py", b"", "python"),
        ("stubs/app.pyi", b"", "python"),
        ("A.PY", b"", "python"),
        ("a/Makefile", b"", "make"),
        ("a/Dockerfile.prod", b"", "dockerfile"),
        ("CMakeLists.txt", b"", "cmake"),
        ("Rakefile", b"", "ruby"),
        ("Gemfile", b"", "ruby"),
        ("go.mod", b"", "gomod"),
        ("lib/index.cjs", b"", "javascript"),
        ("lib/index.mts", b"", "typescript"),
        ("lib/app.tsx", b"", "tsx"),
        ("lib/app.ts", b"<?xml version='1.0'?><!DOCTYPE TS><TS>", "xml"),
        ("lib/app.ts", b"export const a = 1", "typescript"),
        ("include/a.h", b"int f(void);\n", "c"),
        ("include/a.h", b"#include <vector>\n", "cpp"),
        ("include/a.h", b"namespace a {\n", "cpp"),
        ("include/a.h", b"@interface A : NSObject\n", "objc"),
        ("a.m", b"@implementation A\n", "objc"),
        ("a.m", b"function y = f(x)\n", "matlab"),
        ("config.h.in", b"#define A 1\n", "c"),
        ("page.html.erb", b"", "embeddedtemplate"),
        ("schema.sql", b"", "sql"),
        ("bin/run", b"#!/usr/bin/env python3\n", "python"),
        ("bin/run", b"#!/bin/sh -e\n", "bash"),
        ("bin/run", b"#!/usr/bin/env -S node --harmony\n", "javascript"),
        ("bin/run", b"#!/usr/bin/ruby2.7\n", "ruby"),
        ("bin/run", b"-- nothing known\n", "text"),
        ("man/tool.1", b'.\\" A page\n.TH TOOL 1\n', "roff"),
        ("data/part.1", b"1 2 3\n", "text"),
        ("include/a.h", b"/* std::vector, class A { and template <T> */\nint f(void);\n", "c"),
        ("include/a.h", b"// namespace a {\nstruct s { int operator; };\n", "c"),
        ("include/a.h", b'#ifdef __cplusplus\nextern "C" {\nnamespace a { class B; }\n#endif\nint f(void);\n', "c"),
        ("include/a.h", b"void f() { std::string a; }\n", "cpp"),
        ("install", b"#!/bin/sh\nset -e\n", "bash"),
        ("build", b"#!/usr/bin/env python3\n", "python"),
        ("todo", b"#!/usr/bin/perl -w\n", "perl"),
        ("todo", b"Buy milk\n", "text"),
        ("bin/app.ts", b"#!/usr/bin/env node\nexport const a = 1\n", "typescript"),
        ("a.v", b"module counter(input clk);\nendmodule\n", "verilog"),
        ("a.v", b"Require Import Arith.\nTheorem a : True.\nProof.\nQed.\n", "coq"),
        ("Makefile.PL", b"use ExtUtils::MakeMaker;\n", "perl"),
        ("Puppetfile", b"mod 'a'\n", "ruby"),
        ("lib/A.pm", b"use Test;\nmodule A {\n    sub f is export { }\n}\n# vim: ft=perl6\n", "raku"),
        ("lib/A.pm", b"package A;\nuse strict;\n1;\n", "perl"),
        ("t/a.t", b"use v6;\nuse Test;\nmy $a = 1;\nmy $b = 2;\n", "raku"),
        ("t/a.t", b"use Test::More;\nok(1);\n", "perl"),
        ("a.d", b"lib/a.o: lib/a.c \\\n include/a.h\n", "make"),
        ("a.d", b"void f()\n{\n}\n", "d"),
        ("a.inc", b'SUMMARY = "X"\nDEPENDS = "y"\n', "bitbake"),
        ("a.m", b"ROUTINE ;comment\n QUIT\n", "text"),
        ("a.cls", b"ROUTINE LEVEL ON ERROR.\n", "text"),
        ("a.mm", b"<map version='1.0'>\n", "xml"),
        ("a.php", b"<?hh\n", "hack"),
        ("a.gs", b"#version 150\nlayout(points) in;\n", "glsl"),
        ("a.gs", b"function onOpen() {\n}\n", "javascript"),
        ("a.vba", b'" Vimball Archiver\nUseVimball\n', "vim"),
        ("boot.S", b"/* A licence. */\n", "asm"),
        ("a.v", b"module main\n\nfn main() {\n\tmut a := 1\n}\n", "v"),
        ("a.pp", b"unit A;\ninterface\nimplementation\nend.\n", "pascal"),
        ("a.pp", b"class a {\n  file { '/x': ensure => present }\n}\n", "puppet"),
        ("a.cl", b"(defun f (x) x)\n", "commonlisp"),
        ("a.cl", b"__kernel void f(__global float *a) {\n  a[0] = 1;\n}\n", "c"),
        ("a.pl", b"use strict;\nmy $a = 1;\n", "perl"),
        ("a.pl", b":- module(a, [f/1]).\nf(X) :- g(X).\n", "prolog"),
        ("a.m", b"(* Page *)\nf[x_] := x\n", "mathematica"),
        ("a.m", b"// C\n#include <stdio.h>\n", "objc"),
        ("a.inc", b"<?php\nfunction f() {}\n", "php"),
        ("a.inc", b"#define A 1\nint f(void);\n", "c"),
        ("a.inc", b"procedure F;\nbegin\nend;\n", "pascal"),
        ("a.inc", b"plain words\n", "text"),
        ("templates/_helpers.tpl", b'{{- define "a" -}}\n{{- end }}\n', "gotemplate"),
        ("a.tpl", b"{foreach $a as $b}\n{$b}\n{/foreach}\n", "html"),
        ("page.html.j2", b"{% block a %}{% endblock %}", "jinja"),
        ("Page.cshtml", b"@model A\n", "razor"),
        ("Page.razor", b"@page\n", "razor"),
        ("page.jsp", b"<%@ page %>\n", "jsp"),
        ("a.cls", b"VERSION 1.0 CLASS\n", "vb"),
        ("a.cls", b"public class A {}\n", "apex"),
        ("a.cls", b"\\NeedsTeXFormat{LaTeX2e}\n", "latex"),
        ("LICENSE", b"MIT", "text"),
        ("no_extension", b"", "text"),
        ("trailing.", b"", "text"),
        ("", b"", "text"),
    ],
)
def test_language_of(path: str, head: bytes, language: str) -> None:
    assert detect_language(path, head) == language
    assert language in LANGUAGES


def test_languages_are_sorted_and_unique() -> None:
    assert list(LANGUAGES) == sorted(set(LANGUAGES))
    assert len(LANGUAGES) > 100


def test_parsers_are_new_but_share_one_grammar() -> None:
    first, second = parser_for("python"), parser_for("python")
    assert first is not None and second is not None
    assert first is not second
    assert first.language == second.language


@pytest.mark.parametrize("language", ["text", "no such language", "", "../python"])
def test_language_without_grammar_has_no_parser(language: str) -> None:
    assert parser_for(language) is None


def test_every_language_loads_or_is_none() -> None:
    loaded = [language for language in LANGUAGES if parser_for(language) is not None]
    assert len(loaded) > 80


def test_fingerprint_names_the_versions() -> None:
    text = fingerprint()
    assert metadata.version("tree-sitter") in text
    assert str(grammars.CHUNKER_VERSION) in text


def test_missing_packs_mean_no_parser() -> None:
    """In a process of its own, in which neither package of grammars can be imported."""
    program = (
        "import sys\n"
        "sys.modules['tree_sitter_language_pack'] = sys.modules['tree_sitter_languages'] = None\n"
        "from raycontext.chunk.languages.grammars import parser_for\n"
        "print(parser_for('python'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "None\n", done.stderr
    assert parser_for("python") is not None
