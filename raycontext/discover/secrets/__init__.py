"""Secrets in files: by name, by form, and by how random they look."""
