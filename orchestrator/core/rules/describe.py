"""What a manifest's rules mean, a sentence each, for `validate` and `plan`."""

from orchestrator.core.manifest.models import Manifest
from orchestrator.core.rules import circuit_breaker as breaker
from orchestrator.core.rules import shared_lists, stop_rules, waves, windows


def sentences(manifest: Manifest) -> tuple[str, ...]:
    """Every rule of when campaigns start and when a run stops, in words."""
    wait = manifest.windows_wait
    return (
        *_start_times(manifest),
        *waves.sentences(manifest.waves),
        *(windows.sentence(name, hours, wait) for name, hours in manifest.windows.items()),
        *shared_lists.sentences(manifest.same_list, manifest.same_list_wait),
        *stop_rules.sentences(manifest.stop_when),
        breaker.sentence(manifest.breaker),
    )


def _start_times(manifest: Manifest) -> tuple[str, ...]:
    opens, closes = manifest.not_before, manifest.not_after
    return (
        *([f"not_before: a run waits until {opens.words()}, without holding its accounts"] if opens else []),
        *(
            [f"not_after: nothing starts from {closes.words()} on; what has not started by then is held"]
            if closes
            else []
        ),
    )
