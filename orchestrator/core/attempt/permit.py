"""The right to send one start. Only a ledger grants it, after it has committed the intent (P1, P5)."""

from orchestrator.model import CampaignKey, PosixSeconds, Record


class PermitError(Exception):
    """The permit was used before, is past its deadline, or is for another campaign: nothing may be sent."""


class Permit:
    """Valid for one send of one campaign, begun before its deadline. Only `grant` makes one."""

    __slots__ = ("_used", "attempt", "campaign", "deadline")
    _used: bool
    attempt: int
    campaign: CampaignKey
    deadline: PosixSeconds

    def __init__(self) -> None:
        raise PermitError("a permit is granted by a ledger that has committed an intent")

    def use(self, campaign: CampaignKey, now: PosixSeconds) -> None:
        """Use it up, at `now` POSIX seconds, right before the first byte. Raises PermitError."""
        if self._used:
            raise PermitError("this permit has been used")
        if campaign != self.campaign:
            raise PermitError(f"this permit is for {self.campaign}, not for {campaign}")
        if now > self.deadline:
            raise PermitError("this permit's deadline has passed")
        self._used = True


def ended_by(intent_at: PosixSeconds, deadline: PosixSeconds, now: PosixSeconds) -> PosixSeconds:
    """The time by which a permit of an earlier run has surely ended. All times are POSIX seconds.

    The intent is in the journal at `now`, so a permit good for `deadline - intent_at` seconds ends that long after
    `now` at the latest. Where the clock was ahead when it was granted, the deadline itself may be hours away.
    """
    return min(deadline, PosixSeconds(now + max(0.0, deadline - intent_at)))


def grant(intent: Record) -> Permit:
    """The permit for a committed intent. Called by ledgers, after the commit and nowhere else (tests check it)."""
    permit = object.__new__(Permit)
    permit.campaign = CampaignKey(intent.campaign)
    permit.attempt = intent.attempt
    permit.deadline = intent.data["deadline"]
    permit._used = False
    return permit
