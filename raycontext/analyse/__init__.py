"""Turn text into hashed terms: one analysis for lexical search, embedding and queries."""
