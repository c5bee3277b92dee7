"""Read what the registries' clients downloaded: the files of one package, its licence, which of them may be used."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, NamedTuple

__all__ = ["Package", "clone", "packages"]

MAX_FILE_BYTES = 200_000
MAX_ARCHIVE_BYTES = 16 << 20

PERMISSIVE = re.compile(
    r"(?:(?:the )?mit(?:-0|-cmu)?(?:/x(?:11)?)?|expat|x11|isc(?: license \(iscl\))?"
    r"|apache(?: software)?(?: license)?(?:[ -]*,?(?:version )?v?2(?:\.0)?)?|asl[ -]?2(?:\.0)?"
    r"|(?:new |modified |simplified |[23]-clause )?bsd(?:[- ]?[0234][- ]?clauses?|[- ]like|-style|[234])?(?:-[\w.]+)*"
    r"|0bsd|zlib(?:/libpng)?|libpng|curl|postgresql|ncsa|hpnd|historical permission notice and disclaimer"
    r"|psf(?:-2(?:\.0)?)?|python(?:-2\.0)?|python software foundation|bsl-1(?:\.0)?|boost(?:-1\.0)?|(?:the )?unlicense)"
    r"(?: license)?"
)
"""A licence that is permissive; matched against the whole of one name in lower case."""
LICENCE_TEXT = re.compile(
    r"Permission is hereby granted, free of charge|Permission to use, copy, modify,? and(?:/or)? distribute"
    r"|Redistribution and use in source and binary forms|Apache License,?\s+Version 2"
)
COPYLEFT_TEXT = re.compile(
    r"\b(?:A?L?GPL|GNU (?:Lesser |Library )?General Public|Mozilla Public|Creative Commons)", re.I
)


class Package(NamedTuple):
    """One package as its archive holds it."""

    registry: str
    name: str
    version: str
    licence: str  # as declared
    files: list[tuple[str, bytes]]  # path inside the package, content; those under other licences left out


def is_permissive(licence: str) -> bool:
    """Whether an expression of licences lets the text be used under a permissive one."""
    text = re.sub(r"\(see .*?\)|[()]", " ", licence.lower().replace("license :: osi approved ::", " "))
    alternatives = re.split(r"\s+or\s+|\s*/\s*(?=apache|mit\b)|\s*\|\s*", text)
    return any(
        all(
            re.fullmatch(PERMISSIVE, part.strip(" .,~"))
            for part in re.split(r"\s+and\s+|\s*[,;&+]\s+(?:and\s+)?|\s+with\s+", alternative.strip())
            if part.strip() and "exception" not in part
        )
        for alternative in alternatives
        if alternative.strip()
    )


def packages(archives: Path, done: set[str]) -> Iterator[tuple[str, Package]]:
    """Packages below the folder by the names of their archives, in a mixed order, without those in `done`.

    A package without a permissive licence has no files. What cannot be read is reported and left out.
    """
    readers = {"debian": _debian, "debian-source": _debian_source, "npm": _npm, "pypi": _pypi}
    suffixes = {"debian": "*.deb", "debian-source": "*.dsc", "npm": "*.tgz", "pypi": "*.whl"}
    found = [
        (archive, readers[registry])
        for registry in readers
        for archive in (archives / registry).glob(suffixes[registry])
    ]
    for archive, reader in sorted(found, key=lambda entry: hashlib.md5(entry[0].name.encode()).digest()):
        if archive.name in done or archive.stat().st_size > MAX_ARCHIVE_BYTES:
            continue
        try:
            yield archive.name, reader(archive)
        except (OSError, ValueError, KeyError, LookupError, tarfile.TarError, subprocess.SubprocessError) as error:
            print(f"{archive.name}: not read: {error!r}", flush=True)


def clone(repository: Path, commit: str) -> Package:
    """The files of one commit of a git directory, whatever its licence. Raises CalledProcessError where it has none."""
    command = ("git", "--git-dir", str(repository), "archive", "--format=tar", commit)
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        files = _members(process.stdout, 0)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Package("git", repository.name.removesuffix(".git"), commit, "", files)


def _members(stream: IO[bytes] | Path, strip: int) -> list[tuple[str, bytes]]:
    files = []
    with tarfile.open(stream) if isinstance(stream, Path) else tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.isfile() and member.size <= MAX_FILE_BYTES:
                path = "/".join(member.name.removeprefix("./").split("/")[strip:])
                content = tar.extractfile(member)
                if path and content is not None:
                    files.append((path, content.read()))
    return files


def _permitted(registry: str, name: str, version: str, licence: str, files: list[tuple[str, bytes]]) -> Package:
    return Package(registry, name, version, licence, files if is_permissive(licence) else [])


def _debian(archive: Path) -> Package:
    name, version = archive.name.split("_")[:2]
    process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        files = _members(process.stdout, 0)
    copyright_text = dict(files).get(f"usr/share/doc/{name}/copyright", b"").decode(errors="replace")
    sources = [
        (
            re.sub(r"^usr/(?:share|lib)/(?:gocode/src|cargo/registry|rubygems-integration/all/gems|[^/]+)/", "", path),
            data,
        )
        for path, data in files
        if not path.startswith(("usr/share/doc/", "etc/", "var/"))
    ]
    return _by_copyright("debian", name, version.replace("%3a", ":"), copyright_text, sources)


def _debian_source(archive: Path) -> Package:
    fields = HeaderParser().parsestr(re.sub(r"^-----BEGIN.*?\n\n", "", archive.read_text(errors="replace"), flags=re.S))
    name, version = fields["Source"], fields["Version"]
    names = re.findall(r"\S+\.tar\.\w+$", fields["Files"], re.M)
    (upstream,) = [archive.parent / found for found in names if re.search(r"\.orig\.tar\.\w+$", found)]
    (packaging,) = [archive.parent / found for found in names if ".debian.tar." in found]
    copyright_text = dict(_members(packaging, 0))["debian/copyright"].decode(errors="replace")
    package = _by_copyright("debian-source", name, version, copyright_text, [("", b"")])
    if not package.files or upstream.stat().st_size > MAX_ARCHIVE_BYTES:
        return package._replace(files=[])
    return _by_copyright("debian-source", name, version, copyright_text, _members(upstream, 1))


def _by_copyright(registry: str, name: str, version: str, text: str, files: list[tuple[str, bytes]]) -> Package:
    """Debian's machine-readable copyright: the licence of `Files: *`, and other paths that are under another one."""
    licences = {}
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\t", " ")):
        found = re.search(r"^Files:((?:.*\n)(?: .*\n)*)", stanza + "\n", re.M)
        licence = re.search(r"^License:(.*)", stanza, re.M)
        if found and licence:
            for glob in found.group(1).replace(",", " ").split():
                licences[glob] = licence.group(1).strip()
    if not licences:
        declared = "MIT" if LICENCE_TEXT.search(text) and not COPYLEFT_TEXT.search(text) else ""
        found_apache = declared and re.search(r"Apache License", text)
        return _permitted(registry, name, version, "Apache-2.0" if found_apache else declared, files)
    main = licences.get("*") or next(iter(licences.values()))
    barred = [glob for glob, licence in licences.items() if not is_permissive(licence) and glob != "*"]
    kept = [(path, data) for path, data in files if not any(fnmatchcase(path, glob) for glob in barred)]
    return _permitted(registry, name, version, main, kept)


