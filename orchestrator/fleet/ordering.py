"""Giving an order to the fleet: the one that is being carried out, or a new one."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from orchestrator.core.journal.control import check_not_aborted
from orchestrator.core.journal.records import END, HALT, RunRecords, header_data
from orchestrator.core.journal.subruns import headers
from orchestrator.core.manifest.models import Manifest
from orchestrator.core.plan import plan as plans
from orchestrator.core.plan import selection
from orchestrator.core.plan.approval import approved_part, check_cap
from orchestrator.core.plan.approvers import Approved
from orchestrator.core.plan.decision import Action
from orchestrator.core.plan.plan import Plan
from orchestrator.core.plan.proposal import Proposal
from orchestrator.core.plan.selection import Choice, no_campaign
from orchestrator.core.text import command_line, manifest_words, plural
from orchestrator.errors import NothingSelected, Refused
from orchestrator.fleet.orders import Order, approved_record, order_of
from orchestrator.ledger.machine_id import this_user
from orchestrator.ledger.store import Store
from orchestrator.model import Home, Record, Stop, StopReason
from orchestrator.ports import Clock

_ORDER: Final = "order"
"""The kind of a record that numbers the orders of a launch: of several given at once, the journal takes one."""

_SUPERSEDED: Final = Stop(StopReason.CRASHED, "it was replaced by a new run with another manifest or selection")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be ordered. `documents` are the manifest and the rows of its files, as they were written.

    `warnings` are about those files. `proposal` is the plan whose signatures were checked, where the manifest asks for
    them.
    """

    manifest: Manifest
    source: str
    environment: str | None
    sha256: str
    documents: Callable[[], Sequence[Mapping[str, Any]]]
    choice: Choice
    no_wait: bool
    max_starts: int | None
    warnings: tuple[str, ...] = ()
    proposal: Proposal | None = None

    @property
    def terms(self) -> dict[str, Any]:
        """What a run's header keeps of the options: an order with the same terms is the same order."""
        selection = self.choice.selection
        return {
            "retry_failed": self.choice.retry_failed,
            "select": [list(term) for term in selection.select],
            "exclude": [list(term) for term in selection.exclude],
            "no_wait": self.no_wait,
            # Else an order that waits in staging would be taken for the one for production.
            **({"environment": self.environment} if self.environment else {}),
            **({"plan": self.proposal.sha256} if self.proposal else {}),
        }


def check_request(manifest: Manifest) -> None:
    """Raise Refused for a manifest that a fleet cannot carry out."""
    if manifest.host == "sandbox":
        raise Refused(
            "host: sandbox runs within one process, and a fleet has many",
            next_step=f"name the address of a sandbox that runs by itself as host:\n  {command_line('sandbox')}",
        )
    waiting = next((wave for wave in manifest.waves if wave.pass_ and wave.pass_.waits_for_delivery), None)
    if waiting is not None:
        raise Refused(
            f"wave {waiting.name} waits for deliveries (pass: completed or sent), and the process that watches a fleet "
            "cannot read them: it has no credentials and holds no account",
            next_step="run without --fleet, or take completed and sent out of its pass",
        )
    if manifest.approval == "plan":
        raise Refused(
            "approval: plan is for one plan made from the live state, and with --fleet each worker makes its own",
            next_step="run without --fleet, or remove approval",
        )
    if manifest.limits.max_recipients is not None:
        raise Refused(
            "limits.max_recipients is for the whole plan, and with --fleet each worker reads the contact lists of "
            "its own part: none of them could count all recipients before the first start",
            next_step="run without --fleet, or remove limits.max_recipients",
        )


def order_launch(
    store: Store, clock: Clock, request: Request, confirm: Callable[[Plan], Approved]
) -> tuple[Order, bool]:
    """The order, and whether it is a new one. `confirm` is asked before a new one is given, and may raise Refused.

    It returns how the plan was approved.

    Raises Refused, NothingSelected and LedgerError.
    """
    manifest = request.manifest
    store.bind_launch(manifest.launch, Home(manifest.host, request.environment), clock.now())
    check_not_aborted(store.control_state(manifest.launch), manifest.launch, store.url)
    while True:
        records = store.read(manifest.launch)
        # 1. An order that is being carried out: watch it if it is this one, else it gives way.
        others = _open_orders(records)
        for header in others:
            if (header.data["manifest_sha256"], header.data["fleet"]) == (request.sha256, request.terms):
                return _watched(order_of(records, header.run_id), request.max_starts), False
        # 2. In one transaction: an order that is refused leaves the others as they are.
        number = 1 + sum(record.kind == _ORDER for record in records)
        order = _new_order(store, clock, request, number, confirm)
        ends = [end for header in others for end in _superseding(header, records, clock)]
        try:
            store.commit([*ends, *order], order[0].run_id, {}, order[0].at)
        except IntegrityError:
            continue  # another process gave an order, or ended one, since they were read
        return order_of(order, order[0].run_id), True


