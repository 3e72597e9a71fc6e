"""Every page of the portal, for tests and pictures that visit all of them."""

from collections.abc import Mapping
from urllib.parse import quote

import httpx

QUESTION = "person.sex = 'female' AND image.modality = 'MR'"

# By name. {node} and {dataset} stand for ids of a running hub.
PLACES: Mapping[str, str] = {
    "home": "/",
    "search": "/search?q=breast",
    "datasets": "/datasets",
    "datasets-filtered": "/datasets?q=mr&cancer_type=breast",
    "datasets-none": "/datasets?q=zzzz",
    "dataset": "/datasets/{dataset}",
    "compare": "/datasets/compare?dataset={dataset}&dataset={other}",
    "cohorts": "/cohort",
    "cohorts-asked": f"/cohort?charts=yes&q={quote(QUESTION)}",
    "cohorts-picker": f"/cohort?ask=no&at=new&find=bre&q={quote(QUESTION)}",
    "cohorts-editor": f"/cohort?ask=no&at=new&field=image.modality&q={quote(QUESTION)}",
    "cohorts-count": "/cohort?ask=no&at=new&kind=count",
    "cohorts-days": "/cohort?ask=no&at=new&kind=days",
    "cohorts-text": f"/cohort?view=text&q={quote(QUESTION)}",
    "cohorts-unreadable": f"/cohort?q={quote('image.modalty = 1')}",
    "apply": "/apply?dataset={dataset}",
    "key": "/key",
    "mine": "/mine",
    "run": "/runs/run_00000000000000000000000000",
    "nodes": "/nodes",
    "node": "/nodes/{node}",
    "status": "/status",
    "help": "/help",
    "guide-researchers": "/help/researchers",
    "guide-data-holders": "/help/data-holders",
    "guide-everyone": "/help/everyone",
    "guide-programs": "/help/programs",
    "guide-operators": "/help/operators",
    "glossary": "/help/glossary",
    "rules": "/rules",
    "rules-changes": "/rules/1.1?since=1.0",
    "accessibility": "/accessibility",
    "api": "/api",
    "components": "/components",
    "nothing-there": "/no-such-page",
}


def places(hub: str, language: str = "en") -> dict[str, str]:
    """The paths of all pages of a running hub, by name."""
    with httpx.Client(base_url=hub, trust_env=False, timeout=60) as client:
        datasets = [one["id"] for one in client.get("/api/v1/datasets").json()["datasets"]]
        nodes = [one["id"] for one in client.get("/api/v1/nodes").json()["nodes"]]
    ids = {"node": nodes[0], "dataset": datasets[0], "other": datasets[-1]}
    return {name: f"/{language}{path.format(**ids)}" for name, path in PLACES.items()}
