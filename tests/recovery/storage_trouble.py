"""What happens to an index, in a process of its own, when its storage fails in the middle of a run and is mended.

    python tests/recovery/storage_trouble.py full|too-large|forbidden FOLDER

Indexes a small tree, adds files, makes the storage fail while they are indexed, asks what can still be asked, mends
the storage, and indexes again. Prints what it found as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import raycontext
from raycontext.cli import main as cli_main
from raycontext.errors import StorageError
from raycontext.store.storage.local import LocalStorage

NOBODY = 65534
QUERIES = ("where is the cart", "order_7_3", "total of an order")
LIMIT_BYTES = 10_000
DISK = "size=8m"


def write_files(tree: Path, numbers: range) -> None:
    function = "def order_{0}_{1}(items):\n    '''Total of an order.'''\n    return sum(items) * {1} + {0}\n\n\n"
    for number in numbers:
        text = "".join(function.format(number, part) for part in range(60))
        (tree / f"orders_{number}.py").write_text(text)


def answers(root: Path) -> list[list[tuple[str, int, str, float]]]:
    with raycontext.connect(root=root, runtime="inline") as context:
        return [
            [(hit.path, hit.start_line, hit.text, round(hit.score, 5)) for hit in context.search(query, limit=20)]
            for query in QUERIES
        ]


def command(root: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and messages of the command line."""
    said = io.StringIO()
    os.environ["RAYCONTEXT_ROOT"] = str(root)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            sys.argv = ["raycontext", *arguments, "--runtime", "inline"]
            cli_main.main()
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    return 0, said.getvalue()


def mount(root: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)], check=True)


def fill(ballast: Path) -> None:
    """Take all that is left of a disk."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def become_nobody(folder: Path) -> None:
    """Permissions say nothing to root."""
    if os.geteuid() != 0:
        return
    for place, _, names in os.walk(folder):
        for name in (place, *(os.path.join(place, name) for name in names)):  # noqa: PTH118
            os.chown(name, NOBODY, NOBODY)
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:  # a temporary folder of the test run, for its owner alone
            parent.chmod(mode | 0o011)
    os.seteuid(NOBODY)


def set_mode(root: Path, mode: int) -> None:
    for place, _, _ in os.walk(root):
        Path(place).chmod(mode)


def after_first_write(act: Callable[[], None]) -> None:
    """Have the storage fail once the first segment of the next run is there."""
    plain = LocalStorage.write

    def write(self: LocalStorage, folder: str, objects: dict[str, object]) -> None:
        plain(self, folder, objects)  # type: ignore[arg-type]
        LocalStorage.write = plain  # type: ignore[method-assign]
        act()

    LocalStorage.write = write  # type: ignore[method-assign, assignment]


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    tree, root, other = folder / "tree", folder / "root", folder / "other"
    for place in (tree, root, other):
        place.mkdir()
    if kind == "full":
        mount(root, DISK)
    (tree / "cart.py").write_text("class Cart:\n    '''The cart.'''\n")
    write_files(tree, range(3))
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        first = context.index(tree, num_shards=4)
        context.verify(deep=True)
    assert command(root, "index", str(tree))[0] == 0  # all that is imported by now can be read
    before = answers(root)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    write_files(tree, range(100))
    match kind:
        case "full":
            after_first_write(lambda: fill(root / "ballast"))
        case "too-large":
            after_first_write(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, limits[1])))
        case "forbidden":
            become_nobody(folder)
            after_first_write(lambda: set_mode(root, 0o500))
    error = None
    try:
        with raycontext.connect(root=root, runtime="inline", workers=1) as context:
            context.index(tree)
    except StorageError as raised:
        error = raised
    code, said = command(root, "index", str(tree))
    with raycontext.connect(root=root, runtime="inline") as context:
        (verified,) = context.verify(deep=True)
    still = answers(root)

    match kind:
        case "full":
            (root / "ballast").unlink()
        case "too-large":
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        case "forbidden":
            set_mode(root, 0o700)
    with raycontext.connect(root=root, runtime="inline") as context:
        second = context.index(tree)
        (mended,) = context.verify(deep=True)
    with raycontext.connect(root=other, runtime="inline") as context:
        context.index(tree, num_shards=4)
    print(
        json.dumps(
            {
                "error": type(error).__name__,
                "message": str(error),
                "exit_code": code,
                "said": said,
                "versions": [first.version, verified.version, second.version],
                "damage": [str(damage) for damage in (*verified.damage, *mended.damage)],
                "answers_stay": still == before and all(before),
                "files": second.files,
                "equals_from_scratch": answers(root) == answers(other),
            }
        )
    )


if __name__ == "__main__":
    main()
