import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { dashboardFiles } from '../../../../analyzer/telemetry/dashboards/files.ts';
import { METRICS } from '../../../../analyzer/telemetry/names.ts';

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
    for (const { expr } of queries) {
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
