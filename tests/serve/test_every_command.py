"""Every command in every situation ends with the exit code that is documented, in one line, and without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raycontext.cli.application import application
from raycontext.cli.command_line.completion import completions
from raycontext.cli.main import COMMANDS, main
from raycontext.errors.exit_codes import MEANINGS, ExitCode

from ..conftest import CART, PAYMENT, write_tree
from ..waiting import WAIT_SECONDS
from .conftest import SCRIPT, Command

INLINE = ("--runtime", "inline")

CASES: dict[str, list[tuple[ExitCode, tuple[str, ...]]]] = {
    "index": [
        (ExitCode.DONE, ("shop", *INLINE)),
        (ExitCode.NO_SOURCE, ("missing", *INLINE)),
        (ExitCode.WRONG_USE, ()),
        (ExitCode.WRONG_USE, ("shop", "-c", "no name!", *INLINE)),
        (ExitCode.WRONG_USE, ("shop", "--shards", "x")),
    ],
    "search": [
        (ExitCode.DONE, ("shopping cart", "shop")),
        (ExitCode.DONE, ("shopping cart", "shop", "--context", "--max-tokens", "300")),
        (ExitCode.NOTHING_FOUND, ("xyzzyplugh", "shop")),
        (ExitCode.NO_COLLECTION, ("cart", "-c", "unknown")),
        (ExitCode.NO_SOURCE, ("cart", "missing")),
        (ExitCode.WRONG_USE, ()),
        (ExitCode.WRONG_USE, ("cart", "shop", "--limit", "0")),
        (ExitCode.WRONG_USE, ("cart", "shop", "--language", "nolang")),
        (ExitCode.WRONG_USE, ("cart", "shop", "--nonsense")),
        (ExitCode.DONE, ("cart", "shop", "--grep", "(?i)CLASS")),
        (ExitCode.NOTHING_FOUND, ("cart", "shop", "--grep", "nothing of the kind")),
        (ExitCode.WRONG_USE, ("cart", "shop", "--grep", "(")),
    ],
    "related": [
        (ExitCode.DONE, ("shop/payment.py:10",)),
        (ExitCode.NOTHING_FOUND, ("shop/payment.py:10", "--min-score", "1e9")),
        (ExitCode.NO_COLLECTION, ("payment.py:1", "-c", "unknown")),
        (ExitCode.NO_SOURCE, ("missing.py:1",)),
        (ExitCode.WRONG_USE, ("shop/missing.py:1",)),
        (ExitCode.WRONG_USE, ("shop/payment.py",)),
    ],
    **{
        command: [
            (ExitCode.NOTHING_FOUND, ("no_such_name", "--in", "shop")),
            (ExitCode.NO_COLLECTION, ("Cart", "-c", "unknown")),
            (ExitCode.WRONG_USE, ("shop/missing.py:1", "-c", "shop")),
            (ExitCode.WRONG_USE, ("Cart", "--limit", "0")),
            (ExitCode.WRONG_USE, ()),
        ]
        for command in ("usages", "callers", "callees", "impact")
    },
    "path": [
        (ExitCode.NOTHING_FOUND, ("no_such_name", "neither", "--in", "shop")),
        (ExitCode.NO_COLLECTION, ("Cart", "Cart", "-c", "unknown")),
        (ExitCode.WRONG_USE, ("Cart",)),
    ],
    "outline": [
        (ExitCode.DONE, ("shop/cart.py",)),
        (ExitCode.DONE, ("shop", "--json", "--limit", "1")),
        (ExitCode.DONE, (".", "-c", "shop", "--max-tokens", "500")),
        (ExitCode.NOTHING_FOUND, ("shop", "--kind", "interface")),
        (ExitCode.NO_COLLECTION, ("shop", "-c", "unknown")),
        (ExitCode.NO_SOURCE, ("missing",)),
        (ExitCode.WRONG_USE, ("shop/missing.py",)),
        (ExitCode.WRONG_USE, ("../elsewhere", "-c", "shop")),
        (ExitCode.WRONG_USE, ("shop", "--kind", "nokind")),
        (ExitCode.WRONG_USE, ()),
    ],
    "map": [
        (ExitCode.DONE, ("shop/cart.py",)),
        (ExitCode.DONE, ("shop", "--json", "--limit", "1")),
        (ExitCode.DONE, ("-c", "shop", "--max-tokens", "500")),
        (ExitCode.NOTHING_FOUND, ("shop", "--kind", "interface")),
        (ExitCode.NO_COLLECTION, ("shop", "-c", "unknown")),
        (ExitCode.NO_SOURCE, ("missing",)),
        (ExitCode.WRONG_USE, ("shop/missing.py",)),
        (ExitCode.WRONG_USE, ("../elsewhere", "-c", "shop")),
        (ExitCode.WRONG_USE, ("shop", "--max-tokens", "0")),
    ],
    "diff": [
        (ExitCode.NO_COLLECTION, ("v1", "v2", "cart", "-c", "unknown")),
        (ExitCode.NO_SOURCE, ("v1", "v2", "cart", "missing")),
        (ExitCode.WRONG_USE, ("v1", "v2", "cart", "shop")),
        (ExitCode.WRONG_USE, ("v1", "v2", "cart", "--limit", "0")),
        (ExitCode.WRONG_USE, ("v1",)),
    ],
    "grep": [
        (ExitCode.DONE, ("class", "shop")),
        (ExitCode.DONE, ("-i", "CLASS", "shop/cart.py", "--json", "--limit", "1")),
        (ExitCode.DONE, ("-c", "class|def", "--collection", "shop", "--max-tokens", "500")),
        (ExitCode.DONE, ("-l", "-w", "def", "shop", "--no-totals", "--hidden")),
        (
            ExitCode.DONE,
            ("-F", "def ", "-B", "1", "-A", "2", "-C", "1", "shop", "--language", "python", "--path", "*.py"),
        ),
        (ExitCode.NOTHING_FOUND, ("nothing of the kind", "shop")),
        (ExitCode.NO_COLLECTION, ("class", "--collection", "unknown")),
        (ExitCode.NO_SOURCE, ("class", "missing")),
        (ExitCode.WRONG_USE, ("(", "shop")),
        (ExitCode.WRONG_USE, ("-l", "-c", "class")),
        (ExitCode.WRONG_USE, ("class", "shop/missing.py")),
        (ExitCode.WRONG_USE, ()),
    ],
    "status": [
        (ExitCode.DONE, ("shop",)),
        (ExitCode.DONE, ()),
        (ExitCode.NO_COLLECTION, ("-c", "unknown")),
        (ExitCode.NO_SOURCE, ("missing",)),
        (ExitCode.WRONG_USE, ("--nonsense",)),
    ],
    "list": [
        (ExitCode.DONE, ()),
        (ExitCode.NO_COLLECTION, ("-c", "unknown")),
        (ExitCode.WRONG_USE, ("shop",)),
    ],
    "clear": [
        (ExitCode.NO_COLLECTION, ("-c", "unknown")),
        (ExitCode.NO_SOURCE, ("missing",)),
        (ExitCode.WRONG_USE, ()),
    ],
    "verify": [
        (ExitCode.DONE, ("shop",)),
        (ExitCode.NO_COLLECTION, ("unknown",)),
        (ExitCode.WRONG_USE, ("--nonsense",)),
    ],
    "repair": [
        (ExitCode.DONE, ("shop", *INLINE)),
        (ExitCode.NO_COLLECTION, ("unknown", *INLINE)),
        (ExitCode.WRONG_USE, ("--runtime", "telepathy")),
    ],
    "publish": [
        (ExitCode.DONE, ("target", "shop")),
        (ExitCode.DONE, ("target", "shop", "--json")),
        (ExitCode.NO_COLLECTION, ("target", "-c", "unknown")),
        (ExitCode.NO_SOURCE, ("target", "missing")),
        (ExitCode.WRONG_USE, ("ftp://host/place", "shop")),
        (ExitCode.WRONG_USE, ("target", "shop", "--key", "missing")),
        (ExitCode.WRONG_USE, ()),
    ],
    "pull": [
        (ExitCode.DONE, ("target", "shop", *INLINE)),
        (ExitCode.NO_SOURCE, ("target", "missing", *INLINE)),
        (ExitCode.STORAGE, ("elsewhere", "shop", *INLINE)),
        (ExitCode.WRONG_USE, ("target", "shop", "--signers", "missing", *INLINE)),
        (ExitCode.WRONG_USE, ()),
    ],
    "eval": [
        (ExitCode.WRONG_USE, ("missing.tsv", "shop")),
        (ExitCode.WRONG_USE, ("--mine", "nonsense", "shop")),
        (ExitCode.WRONG_USE, ()),
    ],
    "untune": [
        (ExitCode.NOTHING_FOUND, ("shop", *INLINE)),
        (ExitCode.NO_COLLECTION, ("-c", "unknown", *INLINE)),
    ],
    "tune": [
        (ExitCode.NO_SOURCE, ("--mine", "docs", "missing", *INLINE)),
        (ExitCode.WRONG_USE, ("--mine", "docs", "shop", *INLINE)),
        (ExitCode.WRONG_USE, ()),
    ],
    "batch": [
        (ExitCode.WRONG_USE, ("missing.yaml",)),
        (ExitCode.WRONG_USE, ()),
    ],
    "watch": [
        (ExitCode.NO_SOURCE, ("missing", *INLINE)),
        (ExitCode.WRONG_USE, ("--list",)),
        (ExitCode.WRONG_USE, ("--stop",)),
    ],
    "cancel": [
        (ExitCode.NOTHING_TO_CANCEL, ("shop",)),
        (ExitCode.NO_COLLECTION, ("-c", "unknown")),
        (ExitCode.NO_SOURCE, ("missing",)),
        (ExitCode.WRONG_USE, ()),
    ],
    "savings": [
        (ExitCode.DONE, ()),
        (ExitCode.DONE, ("-c", "shop", "--json")),
        (ExitCode.NO_COLLECTION, ("-c", "unknown")),
        (ExitCode.WRONG_USE, ("--nonsense",)),
    ],
    "install": [(ExitCode.WRONG_USE, ("unknown",))],
    "doctor": [(ExitCode.WRONG_USE, ("--nonsense",))],
    "up": [(ExitCode.WRONG_USE, ("--tcp", "nowhere")), (ExitCode.WRONG_USE, ("--nonsense",))],
    "down": [(ExitCode.DONE, ()), (ExitCode.WRONG_USE, ("--nonsense",))],
    "logs": [(ExitCode.DONE, ()), (ExitCode.WRONG_USE, ("-n", "0"))],
    "mcp": [(ExitCode.WRONG_USE, ("--nonsense",))],
}
"""Arguments and exit codes: success, nothing found, an unknown collection, a missing path, bad input."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a root, in which `shop` is indexed."""
    folder = tmp_path_factory.mktemp("every")
    write_tree(folder / "shop", {"cart.py": CART, "payment.py": PAYMENT})
    assert Command(folder / "root")("index", folder / "shop", *INLINE).returncode == 0
    assert Command(folder / "root")("publish", folder / "target", folder / "shop").returncode == 0
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(place)
    monkeypatch.setenv("RAYCONTEXT_ROOT", str(place / "root"))
    yield place


