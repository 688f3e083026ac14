"""The history of all runs: find, open, compare, export, clear."""
