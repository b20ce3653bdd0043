from dataclasses import fields
from datetime import time
from pathlib import Path

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from orchestrator.app.schema import manifest_schema
from orchestrator.core.manifest.checks import Issue
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.manifest.parse import parse
from orchestrator.core.manifest.values import HOST, HOURS, RATE, SHARE, THRESHOLD, WINDOW, Threshold, seconds
from orchestrator.loading.manifest_file import LoadedManifest
from orchestrator.model import Window
from tests.property.values import documents, hours, manifests, optional, percentages, scalars, values

SCHEMA = jsonschema.Draft202012Validator(manifest_schema())


def places(value, path=()):
    """Every path of a raw value."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield from places(inner, (*path, key))


def changed(value, path, new):
    """A copy of a raw value with another value at the path."""
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = changed(value[path[0]], path[1:], new)
    return copied


@st.composite
def nearly_valid(draw):
    """A valid manifest with anything at all in one place, which may be a new key."""
    raw = draw(manifests())
    path = draw(st.sampled_from(list(places(raw))[1:]))
    if draw(st.booleans()) and isinstance(path[-1], str):
        path = (*path[:-1], draw(st.sampled_from(["tags", "wave", "window", "rate", "pass", "pass_", "zzz"])))
        raw = changed(raw, path[:-1], {**at(raw, path[:-1]), path[-1]: None})
    return changed(raw, path, draw(values))


def at(value, path):
    """What a raw value holds at the path."""
    for part in path:
        value = value[part]
    return value


def own_values(part):
    """What a part of a manifest holds, by name."""
    return dict(part) if isinstance(part, BaseModel) else {one.name: getattr(part, one.name) for one in fields(part)}


def assert_located(raw, issue):
    """The issue has a message, and its path leads into the file as far as the last key but one."""
    assert isinstance(issue, Issue)
    assert issue.message
    assert all(isinstance(part, (str, int)) for part in issue.path)
    for path in (issue.path, issue.other or ()):
        at(raw, path[:-1])


def assert_manifest_or_issues(raw):
    manifest, issues = parse(raw)
    assert (manifest is None) is bool(issues)
    assert manifest is None or isinstance(manifest, Manifest)
    for issue in issues:
        assert_located(raw, issue)


@settings(max_examples=100)
@given(documents)
def test_any_document_gives_a_manifest_or_located_issues(raw):
    assert_manifest_or_issues(raw)


@settings(max_examples=100)
@given(nearly_valid())
def test_any_value_anywhere_gives_a_manifest_or_located_issues(raw):
    assert_manifest_or_issues(raw)


@settings(max_examples=60)
@given(manifests(), st.lists(values, max_size=3), st.booleans())
def test_any_rows_in_a_valid_manifest_give_a_manifest_or_issues(raw, rows, complete):
    manifest, issues = parse(raw, rows, is_complete=lambda: complete)
    assert (manifest is None) is bool(issues)
    known = len(raw["campaigns"]) + len(rows)
    assert all(issue.path[1] < known for issue in issues if issue.path[:1] == ("campaigns",) and len(issue.path) > 1)


@settings(max_examples=50)
@given(manifests())
def test_loader_and_schema_both_accept_a_valid_manifest(raw):
    manifest, issues = parse(raw)
    assert issues == ()
    assert [c.key for c in manifest.campaigns] == [f"{c['stream']}/{c['campaign']}" for c in raw["campaigns"]]
    SCHEMA.validate(raw)


@settings(max_examples=60)
@given(nearly_valid())
def test_what_the_loader_accepts_the_schema_accepts(raw):
    if parse(raw)[1] == ():
        SCHEMA.validate(raw)


@settings(max_examples=60)
@given(manifests())
def test_every_part_rebuilt_from_its_own_values_is_the_same(raw):
    manifest, _ = parse(raw)
    sections = [getattr(manifest, name) for name in ("probe", "sandbox", "retry", "timeouts", "stop_when", "report")]
    parts = [*manifest.accounts.values(), *manifest.windows.values(), *manifest.waves, *manifest.campaigns, *sections]
    for part in filter(None, [*parts, manifest]):
        assert TypeAdapter(type(part)).validate_python(own_values(part)) == part


@settings(max_examples=30)
@given(manifests())
def test_a_campaign_in_a_row_is_the_campaign_in_the_manifest(raw):
    inline = parse(raw)
    outside = parse({**raw, "campaigns": []}, raw["campaigns"])
    assert inline == outside


@settings(max_examples=30)
@given(manifests(plain=True), st.data())
def test_a_campaign_written_twice_is_found_wherever_it_is(raw, data):
    again = data.draw(st.sampled_from(raw["campaigns"]))
    position = raw["campaigns"].index(again)
    _, issues = parse(raw, [dict(again)])
    (issue,) = issues
    assert (issue.path, issue.other) == (("campaigns", len(raw["campaigns"])), ("campaigns", position))


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]))
def test_a_duration_is_its_number_times_its_unit(number, unit):
    assert seconds(f"{number}{unit[0]}") == number * unit[1]
    assert seconds(f"{number}.25{unit[0]}") == (number + 0.25) * unit[1]


@settings(max_examples=60)
@given(st.lists(st.builds(Window, st.integers(1, 10**6), st.integers(1, 86400).map(float)), min_size=1, max_size=8))
def test_a_rate_that_is_written_as_it_is_shown_is_the_same_rate(rate):
    written = [f"{window.limit}/{window.seconds:.0f}s" for window in rate]
    assert RATE.parse(written) == RATE.parse(rate) == tuple(rate)
    assert [WINDOW.parse(str(window)) for window in rate if window.seconds < 10**6] == rate


@settings(max_examples=60)
@given(percentages)
def test_a_share_and_a_threshold_read_the_same_percentage(text):
    share = SHARE.parse(text)
    assert THRESHOLD.parse(text) == Threshold(fraction=share)
    assert f"{share:.3%}" == text
    assert SHARE.parse(share) == share


@settings(max_examples=60)
@given(hours)
def test_hours_read_back_as_they_were_written(text):
    opens, closes = HOURS.parse(text)
    assert f"{opens:%H:%M}-{closes:%H:%M}" == text
    assert HOURS.parse((opens, closes)) == (opens, closes)
    assert HOURS.parse(f"{opens:%H:%M}-24:00") == (opens, time.max)


@settings(max_examples=100)
@given(st.from_regex(r"(https://)?[a-zA-Z0-9][a-z0-9.-]{0,9}[a-zA-Z0-9](:[1-9][0-9]{0,3})?/?", fullmatch=True))
def test_a_normalised_host_stays_as_it_is(written):
    host = HOST.parse(written)
    assert HOST.parse(host) == host
    assert host == "sandbox" or host == host.lower().rstrip("/")


@settings(max_examples=50)
@given(scalars, manifests(plain=True))
def test_a_secret_is_never_repeated_in_an_issue(secret, raw):
    literal = f"canary-{secret}"
    account = next(iter(raw["accounts"]))
    _, issues = parse(changed(raw, ("accounts", account), {"account_id": "x", "client_secret": literal}))
    assert issues
    assert "canary-" not in repr(issues)


@settings(max_examples=200)
@given(st.one_of(manifests(), nearly_valid()), st.integers(0, 3))
def test_faults_are_the_same_inline_and_in_rows(raw, inline):
    campaigns = raw.get("campaigns")
    rows = campaigns[inline:] if isinstance(campaigns, list) else []
    split = {**raw, "campaigns": campaigns[:inline]} if isinstance(campaigns, list) else raw

    assert parse(split, iter(rows)) == parse(raw)


@settings(max_examples=60)
@given(manifests())
def test_another_host_parses_raw_and_rows_into_the_same_manifest(raw):
    manifest, _ = parse(raw)
    loaded = LoadedManifest(manifest, "", Path("m.yaml"), {key: raw[key] for key in raw if key != "campaigns"})

    assert parse(loaded.raw, loaded.rows) == (manifest, ())


FEW = st.sampled_from(["a", "b", "c"])
SMALL_ROWS = st.fixed_dictionaries(
    {"stream": FEW, "campaign": FEW},
    optional={"account": FEW, "window": FEW, "tags": st.lists(FEW, max_size=2), "rerun": st.sampled_from([True, "si"])},
)
SMALL_WAVES = optional(
    tags=st.lists(FEW, min_size=1, max_size=2), campaigns=st.lists(FEW.map("a/{}".format), max_size=2)
)


def faults_across(rows, waves):
    """The places of all faults, found the slow way: each row is compared with all rows before it."""
    pairs = [(row["stream"], row["campaign"]) for row in rows]
    for i, row in enumerate(rows):
        if pairs.index(pairs[i]) < i:
            yield ("campaigns", i), ("campaigns", pairs.index(pairs[i]))
        if "account" not in row and all("account" in earlier for earlier in rows[:i]):
            yield ("campaigns", i), None  # one mistake, whatever the number of rows
        for key in ("account", "window"):
            if row.get(key) in {"b", "c"}:
                yield ("campaigns", i, key), None
        if row.get("rerun") == "si":
            yield ("campaigns", i, "rerun"), None
    if not rows:
        yield (), None
    yield from faults_of_waves(rows, waves)


def faults_of_waves(rows, waves):
    """The same for waves: each row goes to the first that wants it."""
    wants = [
        [row for row in rows if {*row.get("tags", ())} & {*wave.get("tags", ())}
         or f"{row['stream']}/{row['campaign']}" in wave.get("campaigns", ())
         or not (wave.get("tags") or wave.get("campaigns"))]
        for wave in waves
    ]  # fmt: skip
    keys = {f"{row['stream']}/{row['campaign']}" for row in rows}
    for i, wave in enumerate(waves):
        named = wave.get("campaigns", [])
        for n, key in enumerate(named):
            if key not in keys:
                yield ("waves", i, "campaigns", n), None
        is_empty = all(any(row is other for before in wants[:i] for other in before) for row in wants[i])
        unused = [
            tag for tag in dict.fromkeys(wave.get("tags", ())) if all(tag not in row.get("tags", ()) for row in rows)
        ]
        if (wave.get("tags") or named) and is_empty:
            yield from ((("waves", i, "tags"), None) for _ in unused)
            is_misnamed = unused or (named and not keys & {*named})
            yield from () if is_misnamed else ((("waves", i), None),)


@settings(max_examples=200)
@given(st.lists(SMALL_ROWS, max_size=6), st.lists(SMALL_WAVES, max_size=3))
def test_faults_across_rows_are_those_found_the_slow_way(rows, waves):
    zone = {"zones": ["UTC"], "hours": "09:00-17:00"}
    raw = {
        "version": 1,
        "launch": "l",
        "host": "sandbox",
        "accounts": {"a": {"account_id": "1"}},
        "windows": {"a": zone},
    }
    named = [{"name": f"w{n}", **wave} for n, wave in enumerate(waves)]
    _, issues = parse({**raw, "waves": named}, iter(rows))

    assert sorted(map(repr, faults_across(rows, waves))) == sorted(repr((issue.path, issue.other)) for issue in issues)
