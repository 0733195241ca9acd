import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { problem } from "../../src/api/contracts/problem.ts";
import type { Scope } from "../../src/api/contracts/routes.ts";
import { memoryKeys } from "../../src/api/keys/memory.ts";
import { KeyStore } from "../../src/api/keys/store.ts";
import {
  createService,
  type ServiceLogger,
  type ServiceOptions,
  serveService,
} from "../../src/api/service/index.ts";
import type { ListenOptions } from "../../src/api/service/listen.ts";
import type { Clock } from "../../src/clock.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { type StartOptions as CommandOptions, start } from "../cli/support.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown;
}

export interface AskOptions {
  readonly key?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A service on a port of its own, as a test asks it. */
export interface Running {
  readonly url: string;
  readonly state: StateStore;
  readonly keys: KeyStore;
  readonly admin: string;
  /** Every line that was logged. */
  readonly logged: readonly { readonly level: string; readonly message: string; readonly fields: object }[];
  key(scope: Scope, connectors?: readonly string[] | null): Promise<string>;
  ask(method: string, path: string, options?: AskOptions): Promise<Answered>;
  close(): Promise<void>;
}

type StartOptions = Partial<Omit<ServiceOptions, "keys">> &
  Partial<ListenOptions> & { readonly keys?: KeyStore; readonly clock?: Clock };

/** Starts a service that goes with the test; state and keys are in memory unless they are given. */
export async function startService(options: StartOptions = {}): Promise<Running> {
  const { state = openMemoryState(), keys = new KeyStore(memoryKeys()), port = 0, ...rest } = options;
  const logged: { level: string; message: string; fields: object }[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      logged.push({ level, message, fields });
    };
  const logger: ServiceLogger = { info: at("info"), warn: at("warn"), error: at("error") };
  const service = createService({ logger, ...rest, state, keys });
  const listening = await serveService(service, { ...rest, port });
  const { key: admin } = await keys.create({ scope: "admin" }, "test");
  const close = (): Promise<void> => listening.close(0);
  onTestFinished(close);
  return {
    url: listening.url,
    state,
    keys,
    admin,
    logged,
    key: async (scope, connectors = null) => (await keys.create({ scope, connectors }, "test")).key,
    ask: (method, path, asked = {}) => ask(listening.url, method, path, { key: admin, ...asked }),
    close,
  };
}

/** One request. A path that begins with a slash is sent as it stands. */
export async function ask(
  url: string,
  method: string,
  path: string,
  { key, body, raw, headers = {} }: AskOptions,
): Promise<Answered> {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(content === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
  });
  const text = await response.text();
  const isJson = text !== "" && /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** What every refusal is: a problem document whose status is the answer's own. */
export function problemIn(answered: Answered): z.infer<typeof problem> {
  const type = answered.headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`${answered.status} ${type}: ${answered.text}`);
  const told = problem.parse(answered.json);
  if (told.status !== answered.status) throw new Error(`the document says ${told.status}: ${answered.text}`);
  return told;
}

const fields = z.record(z.string(), z.unknown());

/** The fields of an answer that went well. */
export function done(answered: Answered): Record<string, unknown> {
  if (answered.status !== 200) throw new Error(`${answered.status} ${answered.text}`);
  return fields.parse(answered.json);
}

/** The command as a process of its own, once it says on stdout where it listens. */
export async function serveProcess(
  args: readonly string[],
  cwd: string,
  more: Pick<CommandOptions, "atEnd"> = {},
) {
  const started = start(["serve", "--port", "0", "--json", ...args], { cwd, ...more });
  const line = await new Promise<string>((resolve, reject) => {
    const { stdout } = started.child;
    if (stdout === null) throw new Error("the process has no stdout");
    createInterface(stdout).once("line", resolve);
    started.ended.then(({ stderr }) => reject(new Error(`it ended early:\n${stderr}`)), reject);
  });
  const told = z.object({ url: z.string(), port: z.int(), admin_key_file: z.string().nullable() });
  return { ...started, ...told.parse(JSON.parse(line)) };
}
