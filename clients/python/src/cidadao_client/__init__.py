"""Client of Cidadão.AI: starts investigations of public contracts, follows them and reads what they found.

:class:`Client` blocks, :class:`AsyncClient` is for asyncio; apart from that they are the same. Messages
are in :mod:`cidadao_client.v1`, errors in :mod:`cidadao_client.errors`.
"""

from . import errors, v1
from ._options import DEFAULT_TIMEOUT, LONG_TIMEOUT, ApiKey, BearerToken, RetryPolicy
from .aio import AsyncClient
from .sync import Client

__all__ = [
    "DEFAULT_TIMEOUT",
    "LONG_TIMEOUT",
    "ApiKey",
    "AsyncClient",
    "BearerToken",
    "Client",
    "RetryPolicy",
    "errors",
    "v1",
]
