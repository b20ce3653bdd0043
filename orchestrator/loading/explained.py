"""The manifest that counts, value by value, each with the place where it is written."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from orchestrator.core.manifest.checks import Path as ValuePath
from orchestrator.core.manifest.effective import EffectiveValue, effective
from orchestrator.core.secrecy import is_secret_path, without_secrets
from orchestrator.loading.manifest_file import open_files, parsed, showing_problems
from orchestrator.loading.yaml_reader import render

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Explained:
    """A value of the effective manifest. `origin` is `FILE:LINE:COLUMN`, or `default` where nobody wrote it."""

    path: ValuePath
    value: Any
    origin: str

    @property
    def name(self) -> str:
        """Its path, as people write it."""
        return render(self.path)


def explain_manifest(path: Path, environment: str | None = None) -> list[Explained]:
    """Every value of a valid manifest. Raises ManifestError and WrongEnvironment."""
    with showing_problems(path, environment) as inputs:
        opened = open_files(path, environment, inputs)
        # Kept, and not only parsed: a campaign does not know which of its values are defaults.
        rows = list(chain.from_iterable(file.rows() for file in opened.files))
        parsed(opened, rows)
    values = list(effective(opened.merged.raw, rows))
    written = {value.origin: opened.merged.written(value.origin) for value in values if value.origin is not None}
    places = opened.places.of(set(written.values()))
    return [
        Explained(one.path, _shown(one), DEFAULT if one.origin is None else places[written[one.origin]])
        for one in values
    ]


def _shown(found: EffectiveValue) -> Any:
    """The value; of a reference to a secret, without the words that may be the secret itself."""
    if not is_secret_path(render(found.path)) or not isinstance(found.value, dict):
        return found.value
    return {key: _masked(value) for key, value in found.value.items()}


def _masked(value: Any) -> Any:
    return [without_secrets(word) for word in value] if isinstance(value, list) else without_secrets(value)
