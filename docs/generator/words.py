"""What the words of an enumeration mean: the comments beside them in the code."""

import inspect
import re
from enum import StrEnum


def meanings(kind: type[StrEnum]) -> dict[str, str]:
    """Each word with the comment that stands behind it. Raises LookupError for one without."""
    source = inspect.getsource(kind)
    found = dict(re.findall(r'^ +\w+ = "(\w+)" +# (.+)$', source, re.MULTILINE))
    if missing := [str(word) for word in kind if word not in found]:
        raise LookupError(f"{kind.__name__} does not say what it means: {', '.join(missing)}")
    return {str(word): found[word] for word in kind}
