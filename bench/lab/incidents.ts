import { setTimeout as sleep } from "node:timers/promises";
import type { PlaceCopies } from "./copies.ts";
import type { IncidentKind } from "./incident-kinds.ts";
import { misbehave, statusAnswer } from "./misbehaviour.ts";
import type { Scene } from "./scene.ts";
import type { StartPair } from "./start-pair.ts";

/** What an incident happens to. */
export interface Incident {
  readonly scene: Scene;
  readonly pair: StartPair;
  /** How state and output were at some earlier moment. */
  readonly copies: PlaceCopies;
}

/** Does something to the pair; returns what must not be, in words. */
type Happening = (incident: Incident) => Promise<readonly string[]>;

export const incidents: Readonly<Record<IncidentKind, Happening>> = {
  "restart of one": async ({ pair }) => {
    await pair.moment();
    const end = await pair.one().down("SIGTERM");
    return end === null ? [] : [end];
  },
  "restart of both": async ({ pair }) => {
    await pair.moment();
    return pair.down("SIGTERM");
  },
  "kill of one": async ({ scene, pair }) => {
    await pair.moment();
    await pair.one().down("SIGKILL");
    // The other one is left alone with what the dead one had begun, at times for long.
    if (scene.random.chance(0.5)) return [];
    scene.stopChanges();
    const late = await pair.catchesUp();
    return late === null ? [] : [`the other one did not take over: ${late}`];
  },
  "kill of both": async ({ pair }) => {
    await pair.moment();
    return pair.down("SIGKILL");
  },
  "pause of one past the lease": async ({ scene, pair }) => {
    await pair.moment();
    const { worker } = pair.one();
    worker?.signal("SIGSTOP");
    await sleep(scene.world.leaseSeconds * 1000 + scene.random.between(300, 4000));
    worker?.signal("SIGCONT");
    return [];
  },
  "clock ahead": (incident) => clocks(incident, 1),
  "clock behind": (incident) => clocks(incident, -1),
  "source fails ticks": async ({ scene, pair }) => {
    await pair.moment();
    misbehave(scene, statusAnswer(scene), scene.random.between(4, 14));
    await sleep(scene.random.between(500, 5000));
    return [];
  },
  "state put back": (incident) => restored(incident, "state"),
  "output put back": async (incident) => [
    ...(await restored(incident, "output")),
    ...(await goBack(incident.scene)),
  ],
  "both put back": (incident) => restored(incident, "both"),
};

/** Clocks of one or both jump, stay wrong over some ticks, and jump back while the processes run. */
async function clocks({ scene, pair }: Incident, sign: 1 | -1): Promise<readonly string[]> {
  const { random } = scene;
  const wrong = random.chance(0.5) ? [pair.one()] : pair.members;
  const seconds = sign * random.one([5, 90, 3_600, 86_400]);
  for (const { clock } of wrong) clock.set(seconds);
  if (random.chance(0.3)) await wrong[0]?.down(random.chance(0.5) ? "SIGKILL" : "SIGTERM");
  pair.up();
  await sleep(random.between(200, 6000));
  for (const { clock } of wrong) clock.set(0);
  return [];
}

async function restored(
  { scene, pair, copies }: Incident,
  what: "state" | "output" | "both",
): Promise<readonly string[]> {
  await pair.moment();
  const ends = await pair.down(scene.random.chance(0.5) ? "SIGTERM" : "SIGKILL");
  await scene.putBack(copies, what);
  return ends;
}

/** The documented way on after `OUTPUT_LOST`. */
async function goBack(scene: Scene): Promise<readonly string[]> {
  const { code, stderr } = await scene.goBackToOutput().endWithin(60_000);
  return code === 0 ? [] : [`the way back to the output ended with code ${code}: ${stderr}`];
}
