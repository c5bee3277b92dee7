"""The index run without actors: request, plan, stages, and the tasks that carry them out."""
