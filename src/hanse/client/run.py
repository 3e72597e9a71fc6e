"""Running an analysis: one signed order for each dataset, and from the nodes' signed results the released one.

Nothing that the hub says decides: parameters are read with the vocabulary of this software, every result is verified
with the key of its node, and merging and releasing are done here.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hanse import analysis
from hanse.analysis import crate as crates
from hanse.analysis.result import Figure
from hanse.analysis.result import Result as Released
from hanse.client import count, provenance, reply, signing
from hanse.client.access import Granted
from hanse.client.reply import Opened, Opener
from hanse.core import clock, ids, order, release, result, visit
from hanse.core.check import check_selection
from hanse.core.document import Jwk
from hanse.core.errors import BadAnalysis, BadEnvelope, BadInput, NotFound, Problem, Refused
from hanse.core.order import Order
from hanse.core.result import Result
from hanse.core.scope import NEWEST, Grant, Operation
from hanse.domains import VOCABULARY
from hanse.lib import jws
from hanse.lib.jws import Signer
from hanse.lib.seal import ReplyKey

if TYPE_CHECKING:
    from hanse.client.http import Hanse

DEADLINE = timedelta(hours=1)
Watch = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was ordered, with all that is needed to read its results later: keep it as secret as the results.

    `gone` are datasets of the permit that nobody publishes any more, so that no order went there; `answered` is how
    many orders came to the result when it was last read, and None before."""

    run: str
    permit: str  # hash
    reply_key: str  # PEM
    orders: tuple[str, ...]  # tokens
    delegation: str = ""
    gone: tuple[str, ...] = ()
    project: str = ""
    answered: int | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Started":
        """What `to_json` wrote; `BadInput` for anything else."""
        try:
            body = json.loads(text)
            return cls(**body | {"orders": tuple(body["orders"]), "gone": tuple(body.get("gone", ()))})
        except (ValueError, TypeError, KeyError):
            raise BadInput("This is no run that was kept.", hint="`hanse runs list` lists them.") from None


@dataclass(frozen=True, slots=True)
class Taken:
    """A run as a page gives it along, with its sealed answers opened: keep it as secret as the data."""

    started: Started
    rows: tuple[Mapping[str, Any], ...]
    opened: Opened

    @classmethod
    def from_json(cls, text: str) -> "Taken":
        """What a page wrote; `BadInput` for anything else."""
        try:
            body = json.loads(text)
            rows = tuple(body["rows"])
            started = Started(body["run"], body["permit"], "", tuple(one["token"] for one in rows))
            opened = Opened(
                {reply.sealed(one["result"]): str(one["opened"]) for one in rows if one.get("opened")}
            )
        except (ValueError, TypeError, KeyError, AttributeError, BadEnvelope):
            raise BadInput(
                "This is no run that a page gave along.",
                hint="The page of the run makes it: Take the opened answers.",
            ) from None
        return cls(started, rows, opened)


@dataclass(frozen=True, slots=True)
class Part:
    """One dataset of a run: what was ordered, and the verified result or why there is none. `ordered` is the order as
    it was signed, `token` what the node signed, without an aggregate that came beside it."""

    order: Order
    hash: str
    state: str
    result: Result | None = None
    token: str = ""
    problem: Mapping[str, Any] | None = None
    ordered: str = ""
    delegation: str = ""  # where a device ordered

    @property
    def said(self) -> tuple[str, str]:
        """Why there is no result, with the rule, and what would be needed."""
        problem = self.problem or {}
        rule = f" (rule: {problem['rule']})" if problem.get("rule") else ""
        return f"{problem.get('detail', self.state)}{rule}", str(problem.get("hint") or "")


@dataclass(frozen=True, slots=True)
class Analysis:
    """A released result with its parts, and what proves where it comes from. `exact` is what was merged, before
    release: never show it to others."""

    result: Released
    exact: Any
    parts: tuple[Part, ...]
    provenance: crates.Provenance
    documents: crates.Documents

    @property
    def figure(self) -> Figure | None:
        """The plot as plain data."""
        return self.result.figure

    @property
    def missing(self) -> tuple[str, ...]:
        """The nodes that were asked and are not in the result."""
        return self.provenance.missing

    def table(self) -> str:
        """The first table as CSV (RFC 4180)."""
        return self.result.sheets[0].to_csv()

    def to_dict(self) -> dict[str, Any]:
        """The result and where it comes from, as JSON values."""
        return {"result": self.result.as_dict(), "provenance": asdict(self.provenance)}

    def files(self) -> dict[str, bytes]:
        """The files of the RO-Crate by name: result, tables, provenance, the signed documents and the metadata.
        `Refused` when a node signed its intermediate itself, as earlier ones did: it is shown to nobody."""
        if len(self.documents.results) < len(self.provenance.answers):
            raise Refused(
                "A node signed this result together with its intermediate, so its signature cannot be shown.",
                hint="Order the analysis again.",
            )
        return crates.crate(self.result, self.provenance, self.documents)

    def crate(self, signer: Signer | None = None) -> bytes:
        """The RO-Crate as a zip file; with `signer`, a key of the permit, somebody vouches for the numbers. Raises as
        `files` does."""
        files = self.files()
        if signer:
            vouched = provenance.attest(files[crates.METADATA], self.provenance.permit, signer)
            files[crates.ATTESTATION] = vouched.encode()
        return provenance.zipped(files)


