"""Reads an OpenAPI document from stdin and checks it: by the specification's own schema, and each example
and default by the schema that it stands beside."""

import json
import sys
from collections.abc import Iterator

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URI = "urn:document"
VERBS = {"get", "post", "put", "patch", "delete"}


def examples(document: dict) -> Iterator[tuple[str, dict, object]]:
    """Every example with where it stands and its schema."""
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            if verb not in VERBS:
                continue
            for parameter in operation.get("parameters", []):
                if "example" in parameter:
                    yield f"{verb} {path} {parameter['name']}", parameter["schema"], parameter["example"]
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if "example" in media:
                    yield f"{verb} {path} body", media["schema"], media["example"]
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            yield name, schema, example


def main() -> int:
    document = json.load(sys.stdin)
    wrong = [f"{error.json_path}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    registry = Registry().with_resource(URI, Resource(contents=document, specification=DRAFT202012))
    count = 0
    for place, schema, example in examples(document):
        count += 1
        # References in the schema are of the document.
        absolute = json.loads(json.dumps(schema).replace('"#/', f'"{URI}#/'))
        validator = OAS31Validator(absolute, registry=registry, format_checker=oas31_format_checker)
        wrong += [f"{place}: {error.message}" for error in validator.iter_errors(example)]
    if not count:
        wrong.append("there are no examples")
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"openapi: valid, {count} examples", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
