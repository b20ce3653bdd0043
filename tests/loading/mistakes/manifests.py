"""Mistakes in manifests."""

from tests.loading.mistakes.case import GOOD, HEAD, Case

_PAIRED = "\\ud83d"


def _case(text, sees):
    return Case({"m.yaml": text}, sees)


def _campaign(fields, sees):
    return _case(HEAD + f"campaigns:\n  - {{{fields}}}\n", sees)


def _account(fields, sees):
    return _case(GOOD.replace('{account_id: "67777ce93e25326494e90001"}', f"{{{fields}}}"), sees)


CASES = {
    # What the eye does not see.
    "a zero width space at the end of an id": _campaign(
        "stream: st-1, campaign: cd-1\u200b", '"cd-1<U+200B zero width space>"'
    ),
    "a no-break space in an id": _campaign("stream: st-1, campaign: cd\u00a01", '"cd<U+00A0 no-break space>1"'),
    "a byte order mark in an id": _campaign("stream: \ufeffst-1, campaign: c", '"<U+FEFF byte order mark>st-1"'),
    "a direction mark in an id": _campaign("stream: st-1\u200e, campaign: c", '"st-1<U+200E left-to-right mark>"'),
    "a tab in an id": _campaign('stream: "st-1\t", campaign: c', '"st-1<U+0009 tab>"'),
    "a Cyrillic letter in an id": _campaign(
        "stream: st-1, campaign: \u0441d-1", '"\u0441<U+0441 cyrillic small letter es>d-1"'
    ),
    "a Cyrillic letter in a key": _campaign("stre\u0430m: st-1, campaign: c", "stre\u0430m: unknown key"),
    "a dash of a word processor": _campaign("stream: st\u20131, campaign: c", '"st\u2013<U+2013 en dash>1"'),
    "quotation marks of a word processor": _case(
        GOOD.replace("launch: spring", "launch: \u201cspring\u201d"),
        '"\u201c<U+201C left double quotation mark>spring\u201d<U+201D right double quotation mark>"',
    ),
    "no-break spaces as indentation": _case(GOOD + "limits:\n\u00a0\u00a0max_starts: 5\n", "<U+00A0>max_starts"),
    "a control character": _case(GOOD + "# \x07\n", '"<U+0007>"'),
    # The form of YAML.
    "a tab as indentation": _case(HEAD + "campaigns:\n\t- {stream: st-1, campaign: cd-1}\n", "<tab>- {stream"),
    "a tab as indentation, after a value": _case(
        HEAD + "campaigns:\n  - stream: st-1\n\tcampaign: cd-1\n", "<tab>campaign"
    ),
    "no-break spaces before a dash": _case(
        HEAD + "campaigns:\n\u00a0\u00a0- {stream: st-1, campaign: cd-1}\n", "<U+00A0>- {stream"
    ),
    "a quote that is not closed": _campaign('stream: "st-1, campaign: cd-1', 'stream: "st-1, campaign'),
    "a quote that the next line closes": _case(
        HEAD + 'campaigns:\n  - stream: "st-1\n    campaign: "cd-1"\n', 'stream: "st-1'
    ),
    "a quote within quotes": _campaign("stream: st-1, campaign: cd-1, name: 'Mum's day'", "'Mum's day'"),
    "a colon in a plain text": _case(
        HEAD + "campaigns:\n  - stream: st-1\n    campaign: cd-1\n    name: Spring: part two\n", "Spring: part two"
    ),
    "a colon in a plain text within braces": _campaign("stream: st-1, campaign: c, name: Spring: two", "Spring: two"),
    "a line that is indented too far": _case(HEAD + "limits:\n  max_starts: 5\n    other: 6\n", "    other: 6"),
    "a line that is indented too little": _case(
        HEAD + "campaigns:\n  - {stream: st-1, campaign: cd-1}\n - {stream: st-1, campaign: cd-2}\n", " - {stream: st-1"
    ),
    "no space after a dash": _case(HEAD + "campaigns:\n  -stream: st-1\n   campaign: cd-1\n", "-stream: st-1"),
    "no space after a dash, braces": _case(HEAD + "campaigns:\n  -{stream: st-1, campaign: cd-1}\n", "-{stream"),
    "no space after a colon": _case(HEAD + "campaigns:\n  - stream:st-1\n    campaign: cd-1\n", "stream:st-1"),
    "no space after a colon within braces": _campaign("stream:st-1, campaign: cd-1", "stream:st-1: unknown key"),
    "a brace that is not closed": _case(
        HEAD + "campaigns:\n  - {stream: st-1, campaign: cd-1\n  - {stream: st-1, campaign: cd-2}\n", "cd-1"
    ),
    "a bracket that the end of the file leaves open": _case(HEAD + "campaigns_from: [", "campaigns_from: ["),
    "a comma too many between values": _case(HEAD + "campaigns_from: [north.csv, , south.csv]\n", ", , south"),
    "a brace too many": _campaign("stream: st-1, campaign: cd-1}", "cd-1}}"),
    "a comma that is missing": _campaign('stream: "st-1" campaign: cd-1', '"st-1" campaign'),
    "an equals sign": _case(GOOD.replace("launch: spring", "launch = spring"), "launch = spring"),
    "a comment as in JSON": _case('{"version": 1,\n  // spring\n  "launch": "spring"}\n', "// spring"),
    "half of a surrogate pair": _case(f'{{"version": 1, "launch": "{_PAIRED}"}}\n', f'"{_PAIRED}"'),
    "a path of Windows in double quotes": _case(GOOD + 'report: {dir: "C:\\reports\\spring"}\n', "C:\\reports\\spring"),
    "a user's folder of Windows in double quotes": _case(
        GOOD + 'report: {dir: "C:\\Users\\ann"}\n', "C:\\Users\\ann"
    ),
    "a star in a file name": _case(HEAD + "campaigns_from: [*.csv]\n", "[*.csv]"),
    "a value that begins with an at sign": _case(GOOD.replace("launch: spring", "launch: @spring"), "@spring"),
    "text behind a block sign": _case(GOOD + "limits: | 5\n  6\n", "limits: | 5"),
    "a fence of Markdown": _case(f"```yaml\n{GOOD}```\n", "```yaml"),
    "text behind the end of the document": _case(GOOD + "...\nlimits: {max_starts: 5}\n", "limits: {max_starts"),
    "a second document": _case(GOOD + "---\nversion: 1\n", "---"),
    "a tag": _campaign("stream: !id st-1, campaign: cd-1", "!id st-1"),
    "an alias without an anchor": _campaign("stream: *id, campaign: cd-1", "*id"),
    "a merge of no mapping": _campaign("<<: st-1, stream: st-1, campaign: cd-1", "<<: st-1"),
    "a key that is written twice": _case(GOOD + "launch: summer\n", "launch: summer"),
    "Latin-1 instead of UTF-8": _case(GOOD.encode() + "# M\u00fcller\n".encode("latin-1"), "# M\ufffdller"),
    "a file that is empty": _case("# nothing yet\n", "is empty"),
    "lines that end as on Windows, and a wrong value": _case(
        GOOD.replace("host: sandbox", "host: sand_box").replace("\n", "\r\n"), '"sand_box"'
    ),
    # Keys and values.
    "a key that is misspelled": _case(GOOD + "wave: []\n", "wave: []"),
    "a key of another section": _case(GOOD + "limits: {rate: 50/60s}\n", "limits.rate: unknown key"),
    "a list where a mapping is due": _case(GOOD.replace("{acme: {", "[{acme: {").replace('"}}', '"}}]'), "a list of 1"),
    "a mapping where a list is due": _case(HEAD + "campaigns:\n  stream: st-1\n  campaign: cd-1\n", "a mapping"),
    "a number where an id is due": _account("account_id: 67777", "67777"),
    "an id with a slash": _campaign("stream: st-1, campaign: st-1/cd-1", '"st-1/cd-1"'),
    "a rate that cannot be read": _account('account_id: "1", rate: [sixty per minute]', '"sixty per minute"'),
    "a duration without a unit": _case(GOOD + "timeouts: {total: '30'}\n", '"30"'),
    "a host with a path": _case(GOOD.replace("host: sandbox", "host: https://kore.example/api"), '"https://kore.example/api"'),
    "a yes where true is due": _campaign("stream: st-1, campaign: cd-1, enabled: yes", '"yes"'),
    "a time zone by its abbreviation": _case(GOOD + 'windows: {day: {zones: [EDT], hours: "09:00-20:00"}}\n', '"EDT"'),
    "hours over midnight": _case(GOOD + 'windows: {day: {zones: [UTC], hours: "20:00-06:00"}}\n', '"20:00-06:00"'),
    "an account that is not listed": _campaign("stream: st-1, campaign: cd-1, account: acne", '"acne"'),
    "a list of files that is one text": _case(HEAD + "campaigns_from: north.csv\n", '"north.csv"'),
    "a list that is called otherwise": Case(
        {"m.yaml": HEAD + "campaigns_from:\n  - norht.csv\n", "north.csv": "stream,campaign\nst-1,cd-1\n"},
        '"norht.csv"',
    ),
    "a wave whose tag no campaign has": _case(GOOD + "waves: [{name: canary, tags: [canary]}]\n", '"canary"'),
    "a wave whose tag is misspelled": _case(
        GOOD.replace("cd-1}", "cd-1, tags: canary}") + "waves: [{name: first, tags: [canry]}]\n", '"canry"'
    ),
    "a wave whose campaigns are in an earlier one": _case(
        GOOD.replace("cd-1}", "cd-1, tags: a b}") + "waves: [{name: w, tags: [a]}, {name: x, tags: [b]}]\n", "{name: x"
    ),
    "a campaign that is listed twice": _case(GOOD + "  - {stream: st-1, campaign: cd-1}\n", "st-1/cd-1 is listed"),
    "one mistake in the defaults of 50 campaigns": _case(
        HEAD.replace("account: acme}", "account: acme, type: fax}")
        + "campaigns:\n" + "".join(f"  - {{stream: st-1, campaign: cd-{n}}}\n" for n in range(50)),
        '"fax"',
    ),
    "no account for 50 campaigns": _case(
        HEAD.replace("defaults: {account: acme}\n", "")
        + "campaigns:\n" + "".join(f"  - {{stream: st-1, campaign: cd-{n}}}\n" for n in range(50)),
        "49 other campaigns",
    ),
    # Secrets: never shown, and neither are their lines.
    "a secret as a plain value": _account('account_id: "1", client_secret: canary', "accounts.acme.client_secret"),
    "a secret in place of a variable's name": _account('account_id: "1", client_id: {env: 5c-canary}', "client_id.env"),
    "a password in the ledger's address": _case(
        GOOD + "ledger: postgresql://me:canary@db.example/x\n", "must not contain a password"
    ),
    "a key in an id's place": _campaign(f"stream: st-1, campaign: canary/{'5f0c3a' * 7}", "campaigns[0].campaign"),
}  # fmt: skip