def start(
    hub: "Hanse",
    granted: Granted,
    method: str,
    parameters: Mapping[str, Any],
    signer: Signer,
    *,
    selection: str = "",
    nodes: Collection[str] = (),
    datasets: Collection[str] = (),
    delegation: str = "",
    deadline: timedelta = DEADLINE,
) -> Started:
    """Signs and sends one order for each dataset of the permit (of these nodes, or only these datasets): to run a
    method of analysis, or to count (`method` is `count`).

    Before anything is sent, raises as `orders` and `signing.check` do, and `BadInput` when nothing is left to be
    asked.
    """
    wanted = [
        one
        for one in granted.permit.scope.datasets
        if (not nodes or one.node in nodes) and (not datasets or one.dataset in datasets)
    ]
    if not wanted:
        raise BadInput(
            "The permit has none of these datasets.", hint="`hanse applications` shows what it has."
        )
    answers, versions = ReplyKey.generate(), _newest(hub, [one.dataset for one in wanted])
    made = orders(granted, method, parameters, versions, selection, answers.jwk, deadline)
    signing.check(granted, signer.public, delegation, made[0].operation, made[0].issued)
    tokens = [jws.issue(signer, one, order.TYP) for one in made]
    run = hub.order([{"order": one, "delegation": delegation} for one in tokens])
    gone = tuple(one.dataset for one in wanted if one.dataset not in versions)
    return Started(
        run, granted.hash, answers.pem().decode(), tuple(tokens), delegation, gone, granted.permit.project
    )


def _newest(hub: "Hanse", datasets: Sequence[str]) -> dict[str, int]:
    """The newest version of each dataset that is still published; `NotFound` when none is."""
    found: dict[str, int] = {}
    for dataset in datasets:
        with suppress(NotFound):
            found[dataset] = int(hub.dataset(dataset)["version"])
    if not found:
        raise NotFound(
            f"None of these datasets is published any more: {', '.join(datasets)}.",
            hint="Ask their holders whether a new version comes.",
        )
    return found


def orders(
    granted: Granted,
    method: str,
    parameters: Mapping[str, Any],
    newest: Mapping[str, int],
    selection: str,
    reply_key: Jwk | None,
    deadline: timedelta,
) -> list[Order]:
    """The orders of a run, one for each dataset in `newest`, which has the newest version of each; to be signed.

    Raises `BadAnalysis` when the parameters are wrong, `BadQuestion` when the selection is not one of the vocabulary.
    """
    check_selection(selection, VOCABULARY)
    asked = _asked(method, parameters)
    scope, at = granted.permit.scope, clock.read(clock.text(clock.now()))
    return [
        Order(
            id=ids.new("order"),
            permit=granted.hash,
            node=one.node,
            dataset=one.dataset,
            version=_covered(one, newest[one.dataset]),
            purpose=scope.purpose,
            selection=selection,
            issued=at,
            expires=at + deadline,
            reply_key=reply_key,
            **asked,
        )
        for one in scope.datasets
        if one.dataset in newest
    ]


