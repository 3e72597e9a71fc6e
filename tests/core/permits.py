"""A permit that allows one use, with everything that belongs to it; tests change one thing at a time."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hanse.core import document, ids
from hanse.core.application import Application
from hanse.core.login import Client, Logins, Proof
from hanse.core.order import Delegation, Order
from hanse.core.permit import Authority, Fee, Kind, Permit, authority_id
from hanse.core.scope import Call, Grant, Key, KeyUse, Limits, Login, Operation, Person, Purpose, Role, Scope
from hanse.core.status import Approval, Status, Veto
from hanse.core.terms import Constraint, Effect, Rule

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NODE, OTHER_NODE = ids.derived("node", "one"), ids.derived("node", "two")
DATASET, OTHER_DATASET = ids.derived("dataset", "one"), ids.derived("dataset", "two")
ENVIRONMENT = "spe:example"


def jwk(name: str) -> dict[str, str]:
    """The shape of a public key; no point of the curve, which pure functions do not ask for."""
    x, y = (urlsafe_b64encode(sha256(f"{name}{one}".encode()).digest()).rstrip(b"=").decode() for one in "xy")
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


WORKING, SPARE = Key(jwk("working"), KeyUse.WORKING, False), Key(jwk("spare"), KeyUse.SPARE, False)
COLLEAGUE = Key(jwk("colleague"), KeyUse.WORKING, True)
AUTHORITY = Key(jwk("authority"), KeyUse.WORKING, False).kid
HOLDER = Key(jwk("holder"), KeyUse.WORKING, False).kid

PERSONS = (
    Person(
        name="Principal Investigator",
        organisation="University of the North",
        country="FI",
        role=Role.PRINCIPAL,
        keys=(WORKING, SPARE),
        login=Login("https://login.example.org", "subject-1"),
    ),
    Person(
        name="Data Scientist",
        organisation="Institute of the South",
        country="IT",
        role=Role.MEMBER,
        keys=(COLLEAGUE,),
        call=Call("An officer", AT - timedelta(days=40)),
    ),
)
SCOPE = Scope(
    datasets=(
        Grant(NODE, DATASET, "Prostate MRI", (3,), sha256(b"opted out").hexdigest()),
        Grant(OTHER_NODE, OTHER_DATASET, "Breast MRI", "newest", sha256(b"others").hexdigest()),
    ),
    operations=(Operation.COUNT, Operation.ANALYSE, Operation.VIEW),
    selection="image.modality = 'MR'",
    purpose=Purpose.RESEARCH,
    environments=(ENVIRONMENT,),
    conditions=(
        Rule(Effect.PERMISSION, "use", (Constraint("purpose", "isAnyOf", ("53(1)(e)", "53(1)(d)")),)),
        Rule(Effect.PROHIBITION, "use", (Constraint("spatial", "isNoneOf", ("FI", "IT")),)),
        Rule(Effect.PROHIBITION, "aggregate", (Constraint("kThreshold", "lt", 10),)),
    ),
    begins=AT - timedelta(days=30),
    ends=AT + timedelta(days=300),
    persons=PERSONS,
    limits=Limits(minimum=10, rounding=5, budget=100),
    sealed=True,
)
PERMIT = Permit(
    id=ids.derived("permit", "one"),
    version=2,
    amends=sha256(b"before").hexdigest(),
    kind=Kind.EHDS,
    authority=Authority(authority_id(AUTHORITY), "Access Body of the North", AUTHORITY),
    application=sha256(b"application").hexdigest(),
    project="Survival with prostate cancer",
    scope=SCOPE,
    exception="",
    fees=(Fee("preparation of the data", 120_000, "EUR"),),
)

APPLICATION = Application(
    id=ids.derived("application", "one"),
    kind=Kind.EHDS,
    authority=PERMIT.authority.id,
    amends=PERMIT.id,
    project=PERMIT.project,
    reasons=("To learn how long patients live.", "The curve will be published."),
    scope=replace(
        SCOPE,
        datasets=tuple(replace(one, opt_out="") for one in SCOPE.datasets),
        persons=tuple(replace(one, login=None, call=None) for one in PERSONS),
    ),
    at=AT - timedelta(days=60),
)


def hash_of(signed: object) -> str:
    return document.identity(document.encode(signed))


ORDER = Order(
    id=ids.derived("order", "one"),
    permit=hash_of(PERMIT),
    node=NODE,
    dataset=DATASET,
    version=3,
    operation=Operation.ANALYSE,
    purpose=Purpose.RESEARCH,
    selection="person.age > 50",
    method="histogram@1",
    parameters={"field": "person.age", "edges": [50, 60.5, 70]},
    issued=AT - timedelta(minutes=5),
    expires=AT + timedelta(hours=1),
    reply_key=jwk("reply"),
)
DEVICE = Key(jwk("device"), KeyUse.WORKING, False)
DELEGATION = Delegation(
    id=ids.derived("delegation", "one"),
    permit=PERMIT.id,
    device=DEVICE.jwk,
    operations=(Operation.COUNT, Operation.ANALYSE),
    issued=AT - timedelta(days=3),
    expires=AT + timedelta(days=20),
)
STATUS = Status(
    authority=PERMIT.authority.id,
    node=NODE,
    number=17,
    issued=AT - timedelta(minutes=10),
    expires=AT + timedelta(hours=20),
    current={PERMIT.id: hash_of(PERMIT)},
    revoked=(ids.derived("permit", "another"),),
)
APPROVAL = Approval(
    ids.derived("approval", "one"), hash_of(PERMIT), NODE, "A data manager", AT - timedelta(days=20)
)
LOGINS = Logins(
    authority=PERMIT.authority.id,
    number=3,
    clients=(Client("https://login.example.org", "authority"), Client("https://id.example.org", "a", "b")),
    seal=jwk("sealing"),
    at=AT,
)
PROOF = Proof(PERMIT.application, PERMIT.authority.id, "eyJ.a.b.c.d", AT)
VETO = Veto(ids.derived("veto", "one"), PERMIT.id, NODE, "A data manager", "the project changed", AT)


def with_scope(permit: Permit = PERMIT, **changes: object) -> Permit:
    """The permit with another scope."""
    return replace(permit, scope=replace(permit.scope, **changes))  # type: ignore[arg-type]
