"""Users of one root who are killed again and again while they index, fork, clear, publish, pull and read refs.

    python tests/recovery/sharing_soak.py [--seconds 20] [--users 2]

Meanwhile calls of the storage fail with input/output errors, the disk is full for moments, and the users' clocks step
by hours and days. Without a compiler for io_faults.c there are kills alone.

Each user has a tree that grows, and notes each run that was acknowledged. At the end everything must be whole without
any repair, every acknowledged file must be in its collection exactly once, and no file of a collection that nobody
touched may have changed. Prints the counts; exit code 1 if something is lost, there twice or cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import raycontext
from raycontext.errors import RaycontextError
from raycontext.store.collection import Collection, collection_names
from raycontext.store.storage.local import LocalStorage

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.recovery.io_faults import VARIABLE, IoFaults
from tests.recovery.soak import CLOCKS_SECONDS, FULL_EVERY

ERRORS_IN_MILLION = 300
"""Number of a million calls of the storage that fail. A run has about a thousand."""
LIFE_SECONDS = (4.0, 9.0)
"""Shortest and longest time until a user is killed."""
WITNESS = "witness"
"""Collection that nobody touches."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--users", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    if VARIABLE not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            environment = IoFaults.environment(Path(folder))
            if environment is not None:
                own = [sys.executable, __file__, "--seconds", str(arguments.seconds)]
                own += ["--users", str(arguments.users), "--seed", str(seed)]
                return subprocess.run(own, env=environment, check=False).returncode
            print("no compiler: kills alone")
    print(f"seed {seed}", flush=True)
    faults = IoFaults(Path(os.environ[VARIABLE])) if VARIABLE in os.environ else None
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        grow(place / WITNESS, 0)
        with raycontext.connect(root=place / "root", runtime="inline", workers=1) as context:
            context.index(place / WITNESS, collection=WITNESS)
        before = contents(place / "root" / WITNESS)
        kills = run(place, arguments.users, arguments.seconds, random.Random(seed), faults)
        is_whole = balance(place, kills)
        touched = before.items() ^ contents(place / "root" / WITNESS).items()
        print(f"files of a collection that nobody touched: {len(before)}, changed or removed {len(touched)}")
        return 0 if is_whole and not touched else 1


def run(place: Path, users: int, seconds: float, chance: random.Random, faults: IoFaults | None) -> int:
    """Keep that many users alive until the time is over, killing one after the other; returns the kills."""
    context = multiprocessing.get_context("spawn")  # the parent has threads
    end = time.monotonic() + seconds
    kills = full = 0
    if faults is not None:
        faults.set_error_rate(ERRORS_IN_MILLION)
    running: dict[int, multiprocessing.process.BaseProcess] = {}
    while time.monotonic() < end or not kills:
        for number in range(users):
            if number not in running:
                running[number] = context.Process(target=use, args=(place, number, chance.randrange(2**32)))
                running[number].start()
        if faults is not None:
            faults.set_clock(chance.randrange(users), chance.choice(CLOCKS_SECONDS))
        if faults is not None and chance.randrange(FULL_EVERY) == 0:
            full += 1
            with faults.full_disk():
                time.sleep(chance.uniform(*LIFE_SECONDS) / 2)
        else:
            time.sleep(chance.uniform(*LIFE_SECONDS))
        victim = running.pop(chance.choice(sorted(running)))
        if victim.exitcode is not None:
            sys.exit(f"a user ended with {victim.exitcode}")
        victim.kill()
        victim.join()
        kills += 1
    for child in running.values():
        child.kill()
        child.join()
    if faults is not None:
        counts = faults.counts()
        faults.set_error_rate(0)
        print(
            f"faults: {kills} kills, {counts.errors} input/output errors, {full} times a full disk with "
            f"{counts.refusals} refused calls"
        )
    return kills


