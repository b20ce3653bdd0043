"""The pages of docs/reference, by name."""

from pathlib import Path
from typing import Final

from docs.generator.commands import command_sections
from docs.generator.environment import environment_sections
from docs.generator.exits import exit_code_sections
from docs.generator.faults import fault_sections
from docs.generator.schemas import schema_sections
from docs.generator.tables import page, table
from docs.generator.words import meanings
from orchestrator.app.schema import manifest_schema, result_schema
from orchestrator.core.events import EVENTS_VERSION, as_table
from orchestrator.core.result.table import COLUMNS
from orchestrator.model import Outcome, Reason, StopReason, WaveVerdict

FOLDER: Final = Path(__file__).resolve().parents[1] / "reference"

_COMMANDS: Final = """
Call them as `python -m orchestrator COMMAND`. stdout carries one artefact, the summary or JSON; progress, logs and
errors go to stderr. What they end with: [exit codes](exit-codes.md).
"""
_MANIFEST: Final = """
One YAML document in UTF-8 or UTF-16, 32 MiB at most. Every mapping is closed: an unknown key is an error, and so is a
key that is written twice. Ids are texts: put those that look like numbers in quotes. A duration is text with a unit
(`500ms`, `60s`, `10m`, `1h`) or a number of seconds. `python -m orchestrator validate` reports every fault of a file,
and warns of names that differ only in upper and lower case.
[schema/manifest.v1.json](../../schema/manifest.v1.json) is this page as a JSON Schema, for your editor;
`schema` prints it.
"""
_LISTS: Final = """
## Lists of campaigns

The ending of a file in `campaigns_from` decides how it is read. `validate` reports for each file the number of
campaigns, what separates its cells, and what each column is read as; `validate --json` has the same as `files`.

- `.csv`: a header, then a campaign a row. The header alone decides whether commas, semicolons, tabs or pipes separate
  the cells; a first line `sep=;` decides for it. A header that two of them fit is refused.
- `.xlsx`, `.xlsm`: the same in a sheet, with the extra `xlsx`. `list.xlsx` is the first visible sheet, and
  `list.xlsx#May` the sheet `May`; a `#` anywhere else is part of a file's name. Hidden and filtered rows are read,
  too.
- `.jsonl`, `.ndjson`: a JSON object a line, with the keys of [campaigns](#campaigns).

Texts are UTF-8, or UTF-16 as Excel saves Unicode text. Of a CSV file or a sheet:

- The columns have the names of the keys of [campaigns](#campaigns), in any case and with spaces, `_` or `-`. `Stream
  ID`, `Bot ID`, `Campaign ID`, `Campaign Name`, `Campaign Type` and `Account Name` are known, too. Two columns with
  one meaning are refused.
- A column one letter off, or one that holds the word window, rerun, enabled, tags or iid, is refused. Columns that
  `discover` writes as notes are passed over. Any other column is left out, with one warning a file.
- An empty cell is no value, and a row of empty cells is no row. A row that repeats the header is refused.
- `rerun` and `enabled` are `true`, `yes` or `1`, or `false`, `no` or `0`. `rerun` may be an instance's id: `cid-…`.
- `tags` are separated by spaces, commas or semicolons.
- Ids are never changed, apart from white space around them. In a sheet, numbers, dates and `TRUE` are refused
  wherever a text belongs, with the cell's address; a number may be a `name`. Errors such as `#N/A` and formulas
  without a value are refused.
- A sheet has at most 16,777,216 cells between its first and its last value, and a workbook 512 MiB, unpacked.
"""
_RESULT: Final = """
`result.json` has the result of a run, campaign by campaign. Within `schema_version` 1 fields are added, and none is
taken away or changes its type. Times are UTC in RFC 3339 with milliseconds; what does not exist is `null`.
[schema/result.v1.json](../../schema/result.v1.json) is this page as a JSON Schema.
[The bad day](../examples/README.md) shows a result, and the other formats beside it.
"""
_EVENTS: Final = """
With `--log-format json` every line on stderr that begins with `{` is one JSON object with `event`, `level`,
`timestamp` (UTC) and the fields of its event. Lines for people, such as the paths of the reports, stand between them.
"""
_EVENTS_VERSION: Final = f"""
This is version {EVENTS_VERSION} of the list; `run_started` names it in `events_version`. Within a version, events and
fields are added and none is removed. `lane` is the host and the account's id; `campaign` is `STREAM/CAMPAIGN`;
`message` and `stop` are for people. A value that does not exist, such as the HTTP status of a lost answer, is `null`.
"""
_FAULTS: Final = """
What the calls of a rehearsal (`rehearse --faults WORD`) and of the built-in platform (`sandbox: {faults: WORD}`) meet.
With `none`, answers take 0.05 s and nothing happens. Chances are for each attempt to start; the seed decides which are
struck. A forecast is as good as these numbers: `realistic` is a host that is used with care, whose answers get lost
once in a thousand calls. The built-in platform's own `realistic` shows more faults in the 30 campaigns of a
demonstration. It answers at once; the times are those of rehearsals.
"""
_SPANS: Final = """
With the `otel` extra and `OTEL_EXPORTER_OTLP_ENDPOINT` set, the same events become spans; see
[traces](../how-to/ci.md#traces).
"""


def pages() -> dict[str, str]:
    """What `make docs` writes: the text of each page by its file's name."""
    return {
        "manifest.md": page("The manifest", _MANIFEST, *schema_sections(manifest_schema(), "Top level"), _LISTS),
        "commands.md": page("Commands", _COMMANDS, *command_sections()),
        "exit-codes.md": page("Exit codes", *exit_code_sections()),
        "events.md": page("Events", _EVENTS, _EVENTS_VERSION, as_table(), _SPANS),
        "result.md": _result(),
        "faults.md": page("Faults", _FAULTS, *fault_sections()),
        "environment.md": page("Environment variables", *environment_sections()),
    }


def _result() -> str:
    words = [
        f"## {title}\n\n{table(('Word', 'Meaning'), [(f'`{word}`', said) for word, said in meanings(kind).items()])}"
        for title, kind in (
            ("Outcomes", Outcome),
            ("Reasons", Reason),
            ("Why a run stopped", StopReason),
            ("How a wave went", WaveVerdict),
        )
    ]
    columns = (
        f"`result.csv` has one line for each campaign: {', '.join(f'`{name}`' for name in COLUMNS)}. Where nothing was "
        "sent, in a rehearsal or with `host: sandbox`, a last column `note` shows that. With an environment, a column "
        "`environment` comes before it."
    )
    sections = schema_sections(result_schema(), "Top level")
    return page("The result", _RESULT, *sections, *words, "## Columns", columns)
