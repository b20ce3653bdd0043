"""Environments of a manifest: what staging and production change in it, merged over the rest.

The merge is closed: mappings are merged key by key, and everything else is replaced. A reference to a secret is one
value: of `{env: A}` and `{file: B}`, merged by key, neither would be left.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from orchestrator.core.manifest import messages
from orchestrator.core.manifest.checks import Issue, Path
from orchestrator.core.manifest.models import ENVIRONMENT_KEYS, Manifest
from orchestrator.core.manifest.values import ID_PATTERN, did_you_mean
from orchestrator.errors import WrongEnvironment

SECTION: Final = "environments"
MAX_ENVIRONMENTS: Final = 100
"""Environments of one manifest: each is checked with all that it shares with the others."""

_MAX_NAMED: Final = 5  # in a hint
_SECRETS: Final = frozenset({"client_id", "client_secret"})
_NAME: Final = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Merged:
    """A manifest's mapping as it counts in one environment, without `environments`.

    `replaced` are the paths in it whose values the environment has brought, whole.
    """

    raw: Mapping[str, Any]
    environment: str | None = None
    replaced: frozenset[Path] = frozenset()

    def written(self, path: Path) -> Path:
        """Where in the document the value of a path is written: in the environment, or where the path itself says."""
        is_replaced = any(path[:n] in self.replaced for n in range(1, len(path) + 1))
        return (SECTION, str(self.environment), *path) if is_replaced else path

    def located(self, issue: Issue) -> Issue:
        """The issue, with paths of the document."""
        other = self.written(issue.other) if issue.other is not None else None
        return replace(issue, path=self.written(issue.path), other=other)


def names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The environments that the manifest has."""
    section = raw.get(SECTION)
    return tuple(section) if isinstance(section, Mapping) else ()


def merge(raw: Mapping[str, Any], environment: str | None) -> Merged:
    """The manifest's mapping as it counts in the environment; None, or one that it does not have: what all share."""
    base = {key: value for key, value in raw.items() if key != SECTION}
    if environment is None or environment not in names(raw):
        return Merged(base)
    changes = raw[SECTION][environment]
    if not isinstance(changes, Mapping):
        return Merged(base, environment)
    known = {key: value for key, value in changes.items() if key in ENVIRONMENT_KEYS}
    replaced: set[Path] = set()
    return Merged(_merged(base, known, (), replaced), environment, frozenset(replaced))


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any], path: Path, replaced: set[Path]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        own, old = (*path, key), base.get(key)
        is_secret = len(own) == 3 and own[0] == "accounts" and key in _SECRETS
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not is_secret:
            merged[key] = _merged(old, value, own, replaced)
        else:
            merged[key] = value
            replaced.add(own)
    return merged


def check_choice(raw: Mapping[str, Any], file: str, environment: str | None) -> None:
    """Raise WrongEnvironment if the manifest in `file` needs another choice."""
    known = names(raw)
    if environment is None and known:
        choices = " or ".join(f"--env {name}" for name in known[:_MAX_NAMED])
        raise WrongEnvironment(
            f"{file} has environments, and none is chosen: {', '.join(known)}", next_step=f"add {choices}"
        )
    if environment is not None and SECTION not in raw:
        # Also for ORCHESTRATOR_ENV: a job that is set up for staging must not send a manifest without a staging
        # environment.
        raise WrongEnvironment(
            f"{file} has no environments, but {environment!r} was requested",
            next_step="leave out --env, and unset ORCHESTRATOR_ENV",
        )
    if environment is not None and known and environment not in known:
        hint = did_you_mean(environment, known)
        raise WrongEnvironment(f"{file} has no environment {environment!r}: {', '.join(known)}", next_step=hint)


def check(raw: Mapping[str, Any], chosen: str | None) -> Iterator[Issue]:
    """Every fault of form in `environments`, with paths of the document.

    What the chosen one changes is checked with the rest of the manifest, by `parse`.
    """
    section = raw.get(SECTION, {})
    if not isinstance(section, Mapping) or (not section and SECTION in raw):
        yield Issue((SECTION,), "must be a mapping of environments", "write each as NAME: {host: …}")
        return
    if len(section) > MAX_ENVIRONMENTS:
        yield Issue((SECTION,), f"has more than {MAX_ENVIRONMENTS} environments")
        return
    for name, changes in section.items():
        if not _NAME.fullmatch(name):
            yield Issue((SECTION, name), *messages.ID_WORDS)
        if isinstance(changes, Mapping):
            yield from (_unknown((SECTION, name, key)) for key in changes if key not in ENVIRONMENT_KEYS)
            yield from _faults_of(raw, name) if name != chosen else ()
        elif changes is not None:
            yield Issue((SECTION, name), "must be a mapping", "write it as key: value")


def _unknown(path: Path) -> Issue:
    if path[-1] in messages.TOP_LEVEL_KEYS:
        known = f"known here: {', '.join(ENVIRONMENT_KEYS)}"
        return Issue(path, "is the same in every environment", f"write it outside of {SECTION}; {known}")
    return Issue(path, "unknown key", did_you_mean(path[-1], ENVIRONMENT_KEYS))


def _faults_of(raw: Mapping[str, Any], name: str) -> Iterator[Issue]:
    """Faults in the values that an environment brings, which no other part of the manifest has."""
    merged = merge(raw, name)
    try:
        Manifest.model_validate({**merged.raw, "campaigns": []}, by_name=False)
    except ValidationError as error:
        found = (merged.located(issue) for issue in messages.issues(error.errors()))
        yield from (issue for issue in found if issue.path[:2] == (SECTION, name))
