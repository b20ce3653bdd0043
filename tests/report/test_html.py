import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from orchestrator.core.exit_codes import RUN_MEANINGS
from orchestrator.core.plan.decision import Action, Decision
from orchestrator.core.result.build import build
from orchestrator.core.result.timeline import build as build_timeline
from orchestrator.model import Outcome, Reason
from orchestrator.report import wording
from orchestrator.report.html import chart
from orchestrator.report.html.page import Command, commands, render
from tests.core.builders import entry, journal
from tests.system.browser.runs import Script, bad_day, page, records, result

HOSTILE = [
    "</script><script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "<!--<script>",
    "--> ]]> ?>",
    "\"' onmouseover='alert(1)' x=\"",
    "{{ 7 * 7 }}{% for x in y %}",
    "&lt;b&gt; &amp;",
    "\u202egnp.exe\u2066",
    "zero\u200bwidth",
    "a\x00b\x1b[31mred\x07\x7f\x85",
    "half a pair \ud83d",
    "two\nlines\u2028three",
    "عرض الربيع 🎉",
    "x" * 500,
]


class Reader(HTMLParser):
    """What a browser would make of the page, as far as a test wants to know."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.text = [], [], []
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self._in = tag
        self.tags.append((tag, dict(attributes)))
        if tag in {"script", "style"}:
            self.scripts.append((tag, dict(attributes), ""))

    def handle_endtag(self, _):
        self._in = ""

    def handle_data(self, data):
        if self._in in {"script", "style"}:
            tag, attributes, before = self.scripts[-1]
            self.scripts[-1] = (tag, attributes, before + data)
        else:
            self.text.append(data)

    @property
    def table(self):
        return json.loads(next(text for _, attributes, text in self.scripts if attributes.get("id") == "data"))


def hostile_script():
    fates = {**dict.fromkeys(range(14), "lost"), **dict.fromkeys(range(14, 28), "rejected")}
    return Script(42, 2, fates, name=lambda n: HOSTILE[n % 14], account_names=("a<b>", "c\u202e&"),
                  warnings=tuple(HOSTILE), stop={"reason": "rule", "detail": HOSTILE[0]})  # fmt: skip


def test_hostile_names_add_no_element_and_no_attribute():
    friendly = hostile_script()
    friendly.name, friendly.account_names, friendly.warnings = (lambda _: "name"), ("a", "b"), ("warning",) * 14
    friendly.stop = {"reason": "rule", "detail": "detail"}

    def shape(script):
        return [(tag, sorted(attributes)) for tag, attributes in Reader(page(script)).tags]

    assert shape(friendly) == shape(hostile_script())


def test_no_text_of_a_page_can_hide_or_turn_another():
    text = page(hostile_script())

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)
    shown = "".join(Reader(text).text)
    assert r"\u202egnp.exe" in shown
    assert r"a\x00b\x1b[31mred" in shown
    assert "عرض الربيع 🎉" in shown
    text.encode("utf-8")


def test_a_name_survives_into_the_table():
    names = [row[8] for row in Reader(page(hostile_script())).table["rows"]]

    assert [wording.visible(HOSTILE[n % 14]) for n in range(42)] == names


def test_the_policy_allows_only_the_pages_own_script_and_style():
    reader = Reader(page(hostile_script()))
    policy = next(a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    runnable = [(tag, text) for tag, attributes, text in reader.scripts if attributes.get("type") != "application/json"]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for _, text in runnable]

    assert [tag for tag, _ in runnable] == ["style", "script"]
    assert policy == (
        f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_the_page_needs_nothing_from_elsewhere():
    for tag, attributes in Reader(page(bad_day())).tags:
        for name in ("src", "href", "xlink:href", "action", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/svg+xml,")), tag
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag


def test_totals_and_what_needs_a_person_need_no_script():
    built = result(bad_day())
    text = re.sub(r"\s+", " ", " ".join(Reader(page(bad_day())).text))

    for outcome, count in built.totals.items():
        assert f"{count} {outcome.replace('_', ' ')}" in text
    for campaign in built.campaigns:
        if campaign.outcome == "unknown":
            assert all(line in text for line in campaign.next.split("\n"))
    assert "Exit code 11 at least one campaign is unknown" in text
    assert "no answer within 30 s" in text
    assert "3 unknown: stop_when.unknown is 3" in text


def test_a_resolve_is_copied_as_the_one_or_the_other():
    resolve = "python -m orchestrator resolve x st/cd"

    assert commands(f"{resolve} --as started --reason\n{resolve} --as not-started --reason") == (
        Command("Copy: it started", f"{resolve} --as started --reason"),
        Command("Copy: it did not start", f"{resolve} --as not-started --reason"),
    )
    assert commands("python -m orchestrator run x.yaml") == (
        Command("Copy command", "python -m orchestrator run x.yaml"),
    )
    assert commands(None) == ()


def test_of_very_many_unknown_the_first_are_shown_and_all_listed():
    text = page(Script(300, 2, dict.fromkeys(range(300), "lost")))

    assert text.count('class="case"') == 200
    assert "100 more are unknown" in text
    assert len(Reader(text).table["rows"]) == 300


def test_the_most_frequent_reasons_are_shown_and_others_counted():
    script = Script(30, 1, dict.fromkeys(range(30), "rejected"))
    written = records(script)
    for number, record in enumerate(r for r in written if r.kind == "verdict"):
        record.data["message"] = f"reason {max(0, number - 10)}"
    built = build(written)
    text = render(built, build_timeline(built, written))

    assert re.search(r'count">11</span>', text)
    assert "12 more reasons" in text


@pytest.mark.parametrize(
    ("script", "code", "words_said"),
    [
        (Script(3, 1), 0, "3 campaigns started"),
        (Script(1, 1), 0, "1 campaign started"),
        (Script(0, 1), 0, "There was nothing to start"),
        (Script(3, 1, {1: "rejected"}), 10, "1 campaign failed, and certainly did not start"),
        (Script(3, 1, {1: "gone"}), 10, "1 campaign failed, and certainly did not start"),
        (Script(3, 1, {1: "lost"}), 11, "1 campaign may or may not have started: a person must look"),
        (Script(3, 1, {2: "held"}, is_crashed=True), 12, "Stopped early: 1 campaign held"),
        (Script(3, 1, {2: "held"}), 12, "1 campaign held"),
        (Script(3, 1, stop={"reason": "journal", "detail": "full"}), 13, "The journal failed during the run"),
        (Script(3, 1, {2: "held"}, stop={"reason": "SIGINT", "detail": "x"}), 130, "Stopped early: 1 campaign held"),
        (Script(1, 1, {0: "off"}), 0, "Nothing was left to start"),
    ],
)
def test_the_headline_says_what_the_run_came_to(script, code, words_said):
    built = result(script)

    assert (code, words_said) == (built.exit_code, wording.headline(built))
    assert code in RUN_MEANINGS


def test_a_run_that_held_something_without_a_failure_says_so():
    skip = Decision(Action.SKIP, Outcome.SKIPPED, Reason.SCHEDULED, "it starts by itself")
    built = build(journal([entry(skip)]))

    assert built.exit_code == 10
    assert wording.headline(built) == "1 campaign could not be started"


def test_a_curve_stays_in_its_chart_and_meets_the_limit_if_full():
    (drawn,) = charts(Script(40, 1))
    (_, path) = drawn.curves[0]
    heights = [float(y) for y in re.findall(r"V([\d.]+)", path)]

    assert min(heights) == drawn.limit_y
    assert max(heights) <= drawn.base_y


def charts(script):
    written = records(script)
    timeline = build_timeline(build(written), written)
    return [chart.draw(timeline, account) for account in timeline.accounts]


def test_few_marks_say_what_they_are_and_many_are_one_path():
    (few,) = charts(Script(20, 1, {3: "rejected"}))
    (many,) = charts(Script(2000, 1, {3: "rejected"}))

    assert [(row.kind, row.count, len(row.singles)) for row in few.rows] == [("started", 19, 19), ("failed", 1, 1)]
    assert "attempt 1, refused: HTTP 400" in few.rows[1].singles[0][1]
    assert [(row.kind, row.count, row.singles) for row in many.rows] == [("started", 1999, ()), ("failed", 1, ())]
    assert many.rows[1].path.count("M") == 1
    assert len(many.rows[0].path) < 40_000


def test_ten_thousand_campaigns_stay_a_small_file():
    assert len(page(Script(10_000, 20, dict.fromkeys(range(0, 10_000, 50), "limited")))) < 3_000_000


@pytest.mark.parametrize("seconds", [0.0, 0.4, 7, 61, 3_700, 90_000, 2_000_000])
def test_a_run_of_any_length_has_a_few_times_below_it(seconds):
    scale = chart._Scale(1_773_133_201.3, 1_773_133_201.3 + seconds)
    ticks = chart._ticks(scale)

    assert 2 <= len(ticks) <= 7
    assert all(0 <= tick.x <= 100 for tick in ticks)
    assert len({tick.label for tick in ticks}) == len(ticks) or seconds == 0


def test_shades_say_why_nothing_left():
    north, south, _ = charts(bad_day())

    assert [shade.kind for shade in north.shades] == ["bake"]
    assert sorted(shade.kind for shade in south.shades) == ["bake", "pause"]
    assert "between wave canary and wave rest" in north.shades[0].title
    assert [flag.label for flag in north.waves] == ["canary", "rest"]


def waves_of(changes=()):
    """The page's words about its waves, with changes to what the end of the run has of the second one."""
    journal = records(bad_day())
    journal[-1].data["waves"][1].update(changes)
    built = build(journal)
    text = render(built, build_timeline(built, journal))
    return re.findall(r"</span> (?:<strong[^>]*>)?(\w+ ?\w*)", text[text.index('<ol class="waves">') :])[:2]


def test_a_wave_is_shown_with_its_verdict():
    assert waves_of() == ["passed", "no rule"]
    assert waves_of({"verdict": "cut_short", "message": "3 of 9 campaigns were held"}) == ["passed", "cut short"]
    assert waves_of({"verdict": "not_passed", "message": "too few"}) == ["passed", "not passed"]
