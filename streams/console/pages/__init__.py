"""The pages of the console: Starlette routes, templates and their own static files."""

from streams.console.pages.routing import routes

__all__ = ["routes"]
