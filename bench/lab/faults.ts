import { setTimeout as sleep } from "node:timers/promises";
import type { FaultKind } from "./fault-kinds.ts";
import { cutAnswer, misbehave, statusAnswer } from "./misbehaviour.ts";
import type { Scene } from "./scene.ts";
import type { Worker } from "./worker.ts";

/** How long a run may take, its database being away or its network silent, before it is killed. */
const patience = 8000;

/** What a fault showed. */
export type Seen =
  /** Nothing that must not be. */
  | null
  | { readonly wrong: string }
  /** What could not be looked at, so that nothing is known of it. */
  | { readonly unseen: string };

/** One run, or several, with a fault. */
type Fault = (scene: Scene) => Promise<Seen>;

export const faults: Readonly<Record<FaultKind, Fault>> = {
  kill: around(async (_scene, worker) => worker.signal("SIGKILL")),
  "pause past the lease": pausePastTheLease,
  "two workers": twoWorkers,
  "source errors": around(async (scene) => misbehave(scene, statusAnswer(scene))),
  "source cuts": around(async (scene) => misbehave(scene, cutAnswer)),
  "expired tokens": around(async (scene, worker) => {
    if (scene.random.chance(0.5)) worker.signal("SIGKILL");
    scene.source.expireTokens();
  }),
  "full disk": fullDisk,
  "database restart": atCommitOrAnytime(async (scene) => scene.database?.restart()),
  "network cut": atCommitOrAnytime(async (scene) => {
    scene.proxy?.cut();
    await sleep(scene.random.between(0, 400));
    scene.proxy?.heal();
  }),
  "network freeze": atCommitOrAnytime(async (scene) => {
    const { random, proxy, world } = scene;
    proxy?.freeze();
    await sleep(random.chance(0.3) ? world.leaseSeconds * 1000 + 500 : random.between(30, 900));
    if (random.chance(0.3)) proxy?.cut();
    proxy?.heal();
  }),
  "network delay": atCommitOrAnytime(async (scene) => {
    scene.proxy?.delay(scene.random.between(1, 60));
    await sleep(scene.random.between(100, 600));
    scene.proxy?.heal();
  }),
  "network half-open": atCommitOrAnytime(async (scene) => {
    scene.proxy?.halfOpen(scene.random.chance(0.5) ? "client" : "server");
    await sleep(scene.random.between(100, scene.world.leaseSeconds * 1000 + 800));
    scene.proxy?.heal();
  }),
};

/** A run to which something happens at a moment of its own. */
function around(happens: (scene: Scene, worker: Worker) => Promise<unknown>): Fault {
  return async (scene) => {
    const worker = scene.run();
    await scene.moment(worker);
    await happens(scene, worker);
    await worker.endWithin(patience);
    return null;
  };
}

/** As `around`, half of the times just as a transaction is committed: before, or with the answer under way. */
function atCommitOrAnytime(happens: (scene: Scene) => Promise<unknown>): Fault {
  return async (scene) => {
    const { proxy, random } = scene;
    const worker = scene.run();
    if (proxy === null || random.chance(0.4)) {
      await scene.moment(worker);
      await happens(scene);
    } else {
      await committing(scene, worker, () => happens(scene));
    }
    await worker.endWithin(patience);
    return null;
  };
}

async function committing(scene: Scene, worker: Worker, happens: () => Promise<unknown>): Promise<void> {
  const { proxy, random } = scene;
  if (proxy === null) return;
  const over = Promise.withResolvers<void>();
  const wait = random.chance(0.5) ? 0 : random.next() * 3;
  let left = random.between(1, 12);
  proxy.onSent = (bytes) => {
    if (!bytes.includes("COMMIT")) return;
    left -= 1;
    if (left !== 0) return;
    const happened = wait === 0 ? happens() : sleep(wait).then(happens);
    happened.then(() => over.resolve(), over.reject);
  };
  await Promise.race([over.promise, worker.ended]);
  proxy.onSent = () => {};
  // The worker may end by what happens, before all of it has happened.
  if (left <= 0) await over.promise;
}

/**
 * A worker stopped until its lease has run out and another has taken over must change nothing when it
 * wakes. One stopped with SQLite's write lock in its hands keeps all others waiting: nobody takes over
 * from it, and its transaction is as good as any.
 */
async function pausePastTheLease(scene: Scene): Promise<Seen> {
  const zombie = scene.run();
  await scene.moment(zombie);
  zombie.signal("SIGSTOP");
  await sleep(scene.world.leaseSeconds * 1000 + 300);
  const takenOver = await takesOver(scene);
  scene.stopChanges();
  const before = takenOver ? await scene.glimpse() : null;
  zombie.signal("SIGCONT");
  const { status, error } = await zombie.endWithin(patience);
  if (status !== "superseded" || !takenOver) return null;
  if (error !== "RUN_SUPERSEDED") return { wrong: `a woken worker was superseded, and says ${error}` };
  const after = before === null ? null : await scene.glimpse();
  if (before === null || after === null) {
    return { unseen: "the output was locked, so it was not seen whether a woken worker changed it" };
  }
  return JSON.stringify(sorted(before)) === JSON.stringify(sorted(after))
    ? null
    : { wrong: "a worker that was superseded while it was stopped changed the output" };
}

/** Whether another run has come to its end, once the lease lets it. */
async function takesOver(scene: Scene): Promise<boolean> {
  for (let tries = 0; tries < 10; tries++) {
    const { status, hung } = await scene.run().endWithin(patience);
    if (status === "completed") return true;
    if (hung) return false;
  }
  return false;
}

function sorted<T extends { id: number; version: number }>(rows: T[]): T[] {
  return rows.sort((a, b) => a.id - b.id || a.version - b.version);
}

async function twoWorkers(scene: Scene): Promise<null> {
  const { random } = scene;
  const workers = [scene.run(), scene.run()];
  const one = random.one(workers);
  if (random.chance(0.5)) {
    await scene.moment(one);
    one.signal("SIGKILL");
  }
  await Promise.all(workers.map((worker) => worker.endWithin(patience)));
  return null;
}

/** The disk fills while a run writes, and has room again after it. */
async function fullDisk(scene: Scene): Promise<null> {
  const { disk, random } = scene;
  const room = random.chance(0.4) ? 0 : random.between(1, 32);
  const worker = scene.run(disk.limitKilobytes(room));
  await scene.moment(worker);
  disk.fill(room);
  await worker.endWithin(patience);
  disk.free();
  return null;
}