def _asked(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the orders of a run say of what is to be done."""
    if method == count.METHOD:
        if parameters:
            raise BadAnalysis("A count takes no parameters.", hint="It takes a selection.")
        return {"operation": Operation.COUNT, "method": "", "parameters": {}}
    chosen = analysis.find(method)
    written = chosen.canonical(chosen.read(parameters, VOCABULARY))
    return {"operation": Operation.ANALYSE, "method": method, "parameters": written}


def _covered(grant: Grant, newest: int) -> int:
    """The version that is ordered: the newest that is published and that the permit covers."""
    return newest if grant.versions == NEWEST or newest in grant.versions else max(grant.versions)


def visiting(started: Started, signer: Signer) -> str:
    """A fresh signed request to see a run."""
    at = clock.read(clock.text(clock.now()))
    return jws.issue(signer, visit.Visit(started.run, signer.public.jwk, at), visit.TYP)


def collect(
    started: Started,
    granted: Granted,
    shown: Iterable[Mapping[str, Any]],
    watch: Watch | None = None,
    opener: Opener | None = None,
) -> tuple[Part, ...]:
    """What came of each order, from the rows that the hub shows; a row of another order is passed over.

    What does not verify is no result: its part says so. `watch` is called with each part as it comes. Answers are
    opened by the run's reply key, or by `opener`.
    """
    waiting = [part(token, started.delegation) for token in started.orders]
    parts = {one.hash: one for one in waiting}
    opener = opener or ReplyKey.from_pem(started.reply_key.encode())
    for row in shown:
        hash = row.get("order")
        if hash not in parts:
            continue
        parts[hash] = one = _answered(parts[hash], row, granted, opener)
        if watch:
            watch({"node": one.order.node, "dataset": one.order.dataset, "state": one.state})
    return tuple(parts.values())


def part(token: str, delegation: str = "") -> Part:
    """The part of a run that an order asks for; nothing about it is proven."""
    said = order.decode(jws.unverified(token))
    return Part(said, jws.identity(token), "waiting", ordered=token, delegation=delegation)


def _answered(asked: Part, row: Mapping[str, Any], granted: Granted, opener: Opener) -> Part:
    state, answer, problem = str(row.get("state")), row.get("result"), row.get("problem")
    nothing = replace(asked, result=None, token="")
    if not answer:
        return replace(nothing, state="waiting" if state == "carried out" else state, problem=problem)
    try:
        found = reply.read(asked.order, asked.hash, answer, granted, opener)
    except Problem as bad:
        return replace(nothing, state="not genuine", problem=bad.as_dict())
    try:
        if asked.order.operation is Operation.COUNT:
            count.read(found)
        else:  # alone, so that one node's mistake spoils no other's result
            _merged(asked.order, [found])
    except Problem as bad:
        return replace(nothing, state="unusable", problem=bad.as_dict())
    token, _ = result.split(answer)
    return replace(asked, state="carried out", result=found, token=token, problem=None)


def _merged(asked: Order, results: Sequence[Result]) -> Any:
    """The intermediates of these results as one. Raises `BadAnalysis` or `BadEnvelope` when one is not of the method
    that was ordered."""
    method = analysis.find(asked.method)
    parameters = method.read(dict(asked.parameters), VOCABULARY)
    return method.merge([one.aggregate or {} for one in results], parameters)


def finish(granted: Granted, parts: Sequence[Part]) -> Analysis:
    """Merges what was carried out and releases it by the permit's limits. `Refused` when no node carried it out."""
    done = [one for one in parts if one.result]
    if not done:
        said = dict.fromkeys((one.order.node, *one.said) for one in parts)
        why = " ".join(f"{node}: {detail}" for node, detail, _ in said)
        raise Refused(
            f"No node carried out the order. {why}", hint=" ".join(dict.fromkeys(hint for *_, hint in said))
        )
    asked, limits = done[0].order, limits_of(granted)
    if asked.operation is Operation.COUNT:
        released, merged = count.released(granted, parts, limits)
    else:
        released, merged = _released(asked, [one.result for one in done if one.result], limits)
    where, proof = provenance.provenance(granted, parts), provenance.documents(granted, parts)
    return Analysis(released, merged, tuple(parts), where, proof)


def _released(asked: Order, results: Sequence[Result], limits: release.Limits) -> tuple[Released, Any]:
    """What may be seen of an analysis, and what was merged."""
    method = analysis.find(asked.method)
    parameters = method.read(dict(asked.parameters), VOCABULARY)
    merged = _merged(asked, results)
    noise = sum(analysis.noise(one.aggregate or {}) for one in results)
    found = method.release(merged, parameters, replace(limits, noise=noise))
    if noise:
        found = replace(found, notes=(*found.notes, _NOISE.format(2 * noise)))
    return found, merged


_NOISE = (
    "The nodes added noise to what they counted: one cell of a table over all of them is off by at most {}, a sum of "
    "cells by more. What the noise could make too small to be shown is not shown."
)


def limits_of(granted: Granted) -> release.Limits:
    """What the permit asks of numbers, as rules of release; the strictest that both can say. Noise is the nodes': they
    say in their results how much there is."""
    said = granted.permit.scope.limits
    least = max(2, said.minimum)
    return release.Limits(threshold=least, rounding=said.rounding, minimum=least, steps=said.budget)
