import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { copyPlaces, dropCopies, type PlaceCopies, type Places, putBack } from "./copies.ts";
import type { LabDatabase } from "./database.ts";
import { LabDisk } from "./disk.ts";
import { LabProxy } from "./proxy.ts";
import type { Random } from "./random.ts";
import { readSink, type SinkRow, SinkUnreadable } from "./sink.ts";
import { slowDown, speedUp } from "./slow.ts";
import { LabSource } from "./source.ts";
import { type Command, Worker, type WorkerOptions } from "./worker.ts";
import { describeWorld, isPostgres, pipelineText, stateWithin, type World } from "./world.ts";

const pipelineFile = "lab.yaml";

/** What the schedules of a lane share. */
export interface LabWorker {
  /** Its database server, which the first call starts. */
  database(): Promise<LabDatabase>;
  readonly command: Command;
}

/** A world that has been built: its source, its network, its disk, its output, and its workers. */
export class Scene {
  readonly world: World;
  readonly random: Random;
  readonly folder: string;
  readonly source: LabSource;
  readonly disk: LabDisk;
  readonly database: LabDatabase | null;
  readonly proxy: LabProxy | null;
  readonly #sinkPlace: string;
  readonly #databaseUrl: string | null;
  readonly #state: string;
  readonly #command: Command;
  readonly #workers = new Set<Worker>();
  /** How the processes ended: by status, error, or signal. */
  readonly outcomes: Record<string, number> = {};
  #churn: NodeJS.Timeout | null = null;
  readonly #copies: PlaceCopies[] = [];
  readonly #from: number = performance.now();

  private constructor(parts: SceneParts) {
    this.world = parts.world;
    this.random = parts.random;
    this.folder = parts.folder;
    this.source = parts.source;
    this.disk = parts.disk;
    this.database = parts.database;
    this.proxy = parts.proxy;
    this.#databaseUrl = parts.databaseUrl;
    this.#sinkPlace = parts.sinkPlace;
    this.#state = parts.state;
    this.#command = parts.command;
  }

  static async build(world: World, random: Random, worker: LabWorker): Promise<Scene> {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-lab-"));
    const disk = new LabDisk(join(folder, "disk"));
    const source = new LabSource(world, random);
    const endpoint = await source.listen();
    const database = isPostgres(world.output) ? await worker.database() : null;
    const databaseUrl = (await database?.create()) ?? null;
    const proxy = database === null ? null : new LabProxy(database.port);
    await proxy?.listen();
    const output = outputPlace(world, databaseUrl, proxy);
    const state = stateWithin(world.output) ? output : "sqlite:./disk/state.db";
    const sinkPlace = databaseUrl ?? join(folder, output.replace("sqlite:", ""));
    writeFileSync(
      join(folder, pipelineFile),
      pipelineText(world, { endpoint, output, start: source.middle }),
    );
    const scene = new Scene({
      world,
      random,
      folder,
      source,
      disk,
      database,
      proxy,
      databaseUrl,
      sinkPlace,
      state,
      command: worker.command,
    });
    scene.log(describeWorld(world));
    return scene;
  }

