"""Texts as they are shown: without control characters, and cut where they are too long."""
