"""What chunking a file made is free at once, not when the garbage collector comes by."""

from __future__ import annotations

import gc
import sysconfig
from pathlib import Path

import pytest

from raycontext.chunk.chunker import chunk_file

CLAUSES = """\
module Main where

size :: [a] -> Int
size [] = 0
size (_ : rest) =
  1 + size rest

largest :: [Int] -> Int
largest = maximum
"""
LANGUAGES = {"c": ("include", "*.h"), "python": ("stdlib", "*.py")}


@pytest.mark.parametrize("language", [*LANGUAGES, "haskell"])
def test_chunking_leaves_no_cycles(language: str) -> None:
    if language == "haskell":
        contents = [CLAUSES.encode()]
    else:
        folder, pattern = LANGUAGES[language]
        files = sorted(Path(sysconfig.get_paths()[folder]).glob(pattern))[:12]
        contents = [file.read_bytes() for file in files]
    for target in (200, 1500):
        chunk_file(contents[0], language, target)
        gc.collect()
        gc.disable()
        try:
            found = [chunk_file(content, language, target) for content in contents]
            assert gc.collect() == 0
        finally:
            gc.enable()
        assert any(chunked.definitions for chunked in found)
