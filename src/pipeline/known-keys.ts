import { z } from "zod";
import type { ConfigPath } from "../findings.ts";

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly type?: unknown;
  readonly description?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

const schemaShape: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    properties: z.record(z.string(), schemaShape).optional(),
    additionalProperties: z.union([z.boolean(), schemaShape]).optional(),
    items: z.union([z.boolean(), schemaShape]).optional(),
    anyOf: z.array(schemaShape).optional(),
    oneOf: z.array(schemaShape).optional(),
    allOf: z.array(schemaShape).optional(),
    description: z.string().optional(),
  }),
);

/** The JSON Schemas made so far; making one takes tens of milliseconds. */
const roots = new WeakMap<z.ZodType, JsonSchema>();

/** The keys of a schema's objects. */
export class KnownKeys {
  readonly #schema: z.ZodType;

  constructor(schema: z.ZodType) {
    this.#schema = schema;
  }

  /** Made when the first error asks for it, since most pipelines have none. */
  #rootSchema(): JsonSchema {
    const known = roots.get(this.#schema);
    if (known !== undefined) return known;
    const root = schemaShape.parse(
      z.toJSONSchema(this.#schema, { io: "input", unrepresentable: "any", reused: "inline" }),
    );
    roots.set(this.#schema, root);
    return root;
  }

  /** The keys known at a path, given what the configuration holds there: its `type` chooses among kinds. */
  at(config: unknown, path: ConfigPath): Set<string> {
    return new Set(this.#schemasAt(config, path).flatMap((schema) => Object.keys(schema.properties ?? {})));
  }

  /** What the schema says a key is for. */
  description(config: unknown, path: ConfigPath): string | undefined {
    const name = path.at(-1);
    if (typeof name !== "string") return undefined;
    const holders = this.#schemasAt(config, path.slice(0, -1));
    return holders.map((schema) => schema.properties?.[name]?.description).find((text) => text !== undefined);
  }

  /** Whether only whole numbers may stand at a path. */
  wantsInteger(config: unknown, path: ConfigPath): boolean {
    return this.#schemasAt(config, path).some(({ type }) => type === "integer");
  }

  #schemasAt(config: unknown, path: ConfigPath): JsonSchema[] {
    let value = config;
    let schemas = kindsOf(this.#rootSchema(), value);
    for (const step of path) {
      value = childOf(value, step);
      schemas = schemas.flatMap((schema) => {
        const child = childSchema(schema, step);
        return child === undefined ? [] : kindsOf(child, value);
      });
    }
    return schemas;
  }
}

/** The schema itself, or those of its alternatives that the value's `type` leaves. */
function kindsOf(schema: JsonSchema, value: unknown): JsonSchema[] {
  const alternatives = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (alternatives.length === 0) return [schema];
  const all = alternatives.flatMap((alternative) => kindsOf(alternative, value));
  const type = childOf(value, "type");
  const chosen = all.filter((kind) => kind.properties?.type?.const === type);
  return [schema, ...(type !== undefined && chosen.length > 0 ? chosen : all)];
}

function childSchema(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  const child =
    typeof step === "number" ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties);
  return typeof child === "object" ? child : undefined;
}

function childOf(value: unknown, step: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Record<string | number, unknown>)[step];
}

/** The value at a path of a configuration; undefined where there is none. */
export function configAt(config: unknown, path: ConfigPath): unknown {
  let value = config;
  for (const step of path) value = childOf(value, step);
  return value;
}

/** The configuration with another value at a path; what lies on the path is copied. */
export function withConfigAt(config: unknown, [step, ...rest]: ConfigPath, value: unknown): unknown {
  if (step === undefined) return value;
  const inner = withConfigAt(configAt(config, [step]), rest, value);
  if (Array.isArray(config)) return typeof step === "number" ? config.with(step, inner) : config;
  return typeof config === "object" && config !== null ? { ...config, [step]: inner } : config;
}
