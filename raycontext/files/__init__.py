"""Files that others may have made or must not read: paths, private files, records of the user, JSON and Arrow."""
