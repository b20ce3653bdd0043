"""The formats of `campaigns_from`: the reader of each, by the ending of a file's name."""

from pathlib import Path
from typing import Final

from orchestrator.loading.csv_rows import CsvFile
from orchestrator.loading.input_files import InputFiles, fail, source_name
from orchestrator.loading.json_rows import JsonFile
from orchestrator.loading.row_file import CampaignFile

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson")


def open_campaign_file(path: Path, inputs: InputFiles) -> CampaignFile:
    """The file, ready to be read by the reader of its format. Raises ManifestError."""
    name, suffix = source_name(path), path.suffix.lower()
    if suffix not in SUFFIXES:
        raise fail(name, "is neither CSV nor JSON lines", f"name it {' or '.join(SUFFIXES)}")
    text = inputs.text(name, inputs.campaigns(path), is_yaml=False)
    return CsvFile(name, text) if suffix == ".csv" else JsonFile(name, text)
