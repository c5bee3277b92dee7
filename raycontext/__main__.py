"""`python -m raycontext`: the command line."""

from raycontext.cli.main import main

main()
