"""Index a folder on a laptop and ask one question, without a cluster and without Ray.

python examples/laptop_search.py FOLDER "where are sessions kept?"
"""

from __future__ import annotations

import sys

import raycontext


def main(folder: str, question: str) -> None:
    with raycontext.connect(runtime="inline") as context:
        report = context.index(folder)
        print(f"{report.files} files, {report.chunks} chunks; skipped: {report.skipped or 'none'}")
        for hit in context.search(question, path=folder, limit=3):
            print(f"{hit.score:.3f} {hit.path}:{hit.start_line}-{hit.end_line} {hit.symbol}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
