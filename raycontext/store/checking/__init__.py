"""Verification and repair of collections on storage."""
