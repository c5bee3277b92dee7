"""Client of the daemon for commands: standard library only, so that a command starts in milliseconds."""
