"""`/cohort`: a question clicked together or typed, and every node's answer as it arrives.

The state of the page is its address: the question as CQL2 text in `q`, or the id of a kept question in the path. An act
of the builder is a form that is sent, and answered with the address of the new state; a page whose address says
`ask=no` shows the question and asks nobody, since every new question costs every dataset a little of what it may tell.
"""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from hanse.core.answer import NodeAnswer
from hanse.core.check import check, resolve
from hanse.core.errors import BadQuestion, Problem
from hanse.core.fields import Type
from hanse.core.plain import answer_from_plain
from hanse.core.query import Question
from hanse.core.reading import read
from hanse.hub import saved
from hanse.hub.app import Hub
from hanse.hub.coverage import Coverage, Watcher
from hanse.hub.saved import Saved
from hanse.web import answers, breakdowns, builder, criteria, editor, picking
from hanse.web.answers import Progress
from hanse.web.builder import BadValue, Form, Joint, Rows, Unfit, Why
from hanse.web.language import N_, address
from hanse.web.language import gettext as _
from hanse.web.render import ENVIRONMENT, HEADERS, render

MOST_BODY = 4 << 20  # bytes of a form; a question has 16 000 characters
MOST_SHOWN = 20_000  # characters of a text that is too long, which the page gives back
LONG = 4096  # characters of an address's question; a longer one is kept under an id
MOST_DATASETS = 50
CHARTS_EVERY_S = 0.5

EXAMPLES = (
    (
        N_("Breast MR of women under 50, with a segmentation"),
        "image.modality = 'MR' AND person.sex = 'female' AND person.age < 50"
        " AND condition.cancer_type = 'breast' AND exists(image.modality = 'SEG')",
    ),
    (N_("CT and MR of one person"), "exists(image.modality = 'CT') AND exists(image.modality = 'MR')"),
    (N_("Lung cancer, at least 3 studies"), "condition.cancer_type = 'lung' AND count(image.study) >= 3"),
    (
        N_("An MR within 90 days after a diagnosis of prostate cancer"),
        "within_days(condition.cancer_type = 'prostate', image.modality = 'MR', 0, 90)",
    ),
)
WHY = {
    Why.DEPTH: N_("It has groups inside groups, which the builder cannot draw."),
    Why.CRITERION: N_("It has a criterion that only text can say."),
    Why.FIELD: N_("It names a field that this hub does not know."),
}


@dataclass(frozen=True, slots=True)
class State:
    """What an address says: the question, the only datasets that are asked, and whether charts are asked along."""

    text: str = ""
    datasets: tuple[str, ...] = ()
    charts: bool = False
    kept: Saved | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """The state as the query of an address, or as hidden inputs of a form."""
        whole = [("id", self.kept.id)] if self.kept else [("q", self.text)]
        some = [("dataset", one) for one in self.datasets]
        return [*whole, *some, *([("charts", "yes")] if self.charts else [])]

    def address(self, path: str = "/cohort", **more: str) -> str:
        """The page of this state in the language of the request, or another `path` about it."""
        pairs = [pair for pair in self.pairs() if pair != ("q", "")]
        if self.kept and path == "/cohort":
            path, pairs = f"/cohort/{self.kept.id}", pairs[1:]
        pairs += [(name.rstrip("_"), value) for name, value in more.items() if value]
        return address(path) + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")

    def without(self, dataset: str) -> str:
        """The page of the same question to other datasets than this one only."""
        return replace(self, datasets=tuple(one for one in self.datasets if one != dataset)).address(ask="no")

    def toggled(self) -> str:
        """The page with charts asked along that are not, or the other way round."""
        return replace(self, charts=not self.charts).address(ask="no")


@dataclass(frozen=True, slots=True)
class Understood:
    """What can be made of a question's text: itself with its warnings, its form or why it has none, or a problem."""

    question: Question | None = None
    warnings: tuple[str, ...] = ()
    form: Form | None = None
    why: Why | None = None
    problem: Problem | None = None


@dataclass
class Sight:
    """What else a page shows: the editor as it was sent, what was wrong with it, answers that are all there."""

    sent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wrong: BadValue | None = None
    progress: Progress | None = None
    problem: Problem | None = None


