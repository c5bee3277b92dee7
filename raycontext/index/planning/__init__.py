"""The planner of an index run: which files go where, in which batches, and what follows a failure. No I/O, no clock."""
