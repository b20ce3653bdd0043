from tests.canaries import no_secret_leaves

__all__ = ["no_secret_leaves"]
