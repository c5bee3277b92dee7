"""Sources that must be fetched first: git repositories and archives, each brought into a folder."""
