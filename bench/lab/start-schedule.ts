import type { PlaceCopies } from "./copies.ts";
import { incidents } from "./incidents.ts";
import type { Scene } from "./scene.ts";
import { StartPair } from "./start-pair.ts";

/** How many ticks the pair is left alone for at the end. */
const calmTicks = 3;

/**
 * Two processes run the pipeline by its schedule, and something happens to them again and again. After each time all
 * that the source holds must come to the sink with nobody's help, and at the end tick after tick has its run.
 * Returns what must not be, in words.
 */
export async function disturbPair(scene: Scene): Promise<readonly string[]> {
  const { world, random } = scene;
  const pair = new StartPair(scene);
  const problems: string[] = [];
  let copies: PlaceCopies | null = null;
  // A copy of a place where nothing was ever delivered is nothing to go back to.
  pair.up();
  const never = await pair.catchesUp();
  if (never !== null) return [never, ...(await pair.down("SIGKILL"))];
  for (const kind of world.incidents) {
    scene.log(`— ${kind}`);
    if (copies === null || random.chance(0.3)) {
      problems.push(...(await pair.down("SIGTERM")));
      copies = await scene.copyPlaces();
    }
    await scene.slowDown();
    pair.up();
    for (let groups = random.between(5, 40); groups > 0; groups--) scene.source.change();
    scene.startChanges(random.between(10, 200));
    const wrong = await incidents[kind]({ scene, pair, copies });
    scene.stopChanges();
    scene.heal();
    pair.up();
    const late = await pair.catchesUp();
    for (const what of [...wrong, ...(late === null ? [] : [late])]) problems.push(`${kind}: ${what}`);
    // What comes next would hide what is in the state and the output now.
    if (late !== null) {
      problems.push(...(await pair.down("SIGTERM")));
      await scene.copyPlaces();
      return problems;
    }
  }
  await scene.speedUp();
  const silent = await pair.ticks(calmTicks);
  if (silent !== null) problems.push(silent);
  problems.push(...(await pair.down("SIGTERM")));
  return problems;
}
