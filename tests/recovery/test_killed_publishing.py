"""Processes that are killed while they publish or pull: the next one goes on, and nothing half done is ever used."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import raycontext

from ..behaviour.test_publishing import SHOP, sizes
from ..behaviour.test_sharing import answers, assert_as_fresh
from ..conftest import write_tree
from ..waiting import WAIT_SECONDS

PROGRAM = """
import os, signal, sys
import raycontext
from raycontext.store.storage.local import LocalStorage

left = int(sys.argv[1])

def dying(method):
    def call(self, *arguments, **named):
        global left
        left -= 1
        if left == 0 and sys.argv[2] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(self, *arguments, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for name in ("create", "write", "copy", "remove"):
    setattr(LocalStorage, name, dying(getattr(LocalStorage, name)))
with raycontext.connect(root=sys.argv[3], runtime="inline", workers=1) as context:
    if sys.argv[4] == "publish":
        context.publish(sys.argv[5], collection="shop")
    else:
        context.pull(sys.argv[5], sys.argv[6])
"""
"""Program that ends by SIGKILL before or after a call that changes a storage, given by its number."""


def killed(number: int, when: str, root: Path, action: str, *places: Path) -> bool:
    """Run the program, and return whether it was killed: False once it comes to its end."""
    command = [sys.executable, "-c", PROGRAM, str(number), when, str(root), action, *map(str, places)]
    done = subprocess.run(command, capture_output=True, timeout=WAIT_SECONDS, env=os.environ, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_tree(tmp_path / "shop", SHOP)
    return tmp_path / "shop"


@pytest.mark.process
@pytest.mark.parametrize(("number", "when"), [(2, "before"), (3, "before"), (3, "after")])
def test_publisher_that_is_killed_leaves_a_target_that_pulls(
    shop: Path, tmp_path: Path, number: int, when: str
) -> None:
    """Two segments and the publication are written, by one call each."""
    theirs, target = tmp_path / "theirs", tmp_path / "target"
    with raycontext.connect(root=theirs, runtime="inline", workers=2) as context:
        context.index(shop, num_shards=2)
        expected = answers(context, "shop")
        assert killed(number, when, theirs, "publish", target)
        report = context.publish(target, collection="shop")
    assert report.changed == ((number, when) != (3, "after"))
    assert report.written_segments == max(2 - (number - 1), 0)
    shutil.copytree(shop, tmp_path / "clone")
    with raycontext.connect(root=tmp_path / "ours", runtime="inline", workers=2) as context:
        pulled = context.pull(target, tmp_path / "clone", collection="shop")
        assert (pulled.pulled_files, pulled.fetched_bytes) == (len(SHOP), sum(sizes(target).values()))
        assert answers(context, "shop") == expected


@pytest.mark.process
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [4, 8])
def test_pull_that_is_killed_is_gone_on_with(shop: Path, tmp_path: Path, number: int, when: str) -> None:
    target, clone, root = tmp_path / "target", tmp_path / "clone", tmp_path / "ours"
    with raycontext.connect(root=tmp_path / "theirs", runtime="inline", workers=2) as context:
        context.index(shop, num_shards=2)
        context.publish(target, collection="shop")
    shutil.copytree(shop, clone)
    assert killed(number, when, root, "pull", target, clone)
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        found = context.collections()
        assert all(not summary.problem for summary in found)
        if any(summary.version for summary in found):
            assert not [report for report in context.verify(deep=True) if report.damage]
        report = context.pull(target, clone)
        assert (report.index.files, report.index.indexed_bytes) == (len(SHOP), 0)
        assert report.fetched_bytes <= report.bytes
        assert not [entry.name for entry in root.iterdir() if entry.name.startswith(".pulled")]
        assert_as_fresh(context, "clone", clone, tmp_path / "other")
