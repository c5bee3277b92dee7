"""Analysis of text into hashed terms: the same for lexical search, embedding and queries."""
