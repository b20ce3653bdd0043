"""When a run stops by itself (`stop_when` of the manifest)."""

from orchestrator.core.manifest import StopWhen, Threshold

_ROUNDING = 1e-9  # 0.28 * 25 is a little more than 7


def tripped(rules: StopWhen | None, *, failed: int, unknown: int, attempted: int) -> str | None:
    """The sentence of the first rule that the counts break, None where none does."""
    if rules is None:
        return None
    for word, rule, count in (("failed", rules.failed, failed), ("unknown", rules.unknown, unknown)):
        if rule is not None and _broken(rule, count, attempted, rules.min_sample):
            return f"{count} of {attempted} attempted are {word}: {sentence(word, rule, rules.min_sample)}"
    return None


def sentence(word: str, rule: Threshold, min_sample: int) -> str:
    """What a rule means, in words."""
    if rule.fraction is not None:
        return f"stops when {rule.fraction * 100:.6g}% of at least {min_sample} attempted are {word}"
    return f"stops when {rule.count} are {word}"


def _broken(rule: Threshold, count: int, attempted: int, min_sample: int) -> bool:
    if rule.fraction is not None:
        return attempted >= min_sample and count >= rule.fraction * attempted - _ROUNDING and count > 0
    return rule.count is not None and count >= rule.count
