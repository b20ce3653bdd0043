"""Pages and the parts of them that change, made of the report's own templates."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, FileSystemLoader

from orchestrator.core.result.narrative import LaunchLine
from orchestrator.core.result.types import Result
from orchestrator.model import Outcome, Reason
from orchestrator.redaction import Redactor
from orchestrator.report.html import page
from orchestrator.report.wording import headline
from orchestrator.serve.launch import WatchedLaunch

_HERE: Final = Path(__file__).parent
_REPORT: Final = Path(page.__file__).parent / "templates"
_BARS: Final = (
    Outcome.STARTED, Outcome.ALREADY_STARTED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.HELD, Outcome.SKIPPED,
    Reason.IN_FLIGHT, Reason.WAITING,
)  # fmt: skip
"""Standings in the order in which a bar shows them: what is still to come is its right end."""

STORY: Final = ("person", "reasons", "delivery", "timeline", "run")
"""The parts of a launch's page that take a look at all campaigns."""

Parts = dict[str, str]
"""Pieces of a page by the id of their element."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load. Its name has a hash of its contents in it, so that a browser may keep it."""

    name: str
    kind: str
    body: bytes


class Pages:
    """Makes pages. `token` is taken out of whatever they show, as is all that looks like one."""

    def __init__(self, token: str = "") -> None:
        self._redactor = Redactor([token] if token else [])
        self._templates = page.environment()
        own = FileSystemLoader(_HERE / "templates")
        self._templates.loader = ChoiceLoader([own, FileSystemLoader(_REPORT)])
        files = {
            "report.css": _REPORT / "report.css", "serve.css": _HERE / "static" / "serve.css",
            "report.js": _REPORT / "report.js", "serve.js": _HERE / "static" / "serve.js",
        }  # fmt: skip
        found = {name: _asset(path) for name, path in files.items()}
        self.assets = {asset.name: asset for asset in found.values()}
        self._names = {name: asset.name for name, asset in found.items()}
        self.edition = hashlib.sha256("".join(self.assets).encode()).hexdigest()[:12]
        """Changes with the files: a page of another edition loads itself again."""

    def index(self, lines: Sequence[LaunchLine], trouble: str, advice: str) -> str:
        """The page of all launches."""
        return self._made("index.html.j2", parts=self.index_parts(lines, trouble, advice))

    def launch(self, name: str, parts: Parts) -> str:
        """The page of one launch, of `now_parts` and `story_parts`."""
        return self._made("launch.html.j2", name=name, parts=parts)

    def campaigns(self, launch: WatchedLaunch, result: Result) -> str:
        """The table of all campaigns of a launch."""
        values = page.values(*launch.story(result))
        return self._made("campaigns.html.j2", name=launch.name, is_live=launch.is_live, **values)

    def message(self, title: str, words: str) -> str:
        """A page with a few words alone."""
        return self._made("message.html.j2", title=title, words=words)

    def index_parts(self, lines: Sequence[LaunchLine], trouble: str, advice: str) -> Parts:
        """What changes on the page of all launches."""
        shown = [(line, _bar(line.result.standings) if line.result is not None else []) for line in lines]
        return {**self.trouble(trouble, advice), "launches": self._made("launches.html.j2", lines=shown)}

    def trouble(self, words: str, advice: str) -> Parts:
        """Why nothing new can be shown; empty if all is well."""
        return {"trouble": self._made("trouble.html.j2", words=words, advice=advice)}

    def now_parts(self, launch: WatchedLaunch, result: Result | None) -> Parts:
        """What is new with each start: where the launch stands, its accounts, and what needs a person."""
        if result is None:
            return {"now": self._made("now.html.j2", result=None, launch=launch), "lanes": ""}
        lanes = [(lane, _bar(lane.standings)) for lane in launch.lanes(result)]
        return {
            "now": self._made(
                "now.html.j2", launch=launch, result=result, run=result.run, stretches=_bar(result.standings),
                headline=headline(result), begun=_seconds(result.run["started_at"]),
                ended=_seconds(result.run["finished_at"]), control=launch.followed.control_state.sentence,
                code=result.exit_code, tone=page.tone(result),
            ),
            "lanes": self._made("lanes.html.j2", lanes=lanes),
        }  # fmt: skip

    def story_parts(self, launch: WatchedLaunch, result: Result | None) -> Parts:
        """What takes a look at all campaigns: who needs a person, the reasons, delivery and timeline."""
        if result is None:
            return dict.fromkeys(STORY, "")
        values = page.values(*launch.story(result))
        return {name: self._made(f"parts/{name}.html.j2", **values) for name in STORY}

    def _made(self, template: str, **values: Any) -> str:
        text = self._templates.get_template(template).render(values, asset=self._names, edition=self.edition)
        return self._redactor.text(text)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    kind = {".css": "text/css", ".js": "text/javascript"}[path.suffix]
    return Asset(f"{path.stem}.{hashlib.sha256(body).hexdigest()[:12]}{path.suffix}", kind, body)


def _bar(standings: Any) -> list[tuple[str, int, float, float]]:
    """The stretches of a bar: standing, count, where it begins and its width, in percent."""
    total, at, found = sum(standings.values()), 0.0, []
    for word in _BARS:
        if count := standings.get(word, 0):
            width = 100 * count / total
            found.append((str(word), count, round(at, 3), round(width, 3)))
            at += width
    return found


def _seconds(at: str | None) -> float | None:
    return None if at is None else datetime.fromisoformat(at).timestamp()
