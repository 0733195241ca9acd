import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import pg from "pg";
import { serverProgram } from "../../test/support/postgres-server.ts";

/** A PostgreSQL server of the lab's own, which it can stop at once and start again on the same files. */
export class LabDatabase {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly url: string;
  #made = 0;

  private constructor(process: ChildProcess, lines: Interface, url: string) {
    this.#process = process;
    this.#lines = lines;
    this.url = url;
  }

  static async start(): Promise<LabDatabase> {
    // What was committed has to outlive the server's process, though not the machine.
    const child = spawn(process.execPath, [serverProgram, "synchronous_commit=on"], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    const lines = createInterface(child.stdout);
    const url = await nextUrl(lines);
    return new LabDatabase(child, lines, url);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** An empty database; its URL at the server itself. */
  async create(): Promise<string> {
    this.#made += 1;
    const name = `lab_${this.#made}`;
    await this.#administer(`CREATE DATABASE ${name}`);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** A copy of a database that nobody is connected to. */
  async copy(url: string): Promise<string> {
    this.#made += 1;
    const copy = new URL(url);
    copy.pathname = `/lab_${this.#made}`;
    await this.#administer(`CREATE DATABASE lab_${this.#made} TEMPLATE ${nameOf(url)}`);
    return copy.href;
  }

  /** Puts a copy in the place of a database that nobody is connected to; the copy stays. */
  async putBack(copy: string, url: string): Promise<void> {
    await this.drop(url);
    await this.#administer(`CREATE DATABASE ${nameOf(url)} TEMPLATE ${nameOf(copy)}`);
  }

  async drop(url: string): Promise<void> {
    await this.#administer(`DROP DATABASE IF EXISTS ${nameOf(url)} WITH (FORCE)`);
  }

  /** Stops the server as a crash does, in the middle of whatever it is doing, and starts it again. */
  async restart(): Promise<void> {
    const again = nextUrl(this.#lines);
    this.#process.stdin?.write("restart\n");
    await again;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin?.end();
    await ended;
  }

  async #administer(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

function nextUrl(lines: Interface): Promise<string> {
  return new Promise((resolve, reject) => {
    lines.once("line", (line) => {
      const answer: { url?: string; error?: string } = JSON.parse(line);
      if (answer.url === undefined) reject(new Error(`PostgreSQL: ${answer.error}`));
      else resolve(answer.url);
    });
  });
}
