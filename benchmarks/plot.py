"""Draws the plots of docs/benchmarks.md from the results in this folder: `python benchmarks/plot.py`.

Reads `results/*.json` and writes `docs/benchmarks/*.svg`. The pictures are plain SVG, made here, for a plotting library
would be a heavy thing to want for a few bars; they have a ground of their own, so that they can be read on any page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import record

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PICTURES = HERE.parent / "docs" / "benchmarks"

WIDTH = 720
LEFT = 300
RIGHT = 100
ROW = 30
HEAD = 56
GROUND, INK, QUIET, OURS, OTHERS = "#ffffff", "#1f2933", "#52606d", "#2563eb", "#9aa5b1"


@dataclass(frozen=True)
class Bar:
    """A value with its name; `ours` is drawn in another colour."""

    label: str
    value: float
    shown: str
    ours: bool = True


@dataclass
class Picture:
    """An SVG that is drawn from the top to the bottom."""

    title: str
    subtitle: str
    height: int
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, *, size: int = 13, colour: str = INK, anchor: str = "start") -> None:
        style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>')

    def add(self, element: str) -> None:
        self.parts.append(element)

    def svg(self) -> str:
        """The whole file."""
        self.text(16, 24, self.title, size=15)
        self.text(16, 43, self.subtitle, size=12, colour=QUIET)
        size = f'width="{WIDTH}" height="{self.height}"'
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" {size} role="img" '
                'font-family="system-ui, sans-serif">',
                f"<title>{escape(self.title)}</title>",
                f'<rect {size} fill="{GROUND}"/>',
                *self.parts,
                "</svg>\n",
            )
        )


def bars(title: str, subtitle: str, values: Sequence[Bar]) -> str:
    """Bars from the left, on a scale that begins at zero."""
    picture = Picture(title, subtitle, HEAD + ROW * len(values) + 12)
    scale = (WIDTH - LEFT - RIGHT) / max(bar.value for bar in values)
    for number, bar in enumerate(values):
        y = HEAD + ROW * number
        colour = OURS if bar.ours else OTHERS
        picture.text(LEFT - 10, y + 18, bar.label, anchor="end")
        picture.add(
            f'<rect x="{LEFT}" y="{y + 5}" width="{max(bar.value * scale, 1):.1f}" height="18" fill="{colour}"/>'
        )
        picture.text(LEFT + bar.value * scale + 8, y + 18, bar.shown, size=12, colour=QUIET)
    return picture.svg()


def curve(title: str, subtitle: str, points: Sequence[tuple[float, float]], *, unit: str, across: str) -> str:
    """A line through points on logarithmic scales, each point with its value."""
    top, bottom, left, right = HEAD + 24, 290, 70, WIDTH - 60
    picture = Picture(title, subtitle, 340)
    low_x, high_x = 10 ** math.floor(math.log10(points[0][0])), 10 ** math.ceil(math.log10(points[-1][0]))
    low_y, high_y = 10 ** math.floor(math.log10(min(y for _, y in points))), max(y for _, y in points) * 1.5

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + (right - left) * math.log(x / low_x) / math.log(high_x / low_x),
            bottom - (bottom - top) * math.log(y / low_y) / math.log(high_y / low_y),
        )

    for power in range(round(math.log10(low_x)), round(math.log10(high_x)) + 1):
        x, _ = place(10**power, low_y)
        picture.add(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#e4e7eb"/>')
        picture.text(x, bottom + 18, f"{10**power:,}".replace(",", " "), size=12, colour=QUIET, anchor="middle")
    for step in (1, 2, 5, 10, 20, 50, 100):
        if low_y <= step <= high_y:
            _, y = place(low_x, step)
            picture.add(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e4e7eb"/>')
            picture.text(left - 8, y + 4, f"{step} {unit}", size=12, colour=QUIET, anchor="end")
    placed = [place(x, y) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    picture.add(f'<polyline points="{line}" fill="none" stroke="{OURS}" stroke-width="2"/>')
    for (x, y), (_, value) in zip(placed, points, strict=True):
        picture.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{OURS}"/>')
        picture.text(max(x, left + 32), y - 10, f"{value:.1f} {unit}", size=12, anchor="middle")
    picture.text((left + right) / 2, bottom + 40, across, size=12, colour=QUIET, anchor="middle")
    return picture.svg()


def machine_of(result: dict[str, Any]) -> str:
    """The machine and the day, as a line below a title."""
    machine, versions = result["machine"], result["versions"]
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB, "
        f"Python {versions['python']}, {result['date']}"
    )


def result(name: str) -> dict[str, Any]:
    return record.read(RESULTS / f"{name}.json")


def beside(ours: float, theirs: float, peer: str, unit: str) -> list[Bar]:
    """Two bars: raycontext and a peer."""
    return [Bar("raycontext", ours, f"{ours:,.0f} {unit}"), Bar(peer, theirs, f"{theirs:,.0f} {unit}", ours=False)]


def cold_index() -> str:
    found = result("linux_beside_semble")
    ours, semble = found["figures"]["cold_seconds"], found["figures"]["semble"]["seconds"]
    return bars("Cold index of the Linux tree, seconds", machine_of(found), beside(ours, semble, "semble 0.7", "s"))


def index_memory() -> str:
    found = result("linux_beside_semble")
    figures = found["figures"]
    names = {
        "index_files": "raycontext: an index task",
        "Coordinator": "raycontext: Coordinator",
        "VectorStoreActor": "raycontext: VectorStoreActor",
    }
    values = [
        Bar(title, figures["peak_mb"][name] / 1e3, _gigabytes(figures["peak_mb"][name]))
        for name, title in names.items()
    ]
    peak = figures["semble"]["peak_mb"]
    values.append(Bar("semble 0.7: with its largest worker", peak / 1e3, _gigabytes(peak), ours=False))
    return bars("Highest resident memory of a process, the Linux tree", machine_of(found), values)


def query_latency() -> str:
    found = result("query_latency")
    points = [(size["chunks"], size["p50_ms"]) for size in found["figures"]["sizes"]]
    title = "A query in the search actor, median"
    return curve(title, machine_of(found), points, unit="ms", across="chunks in the collection")


def quality() -> str:
    found = result("quality")
    values = [
        Bar(system["name"], system["ndcg"], f"{system['ndcg']:.4f}", ours=system["ours"])
        for system in found["figures"]["systems"]
    ]
    queries, repositories = found["figures"]["queries"], found["figures"]["repositories"]
    title = f"NDCG@10 of {queries} judged questions about {repositories} repositories"
    return bars(title, machine_of(found), values)


def peers() -> str:
    found = result("peers")
    figures = found["figures"]
    names = {
        "raycontext": "raycontext: all of it",
        "tantivy": "tantivy: words",
        "bm25s": "bm25s: words",
        "faiss-cpu": "faiss, flat: vectors",
        "usearch": "usearch, HNSW: vectors",
        "lancedb": "LanceDB: words and vectors",
        "ripgrep": "ripgrep: one word",
    }
    values = [
        Bar(title, figures[name]["query_ms"], f"{figures[name]['query_ms']:.2f} ms", ours=name == "raycontext")
        for name, title in names.items()
        if name in figures
    ]
    title = f"A query on {figures['chunks']:,} chunks, median, each with what it can do"
    return bars(title, machine_of(found), values)


def serving() -> str:
    found = result("short")
    names = {
        "http_search_ms": "search over HTTP, Unix socket",
        "mcp_search_ms": "search through MCP, stdio",
        "warm_command_ms": "search by the command, with a daemon",
        "cold_command_ms": "the same without a daemon",
    }
    figures = found["figures"]["serving"]
    values = [Bar(title, figures[name], f"{figures[name]:.0f} ms") for name, title in names.items()]
    return bars("From the question to the answer, median", machine_of(found), values)


def memory() -> str:
    found = result("short")
    whole = found["figures"]["memory"]["searching"]
    kinds = sorted((kind for kind in whole if kind != "all"), key=lambda kind: -whole[kind]["pss_mb"])
    values = [
        Bar(_counted(kind, whole[kind]["processes"]), whole[kind]["pss_mb"], f"{whole[kind]['pss_mb']:.0f} MB")
        for kind in kinds
    ]
    title = f"Memory by process while searching (PSS, {whole['all']['pss_mb']:.0f} MB in all)"
    return bars(title, machine_of(found), values)


def _gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1e3:.1f} GB"


def _counted(kind: str, processes: float) -> str:
    name = "idle workers of index tasks" if kind == "IDLE" else kind
    return f"{name} ({processes:.0f})" if processes > 1 else name


PLOTS = {
    "cold-index": cold_index,
    "index-memory": index_memory,
    "query-latency": query_latency,
    "quality": quality,
    "peers": peers,
    "serving": serving,
    "memory": memory,
}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, draw in PLOTS.items():
        (PICTURES / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
