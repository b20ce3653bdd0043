"""Mistakes in manifests."""

from tests.loading.mistakes.case import GOOD, HEAD, Case


def _campaign(fields):
    return Case({"m.yaml": HEAD + f"campaigns:\n  - {{{fields}}}\n"}, "")


CASES = {
    "a zero width space at the end of an id": Case(
        {"m.yaml": HEAD + "campaigns:\n  - {stream: st-1, campaign: cd-1\u200b}\n"}, '"cd-1<U+200B zero width space>"'
    ),
    "a Cyrillic letter in an id": Case(
        {"m.yaml": HEAD + "campaigns:\n  - {stream: st-1, campaign: \u0441d-1}\n"},
        '"\u0441<U+0441 cyrillic small letter es>d-1"',
    ),
    "a key that is misspelled": Case({"m.yaml": GOOD + "wave: []\n"}, "wave"),
}
