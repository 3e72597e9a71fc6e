"""What the persons of a dataset consented to, as its holder says, bounds what a permit under an agreement allows."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.node.permitted import allow, make, order, ordered, permit_for, publish

from hanse.core.errors import Refused
from hanse.core.permit import Kind
from hanse.core.policy import Access, Policy
from hanse.core.scope import Purpose


def policy(*consented: Purpose) -> Policy:
    return Policy(Access.NONE, consented=consented)


@pytest.mark.parametrize(
    ("kind", "consented", "purpose", "allowed"),
    [
        (Kind.AGREEMENT, (Purpose.RESEARCH, Purpose.CARE), Purpose.RESEARCH, True),
        (Kind.AGREEMENT, (Purpose.RESEARCH,), Purpose.DEVELOPMENT, False),  # each purpose is one by itself
        (Kind.AGREEMENT, (Purpose.CARE,), Purpose.RESEARCH, False),
        (Kind.AGREEMENT, (), Purpose.RESEARCH, True),  # use rests on something else
        (Kind.EHDS, (Purpose.CARE,), Purpose.RESEARCH, True),  # Article 71: persons opt out
    ],
)
def test_a_permit_under_an_agreement_is_for_purposes_to_which_the_persons_consented(
    tmp_path: Path, kind: Kind, consented: tuple[Purpose, ...], purpose: Purpose, allowed: bool
) -> None:
    node = make(tmp_path, policy=policy(*consented))
    exception = "Article 71(4)" if kind is Kind.EHDS else ""
    said = allow(node, replace(permit_for(node, purpose=purpose), kind=kind, exception=exception))
    token = ordered(order(node, said, purpose=purpose))
    if allowed:
        assert node.gate.use(token)
        return
    with pytest.raises(Refused, match="did not consent") as caught:
        node.gate.use(token)
    assert caught.value.more["rule"] == "consent"


def test_a_holder_that_corrects_what_was_consented_to_is_obeyed_at_once(tmp_path: Path) -> None:
    node = make(tmp_path)
    said = allow(node, permit_for(node))
    assert node.gate.use(ordered(order(node, said)))
    publish(node.store, "lung", 0, 200, policy(Purpose.CARE))
    node.gate.refresh()
    with pytest.raises(Refused, match="did not consent"):
        node.gate.use(ordered(order(node, said)))
