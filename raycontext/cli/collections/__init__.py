"""The commands about collections that exist: their state, health, copies and savings."""
