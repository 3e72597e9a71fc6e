"""The whole way: a researcher applies, an authority gives, two holders approve and one refuses."""

import importlib.util
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pytest
from starlette.types import ASGIApp
from tests.federation import HOSPITALS, Permitting, permitting
from tests.node.permitted import PERSON

from hanse import analysis
from hanse.analysis.data import Coded, Numbers, Table
from hanse.analysis.result import Result
from hanse.client import Hanse, run
from hanse.client.crate import verify
from hanse.client.run import Analysis
from hanse.core.errors import Refused
from hanse.core.release import Limits
from hanse.domains import VOCABULARY
from hanse.lib.jws import FileKey

SCRIPT = Path(__file__).parents[1] / "docs" / "permit_script.py"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[Permitting]:
    with permitting(tmp_path_factory.mktemp("permitting"), serve) as made:
        yield made


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("permit_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pooled(*hospitals: str) -> Table:
    """The persons of these hospitals in one table."""
    rows = [row for name in hospitals for row in duckdb.sql(_query(*HOSPITALS[name])).fetchall()]
    names = ("alive", "dead")
    status = Coded(np.array([names.index(one) for one, _ in rows]), names)
    days = Numbers(np.array([float(day) for _, day in rows]))
    return Table(len(rows), {"person.vital_status": status, "person.last_contact": days})


def _query(first: int, last: int) -> str:
    return f"SELECT vital_status, last_contact FROM ({PERSON.format(first=first, last=last)})"


def released(table: Table, parameters: dict[str, Any], limits: Limits) -> Result:
    """The curve over one table, released."""
    method = analysis.find("kaplan_meier")
    read = method.read(parameters, VOCABULARY)
    return method.release(method.merge([method.step(table, read)], read), read, limits)


def test_two_hospitals_agree_and_the_curve_is_the_pooled_one(space: Permitting) -> None:
    hub, signer, module = Hanse(space.url), FileKey.generate(), script()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(module.survival, hub, signer, "lung")
        id = space.permit()
        space.approve(0, id)
        space.approve(1, id)
        space.forbid(2, id)
        found = working.result(timeout=120)
    one, two, three = (hospital.id for hospital in space.hospitals)
    assert space.confirmed(id) == {one, two, three}
    states = {part.order.node: part.state for part in found.parts}
    assert states == {one: "carried out", two: "carried out", three: "refused"}
    assert found.missing == (three,)
    limits = run.limits_of(hub.permit(id))
    assert vouched(found, signer)
    assert found.result == released(pooled("Hospital Oulu", "Hospital Leuven"), module.CURVE, limits)

    space.revoke(id)
    assert "revoked" in refusal(hub, id, signer, module.CURVE)
    assert all(space.verified())


def vouched(found: Analysis, signer: FileKey) -> bool:
    """Whether the crate that the script's last line makes is signed with the researcher's key."""
    assert "found.crate(key)" in SCRIPT.read_text().splitlines()[-1]
    with zipfile.ZipFile(io.BytesIO(found.crate(signer))) as crate:
        by = verify({name: crate.read(name) for name in crate.namelist()}).attested
    return by is not None and by.key == signer.public


def refusal(hub: Hanse, permit: str, signer: FileKey, parameters: dict[str, Any]) -> str:
    """What is said of a run, once the nodes know that the permit was revoked."""
    for _ in range(60):
        try:
            hub.run(permit, "kaplan_meier", parameters, signer)
        except Refused as problem:
            return problem.detail
        time.sleep(1)
    raise AssertionError("the permit still works")


def test_the_script_says_that_nothing_was_found_and_does_not_wait_after_a_refusal(space: Permitting) -> None:
    hub, signer, module = Hanse(space.url), FileKey.generate(), script()
    with pytest.raises(SystemExit, match="No dataset found for 'unicorns'"):
        module.survival(hub, signer, "unicorns")
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(module.survival, hub, signer, "lung")
        space.refuse("Not in the public interest.")
        with pytest.raises(SystemExit, match="The authority refused"):
            working.result(timeout=120)


def test_the_script_is_short() -> None:
    assert len(SCRIPT.read_text().splitlines()) < 40
