"""`python -m docs.generator` writes every page of docs/reference."""

from docs.generator.pages import FOLDER, pages

for name, text in pages().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
