import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetes } from '../../../analyzer/cluster/kubernetes.ts';
import { runPlugin } from '../../../analyzer/cluster/plugin.ts';
import { scratch } from '../../analyzer/git/fixture.ts';
import { type EmbeddedApiServer, startApiServer } from '../../embedded/api-server.ts';

/** Programs that a kubeconfig names: they hang, flood, and ask for a terminal. */

const API = 'client.authentication.k8s.io';
const NOW = 1_800_000_000;
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'test', name: 'app' };

let server: EmbeddedApiServer;
let folder: string;

beforeAll(async () => {
  folder = await scratch();
  server = await startApiServer({ clock: () => NOW });
  const metadata = { namespace: 'test', name: 'app' };
  server.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata }, 'kubectl', NOW);
});
afterAll(() => server.stop());

/** A plugin that prints this status, and counts its runs in a file. */
function printing(status: object, version = 'v1'): string {
  const credential = { apiVersion: `${API}/${version}`, kind: 'ExecCredential', status };
  return `require('fs').appendFileSync(process.env.RUNS, '1\\n'); console.log(${JSON.stringify(JSON.stringify(credential))})`;
}

interface Kubeconfig {
  readonly path: string;
  runs(): Promise<number>;
}

async function withUser(user: object, cluster: object = {}): Promise<Kubeconfig> {
  const config = JSON.parse(await readFile(server.kubeconfigPath, 'utf8'));
  config.users[0].user = user;
  Object.assign(config.clusters[0].cluster, cluster);
  const path = join(folder, `kubeconfig-${Math.random()}`);
  await writeFile(path, JSON.stringify(config));
  return {
    path,
    runs: async () => (await readFile(join(folder, 'runs'), 'utf8')).split('\n').length - 1,
  };
}

async function withPlugin(script: string, more: object = {}): Promise<Kubeconfig> {
  const runs = join(folder, 'runs');
  await writeFile(runs, '');
  const exec = {
    apiVersion: `${API}/v1`,
    command: process.execPath,
    args: ['-e', script],
    env: [{ name: 'RUNS', value: runs }],
    interactiveMode: 'Never',
    ...more,
  };
  return withUser({ exec });
}

const ask = (kubeconfig: string, timeoutSeconds = 5) =>
  kubernetes({ kubeconfig, timeoutSeconds }).read([deployment]);
const FOUND = { kind: 'known', value: { objects: [{ kind: 'found' }] } };

