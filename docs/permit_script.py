"""Survival at the hospitals that agree, from application to curve: permit_script.py HUB FINGERPRINT"""

import sys
import time
from getpass import getpass
from pathlib import Path

from hanse.client import Hanse
from hanse.client.access import Applicant, Wish
from hanse.client.run import Analysis
from hanse.lib.jws import Signer
from hanse.lib.keys import Ring

DAYS = [0, 90, 180, 365, 730]
CURVE = {"until": "person.last_contact", "event": "person.vital_status", "happened": ["dead"], "grid": DAYS}
APPLICANT = Applicant("Principal Investigator", "University of the North", "FI")
REASONS = ("To learn how long patients live.",)


def survival(hub: Hanse, signer: Signer, words: str) -> Analysis:
    datasets = tuple(one["id"] for one in hub.datasets(words, rights=["NON_PUBLIC", "RESTRICTED"]))
    if not datasets:
        sys.exit(f"No dataset found for {words!r}.")
    application = hub.apply(Wish(hub.authority().id, datasets, "Survival", REASONS), APPLICANT, signer)
    print("Tell the authority your fingerprint:", signer.public.fingerprint)
    while not (permit := hub.application(application)["permit_hash"]):
        time.sleep(0.5)  # an officer of the authority decides
        if hub.application(application)["authority"]["state"] == "refused":
            sys.exit(f"The authority refused; `hanse applications {application}` says why.")
    while any(one["state"] not in ("approved", "vetoed") for one in hub.permit(permit).nodes):
        time.sleep(0.5)  # and one of each hospital
    return hub.run(permit, "kaplan_meier", CURVE, signer, watch=print)


if __name__ == "__main__":
    key = Ring(Path("~/.config/hanse").expanduser()).working().unlock(getpass())
    found = survival(Hanse(sys.argv[1], authority=" ".join(sys.argv[2:])), key, "lung")
    print(found.table(), "Not in it:", found.missing)
    Path("survival.crate.zip").write_bytes(found.crate(key))  # signed: you vouch for its numbers
