"""Index run without actors: its request, its planner, its tasks, and the limits of the tasks."""