describe('a plugin of a kubeconfig', () => {
  test('that hangs is killed together with what it started, and the answer says so', async () => {
    const pids = join(folder, 'pids');
    const script = `
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
      process.on('SIGTERM', () => {});
      require('fs').writeFileSync(${JSON.stringify(pids)}, [process.pid, child.pid].join(' '));
      setInterval(() => {}, 1e6);`;
    const { path } = await withPlugin(script);
    const answer = await ask(path, 0.7);
    expect(answer).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/^no credentials: the plugin .* took over 0\.7 s$/),
      late: expect.stringMatching(/^the plugin /),
    });
    const left = (await readFile(pids, 'utf8')).split(' ').map(Number);
    expect(left).toHaveLength(2);
    await expect.poll(() => left.filter(isRunning), { timeout: 20_000 }).toEqual([]);
  });

  test('that floods its output is killed, and breaks nothing', async () => {
    const { path } = await withPlugin(
      `const mega = 'x'.repeat(2 ** 20); const on = () => process.stdout.write(mega, on); on();`,
    );
    expect(await ask(path)).toMatchObject({
      reason: expect.stringMatching(/^no credentials: the plugin .* printed over 1048576 bytes$/),
    });
  });

  test('sees no PERCH_ variable, and where it runs', async () => {
    process.env.PERCH_METRICS_TOKEN_FILE = 'not for plugins';
    const { path } = await withPlugin(
      `const { spec, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
       const names = Object.keys(process.env).filter((it) => it.startsWith('PERCH_'));
       console.error(JSON.stringify([names, kind, spec.interactive, spec.cluster.server]));
       process.exit(1)`,
      { provideClusterInfo: true },
    );
    const answer = await ask(path);
    delete process.env.PERCH_METRICS_TOKEN_FILE;
    expect(answer).toMatchObject({
      reason: expect.stringContaining(`failed: [[],"ExecCredential",false,"${server.url}"]`),
    });
  });

  test('is run once for many questions, and again when its credential ends', async () => {
    const token = 'embedded-token';
    const lasting = await withPlugin(printing({ token }));
    const cluster = kubernetes({ kubeconfig: lasting.path });
    const questions = [1, 2, 3].map(() => cluster.read([deployment]));
    for (const it of await Promise.all(questions)) expect(it).toMatchObject(FOUND);
    expect(await cluster.read([deployment])).toMatchObject(FOUND);
    expect(await lasting.runs()).toBe(1);
    const expirationTimestamp = new Date(Date.now() + 10_000).toISOString();
    const ending = await withPlugin(printing({ token, expirationTimestamp }));
    const other = kubernetes({ kubeconfig: ending.path });
    for (let count = 0; count < 2; count++)
      expect(await other.read([deployment])).toMatchObject(FOUND);
    expect(await ending.runs()).toBe(2);
  });

  test('speaks v1beta1 as well, and no older version', async () => {
    const script = printing({ token: 'embedded-token' }, 'v1beta1');
    const { path } = await withPlugin(script, { apiVersion: `${API}/v1beta1` });
    expect(await ask(path)).toMatchObject(FOUND);
    const old = await withPlugin(script, { apiVersion: `${API}/v1alpha1` });
    expect(await ask(old.path)).toMatchObject({
      reason: expect.stringMatching(/speaks .*v1alpha1; .*v1 and .*v1beta1 are known$/),
    });
  });

  test.each([
    ['a terminal', { interactiveMode: 'Always' }, '', /always asks at a terminal/],
    ['another name', { command: 'no-such-plugin-anywhere' }, '', /cannot be started \(ENOENT\)/],
    ['nothing', {}, '', /printed no ExecCredential$/],
    ['a certificate alone', {}, printing({ clientCertificateData: 'x' }), /without the other$/],
    ['no secret', {}, printing({}), /neither a token nor a certificate$/],
  ])('that wants or brings %s says so', async (_, more, script, reason) => {
    const { path } = await withPlugin(script, more);
    expect(await ask(path)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(reason),
    });
  });

  test('that leaves a child with its output open is not waited for', async () => {
    const script = `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 30000)'],
      { stdio: 'inherit' }).unref(); ${printing({ token: 'embedded-token' })}`;
    const { path } = await withPlugin(script);
    expect(await ask(path)).toMatchObject(FOUND);
  });
});

test('a plugin ends with the process that asked it', async () => {
  const pid = join(folder, 'orphan');
  const source = join(import.meta.dirname, '../../../analyzer/cluster/plugin.ts');
  const hanging = `require('fs').writeFileSync(${JSON.stringify(pid)}, String(process.pid)); setInterval(() => {}, 1e6)`;
  const script = `
    const { runPlugin } = await import(${JSON.stringify(source)});
    void runPlugin({ command: process.execPath, args: ['-e', ${JSON.stringify(hanging)}], env: {}, timeoutSeconds: 60 });
    const { existsSync } = await import('node:fs');
    setInterval(() => existsSync(${JSON.stringify(pid)}) && process.exit(), 20);`;
  const tsx = join(import.meta.dirname, '../../../node_modules/tsx/dist/cli.mjs');
  await runPlugin({
    command: process.execPath,
    args: [tsx, '--input-type=module', '-e', script],
    env: {},
    timeoutSeconds: 20,
  });
  const left = Number(await readFile(pid, 'utf8'));
  await expect.poll(() => isRunning(left), { timeout: 20_000 }).toBe(false);
});

test.each(['tokenFile', 'auth-provider'])(
  'a token in a file (%s) is read again when it is rotated',
  async (kind) => {
    const token = join(folder, `token-${kind}`);
    await writeFile(token, 'outdated\n');
    const name = `token-${kind}`;
    const user =
      kind === 'tokenFile'
        ? { tokenFile: name }
        : { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token } } };
    const { path } = await withUser(user);
    const cluster = kubernetes({ kubeconfig: path });
    expect(await cluster.read([deployment])).toMatchObject({
      value: { objects: [{ reason: expect.stringContaining('HTTP 401') }] },
    });
    await writeFile(token, 'embedded-token\n');
    expect(await cluster.read([deployment])).toMatchObject(FOUND);
  },
);

test('a user of an auth-provider that hangs everything is refused with the remedy', async () => {
  const { path } = await withUser({ 'auth-provider': { name: 'gcp', config: {} } });
  expect(await ask(path)).toMatchObject({
    reason: expect.stringContaining('use its exec plugin (gke-gcloud-auth-plugin)'),
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
