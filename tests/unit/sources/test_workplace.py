"""Repositories and archives as folders: fetched, brought up to date, mended."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raycontext.errors import InvalidInput, SourceUnavailable
from raycontext.sources import archive as archives
from raycontext.sources.archive import extract
from raycontext.sources.git import check_repository, stop_running, without_password
from raycontext.sources.owner import own_mark
from raycontext.sources.workplace import Origin, bring, tree_of
from raycontext.ulid import new_ulid

from ...conftest import write_tree
from ...repositories import commit, git
from ...waiting import WAIT_SECONDS, until


def names(tree: str | Path) -> set[str]:
    found = (path.relative_to(tree) for path in Path(tree).rglob("*") if not path.is_dir())
    return {path.as_posix() for path in found if path.parts[0] != ".git"}


def identity(file: Path) -> tuple[int, int]:
    """Changes when a file is written anew; the time of access, which reading changes, does not count."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    place = tmp_path / "upstream"
    commit(place, {"a.py": "a = 1\n", "deep/b.py": "b = 1\n"})
    return place


@pytest.fixture
def work(tmp_path: Path) -> str:
    return str(tmp_path / "work")


def origin_of(place: Path, **options: object) -> Origin:
    return Origin("git", place.as_uri(), **options)  # type: ignore[arg-type]


def revision_of(work: str, name: str, origin: Origin) -> str:
    return bring(work, name, origin).revision


def test_repository_is_fetched_without_history_and_updated_in_place(upstream: Path, work: str) -> None:
    origin = origin_of(upstream)
    first = revision_of(work, "up", origin)
    tree = Path(tree_of(work, "up", origin))
    assert names(tree) == {"a.py", "deep/b.py"}
    unchanged = identity(tree / "deep/b.py")
    (upstream / "a.py").unlink()
    second = commit(upstream, {"c.py": "c = 1\n"})
    (tree / "stray.py").write_text("left by someone")
    assert revision_of(work, "up", origin) == second != first
    assert names(tree) == {"c.py", "deep/b.py"}
    assert identity(tree / "deep/b.py") == unchanged
    assert git(tree, "rev-list", "--count", "HEAD") == "1"
    assert upstream.as_uri() not in (tree / ".git/config").read_text()


def test_branch_tag_and_commit_can_be_asked_for(upstream: Path, work: str) -> None:
    first = git(upstream, "rev-parse", "HEAD")
    git(upstream, "tag", "--annotate", "v1", "--message=release")
    git(upstream, "checkout", "--quiet", "-b", "feature/x")
    other = commit(upstream, {"x.py": "x = 1\n"})
    assert revision_of(work, "up", origin_of(upstream, ref="feature/x")) == other
    assert revision_of(work, "up", origin_of(upstream, ref="v1")) == first
    assert revision_of(work, "up", origin_of(upstream, ref=other)) == other
    assert names(tree_of(work, "up", origin_of(upstream))) == {"a.py", "deep/b.py", "x.py"}
    with pytest.raises(SourceUnavailable, match="couldn't find remote ref no-such"):
        revision_of(work, "up", origin_of(upstream, ref="no-such"))


def test_unreachable_repository_keeps_what_was_fetched(upstream: Path, work: str) -> None:
    origin = origin_of(upstream)
    revision_of(work, "up", origin)
    upstream.rename(upstream.with_name("moved"))
    with pytest.raises(SourceUnavailable, match="cannot be fetched") as raised:
        revision_of(work, "up", origin)
    assert not raised.value.damaged
    assert names(tree_of(work, "up", origin)) == {"a.py", "deep/b.py"}


