"""A hub, as a researcher's program sees it: datasets, nodes, the vocabulary, and questions."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from hanse import __version__
from hanse.client import events
from hanse.client.answer import Answer
from hanse.core.errors import BadInput, NotFound, Problem, Refused, Unreachable, from_dict
from hanse.core.view import FACETS, MAX_SIZE, Sort, View
from hanse.lib.http import loopback

if TYPE_CHECKING:  # numpy and the methods are loaded by whoever runs one
    from hanse.client.access import Applicant, Granted, Wish
    from hanse.client.authorities import Authority
    from hanse.client.run import Analysis, Started, Watch
    from hanse.lib.jws import Signer

API = "/api/v1"
Chosen = str | Iterable[str]  # values of a facet
MARGIN_S = 15.0  # how much longer than a question's deadline the client waits for the hub's next word


class Hanse:
    """The hub at `url`. `search` asks; `datasets`, `dataset`, `nodes` and `vocabulary` look things up.

    `authority` pins who decides, by the id, thumbprint or fingerprint that was compared with the authority itself: what
    a hub says of another one is then refused.

    Raises the classes of `hanse.core.errors`: `BadQuestion` with the place in the question, `Unreachable` when the
    hub does not answer, `NotFound`, and so on.
    """

    def __init__(self, url: str, *, authority: str = "", timeout_s: float = 30.0) -> None:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise BadInput(f"{url!r} is not the address of a hub", hint="Write it as https://hub.example.org")
        self.url, self._pinned = url.rstrip("/"), authority
        self._http = httpx.Client(
            base_url=f"{self.url}{API}",
            timeout=timeout_s,
            trust_env=not loopback(where.hostname),
            headers={"User-Agent": f"hanse/{__version__}"},
        )

    def datasets(self, text: str = "", *, sort: str = "relevance", **chosen: Chosen) -> list[dict[str, Any]]:
        """The datasets of the catalogue in which all words of `text` are found and that have the values chosen:
        `datasets("sein", modality=["MR", "CT"], country="DE")`; without either, all.

        The names are those of the catalogue's facets (`hanse.core.view.FACETS`). Raises `BadInput` for a facet or a
        value of which nothing is known, so that a slip of the pen does not find more than was asked.
        """
        page = self.browse(text, sort=sort, size=MAX_SIZE, **chosen)
        found = page["datasets"]
        while page["datasets"] and page["next"]:
            page = self._get(page["next"].removeprefix(API))
            found += page["datasets"]
        return found

    def browse(
        self, text: str = "", *, sort: str = "relevance", page: int = 1, size: int = 100, **chosen: Chosen
    ) -> dict[str, Any]:
        """One page of what `datasets` gives, as `GET /api/v1/datasets` says it: `datasets`, `total`, the counts of all
        `facets`, and in `meant` how a word that stands nowhere was probably meant."""
        body = self._get(f"/datasets?{_view(text, sort, chosen, page, size)}")
        if ignored := body.get("ignored"):
            said = ", ".join(f"{one['name']} {one['value']!r}" for one in ignored)
            raise BadInput(f"The hub knows nothing of {said}.", hint="`browse().facets` has what there is.")
        return body

    def datasets_csv(self, text: str = "", *, sort: str = "relevance", **chosen: Chosen) -> str:
        """What `datasets` gives as a table, a line each (RFC 4180)."""
        self.browse(text, size=1, **chosen)  # which says no to what is unknown
        with self._reaching():
            response = self._http.get(f"/datasets.csv?{_view(text, sort, chosen)}")
            _check(response)
            return response.text

    def dataset(self, id: str) -> dict[str, Any]:
        """One dataset's description; `NotFound` when the hub knows no such dataset."""
        return self._get(f"/datasets/{quote(id, safe='')}")

    def nodes(self) -> list[dict[str, Any]]:
        """Every node with its country, state, time of its last call, software and vocabulary version."""
        return self._get("/nodes")["nodes"]

    def vocabulary(self) -> dict[str, Any]:
        """Entities and fields that a question may name, with types, units and codes."""
        return self._get("/vocabulary")

    def search(
        self,
        question: str | dict[str, Any],
        *,
        breakdowns: Iterable[str] = (),
        datasets: Iterable[str] | None = None,
        deadline_s: float = 10.0,
    ) -> Answer:
        """Ask every node one question, CQL2 text or JSON, and return while answers are still coming.

        `breakdowns` names fields by whose values persons are also counted; `datasets` asks only these; a node that
        has said nothing after `deadline_s` seconds is a row with the state `late`. `BadQuestion` is raised here.
        """
        body: dict[str, Any] = {"question": question, "deadline_s": deadline_s}
        if breakdowns := list(breakdowns):
            body["breakdowns"] = breakdowns
        if datasets is not None:
            body["datasets"] = list(datasets)
        return Answer(self._stream(body, deadline_s + MARGIN_S))

    def authorities(self) -> list[dict[str, Any]]:
        """Who decides about applications, with their ids and keys."""
        return self._get("/authorities")["authorities"]

    def authority(self, wanted: str = "") -> "Authority":
        """The authority with this id, thumbprint, fingerprint or name; without any, the pinned one, or the only one.

        Raises `NotFound`, `BadInput` when there are several, and `Refused` when it is not the one that is pinned."""
        from hanse.client import authorities

        listed = self.authorities()
        if not (wanted or self._pinned) and len(listed) != 1:
            raise BadInput(f"The hub lists {len(listed)} authorities.", hint="Say which one is to decide.")
        found = authorities.choose(listed, wanted or self._pinned or listed[0]["id"])
        self._rely(found.key.kid)
        return found

    def _rely(self, kid: str) -> None:
        """`Refused` unless the authority with this key is the pinned one, when there is one."""
        from hanse.client import authorities

        if self._pinned and not authorities.named(self._pinned, kid):
            raise Refused(
                "This is another authority than the one that you named.",
                hint="Compare its fingerprint with the authority itself, and not over the hub.",
            )

    def apply(self, wish: "Wish", applicant: "Applicant", signer: "Signer") -> str:
        """Signs an application and sends it to the authority that it names; its hash, by which it is asked for."""
        from hanse.client import access

        return self.send(access.sign(access.write(self, wish, applicant, signer.public), signer))

    def send(self, application: str) -> str:
        """Sends a signed application; its hash."""
        return self._post("/applications", {"token": application})["application"]

    def application(self, hash: str) -> dict[str, Any]:
        """What became of an application: the state at its authority and at each node, and the permit once there is
        one."""
        return self._get(f"/applications/{quote(hash, safe='')}")

    def permit(self, id: str) -> "Granted":
        """A permit by its id or its hash, verified with the key of its authority."""
        from hanse.client import access

        found = access.verified(self._get(f"/permits/{quote(id, safe='')}"), self.authorities(), id)
        self._rely(found.permit.authority.kid)
        return found

    def prove(self, application: str, proof: str) -> str:
        """Sends the signed proof of a login (`hanse.client.login`) for an application; its hash."""
        return self._post(f"/applications/{quote(application, safe='')}/logins", {"token": proof})["proof"]

    def order(self, orders: list[dict[str, str]]) -> str:
        """Sends signed orders as one run; its id."""
        return self._post("/orders", {"orders": orders})["run"]

    def run(
        self,
        permit: str,
        method: str,
        parameters: Mapping[str, Any],
        signer: "Signer",
        *,
        watch: "Watch | None" = None,
        **chosen: Any,
    ) -> "Analysis":
        """Runs a method of analysis, or a `count`, under a permit, over its datasets or those chosen (`selection`,
        `nodes`, `datasets`, `delegation`, `deadline`), and waits for the nodes. `watch` is called as each one answers.
        """
        from hanse.client import run

        granted = self.permit(permit)
        return self.finish(run.start(self, granted, method, parameters, signer, **chosen), signer, watch)

    def finish(self, started: "Started", signer: "Signer", watch: "Watch | None" = None) -> "Analysis":
        """The result of a run that was started, now or in another process."""
        from hanse.client import run

        granted = self.permit(started.permit)
        rows = self._changes(started.run, run.visiting(started, signer))
        parts = run.collect(started, granted, rows, watch)
        return run.finish(granted, parts)

    def _changes(self, run: str, visit: str) -> Iterator[Mapping[str, Any]]:
        headers = {"Accept": "text/event-stream", "Authorization": f"Hanse {visit}"}
        with (
            self._reaching(),
            self._http.stream("GET", f"/runs/{quote(run, safe='')}", headers=headers) as response,
        ):
            if response.is_error:
                response.read()
            _check(response)
            for name, row in events.read(response.iter_bytes()):
                if name == "done":
                    return
                if name == "problem":
                    raise from_dict(row)
                yield row
            raise Unreachable(
                f"The hub at {self.url} ended the connection before all was said.", hint="Ask it again."
            )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Hanse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Hanse({self.url!r})"

    def _get(self, path: str) -> Any:
        with self._reaching():
            response = self._http.get(path)
            _check(response)
            return response.json()

    def _post(self, path: str, body: Any) -> Any:
        with self._reaching():
            response = self._http.post(path, json=body)
            _check(response)
            return response.json()

    def _stream(self, body: dict[str, Any], timeout_s: float) -> Iterator[tuple[str, Any]]:
        accept = {"Accept": "text/event-stream"}
        with (
            self._reaching(),
            self._http.stream("POST", "/search", json=body, headers=accept, timeout=timeout_s) as response,
        ):
            if response.is_error:
                response.read()
            _check(response)
            yield from events.read(response.iter_bytes())

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise Unreachable(
                f"The hub at {self.url} does not answer ({type(error).__name__})",
                hint="Is the address right, and is the hub running? With the command line: --hub URL, or HANSE_HUB.",
            ) from error


def _view(text: str, sort: str, chosen: Mapping[str, Chosen], page: int = 1, size: int = MAX_SIZE) -> str:
    if unknown := set(chosen) - set(FACETS):
        raise BadInput(
            f"There is no facet {', '.join(sorted(unknown))}.", hint=f"The facets are {', '.join(FACETS)}."
        )
    if sort not in list(Sort):
        raise BadInput(f"Datasets cannot be sorted by {sort!r}.", hint=f"They can by {', '.join(Sort)}.")
    values = {facet: [said] if isinstance(said, str) else list(said) for facet, said in chosen.items()}
    return View(text, sort=Sort(sort), size=size).choosing(values).on(page).address() + f"&size={size}"


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        problem = from_dict(response.json())
        if type(problem) is Problem and response.status_code == HTTPStatus.NOT_FOUND:
            raise NotFound("The hub has nothing under this address.", hint="Is the id written right?")
        raise problem
    except (ValueError, AttributeError):
        raise Problem(
            f"{response.url.host} answered with status {response.status_code}, and not as a hub does",
            hint="Is this the address of a hub? A proxy in between may have answered.",
        ) from None
