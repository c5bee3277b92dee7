"""`eval --mine` and `tune` as processes: what they print, and that they print no text of the tree unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..documented_tree import write_shop
from .conftest import Command

pytestmark = pytest.mark.process

INLINE = ("--runtime", "inline")
WORDS = "that comes to us"
"""Words of every doc comment of the tree, and of nothing else."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path / "shop")
    return tmp_path / "shop"


def test_text_of_mined_questions_is_shown_where_it_is_asked_for_alone(command: Command, shop: Path) -> None:
    mining = ("eval", "--mine", "docs", shop, *INLINE, "--questions", "20")
    done = command(*mining)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"20 queries on {shop} as 'shop', version 1")
    assert WORDS not in done.stdout + done.stderr
    as_json = command(*mining, "--json")
    assert WORDS not in as_json.stdout + as_json.stderr
    assert {outcome["query"] for outcome in json.loads(as_json.stdout)["outcomes"]} == {""}
    shown = command(*mining, "--json", "--show-questions")
    assert all(WORDS in outcome["query"] for outcome in json.loads(shown.stdout)["outcomes"])


def test_tune_tells_the_gain_and_keeps_what_it_was_told_to_keep(command: Command, shop: Path) -> None:
    done = command("tune", "--mine", "docs", shop, *INLINE, "--keep")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "240 questions from docs on 'shop'; intervals: 95 %, over questions"
    assert lines[3].startswith("gain ")
    assert lines[3].endswith("significant")
    assert lines[4].startswith("Searches of 'shop' use the fitted weights. `raycontext untune`")
    assert WORDS not in done.stdout + done.stderr
    reset = command("untune", shop, *INLINE)
    assert (reset.returncode, reset.stdout) == (0, "'shop' uses the weights of the package again\n")
    again = command("untune", shop, *INLINE)
    assert (again.returncode, again.stdout) == (1, "'shop' had no weights of its own\n")


def test_few_questions_are_refused(command: Command, shop: Path) -> None:
    for place in sorted(shop.iterdir())[1:]:
        place.unlink()
    done = command("tune", "--mine", "docs", shop, *INLINE)
    assert (done.returncode, done.stdout) == (2, "")
    assert "12 questions" in done.stderr.splitlines()[-1]
