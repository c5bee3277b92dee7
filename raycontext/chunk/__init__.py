"""Cut files into definition-level chunks by their syntax trees."""
