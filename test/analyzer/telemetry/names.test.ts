import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { METRICS } from '../../../analyzer/telemetry/names.ts';

const PAGE = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8');

describe('docs/observability.md', () => {
  test('has every metric with its labels, and no other', () => {
    const rows = [...PAGE.matchAll(/^\| `(perch_\w+)` \| ([^|]*?) ?\|/gm)].map(
      ([, name, labels = '']) => [name, labels.replaceAll('`', '')],
    );
    const metrics = Object.values(METRICS).map((it) => [it.name, it.labelNames.join(', ')]);
    expect(rows.sort()).toEqual(metrics.sort());
  });

  test('names no metric that there is not', () => {
    const names = Object.values(METRICS).map((it) => it.name as string);
    const named = [...PAGE.matchAll(/\bperch_\w+/g)].map(([name]) => name);
    expect(named.filter((it) => !names.includes(it))).toEqual([]);
  });
});

test('names follow the conventions of Prometheus: unit last, counters end in _total', () => {
  for (const { name, help } of Object.values(METRICS)) {
    expect(name).toMatch(/^perch_[a-z]+(_[a-z]+)*$/);
    expect(help).toMatch(/[^.]\.$/);
  }
});
