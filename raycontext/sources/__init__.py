"""Sources that are not a folder yet: git repositories and archives, brought into a working folder."""
