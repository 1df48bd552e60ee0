import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  addMetricsFlags,
  type MetricsFlags,
  storesOf,
} from '../../../analyzer/commands/metrics.ts';
import { observe } from '../../../analyzer/tick/observe.ts';
import { oneCluster } from '../../../analyzer/tick/world.ts';
import { UsageError } from '../../../analyzer/usage-error.ts';
import { afterFile, temporaryFolder } from '../../cleanups.ts';
import { type EmbeddedPrometheus, startPrometheus } from '../../embedded/prometheus.ts';
import { blobs, bounded, plan, situation, step, T0 } from '../core/fixture.ts';

/** The stores of a command line. */
async function stores(...args: readonly string[]) {
  const command = addMetricsFlags(new Command('analyze')).exitOverride();
  await command.action(() => undefined).parseAsync(args, { from: 'user' });
  return storesOf(command.opts<MetricsFlags>(), command);
}

async function fileOf(text: string): Promise<string> {
  const path = join(temporaryFolder(), 'stores.yaml');
  await writeFile(path, text);
  return path;
}

async function prometheus(): Promise<EmbeddedPrometheus> {
  const server = await startPrometheus({ clock: () => T0 + 120, answer: () => 1 });
  afterFile(() => server.stop());
  return server;
}

/** What a release brings whose checks ask these stores. */
async function seriesOf(metrics: Awaited<ReturnType<typeof stores>>, ...sources: string[]) {
  const checks = sources.map((source) => ({ ...bounded(`of-${source}`, { min: 0 }), source }));
  const steps = { '02-weight-20': { checks: checks.map((it) => it.name) } };
  const now = T0 + 120;
  const seen = await observe(
    {
      reader: {
        texts: async (oids) => oids.map((it) => blobs.get(it) ?? ''),
        treesAt: async (_, id) => ({ id }),
      },
      world: {
        clusters: oneCluster({ read: async () => ({ kind: 'unknown', reason: 'down' }) }),
        metrics,
        clock: () => now,
      },
      seen: { targets: new Map() },
    },
    situation({ position: step('02-weight-20'), plan: plan('v2', { checks, steps }) }),
    now,
  );
  return seen.series.map((it) => it.fromCommit.canary);
}

const queriesOf = (server: EmbeddedPrometheus) => [
  ...new Set(server.queries.map((it) => it.parameters.query)),
];

describe('a metric store', () => {
  test('is asked for the checks that name it, and the default for the others', async () => {
    const [own, other] = await Promise.all([prometheus(), prometheus()]);
    const path = await fileOf(`long-term: { kind: prometheus, address: '${other.url}' }`);
    const metrics = await stores('--metrics', own.url, '--metrics-config', path);
    expect([...metrics.keys()]).toEqual(['default', 'long-term']);
    const [of, ofOther, ofStranger] = await seriesOf(metrics, 'default', 'long-term', 'mesh');
    expect([of?.kind, ofOther?.kind]).toEqual(['known', 'known']);
    expect(queriesOf(own)).toEqual(['of-default']);
    expect(queriesOf(other)).toEqual(['of-long-term']);
    expect(ofStranger).toEqual({
      kind: 'unknown',
      reason:
        'the analyzer knows no metric store mesh (it knows: default, long-term); name it in --metrics-config',
    });
  });

  test('of a file logs in with its own files and headers', async () => {
    const server = await prometheus();
    const token = await fileOf('s3cret\n');
    const path = await fileOf(
      `tenant:\n  kind: prometheus\n  address: ${server.url}\n  bearerTokenFile: ${token}\n  headers: { X-Scope-OrgID: team }\n`,
    );
    await seriesOf(await stores('--metrics-config', path), 'tenant');
    expect(server.queries[0]?.headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'x-scope-orgid': 'team',
    });
  });

  test('named default takes the place of the one that no flag describes', async () => {
    const server = await prometheus();
    const path = await fileOf(`default: { kind: prometheus, address: '${server.url}' }`);
    const metrics = await stores('--metrics-config', path);
    expect([...metrics.keys()]).toEqual(['default']);
    await seriesOf(metrics, 'default');
    expect(queriesOf(server)).toEqual(['of-default']);
  });
});

describe('--metrics-config is wrong usage', () => {
  const wrong = async (path: string, ...args: readonly string[]): Promise<string> => {
    const error = await stores('--metrics-config', path, ...args).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof UsageError)) throw new Error(`no wrong usage, but ${String(error)}`);
    return error.message.replaceAll(path, () => 'FILE');
  };
  const HINT = 'It has the names of stores, each with a kind (prometheus) and its options';

  test('where the file is not there', async () => {
    expect(await wrong(join(temporaryFolder(), 'none.yaml'))).toBe(
      '--metrics-config FILE cannot be read (ENOENT): give a file that describes metric stores',
    );
  });

  test.each([
    ['mesh: { kind: prometheus, kind: prometheus }', /^--metrics-config FILE .*kind.*twice/],
    ['mesh: [', /^--metrics-config FILE is not YAML: .* \(line 1\)\. .*docs\/install\.md/],
    [
      '',
      /^--metrics-config FILE does not describe metric stores: .*null\. It has the names of stores/,
    ],
  ])('where the file is not YAML: %j', async (text, expected) => {
    expect(await wrong(await fileOf(text))).toMatch(expected);
  });

  test.each([
    ['mesh: { kind: prometheus, adress: "http://mesh" }', ['"adress" at mesh', HINT]],
    ['mesh: { kind: graphite, address: "http://mesh" }', ['at mesh.kind', HINT]],
    ['mesh: { address: "http://mesh" }', ['at mesh.kind', HINT]],
    ['mesh: { kind: prometheus }', ['at mesh.address', HINT]],
    ['mesh: { kind: prometheus, address: "http://mesh", retries: -1 }', ['at mesh.retries', HINT]],
    [
      'Mesh: { kind: prometheus, address: "http://mesh" }',
      ['the name of a store must be a DNS label at Mesh', HINT],
    ],
    ['[mesh]', [HINT]],
    [
      'mesh: { kind: prometheus, address: "mesh:9090" }',
      ['store mesh: the metrics address is not an http:// or https:// URL'],
    ],
    [
      'mesh: { kind: prometheus, address: "http://ann:s3cret@mesh" }',
      ['store mesh: the metrics address http://***@mesh has credentials', 'use files and headers'],
    ],
    [
      'mesh: { kind: prometheus, address: "http://mesh", username: ann }',
      ['store mesh: metrics: a user name needs a password file'],
    ],
  ])('where it describes no stores: %s', async (text, parts) => {
    const message = await wrong(await fileOf(text));
    for (const part of ['FILE', ...parts]) expect(message).toContain(part);
  });

  test.each([
    [['--metrics', 'http://prometheus:9090'], '--metrics'],
    [['--metrics-user', 'ann'], '--metrics-user'],
    [
      ['--metrics', 'http://mesh', '--metrics-accept-partial'],
      '--metrics, --metrics-accept-partial',
    ],
  ])('where its default stands beside %j', async (args, flags) => {
    const path = await fileOf('default: { kind: prometheus, address: "http://mesh" }');
    expect(await wrong(path, ...args)).toBe(
      `--metrics-config FILE and ${flags} both describe the store default: leave one of them out`,
    );
  });
});