@pytest.mark.parametrize("damage", ["lock", "objects", "head", "empty"])
def test_damaged_folder_is_replaced(upstream: Path, work: str, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raycontext.sources.git.LOCK_PAUSE_SECONDS", 0.0)
    origin = origin_of(upstream)
    revision_of(work, "up", origin)
    place = Path(tree_of(work, "up", origin), ".git")
    if damage == "lock":  # as a git leaves it that was killed
        (place / "index.lock").touch()
    elif damage == "objects":
        for found in place.rglob("*"):
            if found.is_file() and "objects" in found.parts:
                found.chmod(0o600)
                found.write_bytes(b"damaged")
    elif damage == "head":
        (place / "HEAD").write_bytes(b"\0")
    else:
        for found in sorted(place.rglob("*"), reverse=True):
            found.rmdir() if found.is_dir() else found.unlink()
    newest = commit(upstream, {"c.py": "c = 1\n"})
    assert revision_of(work, "up", origin) == newest
    assert names(place.parent) == {"a.py", "c.py", "deep/b.py"}
    assert not list(Path(work).glob(".*-*"))


def test_two_at_once_end_with_the_newest_state(upstream: Path, work: str) -> None:
    origin = origin_of(upstream)
    for round_number in range(3):
        newest = commit(upstream, {"a.py": f"a = {round_number}\n", f"n{round_number}.py": ""})
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(lambda _: revision_of(work, "up", origin), range(2)))
        assert found == [newest, newest]
        assert (Path(tree_of(work, "up", origin)) / "a.py").read_text() == f"a = {round_number}\n"
        assert not list(Path(work).glob(".*-*"))


def test_leavings_of_a_killed_process_go_after_a_day(upstream: Path, work: str) -> None:
    recent = Path(work, ".new-01j00000000000000000000000")
    old = Path(work, f".new-{new_ulid()}")
    for place in (recent, old):
        (place / "tree").mkdir(parents=True)
    os.utime(old, (0, 0))  # its name tells what the clock of its maker showed, which may be wrong
    bring(work, "up", origin_of(upstream))
    assert recent.is_dir()
    assert not old.exists()


def test_leavings_of_a_process_that_was_killed_here_go_at_the_next_run(upstream: Path, work: str) -> None:
    code = "from raycontext.sources.owner import own_mark; print(own_mark())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    elsewhere = "0" * 8 + own_mark()[8:]
    marks = {ended: False, own_mark(): True, elsewhere: True, f"{ended[:8]}-x": True}
    places = {Path(work, f".new-{new_ulid()}.{mark}"): stays for mark, stays in marks.items()}
    for place in places:
        (place / "tree").mkdir(parents=True)
    bring(work, "up", origin_of(upstream))
    assert {place: place.exists() for place in places} == places


def slow_server(tmp_path: Path) -> dict[str, str]:
    """The environment in which git's ssh is a program that never answers, and says that it runs."""
    script = tmp_path / "slow-ssh"
    script.write_text(
        f"#!{sys.executable}\nimport pathlib, time\npathlib.Path('{tmp_path}/began').touch()\ntime.sleep(600)\n"
    )
    script.chmod(0o700)
    return {"GIT_SSH": str(script), "GIT_SSH_COMMAND": str(script)}


def test_git_that_hangs_is_ended_with_its_helpers(tmp_path: Path, work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in slow_server(tmp_path).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceUnavailable, match="fetch_seconds"):
        revision_of(work, "up", Origin("git", "git@example.org:nowhere", seconds=1.0))


