"""Write the spans that Ray makes for OpenTelemetry into a folder, one JSON object a line, without a collector.

    export PYTHONPATH=examples TRACES=/tmp/traces RAYCONTEXT_TRACING_HOOK=tracing:to_files
    raycontext search "where are sessions kept?" FOLDER

On a cluster give the function to `ray start --head --tracing-startup-hook tracing:to_files` instead. It needs
`pip install opentelemetry-sdk`, which `raycontext[cluster]` brings. With a collector, replace the exporter by
`OTLPSpanExporter` of the package opentelemetry-exporter-otlp, and the processor by `BatchSpanProcessor`.
"""

from __future__ import annotations

import os
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor


def to_files() -> None:
    """Have all spans of this process written to a file named after it. Ray calls this once in each process."""
    folder = Path(os.environ["TRACES"])
    folder.mkdir(parents=True, exist_ok=True)
    lines = (folder / f"{os.getpid()}.jsonl").open("a", buffering=1)
    exporter = ConsoleSpanExporter(out=lines, formatter=lambda span: span.to_json(indent=None) + os.linesep)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
