"""Faces of the system towards people and programs."""
