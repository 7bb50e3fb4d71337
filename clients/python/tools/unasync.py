"""Writes the blocking client from the asyncio client, so that the two cannot differ.

unasync.py FROM TO
"""

import re
import sys
from pathlib import Path

HEADER = '''"""The client that blocks. Generated from aio.py by clients/generate.sh: edit that one."""
'''

# In this order: the longer form before what it holds.
RULES = [
    (r'\A"""[^"]*"""\n', HEADER),
    (r"^import asyncio\n", ""),
    (r"^import grpc\.aio\n", ""),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\bgrpc\.aio\.", "grpc."),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAwaitable\[([\w.]+)\]", r"\1"),
    (r"\bAsyncGenerator, Awaitable, Callable\b", "Callable, Generator"),
    (r"\bAsyncGenerator\[([\w.]+), None\]", r"Generator[\1, None, None]"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\bAsyncClient\b", "Client"),
    (
        r" Leave a loop early through :func:`contextlib\.aclosing`, so that the stream ends at once\.",
        " A loop that is left early ends the stream.",
    ),
    (r"\baclosing\b", "closing"),
    (r"\btasks of one event loop\b", "threads"),
]


def main(source: Path, target: Path) -> None:
    """Applies every rule; fails if one applies nowhere, or if a word of asyncio is left."""
    text = source.read_text()
    for pattern, replacement in RULES:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        if not count:
            raise SystemExit(f"{source}: nothing matches {pattern!r}")
    left = re.search(r".*\b(async|await|Async\w*|asyncio|aio(?!\.py))\b.*", text)
    if left:
        raise SystemExit(f"{source}: not translated: {left[0]!r}")
    target.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
