"""What a manifest's rules mean, a sentence each: said by `validate` and `plan`, before anything happens."""

from orchestrator.core import breaker, stop_rules, waves, windows
from orchestrator.core.manifest import Manifest


def sentences(manifest: Manifest) -> tuple[str, ...]:
    """Every rule of when campaigns start and when a run stops, in words."""
    wait = manifest.windows_wait
    return (
        *waves.sentences(manifest.waves),
        *(windows.sentence(name, hours, wait) for name, hours in manifest.windows.items()),
        *stop_rules.sentences(manifest.stop_when),
        breaker.sentence(manifest.breaker),
    )
