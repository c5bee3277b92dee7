"""The commands that answer: search, grep, and the questions about relations."""
