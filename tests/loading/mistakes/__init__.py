"""Mistakes that people make in manifests and lists of campaigns, and what `validate` prints about each.

`python -m tests.loading.mistakes` writes manifests.txt and tables.txt anew; read the difference.
"""