def ended(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["raycontext", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("command", "code", "arguments"),
    [(command, code, arguments) for command, cases in CASES.items() for code, arguments in cases],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_exit_code_is_the_documented_one(
    here: Path,
    command: str,
    code: ExitCode,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert code in MEANINGS
    assert ended((command, *arguments), monkeypatch) == code
    printed, told = capfd.readouterr()
    assert "Traceback" not in told
    assert "openapi" not in told
    if code not in (ExitCode.DONE, ExitCode.NOTHING_FOUND, ExitCode.NOTHING_TO_CANCEL):
        assert printed == ""
        assert told.splitlines()[-1].startswith("error: ")


def test_every_command_has_its_cases() -> None:
    assert set(CASES) == set(COMMANDS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_one_form(command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    texts = []
    for asked in (("help", command), (command, "--help")):
        assert ended(tuple(filter(None, asked)), monkeypatch) == 0
        printed, told = capfd.readouterr()
        assert (told, printed.splitlines()[0].split()[:2]) == ("", ["usage:", "raycontext"])
        texts.append(printed)
    assert texts[0] == texts[1]


def test_version_has_a_short_option(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert [ended((flag,), monkeypatch) for flag in ("-V", "--version")] == [0, 0]
    first, second = capfd.readouterr().out.splitlines()
    assert first == second


@pytest.mark.process
@pytest.mark.parametrize("arguments", [("search", "cart", "shop"), ("list",)])
def test_closed_streams_are_no_error(place: Path, arguments: tuple[str, ...]) -> None:
    environment = Command(place / "root").environment()
    for closed in (">&-", "2>&- <&-", ">&- 2>&- <&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", SCRIPT, *arguments],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert closed != ">&-" or done.stdout == ""


@pytest.mark.process
@pytest.mark.parametrize("arguments", [("search", "cart", "shop", "--json"), ("--help",), ("list",), ("logs",)])
def test_reader_that_has_gone_is_never_nothing_found(place: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [SCRIPT, *arguments],
            cwd=place,
            env=Command(place / "root").environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode in (ExitCode.DONE, ExitCode.OUTPUT_CLOSED)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_names_and_queries_that_are_not_utf_8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYCONTEXT_ROOT", str(tmp_path / "root"))
    odd = os.fsdecode(b"caf\xe9")
    place = tmp_path / odd
    write_tree(place, {f"{odd}.py": CART})
    for arguments in (
        ("index", str(place), *INLINE),
        ("search", "shopping cart", str(place)),
        ("search", "shopping cart", str(place / f"{odd}.py"), "--json"),
        ("search", f"{odd} shopping cart", str(place)),
        ("related", f"{place}/{odd}.py:8", "--min-score", "0"),
        ("status", str(place)),
        ("clear", str(place)),
    ):
        assert ended(arguments, monkeypatch) in (0, 1), arguments
        told = capfd.readouterr().err
        assert "Traceback" not in told
        assert "openapi" not in told


def completed(*words: str) -> set[str]:
    return {word for word, _ in completions(list(words[:-1]), words[-1])}


def test_words_are_completed(here: Path) -> None:
    assert completed("sea") == {"search"}
    assert set(COMMANDS) <= completed("")
    assert completed("search", "x", "--lan") == {"--language"}
    assert completed("search", "x", "--language", "typesc") == {"typescript"}
    assert completed("search", "x", "--kind=me") == {"--kind=method"}
    assert completed("search", "x", "-c", "") == {"shop"}
    assert completed("verify", "s") == {"shop"}
    assert completed("index", "--runtime", "p") == {"processes"}
    assert completed("search", "sho") == set()  # left to the shell, which knows the files
    assert completed("nonsense", "") == set()


@pytest.mark.process
def test_completion_loads_little(place: Path) -> None:
    """What makes it slow is what it imports."""
    heavy = ("typer", "pydantic", "numpy", "pyarrow", "ray", "asyncio")
    code = (
        "import sys\nfrom raycontext.cli.main import main\n"
        "try: main()\n"
        f"finally: assert not set(sys.modules) & set({heavy}), set(sys.modules) & set({heavy})\n"
    )
    variables = {"_RAYCONTEXT_COMPLETE": "complete_bash", "COMP_WORDS": "raycontext search x -c s", "COMP_CWORD": "4"}
    process = Command(place / "root").start(program=(sys.executable, "-c", code), **variables)
    assert process.communicate() == ("shop\n", "")
    assert process.returncode == 0


def test_all_commands_are_registered() -> None:
    names = {command.name or command.callback.__name__ for command in application.registered_commands}  # type: ignore[union-attr]
    assert names == set(COMMANDS)
