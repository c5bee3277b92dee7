"""The HTTP interface of the daemon: a JSON API that describes itself, and the guard in front of it."""
