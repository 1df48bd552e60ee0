import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planFaults } from '../analyzer/core/admission/policy.ts';
import { Duration, query } from '../lib/index.ts';
import { policyWith } from '../lib/plan/policy.ts';
import { type Cli, type Ended, openCli } from './analyzer/commands/cli.ts';
import { blobs, plan } from './analyzer/core/fixture.ts';
import { openField, untilRest, untilStep } from './analyzer/field.ts';
import { git, scratch } from './analyzer/git/fixture.ts';
import { type GitServer, startGitServer } from './embedded/git-server.ts';
import { deployment, mistakesOf, sample, workload } from './lib/sample.ts';

/** Words that nobody who has no right to them may ever see. */
const MARKS = {
  git: 'mark-git-password',
  token: 'mark-metrics-token',
  password: 'mark-metrics-password',
  header: 'mark-header-variable',
  headersFile: 'mark-headers-file',
  kubeconfig: 'mark-kubeconfig-token',
} as const;

const cleanups: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const it of cleanups.splice(0).reverse()) await it();
});

/** A server that fails, and repeats to the client all that it was sent: the worst that a server can do. */
async function parrot(
  status: number,
): Promise<{ readonly url: string; readonly heard: () => string }> {
  const heard: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const said = JSON.stringify(request.headers);
    heard.push(said);
    response.writeHead(status, {
      'X-Said': said,
      'Content-Type': `text/plain; ${said.slice(0, 200)}`,
    });
    response.end(JSON.stringify({ kind: 'Status', status: 'error', error: said, message: said }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, heard: () => heard.join('\n') };
}

/** A `git` in front of git that writes down what it is called with, its environment included. */
async function wiretap(): Promise<{
  readonly path: string;
  readonly heard: () => Promise<string>;
  readonly forget: () => Promise<void>;
}> {
  const folder = await scratch();
  const log = join(folder, 'log');
  const script = `#!/bin/sh
{ printf '%s\\n' "$@"; env; } >> '${log}'
PATH=\${PATH#*${delimiter}} exec git "$@"
`;
  await writeFile(join(folder, 'git'), script);
  await chmod(join(folder, 'git'), 0o755);
  return {
    path: folder,
    heard: () => readFile(log, 'utf8'),
    forget: () => writeFile(log, ''),
  };
}

interface Run extends Ended {
  readonly called: string;
}

describe('secrets are in no argument, environment, log, error or commit', () => {
  let bundle: Cli;
  let secrets: string;
  let tap: Awaited<ReturnType<typeof wiretap>>;
  /** A release in the middle of a rollout, whose analyzer has to ask both servers and may not move. */
  let repository: GitServer;
  beforeAll(async () => {
    tap = await wiretap();
    bundle = await openCli({
      PATH: `${tap.path}${delimiter}${process.env.PATH}`,
      PERCH_METRICS_HEADER: `X-Other-Key=${MARKS.header}`,
    });
    secrets = await scratch();
    for (const [name, mark] of Object.entries(MARKS))
      await writeFile(join(secrets, name), `${mark}\n`);
    await writeFile(join(secrets, 'headers'), `X-Scope-OrgID: team\nX-Key: ${MARKS.headersFile}\n`);
    repository = await startGitServer({
      users: [{ name: 'perch', password: MARKS.git, access: 'write' }],
    });
    cleanups.push(() => repository.stop());
    const field = await openField(repository.folder);
    field.now = Date.now() / 1000 - 7200;
    const analyzer = await field.analyzer();
    await field.release({ app: plan('v1') });
    await untilRest(field, analyzer);
    await field.release({ app: plan('v2') });
    await untilStep(field, analyzer, 'app', '02-weight-20');
  });

  async function run(flags: readonly string[]): Promise<Run> {
    await tap.forget();
    const ended = await bundle(...flags);
    return { ...ended, called: await tap.heard() };
  }

  async function kubeconfig(server: string): Promise<string> {
    const path = join(secrets, 'kubeconfig.json');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: MARKS.kubeconfig } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    };
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  function expectNoMark(run: Run, commits = ''): void {
    for (const [name, mark] of Object.entries(MARKS))
      for (const [place, said] of Object.entries({ ...run, commits })) {
        expect(String(said).includes(mark), `${name} in ${place}`).toBe(false);
        const encoded = Buffer.from(`perch:${mark}`).toString('base64');
        expect(String(said).includes(encoded), `${name}, encoded, in ${place}`).toBe(false);
      }
  }

  test.each([401, 500])(
    'with servers that fail with %i and repeat what they were sent',
    async (status) => {
      const { url, folder } = repository;
      const [metrics, api] = [await parrot(status), await parrot(status)];
      const { port } = new URL(url);
      await writeFile(
        join(secrets, 'credentials'),
        `http://perch:${MARKS.git}@127.0.0.1%3a${port}\n`,
      );
      const common = [
        ...['analyze', '--once', '--repo', url, '--metrics', metrics.url],
        ...['--git-credentials', join(secrets, 'credentials')],
        ...['--metrics-headers-file', join(secrets, 'headers')],
        ...['--kubeconfig', await kubeconfig(api.url)],
      ];
      const bearer = await run([...common, '--metrics-token-file', join(secrets, 'token')]);
      const basic = await run([
        ...common,
        '--metrics-user',
        'perch',
        '--metrics-password-file',
        join(secrets, 'password'),
      ]);
      const commits = git(folder, 'cat-file', '--batch-all-objects', '--batch');
      for (const it of [bearer, basic]) {
        expect([it.code, it.stderr]).toEqual([0, '']);
        expect(it.stdout).toMatch(/cannot be read|answered/);
        expect(it.called).toMatch(/^fetch$/m);
        expectNoMark(it, commits);
      }
      // The servers were really told: otherwise nothing is proved.
      const told = metrics.heard() + api.heard();
      for (const mark of [MARKS.token, MARKS.header, MARKS.headersFile, MARKS.kubeconfig])
        expect(told).toContain(mark);
      expect(told).toContain(Buffer.from(`perch:${MARKS.password}`).toString('base64'));
    },
  );

  test('with a Git server that does not take the password', async () => {
    const users = [{ name: 'perch', password: 'another', access: 'write' }] as const;
    const server = await startGitServer({ users });
    cleanups.push(() => server.stop());
    const { port } = new URL(server.url);
    await writeFile(
      join(secrets, 'credentials'),
      `http://perch:${MARKS.git}@127.0.0.1%3a${port}\n`,
    );
    const refused = await run([
      ...['analyze', '--once', '--repo', server.url],
      ...['--git-credentials', join(secrets, 'credentials')],
    ]);
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringMatching(/authentication failed/),
    ]);
    expectNoMark(refused);
  });

  test.each([
    [
      'in a repository address',
      ['status', '--repo', `https://perch:${MARKS.git}@127.0.0.1:1/x.git`],
    ],
    [
      'in a metrics address',
      ['analyze', '--once', '--repo', '.', '--metrics', `http://u:${MARKS.password}@127.0.0.1:1`],
    ],
    [
      'in a header of wrong form',
      ['analyze', '--once', '--repo', '.', '--metrics-header', `Authorization: ${MARKS.token}`],
    ],
  ])('%s are refused without being repeated', async (_, flags) => {
    const at = await scratch();
    git(at, 'init', '--quiet', '--bare');
    const there = flags.map((it) => (it === '.' ? at : it));
    const { code, stdout, stderr } = await bundle(...there);
    expect(code).toBeGreaterThan(0);
    for (const mark of Object.values(MARKS)) expect(stdout + stderr).not.toContain(mark);
  });

  test('are blacked out of whatever a server says that repeats them', async () => {
    const { prometheus } = await import('../analyzer/metrics/prometheus.ts');
    const { kubernetes } = await import('../analyzer/cluster/kubernetes.ts');
    const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'a', name: 'b' };
    for (const status of [200, 302, 400, 401, 403, 500]) {
      const server = await parrot(status);
      const store = prometheus({
        address: server.url,
        bearerTokenFile: join(secrets, 'token'),
        headersFile: join(secrets, 'headers'),
        retries: 0,
      });
      const cluster = kubernetes({ kubeconfig: await kubeconfig(server.url) });
      const answers = JSON.stringify([await store.query('up'), await cluster.read([ref])]);
      expect(answers).toMatch(/unknown/);
      expect(server.heard()).toContain(MARKS.headersFile);
      expect(server.heard()).toContain(MARKS.kubeconfig);
      for (const mark of Object.values(MARKS)) expect(answers, `${status}`).not.toContain(mark);
    }
  });

  test('in a headers file of wrong form are not repeated, and nothing is asked', async () => {
    const wrong = join(secrets, 'wrong-headers');
    await writeFile(wrong, `Authorization ${MARKS.headersFile}\n`);
    const { prometheus } = await import('../analyzer/metrics/prometheus.ts');
    const store = await parrot(200);
    const answer = await prometheus({ address: store.url, headersFile: wrong }).query('up');
    expect(answer).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/is not a list of headers.*header 1/),
    });
    expect(JSON.stringify(answer)).not.toContain(MARKS.headersFile);
    expect(store.heard()).toBe('');
  });
});

