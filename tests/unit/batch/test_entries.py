"""The list of a batch: what it may say, and how clearly it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycontext import BatchList, read_batch_list
from raycontext.errors import InvalidInput


def read(place: Path, text: str) -> BatchList:
    path = place / "repos.yaml"
    path.write_text(text)
    return read_batch_list(path)


def test_list_is_read_with_defaults_and_paths_relative_to_it(tmp_path: Path) -> None:
    batch = read(
        tmp_path,
        """
        concurrency: 2
        work: checkouts
        defaults: {shards: 2, priority: 1, embedder: "model2vec:models/code"}
        sources:
          - git: https://user:secret@example.org/group/Flask.git
            ref: main
          - folder: ../monorepo
            collection: mono
            shards: 16
            priority: 5
          - archive: dist/lib-1.0.tar.gz
            strip: 1
            embedder: static
        """,
    )
    flask, mono, library = batch.sources
    assert [entry.name for entry in batch.in_order] == ["mono", "flask", "lib-1.0"]
    assert (flask.num_shards, mono.num_shards, library.num_shards) == (2, 16, 2)
    assert (flask.embedder, library.embedder) == (f"model2vec:{tmp_path}/models/code", "static")
    assert (mono.folder, library.archive) == (str(tmp_path.parent / "monorepo"), f"{tmp_path}/dist/lib-1.0.tar.gz")
    assert (batch.concurrency, batch.work) == (2, f"{tmp_path}/checkouts")
    assert flask.shown_source == "https://example.org/group/Flask.git@main"
    (tmp_path / "copy.json").write_bytes(batch.encode())
    assert read_batch_list(tmp_path / "copy.json") == batch


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources: []", "sources: Tuple should have at least 1 item"),
        ("- git: https://example.org/x", "is no list of sources"),
        ("sources: [{git: https://example.org/x, folder: x}]", "sources[0] (x): give exactly one of"),
        ("sources: [{folder: x}, {collection: named}]", "sources[1] (named): give exactly one of"),
        ("sources: [{folder: x, colour: red}]", "sources[0] (x): colour: Extra inputs are not permitted"),
        ("sources: [{folder: x, shards: 0}]", "sources[0] (x): num_shards: Input should be greater"),
        ("sources: [{folder: x, ref: main}]", "ref is for git only"),
        ("sources: [{git: 'https://example.org/x', strip: 1}]", "strip is for archives only"),
        ("sources: [{folder: x, subfolder: ../y}]", "subfolder must be a relative path"),
        ("sources: [{folder: x, collection: 'No Name'}]", "cannot name a collection"),
        ("sources: [{folder: x, exclude: [1]}]", "sources[0] (x): exclude.0: Input should be a valid string"),
        ("sources: [{folder: x, include: ['']}]", "include.0: String should have at least 1 character"),
        ("sources: [{folder: x, embedder: what}]", "There is no embedder 'what'"),
        ("sources: [{git: 'ext::sh'}]", "sources[0] (ext::sh): 'ext::sh' is not the URL"),
        ("sources: [{git: 'https://u:secret@h/x', ref: '-f'}]", "sources[0] (https://h/x): '-f' names no branch"),
        ("sources: [{folder: a/x}, {folder: b/x}]", "sources[0] and sources[1] both are the collection 'x'"),
        ("sources: [{folder: x}]\ndefaults: {git: y}", "git: Extra inputs are not permitted"),
        ("sources: [{folder: x}]\nconcurrency: many", "concurrency: Input should be a valid integer"),
        ("sources: [{folder: x}, 3]", "sources[1]: Input should be a valid dictionary"),
        ("sources: [{folder: x}\n- }", "is not YAML"),
        ("sources: !!python/object/apply:os.system [date]", "is not YAML"),
    ],
)
def test_wrong_list_names_the_entry_and_the_problem(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, text)
    assert told in str(raised.value)
    assert "repos.yaml" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(tmp_path, "sources: [{folder: x, shards: 0}, {folder: y, priority: high}]")
    assert "sources[0] (x): num_shards" in str(raised.value)
    assert "sources[1] (y): priority" in str(raised.value)


def test_missing_list_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.yaml cannot be read"):
        read_batch_list(tmp_path / "gone.yaml")


def test_selection_takes_collections_by_pattern(tmp_path: Path) -> None:
    batch = read(tmp_path, "sources: [{folder: web-a}, {folder: web-b}, {folder: core}]")
    assert [entry.name for entry in batch.selected(["web-*"]).sources] == ["web-a", "web-b"]
    assert batch.selected([]) == batch
    with pytest.raises(InvalidInput, match="like 'x'"):
        batch.selected(["core", "x"])


def test_identity_stands_for_the_work_and_not_for_how_it_is_written(tmp_path: Path) -> None:
    first = read(tmp_path, "sources: [{folder: x, shards: 2}]").identity("/root")
    assert first == read(tmp_path, "sources:\n  - shards: 2\n    folder: ./x\nconcurrency: 9").identity("/root")
    assert first != read(tmp_path, "sources: [{folder: x, shards: 3}]").identity("/root")
    assert first != read(tmp_path, "sources: [{folder: x, shards: 2}]").identity("/other")
