import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { createInstruments } from "../../src/observability/instruments.ts";
import { Metrics } from "../../src/observability/metrics.ts";

const page = (name: string): string =>
  readFileSync(new URL(`../../docs/operations/${name}`, import.meta.url), "utf8");

/** The names of the series that a process gives, with those that a histogram is made of. */
async function knownSeries(): Promise<Set<string>> {
  const { body } = await new Metrics({ version: "1.0.0", streams: () => [] }).scrape();
  const known = new Set<string>();
  for (const [, name = "", type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    known.add(name);
    if (type === "histogram") for (const part of ["bucket", "sum", "count"]) known.add(`${name}_${part}`);
  }
  return known;
}

function seriesIn(expression: string): string[] {
  return expression.match(/\b(?:tidemark|process|nodejs)_[a-z0-9_]+/g) ?? [];
}

const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string(),
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string().min(1),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.object({ expr: z.string().min(1) })).default([]),
    }),
  ),
});

const alertsSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Tidemark[A-Z]/),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.object({ severity: z.enum(["warning", "critical"]) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

test("the dashboard is whole, and asks only for what there is", async () => {
  const dashboard = dashboardSchema.parse(JSON.parse(page("grafana-dashboard.json")));
  const known = await knownSeries();
  const asked = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => seriesIn(expr)));
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
});

test("the alert rules are whole, and ask only for what there is", async () => {
  const { groups } = alertsSchema.parse(parse(page("alerts.yaml")));
  const known = await knownSeries();
  const rules = groups.flatMap(({ rules }) => rules);
  for (const { alert, expr } of rules) {
    const asked = seriesIn(expr);
    expect(asked.length, alert).toBeGreaterThan(0);
    expect(
      asked.filter((name) => !known.has(name)),
      alert,
    ).toEqual([]);
  }
});

test("the guide explains every metric, and no other", async () => {
  const guide = page("README.md");
  const told = new Set([...guide.matchAll(/^\| `(tidemark_[a-z0-9_]+)`/gm)].map(([, name]) => name));
  const registry = new Registry();
  createInstruments(registry);
  expect([...told].toSorted()).toEqual(
    registry
      .getMetricsAsArray()
      .map(({ name }) => name)
      .toSorted(),
  );
});

const alerts = fileURLToPath(new URL("../../docs/operations/alerts.yaml", import.meta.url));

/** What Prometheus' own program says of rules; null where the machine does not have it. */
function promtool(
  ...args: readonly string[]
): { readonly status: number | null; readonly said: string } | null {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, { encoding: "utf8" });
  return error === undefined ? { status, said: stdout + stderr } : null;
}

const noPromtool = "promtool is not on the PATH: apt-get install prometheus";

test("Prometheus takes the alert rules as they are", ({ skip }) => {
  const checked = promtool("check", "rules", alerts) ?? skip(noPromtool);
  expect(checked).toMatchObject({ status: 0, said: expect.stringContaining("SUCCESS") });
});

test("an alert fires for records that are refused, and not for those that filters drop", ({ skip }) => {
  const series = (name: string, values: string) => ({
    series: `tidemark_records_${name}_total{connector="acme",stream="orders"}`,
    values,
  });
  const alertAt = (time: string, fires: boolean) => ({
    eval_time: time,
    alertname: "TidemarkRecordsRefused",
    exp_alerts: fires
      ? [
          {
            exp_labels: { severity: "warning", connector: "acme", stream: "orders" },
            exp_annotations: {
              summary: "3 records of acme/orders were refused in the last hour",
              description:
                "They were skipped or are dead letters. `tidemark state history acme orders` has the first reason; `tidemark deadletters list` the letters.",
            },
          },
        ]
      : [],
  });
  const file = join(mkdtempSync(join(tmpdir(), "tidemark-alerts-")), "refused.yaml");
  const tests = [
    {
      interval: "1m",
      input_series: [series("refused", "0x119 3x180"), series("filtered", "0+5x300")],
      alert_rule_test: [alertAt("1h50m", false), alertAt("2h30m", true), alertAt("4h", false)],
    },
  ];
  writeFileSync(file, stringify({ rule_files: [alerts], tests }));
  const tested = promtool("test", "rules", file) ?? skip(noPromtool);
  expect(tested).toMatchObject({ status: 0, said: expect.stringContaining("SUCCESS") });
});