describe('what an author writes cannot become something else', () => {
  const check = (text: string) => ({
    analysis: {
      checkPeriod: Duration.seconds(30),
      checks: [query({ name: 'q', query: text, max: 1 })],
    },
  });
  const labelled = (labels: object) => ({
    workload: workload(deployment({}, { template: { labels } })),
  });
  const id = (it: string) => () => sample({}, it);
  test.each<[string, () => ReturnType<typeof sample>, RegExp]>([
    ['an id that leaves its folder', id('../x'), /id must be a DNS label/],
    ['an id that is absolute', id('/etc'), /id must be a DNS label|slash/],
    ['an id with a line break', id('a\nb'), /id must be a DNS label/],
    ['an id of dots', id('..'), /id must be a DNS label/],
    ['a name that leaves its folder', () => sample({ name: '../x' }), /name must be a DNS label/],
    [
      'a namespace with YAML in it',
      () => sample({ namespace: 'a\nkind: Role' }),
      /namespace must be a DNS label/,
    ],
    [
      'an object name with a slash',
      () =>
        sample({
          workload: workload(deployment(), {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: '../../x' },
          }),
        }),
      /must be a DNS name/,
    ],
    [
      'a label that closes its string',
      () => sample(labelled({ app: 'shop', tier: 'x"} or vector(1)#' })),
      /label/i,
    ],
    [
      'a query with an unknown variable',
      () => sample(check('up{a="{{constructor}}"}')),
      /unknown PromQL variable/,
    ],
    ['a query whose string does not end', () => sample(check('up{a="')), /quote|string/i],
    [
      'a ClusterRole in the workload',
      () =>
        sample({
          workload: workload(deployment(), {
            apiVersion: 'rbac.authorization.k8s.io/v1',
            kind: 'ClusterRole',
            metadata: { name: 'x' },
          }),
        }),
      /belongs to no namespace/,
    ],
    [
      'an object in another namespace',
      () =>
        sample({
          workload: workload(deployment(), {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: 'x', namespace: 'kube-system' },
          }),
        }),
      /another namespace/,
    ],
  ])('%s is refused at synth', async (_, make, expected) => {
    const said = await (async () => mistakesOf(make()))().catch((error: unknown) => [
      String(error),
    ]);
    expect(said.join('\n')).toMatch(expected);
  });

  test('variables are escaped for the string that they stand in', async () => {
    const { fill } = await import('../lib/metrics/promql.ts');
    const evil = 'x"} or vector(1) # \\';
    expect(fill('up{a="{{v}}"}', { v: evil })).toEqual({
      kind: 'filled',
      query: 'up{a="x\\"} or vector(1) # \\\\"}',
    });
    expect(fill('up{a=`{{v}}`}', { v: '`} or vector(1)' })).toMatchObject({ kind: 'wrong' });
    expect(fill('up > {{v}}', { v: '1 or vector(1)' })).toMatchObject({ kind: 'wrong' });
  });

  test('values become strings in YAML, whatever they look like', async () => {
    const { toYaml } = await import('../lib/manifest/yaml.ts');
    const { readManifest } = await import('../analyzer/core/admission/manifest.ts');
    for (const evil of [
      'a\nkind: ClusterRole',
      '---\nkind: Role',
      '&a',
      '*a',
      '!!binary x',
      '<<',
      'a: b',
      '%YAML',
      '\u2028kind: Role',
      '\u0085---\n',
      '\ufeff',
      '\r---\r',
      'x # y',
      '{a: b}',
    ]) {
      const written = toYaml({
        apiVersion: 'v1',
        data: { [evil]: evil, k: evil },
        kind: 'ConfigMap',
        metadata: { name: 'a', namespace: 'b' },
      });
      const it = readManifest(written);
      if (evil === '<<') expect(it.kind).toBe('refused');
      else if (it.kind === 'refused') throw new Error(`${JSON.stringify(evil)}: ${it.reason}`);
      else expect(it.manifest.at('data')).toEqual({ [evil]: evil, k: evil });
    }
  });
});

describe('what a repository holds cannot become something else', () => {
  test('a reason is one line without control characters, whatever its file is called', () => {
    const it = plan('v1');
    const odd = new Map([
      ...it.blobs,
      ['steps/a\u001b[2J\n\nPerch-Release: x\u202e', 'f'.repeat(40)],
    ]);
    const texts = new Map([...blobs].map(([oid, text]) => [oid, { kind: 'text', text } as const]));
    const [reason = ''] = planFaults('app', { ...it, blobs: odd }, texts, policyWith());
    expect(reason).toMatch(/^dist\/app\/steps\/a \[2J Perch-Release: x {1,2}belongs to no step/);
    expect(reason).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});
