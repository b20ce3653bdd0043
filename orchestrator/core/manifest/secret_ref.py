"""References to secrets, which manifests hold in place of the secrets themselves."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, model_validator

from orchestrator.core.manifest.rules import Section
from orchestrator.core.manifest.values import Command, EnvName, PathText, fault


def _reference(value: Any) -> Any:
    # Before pydantic checks it: pydantic's errors repeat the value, which may be a literal secret.
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, Mapping):
        raise fault("a secret must be a reference, never the value itself", "write {env: NAME} or {file: PATH}")
    if len(value) != 1 or not value.keys() <= SecretRef.model_fields.keys():
        raise fault("a secret must be exactly one reference", "write one of {env: …}, {file: …}, {command: […]}")
    return value


class SecretRef(Section):
    """A reference to a secret: an environment variable, a file or a command. Set exactly one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    env: EnvName | None = None
    """The name of the environment variable that holds the secret."""
    file: PathText | None = None
    """A file that holds the secret, relative to the manifest; `~` is the home directory."""
    command: Command | None = None
    """A program and its arguments that prints the secret within 30 seconds. It runs without a shell."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        # `{env: null}` has one key, but names nothing.
        if sum(value is not None for value in (self.env, self.file, self.command)) != 1:
            raise fault("a secret must be exactly one reference", "write one of {env: …}, {file: …}, {command: […]}")
        return self


Secret = Annotated[SecretRef, BeforeValidator(_reference)]
"""A field that holds such a reference: a literal is refused, and no message repeats it."""
