"""`python -m raycontext`: the command line."""

from raycontext.cli.main import program

program()
