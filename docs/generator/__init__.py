"""Writes docs/reference from the code: `make docs`. A test compares what is committed."""
