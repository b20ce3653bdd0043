"""The file that `discover` writes: a new one, or one that lists campaigns already. Nothing is ever written over."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orchestrator.core import discovery as core
from orchestrator.core.discovery import Discovery, Written
from orchestrator.core.text import command_line, manifest_words, plural
from orchestrator.errors import Refused
from orchestrator.loading.csv_edit import CsvList
from orchestrator.loading.input_files import read_text, source_name
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.loading.yaml_edit import YamlList
from orchestrator.model import key_of
from orchestrator.places import expanded, put_in_place, put_instead, put_new

SUFFIXES: Final = (".csv", ".yaml", ".yml", ".json")
"""Names of files that can be written."""


class DiscoveredFile:
    """Where campaigns go: with `is_update`, into a file that is there. Checked before a call is spent.

    Raises ManifestError for a faulty file, Refused for one that is of another kind, or there without `is_update`.
    """

    def __init__(self, loaded: LoadedManifest, path: Path, *, is_update: bool) -> None:
        self._loaded, self._path = loaded, path
        self._is_csv = path.suffix.lower() == ".csv"
        self._is_new = not is_update and not os.path.lexists(path)
        if is_update and not self._is_csv and not _is_same(path, loaded.path):
            raise Refused(
                f"{source_name(path)} is not the manifest {loaded.source_name}: its accounts may differ",
                next_step=self._update_command(),
            )
        if self._is_new and not path.parent.is_dir():
            raise Refused(f"{source_name(path)} cannot be made: there is no such folder", next_step="make it first")
        rows = self._read(discovery=None)[0].rows
        # A list that has only its header is where everybody begins, and nothing of it is lost.
        if not is_update and not self._is_new and (rows or not self._is_csv):
            raise Refused(
                f"{source_name(path)} exists, and -o never overwrites a file",
                next_step=self._update_command(),
            )

    def _update_command(self) -> str:
        """What adds to the file; YAML is a manifest of its own."""
        name = source_name(self._path)
        words = self._loaded.words if self._is_csv else manifest_words(name, self._loaded.environment)
        return command_line("discover", *words, "--update", name, "--stream")

    @property
    def is_read(self) -> bool:
        """Whether the manifest reads the file, or the file is one: what another place lists would be listed twice."""
        folder, names = self._loaded.path.parent, self._loaded.manifest.campaigns_from
        return not self._is_csv or any(_is_same(self._path, folder / expanded(name)) for name in names)

    def write(self, discovery: Discovery) -> Written:
        """Write the campaigns. Raises OSError, and Refused for a file that cannot take them."""
        defaults = self._loaded.manifest.defaults
        # 1. Once more: it may have been saved since.
        before, encode = self._read(discovery)
        keys = [key_of(str(row.get("stream")), str(row.get("campaign"))) for row in before.rows]
        elsewhere = {one.key for one in self._loaded.manifest.campaigns}.difference(keys) if self.is_read else set()
        wanted = [one for one in discovery.wanted if one.key not in elsewhere]
        # 2. The text, and then the file.
        changes = core.changes(before.rows, discovery.found, wanted, discovery.asked, defaults)
        text, marked = before.edited(changes, defaults)
        if self._is_new or text != before.text:
            self._put(encode(text))
        left = len(discovery.wanted) - len(wanted)
        notes = (f"left out: {plural(left, 'campaign')} that the manifest lists in another place",) if left else ()
        return Written(
            source_name(self._path),
            changes.added,
            tuple(keys[number] for number in changes.gone),
            marked,
            self.is_read,
            notes,
        )

    def _read(self, discovery: Discovery | None) -> tuple[CsvList | YamlList, Callable[[str], bytes]]:
        """The list before, and what encodes it. A new CSV file begins with a header, new YAML as the manifest."""
        name = source_name(self._path)
        if self._is_csv and self._is_new:
            cells = [one.cells(self._loaded.manifest.defaults) for one in discovery.wanted] if discovery else []
            return CsvList(name, ",".join(core.columns_of(cells)) + "\n"), str.encode
        text, encode = read_text(self._loaded.path if self._is_new else self._path)
        return (CsvList if self._is_csv else YamlList)(name, text), encode

    def _put(self, data: bytes) -> None:
        # A link stays a link: what it leads to is written.
        place = self._path if self._is_new else self._path.resolve()
        with put_in_place(place, put_new if self._is_new else put_instead) as file:
            file.write(data)


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
