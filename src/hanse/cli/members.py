"""Who takes part in the demo: its nodes and how their data are made, its authority, and how each joins the hub."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
import yaml

from hanse.authority import config as authority_config
from hanse.authority import enrol as authority_enrol
from hanse.authority.config import AuthorityConfig
from hanse.core import clock, ids
from hanse.core.errors import NotSetUp
from hanse.core.permit import Kind
from hanse.core.policy import Access, Policy
from hanse.core.record import Agent, Description, english
from hanse.hub import registry
from hanse.hub.config import HubConfig
from hanse.hub.tables import MIGRATIONS
from hanse.lib import files, sql
from hanse.lib.jws import PublicKey
from hanse.node import config as node_config
from hanse.node import enrol
from hanse.node.store import Store
from hanse.node.trust import trust
from hanse.synth.description import describe
from hanse.synth.sites import Site, sites

SEED = 1
DATASET = "cancer-images"  # of every synthetic hospital
PYDICOM = "https://github.com/pydicom/pydicom"

AUTHORITY = ("Synthetic access body", "FI")
KINDS = (Kind.AGREEMENT, Kind.EHDS)  # what it may give at the hospitals
PROJECT = {
    "project": "Survival with cancer",
    "reasons": ["To learn how long patients live after their diagnosis."],
    "name": "Principal Investigator",
    "organisation": "University of the North",
    "country": "FI",
    "operations": ["count", "analyse"],
}

# Nobody can be harmed whose data were made up: so many more questions, and little noise, to play with. The thresholds
# and the rules are those of real data.
PLAYFUL = Policy(distinct_share=20.0, distinct_most=5000, variance=0.0)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the demo: its folder, what people call it, how its datasets are made, and whether their use needs a
    permit."""

    slug: str
    name: str
    country: str
    fill: Callable[[Store, Progress], None]
    protected: bool


def members() -> list[Member]:
    """The synthetic hospitals, and a node with real images of the public that hospitals have shared."""
    hospitals = [
        Member(site.name.rpartition("-")[2], site.title, site.country, _filler(site), True)
        for site in sites()
    ]
    return [Member("idc", "NCI Imaging Data Commons (index)", "US", _fill_idc, False), *hospitals]


def _fill_idc(store: Store, progress: Progress) -> None:
    from hanse.node.idc import publish_idc

    publish_idc(store, progress)
    _fill_examples(store, progress)


def _fill_examples(store: Store, progress: Progress) -> None:
    """The real images that pydicom's package carries for its own tests."""
    import pydicom

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    project = Agent("pydicom", page=f"{PYDICOM}/issues", homepage="https://pydicom.github.io")
    description = Description(
        "pydicom-examples",
        english("Example images of pydicom"),
        about=english(
            "Real images of many devices and transfer syntaxes, damaged ones among them, collected by the pydicom "
            "project for its tests."
        ),
        keywords={"en": ("DICOM", "transfer syntax", "test")},
        license=f"{PYDICOM}/blob/main/LICENSE",
        link=PYDICOM,
        holder=project,
        contact=project,
        categories=("EMRD",),
        provenance=english("The test files of the pydicom package, as they were installed with it."),
    )
    _publish(store, folder, description, Policy(Access.OPEN), progress)


def _filler(site: Site) -> Callable[[Store, Progress], None]:
    def fill(store: Store, progress: Progress) -> None:
        from hanse.synth.generate import generate

        folder = store.home / "source"
        done = folder / "README.txt"  # written last
        if not done.exists():
            _empty(folder)
            generate(
                folder, site, seed=SEED, progress=lambda made, total: progress(made, total, "patients made")
            )
        description = describe(site, DATASET)
        _publish(store, folder, description, PLAYFUL, progress)

    return fill


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _publish(
    store: Store, folder: Path, description: Description, policy: Policy, progress: Progress
) -> None:
    from hanse.node.prepare import prepare
    from hanse.node.prepared import publish_prepared

    prepare(store, folder, description.name, processes=1, progress=progress)
    publish_prepared(store, description.name, description, policy)


def authority(home: Path, hub: HubConfig) -> AuthorityConfig:
    """The authority as it is, or a new one that the hub lets in."""
    try:
        known = authority_config.read(home)
    except NotSetUp:
        known = authority_enrol.enrol(home, hub.url, _token(hub), *AUTHORITY).config
    _let_in(hub, authority_config.key(home).public)
    known = replace(known, hub=hub.url)
    authority_config.write(known)
    return known


def join(home: Path, hub: HubConfig, member: Member, authority_key: str) -> None:
    """Makes the node a member of the hub, and has it accept the permits of the authority with this key (RFC 7638
    thumbprint), where its data need one."""
    try:
        known = node_config.read(home)
    except NotSetUp:
        known = enrol.enrol(home, hub.url, _token(hub), member.name, member.country).config
    store = Store(home)
    _let_in(hub, store.keys.signing.public)
    known = replace(known, hub=hub.url)
    node_config.write(known)
    if member.protected and all(one.kid != authority_key for one in known.authorities):
        trust(known, store, authority_key, KINDS)


def _token(hub: HubConfig) -> str:
    """What the hub's operator gives to whoever is to join."""
    with sql.begin(_records(hub)) as connection:
        return registry.invite(connection, hub.key().public.kid, "demo", clock.now()).text()


def _let_in(hub: HubConfig, key: PublicKey) -> None:
    """What the hub's operator does once the fingerprint of this key was compared: here it is read where it was made."""
    with sql.begin(_records(hub)) as connection:
        known = registry.find(connection, ids.of_node(key.kid))
        if known.state is registry.State.PENDING and known.key == key:
            registry.decide(connection, "approve", known.id, clock.now())


def _records(hub: HubConfig) -> sa.Engine:
    engine = sql.engine(hub.database_url)
    sql.migrate(engine, MIGRATIONS)
    return engine


def application(path: Path, authority_id: str, nodes: Iterable[Path]) -> None:
    """Writes what `hanse apply` can sign: for the data of the hospitals with these homes. A file that was changed
    stays."""
    if path.exists():
        return
    datasets = [Store(home).dataset_id(DATASET) for home in nodes]
    body = {"authority": authority_id, "datasets": datasets, **PROJECT}
    files.write(path, yaml.safe_dump(body, sort_keys=False, allow_unicode=True).encode())
