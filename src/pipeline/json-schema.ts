import { z } from "zod";
import { pipelineSchema } from "./schema.ts";
import { entryDefinitions, type Json, type JsonMap, streamsJsonSchema } from "./streams/entry-json-schema.ts";
import { setTypeOf } from "./streams/entry-schema.ts";

/** The name of the schema. It is no address: the schema comes with the package. */
const schemaId = "urn:tidemark:schema:pipeline";

const environmentReference = {
  type: "string",
  pattern: "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}",
  description: "A value from the environment: ${NAME} or ${NAME:-default}.",
};

const json: z.ZodType<Json> = z.json();

/**
 * The JSON Schema of pipeline files, for editors: generated from what validates them, and wider in
 * one point, that a number, a choice or true and false may come from the environment.
 */
export function pipelineJsonSchema(): Json {
  const generated = z.toJSONSchema(pipelineSchema, {
    target: "draft-2020-12",
    io: "input",
    unrepresentable: "any",
  });
  const { $schema, ...body } = z.record(z.string(), json).parse(generated);
  const widened = withReferences(withStreams(body));
  const definitions = withReferences(entryDefinitions(propertiesOf(body)));
  return {
    $schema: $schema ?? "",
    $id: schemaId,
    title: "Tidemark pipeline",
    description:
      "A pipeline: an input that is read, how it keeps its position, filters, and an output that is written.",
    ...(isObject(widened) ? widened : {}),
    $defs: { environmentReference, ...(isObject(definitions) ? definitions : {}) },
  };
}

/** What `input.streams` may hold, for each type of input that has it. */
function withStreams(body: JsonMap): JsonMap {
  const properties = propertiesOf(body);
  const { input, deadline = {} } = properties;
  if (input === undefined || !isObject(input) || !Array.isArray(input.oneOf)) return body;
  const oneOf = input.oneOf.map((kind) => withEntries(kind, deadline));
  return { ...body, properties: { ...properties, input: { ...input, oneOf } } };
}

function withEntries(kind: Json, deadline: Json): Json {
  if (!isObject(kind)) return kind;
  const { streams, ...properties } = propertiesOf(kind);
  const { type } = properties;
  const set = setTypeOf(type !== undefined && isObject(type) ? type.const : undefined);
  if (set === null || streams === undefined || !isObject(streams)) return { ...kind, properties };
  const entries = streamsJsonSchema(streams.description ?? "", set, { ...kind, properties }, deadline);
  return { ...kind, properties: { ...properties, streams: entries } };
}

function propertiesOf({ properties }: JsonMap): JsonMap {
  return properties !== undefined && isObject(properties) ? properties : {};
}

/** The schema as the text of its file. */
export function pipelineJsonSchemaText(): string {
  return `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`;
}

/** Values that are not just any text may be given by a variable too; `type`, which chooses, may not. */
function withReferences(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(withReferences);
  if (!isObject(schema)) return schema;
  const { description, default: standard, ...own } = schema;
  if (!needsReference(own)) {
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, inside(key, value)]));
  }
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    anyOf: [own, { $ref: "#/$defs/environmentReference" }],
  };
}

/** What stands under these keys is data and not a schema, or a map of schemas by name. */
function inside(key: string, value: Json): Json {
  if (key === "propertyNames" || key === "default" || key === "required" || key === "enum") return value;
  if (key !== "properties" || !isObject(value)) return withReferences(value);
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, withReferences(schema)]));
}

function needsReference(schema: JsonMap): boolean {
  const { type } = schema;
  if (type === "number" || type === "integer" || type === "boolean") return true;
  return type === "string" && ("enum" in schema || "format" in schema || "pattern" in schema);
}

function isObject(value: Json): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
