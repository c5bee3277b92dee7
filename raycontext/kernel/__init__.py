"""Compiled functions: sources in C, and the border in Python that checks every argument before a pointer is taken."""
