"""Reading of a command line without Typer: its options, its help, and the words that a shell completes."""
