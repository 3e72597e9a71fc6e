"""The hub's settings: a file, and the environment over it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hanse.core.errors import BadInput, NotSetUp
from hanse.hub import config
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.web.site import of_hub


def test_settings_read_as_they_were_written(tmp_path: Path) -> None:
    settings = HubConfig(tmp_path, "https://hub.example", port=9000, deadline_s=5.5)
    config.init(settings)
    assert config.read(tmp_path, {}) == settings


def test_a_space_has_its_own_name_and_publisher(tmp_path: Path) -> None:
    settings = HubConfig(tmp_path, name="Lakes", publisher="Union of Lakes")
    config.init(settings)
    client = TestClient(make_app(config.read(tmp_path, {}), of_hub))
    catalogue = client.get("/catalog.ttl").text
    assert '"Lakes"@en' in catalogue
    assert '"Union of Lakes"' in catalogue
    assert "<title>Lakes – " in client.get("/en/").text


def test_settings_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    config.init(HubConfig(tmp_path, database="postgresql+psycopg://hub:password@db/hub"))
    assert (tmp_path / config.FILE).stat().st_mode & 0o077 == 0


def test_the_environment_has_the_last_word(tmp_path: Path) -> None:
    config.init(HubConfig(tmp_path))
    environ = {
        "HANSE_HUB_PORT": "9001",
        "HANSE_HUB_DATABASE": "postgresql+psycopg://db/hub",
        "HANSE_HUB": "x",
        "A": "",
    }
    settings = config.read(tmp_path, environ)
    assert (settings.port, settings.database_url) == (9001, "postgresql+psycopg://db/hub")


@pytest.mark.parametrize(
    "line", ["porto = 1", 'port = "many"', "port = 1.5", "url = 7", "port = [", "deadline_s = []"]
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, line: str) -> None:
    (tmp_path / "hub.toml").write_text(line)
    with pytest.raises(BadInput, match=r"hub\.toml"):
        config.read(tmp_path, {})


@pytest.mark.parametrize("environ", [{"HANSE_HUB_PORTO": "1"}, {"HANSE_HUB_PORT": "many"}])
def test_a_wrong_setting_of_the_environment_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    config.init(HubConfig(tmp_path))
    with pytest.raises(BadInput, match="HANSE_HUB_PORT"):
        config.read(tmp_path, environ)


def test_a_hub_without_its_key_does_not_make_another(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match="no hub"):
        config.read(tmp_path, {})
    config.init(HubConfig(tmp_path))
    (tmp_path / "keys" / "hub.pem").unlink()
    with pytest.raises(NotSetUp, match="no key"):
        config.init(HubConfig(tmp_path))
