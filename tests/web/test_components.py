"""The page of components shows all of them, and the document names all of them."""

from pathlib import Path

from tests import components_page

COMPONENTS = components_page.TEMPLATES / "components.html"
WITHIN = {"chip", "facet_options"}  # shown as parts of others


def test_the_document_is_made_from_the_macros() -> None:
    said = (Path(components_page.ROOT) / "docs" / "components.md").read_text(encoding="utf-8")
    assert said == components_page.page(), "run: python -m tests.components_page"


def test_every_component_is_explained_and_shown() -> None:
    macros = components_page.macros()
    assert [name for name, (_arguments, about) in macros.items() if not about] == []
    page = COMPONENTS.read_text(encoding="utf-8")
    assert [name for name in macros if name not in WITHIN and f"parts.{name}(" not in page] == []
