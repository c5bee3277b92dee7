"""Download the packages of `packages.toml` by the registries' ordinary clients: pip, npm, apt-get.

    python training/fetch_packages.py WORK [--packages FILE]

`--packages` names another list of the same form. Archives go to WORK/archives/REGISTRY as they come; what is there
already is kept. Debian's source packages are looked up through package lists below WORK, so the machine's own settings
stay as they are. What cannot be had is reported and left out.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PACKAGES = Path(__file__).with_name("packages.toml")
MAX_ARCHIVE_BYTES = 40 << 20
BATCH = 15


def run(*command: str, cwd: Path) -> str:
    """The command's output. Raises CalledProcessError where it fails."""
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def batches(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), BATCH):
        yield names[first : first + BATCH]


def fetch_all(names: list[str], download: Callable[[list[str]], object], done: Path) -> None:
    """Download in batches; the names of a batch that fails are tried one by one. `done` lists what was tried."""
    tried = set(done.read_text().split()) if done.exists() else set()
    for batch in batches([name for name in names if name not in tried]):
        try:
            download(batch)
        except subprocess.CalledProcessError:
            for name in batch:
                try:
                    download([name])
                except subprocess.CalledProcessError as error:
                    print(f"{name}: not fetched: {error.stderr.strip()[-150:]}", flush=True)
        with done.open("a") as file:
            file.writelines(f"{name}\n" for name in batch)


def pip_download(folder: Path) -> Callable[[list[str]], object]:
    command = ("pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", ".")
    return lambda names: run(*command, *names, cwd=folder)


def npm_pack(folder: Path) -> Callable[[list[str]], object]:
    return lambda names: run("npm", "pack", "--silent", "--ignore-scripts", *names, cwd=folder)


def stanzas(text: str, fields: Iterable[str]) -> Iterator[dict[str, str]]:
    """Those fields of each paragraph of a Debian control file, folded lines included."""
    pattern = re.compile(rf"^({'|'.join(fields)}):[ \t]*((?:.*\n)(?:[ \t].*\n)*)", re.M)
    for stanza in text.split("\n\n"):
        yield dict(pattern.findall(stanza + "\n"))


def debian(names: list[str], folder: Path) -> None:
    """Binary packages that the machine's own package lists know, unless they are large."""
    known: list[str] = []
    for batch in batches(names):
        shown = subprocess.run(
            ["apt-cache", "show", "--no-all-versions", *batch], check=False, capture_output=True, text=True
        ).stdout
        known += [
            found["Package"].strip()
            for found in stanzas(shown, ("Package", "Size"))
            if "Size" in found and int(found["Size"]) <= MAX_ARCHIVE_BYTES
        ]
    print(f"debian: {len(known)} of {len(names)} known", flush=True)
    options = ("-oAPT::Sandbox::User=root",)
    fetch_all(
        known, lambda batch: run("apt-get", *options, "download", *batch, cwd=folder), folder.parent / "debian.done"
    )


def debian_source(names: list[str], folder: Path, work: Path) -> None:
    """Source packages, through lists of their own."""
    sources = Path("/etc/apt/sources.list.d/debian.sources").read_text()
    mirror = next(line.split()[1] for line in sources.splitlines() if line.startswith("URIs:"))
    lists = work / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    (work / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    (work / "src.list").write_text(
        f"deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} bookworm main\n"
    )
    apt = (
        *("apt-get", "-oDir::Etc::SourceParts=/dev/null", f"-oDir::Etc::SourceList={work}/src.list"),
        *(f"-oDir::State::Lists={lists}", f"-oDir::Cache={work}/cache", "-oAPT::Sandbox::User=root"),
        *("-oAcquire::GzipIndexes=false", "-oDir::State::status=/dev/null"),
    )
    run(*apt, "update", cwd=work)
    (index,) = lists.glob("*_Sources")
    known = {}
    for found in stanzas(index.read_text(), ("Package", "Files")):
        if "Files" in found:
            size = sum(int(line.split()[1]) for line in found["Files"].splitlines() if len(line.split()) == 3)
            known[found["Package"].strip()] = size
    wanted = [name for name in names if known.get(name, MAX_ARCHIVE_BYTES + 1) <= MAX_ARCHIVE_BYTES]
    total = sum(known[name] for name in wanted) >> 20
    print(f"debian-source: {len(wanted)} of {len(names)} known, {total} MiB", flush=True)
    fetch_all(
        wanted, lambda batch: run(*apt, "source", "--download-only", *batch, cwd=folder), folder.parent / "source.done"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", default="", help="one registry")
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="the list of packages")
    arguments = parser.parse_args()
    work: Path = arguments.work.resolve()
    packages = tomllib.loads(arguments.packages.read_text())
    for registry, licences in packages.items():
        if arguments.only not in {"", registry}:
            continue
        folder = work / "archives" / registry
        folder.mkdir(parents=True, exist_ok=True)
        names = list(licences)
        if registry == "pypi":
            fetch_all(names, pip_download(folder), folder.parent / "pypi.done")
        elif registry == "npm":
            fetch_all(names, npm_pack(folder), folder.parent / "npm.done")
        elif registry == "debian":
            debian(names, folder)
        else:
            debian_source(names, folder, work)


if __name__ == "__main__":
    main()
