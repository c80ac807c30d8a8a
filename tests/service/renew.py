"""Renew the API's document that the tests compare with, for review with git diff."""

import asyncio
import json
from pathlib import Path

import httpx

from service.app import Application
from service.settings import Settings


async def document() -> object:
    """Return the document as the service answers it."""
    application = Application(Settings(database_url="host=unused"))
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return (await client.get("/openapi.json")).json()


if __name__ == "__main__":
    text = json.dumps(asyncio.run(document()), indent=2)
    Path(__file__).with_name("openapi.json").write_text(f"{text}\n")
