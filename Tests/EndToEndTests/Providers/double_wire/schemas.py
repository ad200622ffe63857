"""The rules that the real services have for a schema that they are to keep to."""

OPENAI_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
OPENAI_REFUSED = {"oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "dependentRequired",
                  "dependentSchemas", "minLength", "maxLength", "uniqueItems", "contains"}
ANTHROPIC_REFUSED = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
                     "maxLength", "maxItems", "uniqueItems", "oneOf", "not", "if", "then", "else", "patternProperties",
                     "prefixItems", "contains", "minProperties", "maxProperties", "propertyNames"}

SCHEMA = "output_config.format.schema"


def types(schema):
    kind = schema.get("type")
    return kind if isinstance(kind, list) else [kind] if kind else []


def children(schema):
    """Each schema within one, with its place."""
    for name in ("properties", "$defs", "definitions"):
        for key, value in (schema.get(name) or {}).items():
            yield value, (name, key)
    for name in ("anyOf", "allOf", "oneOf"):
        for number, value in enumerate(schema.get(name) or []):
            yield value, (name, str(number))
    if "items" in schema:
        yield schema["items"], ("items",)


def openai_problem(schema, name, where=()):
    """What OpenAI says against `strict: true`; None when nothing."""
    context = f"Invalid schema for response_format '{name}': In context={where}, "
    if not where and (types(schema) != ["object"] or "anyOf" in schema):
        return f"Invalid schema for response_format '{name}': schema must be a JSON Schema of 'type: \"object\"'."
    if not isinstance(schema, dict):
        return f"{context}a schema must be an object."
    refused = sorted(set(schema) & OPENAI_REFUSED)
    if refused:
        return f"{context}'{refused[0]}' is not permitted."
    if not types(schema) and "$ref" not in schema and "anyOf" not in schema:
        return f"{context}schema must have a 'type' key."
    if "format" in schema and schema["format"] not in OPENAI_FORMATS:
        return f"{context}'{schema['format']}' is not a valid format."
    if "array" in types(schema) and "items" not in schema:
        return f"{context}array schema missing items."
    if "object" in types(schema):
        if schema.get("additionalProperties") is not False:
            return f"{context}'additionalProperties' is required to be supplied and to be false."
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            return (f"{context}'required' is required to be supplied and to be an array including every key in "
                    "properties.")
    if len([part for part in where if part in ("properties", "items")]) > 10:
        return f"{context}more than 10 levels of nesting."
    return first(openai_problem(inner, name, where + place) for inner, place in children(schema))


def anthropic_problem(schema, where=SCHEMA):
    """What Anthropic says against a schema for its answer; None when nothing."""
    if not isinstance(schema, dict):
        return f"{where}: Input should be an object"
    refused = sorted(set(schema) & ANTHROPIC_REFUSED)
    if refused:
        return f"{where}: For '{(types(schema) or ['any'])[0]}' type, property '{refused[0]}' is not supported"
    if not set(schema) & {"type", "$ref", "anyOf", "allOf", "enum", "const"}:
        return f"{where}: Schema type is required"
    if "object" in types(schema) and schema.get("additionalProperties") is not False:
        return f"{where}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    if schema.get("minItems", 0) not in (0, 1):
        return f"{where}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if any("$ref" in part for part in schema.get("allOf") or []):
        return f"{where}: '$ref' within 'allOf' is not supported"
    if any(isinstance(value, (dict, list)) for value in schema.get("enum") or []):
        return f"{where}: Complex types within 'enum' are not supported"
    if where == SCHEMA and (circle := circular(schema)):
        return (f"Circular reference detected in schema definitions: {circle}. Self-referencing or mutually-referencing "
                "definitions are not supported.")
    return first(anthropic_problem(inner, ".".join((where,) + place)) for inner, place in children(schema))


def circular(schema):
    """A definition that leads back to itself; None without one."""
    definitions = {f"#/{place}/{name}": value for place in ("$defs", "definitions")
                   for name, value in (schema.get(place) or {}).items()}

    def leads(reference, target, seen):
        if reference in seen:
            return False
        seen.add(reference)
        found = references(definitions.get(reference, {}))
        return target in found or any(leads(other, target, seen) for other in found)

    return "#" if "#" in references(schema) else next((name for name in definitions if leads(name, name, set())), None)


def references(value):
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*map(references, value.values()))


def first(problems):
    return next((problem for problem in problems if problem), None)
