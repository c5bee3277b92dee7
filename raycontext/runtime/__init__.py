"""Runtimes, which run plain classes as actors and plain functions as tasks: on Ray, or inside this process."""
