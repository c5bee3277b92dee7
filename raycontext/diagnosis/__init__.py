"""Checks that find common faults of this machine, of the storage, of the collections and of a cluster."""
