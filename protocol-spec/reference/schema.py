"""As much of JSON Schema (draft 2020-12) as the schemas of this folder use.

With one difference: 4.0 is no integer here, as rule T6 wants it.
"""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1]
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
}
SILENT = {"$schema", "$defs", "$comment", "title", "then", "else"}


def load(name):
    return json.loads((FOLDER / "schema" / f"{name}.schema.json").read_text())


def fits(value, schema, root):
    """Whether a value fits a schema."""
    if isinstance(schema, bool):
        return schema
    return all(
        keyword(value, word, rule, schema, root) for word, rule in schema.items() if word not in SILENT
    )


def keyword(value, word, rule, schema, root):
    each = lambda rules: [fits(value, one, root) for one in rules]
    match word:
        case "$ref":
            return fits(value, root["$defs"][rule.removeprefix("#/$defs/")], root)
        case "type":
            return TYPES[rule](value)
        case "const":
            return type(value) is type(rule) and value == rule
        case "enum":
            return any(type(value) is type(one) and value == one for one in rule)
        case "anyOf":
            return any(each(rule))
        case "allOf":
            return all(each(rule))
        case "if":
            branch = "then" if fits(value, rule, root) else "else"
            return fits(value, schema.get(branch, True), root)
    # The others say something of one type alone.
    if isinstance(value, dict):
        match word:
            case "required":
                return all(key in value for key in rule)
            case "properties":
                return all(fits(value[key], one, root) for key, one in rule.items() if key in value)
            case "additionalProperties":
                return all(
                    fits(v, rule, root) for key, v in value.items() if key not in schema.get("properties", {})
                )
            case "maxProperties":
                return len(value) <= rule
    if isinstance(value, list):
        match word:
            case "items":
                return all(fits(item, rule, root) for item in value)
            case "minItems":
                return len(value) >= rule
            case "maxItems":
                return len(value) <= rule
    if isinstance(value, str) and word == "pattern":
        return re.search(rule.replace("$", r"\Z"), value) is not None
    if TYPES["integer"](value) and word in ("minimum", "maximum"):
        return value >= rule if word == "minimum" else value <= rule
    known = {
        "required",
        "properties",
        "additionalProperties",
        "maxProperties",
        "items",
        "minItems",
        "maxItems",
        "pattern",
    }
    if word not in known | {"minimum", "maximum"}:
        raise ValueError(f"the keyword {word} is not known here")
    return True


# What no schema can say: a number within a text, and a buffer that is not there.
BEYOND = {"version-refused-wide", "empty-dictionary-no-buffer", "empty-dictionary-negative-buffer"}
SAID = {"T1", "T2", "T3", "T5", "T6", "T7", "D1", "D2", "B4", "C1"}


def check_schemas(directory):
    """Files of vectors fit their schema, and descriptions theirs exactly where they should."""
    files, description, wrong = load("vectors"), load("dim_data"), []
    for path in sorted(directory.glob("*.json")):
        content = json.loads(path.read_text())
        if not fits(content, files, files):
            wrong.append(f"{path.name} does not fit vectors.schema.json")
        for case in content["vectors"]:
            if (
                case["kind"] != "local"
                or "description" not in case
                or "lenient" in case
                or case["id"] in BEYOND
            ):
                continue
            fit = fits(case["description"], description, description)
            if case["valid"] and not fit or not case["valid"] and case["error"]["rule"] in SAID and fit:
                wrong.append(f"{case['id']}: dim_data.schema.json says {fit}")
    return wrong
