"""Evaluation of search: judged queries, questions mined from a repository, scores with intervals, fitted weights."""
