import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { parse } from "yaml";
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
