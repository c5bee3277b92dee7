"""Segments: immutable folders of Arrow files with the chunks of some files of one shard."""
