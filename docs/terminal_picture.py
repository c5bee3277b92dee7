"""Draws docs/terminal.svg: a real search of this package, on a terminal, as rich shows it.

python docs/terminal_picture.py
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
COMMAND = ("search", "who decides between two writers?", "raycontext", "--limit", "2")
COLUMNS = 124
LINES = 26

# As rich has it, without the font that it would load from elsewhere.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def shown(environment: dict[str, str]) -> str:
    """What the command shows on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [Path(sys.executable).parent / "raycontext", *COMMAND], cwd=REPOSITORY, env=environment, stdout=theirs
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the command has ended
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        environment = {**os.environ, "RAYCONTEXT_ROOT": root, "RAYCONTEXT_DAEMON": "off", "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        indexing = [Path(sys.executable).parent / "raycontext", "index", "raycontext", "--runtime", "inline"]
        subprocess.run(indexing, cwd=REPOSITORY, env=environment, check=True)
        output = shown(environment)
    question = " ".join(f'"{word}"' if " " in word else word for word in COMMAND)
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(Text(f"$ raycontext {question}"), soft_wrap=False)
    for line in output.splitlines()[:LINES]:
        console.print(Text.from_ansi(line), overflow="ellipsis", no_wrap=True)
    svg = console.export_svg(title="raycontext", theme=MONOKAI, code_format=SVG, unique_id="search")
    (DOCS / "terminal.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