def routes(hub: Hub) -> list[Route]:
    """The page, its acts, the stream of answers, and the answers as files."""
    page = Cohort(hub, Watcher(hub.records))
    return [
        Route("/cohort", page.show),
        Route("/cohort", page.act, methods=["POST"]),
        Route("/cohort/stream", page.stream),
        Route("/cohort.json", page.as_json),
        Route("/cohort.csv", page.as_csv),
        Route("/cohort/{id}", page.show),
    ]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The cohort page of a hub."""

    hub: Hub
    watcher: Watcher

    async def show(self, request: Request) -> Response:
        """`GET /cohort`: live, and with `live=no` when all have answered."""
        sent = request.query_params
        state = await self._state(request)
        sight = Sight({name: sent.getlist(name) for name in sent})
        if sent.get("live") == "no":
            sight.progress = Progress()
            try:
                async for _changed in self._answers(state, sight.progress):
                    pass
            except Problem as problem:
                sight.problem = problem
        return await self._page(request, state, sight)

    async def stream(self, request: Request) -> Response:
        """`GET /cohort/stream`: server-sent events whose data are HTML, elements that take the place of those with the
        same id."""
        headers = HEADERS | {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        messages = self._messages(await self._state(request))
        return StreamingResponse(messages, media_type="text/event-stream", headers=headers)

    async def as_json(self, request: Request) -> Response:
        """`GET /cohort.json`: what `POST /api/v1/search` gives."""
        state = await self._state(request)
        body = await self.hub.search.whole(self._asked(state))
        return _file(orjson.dumps(body, option=orjson.OPT_INDENT_2), "application/json", "cohort.json")

    async def as_csv(self, request: Request) -> Response:
        """`GET /cohort.csv`: a row for each dataset."""
        state, progress = await self._state(request), Progress()
        async for _changed in self._answers(state, progress):
            pass
        text = answers.table(self._asked(state).question, progress.nodes.values())
        return _file(text.encode("utf-8-sig"), "text/csv; charset=utf-8", "cohort.csv")

    async def act(self, request: Request) -> Response:
        """`POST /cohort`: an act of the builder, of the text or of keeping; answered with the address of what came of
        it, or with the page where nothing could."""
        sent = await _form(request)
        state = await self._state_of(sent)
        act, _colon, where = _first(sent, "act").partition(":")
        if act in ("text", "ask"):
            state = replace(state, text=_clean(_first(sent, "text") or state.text), kept=None)
            return await self._settled(
                request, state, "" if act == "ask" else "no", view="text" if act == "text" else ""
            )
        understood = self._understand(state.text)
        if act == "keep" and understood.problem is None:
            kept = await self._keep(state, _first(sent, "name"))
            return RedirectResponse(replace(state, kept=kept).address(), 303)
        if understood.form is None:
            return await self._page(request, state, Sight())
        try:
            form = _changed(understood.form, act, where, sent, self.hub)
            text = builder.question_of(form, self.hub.vocabulary).text
        except BadValue as wrong:
            return await self._page(request, state, Sight(sent | {"at": [where]}, wrong))
        return await self._settled(request, replace(state, text=text, kept=None), "no")

    async def _settled(self, request: Request, state: State, ask: str, view: str = "") -> Response:
        """The address of a state; a question that is too long for one is kept, one that cannot be kept is shown."""
        if len(quote(state.text)) > LONG:
            if self._understand(state.text).problem is not None:
                return await self._page(request, state, Sight({"ask": ["no"], "view": ["text"]}))
            state = replace(state, kept=await self._keep(state, ""))
        more = {"ask": ask or ("" if state.text else "yes"), "view": view}
        return RedirectResponse(state.address(**more), 303)

    async def _keep(self, state: State, name: str) -> Saved:
        hub = self.hub
        return await run_in_threadpool(
            saved.save, hub.records, hub.vocabulary, state.text, name, state.datasets
        )

    async def _state(self, request: Request) -> State:
        sent = {name: request.query_params.getlist(name) for name in request.query_params}
        if id := request.path_params.get("id"):
            sent["id"] = [id]
        return await self._state_of(sent)

    async def _state_of(self, sent: Mapping[str, Sequence[str]]) -> State:
        datasets = tuple(dict.fromkeys(one[:64] for one in sent.get("dataset", ()) if one))[:MOST_DATASETS]
        charts = _first(sent, "charts") == "yes"
        if id := _first(sent, "id"):
            kept = await run_in_threadpool(saved.find, self.hub.records, id)
            return State(kept.text, datasets or kept.datasets, charts, kept)
        return State(_clean(_first(sent, "q")), datasets, charts)

    def _understand(self, text: str) -> Understood:
        try:
            question, notes = resolve(read(text), self.hub.vocabulary)
            warnings = (*notes, *check(question, self.hub.vocabulary, text))
        except BadQuestion as problem:
            return Understood(problem=problem)
        try:
            return Understood(question, warnings, builder.form_of(question, self.hub.vocabulary))
        except Unfit as unfit:
            return Understood(question, warnings, why=unfit.why)

    def _asked(self, state: State) -> Any:
        fields = breakdowns.asked(self.hub.vocabulary) if state.charts else ()
        return self.hub.search.read(state.text, fields, state.datasets)

    async def _answers(self, state: State, progress: Progress) -> AsyncGenerator[list[NodeAnswer], None]:
        """Notes every event in `progress`, and gives the nodes that it says something new about."""
        asked = self._asked(state)
        async with aclosing(self.hub.search.ask(asked)) as events:
            async for name, data in events:
                changed = _noted(progress, name, data)
                if state.charts and progress.done:
                    self._draw(progress, asked.question, state)
                yield changed

    def _draw(self, progress: Progress, question: Question, state: State) -> None:
        def narrowed(one: Question) -> str:
            return replace(state, text=one.text, kept=None).address()

        progress.charts = breakdowns.drawn(progress.datasets, question, self.hub.vocabulary, narrowed)

    async def _messages(self, state: State) -> AsyncIterator[str]:
        progress, drawn = Progress(), time.monotonic()
        try:
            question = self._asked(state).question
            async with aclosing(self._answers(state, progress)) as heard:
                async for changed in heard:
                    if state.charts and time.monotonic() - drawn > CHARTS_EVERY_S:
                        self._draw(progress, question, state)
                        drawn = time.monotonic()
                    yield _message("put", _fragment(progress, changed))
        except Problem as problem:
            yield _message("put", _refusal(problem, state.text))
        yield _message("done", "")

    async def _page(self, request: Request, state: State, sight: Sight) -> Response:
        understood = self._understand(state.text)
        coverage = await run_in_threadpool(self.watcher.coverage)
        problem = understood.problem or sight.problem
        asking = problem is None and (sight.progress is not None or _asks(state, sight))
        shown = state.text[:MOST_SHOWN]
        too_long = problem is not None and len(quote(state.text)) > LONG  # for the addresses in the page
        context = {
            "state": replace(state, text="") if too_long else state,
            "shown": shown,
            "cut": len(state.text) - len(shown),
            "understood": understood,
            "problem": problem,
            "asking": asking,
            "live": state.address("/cohort/stream") if asking and sight.progress is None else "",
            "progress": sight.progress or Progress(),
            "coverage": coverage,
            "hub": str(request.base_url).rstrip("/"),
            "examples": [(name, State(text).address()) for name, text in EXAMPLES],
            "why": _(WHY[understood.why]) if understood.why else "",
            "changes": saved.changes(state.kept, self.hub.vocabulary) if state.kept else [],
            "today": self.hub.vocabulary.version,
            "view": _view(understood, sight),
            **self._builder(understood.form, sight, coverage, asking),
            **answers.words(),
            "commands": {
                "python": answers.in_python(str(request.base_url).rstrip("/"), state.text, state.datasets),
                "terminal": answers.on_command_line(
                    str(request.base_url).rstrip("/"), state.text, state.datasets
                ),
            },
        }
        status = (
            422 if problem and (sight.progress or request.method == "POST") else 422 if sight.wrong else 200
        )
        pushed = {"HX-Push-Url": "false"} if request.method == "POST" else {}
        return render(request, "cohort/page.html", status, pushed, **context)

    def _builder(self, form: Form | None, sight: Sight, coverage: Coverage, asking: bool) -> dict[str, Any]:
        """What the builder shows: groups, and the picker or the editor when one is open. The picker is open where
        there is nothing else to do yet."""
        place = builder.place_of(_first(sight.sent, "at"))
        beginning = form == Form() and not asking and "at" not in sight.sent
        opened = form is not None and ("at" in sight.sent or beginning)
        edited = (
            editor.editor(form, place, sight.sent, self.hub.vocabulary, coverage) if opened and form else None
        )
        find = _first(sight.sent, "find")[:100]
        picking_now = opened and edited is None
        return {
            "form": form,
            "blocks": criteria.blocks(form, self.hub.vocabulary) if form else [],
            "place": place,
            "shelves": picking.shelves(self.hub.vocabulary, coverage, find) if picking_now else None,
            "hits": picking.hits(self.hub.vocabulary, coverage, find) if picking_now else [],
            "find": find,
            "beginning": beginning,
            "editor": edited,
            "wrong": sight.wrong,
            "wrong_words": _wrong(sight.wrong) if sight.wrong else "",
        }


def _changed(form: Form, act: str, where: str, sent: Mapping[str, Sequence[str]], hub: Hub) -> Form:
    """The form after an act; one that is not known changes nothing. Raises `BadValue`."""
    place, _colon, what = where.partition(":")
    at = builder.place_of(place)
    match act:
        case "put":
            filled = editor.as_filled_in(sent, hub.vocabulary)
            rows = _first(sent, "rows")
            part = builder.part_of(filled, hub.vocabulary)
            return builder.put(form, at, part, Rows(rows) if rows in list(Rows) else Rows.SAME)
        case "remove":
            return builder.remove(form, at)
        case "deny":
            return builder.deny(form, at)
        case "join" if place in list(Joint):
            return builder.join(form, Joint(place))
        case "rows" if what in list(Rows):
            return builder.regroup(form, at, Rows(what))
        case "inside" if what in list(Joint) and at.group is not None and at.group < len(form.groups):
            return builder.regroup(form, at, form.groups[at.group].rows, Joint(what))
    return form


def _wrong(wrong: BadValue) -> str:
    """What is wrong with a value, in words."""
    if not wrong.typed:
        return _("Choose or type a value first.")
    if wrong.kind in (Type.INTEGER, Type.NUMBER, Type.DAY):
        return _("“%(typed)s” is not a number.") % {"typed": wrong.typed[:80]}
    return _("“%(typed)s” cannot be used here.") % {"typed": wrong.typed[:80]}


def _asks(state: State, sight: Sight) -> bool:
    wish = _first(sight.sent, "ask")
    return wish != "no" and "at" not in sight.sent and (bool(state.text) or wish == "yes")


def _view(understood: Understood, sight: Sight) -> str:
    """The builder, unless text is wanted or all that can be shown."""
    return "text" if understood.form is None or _first(sight.sent, "view") == "text" else "builder"


def _noted(progress: Progress, name: str, data: Mapping[str, Any]) -> list[NodeAnswer]:
    """Note one event, and give the nodes that it says something new about."""
    if name == "asked":
        progress.warnings = tuple(data["warnings"])
        changed = [answer_from_plain(one) for one in data["nodes"]]
    else:
        changed = [answer_from_plain(data)] if name == "node" else []
    progress.done = name == "done"
    progress.nodes |= {one.node: one for one in changed}
    return changed


def _macros() -> Any:
    return ENVIRONMENT.get_template("cohort/answers.html", globals=answers.words()).module


def _fragment(progress: Progress, changed: Iterable[NodeAnswer]) -> str:
    """The elements that one event changes: the sums, the nodes that said something, the charts."""
    macros = _macros()
    places = {id: place for place, id in enumerate(progress.nodes)}
    sections = (macros.node_section(one, places[one.node]) for one in changed)
    drawn = (macros.charts(progress),) if progress.charts or progress.done else ()
    return "".join(map(str, (macros.summary(progress), *sections, *drawn, macros.legend(progress))))


def _refusal(problem: Problem, question: str) -> str:
    """The elements that say why a question cannot be asked."""
    macros = _macros()
    return f"{macros.problem_panel(problem, question)}{macros.no_sums()}"


def _message(event: str, html: str) -> str:
    return f"event: {event}\ndata: {json.dumps(html)}\n\n"


def _file(content: bytes, type: str, name: str) -> Response:
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=type, headers=headers)


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of a form that was sent, whatever their encoding; a body without end is refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise HTTPException(413)
    try:
        return parse_qs(bytes(body).decode("ascii", "replace"), keep_blank_values=True, max_num_fields=2000)
    except ValueError:
        raise HTTPException(413) from None


def _first(sent: Mapping[str, Sequence[str]], name: str) -> str:
    values = sent.get(name, ())
    return values[0] if values else ""


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
