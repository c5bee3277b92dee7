"""Thin actor classes around the plain layers."""
