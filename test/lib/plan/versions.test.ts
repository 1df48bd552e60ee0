import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { stateSchema } from '../../../analyzer/core/state.ts';
import { readPlan } from '../../../lib/plan/parse.ts';
import { planSchema } from '../../../lib/plan/plan.ts';
import { PLAN_UPGRADES } from '../../../lib/plan/upgrades.ts';
import { FORMAT, upgraded } from '../../../lib/plan/versions.ts';
import { UPGRADES } from '../../faults/upgrades/positions.ts';
import { FORMATS, keptOf } from '../../faults/upgrades/restore.ts';

/** What each format's schemas were, as a hash of their JSON Schema; a format that was released never changes. */
const SCHEMAS: Readonly<Record<number, { readonly plan: string; readonly state: string }>> = {
  2: { plan: '5a4a4e9aef2a6eaa', state: 'cc791c63f1efe31e' },
  3: { plan: '16884cf5a3afbd8d', state: 'a95079da2b6b7cd7' },
  4: { plan: '678fd6ed5bff45a4', state: '755840607937ec2d' },
};

function hashOf(schema: z.ZodType): string {
  const text = JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any' }));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

describe('a format', () => {
  test('has one schema: another one is another format', () => {
    const today = { plan: hashOf(planSchema), state: hashOf(stateSchema) };
    const remedy =
      'a schema changed: follow "For developers" in docs/upgrades.md, raise FORMAT, and add its line here';
    expect(SCHEMAS[FORMAT], remedy).toEqual(today);
  });

  test('that came before has an upgrade, and repositories in every kind of position', () => {
    const before = Array.from({ length: FORMAT - 1 }, (_, index) => index + 1);
    expect(PLAN_UPGRADES).toHaveLength(before.length);
    expect(FORMATS.filter((it) => it < FORMAT)).toEqual(before);
    const names = UPGRADES.map((it) => it.name).sort();
    for (const it of before) expect(keptOf(it)).toEqual(names);
  });
});

describe('data', () => {
  const add = (key: string) => (old: Readonly<Record<string, unknown>>) => ({ ...old, [key]: 1 });

  test.each([
    ['of the first format is brought through each upgrade', { version: 1 }, { a: 1, b: 1 }],
    ['of a later one through those that follow', { version: 2 }, { b: 1 }],
  ])('%s', (_, old, more) => {
    expect(upgraded(old, [add('a'), add('b')])).toEqual({
      kind: 'today',
      value: { version: 3, ...more },
    });
  });

  test.each([undefined, null, 1, [], {}, { version: '1' }, { version: 0 }, { version: 1.5 }])(
    'that has no version is left to the schema: %j',
    (value) => expect(upgraded(value, [])).toEqual({ kind: 'today', value }),
  );

  test('of a newer format is told as such, with a remedy that helps', () => {
    expect(upgraded({ version: FORMAT + 1 }, [])).toEqual({ kind: 'newer', version: FORMAT + 1 });
    const reading = readPlan(`version: ${FORMAT + 1}\nanything: true\n`);
    expect(reading).toEqual({
      kind: 'refused',
      reason:
        `is a plan of format ${FORMAT + 1}, and this version of Perch reads formats up to ${FORMAT}: ` +
        'upgrade Perch here, analyzers first',
    });
  });

  test.each([
    ['checks that are none', { version: 1, checks: 'x', steps: [1, null, { checks: 3 }] }],
    ['nothing else', { version: 1 }],
  ])('of the first format that is no plan is refused by the schema: %s', (_, value) => {
    expect(readPlan(JSON.stringify(value)).kind).toBe('refused');
  });
});
