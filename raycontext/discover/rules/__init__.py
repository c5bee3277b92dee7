"""Rules that tell which files are taken: ignore files of git, Mercurial and ripgrep, globs, git attributes."""
