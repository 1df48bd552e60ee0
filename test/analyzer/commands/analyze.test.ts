import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { plan } from '../core/fixture.ts';
import { openField } from '../field.ts';
import { bare, git, scratch } from '../git/fixture.ts';
import { type Cli, emptyCluster, openCli } from './cli.ts';
import { openPerch } from './in-process.ts';

let perch: Cli;

beforeAll(async () => {
  perch = await openPerch();
});

function lines(stdout: string): readonly { readonly msg?: unknown }[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((it) => JSON.parse(it) as { readonly msg?: unknown });
}

describe.concurrent('perch analyze', () => {
  test('makes one pass, and logs one line of JSON for each decision', async () => {
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1'), web: plan('v1') });
    const line = ['analyze', '--once', '--repo', folder, '--kubeconfig', await emptyCluster()];
    const { code, stdout, stderr } = await perch(...line);
    expect([code, stderr]).toEqual([0, '']);
    expect(lines(stdout)).toMatchObject(
      ['app', 'web'].map((release) => ({
        release,
        decision: 'move',
        transition: 'start',
        phase: 'Initializing',
        commit: expect.stringMatching(/^[0-9a-f]{40}$/),
        msg: expect.stringMatching(new RegExp(`^${release}: initialize app:v1`)),
      })),
    );
    expect(git(folder, 'log', '-1', '--format=%an <%ae>', 'main')).toBe('Perch <perch@localhost>');
  });

  test('tells a channel of its file what it has pushed, and ends', async () => {
    const told: string[] = [];
    const receiver = createServer(async (request, response) => {
      told.push(await text(request));
      response.end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const { port } = receiver.address() as AddressInfo;
    const own = await scratch();
    await writeFile(join(own, 'url'), `http://127.0.0.1:${port}/board`);
    const board = { kind: 'webhook', urlFile: join(own, 'url') };
    await writeFile(join(own, 'channels.yaml'), JSON.stringify({ board }));
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1') });
    const line = ['analyze', '--once', '--repo', folder, '--kubeconfig', await emptyCluster()];
    const { code } = await perch(...line, '--channels-config', join(own, 'channels.yaml'));
    receiver.close();
    const commit = git(folder, 'rev-parse', 'main');
    expect(code).toBe(0);
    expect(told.map((it) => JSON.parse(it))).toMatchObject([
      { id: `${commit}/app/started`, type: 'dev.perch.rollout.started', subject: 'app' },
    ]);
  });

  test('asks a cluster and a metric store with what is packed into the bundle', async () => {
    const { folder } = await bare();
    await (await openField(folder)).release({ app: plan('v1') });
    const kubeconfig = join(await scratch(), 'kubeconfig');
    const name = 'none';
    const cluster = { server: 'https://127.0.0.1:1' };
    const config = {
      clusters: [{ name, cluster }],
      users: [{ name, user: {} }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    const line = ['analyze', '--once', '--repo', folder, '--kubeconfig', kubeconfig];
    const { stdout } = await (await openCli())(...line);
    expect(lines(stdout)[0]?.msg).toMatch(/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)$/);
  });

  test('until idle ends at once where nothing is under way', async () => {
    const { folder } = await bare();
    await (await openField(folder)).edit({ 'README.md': 'x' });
    const { code, stdout } = await perch('analyze', '--until-idle', '--repo', folder);
    expect([code, lines(stdout).map((it) => it.msg)]).toEqual([0, ['every release is at rest']]);
  });

  test.each([
    [['--once', '--watch'], /cannot be used with option/],
    [['--interval', '0'], /expected a number above 0/],
    [['--metrics-header', 'nonsense'], /expected name=value/],
    [['--metrics-config', 'none.yaml'], /--metrics-config none\.yaml cannot be read \(ENOENT\)/],
    [['--hosts-config', 'none.yaml'], /--hosts-config none\.yaml cannot be read \(ENOENT\)/],
    [['--channels-config', 'none.yaml'], /--channels-config none\.yaml cannot be read \(ENOENT\)/],
    [['--hook-keys', 'none'], /--hook-keys \S+none is not a folder/],
    [['--allowed-signers', 'none'], /signers file \S+none cannot be read/],
    [['--identity', 'nobody'], /expected "Name <address>"/],
  ])('%j is wrong usage', async (args, expected) => {
    expect(await perch('analyze', ...args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(expected),
    });
  });

  test.each(['analyze --once', 'status', 'pause app'])(
    '%s on a repository that cannot be reached exits 3',
    async (line) => {
      const flags = ['--repo', 'http://127.0.0.1:1/x.git', '--identity', 'A <a@b>'];
      const { code, stderr } = await perch(...line.split(' '), ...flags);
      expect([code, stderr]).toEqual([3, expect.stringMatching(/^perch: /)]);
    },
  );
});
