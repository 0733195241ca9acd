import { builtInInputSchema } from "../schema.ts";

/** The types of input whose streams can be listed. */
export type SetType = "httpPolling" | "database";

/** The type, where it is one whose streams can be listed. */
export function setTypeOf(type: unknown): SetType | null {
  return type === "httpPolling" || type === "database" ? type : null;
}

/** Keys of an input that are the same for all its streams. */
export const baseKeys: ReadonlySet<string> = new Set([
  "type",
  "connectionString",
  "connectionStringRef",
  "streams",
]);

/** The keys of an entry that are not the input's, each with its meaning. */
export const entryKeys: Readonly<Record<SetType, Readonly<Record<string, string>>>> = {
  httpPolling: {
    name: "The stream's name: the second half of its key, and what `{{ stream }}` becomes.",
    path: "What is added to the base's `endpoint`, such as `/crm/customers`. Empty adds nothing. Default: the stream's name.",
    filters: "Filters of this stream, instead of those of the file.",
    output: "Keys of the output that are different for this stream.",
    deadline: "The deadline of this stream's run, instead of that of the file.",
  },
  database: {
    name: "The stream's name: the second half of its key, and what `{{ stream }}` becomes. Default: the table as it is written.",
    filters: "Filters of this stream, instead of those of the file.",
    output: "Keys of the output that are different for this stream.",
    deadline: "The deadline of this stream's run, instead of that of the file.",
  },
};

/** All keys that an entry may have. */
export function entryNames(type: SetType): ReadonlySet<string> {
  return names[type];
}

const names: Readonly<Record<SetType, ReadonlySet<string>>> = {
  httpPolling: namesOf("httpPolling"),
  database: namesOf("database"),
};

function namesOf(type: SetType): ReadonlySet<string> {
  const options = builtInInputSchema.options.filter(({ shape }) => shape.type.value === type);
  const ofInput = options.flatMap(({ shape }) => Object.keys(shape)).filter((key) => !baseKeys.has(key));
  return new Set([...Object.keys(entryKeys[type]), ...ofInput]);
}
