"""Moves generated stubs of `cidadao.v1` into a package of another name.

protoc writes absolute imports of the proto package; here they become relative, so that the stubs work
wherever their directory stands. The descriptors keep the names of their files.

    relocate.py FROM TO
"""

import re
import sys
from pathlib import Path

# `from cidadao.v1 import x` is what protoc and its pyi plugin write between files of one package;
# the stubs of mypy-protobuf write `import cidadao.v1.x` or `from cidadao.v1 import x as y`.
ABSOLUTE = re.compile(r"^from cidadao\.v1 import ", re.MULTILINE)


def main(source: Path, target: Path) -> None:
    """Copies every module of `source` to `target`; fails on an import that it does not know."""
    target.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        text = ABSOLUTE.sub("from . import ", file.read_text())
        if re.search(r"^(import|from) cidadao\b", text, re.MULTILINE):
            raise SystemExit(f"{file.name}: an absolute import is left")
        (target / file.name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
