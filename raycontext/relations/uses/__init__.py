"""The uses of definitions: where they are, which definition each is of, and the steps from one to the next."""
