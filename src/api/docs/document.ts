import { z } from "zod";

/** As much of an OpenAPI document as the readable page is made from. */

export interface SchemaNode {
  readonly $ref?: string | undefined;
  readonly type?: string | string[] | undefined;
  readonly description?: string | undefined;
  readonly example?: unknown;
  readonly enum?: unknown[] | undefined;
  readonly properties?: Record<string, SchemaNode> | undefined;
  readonly required?: string[] | undefined;
  readonly items?: SchemaNode | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
}

const schemaNode: z.ZodType<SchemaNode> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    description: z.string().optional(),
    example: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
    properties: z.record(z.string(), schemaNode).optional(),
    required: z.array(z.string()).optional(),
    items: schemaNode.optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  }),
);

const content = z.record(z.string(), z.object({ schema: schemaNode }));

const operation = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  security: z.array(z.unknown()).optional(),
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), required: z.boolean(), schema: schemaNode }))
    .optional(),
  requestBody: z.object({ required: z.boolean().optional(), content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: content.optional() })),
});

export const documentSchema = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  components: z.object({ schemas: z.record(z.string(), schemaNode) }),
  paths: z.record(z.string(), z.record(z.string(), operation)),
});

export type ApiDocument = z.infer<typeof documentSchema>;

/** One route, with the method and the path that it stands under. */
export type Operation = z.infer<typeof operation> & { readonly method: string; readonly path: string };

export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, told]) => ({ ...told, method, path })),
  );
}

/** A schema, or what its reference leads to; what is said beside a reference counts for more. */
export function resolved(document: ApiDocument, node: SchemaNode): SchemaNode {
  const name = node.$ref?.split("/").at(-1);
  const found = name === undefined ? undefined : document.components.schemas[name];
  if (found === undefined) return node;
  const { $ref: _, ...beside } = node;
  return { ...resolved(document, found), ...beside };
}

/** The schema that a reference, or the list of one, is named after. */
export function nameOf(node: SchemaNode): string | null {
  return node.$ref?.split("/").at(-1) ?? null;
}

/** A value of the schema, put together from its fields' examples. */
export function exampleOf(document: ApiDocument, given: SchemaNode): unknown {
  const node = resolved(document, given);
  if (node.example !== undefined) return node.example;
  if (node.properties !== undefined) {
    const shown = Object.entries(node.properties).filter(([name]) => node.required?.includes(name));
    return Object.fromEntries(shown.map(([name, field]) => [name, exampleOf(document, field)]));
  }
  if (node.items !== undefined) return [exampleOf(document, node.items)];
  const [type] = [node.type ?? "null"].flat();
  if (node.enum !== undefined) return node.enum[0];
  return { string: "…", integer: 1, number: 1, boolean: true, object: {} }[type ?? ""] ?? null;
}
