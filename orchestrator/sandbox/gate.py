"""Checks whether a call may pass: rate limit, method, headers and token, in the platform's order."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from orchestrator.sandbox.limiter import Reply
from orchestrator.sandbox.platform import Account, Call, Platform, error_body

LONGEST_LIFE: Final = 3600
INVALID_CREDENTIALS: Final = Reply(401, error_body("Invalid SDK credentials", 4002))
INVALID_TOKEN: Final = Reply(401, error_body("Invalid JWT token", 4002))
LONG_LIVED: Final = Reply(401, error_body('error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)', 401))
REPLAYED: Final = Reply(401, error_body("error verifying the jwt: possibly a replay", 401))
WRONG_METHOD: Final = Reply(405, error_body("Method Not Allowed", 405))
_CLAIMS_CHECKED_HERE: Final[Any] = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud"), False)


class Gate:
    """Says why a call may not pass. Remembers every token id it has seen."""

    def __init__(self, platform: Platform, clock: Callable[[], float]) -> None:
        self._platform = platform
        self._clock = clock
        self._accounts = {one.account_id: one for one in platform.world.accounts}
        self._seen: set[tuple[str, str]] = set()

    def refusal(self, call: Call, headers: Mapping[str, str], *, right_method: bool) -> Reply | None:
        """The reply for a call that may not pass; None for one that may."""
        account = self._accounts.get(call.account_id)
        # 1. The rate limit, which counts every call that names a known account.
        limited = self._platform.arrive(call.account_id, self._clock()) if account else None
        if limited is not None:
            return limited
        # 2. What can be told without the token.
        if not right_method:
            return WRONG_METHOD
        if account is None or not headers.get("iid"):
            return INVALID_CREDENTIALS
        # 3. The token, and then whether its account owns the campaign: strangers learn nothing about that.
        refused = self._token_refusal(account, headers.get("auth", ""))
        if refused is None and not self._platform.allows(call.account_id, call.stream, call.campaign):
            return INVALID_CREDENTIALS
        return refused

    def _token_refusal(self, account: Account, token: str) -> Reply | None:
        if not token:
            return INVALID_CREDENTIALS
        if not _is_token(token):
            return INVALID_TOKEN
        try:
            claims = _verified(account, token)
        except jwt.InvalidTokenError:
            return INVALID_CREDENTIALS
        return self._claims_refusal(account, claims)

    def _claims_refusal(self, account: Account, claims: Mapping[str, Any]) -> Reply | None:
        expires, now = claims.get("exp"), self._clock()
        if claims.get("appId") != account.client_id:
            return INVALID_CREDENTIALS
        # "not <=", because NaN is neither more nor less than anything.
        if not isinstance(expires, int | float) or not expires <= now + LONGEST_LIFE:
            return LONG_LIVED
        if expires <= now:
            return INVALID_CREDENTIALS
        return self._replay(account.account_id, claims.get("jti"))

    def _replay(self, account_id: str, token_id: str | None) -> Reply | None:
        if token_id is None:
            return None
        if (account_id, token_id) in self._seen:
            return REPLAYED
        # Only a token that passed every other check is remembered: any other one was not used.
        self._seen.add((account_id, token_id))
        return None


def _is_token(text: str) -> bool:
    try:
        jwt.get_unverified_header(text)
    except (jwt.InvalidTokenError, UnicodeError):
        return False
    return True


def _verified(account: Account, token: str) -> Mapping[str, Any]:
    """The claims of a token with a good signature. Times are judged by our own clock, not here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fake secrets may be short
        return jwt.decode(token, account.secret, algorithms=[account.algorithm], options=_CLAIMS_CHECKED_HERE)
