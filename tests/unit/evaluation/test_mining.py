"""Questions from doc comments and commits: what becomes one, what does not, and what is left of the file."""

from __future__ import annotations

import pytest

from raycontext.discover.commits.history import Commit
from raycontext.evaluation.mined_commits import commit_question, judged_commits, may_answer
from raycontext.evaluation.mined_docs import (
    DocQuestion,
    chosen_questions,
    count_openings,
    gives_questions,
    judged_places,
    opening,
    questions_of_file,
    without_comments,
)

PYTHON = '''"""Carts."""


def total(cart):
    """Add up the prices of everything in the basket.

    Taxes come later.
    """
    amount = 0
    for item in cart:
        amount += item.price
    return amount


def empty(cart):
    """Remove all."""
    cart.clear()
    cart.saved = False
    return cart
'''
GO = """package shop

// Ship hands the parcel over to the carrier and waits for its number.
func Ship(parcel Parcel) string {
	number := carrier.Take(parcel)
	log(number)
	return number
}
"""


@pytest.mark.parametrize(
    ("path", "language", "text", "question"),
    [
        ("cart.py", "python", PYTHON, "Add up the prices of everything in the basket"),
        ("ship.go", "go", GO, "hands the parcel over to the carrier and waits for its number"),
    ],
)
def test_first_sentence_of_a_comment_asks_for_its_definition(
    path: str, language: str, text: str, question: str
) -> None:
    (found,) = questions_of_file(path, text.encode(), language)
    assert found.text == question
    left, ((first, last),) = without_comments(text.encode(), [found])
    assert question.split()[3] not in left.decode()
    lines = left.decode().split("\n")[first - 1 : last]
    assert lines[0].startswith(("def total", "func Ship"))
    assert lines[-1].strip() in ("return amount", "}")
    (judged,) = judged_places([found], [(first, last)])
    assert (judged.query, judged.category, judged.targets[0].path) == (question, language, path)


def test_comment_that_names_its_definition_or_says_little_is_no_question() -> None:
    text = """def parcels(shop):
    # parcels of all the shops there are
    return 1


# All open parcels of the shop are counted
def count(parcels):
    n = 0
    for p in parcels:
        n += 1
    return n


# Open parcels become a tally of this day
def tally(day):
    a = 1
    b = 2
    return a
"""
    assert [found.text for found in questions_of_file("a.py", text.encode(), "python")] == [
        "All open parcels of the shop are counted"
    ]


@pytest.mark.parametrize(
    ("path", "language", "gives"),
    [
        ("shop/cart.py", "python", True),
        ("internal/cart.go", "go", True),
        ("tests/test_cart.py", "python", False),
        ("vendor/cart.go", "go", False),
        ("docs/cart.md", "markdown", False),
    ],
)
def test_code_of_the_project_itself_gives_questions(path: str, language: str, gives: bool) -> None:
    assert gives_questions(path, language) is gives


def question(path: str, text: str) -> DocQuestion:
    return DocQuestion(text, path, 1, 5, frozenset({0}), "python")


def test_question_whose_words_stand_elsewhere_is_left_out() -> None:
    once, twice = question("a.py", "opens the vault at nine every morning"), question("b.py", "closes the vault at ten")
    text = f"# {once.text}\nx = 1\n# {twice.text}\ny = '{twice.text}'\nunrelated {once.text[1:]}\n"
    counts = count_openings(text, {opening(once.text), opening(twice.text)})
    assert counts == {opening(once.text): 1, opening(twice.text): 2}
    assert chosen_questions([once, twice], counts, 10) == [once]


def test_questions_are_spread_over_files_and_the_same_in_each_run() -> None:
    many = [question("a.py", f"asks number {number} of a file with many") for number in range(6)]
    other = [question("b.py", f"other number {number} of another file here") for number in range(2)]
    counts = {opening(each.text): 1 for each in (*many, *other)}
    chosen = chosen_questions([*many, *other], counts, 4)
    assert chosen == chosen_questions([*reversed(many), *other], counts, 4)
    assert [each.path for each in chosen] == ["a.py", "a.py", "b.py", "b.py"]
    assert len(chosen_questions([*many, *other], counts, 7)) == 7


@pytest.mark.parametrize(
    ("subject", "asked"),
    [
        ("fix(cart): Keep the order of equal prices (#12)", "Keep the order of equal prices"),
        ("Merge branch 'main' of somewhere into there", ""),
        ("Bump the version of everything to 2.0", ""),
        ("typo", ""),
        ("Refuse parcels without a sender. Fixes #9", "Refuse parcels without a sender"),
    ],
)
def test_subject_of_a_commit_becomes_a_question(subject: str, asked: str) -> None:
    assert commit_question(subject) == asked


def test_commit_is_answered_by_the_files_that_it_changed_and_that_were_there() -> None:
    commits = [
        Commit("Keep the order of equal prices", ("shop/cart.py", "tests/test_cart.py", "shop/new.py")),
        Commit("Move everything to another place", tuple(f"shop/{number}.py" for number in range(9))),
        Commit("Describe the shop in other words", ("README.md",)),
    ]
    there = frozenset({"shop/cart.py", "tests/test_cart.py", "README.md", *(f"shop/{n}.py" for n in range(9))})
    (judged,) = judged_commits(commits, there, 10)
    assert (judged.query, [target.path for target in judged.targets]) == (
        "Keep the order of equal prices",
        ["shop/cart.py"],
    )
    assert not may_answer("README.md")