def test_git_that_runs_can_be_stopped(tmp_path: Path, work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in slow_server(tmp_path).items():
        monkeypatch.setenv(name, value)
    failed: list[SourceUnavailable] = []

    def run() -> None:
        try:
            revision_of(work, "up", Origin("git", "git@example.org:nowhere"))
        except SourceUnavailable as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until((tmp_path / "began").exists)
    stop_running(tmp_path / "elsewhere")
    assert thread.is_alive()
    stop_running(Path(work))
    thread.join(WAIT_SECONDS)
    assert failed


def test_hooks_of_the_user_do_not_run(
    upstream: Path, work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "hooks" / "reference-transaction"
    write_tree(tmp_path, {"hooks/reference-transaction": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
    hook.chmod(0o700)
    write_tree(tmp_path, {"config": f"[core]\n\thooksPath = {hook.parent}\n"})
    commit(upstream, {"link-to": "nothing"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    revision_of(work, "up", origin_of(upstream))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        ("--upload-pack=touch /tmp/x", ""),
        ("ext::sh -c date", ""),
        ("/some/path", ""),
        ("https://example.org/x y", ""),
        ("https://example.org/x", "--force"),
        ("https://example.org/x", "a..b"),
        ("https://example.org/x", "main:other"),
        ("https://example.org/x", "a b"),
    ],
)
def test_what_git_would_take_for_something_else_is_refused(url: str, ref: str) -> None:
    with pytest.raises(InvalidInput):
        check_repository(url, ref)


def test_passwords_are_not_shown() -> None:
    assert without_password("https://user:secret@example.org/x.git") == "https://example.org/x.git"
    assert without_password("https://token@example.org/x.git") == "https://example.org/x.git"
    assert without_password("ssh://git@example.org/x.git") == "ssh://git@example.org/x.git"
    assert without_password("git@example.org:x.git") == "git@example.org:x.git"
    with pytest.raises(SourceUnavailable) as raised:
        revision_of("/nonexistent", "x", Origin("git", "http://user:secret@127.0.0.1:9/x.git"))
    assert "secret" not in str(raised.value)


# Archives


def tar_of(place: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(place, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1_700_000_000
            archive.addfile(member, io.BytesIO(content))
    return place


def zip_of(place: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return place


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "x.tar.gz": tar_of,
    "x.tar": lambda place, files: tar_of(place, files, "w"),
    "x.tar.xz": lambda place, files: tar_of(place, files, "w:xz"),
    "x.zip": zip_of,
}


@pytest.mark.parametrize("name", MAKERS)
def test_archive_is_extracted_and_again_only_when_it_changes(tmp_path: Path, work: str, name: str) -> None:
    files = {"top/a.py": b"a = 1\n", "top/deep/b.py": b"b = 1\n", "alone.txt": b"not in the folder"}
    origin = Origin("archive", str(MAKERS[name](tmp_path / name, files)), strip=1)
    digest = revision_of(work, "x", origin)
    tree = Path(tree_of(work, "x", origin))
    assert names(tree) == {"a.py", "deep/b.py"}
    before = (tree / "a.py").stat().st_ino
    assert revision_of(work, "x", origin) == digest
    assert (tree / "a.py").stat().st_ino == before
    MAKERS[name](tmp_path / name, {"top/c.py": b"c = 1\n"})
    assert revision_of(work, "x", origin) != digest
    assert names(tree) == {"c.py"}


@pytest.mark.parametrize("name", ["../evil.py", "/abs/evil.py", "a/../../evil.py"])
@pytest.mark.parametrize("kind", ["x.tar.gz", "x.zip"])
def test_name_that_leads_out_is_left_out_and_told(tmp_path: Path, work: str, kind: str, name: str) -> None:
    archive = MAKERS[kind](tmp_path / kind, {"good.py": b"1", name: b"evil"})
    origin = Origin("archive", str(archive))
    for _ in range(2):  # the second time nothing is extracted
        assert bring(work, "x", origin).left_out == (f"{name}: it leads out of the folder",)
    assert names(Path(tree_of(work, "x", origin))) == {"good.py"}
    assert not (tmp_path / "evil.py").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [("n" * 300 + ".py", "name too long"), ("good.py/inside.py", "file exists"), ("folder", "is a directory")],
)
def test_name_that_no_file_can_have_is_left_out_and_told(tmp_path: Path, name: str, told: str) -> None:
    files = {"good.py": b"1", "folder/deep.py": b"2", name: b"3", "last.py": b"4"}
    (tmp_path / "out").mkdir()
    found = extract(tar_of(tmp_path / "x.tar", files), tmp_path / "out", 0)
    assert names(tmp_path / "out") == {"good.py", "folder/deep.py", "last.py"}
    assert found.files == 3
    (left_out,) = found.left_out
    assert left_out.startswith(name[:200])
    assert told in left_out.lower()


def test_time_that_no_file_can_have_is_not_set(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as opened:
        member = tarfile.TarInfo("a.py")
        member.size, member.mtime = 1, 2.0**66
        opened.addfile(member, io.BytesIO(b"1"))
    (tmp_path / "out").mkdir()
    assert extract(archive, tmp_path / "out", 0).files == 1


@pytest.mark.parametrize("kind", ["x.tar", "x.zip"])
def test_archive_that_the_disk_has_no_room_for_is_not_begun(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = MAKERS[kind](tmp_path / kind, {"zeros": bytes(1 << 20)})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 30, 1 << 30, (64 << 20) + 1000))
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceUnavailable, match="has 67 MB free"):
        extract(archive, tmp_path / "out", 0)
    assert names(tmp_path / "out") == set()


def test_disk_that_gets_full_ends_an_extraction_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar_of(tmp_path / "x.tar.gz", {"zeros": bytes(1 << 20), "more": bytes(1 << 20)})
    (tmp_path / "out").mkdir()
    usage = shutil.disk_usage(tmp_path)
    free = iter([1 << 30, 1 << 30])
    monkeypatch.setattr(archives, "CHECK_BYTES", 1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free, 0)))
    with pytest.raises(SourceUnavailable, match="has 0 MB free"):
        extract(archive, tmp_path / "out", 0)


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    archive, out = tmp_path / "x.tar", tmp_path / "out"
    out.mkdir()
    with tarfile.open(archive, "w") as opened:
        for kind, name in ((tarfile.SYMTYPE, "dir"), (tarfile.LNKTYPE, "hard"), (tarfile.FIFOTYPE, "pipe")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path)
            opened.addfile(member)
        member = tarfile.TarInfo("dir/inside.py")
        member.size = 1
        opened.addfile(member, io.BytesIO(b"1"))
    assert extract(archive, out, 0) == (1, ())
    assert names(out) == {"dir/inside.py"}
    assert not (tmp_path / "inside.py").exists()


def test_link_in_a_zip_is_left_out(tmp_path: Path) -> None:
    archive, out = tmp_path / "x.zip", tmp_path / "out"
    out.mkdir()
    with zipfile.ZipFile(archive, "w") as opened:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
        opened.writestr("a.py", "a = 1\n")
    assert extract(archive, out, 0) == (1, ())
    assert names(out) == {"a.py"}


def test_archive_that_unfolds_too_far_is_given_up(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "x.tar.gz", {"zeros": bytes(1 << 20), "more": b"1"})
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceUnavailable, match="larger than"):
        extract(archive, tmp_path / "out", 0, max_bytes=1000)
    with pytest.raises(SourceUnavailable, match="more than 1 files"):
        extract(archive, tmp_path / "out", 0, max_files=1)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, work: str, content: bytes) -> None:
    write_tree(tmp_path, {"x.tar.gz": content})
    with pytest.raises(SourceUnavailable, match=r"x\.tar\.gz cannot be fetched"):
        revision_of(work, "x", Origin("archive", str(tmp_path / "x.tar.gz")))
    with pytest.raises(SourceUnavailable, match="No such file"):
        revision_of(work, "x", Origin("archive", str(tmp_path / "gone.tar")))
    assert os.listdir(work) == []  # noqa: PTH208


def test_ignore_rules_around_the_working_folder_do_not_reach_in(tmp_path: Path) -> None:
    from raycontext.discover.walk import walk

    commit(tmp_path / "outer", {".gitignore": "*\n"})
    archive = tar_of(tmp_path / "x.tar.gz", {"a.py": b"a = 1\n"})
    origin = Origin("archive", str(archive))
    work = str(tmp_path / "outer" / "work")
    revision_of(work, "x", origin)
    listing = walk(Path(tree_of(work, "x", origin)), 1 << 20)
    assert [file.path for file in listing.files] == ["a.py"]


def test_killed_fetch_is_made_up_for(upstream: Path, work: str) -> None:
    origin = origin_of(upstream)
    commit(upstream, {f"m{number}.py": f"m = {number}\n" * 50 for number in range(200)})
    program = (
        "import sys\nfrom raycontext.sources.workplace import Origin, bring\n"
        f"print('begin', flush=True)\nbring({work!r}, 'up', Origin('git', {origin.location!r}))\n"
    )
    for delay in (0.02, 0.05, 0.1):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
        newest = commit(upstream, {"a.py": f"a = {delay}\n"})
        assert revision_of(work, "up", origin) == newest
        assert len(names(tree_of(work, "up", origin))) == 202