  /** Starts a run; with `limitKilobytes`, one that cannot write longer files. */
  run(limitKilobytes: number | null = null): Worker {
    return this.command(["run", pipelineFile, "--json", "--state", this.#state], { limitKilobytes });
  }

  /** Starts a process that runs the pipeline by its schedule. */
  schedule(env: WorkerOptions["env"] = {}): Worker {
    return this.command(["start", pipelineFile, "--no-service", "--state", this.#state], { env });
  }

  /** Has a stream that counts more as delivered than its output holds go back to where the output stands. */
  goBackToOutput(): Worker {
    const target = ["lab", "default", "--to-output", pipelineFile, "--reason", "restored"];
    return this.command(["state", "rewind", ...target, "--json", "--state", this.#state]);
  }

  /** Starts a backfill of the older half of the history, or goes on with one. */
  backfill(id: string | null): Worker {
    const range =
      id === null
        ? ["--from", this.source.first, "--to", this.source.beforeMiddle, "--step", "PT1M"]
        : ["--resume", id];
    return this.command(["backfill", pipelineFile, ...range, "--json", "--state", this.#state]);
  }

  sink(): Promise<SinkRow[]> {
    return readSink(this.world.output, this.#sinkPlace, 20_000);
  }

  /** What the sink holds just now; null where a process that was stopped keeps it locked. */
  async glimpse(): Promise<SinkRow[] | null> {
    try {
      return await readSink(this.world.output, this.#sinkPlace, 2000);
    } catch (error) {
      if (error instanceof SinkUnreadable) return null;
      throw error;
    }
  }

  /** Has the output take its time, in worlds where it does. */
  async slowDown(): Promise<void> {
    if (this.world.slowOutput) await slowDown(this.#sinkPlace, this.world.leaseSeconds);
  }

  async speedUp(): Promise<void> {
    if (this.world.slowOutput) await speedUp(this.#sinkPlace);
  }

  /** A copy of the state and of what the output holds, as they are while no process is alive. */
  async copyPlaces(): Promise<PlaceCopies> {
    const copies = await copyPlaces(this.#places());
    this.#copies.push(copies);
    return copies;
  }

  /** Puts an earlier copy in the place of what is there; no process may be alive. */
  async putBack(copies: PlaceCopies, what: "state" | "output" | "both"): Promise<void> {
    await putBack(this.#places(), copies, what);
  }

  #places(): Places {
    const { disk, folder, database, world } = this;
    return {
      disk: disk.folder,
      copies: join(folder, "copies"),
      database,
      databaseUrl: this.#databaseUrl,
      stateIsApart: !stateWithin(world.output),
    };
  }

  /** Changes records while something runs: so many groups at most. */
  startChanges(groups: number): void {
    this.stopChanges();
    let left = groups;
    this.#churn = setInterval(() => {
      if (left <= 0) this.stopChanges();
      else this.source.change();
      left -= 1;
    }, 12);
  }

  stopChanges(): void {
    if (this.#churn !== null) clearInterval(this.#churn);
    this.#churn = null;
  }

  /** Resolves some milliseconds after so many more requests, or when the worker has ended. */
  async moment(worker: Worker): Promise<void> {
    const { source, random } = this;
    const target = source.requests + random.between(1, 14);
    const afterwards = random.next() * 15;
    const arrived = Promise.withResolvers<void>();
    source.onRequest = () => {
      if (source.requests >= target) arrived.resolve();
    };
    await Promise.race([arrived.promise, worker.ended]);
    source.onRequest = () => {};
    await sleep(afterwards);
  }

  log(line: string): void {
    const at = ((performance.now() - this.#from) / 1000).toFixed(3);
    appendFileSync(join(this.folder, "lab.log"), `${at} ${line}\n`);
  }

  /** Makes the world whole again. */
  heal(): void {
    this.source.misbehaviour = null;
    this.disk.free();
    this.proxy?.heal();
    if (this.proxy !== null) this.proxy.onSent = () => {};
  }

  /** Ends everything; the folder stays where something is to be looked at. */
  async close(keep: boolean): Promise<void> {
    this.stopChanges();
    this.heal();
    for (const worker of this.#workers) worker.signal("SIGKILL");
    await Promise.all([...this.#workers].map(({ ended }) => ended));
    if (keep) await this.#keep();
    await this.source.close();
    await this.proxy?.close();
    for (const copies of this.#copies) await dropCopies(this.#places(), copies);
    if (this.database !== null && this.#databaseUrl !== null) await this.database.drop(this.#databaseUrl);
    this.disk.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }

  /** What the sink and the source held, for who looks into it; the small disk itself goes. */
  async #keep(): Promise<void> {
    const kept = join(this.folder, "kept");
    mkdirSync(kept, { recursive: true });
    writeFileSync(join(kept, "source.json"), JSON.stringify([...this.source.current.values()], null, 1));
    writeFileSync(join(kept, "sink.json"), JSON.stringify(await this.sink().catch(String), null, 1));
    cpSync(this.disk.folder, join(kept, "disk"), { recursive: true });
  }

  /** Starts a process of the command. */
  command(args: readonly string[], options: WorkerOptions = {}): Worker {
    const worker = new Worker(this.folder, args, { command: this.#command, ...options });
    this.#workers.add(worker);
    this.log(`starts ${args[0]}`);
    void worker.ended.then(({ status, signal, error, code, stderr }) => {
      this.#workers.delete(worker);
      const outcome = [status ?? signal ?? `code ${code}`, error].filter((word) => word !== null).join(" ");
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
      this.log(`${args[0]} ended: ${outcome}`);
      if (status === "failed" || status === null) this.log(stderr.trim());
    });
    return worker;
  }
}

interface SceneParts {
  readonly world: World;
  readonly random: Random;
  readonly folder: string;
  readonly source: LabSource;
  readonly disk: LabDisk;
  readonly database: LabDatabase | null;
  readonly proxy: LabProxy | null;
  readonly databaseUrl: string | null;
  readonly sinkPlace: string;
  readonly state: string;
  readonly command: Command;
}

function outputPlace(world: World, databaseUrl: string | null, proxy: LabProxy | null): string {
  if (world.output === "jsonl") return "./disk/out.jsonl";
  if (databaseUrl === null || proxy === null) return "sqlite:./disk/out.db";
  const url = new URL(databaseUrl);
  url.port = String(proxy.port);
  return url.href;
}
