"""Finding common faults: of this machine, of the storage, of the collections, of a cluster."""
