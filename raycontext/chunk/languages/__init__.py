"""Languages: their names, their detection from a file, and their grammars."""