def _watched(order: Order, most: int | None) -> Order:
    """The order that is being carried out. Raises Refused if it has more starts than the one who asks allows."""
    starts = sum(row.action == Action.START for row in order.rows)
    if most is not None and starts > most:
        run = order.header
        raise Refused(
            f"run {run.run_id} is already in progress with {plural(starts, 'start')}, --max-starts allows {most}",
            next_step=command_line("status", run.launch, ledger=order.manifest.ledger),
        )
    return order


def _open_orders(records: Sequence[Record]) -> list[Record]:
    ended = {record.campaign for record in records if record.kind == END}
    return [header for header in headers(records) if "fleet" in header.data and header.campaign not in ended]


def _superseding(header: Record, records: Sequence[Record], clock: Clock) -> list[Record]:
    """What ends an order. Its lanes that run look for a halt: by its manifest, nothing may start any longer."""
    make = RunRecords(header.launch, header.run_id, clock.now)
    is_halted = any(record.kind == HALT and record.campaign == header.campaign for record in records)
    return [*([] if is_halted else [make.halt(_SUPERSEDED)]), make.end(_SUPERSEDED, [], {}, None, {})]


def _new_order(
    store: Store, clock: Clock, request: Request, number: int, confirm: Callable[[Plan], Approved]
) -> list[Record]:
    """The records of the launch's order of this number, its header first."""
    # 1. What would be started, and may it be?
    manifest, plan = request.manifest, candidates(store, request)
    approved = confirm(plan)
    # 2. The order for the journal: workers read it from there.
    run_id, now = f"r-{uuid.uuid4().hex[:12]}", clock.now()
    data = header_data(
        manifest, source=request.source, environment=request.environment, sha256=request.sha256,
        plan_sha256=plan.sha256, warnings=plan.warnings,
        options=[*selection.options(plan.facts["selection"]), "--fleet"],
        by=this_user(), approved=approved,
    )  # fmt: skip
    make = RunRecords(manifest.launch, run_id, lambda: now)
    header = make.header({**data, "fleet": request.terms})
    return [
        header,
        Record(manifest.launch, "@order", number, _ORDER, run_id, now, "", {}),
        # Workers compare what their campaigns would send with what was approved.
        *([approved_record(header, request.proposal)] if request.proposal else []),
        *make.plan(entry.as_row() for entry in plan.entries),
        *make.manifest(request.documents()),
    ]


def candidates(store: Store, request: Request) -> Plan:
    """The plan as far as manifest and journal decide it: the workers read the live state.

    Of a plan that was approved, at most its starts. Raises Refused if it has too many, or the plan cannot be used,
    and NothingSelected.
    """
    manifest, choice = request.manifest, request.choice
    states = store.fold(store.read(manifest.launch))
    if not any(choice.selection.matches(c, states.get(c.key)) for c in manifest.campaigns):
        raise NothingSelected(no_campaign(manifest.campaigns, choice.selection))
    # Without preflight: each worker reads the live state when its lane begins.
    unread = manifest.model_copy(update={"preflight": manifest.preflight.model_copy(update={"check": "off"})})
    plan = plans.build(
        unread, states, {}, choice.selection,
        manifest_sha256=request.sha256, retry_failed=choice.retry_failed, launches=store.launches(),
        environment=request.environment,
    )  # fmt: skip
    if request.proposal is not None:
        again = command_line("plan", *manifest_words(request.source, request.environment), "-o", "plan.json")
        plan = approved_part(request.proposal, plan, store.read(manifest.launch), store.time(), again)
    check_cap(plan, manifest.limits.max_starts, request.max_starts)
    return replace(plan, warnings=(*request.warnings, *plan.warnings))
