"""Kernels: functions in C, and Python functions that check every argument before they call them."""
