"""What messages hold is read strictly."""

from collections.abc import Callable
from typing import Any

import pytest

from hanse.core import bodies
from hanse.core.blob import MAX_BLOB, read_blob
from hanse.core.errors import BadEnvelope


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (bodies.poll, {"hold_s": -1}),
        (bodies.poll, {"hold_s": True}),
        (bodies.poll, {"hold_s": 1, "got": ["x"] * 2000}),
        (bodies.poll, {"hold_s": 1, "more": 1}),
        (bodies.question, {"search": "", "question": 1, "deadline_s": 1, "asker": ""}),
        (bodies.question, {"search": "s", "question": 1, "deadline_s": 1e9, "asker": ""}),
        (read_blob, {"sha256": "G" * 64, "size": 1}),
        (read_blob, {"sha256": "0" * 64, "size": MAX_BLOB + 1}),
        (bodies.fetch, {"blob": {"sha256": "0" * 64, "size": 1}, "write": 1}),
    ],
)
def test_a_body_of_another_shape_is_refused(read: Callable[[Any], Any], body: Any) -> None:
    with pytest.raises(BadEnvelope):
        read(body)


def test_documents_orders_and_results_are_read_strictly() -> None:
    assert bodies.documents({"documents": ["a.b.c"]}) == ("a.b.c",)
    carried = bodies.Carried("a.b.c", "d.e.f")
    assert bodies.order(carried.as_dict()) == carried
    assert bodies.result({"result": "a.b.c"}) == "a.b.c"


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (bodies.documents, {"documents": ["x"] * (bodies.MAX_DOCUMENTS + 1)}),
        (bodies.documents, {"documents": ["x" * (bodies.MAX_DOCUMENT + 1)]}),
        (bodies.documents, {"documents": [1]}),
        (bodies.order, {"order": ""}),
        (bodies.order, {"order": "a", "bins": []}),
        (bodies.result, {"result": None}),
    ],
)
def test_what_is_no_document_order_or_result_is_refused(
    read: Callable[[Any], object], body: dict[str, Any]
) -> None:
    with pytest.raises(BadEnvelope):
        read(body)
