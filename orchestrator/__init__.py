"""Starts many Kore.ai campaigns from one manifest: never twice, never over the limit, never a guess."""

from typing import Final

__version__: Final = "0.1.0"
