"""The command line, as a process: what goes to stdout and stderr, exit codes, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import psutil
import pytest

import raycontext
from raycontext.models import CollectionStatus, CollectionSummary, Hit, IndexReport
from raycontext.serve.messages import Answer

from ..conftest import CART, LEDGER, PAYMENT, README, ROUTER, write_tree
from ..waiting import WAIT_SECONDS
from .conftest import SCRIPT, Command

pytestmark = pytest.mark.process

FILES: dict[str, str | bytes] = {
    "shop/cart.py": CART,
    "shop/payment.py": PAYMENT,
    "web/router.js": ROUTER,
    "core/ledger.go": LEDGER,
    "README.md": README,
    "logo.png": b"\x89PNG\x00\x01",
}
QUESTION = "where is a credit card charged?"
STAGES = ("queued", "walking", "hashing", "indexing", "committing", "done")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, Path]:
    """A small project that is indexed once for all tests that only read."""
    folder = tmp_path_factory.mktemp("indexed")
    write_tree(folder / "shop", FILES)
    command = Command(folder / "root")
    assert command("index", folder / "shop", "--runtime", "inline").returncode == 0
    return command, folder / "shop"


def many_files(place: Path, count: int) -> Path:
    """A tree that takes some seconds to index."""
    function = "def handler_{0}_{1}(event):\n    return event.field_{1} + event.total_{0}\n\n\n"
    files: dict[str, str | bytes] = {
        f"d{number % 30}/m{number}.py": "".join(function.format(number, part) for part in range(20))
        for number in range(count)
    }
    write_tree(place, files)
    return place


def assert_failed(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One clear line on stderr, nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def test_index_tells_what_it_did(command: Command, source: Path) -> None:
    first = command("index", source, "--runtime", "inline")
    assert first.returncode == 0
    summary, counts = first.stdout.splitlines()
    assert summary.startswith(f"indexed {source} as 'shop', version 1: 5 files, ")
    assert counts.startswith("5 added, 0 modified, 0 removed, ")
    assert all(line.split()[0] in STAGES for line in first.stderr.splitlines())
    second = command("index", source, "--runtime", "inline")
    assert second.stdout.startswith(f"unchanged {source} as 'shop', version 1: 5 files, ")


def test_json_is_all_that_stdout_holds(command: Command, source: Path) -> None:
    def output(*arguments: str | Path) -> Any:
        done = command(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        if arguments[0] != "index":  # which shows its progress
            assert done.stderr == ""
        return json.loads(done.stdout)

    report = IndexReport.model_validate(output("index", source, "--runtime", "inline", "--shards", "2"))
    assert (report.collection, report.files, report.version) == ("shop", 5, 1)
    answer = output("search", QUESTION, source)
    hits = [Hit.model_validate(hit) for hit in answer["hits"]]
    assert hits[0].path == "shop/payment.py"
    whole = Answer.model_validate(answer)
    assert (whole.version, whole.partial, whole.may_miss_files, whole.next_offset) == (1, False, False, None)
    assert whole.seconds > 0
    assert json.loads(command("search", QUESTION, source, "--json-hits").stdout) == answer["hits"]
    assert output("search", QUESTION, source, "--files")["files"][0] == "shop/payment.py"
    assert json.loads(command("search", QUESTION, source, "--files", "--json-hits").stdout)[0] == "shop/payment.py"
    status = CollectionStatus.model_validate(output("status", source))
    assert (status.name, status.files, status.num_shards) == ("shop", 5, 2)
    (summary,) = [CollectionSummary.model_validate(line) for line in output("list")]
    assert (summary.name, summary.source, summary.chunks) == ("shop", str(source), report.chunks)
    assert output("clear", source) == {"cleared": "shop"}
    assert output("list") == []
    assert source.is_dir()


def test_hit_is_shown_with_place_name_and_text(shop: tuple[Command, Path]) -> None:
    command, source = shop
    done = command("search", QUESTION, source, "--limit", "1")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert re.fullmatch(r"1\. shop/shop/payment\.py:\d+-\d+  (\w+ )?\w+( \(\+\d+\))?", head)  # from the current folder
    assert "score" not in done.stdout
    assert "    def charge_card(card, amount):" in lines
    explained = command("search", QUESTION, source, "--limit", "1", "--explain", "--lines", "2")
    assert re.search(r"^    score \d\.\d+ \(lexical ", explained.stdout, re.M)
    assert re.search(r"^    … \d+ more lines?, up to \d+ ", explained.stdout, re.M)
    assert "…" not in command("search", QUESTION, source, "--limit", "1", "--lines", "0").stdout


def test_answers_of_relations_have_paths_from_the_current_folder(shop: tuple[Command, Path]) -> None:
    command, source = shop
    outlined = command("outline", source / "shop/cart.py").stdout
    assert outlined.startswith("shop/shop/cart.py\n")
    used = command("usages", "charge_card", "--in", source).stdout
    assert re.search(r"^defined at shop/shop/payment\.py:\d+  function charge_card$", used, re.M)
    found = command("grep", "def charge_card", source).stdout
    assert re.fullmatch(r"shop/shop/payment\.py:\d+:def charge_card\(.*\n", found)
    assert command("grep", "-l", "def charge_card", cwd=source / "shop").stdout == "payment.py\n"


def test_path_means_what_lies_in_it(shop: tuple[Command, Path]) -> None:
    command, source = shop
    for place, paths in (("web", {"web/router.js"}), ("shop/cart.py", {"shop/cart.py"}), ("core/", {"core/ledger.go"})):
        done = command("search", "cart card router ledger", source / place, "--json-hits")
        assert {hit["path"] for hit in json.loads(done.stdout)} == paths
    assert_failed(command("search", "cart", source / "gone"), 3, f"{source}/gone does not exist")


def test_current_folder_answers_from_itself_alone(command: Command, source: Path, tmp_path: Path) -> None:
    assert command("index", source, "--runtime", "inline").returncode == 0
    beside = tmp_path / "beside"
    write_tree(beside, {"parcel.py": "def wrap_parcel(parcel):\n    return parcel\n"})
    status = command("status", cwd=beside)
    assert "shop: " not in status.stdout
    assert f"{beside} is not indexed. These folders are:" in status.stderr
    done = command("search", "cart", cwd=beside)
    assert done.stderr.splitlines()[0] == f"{beside} is not indexed yet"
    done = command("search", "wrap_parcel", "--json-hits", cwd=beside)
    assert {hit["collection"] for hit in json.loads(done.stdout)} == {"beside"}
    assert command("search", "cart", "-c", "shop", cwd=beside).returncode == 0
    assert "shop/cart.py" in command("search", "cart", "--all", cwd=beside).stdout


def test_every_query_indexes_a_small_folder_that_never_was(command: Command, tmp_path: Path) -> None:
    """Be it the folder or the file that is named, or the current folder, below which something is indexed."""
    code = "def wrap_parcel(parcel):\n    return parcel\n\n\nwrap_parcel(1)\n"
    write_tree(tmp_path, {"one/post/parcel.py": code, "two/post/parcel.py": code})
    for folder, asked in (
        ("one", ("outline", "post/parcel.py")),
        ("two", ("grep", "^def wrap", "post")),
        ("two", ("usages", "wrap_parcel")),
    ):
        done = command(*asked, cwd=tmp_path / folder)
        place = tmp_path / folder / ("post" if asked[-1] == "post" else "")
        assert done.stderr.splitlines()[0] == f"{place} is not indexed yet"
        assert (done.returncode, "post/parcel.py" in done.stdout) == (0, True)


def test_large_current_folder_is_indexed_only_where_the_user_says_so(command: Command, tmp_path: Path) -> None:
    write_tree(tmp_path / "large", {f"d{number % 9}/f{number}.txt": f"{number}\n" for number in range(5001)})
    done = command("search", "cart", cwd=tmp_path / "large")
    assert_failed(done, 4, f"raycontext index {tmp_path}/large", "--all", "at least 5,0")
    terminal, inner = os.openpty()
    with subprocess.Popen(
        [SCRIPT, "search", "cart"], cwd=tmp_path / "large", env=command.environment(), stdin=inner, stderr=inner
    ) as process:
        os.close(inner)
        told = b""
        while not told.endswith(b"[y/N] "):
            told += os.read(terminal, 1000)
        os.write(terminal, b"n\n")
        assert process.wait(WAIT_SECONDS) == 4
    os.close(terminal)
    assert command("list").stdout == ""


def test_first_run_that_was_stopped_is_told(command: Command, source: Path) -> None:
    """Nothing was committed, so that nothing can be found."""
    code = (
        "import sys\n"
        "from raycontext.sdk.connection import connect\n"
        "with connect(root=sys.argv[1], runtime='inline') as context: context.prepare(sys.argv[2])\n"
    )
    process = command.start(command.root, source, program=(sys.executable, "-c", code))
    process.communicate()
    assert process.returncode == 0
    for arguments in (("search", "cart", "-c", "shop"), ("status", "-c", "shop"), ("related", source / "a.py:1")):
        done = command(*arguments)
        assert_failed(done, 4, "'shop' is not indexed yet", f"raycontext index {source}")
    assert "shop/cart.py" in command("search", "shopping cart", source).stdout


def test_status_list_and_clear_are_shown(command: Command, source: Path) -> None:
    write_tree(source, {"logo.png": b"\x89PNG\x00\x01"})
    assert command("list").stderr == "nothing is indexed yet: raycontext index PATH\n"
    report = command("index", source, "--runtime", "inline", "--collection", "tagged").stdout
    assert report.splitlines()[-1] == "skipped: binary 1"
    status = command("status", "--collection", "tagged")
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout.startswith(f"tagged: {source}\n")
    assert "    binary: logo.png\n" in status.stdout
    size = sum(place.stat().st_size for place in source.rglob("*.*") if place.suffix != ".png")
    assert f" MB on disk for {size / 1e6:.1f} MB of source\n" in status.stdout
    assert re.search(
        r"^  actor rc: pid \d+ on \S+, \d+ MiB resident( \(\d+ mapped\))?, 1 calls, 0 waiting, p50 ",
        status.stdout,
        re.M,
    )
    listed = command("list").stdout
    assert listed.startswith("tagged  5 files  ")
    assert listed.endswith(f"  {source}\n")
    assert command("list", "--collection", "tagged").stdout == listed
    assert command("list", "--collection", "other").returncode == 4
    cleared = command("clear", "--collection", "tagged")
    assert (cleared.stdout, cleared.stderr) == ("removed tagged\n", "")
    assert list(command.root.iterdir()) == []


def test_place_in_an_indexed_tree_finds_its_collection(shop: tuple[Command, Path]) -> None:
    command, source = shop
    by_name = command("search", QUESTION, "-c", "shop", "--json-hits")
    by_folder = command("search", QUESTION, "--json-hits", cwd=source / "core")
    assert by_name.stdout == by_folder.stdout
    assert json.loads(by_name.stdout)[0]["path"] == "shop/payment.py"
    assert command("status", cwd=source / "shop").stdout.startswith("shop: ")


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        (("--language", "javascript", "--language", "go"), {"web/router.js", "core/ledger.go"}),
        (("--language", "JS", "--language", "golang"), {"web/router.js", "core/ledger.go"}),
        (("--path", "./web"), {"web/router.js"}),
        (("--path", "shop/*", "--path", "!shop/cart.py"), {"shop/payment.py"}),
        (("--kind", "class", "--path", "*.py"), {"shop/cart.py", "shop/payment.py"}),
        (("-n", "1", "-c", "shop"), {"shop/cart.py", "shop/payment.py"}),
    ],
)
def test_search_options_restrict_the_hits(
    shop: tuple[Command, Path], options: tuple[str, ...], paths: set[str]
) -> None:
    command, source = shop
    asked = ("search", "charge_card router ledger cart class", "--limit", "50", *options, "--json-hits")
    done = command(*asked, cwd=source)
    hits = json.loads(done.stdout)
    assert {hit["path"] for hit in hits} <= paths
    assert hits
    if "class" in options:
        assert {hit["kind"] for hit in hits} == {"class"}
    if "-n" in options:
        assert len(hits) == 1


def test_minimum_score_leaves_hits_out(shop: tuple[Command, Path]) -> None:
    command, _ = shop
    hits = json.loads(command("search", QUESTION, "-c", "shop", "--json-hits").stdout)
    threshold = (hits[0]["score"] + hits[1]["score"]) / 2
    kept = json.loads(command("search", QUESTION, "-c", "shop", "--min-score", str(threshold), "--json-hits").stdout)
    assert kept == hits[:1]


def test_nothing_found_is_exit_code_1(shop: tuple[Command, Path]) -> None:
    command, source = shop
    done = command("search", "xyzzyplugh", source)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "nothing found\n")
    done = command("search", QUESTION, source, "--min-score", "1e9", "--json-hits")
    assert (done.returncode, json.loads(done.stdout)) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("search", "x", "--limit", "0"), 2, ("limit is 0",)),
        (("search", " "), 2, ("query is empty",)),
        (("search", "x", "-c", "shop", "--kind", "klass"), 2, ("klass", "Did you mean class?", "function")),
        (("search", "x", "-c", "shop", "--language", "pyton"), 2, ("pyton", "Did you mean python")),
        (("search", "x", "-c", "shop", "--path", "/etc/*.conf"), 2, ("/etc/*.conf", "leads out of")),
        (("index", ".", "--runtime", "telepathy"), 2, ("runtime",)),
        (("index", ".", "--runtime", "inline", "-c", "shop"), 2, ("shop", "already")),
        (("index", "shop", "--runtime", "inline", "--shards", "0"), 2, ("num_shards",)),
        (("clear",), 2, ("--collection NAME",)),
        (("index", "gone\x1b[31m\u202e", "--runtime", "inline"), 3, ("gone\\x1b[31m\\u202e",)),
        (("index", "shop/README.md", "--runtime", "inline"), 3, ("README.md",)),
        (("index", "~nobody-of-this-name/x", "--runtime", "inline"), 3, ("~nobody-of-this-name",)),
        (("index", "x" * 300, "--runtime", "inline"), 3, ("x" * 300,)),
        (("search", "x", "/"), 4, ("/ ", "a search does not index it", "--collection NAME")),
        (("search", "x", "nowhere"), 3, ("nowhere does not exist",)),
        (("status", "--collection", "nope"), 4, ("nope", "shop")),
        (("clear", "shop/shop"), 4, ("shop/shop", "Known collections: shop")),
        (("clear", "--collection", "nope"), 4, ("nope",)),
    ],
)
def test_error_is_one_line_with_its_exit_code(
    shop: tuple[Command, Path], arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    command, _ = shop
    assert_failed(command(*arguments), code, *words)


def test_link_to_itself_is_no_folder(command: Command, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert_failed(command("index", "loop", "--runtime", "inline"), 3, "loop")
    assert_failed(command("clear", "loop"), 4, "loop")


def test_search_without_a_daemon_loads_only_what_an_answer_needs(shop: tuple[Command, Path]) -> None:
    command, source = shop
    code = (
        "import sys\n"
        "from raycontext.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n"
        "    unused = {'ray', 'pyarrow.compute', 'numpy.ma', 'psutil', 'watchfiles', 'starlette', 'mcp'}\n"
        "    print(end.code, sorted(unused & set(sys.modules)))\n"
    )
    process = command.start("search", QUESTION, source, "--files", program=(sys.executable, "-c", code))
    stdout, stderr = process.communicate()
    assert stdout.splitlines()[-1] == "0 []", stderr


def test_root_that_is_a_file_is_a_storage_error(command: Command, source: Path) -> None:
    command.root.write_text("")
    assert_failed(command("index", source, "--runtime", "inline"), 5, str(command.root))


def test_damaged_index_is_a_storage_error(command: Command, source: Path) -> None:
    command("index", source, "--runtime", "inline")
    for manifest in (command.root / "shop/manifests").iterdir():
        manifest.write_text("{}")
    assert_failed(command("search", "cart", source), 5, "damaged", "raycontext clear")
    assert command("clear", source).returncode == 0


def test_run_that_stops_is_exit_code_6(command: Command, source: Path) -> None:
    """What no one foresaw ends the run, not the command with a traceback."""
    code = (
        "from raycontext.store import writer\n"
        "from raycontext.cli.main import main\n"
        "def broken(*_, **__): raise ZeroDivisionError('unforeseen')\n"
        "writer.CollectionWriter.commit = broken\n"
        "main()\n"
    )
    process = command.start("index", source, "--runtime", "inline", program=(sys.executable, "-c", code))
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (6, "")
    assert stderr.splitlines()[-1].startswith("error: Indexing 'shop' stopped: ZeroDivisionError: unforeseen.")
    assert "Traceback" not in stderr


def test_current_folder_that_is_gone_is_an_error(command: Command, tmp_path: Path) -> None:
    code = "import os\nos.rmdir(os.getcwd())\nfrom raycontext.cli.main import main\nmain()\n"
    (tmp_path / "gone").mkdir()
    process = command.start("search", "x", cwd=tmp_path / "gone", program=(sys.executable, "-c", code))
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (2, "")
    assert stderr.startswith("error: The current folder is gone.")
    assert len(stderr.splitlines()) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere"])
def test_address_where_no_ray_is_is_exit_code_7(shop: tuple[Command, Path], address: str) -> None:
    """At once: Ray itself tries for many minutes."""
    command, source = shop
    assert_failed(command("search", "cart", source, "--address", address), 7, address, "ddress")


def test_address_of_a_client_that_is_no_node_is_refused_with_what_to_use(shop: tuple[Command, Path]) -> None:
    command, source = shop
    assert_failed(
        command("search", "cart", source, "--address", "ray://127.0.0.1:1"), 2, "no node", "up --tcp", "--submit"
    )


def test_address_is_read_from_the_environment(shop: tuple[Command, Path]) -> None:
    command, source = shop
    assert_failed(command("index", source, RAYCONTEXT_ADDRESS="127.0.0.1:1"), 7, "127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serach",), "Did you mean 'search'? Try"),
        (("search",), "query"),
        (("list", "--nonsense"), "--nonsense"),
        (("search", "x", "--langauge", "go"), "--langauge go. Did you mean --language? Try"),
    ],
)
def test_wrong_use_is_exit_code_2(command: Command, arguments: tuple[str, ...], message: str) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr


def test_version_is_printed(command: Command) -> None:
    done = command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"raycontext {raycontext.__version__}\n", "")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("", ("index", "search", "status", "clear", "list", "--version")),
        ("index", ("--collection", "--shards", "--root", "--address", "--runtime", "--json")),
        ("search", ("--limit", "--language", "--path", "--kind", "--min-score", "--json")),
        ("status", ("--collection", "--json")),
        ("clear", ("--collection", "--json")),
        ("list", ("--root", "--json")),
    ],
)
def test_help_names_every_option(command: Command, name: str, options: tuple[str, ...]) -> None:
    done = command(*filter(None, (name, "--help")), COLUMNS="200")
    assert (done.returncode, done.stderr) == (0, "")
    for option in options:
        assert option in done.stdout


def test_default_root_is_the_user_data_folder(command: Command, source: Path, tmp_path: Path) -> None:
    data = {"RAYCONTEXT_ROOT": "", "XDG_DATA_HOME": str(tmp_path / "data")}
    assert command("index", source, "--runtime", "inline", **data).returncode == 0
    assert (tmp_path / "data/raycontext/shop/COLLECTION.json").is_file()
    assert command("list", **data).stdout.startswith("shop ")


def test_root_option_goes_before_the_environment(shop: tuple[Command, Path], tmp_path: Path) -> None:
    command, _ = shop
    assert command("list", RAYCONTEXT_ROOT=str(tmp_path / "other")).stdout == ""
    done = command("list", "--root", command.root, RAYCONTEXT_ROOT=str(tmp_path / "other"))
    assert done.stdout.startswith("shop ")
    assert not (tmp_path / "other").exists()


def dangerous(text: str) -> set[str]:
    """Characters that move the cursor, recolour or reverse a terminal, or that are no text."""
    return {char for char in text if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs")}


def test_nothing_from_files_reaches_the_terminal_raw(command: Command, tmp_path: Path) -> None:
    """Escape sequences, bidirectional overrides and bytes that are no text, in names and in content."""
    evil = "\x1b[2J\u202e\x9b31m"
    place = tmp_path / f"odd{evil}"
    names = [os.fsencode(f"a{evil}.py"), b"caf\xe9.py", b"new\nline.py"]
    write_tree(place, {os.fsdecode(name): f"def oddity():  # {evil}\n    return '{evil}'\n" for name in names})
    write_tree(place, {f"skipped{evil}\udcff.png": b"\x00\x01"})
    for arguments, code in (
        (("index", place, "--runtime", "inline"), 0),
        (("search", "oddity", place), 0),
        (("search", "oddity", place, "--json-hits"), 0),
        (("status", place), 0),
        (("status", place, "--json"), 0),
        (("list",), 0),
        (("search", "oddity", tmp_path / f"not here{evil}"), 3),
    ):
        done = command(*arguments)
        assert done.returncode == code, done.stderr
        assert dangerous(done.stdout + done.stderr) == set(), arguments
        if not {"--json", "--json-hits"} & set(arguments):
            assert "\\x1b[2J\\u202e\\x9b31m" in done.stdout + done.stderr
        elif arguments[0] == "search":
            hits = json.loads(done.stdout)
            assert {os.fsencode(hit["path"]) for hit in hits} == set(names)
            assert all(evil in hit["text"] for hit in hits)
        elif arguments[0] == "status":
            assert json.loads(done.stdout)["skipped_files"] == [[f"skipped{evil}\udcff.png", "binary"]]


def test_root_whose_name_is_not_text_is_refused(command: Command, source: Path) -> None:
    """Arrow cannot open such files, so the root is refused before anything is written."""
    root = command.root / os.fsdecode(b"caf\xe9")
    assert_failed(command("index", source, "--root", root, "--runtime", "inline"), 2, "caf\\udce9", "UTF-8")
    assert not command.root.exists()


def test_output_that_is_not_utf_8_shows_escapes(shop: tuple[Command, Path]) -> None:
    command, source = shop
    done = command("search", "shopping cart", source, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2026" in done.stdout
    assert command("--help", PYTHONIOENCODING="latin-1").returncode == 0


def test_reader_that_goes_away_is_no_error(shop: tuple[Command, Path]) -> None:
    command, source = shop
    process = command.start("search", QUESTION, source, "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


def test_no_warning_is_raised_or_shown(command: Command, source: Path) -> None:
    """Not even of those that Python hides: an interpreter that turns them into errors runs everything."""
    for arguments in (("index", source, "--runtime", "inline"), ("search", "cart", source), ("status", source)):
        done = command(*arguments, PYTHONWARNINGS="error")
        assert done.returncode == 0, done.stderr
    code = (
        "import warnings\n"
        "from raycontext.cli import main\n"
        "from raycontext.cli.collections import state\n"
        "state.connected = lambda *_: warnings.warn('LEAK')\n"
        "main.main()\n"
    )
    process = command.start("list", program=(sys.executable, "-c", code))
    assert "LEAK" not in process.communicate()[1]


@pytest.mark.parametrize("stage", ["queued", "indexing"])
def test_interrupt_ends_a_run(command: Command, tmp_path: Path, stage: str) -> None:
    source, count = interrupted_run(command, tmp_path, stage, "--runtime", "inline")
    done = command("index", source, "--runtime", "inline", "--json")
    assert json.loads(done.stdout)["files"] == count


def interrupted_run(command: Command, folder: Path, stage: str, *options: str, **variables: str) -> tuple[Path, int]:
    """Send what Ctrl-C sends to the process group of an index run that has reached a stage, and check how it ends.

    A run that was over before the signal is made anew on a larger tree. Returns the tree and its number of files.
    """
    for count in (1000, 4000, 16_000, 64_000):
        source = many_files(folder / f"many{count}", count)
        process = command.start("index", source, *options, **variables)
        assert process.stderr is not None
        told = iter(process.stderr.readline, "")
        assert any(STAGES.index(line.split()[0]) >= STAGES.index(stage) for line in told if line.split()[0] in STAGES)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        assert command.remaining() == []
        if process.returncode == 0:
            continue
        assert (process.returncode, stdout) == (130, ""), stderr
        assert stderr.splitlines()[-1] == "interrupted; what was committed stays"
        assert "Traceback" not in stderr
        assert "exception" not in stderr
        return source, count
    raise AssertionError("no run was met before its end")


@pytest.mark.ray
def test_commands_through_a_ray_of_their_own(command: Command, source: Path) -> None:
    done = command("index", source, "--json", RAYCONTEXT_WORKERS="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == 5
    waits, *stages = done.stderr.splitlines()
    assert waits.startswith("starting Ray, ")
    assert all(line.split()[0] in STAGES for line in stages)
    assert command.remaining() == []


@pytest.mark.ray
def test_interrupt_ends_a_run_on_ray(command: Command, tmp_path: Path) -> None:
    interrupted_run(command, tmp_path, "indexing", RAYCONTEXT_WORKERS="1")


@pytest.mark.ray
def test_commands_through_a_running_ray(command: Command, source: Path, local_ray: None) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    done = command("index", source, "--json", RAYCONTEXT_ADDRESS=address)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == 5
    done = command("search", QUESTION, source, "--address", address, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["hits"][0]["path"] == "shop/payment.py"
    status = json.loads(command("status", source, "--address", address, "--json").stdout)
    assert {actor["name"] for actor in status["actors"]} == {"rc", "rc/shop", "rc/shop/0"}
    assert all(psutil.pid_exists(actor["pid"]) for actor in status["actors"])
    assert command("clear", source, RAYCONTEXT_ADDRESS=address).stdout == "removed shop\n"
