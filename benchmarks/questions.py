"""What is asked of any code, where the answers do not matter."""

from __future__ import annotations

QUESTIONS = (
    "where are errors retried after a failure?",
    "parse the configuration file",
    "open a connection to the server",
    "how is the cache invalidated",
    "convert bytes to text",
)
