"""The value of `approval`: a word, or whose signatures a plan needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StrictInt, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from orchestrator.core.manifest.rules import Section
from orchestrator.core.manifest.values import PathText, duration, fault

_WORDS: Final = ("none", "plan")

Role = Literal["planner", "runner"]


class Signers(Section):
    """Whose signatures a plan needs before it is run."""

    signers: PathText
    """The file of those who may approve, in OpenSSH's format `allowed_signers`, relative to the manifest; `~` is the
    home directory."""
    required: StrictInt = Field(default=1, ge=1, le=16)
    """How many people must approve. Two signatures of one person count once."""
    not_: tuple[Role, ...] = Field(default=("planner", "runner"), alias="not")
    """Who may not approve: the one who made the plan, the one who runs it."""
    expires: Annotated[float, duration(60, 86400)] = 86400.0
    """The time from the making of a plan to its run, at most."""
    revoked: PathText | None = None
    """A file of keys that no longer count: public keys, or a key revocation list of `ssh-keygen -k`."""


@dataclass(frozen=True, slots=True)
class _WordOrSigners:
    """Annotates a field that is a word or a mapping, whose faults have the mapping's own paths."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_approval, handler.generate_schema(Signers))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(_WORDS), "type": "string"}, handler(core)]}


def _approval(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if value in _WORDS:
        return value
    if not isinstance(value, Mapping | Signers):
        raise fault("must be 'none', 'plan' or a mapping", "write {signers: allowed_signers} to ask for signatures")
    return handler(value)


Approval = Annotated[Literal["none", "plan"] | Signers, _WordOrSigners()]
