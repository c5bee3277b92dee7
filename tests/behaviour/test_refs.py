"""Commits without a checkout: the index of a ref is that of a checkout, and reads only what is not known."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.cli.queries.direct import answer
from raycontext.discover.commits import program
from raycontext.errors import CommitUnreadable, InvalidInput, RefNotFound
from raycontext.models import Freshness, Hit
from raycontext.store.collection import Collection
from raycontext.store.storage.locations import storage_for

from ..conftest import CART, LEDGER, PAYMENT, ROUTER
from ..repositories import IDENTITY, commit, git

QUERIES = ("charge a card", "ShoppingCart", "append booking to the ledger", "tide table", "Straße")
LINES = "def tide_table_{0}(port):\n    '''Return the tide table of a port.'''\n    return port.tides[{0}]\n\n\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def context(root: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        yield context


def shown(hit: Hit) -> dict[str, Any]:
    return hit.model_dump(exclude={"collection", "source", "absolute_path", "freshness"}, exclude_unset=True)


def answers(context: raycontext.SyncContext, collection: str) -> dict[str, list[dict[str, Any]]]:
    return {
        query: [shown(hit) for hit in context.search(query, collection=collection, limit=100, refresh=False)]
        for query in QUERIES
    }


def files_of(root: Path, collection: str) -> dict[str, tuple[str, str]]:
    """Return digest and reason of each file of a collection, from its snapshot."""
    opened = Collection(storage_for(str(root)), collection)
    manifest = opened.latest()
    assert manifest is not None
    entries = opened.snapshot(manifest).entries
    return {path: (entry.digest.hex(), str(entry.reason)) for path, entry in entries.items()}


def tides(*numbers: int) -> str:
    return "".join(LINES.format(number) for number in numbers)


class Steps:
    """Repository that is made commit by commit in git alone, so that each content is stored as it is given."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True)
        git(place, "init", "--quiet", "--initial-branch=main")
        self.place = place
        self.tags: list[str] = []

    def put(self, path: str, content: str | bytes, mode: str = "100644") -> None:
        data = content.encode() if isinstance(content, str) else content
        made = subprocess.run(
            ["git", "hash-object", "-w", "--no-filters", "--stdin"],
            cwd=self.place,
            input=data,
            capture_output=True,
            check=True,
        )
        self.stage(path, made.stdout.decode().strip(), mode)

    def stage(self, path: str, name: str, mode: str) -> None:
        git(self.place, "update-index", "--add", "--cacheinfo", f"{mode},{name},{path}")

    def move(self, old: str, new: str) -> None:
        self.stage(new, git(self.place, "rev-parse", f":{old}"), "100644")
        self.remove(old)

    def remove(self, path: str) -> None:
        git(self.place, "update-index", "--force-remove", path)

    def tag(self) -> None:
        git(self.place, "commit", "--quiet", "--allow-empty", "--message=step")
        self.tags.append(f"v{len(self.tags)}")
        git(self.place, "tag", self.tags[-1])


