"""Writes the golden files anew."""

from tests.loading.mistakes import manifests, tables
from tests.loading.mistakes.case import FOLDER, table

for module in (manifests, tables):
    name = module.__name__.rpartition(".")[2]
    (FOLDER / f"{name}.txt").write_text(table(module.CASES), encoding="utf-8")
