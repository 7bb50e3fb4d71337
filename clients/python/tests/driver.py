"""Drives the blocking and the asyncio client in the same way, so that each test runs against both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from cidadao_client import AsyncClient, Client


class Blocking:
    def __init__(self, address: str, **options: Any) -> None:
        self.client = Client(address, **options)

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        return getattr(self.client, method)(*arguments, **named)

    def each(self, method: str, do: Callable[[Any], None], *arguments: Any, **named: Any) -> None:
        for item in getattr(self.client, method)(*arguments, **named):
            do(item)

    def first(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The first item, after which the iterator is left."""
        return next(getattr(self.client, method)(*arguments, **named))

    def close(self) -> None:
        self.client.close()


class Asyncio:
    def __init__(self, address: str, **options: Any) -> None:
        self.loop = asyncio.new_event_loop()
        try:
            self.client: AsyncClient = self.loop.run_until_complete(self._connect(address, options))
        except BaseException:
            self.loop.close()
            raise

    async def _connect(self, address: str, options: dict[str, Any]) -> AsyncClient:
        # A channel belongs to the loop that runs when it is made.
        return AsyncClient(address, **options)

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        return self.loop.run_until_complete(getattr(self.client, method)(*arguments, **named))

    def each(self, method: str, do: Callable[[Any], None], *arguments: Any, **named: Any) -> None:
        async def run() -> None:
            async for item in getattr(self.client, method)(*arguments, **named):
                do(item)

        self.loop.run_until_complete(run())

    def first(self, method: str, *arguments: Any, **named: Any) -> Any:
        async def run() -> Any:
            async with aclosing(getattr(self.client, method)(*arguments, **named)) as items:
                return await anext(items)

        return self.loop.run_until_complete(run())

    def close(self) -> None:
        self.loop.run_until_complete(self.client.close())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


Driver = Blocking | Asyncio
