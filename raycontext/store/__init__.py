"""Immutable segments, manifests and the commit protocol on a storage root."""
