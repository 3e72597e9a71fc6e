"""`/cohort`: a question clicked together or typed, and every node's answer as it arrives.

The state of the page is its address: the question as CQL2 text in `q`, or the id of a kept question in the path. An act
of the builder is a form that is sent, and answered with the address of the new state; a page whose address says
`ask=no` shows the question and asks nobody, since every new question costs every dataset a little of what it may tell.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from hanse.core.answer import NodeAnswer
from hanse.core.errors import Problem
from hanse.core.fields import Type, Vocabulary
from hanse.core.query import Question
from hanse.hub import saved
from hanse.hub.app import Hub
from hanse.hub.coverage import Coverage, Watcher
from hanse.hub.saved import Saved
from hanse.hub.search import Asked
from hanse.web import acts, answers, breakdowns, builder, criteria, editor, picking, stream
from hanse.web.answers import Progress
from hanse.web.asked import (
    State,
    Understood,
    clean,
    is_long,
    state_of,
    understand,
)
from hanse.web.builder import BadValue, Form, Joint, Rows, Why
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.render import HEADERS, render
from hanse.web.sent import Sent, first, part_of, sent_in_address, sent_in_form

MOST_SHOWN = 20_000  # characters of a text that is too long, which the page gives back
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


@dataclass
class Sight:
    """What else a page shows: the editor as it was sent, what was wrong with it, answers that are all there."""

    sent: Sent = field(default_factory=dict)
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
            sight.progress = Progress(state.text)
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
        sent = await sent_in_form(request)
        state = await state_of(sent, self.hub)
        act, _colon, where = first(sent, "act").partition(":")
        if act in ("text", "ask"):
            state = replace(
                state, text=clean(first(sent, "text")) if "text" in sent else state.text, kept=None
            )
            ask, view = ("", "") if act == "ask" else ("no", "text")
            return await self._settled(request, state, ask, view)
        understood = understand(state.text, self.hub.vocabulary)
        if act == "keep" and understood.problem is None:
            kept = await self._keep(state, first(sent, "name"))
            return RedirectResponse(replace(state, kept=kept).address(), 303)
        if understood.form is None:
            return await self._page(request, state, Sight())
        try:
            form = _changed(understood.form, act, where, sent, self.hub.vocabulary)
            text = builder.question_of(form, self.hub.vocabulary).text
        except BadValue as wrong:
            return await self._page(request, state, Sight(sent | {"at": [where]}, wrong))
        return await self._settled(request, replace(state, text=text, kept=None), "no")

    async def _settled(self, request: Request, state: State, ask: str, view: str = "") -> Response:
        """The address of a state; a question that is too long for one is kept, one that cannot be kept is shown."""
        if is_long(state.text):
            if understand(state.text, self.hub.vocabulary).problem is not None:
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
        return await state_of(sent_in_address(request), self.hub)

    def _asked(self, state: State) -> Asked:
        fields = breakdowns.asked(self.hub.vocabulary) if state.charts else ()
        return self.hub.search.read(state.text, fields, state.datasets)

    async def _answers(self, state: State, progress: Progress) -> AsyncGenerator[list[NodeAnswer], None]:
        """Notes every event in `progress`, and gives the nodes that it says something new about."""
        asked = self._asked(state)
        async with aclosing(self.hub.search.ask(asked)) as events:
            async for name, data in events:
                changed = await run_in_threadpool(stream.noted, progress, name, data)
                if state.charts and progress.done:
                    await run_in_threadpool(self._draw, progress, asked.question, state)
                yield changed

    def _draw(self, progress: Progress, question: Question, state: State) -> None:
        def narrowed(one: Question) -> str:
            return replace(state, text=one.text, kept=None).address()

        progress.charts = breakdowns.drawn(progress.datasets, question, self.hub.vocabulary, narrowed)

    async def _messages(self, state: State) -> AsyncIterator[str]:
        progress, drawn = Progress(state.text), time.monotonic()
        try:
            question = self._asked(state).question
            async with aclosing(self._answers(state, progress)) as heard:
                async for changed in heard:
                    if state.charts and time.monotonic() - drawn > CHARTS_EVERY_S:
                        await run_in_threadpool(self._draw, progress, question, state)
                        drawn = time.monotonic()
                    html = await run_in_threadpool(stream.fragment, progress, changed)
                    yield stream.message("put", html)
        except Problem as problem:
            yield stream.message("put", stream.refusal(problem, state.text))
        yield stream.message("done", "")

    async def _page(self, request: Request, state: State, sight: Sight) -> Response:
        return await run_in_threadpool(self._shown, request, state, sight)

    def _shown(self, request: Request, state: State, sight: Sight) -> Response:
        understood = understand(state.text, self.hub.vocabulary)
        coverage = self.watcher.coverage()
        problem = understood.problem or sight.problem
        asking = problem is None and (sight.progress is not None or _asks(state, sight))
        at_hub = str(request.base_url).rstrip("/")
        said = "" if problem else state.text
        context = {
            "understood": understood,
            "problem": problem,
            "asking": asking,
            "live": state.address("/cohort/stream") if asking and sight.progress is None else "",
            "progress": sight.progress or Progress(),
            "coverage": coverage,
            "examples": [(name, State(text).address()) for name, text in EXAMPLES],
            "python": answers.in_python(at_hub, said, state.datasets),
            "terminal": answers.on_command_line(at_hub, said, state.datasets),
            **answers.words(),
            **self._question(state, understood, sight),
            **self._builder(understood.form, sight, coverage, asking),
        }
        refused = sight.wrong or (problem and (sight.progress or request.method == "POST"))
        stays = {"HX-Push-Url": "false"} if request.method == "POST" else {}
        return render(request, "cohort/page.html", 422 if refused else 200, stays, **context)

    def _question(self, state: State, understood: Understood, sight: Sight) -> dict[str, Any]:
        """The question as it is shown, and what there is to say of it. What is too long to be asked is given back cut,
        and stands in no address."""
        too_long = understood.problem is not None and is_long(state.text)
        shown = state.text[:MOST_SHOWN]
        as_text = understood.form is None or first(sight.sent, "view") == "text"
        return {
            "state": replace(state, text="") if too_long else state,
            "shown": shown,
            "cut": len(state.text) - len(shown),
            "view": "text" if as_text else "builder",
            "why": _(WHY[understood.why]) if understood.why else "",
            "changes": saved.changes(state.kept, self.hub.vocabulary) if state.kept else [],
            "today": self.hub.vocabulary.version,
        }

    def _builder(self, form: Form | None, sight: Sight, coverage: Coverage, asking: bool) -> dict[str, Any]:
        """What the builder shows: groups, and the picker or the editor when one is open. The picker is open where
        there is nothing else to do yet."""
        vocabulary, find = self.hub.vocabulary, first(sight.sent, "find")[:100]
        place = acts.place_of(first(sight.sent, "at"))
        beginning = form == Form() and not asking and "at" not in sight.sent
        opened = form is not None and ("at" in sight.sent or beginning)
        edited = editor.editor(form, place, sight.sent, vocabulary, coverage) if opened and form else None
        picks = opened and edited is None
        return {
            "form": form,
            "blocks": criteria.blocks(form, vocabulary) if form else [],
            "place": place,
            "shelves": picking.shelves(vocabulary, coverage, find) if picks else None,
            "hits": picking.hits(vocabulary, coverage, find) if picks else [],
            "find": find,
            "beginning": beginning,
            "editor": edited,
            "wrong": sight.wrong,
            "wrong_words": _wrong(sight.wrong) if sight.wrong else "",
        }


def _changed(form: Form, act: str, where: str, sent: Sent, vocabulary: Vocabulary) -> Form:
    """The form after an act; one that is not known changes nothing. Raises `BadValue`."""
    place, _colon, what = where.partition(":")
    at = acts.place_of(place)
    match act:
        case "put":
            rows = first(sent, "rows")
            part = part_of(editor.as_filled_in(sent, vocabulary), vocabulary)
            return acts.put(form, at, part, Rows(rows) if rows in list(Rows) else Rows.SAME)
        case "remove":
            return acts.remove(form, at)
        case "deny":
            return acts.deny(form, at)
        case "join" if place in list(Joint):
            return acts.join(form, Joint(place))
        case "rows" if what in list(Rows):
            return acts.regroup(form, at, Rows(what))
        case "inside" if what in list(Joint) and at.group is not None and at.group < len(form.groups):
            return acts.regroup(form, at, form.groups[at.group].rows, Joint(what))
    return form


def _wrong(wrong: BadValue) -> str:
    """What is wrong with a value, in words."""
    if not wrong.typed:
        return _("Choose or type a value first.")
    if wrong.kind in (Type.INTEGER, Type.NUMBER, Type.DAY):
        return _("“%(typed)s” is not a number.") % {"typed": wrong.typed[:80]}
    return _("“%(typed)s” cannot be used here.") % {"typed": wrong.typed[:80]}


def _asks(state: State, sight: Sight) -> bool:
    wish = first(sight.sent, "ask")
    return wish != "no" and "at" not in sight.sent and (bool(state.text) or wish == "yes")


def _file(content: bytes, type: str, name: str) -> Response:
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=type, headers=headers)
