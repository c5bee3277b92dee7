"""Watches: folders whose changes are indexed as they come."""
