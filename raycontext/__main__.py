"""`python -m raycontext`: the command line."""

from raycontext.serve.cli import main

main()
