"""The JSON Schema of `result.json`, made from the types that the result is made of."""

from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, with_config

from orchestrator.core.result.types import (
    SCHEMA_VERSION,
    BudgetResult,
    CampaignResult,
    Result,
    RunResult,
    StopResult,
    WaveResult,
)

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def result_schema() -> dict[str, Any]:
    """What a reader of `result.json` can rely on within version 1: fields are added, and none is taken away."""
    for kind in (StopResult, RunResult, BudgetResult, WaveResult, CampaignResult, Result):
        with_config(ConfigDict(use_attribute_docstrings=True))(kind)  # the texts under the fields are descriptions
    made = TypeAdapter(Result).json_schema(mode="serialization")
    version = {"const": SCHEMA_VERSION, "description": "Raised when something is removed or means something else."}
    made["properties"] = {"schema_version": version, **made["properties"]}
    made["required"] = ["schema_version", *made["required"]]
    return {"$schema": _DIALECT, **made}
