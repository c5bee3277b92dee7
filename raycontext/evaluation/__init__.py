"""Evaluation of search: judged queries, questions mined from a repository, scores with intervals, fitted weights."""

from raycontext.evaluation.scoring import (
    Estimate,
    Evaluation,
    JudgedQueries,
    JudgedQuery,
    Located,
    QueryOutcome,
    Scores,
    Summary,
    Target,
    estimates,
    evaluate,
    evaluation_of,
    read_judged,
    same_file,
    score,
    summary,
)

__all__ = [
    "Estimate",
    "Evaluation",
    "JudgedQueries",
    "JudgedQuery",
    "Located",
    "QueryOutcome",
    "Scores",
    "Summary",
    "Target",
    "estimates",
    "evaluate",
    "evaluation_of",
    "read_judged",
    "same_file",
    "score",
    "summary",
]
