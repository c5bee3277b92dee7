"""Publications: versions of a collection that lie in a place which others pull from."""
