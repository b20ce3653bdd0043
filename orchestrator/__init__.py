"""Starts many Kore.ai campaigns from one manifest: never twice, never over the limit, never a guess.

As a library: `load_manifest`, `plan_launch`, `run_launch`, and what they take, return and raise. The names are looked
up when they are first used: importing the package imports none of what a run needs, so that --help stays instant.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType

# Not from `typing`: `python -m` imports this with the working folder still first on the path, where a file that has the
# name of a module of Python's own would be taken for it. Python itself has imported the two above.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from orchestrator.app.api import load_manifest, plan_launch, run_launch
    from orchestrator.app.cancellation import Interrupted
    from orchestrator.core.plan.estimate import PlannedLaunch
    from orchestrator.core.result.build import CampaignResult, Result
    from orchestrator.engine.stop_signal import StopSignal
    from orchestrator.errors import (
        CredentialError,
        JournalWriteError,
        LaneLeased,
        LedgerError,
        ManifestError,
        NothingSelected,
        OrchestratorError,
        Refused,
        WrongEnvironment,
    )
    from orchestrator.loading.manifest_file import LoadedManifest
    from orchestrator.model import Outcome, Record, Stop, StopReason
    from orchestrator.ports import Observer
    from orchestrator.redaction import Redactor

__version__: Final = "0.1.0"

__all__ = [
    "CampaignResult",
    "CredentialError",
    "Interrupted",
    "JournalWriteError",
    "LaneLeased",
    "LedgerError",
    "LoadedManifest",
    "ManifestError",
    "NothingSelected",
    "Observer",
    "OrchestratorError",
    "Outcome",
    "PlannedLaunch",
    "Record",
    "Redactor",
    "Refused",
    "Result",
    "Stop",
    "StopReason",
    "StopSignal",
    "WrongEnvironment",
    "__version__",
    "load_manifest",
    "plan_launch",
    "run_launch",
]

_ERRORS = ("CredentialError", "JournalWriteError", "LaneLeased", "LedgerError", "ManifestError", "NothingSelected",
           "OrchestratorError", "Refused", "WrongEnvironment")  # fmt: skip
_HOMES: Final = MappingProxyType(
    {
        "CampaignResult": "core.result.build",
        "StopSignal": "engine.stop_signal",
        "Interrupted": "app.cancellation",
        "LoadedManifest": "loading.manifest_file",
        "PlannedLaunch": "core.plan.estimate",
        "Observer": "ports",
        "Outcome": "model",
        "Record": "model",
        "Redactor": "redaction",
        "Result": "core.result.build",
        "Stop": "model",
        "StopReason": "model",
        "load_manifest": "app.api",
        "plan_launch": "app.api",
        "run_launch": "app.api",
        **dict.fromkeys(_ERRORS, "errors"),
    }
)


if not TYPE_CHECKING:  # where types are checked, a name that is not in the list is a mistake

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
