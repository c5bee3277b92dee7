"""What a query says of a folder that it must not index."""

from __future__ import annotations

from pathlib import Path

import pytest

import raycontext
from raycontext.cli.queries import first_search
from raycontext.cli.queries.first_search import folder_to_index
from raycontext.discover import tree_size
from raycontext.errors import RemoteError

from ...conftest import write_tree

REFUSED = RemoteError("UnknownCollection", "There is no collection", 4)


@pytest.mark.parametrize(("body", "all_too"), [({"collections": []}, True), ({"target": "cart"}, False)])
def test_large_folder_is_told_with_what_is_indexed_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: dict[str, object], all_too: bool
) -> None:
    write_tree(tmp_path / "large", {"shop/a.py": "a = 1\n", "b.py": "b = 1\n", "c.py": "c = 1\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "large/shop")
    monkeypatch.setattr(tree_size, "SMALL_FILES", 2)
    monkeypatch.setattr(first_search, "_agrees", lambda _: False)
    with pytest.raises(RemoteError, match=r"is large .*Indexed below it: shop\. --collection NAME") as told:
        folder_to_index(body, REFUSED, str(tmp_path / "large"), str(tmp_path / "root"), None)
    assert ("--all" in str(told.value)) == all_too
    assert told.value.exit_code == 4


def test_file_in_the_current_folder_stands_for_that_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"shop/deep/a.py": "a = 1\n"})
    root, shop, place = str(tmp_path / "root"), str(tmp_path / "shop"), f"{tmp_path}/shop/deep/a.py"
    for body in ({"path": place}, {"target": f"{place}:1"}):
        assert folder_to_index(body, REFUSED, shop, root, None) == shop
        with pytest.raises(RemoteError, match="no collection"):
            folder_to_index(body, REFUSED, str(tmp_path / "shop/other"), root, None)
    assert folder_to_index({"path": f"{shop}/deep"}, REFUSED, shop, root, None) == f"{shop}/deep"
