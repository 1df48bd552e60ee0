import { beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../../lib/plan/plan.ts';
import { plan } from '../core/fixture.ts';
import { type GitField, openField, untilRest, untilStep } from '../field.ts';
import { bare, git } from '../git/fixture.ts';
import type { Cli, Ended } from './cli.ts';
import { openPerch } from './in-process.ts';

const gates = (): Gate[] => [{ kind: 'person' }];
const V2 = plan('v2', {
  steps: { '02-weight-20': { gates: gates() }, '04-promote': { gates: gates() } },
});
const BY = ['--identity', 'Robin <robin@example.com>', '-m', 'I looked'];

let perch: Cli;
let field: GitField;

beforeAll(async () => {
  perch = await openPerch();
  field = await openField((await bare()).folder);
  const analyzer = await field.analyzer();
  await field.release({ app: plan('v1') });
  await untilRest(field, analyzer);
  await field.release({ app: V2 });
  await untilStep(field, analyzer, 'app', '02-weight-20');
});

const promote = (...args: readonly string[]): Promise<Ended> =>
  perch('promote', 'app', '--repo', field.folder, ...BY, ...args);
const tip = () => git(field.folder, 'rev-parse', 'main');

describe('perch promote', () => {
  test('a second time says that the gate is open, what the step needs, and changes nothing', async () => {
    expect(await promote()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[0-9a-f]{10} app: gate of 02-weight-20 opened\n$/),
    });
    const before = tip();
    const { code, stdout, stderr } = await promote();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^perch: app: the gate of 02-weight-20 is open already, Robin <.*> opened it \(I looked\)\. In all, 02-weight-20 needs: live; .*`perch promote app --step 04-promote` opens it now\n$/,
    );
    expect(tip()).toBe(before);
  });

  test('--step opens the gate of a step ahead, by how its name begins', async () => {
    expect(await promote('--step', '04', '--dry-run')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^app: gate of 04-promote opened\n/),
    });
  });

  test.each([
    [
      '03',
      2,
      /^perch: app: "03" names no step ahead that has a gate; there are: 02-weight-20, 04-promote\n$/,
    ],
    ['0', 2, /^perch: "0" is how several names begin, 02-weight-20, 04-promote: give more/],
  ])('--step %s ends with %i', async (step, code, said) => {
    expect(await promote('--step', step)).toMatchObject({
      code,
      stderr: expect.stringMatching(said),
    });
  });

  test('takes either --step or --full', async () => {
    expect(await promote('--step', '04', '--full')).toMatchObject({ code: 2 });
  });
});

describe('perch undo', () => {
  test('of a candidate that does not exist is wrong usage', async () => {
    const other = await openField((await bare()).folder);
    await other.release({ app: plan('v1') });
    await untilRest(other, await other.analyzer());
    const { code, stderr } = await perch(
      'undo',
      'app',
      '--to',
      'abcd',
      '--repo',
      other.folder,
      ...BY,
    );
    expect([code, stderr]).toEqual([
      2,
      'perch: app: no candidate abcd was promoted before; there are: none\n',
    ]);
  });
});
