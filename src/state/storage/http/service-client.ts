import { randomUUID } from "node:crypto";
import { z } from "zod";
import { routePath } from "../../../api/contracts/routes.ts";
import { TidemarkError } from "../../../errors.ts";
import { stringifyJson } from "../../../model/json.ts";
import { traceHeaders } from "../../../trace-context.ts";
import { compareVersions, version } from "../../../version.ts";
import type { ServiceAnswer, ServiceConnection } from "./connection.ts";
import {
  foreignAnswer,
  hintsAtVersion,
  jsonIn,
  problemIn,
  type RefusalContext,
  refusalOf,
} from "./refusals.ts";
import type { Repeatable } from "./repeats.ts";

/** As much of a route of `api/contracts/routes.ts` as a client needs. */
export interface Route<Answer> {
  readonly method: "get" | "post";
  readonly path: string;
  readonly answer: z.ZodType<Answer>;
}

export interface CallOptions {
  /** The names in the path. */
  readonly params?: Readonly<Record<string, string>>;
  /** Those that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** `always` unless given. */
  readonly repeatable?: Repeatable;
  readonly timeoutMs?: number;
}

const statusSchema = z.object({ status: z.string(), version: z.string() });

/** Calls the routes of a service, and parses its answers with the schemas that the service uses itself. */
export class ServiceClient {
  readonly #connection: ServiceConnection;
  readonly #context: RefusalContext;

  constructor(connection: ServiceConnection, context: RefusalContext) {
    this.#connection = connection;
    this.#context = context;
  }

  /**
   * Throws what the service refused with, by its code; `UNAUTHORIZED` and `FORBIDDEN`; `STATE_UNAVAILABLE`
   * where no service answers; `SERVICE_INCOMPATIBLE` where it is of another version and lacks what is
   * asked; `STATE_UNREADABLE` for an answer of another form.
   */
  async call<Answer>(route: Route<Answer>, options: CallOptions = {}): Promise<Answer> {
    const { body, repeatable = "always", timeoutMs } = options;
    const answer = await this.#connection.send({
      method: route.method === "get" ? "GET" : "POST",
      path: routePath(route.path, options.params ?? {}),
      search: searchOf(options.query ?? {}),
      body: body === undefined ? undefined : stringifyJson(body),
      headers: {
        // The same for every attempt, so that the service's log shows them as one.
        "x-request-id": randomUUID(),
        ...traceHeaders(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      repeatable,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    if (answer.status === 200) return this.#read(route, answer);
    const problem = problemIn(answer);
    if (problem === null) throw foreignAnswer(answer, this.#context);
    const refusal = refusalOf(problem, answer, this.#context);
    throw hintsAtVersion(problem) ? await this.#mismatch(route, refusal) : refusal;
  }

  /**
   * Asks the service whether its state can be written, once. Throws `STATE_UNAVAILABLE` where it answers no, or does
   * not answer. Does nothing where a proxy does not forward this address.
   */
  async assertReady(): Promise<void> {
    const answer = await this.#connection.send({
      method: "GET",
      path: "/readyz",
      search: "",
      body: undefined,
      headers: {},
      repeatable: "unsent",
    });
    const problem = problemIn(answer);
    if (problem !== null && problem.status >= 500) throw refusalOf(problem, answer, this.#context);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #read<Answer>(route: Route<Answer>, answer: ServiceAnswer): Promise<Answer> {
    const value = jsonIn(answer);
    if (value === undefined) throw foreignAnswer(answer, this.#context);
    const parsed = route.answer.safeParse(value);
    if (parsed.success) return parsed.data;
    throw await this.#mismatch(route, this.unreadable(route.path, z.prettifyError(parsed.error)));
  }

  /** For an answer that is not of the form it should have, or not about what was asked. */
  unreadable(path: string, why: string): TidemarkError {
    return new TidemarkError(
      "STATE_UNREADABLE",
      `the state service at ${this.#context.service} answered ${path} in a form that cannot be read: ${why}`,
      { hint: "Check proxies between here and the service; nothing was taken from the answer." },
    );
  }

  /** The refusal, or an error about the version if the service is of another version. */
  async #mismatch(route: Route<unknown>, refusal: TidemarkError): Promise<TidemarkError> {
    const theirs = await this.#version();
    const ours = version();
    if (theirs === null || compareVersions(theirs, ours) === 0) return refusal;
    const older = compareVersions(theirs, ours) < 0;
    return new TidemarkError(
      "SERVICE_INCOMPATIBLE",
      `the state service at ${this.#context.service} is Tidemark ${theirs}, ${older ? "older" : "newer"} than this ${ours}, and the two do not agree about ${route.path}: ${refusal.message}`,
      {
        cause: refusal,
        details: { service_version: theirs, client_version: ours },
        ...(older ? {} : { hint: "Upgrade Tidemark here to the service's version." }),
      },
    );
  }

  async #version(): Promise<string | null> {
    try {
      const answer = await this.#connection.send({
        method: "GET",
        path: "/healthz",
        search: "",
        body: undefined,
        headers: {},
        repeatable: "always",
      });
      const parsed = statusSchema.safeParse(jsonIn(answer));
      return parsed.success ? parsed.data.version : null;
    } catch {
      return null;
    }
  }
}

function searchOf(query: Readonly<Record<string, string | number | undefined>>): string {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) fields.set(name, String(value));
  }
  const text = fields.toString();
  return text === "" ? "" : `?${text}`;
}
