"""Collections on a storage root: immutable segments, manifests, the commit protocol and garbage collection."""
