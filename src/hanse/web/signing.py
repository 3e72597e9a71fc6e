"""Documents that a browser signs: their bytes, which the server made of a form, and words made from these bytes.

The browser signs only bytes that have the hash of the words and name its own key. That the words are those of the
bytes, it takes from this hub: docs/adr/0014.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from hanse.core import document, permit_words
from hanse.core.permit_words import Said
from hanse.web.filled import Filled
from hanse.web.render import PRIVATE, render


class Document(NamedTuple):
    """The words, the bytes in base64url, and what it is called where there are several."""

    said: Said
    bytes: str
    name: str = ""


def shown(made: Any, typ: str, name: str = "") -> Document:
    """A document of this type, ready to be shown and signed."""
    payload = document.encode(made)
    return Document(permit_words.say(payload, typ), urlsafe_b64encode(payload).decode(), name)


def page(request: Request, form: Filled[Any], documents: Sequence[Document], **texts: str) -> Response:
    """What is to be signed; without documents (the form came without a key) the command that does the same."""
    return render(request, "permits/sign.html", headers=PRIVATE, form=form, documents=documents, **texts)
