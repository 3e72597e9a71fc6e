"""The page of a hub: one question, and every node's answer as it arrives."""

from hanse.web.pages import Services, of_hub, routes

__all__ = ["Services", "of_hub", "routes"]
