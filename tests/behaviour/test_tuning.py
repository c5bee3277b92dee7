"""Evaluation and tuning on questions that are mined from made repositories, and the weights that searches then use."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from platformdirs import user_state_path

import raycontext
from raycontext.errors import InvalidInput

from ..documented_tree import THINGS, write_shop


def git(folder: Path, *arguments: str) -> None:
    named = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)


def write_history(folder: Path) -> None:
    """Write a repository whose last 24 commits each change a file that was there before."""
    folder.mkdir()
    git(folder, "init", "-q")
    for number in range(12):
        (folder / f"{THINGS[number % 10]}{number}.py").write_text(
            f"def {THINGS[number % 10]}_{number}():\n    return 1\n"
        )
        git(folder, "add", ".")
        git(folder, "commit", "-qm", f"Add number {number} of the things here")
    for number in range(24):
        place = folder / f"{THINGS[number % 10]}{number % 10}.py"
        place.write_text(place.read_text() + f"\n\ndef step_{number}():\n    return {number}\n")
        git(folder, "commit", "-qam", f"Let step {number} of the {THINGS[number % 10]} return its number")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path / "shop")
    return tmp_path / "shop"


def test_questions_from_docs_are_put_to_a_copy_without_them(root: Path, runtime: str, shop: Path) -> None:
    before = {path: path.read_bytes() for path in shop.iterdir()}
    with raycontext.connect(root=root, runtime=runtime) as context:  # type: ignore[arg-type]
        context.index(shop)
        found = context.evaluate(mine="docs", path=shop, questions=40)
        assert (found.overall.queries, found.depth, list(found.categories)) == (40, 10, ["python"])
        assert all(" that comes to us" in outcome.query for outcome in found.outcomes)
        assert 0.0 < found.overall.recall.mean <= 1.0
        assert found.overall.ndcg.low <= found.overall.ndcg.mean <= found.overall.ndcg.high
        assert found.outcomes[0].milliseconds > 0.0
        again = context.evaluate(mine="docs", path=shop, questions=40)
        assert [each.ndcg for each in again.outcomes] == [each.ndcg for each in found.outcomes]
        assert [summary.name for summary in context.collections()] == ["shop"]
    noted = user_state_path("raycontext", appauthor=False)
    assert not [record for record in noted.rglob("*.json") if b"held-out" in record.read_bytes()]
    assert {path: path.read_bytes() for path in shop.iterdir()} == before


def test_questions_from_commits_are_put_to_the_state_before_them(root: Path, tmp_path: Path) -> None:
    write_history(tmp_path / "shop")
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(tmp_path / "shop")
        found = context.evaluate(mine="commits", questions=30)
        assert list(found.categories) == ["commit"]
        assert 20 <= found.overall.queries <= 24
        assert found.overall.recall.mean > 0.5  # the words of the file's name are in each question
        hits = context.search("step_3")
        assert hits[0].path.endswith(".py")  # what is indexed is the newest state all the same


def test_configuration_of_a_repository_runs_nothing(root: Path, tmp_path: Path) -> None:
    source, marker, program = tmp_path / "shop", tmp_path / "marker", tmp_path / "program"
    write_history(source)
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    for name in ("gpg.program", "core.fsmonitor", "core.pager", "diff.external", "diff.a.textconv", "filter.a.smudge"):
        git(source, "config", name, str(program))
    git(source, "config", "log.showSignature", "true")
    (source / ".git/info/attributes").write_text("*.py diff=a filter=a\n")
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(source)
        assert context.evaluate(mine="commits", questions=30).overall.queries >= 20
    assert not marker.exists()


def test_nothing_is_mined_from_a_folder_that_only_the_root_names(
    root: Path, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of_another_user"))
    with raycontext.connect(root=root, runtime="inline") as context:
        with pytest.raises(InvalidInput, match="have indexed here"):
            context.evaluate(mine="docs", collection="shop")
        with pytest.raises(InvalidInput, match="have indexed here"):
            context.tune(mine="docs", collection="shop")


def test_tuned_weights_count_in_searches_of_their_collection_alone(root: Path, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/page.py").write_text("def weigh_page(value):\n    return value\n")
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
        context.index(tmp_path / "web")

        def scores(**place: object) -> list[float]:
            return [hit.score for hit in context.search("who weighs a pallet", **place)]  # type: ignore[arg-type]

        before = scores(collection="shop"), scores(collection="web"), scores(collections=["*"])
        tuning = context.tune(mine="docs", collection="shop", keep=True)
        assert (tuning.collection, tuning.mine, tuning.questions, tuning.kept) == ("shop", "docs", 240, True)
        assert tuning.significant == (tuning.gain.low > 0)
        assert scores(collection="shop") != before[0]
        assert (scores(collection="web"), scores(collections=["*"])) == before[1:]
        with raycontext.connect(root=root, runtime="inline") as other:
            assert [hit.score for hit in other.search("who weighs a pallet", collection="shop")] == scores(
                collection="shop"
            )
        assert context.untune("shop")
        assert not context.untune("shop")
        assert (scores(collection="shop"), scores(collection="web"), scores(collections=["*"])) == before


def test_collection_of_the_same_name_that_is_made_anew_has_no_weights(root: Path, shop: Path) -> None:
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
        context.tune(mine="docs", collection="shop", keep=True)
        context.clear("shop")
        context.index(shop)
        assert not context.untune("shop")


def test_fewer_than_200_questions_are_refused(root: Path, shop: Path) -> None:
    for place in sorted(shop.iterdir())[:5]:
        place.unlink()
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
        with pytest.raises(InvalidInput, match="180 questions"):
            context.tune(mine="docs")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "one of both"),
        ({"mine": "issues"}, "'issues'"),
        ({"mine": "docs", "questions": 3}, "questions is 3"),
        ({"mine": "commits"}, "history"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(root: Path, shop: Path, arguments: dict[str, object], says: str) -> None:
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
        with pytest.raises(InvalidInput, match=says):
            context.evaluate(**arguments)  # type: ignore[arg-type]
