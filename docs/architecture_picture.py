"""Draws docs/architecture.svg: the processes of raycontext, what lies on storage, and who talks to whom.

    python docs/architecture_picture.py

`make docs` draws it as well, and a test compares the file with the drawing. Colours follow the reader's light or dark
theme; the picture paints its own background, so that it is readable on any page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

PLACE = Path(__file__).resolve().parent / "architecture.svg"
WIDTH, HEIGHT = 1000, 800
TITLE = "Architecture of raycontext"
DESCRIPTION = (
    "Callers send index requests to the Coordinator and queries to the search actors. The Coordinator starts tasks, "
    "which write immutable segments. The VectorStoreActor commits them by creating the next manifest. Search actors "
    "map the segments."
)

STYLE = """
  svg { --paper: #ffffff; --ink: #1f2933; --soft: #52606d; --line: #7b8794; --edge: #cbd2d9;
        --caller: #e3f2fd; --caller-edge: #1e88e5; --actor: #e8f5e9; --actor-edge: #2e7d32;
        --task: #fff4e0; --task-edge: #b7791f; --store: #f1eafc; --store-edge: #6b46c1; --zone: #f7f9fb; }
  @media (prefers-color-scheme: dark) {
  svg { --paper: #12161c; --ink: #e8edf2; --soft: #a9b4c0; --line: #8894a1; --edge: #3a4552;
        --caller: #12314c; --caller-edge: #64b5f6; --actor: #143322; --actor-edge: #81c784;
        --task: #3a2c10; --task-edge: #f0c36d; --store: #2a1f45; --store-edge: #b39ddb; --zone: #181e26; }
  }
  text { font-family: system-ui, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: var(--ink); }
  .paper { fill: var(--paper); stroke: var(--edge); }
  .zone { fill: var(--zone); stroke: var(--edge); stroke-dasharray: 5 4; }
  .zone-name { font-size: 13px; fill: var(--soft); letter-spacing: 0.04em; }
  .name { font-size: 16px; font-weight: 600; text-anchor: middle; }
  .note { font-size: 12.5px; fill: var(--soft); text-anchor: middle; }
  .said { font-size: 12.5px; fill: var(--soft); font-style: italic; }
  .step { font-size: 14px; font-weight: 600; text-anchor: middle; }
  .caller { fill: var(--caller); stroke: var(--caller-edge); stroke-width: 1.5; }
  .actor { fill: var(--actor); stroke: var(--actor-edge); stroke-width: 1.5; }
  .task { fill: var(--task); stroke: var(--task-edge); stroke-width: 1.5; }
  .store { fill: var(--store); stroke: var(--store-edge); stroke-width: 1.5; }
  .behind { opacity: 0.55; }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.8; marker-end: url(#head); }
  .head { fill: var(--line); }
"""


def box(kind: str, x: int, y: int, width: int, height: int, name: str, *notes: str, copies: int = 1) -> str:
    """Return a box of a kind (a class of the style) with its name and lines of notes; copies show behind it."""
    parts = [
        f'<rect class="{kind} behind" x="{x + 6 * copy}" y="{y - 6 * copy}" width="{width}" height="{height}" rx="9"/>'
        for copy in range(copies - 1, 0, -1)
    ]
    parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="9"/>')
    centre = x + width // 2
    top = y + (height - 18 * len(notes)) // 2 + 6
    parts.append(f'<text class="name" x="{centre}" y="{top}">{escape(name)}</text>')
    parts += [
        f'<text class="note" x="{centre}" y="{top + 2 + 18 * line}">{escape(note)}</text>'
        for line, note in enumerate(notes, 1)
    ]
    return "\n".join(parts)


def zone(x: int, y: int, width: int, height: int, name: str, *, name_at: tuple[int, int]) -> str:
    """Return a dashed frame around boxes that belong together, with its name at a place that no arrow crosses."""
    return (
        f'<rect class="zone" x="{x}" y="{y}" width="{width}" height="{height}" rx="12"/>\n'
        f'<text class="zone-name" x="{name_at[0]}" y="{name_at[1]}">{escape(name)}</text>'
    )


def arrow(*points: tuple[int, int]) -> str:
    """Return an arrow along some points."""
    path = " L ".join(f"{x} {y}" for x, y in points)
    return f'<path class="arrow" d="M {path}"/>'


def said(x: int, y: int, *lines: str, anchor: str = "start") -> str:
    """Return what is written beside an arrow."""
    return "\n".join(
        f'<text class="said" x="{x}" y="{y + 16 * number}" text-anchor="{anchor}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )


def steps(y: int, named: Sequence[tuple[str, str]]) -> str:
    """Return the way of the data: a row of steps with a note below each."""
    width, gap = 104, 16
    left = (WIDTH - len(named) * width - (len(named) - 1) * gap) // 2
    parts = []
    for number, (name, note) in enumerate(named):
        x = left + number * (width + gap)
        parts.append(f'<rect class="task" x="{x}" y="{y}" width="{width}" height="34" rx="17"/>')
        parts.append(f'<text class="step" x="{x + width // 2}" y="{y + 22}">{escape(name)}</text>')
        parts.append(f'<text class="note" x="{x + width // 2}" y="{y + 53}">{escape(note)}</text>')
        if number:
            parts.append(arrow((x - gap, y + 17), (x - 3, y + 17)))
    return "\n".join(parts)


def drawing() -> str:
    """Return the picture as SVG."""
    parts = [
        f'<rect class="paper" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="14"/>',
        # Who asks.
        zone(260, 24, 716, 116, "daemon: one for each user and root", name_at=(286, 46)),
        box("caller", 28, 60, 190, 62, "SDK", "async and blocking"),
        box("caller", 284, 60, 208, 62, "Command line", "over a Unix socket"),
        box("caller", 514, 60, 208, 62, "Agents", "MCP over stdio or HTTP"),
        box("caller", 744, 60, 208, 62, "HTTP", "JSON and a web page"),
        # Who does it.
        zone(24, 196, 952, 322, "Ray: processes of a laptop, or of all nodes of a cluster", name_at=(300, 219)),
        box("actor", 60, 240, 270, 76, "Coordinator", "one for each root: queue of jobs,", "plans, awaits, limits"),
        box("task", 60, 400, 270, 92, "Tasks", "stateless: scan, hash,", "chunk and embed, merge", copies=3),
        box("actor", 390, 240, 250, 76, "VectorStoreActor", "one for each collection:", "the only writer"),
        box("actor", 390, 400, 250, 92, "EmbedderActor", "only for servers, GPUs", "and pools of models", copies=2),
        box(
            "actor",
            700,
            240,
            236,
            92,
            "HybridSearchActor",
            "one for each shard and",
            "replica: BM25F + vectors",
            copies=3,
        ),
        # What stays.
        zone(24, 556, 952, 132, "root: a folder, or a prefix of an object store", name_at=(62, 680)),
        box("store", 60, 600, 270, 62, "segments", "immutable Arrow files"),
        box("store", 390, 600, 250, 62, "manifests", "one for each version"),
        box("store", 700, 600, 236, 62, "snapshots", "Merkle tree of the files"),
        # Who talks to whom.
        arrow((100, 122), (100, 238)),
        said(110, 182, "index"),
        arrow((196, 122), (196, 158), (756, 158), (756, 226)),
        said(206, 152, "search"),
        arrow((388, 140), (388, 180), (230, 180), (230, 238)),
        said(398, 184, "index"),
        arrow((848, 140), (848, 226)),
        said(858, 174, "search"),
        arrow((330, 278), (388, 278)),
        said(359, 268, "commit", anchor="middle"),
        arrow((160, 316), (160, 386)),
        said(170, 352, "batches of files; metadata comes back"),
        arrow((342, 446), (388, 446)),
        said(365, 436, "texts", anchor="middle"),
        arrow((195, 492), (195, 598)),
        said(205, 542, "write and sync"),
        arrow((660, 278), (660, 540), (560, 540), (560, 598)),
        '<path class="arrow" style="marker-end: none" d="M 640 278 L 660 278"/>',
        said(550, 550, "put if absent: the commit", anchor="end"),
        arrow((780, 598), (780, 540), (684, 540), (684, 312), (642, 312)),
        said(790, 548, "read and write"),
        arrow((300, 598), (300, 578), (900, 578), (900, 334)),
        said(910, 470, "map"),
        # The way of the data.
        steps(
            708,
            (
                ("discover", "walk, ignore"),
                ("hash", "Merkle tree"),
                ("chunk", "tree-sitter"),
                ("analyse", "terms"),
                ("embed", "vectors"),
                ("segment", "Arrow files"),
                ("commit", "manifest N+1"),
                ("search", "hybrid, rank"),
            ),
        ),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="title text">\n'
        f'<title id="title">{TITLE}</title>\n<desc id="text">{escape(DESCRIPTION)}</desc>\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M 0 0 L 10 5 L 0 10 z"/></marker></defs>\n'
        f"{body}\n</svg>\n"
    )


def main() -> None:
    PLACE.write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
