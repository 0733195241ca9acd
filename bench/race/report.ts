import { median, pairedRatio, type Row } from "../parts/measure.ts";
import { type Job, jobTitles, type Peer } from "./peer.ts";
import { type Leg, type Phase, phases } from "./turn.ts";

/** All turns of one peer at one job, round by round; or why there are none. */
export interface Result {
  readonly job: Job;
  readonly peer: Peer;
  readonly sink: string;
  readonly turns: readonly (readonly Leg[])[];
  readonly missing: string | null;
}

/** One job's results: Tidemark's, the same again as the control, and the others'. */
export interface JobResults {
  readonly job: Job;
  readonly records: number;
  readonly tidemark: Result;
  readonly control: Result;
  readonly rivals: readonly Result[];
}

const [everything, changes, idle] = phases;
const megabyte = 1024 * 1024;

/** Of those that came to a good end: how fast something fails says nothing. */
function legs(result: Result, phase: Phase): readonly Leg[] {
  return result.turns.flatMap((turn) => turn.filter((leg) => leg.phase === phase && leg.usage.code === 0));
}

function seconds(result: Result, phase: Phase): number[] {
  return legs(result, phase).map((leg) => leg.usage.seconds);
}

/** How many times as fast as the peer Tidemark is: the median of the rounds' own ratios. */
function timesFaster(tidemark: Result, rival: Result, phase: Phase): number {
  return pairedRatio(seconds(rival, phase), seconds(tidemark, phase));
}

const thousands = (value: number): string => Math.round(value).toLocaleString("en-US");
const peak = (result: Result): number =>
  median(legs(result, everything).map((leg) => leg.usage.peakMemoryBytes)) / megabyte;
const rate = ({ records }: JobResults, result: Result): number =>
  records / median(seconds(result, everything));

/** Everything measured of one job, a line a peer, in Markdown. */
export function jobTable(results: JobResults): string {
  const head = [
    "| | writes to | records/s | Tidemark is | CPU s | peak MB | first request ms | 1 % changed | nothing new | requests | checkpoints | delivered |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
  ];
  const lines = [results.tidemark, results.control, ...results.rivals].map((result) => line(results, result));
  return [`### ${jobTitles[results.job]}, ${thousands(results.records)} records`, "", ...head, ...lines].join(
    "\n",
  );
}

function line(results: JobResults, result: Result): string {
  const name = result === results.control ? "tidemark again (noise)" : result.peer.name;
  if (result.missing !== null) return `| ${name} | not run: ${result.missing} |${" |".repeat(10)}`;
  const of = (phase: Phase, value: (leg: Leg) => number | null): number =>
    median(
      legs(result, phase)
        .map(value)
        .filter((each) => each !== null),
    );
  const shown = (value: number, text = thousands): string => (Number.isNaN(value) ? "–" : text(value));
  const timed = (phase: Phase): string =>
    shown(
      of(phase, (leg) => leg.usage.seconds),
      (value) => {
        const factor = timesFaster(results.tidemark, result, phase);
        return result === results.tidemark
          ? `${value.toFixed(2)} s`
          : `${value.toFixed(2)} s (${factor.toFixed(1)} ×)`;
      },
    );
  return `| ${[
    name,
    result.sink,
    shown(rate(results, result)),
    result === results.tidemark
      ? ""
      : shown(timesFaster(results.tidemark, result, everything), (value) => `${value.toFixed(2)} ×`),
    shown(
      of(everything, (leg) => leg.usage.cpuSeconds),
      (value) => value.toFixed(1),
    ),
    shown(peak(result)),
    shown(of(everything, (leg) => leg.startMilliseconds)),
    timed(changes),
    timed(idle),
    phases.map((phase) => shown(of(phase, (leg) => leg.served.requests))).join(" / "),
    phases.map((phase) => shown(of(phase, (leg) => leg.checkpoints))).join(" / "),
    faults(result),
  ].join(" | ")} |`;
}

function faults({ turns }: Result): string {
  const found = turns.flatMap((turn) =>
    turn.flatMap(({ phase, fault }) => (fault === null ? [] : [`${phase}: ${fault}`])),
  );
  return found.length === 0 ? "all, once" : [...new Set(found)].join("; ");
}

/** What is claimed of one job, against what was measured. */
export function claims(results: JobResults): Row[] {
  const { job, tidemark, control, rivals } = results;
  const noise = timesFaster(tidemark, control, everything);
  const rows: Row[] = [
    {
      what: `${jobTitles[job]}: Tidemark against itself`,
      budget: "1.00: the noise",
      measured: `${noise.toFixed(2)} × (${spread(tidemark, control)})`,
      ok: true,
      details: { ratio: noise },
    },
  ];
  for (const rival of rivals) {
    const { factor, name } = rival.peer;
    if (rival.missing !== null || factor === null || legs(rival, everything).length === 0) continue;
    const ratio = timesFaster(tidemark, rival, everything);
    rows.push({
      what: `${jobTitles[job]}: Tidemark's records/s against ${name}'s`,
      budget: `≥ ${factor.toFixed(2)} ×`,
      measured: `${ratio.toFixed(2)} × (${thousands(rate(results, tidemark))} against ${thousands(rate(results, rival))})`,
      ok: ratio >= factor,
      details: { ratio },
    });
    if (factor < 1) continue;
    rows.push({
      what: `${jobTitles[job]}: Tidemark's peak memory against ${name}'s`,
      budget: "less",
      measured: `${thousands(peak(tidemark))} against ${thousands(peak(rival))} MB`,
      ok: peak(tidemark) < peak(rival),
      details: { tidemark: peak(tidemark), rival: peak(rival) },
    });
  }
  return rows;
}

/** The least and the greatest ratio of one round. */
function spread(a: Result, b: Result): string {
  const [mine, other] = [seconds(a, everything), seconds(b, everything)];
  const ratios = other.map((value, index) => value / (mine[index] ?? Number.NaN));
  return `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
}
