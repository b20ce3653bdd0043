"""What a manifest's rules mean, a sentence each, for `validate` and `plan`."""

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.rules import circuit_breaker as breaker
from orchestrator.core.rules import stop_rules, waves, windows


def sentences(manifest: Manifest) -> tuple[str, ...]:
    """Every rule of when campaigns start and when a run stops, in words."""
    wait = manifest.windows_wait
    return (
        *waves.sentences(manifest.waves),
        *(windows.sentence(name, hours, wait) for name, hours in manifest.windows.items()),
        *stop_rules.sentences(manifest.stop_when),
        breaker.sentence(manifest.breaker),
    )
