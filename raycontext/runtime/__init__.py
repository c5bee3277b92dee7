"""Runtimes, which run plain classes as actors and plain functions as tasks: on Ray, in worker processes, or inside this
process.
"""
