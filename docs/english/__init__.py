"""The words that we do not use, and a check for them: `python -m docs.english`, a part of `make check`."""
