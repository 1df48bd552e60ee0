import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { dashboardFiles } from '../../../../analyzer/telemetry/dashboards/files.ts';
import { METRICS } from '../../../../analyzer/telemetry/names.ts';
import { gatewayApi, istio } from '../../../../lib/index.ts';
import { namesOf, TRACKS } from '../../../../lib/names.ts';

const FOLDER = join(import.meta.dirname, '../../../../docs/dashboards');

const ref = z.object({ type: z.literal('prometheus'), uid: z.literal('$'.concat('{datasource}')) });

const panel = z.looseObject({
  id: z.number().int().positive(),
  type: z.enum(['row', 'stat', 'table', 'timeseries', 'state-timeline']),
  title: z.string().min(1),
  gridPos: z.object({
    x: z.number().int().min(0),
    y: z.number().int().min(0),
    w: z.number().int().min(1).max(24),
    h: z.number().int().min(1),
  }),
  description: z.string().min(1).optional(),
  datasource: ref.optional(),
  targets: z
    .array(
      z.looseObject({
        refId: z.string().regex(/^[A-Z]$/),
        expr: z.string().min(1),
        datasource: ref,
        legendFormat: z.string(),
      }),
    )
    .min(1)
    .optional(),
});

/** What Grafana needs of a dashboard of this schema version. */
const dashboard = z.looseObject({
  uid: z.string().regex(/^[a-z-]{8,40}$/),
  title: z.string().min(1),
  schemaVersion: z.literal(42),
  tags: z.array(z.string()),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({
    list: z.array(z.looseObject({ type: z.enum(['datasource', 'query']), name: z.string() })),
  }),
  panels: z.array(panel).min(1),
});

const files = [...dashboardFiles()];

const RELEASE = { name: 'app', namespace: 'test' };
const ROUTERS = [
  istio(),
  ...(['contour', 'envoy-gateway', 'istio'] as const).map((metrics) =>
    gatewayApi({ parentRefs: [], metrics }),
  ),
];

/** A query as Grafana sends it. */
function filledIn(expr: string): string {
  return expr
    .replaceAll(/\$\{?namespace\b\}?/g, RELEASE.namespace)
    .replaceAll(/\$name\b/g, RELEASE.name)
    .replaceAll('$__rate_interval', '1m');
}

test('what is committed is what is generated; `npm run dashboards` writes it', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(files.map(([name]) => name).sort());
  for (const [name, text] of files)
    expect(readFileSync(join(FOLDER, name), 'utf8'), name).toBe(text);
});

describe.each(files)('%s', (_, text) => {
  const whole = dashboard.parse(JSON.parse(text));
  const shown = whole.panels.filter((it) => it.type !== 'row');
  const queries = shown.flatMap((it) => it.targets ?? []);

  test('is a dashboard, each panel with a description, a data source and a query', () => {
    for (const it of shown)
      expect([it.description, it.datasource, it.targets], it.title).not.toContain(undefined);
  });

  test('has unique panel ids and titles, and letters for queries', () => {
    const unique = (all: readonly unknown[]) => expect(new Set(all).size).toBe(all.length);
    unique(whole.panels.map((it) => it.id));
    unique(shown.map((it) => it.title));
    for (const it of shown) unique((it.targets ?? []).map((one) => one.refId));
  });

  test('has no panels that lie over each other, or outside of the grid', () => {
    const taken = new Set<string>();
    for (const { gridPos, title } of whole.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), title).toBe(false);
          taken.add(`${x},${y}`);
        }
    }
  });

  test('asks for metrics that the analyzer has, and filters each by its variable', () => {
    const names = Object.values(METRICS).map((it) => it.name as string);
    const variable = whole.templating.list[1]?.name ?? '';
    // What serves requests counts them, and has no names of ours.
    const own = whole.uid === 'perch-tracks' ? [] : queries;
    for (const { expr } of own) {
      const selectors = [...expr.matchAll(/\b(perch_\w+)(\{[^}]*\})?/g)];
      expect(selectors.length, expr).toBeGreaterThan(0);
      for (const [, name = '', labels] of selectors) {
        expect(names, expr).toContain(name.replace(/_(bucket|sum|count)$/, ''));
        expect(labels, expr).toContain(`${variable}=~"$${variable}"`);
      }
    }
  });

  test('has queries with all brackets and quotes closed', () => {
    for (const { expr } of queries) expect(bracketsLeft(expr), expr).toBe('');
  });
});

describe('primary and canary side by side', () => {
  const text = files.find(([name]) => name === 'perch-tracks.json')?.[1] ?? '';
  const shown = dashboard.parse(JSON.parse(text)).panels.filter((it) => it.type !== 'row');

  test('are a query each in every panel, the same but for the track', () => {
    for (const { title, targets = [] } of shown) {
      expect(
        targets.map((it) => it.legendFormat),
        title,
      ).toEqual(['primary', 'canary']);
      const [primary, canary] = targets.map((it) => it.expr);
      const place = (expr = '') => expr.replaceAll(/\/backend\/\d/g, '/backend/N');
      expect(
        place(primary).replaceAll('-primary-', '-canary-').replaceAll('-primary', '-canary'),
        title,
      ).toBe(place(canary));
    }
    expect(shown.map((it) => it.title)).toEqual(
      expect.arrayContaining(['Requests', 'Success rate', 'Latency p99', 'CPU', 'Memory']),
    );
  });

  test('ask for what the checks of each router count', () => {
    const asked = shown.flatMap((it) => it.targets ?? []).map((it) => filledIn(it.expr));
    const all = asked.join('\n');
    const patterns = [...all.matchAll(/envoy_cluster_name=~"([^"]+)"/g)].map((it) => it[1] ?? '');
    for (const router of ROUTERS)
      for (const track of TRACKS) {
        const counts = router.counts({ names: namesOf(RELEASE), port: 80 }, track);
        if (counts.kind !== 'counted' || counts.durations.metric === undefined)
          throw new Error('it counts');
        expect(all).toContain(counts.requests.metric);
        expect(all).toContain(counts.durations.metric);
        for (const [label, , value] of counts.requests.matchers) {
          // A pattern stands for any rule, and for a backend or a copy.
          const cluster = value.replace('[0-9]+', '3').replace(/\((.*)\|.*\)/, '$1');
          if (label !== 'envoy_cluster_name') expect(all).toContain(`${label}="${value}"`);
          else
            expect(
              patterns.some((it) => new RegExp(`^(?:${it})$`).test(cluster)),
              cluster,
            ).toBe(true);
        }
      }
  });
});

/** What is left of the brackets outside of strings when pairs are taken away; nothing when they match. */
function bracketsLeft(expr: string): string {
  let left = expr.replace(/"(?:[^"\\]|\\.)*"/g, '').replace(/[^()[\]{}"]/g, '');
  for (let before = ''; before !== left; ) {
    before = left;
    left = left.replace(/\(\)|\[\]|\{\}/g, '');
  }
  return left;
}

test('the analyzer is bundled without the library that draws dashboards', () => {
  const root = join(import.meta.dirname, '../../../../analyzer');
  const outside = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (it) => it.endsWith('.ts') && !it.startsWith('telemetry/dashboards/'),
  );
  const importing = (path: string) =>
    /dashboards\/|grafana-foundation/.test(readFileSync(join(root, path), 'utf8'));
  expect(outside.filter(importing)).toEqual([]);
});
