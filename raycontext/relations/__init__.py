"""Relations between definitions and the places that use them: usages, callers, callees, impact, paths."""
