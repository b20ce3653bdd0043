"""Durations for people."""


def long(seconds: float) -> str:
    """A duration in its two largest units: `3 h 12 min`."""
    total = round(seconds)
    parts = ((total // 3600, "h"), (total % 3600 // 60, "min"), (total % 60, "s"))
    said = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(said) or f"{seconds:.1f} s"
