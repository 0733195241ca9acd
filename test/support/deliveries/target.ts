import type { ServerResponse } from "node:http";
import { startHttpServer } from "../http-server.ts";
import type { Doing, Round, World } from "./world.ts";

/** What the target took once: `id:version:copy` of a record, in which run, and whether it got to say so. */
export interface Take {
  readonly name: string;
  readonly run: number;
  readonly told: boolean;
}

interface Part {
  readonly id: number;
  readonly v: number;
  readonly copy: number;
}

/** A target over HTTP that does what a history says. */
export class Target implements AsyncDisposable {
  readonly takes: Take[] = [];
  refused: ReadonlySet<number> = new Set();
  /** Whether it says of each record what became of it. */
  results = false;
  #round: Round = { changes: [], break: null, doings: [], diesAt: null };
  #run = 0;
  #requests = 0;
  readonly #server: Awaited<ReturnType<typeof startHttpServer>>;

  private constructor(server: Awaited<ReturnType<typeof startHttpServer>>) {
    this.#server = server;
  }

  static async start(): Promise<Target> {
    const server = await startHttpServer(({ body }, response) => target.#answer(body, response));
    const target = new Target(server);
    return target;
  }

  get origin(): string {
    return this.#server.origin;
  }

  /** Begins a history. */
  clear({ refused, results, batch }: World): void {
    this.takes.length = 0;
    this.results = results && batch !== null;
    this.refused = new Set(refused);
    this.#run = 0;
  }

  /** Begins a run of it. */
  begin(round: Round): void {
    this.#round = round;
    this.#requests = 0;
    this.#run += 1;
  }

  /** How many requests there were in all. */
  get requests(): number {
    return this.#server.seen.length;
  }

  get run(): number {
    return this.#run;
  }

  #answer(body: string, response: ServerResponse): void {
    this.#requests += 1;
    const { diesAt, doings } = this.#round;
    if (diesAt !== null && this.#requests >= diesAt) {
      response.destroy();
      return;
    }
    const parts: Part[] = [JSON.parse(body)].flat();
    const doing: Doing = doings[this.#requests - 1] ?? "accepts";
    if (doing === "isAway" || doing === "limits") {
      response.statusCode = doing === "isAway" ? 503 : 429;
      response.end();
    } else if (doing === "saysFailed") {
      response.end('{"errors":["no"]}');
    } else if (this.results) {
      this.#takeEach(parts, doing, response);
    } else if (parts.some(({ id }) => this.refused.has(id))) {
      response.statusCode = 422;
      response.end("no");
    } else {
      // A status says so, whatever becomes of the body.
      this.#note(parts, doing !== "takesAndDies");
      this.#end(doing, "", response);
    }
  }

  #takeEach(parts: readonly Part[], doing: Doing, response: ServerResponse): void {
    const items = parts.map(({ id }, at) => {
      if (this.refused.has(id)) return { word: "no" };
      return { word: doing === "takesHalf" && at % 2 === 1 ? "again" : "ok" };
    });
    const told = doing !== "takesAndDies" && doing !== "answersUnreadably";
    this.#note(
      parts.filter((_, at) => items[at]?.word === "ok"),
      told,
    );
    this.#end(doing, JSON.stringify({ items }), response);
  }

  #note(parts: readonly Part[], told: boolean): void {
    for (const { id, v, copy } of parts)
      this.takes.push({ name: `${id}:${v}:${copy}`, run: this.#run, told });
  }

  #end(doing: Doing, body: string, response: ServerResponse): void {
    if (doing === "takesAndDies") response.destroy();
    else if (doing === "answersUnreadably") {
      response.setHeader("content-length", "100");
      response.write("{", () => response.destroy());
    } else response.end(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
