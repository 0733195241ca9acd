import { baseKeys, entryKeys, type SetType } from "./entry-schema.ts";

/** A value of a JSON Schema. */
export type Json = string | number | boolean | null | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: Json;
}

/** Keys that an entry replaces as a whole, so that what is below them is complete. */
const whole = new Set(["body", "rateLimit", "partitions", "key", "columns", "answer", "deadLetter"]);

/** The JSON Schemas that entries refer to. */
export function entryDefinitions({ filters, output }: JsonMap): JsonMap {
  return {
    streamFilters: filters ?? {},
    streamOutput: output === undefined ? {} : patchOf(output),
  };
}

/** The JSON Schema of `input.streams`, made of that of the input: an entry gives any of its keys, and null takes one away. */
export function streamsJsonSchema(description: Json, type: SetType, input: JsonMap, deadline: Json): JsonMap {
  const own = entryKeys[type];
  const ofInput = propertiesOf(input).filter(([key]) => !baseKeys.has(key));
  const properties: JsonMap = {
    ...Object.fromEntries(ofInput.map(([key, schema]) => [key, nullable(key, patchIn(key, schema))])),
    name: { description: own.name ?? "", type: "string", minLength: 1, maxLength: 200 },
    ...(own.path === undefined ? {} : { path: { description: own.path, type: ["string", "null"] } }),
    filters: described(own.filters, { anyOf: [{ $ref: "#/$defs/streamFilters" }, { type: "null" }] }),
    output: described(own.output, { $ref: "#/$defs/streamOutput" }),
    deadline: described(own.deadline, { anyOf: [deadline, { type: "null" }] }),
  };
  const required: JsonMap =
    type === "database"
      ? { anyOf: [{ required: ["name"] }, { required: ["table"] }] }
      : { required: ["name"] };
  const entry: JsonMap = { type: "object", properties, additionalProperties: false, ...required };
  const name: JsonMap = { type: "string", minLength: 1, maxLength: 200 };
  return { description, type: "array", minItems: 1, items: { anyOf: [name, { type: "number" }, entry] } };
}

function described(description: string | undefined, schema: JsonMap): JsonMap {
  return { description: description ?? "", ...schema };
}

/** A part of a schema's value: nothing is required, there are no defaults, and null takes a key away. */
function patchOf(schema: Json): Json {
  if (!isMap(schema)) return schema;
  const { required: _, default: _default, properties, anyOf, oneOf, ...rest } = schema;
  const kinds = anyOf ?? oneOf;
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: patchedProperties(schema) }),
    ...(Array.isArray(kinds) ? { anyOf: kinds.map(patchOf) } : {}),
  };
}

function patchedProperties(schema: JsonMap): JsonMap {
  return Object.fromEntries(
    propertiesOf(schema).map(([key, inner]) => [key, nullable(key, patchIn(key, inner))]),
  );
}

function patchIn(key: string, schema: Json): Json {
  if (!whole.has(key)) return patchOf(schema);
  if (!isMap(schema)) return schema;
  const { default: _, ...rest } = schema;
  return rest;
}

function nullable(key: string, schema: Json): Json {
  if (key === "type" || !isMap(schema)) return schema;
  const { description, ...own } = schema;
  const named: JsonMap = description === undefined ? {} : { description };
  return { ...named, anyOf: [own, { type: "null" }] };
}

function propertiesOf(schema: JsonMap): [string, Json][] {
  return isMap(schema.properties ?? null) ? Object.entries(schema.properties ?? {}) : [];
}

function isMap(value: Json): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
