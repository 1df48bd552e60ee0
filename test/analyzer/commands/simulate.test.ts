import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Evidence } from '../../../lib/plan/evidence.ts';
import { afterFile } from '../../cleanups.ts';
import { startPrometheus } from '../../embedded/prometheus.ts';
import { errorTest, evidence, tested } from '../core/judge/counted.ts';
import { scratch } from '../git/fixture.ts';
import type { Cli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;
let folder: string;

beforeAll(async () => {
  perch = await openPerch();
  folder = await scratch();
  write('app', {});
  write('known', { requestsPerSecond: 400 });
});

function write(name: string, more: Partial<Evidence>): void {
  const of = evidence([errorTest({ capped: true, catastrophe: 0.1 })], {
    intervalSeconds: 60,
    advance: 'no-harm-seen',
    ...more,
  });
  mkdirSync(join(folder, 'dist', name), { recursive: true });
  const text = stringify({ ...tested(of).plan, release: name }, { aliasDuplicateObjects: false });
  writeFileSync(join(folder, 'dist', name, 'plan.yaml'), text);
}

const simulate = (...args: readonly string[]) =>
  perch('simulate', '--repo', folder, '--runs', '2', ...args);

describe('perch simulate', () => {
  test('prints the same table with the same seed, no wider than a terminal', async () => {
    const { code, stdout, stderr } = await simulate('app', '--rps', '500', '--seed', '3');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'app: 500 requests a second, 0.1 % of them bad; pods ready after 30 s',
      '2 rollouts each, seed 3; a share is exact to 71 points',
      '',
    ]);
    expect(lines[3]).toMatch(/^REGRESSION +PROMOTED +IN +ROLLED BACK +AFTER +HOLDS +BAD$/);
    expect(lines[4]).toMatch(/^none \(A\/A\) +100 % +\d+m\S* +0 +- +0 +\d+$/);
    expect(lines[9]).toMatch(/^errors \.1 % → 100 % +0 +- +100 % +\d+s +0 +\d+$/);
    expect(stdout).toMatch(/^REGRESSION +FLAGGER +ITS PACE +ARGO +ITS PACE$/m);
    expect(lines.filter((it) => / {2}\S/.test(it) && it.length > 80)).toEqual([]);
    expect((await simulate('app', '--rps', '500', '--seed', '3')).stdout).toBe(stdout);
  });

  test('prints the same as JSON, and draws it', async () => {
    const svg = join(folder, 'chart.svg');
    const asked = ['app', '--rps', '500', '--error-rate', '1', '--svg', svg, '--json'];
    const { code, stdout } = await simulate(...asked);
    expect(code).toBe(0);
    const outcomes = {
      runs: 2,
      promoted: expect.any(Number),
      rolledBack: expect.any(Number),
      held: expect.any(Number),
      bad: expect.any(Number),
      rollbackSeconds: expect.any(Array),
    };
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({
      release: 'app',
      requestsPerSecond: 500,
      errorRate: 1,
      readySeconds: 30,
      runs: 2,
      seed: 1,
      leftOut: [],
    });
    expect(found.regressions[0]).toMatchObject({
      ...outcomes,
      name: 'none (A/A)',
      kind: 'innocent',
      heldBecause: null,
      others: ['Flagger', 'Flagger', 'Argo Rollouts', 'Argo Rollouts'].map((rule, index) => ({
        ...outcomes,
        rule,
        pace: index % 2 === 0 ? 'same' : 'own',
      })),
    });
    const chart = readFileSync(svg, 'utf8');
    expect(chart).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox=/);
    expect(chart).toContain('errors 1 % → 100 %</text>');
    expect(chart.match(/<path d="M[^"]*" fill="none"/g)).toHaveLength(10);
    expect(chart).not.toContain('NaN');
  });

  test('takes the traffic from the plan, or from the metric store where that is named', async () => {
    const first = async (...args: readonly string[]) =>
      (await simulate(...args, '--runs', '1')).stdout.split(' requests', 1)[0];
    expect(await first('known')).toBe('known: 400');
    const server = await startPrometheus({
      clock: () => Date.now() / 1000,
      answer: () => 90_000,
    });
    afterFile(() => server.stop());
    expect(await first('known', '--metrics', server.url)).toBe('known: 50');
    expect(server.queries.map((it) => it.parameters.query)).toEqual([
      expect.stringContaining('requests_total{track="primary"}'),
      expect.stringContaining('requests_total{track="canary"}'),
    ]);
  });

  test('says what is missing', async () => {
    expect(await simulate('app', '--metrics', 'http://127.0.0.1:1')).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^perch: .*; or say --rps <requests a second>\n$/),
    });
    expect(await simulate('web', '--rps', '1')).toMatchObject({ code: 2 });
    const svg = join(folder, 'none', 'chart.svg');
    expect(await simulate('app', '--rps', '500', '--svg', svg)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--svg ${svg} cannot be written (ENOENT)`),
    });
    expect(await simulate('app', '--rps', '0')).toMatchObject({ code: 2 });
  });
});