def use(place: Path, number: int, seed: int) -> None:
    """Work until killed. One line of the note is one system call, so that a kill does not cut it."""
    chance = random.Random(seed)
    note = os.open(place / f"{number}.note", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(*words: object) -> None:
        os.write(note, (" ".join(map(str, words)) + "\n").encode())

    tree, fork, pulled = (place / f"{kind}-{number}" for kind in ("own", "fork", "pulled"))
    target = place / "target"
    with raycontext.connect(root=place / "root", runtime="inline", workers=1) as context:
        if VARIABLE in os.environ:
            IoFaults(Path(os.environ[VARIABLE])).arm(place / "root", number)
        while True:
            act = chance.choice(("index", "index", "fork", "clear", "publish", "pull", "ref", "search"))
            tell("begun", act)
            try:
                if act == "index":
                    grow(tree, len(list(tree.glob("*.py"))) if tree.exists() else 0)
                    names = sorted(path.name for path in tree.glob("*.py"))
                    context.index(tree, collection=tree.name)
                    tell("acknowledged", tree.name, *names)
                elif act == "fork" and tree.exists():
                    shutil.rmtree(fork, ignore_errors=True)
                    shutil.copytree(tree, fork)
                    grow(fork, 1000)
                    tell("clears", fork.name)  # what was acknowledged of it before is gone from its tree, perhaps
                    context.index(fork, collection=fork.name)
                    tell("acknowledged", fork.name, *sorted(path.name for path in fork.glob("*.py")))
                elif act == "clear":
                    tell("clears", fork.name)
                    context.clear(fork.name)
                elif act == "publish":
                    context.publish(target, collection=WITNESS if chance.random() < 0.3 else tree.name)
                elif act == "pull" and tree.exists():
                    shutil.copytree(tree, pulled, dirs_exist_ok=True)
                    tell("clears", pulled.name)
                    context.pull(target, pulled, collection=pulled.name)
                    tell("acknowledged", pulled.name, *sorted(path.name for path in pulled.glob("*.py")))
                elif act == "ref" and tree.exists():
                    context.search("price of a cart", ref=commit_all(tree), path=tree)
                else:
                    context.search("price of a cart", collection=WITNESS)
                tell("done", act)
            except RaycontextError as error:
                tell("error", type(error).__name__)


def grow(tree: Path, number: int) -> None:
    """Put some more files into a tree."""
    tree.mkdir(exist_ok=True)
    for each in range(number, number + 3):
        (tree / f"cart_{each}.py").write_text(f"def price_of_cart_{each}(cart):\n    return cart.total + {each}\n")


def commit_all(tree: Path) -> str:
    """Commit a tree, without what a killed commit may have left, and return the ref."""
    shutil.rmtree(tree / ".git", ignore_errors=True)
    for arguments in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"),
    ):
        subprocess.run(["git", *arguments], cwd=tree, check=False, capture_output=True)
    return "HEAD"


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of each file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "tmp"
    }


def balance(place: Path, kills: int) -> bool:
    """Compare each collection with what was acknowledged of it."""
    counts: Counter[str] = Counter()
    acknowledged: dict[str, set[str]] = {}
    for note in place.glob("*.note"):
        for line in note.read_text().splitlines():
            word, *rest = line.split()
            counts[f"{word} {rest[0]}" if word in ("done", "error") else word] += 1
            if word == "acknowledged":
                acknowledged[rest[0]] = set(rest[1:])
            elif word == "clears":
                acknowledged.pop(rest[0], None)
    storage = LocalStorage(place / "root")
    lost = twice = unreadable = 0
    names = collection_names(storage)
    with raycontext.connect(root=place / "root", runtime="inline", workers=1) as context:
        for name in names:
            manifest = Collection(storage, name).latest()
            if manifest is None:
                lost += len(acknowledged.pop(name, ()))
                continue
            for damage in context.verify(name, deep=True)[0].damage:
                print(f"{name}: {damage}")
                twice += "more than once" in damage.meaning
                unreadable += "more than once" not in damage.meaning
            entries = Collection(storage, name).snapshot(manifest).entries
            lost += len(
                acknowledged.pop(name, set()) - {path for path, entry in entries.items() if entry.reason is None}
            )
        lost += sum(map(len, acknowledged.values()))
        target = place / "target"
        if target.exists():
            grow(place / "last", 0)
            pulled = context.pull(target, place / "last", collection="last")
            unreadable += pulled.index.files != 3
    done = ", ".join(
        f"{count} {kind.removeprefix('done ')}" for kind, count in sorted(counts.items()) if "done" in kind
    )
    errors = ", ".join(
        f"{count} {kind.removeprefix('error ')}" for kind, count in sorted(counts.items()) if "error" in kind
    )
    print(f"{kills} kills; done: {done}; errors told: {errors or 'none'}; {len(names)} collections")
    print(f"{counts['acknowledged']} runs acknowledged; lost {lost}, duplicates {twice}, unreadable {unreadable}")
    return bool(counts["acknowledged"]) and not (lost or twice or unreadable)


if __name__ == "__main__":
    sys.exit(main())
