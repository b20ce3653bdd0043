"""When a run, or one account of it, stops by itself (`stop_when` of the manifest)."""

from collections.abc import Iterator, Mapping

from orchestrator.core.manifest.models import AccountRules, StopWhen, Threshold

_ROUNDING = 1e-9  # 0.28 * 25 is a little more than 7
_WORDS = {"failed": "failed", "unknown": "are unknown"}


def tripped(rules: AccountRules | None, counts: Mapping[str, int]) -> str | None:
    """The sentence of the first rule that the counts break, None if none does.

    `counts` are the attempted campaigns by outcome: started, failed and unknown.
    """
    attempted = sum(counts.values())
    for word, rule in _thresholds(rules):
        count = counts[word]
        if rules is not None and _broken(rule, count, attempted, rules.min_sample):
            return (
                f"{count} of {attempted} attempted {_WORDS[word]}: stops when {meaning(word, rule, rules.min_sample)}"
            )
    return None


def sentences(rules: StopWhen | None) -> tuple[str, ...]:
    """What the rules mean, each in words."""
    account = None if rules is None else rules.per_account
    return (
        *(f"the run stops when {meaning(w, r, rules.min_sample)}" for w, r in _thresholds(rules) if rules),
        *(
            f"an account stops when {meaning(w, r, account.min_sample)} there"
            for w, r in _thresholds(account)
            if account
        ),
    )


def meaning(word: str, rule: Threshold, min_sample: int) -> str:
    """When a rule is broken, in words."""
    if rule.fraction is not None:
        return f"{rule.fraction * 100:.6g}% of at least {min_sample} attempted {_WORDS[word]}"
    return f"{rule.count} {_WORDS[word]}"


def _thresholds(rules: AccountRules | None) -> Iterator[tuple[str, Threshold]]:
    if rules is not None:
        both = (("failed", rules.failed), ("unknown", rules.unknown))
        yield from ((word, rule) for word, rule in both if rule is not None)


def _broken(rule: Threshold, count: int, attempted: int, min_sample: int) -> bool:
    if rule.fraction is not None:
        # `count > 0`: the rounding makes a share near 0 negative, and no failure at all would reach that.
        return attempted >= min_sample and count >= rule.fraction * attempted - _ROUNDING and count > 0
    return rule.count is not None and count >= rule.count