def made_repository(place: Path) -> list[str]:
    """Make a repository with twenty tags, in which everything happens that decides how a file is written."""
    steps: list[dict[str, str | bytes]] = [
        {"cart.py": CART, "pay/payment.py": PAYMENT, "doc.txt": "one\ntwo\n", "bin.dat": b"\0\1\2"},
        {"pay/ledger.go": LEDGER, ".gitignore": "*.log\n/build/\n", "build/made.py": tides(1), "a.log": "tide\n"},
        {".gitattributes": "*.txt text eol=crlf\n", "win.txt": tides(2), "mixed.txt": "a\r\nb\n"},
        {"id.py": "# $Id$\n# $Id: old words $\n# $Id: 12345 $\n" + tides(3), ".gitattributes": "*.py ident\n"},
        {".gitattributes": "*.sql working-tree-encoding=UTF-16\n", "a.sql": "SELECT 'Straße';\n"},
        {".gitattributes": "*.sql working-tree-encoding=ISO-8859-1 eol=crlf\n*.js linguist-generated\n"},
        {"web/router.js": ROUTER, "web/.gitattributes": "*.js -linguist-generated\n"},
        {".gitattributes": "[attr]win text eol=crlf\n*.go win\n*.dat binary\n", "x.dat": "plain text\n"},
        {".gitattributes": "* text=auto\n", "auto.md": "# Tide table\n\nof a port\n"},
        {"deep/er/.gitignore": "*.py\n!kept.py\n", "deep/er/kept.py": tides(4)},
        {"deep/er/gone.py": tides(5), ".raycontextignore": "web/\n"},
        {".raycontextignore": "", ".ignore": "doc.txt\n"},
        {"node_modules/x.js": ROUTER, "venv/pyvenv.cfg": "", "venv/a.py": tides(6), "env/a.py": tides(7)},
        {"kurz.py": "# Straße\n".encode("latin-1"), "über.py": tides(8), "a b.py": tides(9), "tab\there.py": tides(10)},
        {"key.pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"},
        {"many.txt": "x = 1\n" * 100, "lfs.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"},
    ]
    made = Steps(place)
    for files in steps:
        for path, content in files.items():
            made.put(path, content)
        made.tag()
    made.move("cart.py", "basket.py")
    made.move("pay/payment.py", "money/payment.py")
    made.tag()
    made.put("link.py", "basket.py", "120000")
    made.put("linked", "money", "120000")
    made.put("money/run.sh", "#!/bin/sh\necho tide table\n", "100755")
    made.tag()
    made.stage("sub", git(place, "rev-parse", "HEAD"), "160000")
    made.put(".gitmodules", '[submodule "sub"]\n\tpath = sub\n\turl = ../library\n')
    made.tag()
    for path in ("deep/er/.gitignore", ".gitattributes", "linked"):
        made.remove(path)
    made.put("a.sql", "SELECT 2;\n")
    made.put("linked/file.py", tides(11))
    made.tag()
    return made.tags


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository for all tests that copy it, with its tags."""
    place = tmp_path_factory.mktemp("repository") / "work"
    return place, made_repository(place)


@pytest.mark.process  # twenty checkouts by git
@pytest.mark.parametrize("autocrlf", ["false", "true"])
def test_the_index_of_a_ref_is_that_of_a_checkout(
    tmp_path: Path, repository: tuple[Path, list[str]], autocrlf: str
) -> None:
    made, tags = repository
    assert len(tags) == 20
    place = shutil.copytree(made, tmp_path / "work")
    git(place, "config", "core.autocrlf", autocrlf)
    trees, refs = tmp_path / "of_trees", tmp_path / "of_refs"
    checkout = tmp_path / "checkout"
    git(place, "worktree", "add", "--quiet", "--detach", str(checkout), tags[0])
    with (
        raycontext.connect(root=refs, runtime="inline", workers=2) as context,
        raycontext.connect(root=trees, runtime="inline", workers=2) as other,
    ):
        for tag in tags:
            shutil.rmtree(checkout)
            git(place, "worktree", "prune")
            git(place, "worktree", "add", "--quiet", "--detach", str(checkout), tag)
            other.index(checkout, collection=tag, fork=False)
            report = context.index(place, ref=tag)
            assert files_of(refs, report.collection) == files_of(trees, tag), tag
            assert answers(context, report.collection) == answers(other, tag), tag
            other.clear(tag)
        assert any(answers(context, report.collection).values())


def test_only_contents_that_no_collection_has_are_read(
    context: raycontext.SyncContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "work"
    files: dict[str, str | bytes] = {f"port{n}.py": tides(n) for n in range(30)}
    first = commit(place, files)
    second = commit(place, {"port3.py": tides(300), "new.py": tides(301)})
    git(place, "tag", "v2")
    for name in (*files, "new.py"):  # git looks at them again, later than they were written
        os.utime(place / name, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    git(place, "status", "--short")
    git(place, "update-index", "--refresh")
    context.index(place)
    read: list[str] = []
    blobs = program.Git.blobs

    def counted(self: program.Git, names: list[str]) -> Iterator[program.Blob]:
        read.extend(names)
        return blobs(self, names)

    monkeypatch.setattr(program.Git, "blobs", counted)
    report = context.index(place, ref=first)
    assert (report.files, report.reused_files) == (30, 29)
    assert set(read) == {git(place, "rev-parse", f"{first}:port3.py")}
    read.clear()
    report = context.index(place, ref=f"{second}~0")
    assert (report.reused_files, read) == (31, [])
    read.clear()
    assert context.search("tide table", path=place, ref="v2", limit=1)
    assert not read


def test_a_ref_is_resolved_anew_and_its_collection_is_hidden(
    context: raycontext.SyncContext, tmp_path: Path, root: Path
) -> None:
    place = tmp_path / "work"
    commit(place, {"a.py": tides(1)})
    context.index(place)
    assert [hit.path for hit in context.search("tide table", path=place, ref="main")] == ["a.py"]
    commit(place, {"b.py": tides(2)})
    hits = context.search("tide table", path=place, ref="main", limit=20)
    assert {hit.path for hit in hits} == {"a.py", "b.py"}
    assert {hit.freshness for hit in hits} == {Freshness.UNCHANGED}
    assert (hits.may_miss_files, hits.age_seconds) == (False, 0.0)
    assert {hit.path for hit in context.search("tide table", path=place, ref="HEAD~1")} == {"a.py"}
    assert [summary.name for summary in context.collections()] == ["work"]
    everywhere = context.search("tide table", collections=["*"], refresh=False)
    assert {hit.collection for hit in everywhere} == {"work"}
    assert len(list(root.glob("ref-*"))) == 2


def test_part_of_a_commit_and_a_folder_within_the_repository(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place = tmp_path / "work"
    commit(place, {"a.py": tides(1), "sub/b.py": tides(2), "sub/deep/c.py": tides(3), ".gitignore": "c.py\n"})
    git(place, "tag", "v1")
    commit(place, {"sub/b.py": "gone = 1\n"})
    found = context.search("tide table", path=place / "sub", ref="v1", limit=20)
    assert {hit.path for hit in found} == {"sub/b.py"}, "git add leaves out what is ignored"
    name = context.index(place / "sub").collection
    found = context.search("tide table", path=place / "sub", ref="v1", limit=20)
    assert {hit.path for hit in found} == {"b.py"}, "the folder has a collection of its own now"
    found = context.search("tide table", collection=name, ref="v1", limit=20)
    assert {hit.path for hit in found} == {"b.py"}
    assert not context.search("tide table", collection=name, path="deep", ref="v1")


def test_bare_repository(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place = tmp_path / "work"
    commit(place, {"a.py": tides(1)})
    git(tmp_path, "clone", "--quiet", "--bare", str(place), "bare.git")
    report = context.index(tmp_path / "bare.git", ref="main")
    assert report.files == 1
    assert context.search("tide table", path=tmp_path / "bare.git", ref="main")


def test_what_names_no_commit_is_refused(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place = tmp_path / "work"
    commit(place, {"a.py": tides(1)})
    for ref in ("no-such", "--output=x", "", "a\nb", "HEAD:a.py"):
        with pytest.raises(RefNotFound):
            context.index(place, ref=ref)
    (tmp_path / "plain").mkdir()
    with pytest.raises(InvalidInput, match="no repository"):
        context.index(tmp_path / "plain", ref="main")
    with pytest.raises(InvalidInput):
        context.index(place, ref="main", collection="mine")
    with pytest.raises(InvalidInput):
        context.search("tide", ref="main", collections=["*"])


def test_a_hostile_configuration_starts_nothing(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place, mark = tmp_path / "work", tmp_path / "mark"
    commit(place, {"a.py": tides(1), ".gitattributes": "*.py filter=evil diff=evil ident\n"})
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{mark}'\ncat\n")
    script.chmod(0o755)
    settings = {
        "core.fsmonitor": str(script),
        "core.hooksPath": str(tmp_path / "hooks"),
        "core.sshCommand": str(script),
        "core.pager": str(script),
        "core.editor": str(script),
        "core.askPass": str(script),
        "core.gitProxy": str(script),
        "core.alternateRefsCommand": str(script),
        "pager.log": str(script),
        "gpg.program": str(script),
        "log.showSignature": "true",
        "diff.external": str(script),
        "diff.evil.textconv": str(script),
        "diff.evil.command": str(script),
        "filter.evil.smudge": str(script),
        "filter.evil.clean": str(script),
        "filter.evil.process": str(script),
        "filter.evil.required": "true",
        "credential.helper": f"!{script}",
        "protocol.ext.allow": "always",
        "protocol.file.allow": "always",
        "remote.origin.url": f"ext::{script}",
        "remote.origin.promisor": "true",
        "remote.origin.partialclonefilter": "blob:none",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        "alias.ls-tree": f"!{script}",
        "core.worktree": "/",
    }
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        shutil.copy(script, tmp_path / "hooks" / hook)
    for name, value in settings.items():
        git(place, "config", name, value)
    report = context.index(place, ref="main")
    assert report.files == 2
    assert context.search("tide table", path=place, ref="main", limit=1)
    victim = git_object(place, "main:a.py")
    victim.chmod(0o600)
    victim.unlink()
    with raycontext.connect(root=tmp_path / "other", runtime="inline") as other, pytest.raises(CommitUnreadable):
        other.index(place, ref="main")
    assert not mark.exists(), mark.read_text()


def git_object(place: Path, name: str) -> Path:
    found = subprocess.run(
        ["git", "--git-dir", str(place / ".git"), "-c", "core.fsmonitor=false", "rev-parse", name],
        env={**os.environ, **IDENTITY},
        cwd=place.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return place / ".git" / "objects" / found[:2] / found[2:]


def test_replaced_objects_do_not_count(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place = tmp_path / "work"
    commit(place, {"a.py": tides(1)})
    other = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=place, input=b"x = 1\n", capture_output=True, check=True
    ).stdout.decode()
    git(place, "replace", git(place, "rev-parse", "main:a.py"), other.strip())
    assert context.search("tide table", path=place, ref="main", limit=1)


def test_a_partial_clone_is_told_and_nothing_is_fetched(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place = tmp_path / "work"
    commit(place, {"a.py": tides(1), "b.py": tides(2)})
    git(place, "tag", "v1")
    commit(place, {"b.py": tides(3)})
    git(place, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{place}", "partial")
    partial = tmp_path / "partial"
    before = sorted(path.name for path in (partial / ".git" / "objects").rglob("*"))
    with pytest.raises(CommitUnreadable, match="partial clone"):
        context.index(partial, ref="v1")
    assert context.index(partial, ref="HEAD").files == 2, "what it has is enough"
    assert sorted(path.name for path in (partial / ".git" / "objects").rglob("*")) == before


def test_only_what_differs_between_two_commits_is_searched(context: raycontext.SyncContext, tmp_path: Path) -> None:
    place = tmp_path / "work"
    long = tides(*range(40))
    commit(place, {"same.py": tides(1), "long.py": long, "old.py": tides(2), "a b\t\u00e9.py": tides(3)})
    git(place, "tag", "v1")
    git(place, "checkout", "--quiet", "-b", "side")
    changed = long.replace("port.tides[30]", "port.tides[30] + spring_tide")
    commit(place, {"long.py": changed, "new.py": tides(5), "a b\t\u00e9.py": tides(3, 4), "bin.dat": b"\0"})
    git(place, "rm", "--quiet", "old.py")
    commit(place, {})
    git(place, "checkout", "--quiet", "main")
    commit(place, {"main.py": tides(6)})

    def found(changed: str, **more: Any) -> dict[str, list[tuple[int, int]]]:
        places: dict[str, list[tuple[int, int]]] = {}
        for hit in context.search("tide table of a port", path=place, changed=changed, limit=100, **more):
            places.setdefault(hit.path, []).append((hit.start_line, hit.end_line))
        return places

    hits = found("v1..side")
    assert set(hits) == {"long.py", "new.py", "a b\t\u00e9.py"}
    line = 1 + changed[: changed.index("spring_tide")].count("\n")
    assert all(start <= line <= end for start, end in hits["long.py"]), "one definition of forty"
    assert set(found("side..v1")) == {"long.py", "old.py"}, "as it was before"
    assert set(found("side..main")) == {"main.py", "long.py", "old.py"}
    assert set(found("side...main")) == {"main.py"}
    assert set(found("v1..")) == {"main.py"}
    assert found("v1..v1") == {}
    assert set(found("v1..side", paths=["new*"])) == {"new.py"}
    for wrong in ("v1", "..main", "v1..no-such"):
        with pytest.raises(InvalidInput):
            found(wrong)
    asked = {"query": "tide table of a port", "changed": "v1..side", "limit": 100}
    for where in ({"folder": str(place)}, {"path": str(place)}):  # as the command line asks
        told = answer("search", {**asked, **where}, root=str(tmp_path / "root"), address=None)
        assert {hit["path"] for hit in told["hits"]} == set(hits)


def test_commits_that_are_not_used_go_when_they_take_too_much_room(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "work"
    commits = [commit(place, {f"a{n}.py": tides(n)}) for n in range(4)]
    monkeypatch.setenv("RAYCONTEXT_REF_BYTES", "0")
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        for name in commits:
            context.index(place, ref=name)
            assert [path.name[4:44] for path in root.glob("ref-*")] == [name]
        assert context.search("tide table", path=place, ref=commits[0], limit=1)
        assert [path.name[4:44] for path in root.glob("ref-*")] == [commits[0]]
        context.index(place)
        assert context.status("work").files == 4, "no other collection is touched"
