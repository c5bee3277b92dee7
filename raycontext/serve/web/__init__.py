"""The web page: plain files that the daemon serves."""
