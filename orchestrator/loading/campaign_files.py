"""The formats of `campaigns_from`: the reader of each, by the ending of a file's name."""

from typing import Final

from orchestrator.loading.csv_rows import CsvFile
from orchestrator.loading.json_rows import JsonFile
from orchestrator.loading.row_file import CampaignFile

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson")


def campaign_file(name: str, text: str) -> CampaignFile:
    """The file, ready to be read by the reader of its format."""
    return CsvFile(name, text) if name.lower().endswith(".csv") else JsonFile(name, text)