def _npm(archive: Path) -> Package:
    files = _members(archive, 1)
    described = json.loads(dict(files)["package.json"])
    licence = described.get("license") or described.get("licenses") or ""
    if isinstance(licence, list):
        licence = " OR ".join(str(entry.get("type")) if isinstance(entry, dict) else str(entry) for entry in licence)
    if isinstance(licence, dict):
        licence = str(licence.get("type"))
    return _permitted("npm", described["name"], described["version"], licence, _one_build(files))


_BUILDS = ("src", "lib", "es", "esm", "module", "dist", "build", "cjs", "commonjs", "umd", "legacy", "es5")


def _one_build(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Of several builds of the same sources the best: the sources, or else the first of `_BUILDS` with most of it."""
    counts = dict.fromkeys(_BUILDS, 0)
    for path, _ in files:
        first = path.partition("/")[0]
        if first in counts and path.endswith((".js", ".ts", ".tsx", ".mjs", ".jsx")):
            counts[first] += 1
    present = [build for build in _BUILDS if counts[build] * 2 > max(counts.values())]
    dropped = {build for build in _BUILDS if counts[build]} - set(present[:1])
    return [entry for entry in files if entry[0].partition("/")[0] not in dropped]


def _pypi(archive: Path) -> Package:
    with zipfile.ZipFile(archive) as wheel:
        entries = [entry for entry in wheel.infolist() if entry.file_size <= MAX_FILE_BYTES and not entry.is_dir()]
        files = [(entry.filename, wheel.read(entry)) for entry in entries]
    metadata = next(data for path, data in files if path.endswith(".dist-info/METADATA"))
    fields = HeaderParser().parsestr(metadata.decode(errors="replace"))
    classifiers = [found for found in fields.get_all("Classifier", []) if found.startswith("License ::")]
    names = [found.rpartition(":: ")[2] for found in classifiers]
    candidates = [fields["License-Expression"] or "", (fields["License"] or "").partition("\n")[0], " AND ".join(names)]
    declared = [candidate for candidate in candidates if candidate and len(candidate) < 100]
    licence = next((candidate for candidate in declared if is_permissive(candidate)), declared[0] if declared else "")
    kept = [(path, data) for path, data in files if ".dist-info/" not in path]
    return _permitted("pypi", fields["Name"], fields["Version"], licence, kept)
