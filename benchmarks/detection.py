"""Share of the files of linguist's samples whose language is told as linguist tells it.

    git clone https://github.com/github-linguist/linguist
    python benchmarks/detection.py linguist/samples [--misses] [--json FILE]

`samples/` has a folder for each language, with real files of it under their names. Counted are the files of languages
that exist here by one of their names; the others are counted apart where they are taken for a language of ours.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from raycontext.chunk.languages.declared import language_named
from raycontext.chunk.languages.detect import detect_language

HEAD_BYTES = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("samples", type=Path)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    files = right = strange = taken = 0
    missed: dict[tuple[str, str], list[str]] = defaultdict(list)
    wrong_for: Counter[tuple[str, str]] = Counter()
    for folder in sorted(path for path in given.samples.iterdir() if path.is_dir()):
        expected = language_named(folder.name)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as opened:
                found = detect_language(path.name, opened.read(HEAD_BYTES))
            if not expected:
                strange += 1
                taken += found != "text"
                wrong_for[folder.name, found] += found != "text"
                continue
            files += 1
            right += found == expected
            if found != expected:
                missed[folder.name, found].append(path.name)
    if given.misses:
        for (name, found), names in sorted(missed.items()):
            print(f"{name} -> {found}: {len(names)}: {', '.join(names[:8])}")
        for (name, found), count in sorted(wrong_for.items()):
            if count:
                print(f"not ours: {name} -> {found}: {count}")
    as_text = sum(len(names) for (_, found), names in missed.items() if found == "text")
    print(
        f"{right} of {files} files ({right / files:.1%}); of the others {as_text} are text and "
        f"{files - right - as_text} another language; of {strange} files of other languages {taken} are taken for ours"
    )
    if given.json:
        counts = {"files": files, "right": right, "as_text": as_text, "other_languages": strange, "taken": taken}
        given.json.write_text(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
