"""Regular expressions over the texts that segments store: syntax, prefilter by trigrams, matching of lines."""
