import { Duration } from 'cdk8s';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addAnalyze } from '../../../analyzer/commands/analyze.ts';
import { addRepositoryFlags } from '../../../analyzer/commands/options.ts';
import { Analyzer, type AnalyzerProps } from '../../../lib/index.ts';
import { listAt, type Manifest, objectAt } from '../../../lib/manifest/json.ts';
import { folderOf, mistakesIn } from '../folder.ts';

type More = Partial<AnalyzerProps>;

const props = {
  image: 'example/perch:1',
  run: { url: 'https://git.example.com/team/live.git' },
  metrics: { url: 'http://prometheus:9090' },
};

function folder(more: More = {}) {
  return folderOf(
    (scope, plans) => void new Analyzer(scope, 'analyzer', { plans, ...props, ...more }),
  );
}

function mistakes(more: More) {
  return mistakesIn(
    (scope, plans) => void new Analyzer(scope, 'analyzer', { plans, ...props, ...more }),
  );
}

function podOf(workload: Manifest | undefined) {
  const spec = objectAt(workload, 'spec');
  const template = objectAt(spec, 'jobTemplate', 'spec', 'template');
  const pod = objectAt(
    workload?.kind === 'CronJob' ? template : objectAt(spec, 'template'),
    'spec',
  );
  return { pod, container: listAt(pod, 'containers')[0] ?? {} };
}

/** What `perch analyze` makes of its arguments. */
async function flagsOf(args: readonly string[]): Promise<Record<string, unknown>> {
  const program = addRepositoryFlags(new Command('perch')).exitOverride();
  addAnalyze(program, () => undefined);
  const given: Record<string, unknown>[] = [];
  program.commands[0]
    ?.exitOverride()
    .action((_: unknown, command: Command) => void given.push(command.optsWithGlobals()));
  await program.parseAsync(args, { from: 'user' });
  return given[0] ?? {};
}

/** Everything that can be said, at once. */
const ALL: More = {
  source: { url: 'https://git.example.com/team/source.git', branch: 'trunk' },
  run: { url: 'ssh://git@git.example.com:2222/team/live.git', branch: 'run' },
  git: {
    credentials: { secret: 'git', key: 'credentials' },
    ssh: {
      key: { secret: 'ssh', key: 'id_ed25519' },
      knownHosts: { configMap: 'hosts', key: 'known_hosts' },
    },
    signingKey: { secret: 'signing', key: 'key' },
    identity: 'Ann <ann@example.com>',
  },
  metrics: {
    url: 'https://prometheus.example.com/tenant',
    basic: { user: 'ann', password: { secret: 'metrics', key: 'password' } },
    ca: { configMap: 'authority', key: 'ca.pem' },
    headers: { 'X-Scope-OrgID': 'team', 'X-Other': 'a=b' },
    headersFile: { secret: 'metrics', key: 'headers' },
  },
  interval: Duration.seconds(5),
  nudge: {
    urls: ['http://receiver.flux-system/hook/abc', 'https://argocd.example.com/api/webhook'],
    secret: { secret: 'hook', key: 'token' },
  },
  allowedSigners: { configMap: 'signers', key: 'allowed' },
  allowKinds: ['keda.sh/ScaledObject', 'example.com/Mouse'],
  clusters: {
    kubeconfig: { secret: 'clusters', key: 'config' },
    contexts: ['east', 'west'],
    routesContexts: ['mesh'],
    syncContext: 'hub',
  },
  sync: {
    tool: 'flux',
    namespace: 'flux-system',
    resource: { group: 'kustomize.toolkit.fluxcd.io', name: 'kustomizations' },
  },
  events: true,
  pushGateway: 'http://pushgateway:9091',
  mode: { kind: 'watch', replicas: 2 },
};

describe('as a CronJob', () => {
  test('a Job each minute, never two, and none for ever', async () => {
    const objects = await folder();
    expect([...objects.keys()].filter((it) => !it.startsWith('Role'))).toEqual([
      'Namespace perch',
      'ServiceAccount perch/perch',
      'CronJob perch/perch',
      'NetworkPolicy perch/perch',
    ]);
    expect(objects.get('CronJob perch/perch')?.spec).toMatchObject({
      schedule: '* * * * *',
      concurrencyPolicy: 'Forbid',
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      // The releases' inconclusiveDeadline of 30 minutes, and 10 more.
      jobTemplate: { spec: { activeDeadlineSeconds: 2400, backoffLimit: 0 } },
    });
    const { pod, container } = podOf(objects.get('CronJob perch/perch'));
    expect(pod).toMatchObject({ restartPolicy: 'Never', serviceAccountName: 'perch' });
    expect(container.args).toEqual([
      'analyze',
      '--until-idle',
      '--repo=https://git.example.com/team/live.git',
      '--cache=/cache',
      '--metrics=http://prometheus:9090',
    ]);
    expect(container.ports).toBeUndefined();
  });

  test('other times, another deadline, other names, a namespace that is there already', async () => {
    const objects = await folder({
      name: 'mover',
      namespace: 'tools',
      createNamespace: false,
      mode: { kind: 'cron-job', schedule: '*/5 * * * *', deadline: Duration.hours(2) },
    });
    expect([...objects.keys()].filter((it) => /Namespace|web/.test(it))).toEqual([
      'Role web/mover',
      'RoleBinding web/mover',
    ]);
    expect(objects.get('CronJob tools/mover')?.spec).toMatchObject({
      schedule: '*/5 * * * *',
      jobTemplate: { spec: { activeDeadlineSeconds: 7200 } },
    });
    expect(objects.get('RoleBinding web/mover')?.subjects).toEqual([
      { kind: 'ServiceAccount', name: 'mover', namespace: 'tools' },
    ]);
  });
});

describe('as a Deployment', () => {
  test('listens, is asked for its health, and one pod has no budget', async () => {
    const objects = await folder({ mode: { kind: 'watch' } });
    const { container } = podOf(objects.get('Deployment perch/perch'));
    expect(container.args).toEqual(
      expect.arrayContaining(['--watch', '--listen=0.0.0.0:8080', '--cache=/cache']),
    );
    expect(container).toMatchObject({
      ports: [{ name: 'metrics', containerPort: 8080 }],
      readinessProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'metrics' }, failureThreshold: 20 },
    });
    expect(objects.has('PodDisruptionBudget perch/perch')).toBe(false);
  });

  test('two pods have one', async () => {
    const objects = await folder({ mode: { kind: 'watch', replicas: 2 } });
    expect(objects.get('PodDisruptionBudget perch/perch')?.spec).toEqual({
      maxUnavailable: 1,
      selector: objectAt(objects.get('Deployment perch/perch'), 'spec').selector,
    });
  });
});

describe('the container', () => {
  test('is given all that can be said, as `perch analyze` reads it', async () => {
    const { container } = podOf((await folder(ALL)).get('Deployment perch/perch'));
    const args = container.args;
    if (!Array.isArray(args)) throw new Error('no arguments');
    const given = await flagsOf(args.map(String));
    expect(given).toMatchObject({
      watch: true,
      repo: 'ssh://git@git.example.com:2222/team/live.git',
      branch: 'run',
      sourceRepo: 'https://git.example.com/team/source.git',
      sourceBranch: 'trunk',
      identity: { name: 'Ann', email: 'ann@example.com' },
      gitCredentials: '/etc/perch/git-credentials/credentials',
      signingKey: '/etc/perch/signing-key/key',
      cache: '/cache',
      interval: 5,
      metrics: 'https://prometheus.example.com/tenant',
      metricsUser: 'ann',
      metricsPasswordFile: '/etc/perch/metrics-password/password',
      metricsCa: '/etc/perch/metrics-ca/ca.pem',
      metricsHeader: ['X-Scope-OrgID=team', 'X-Other=a=b'],
      metricsHeadersFile: '/etc/perch/metrics-headers/headers',
      kubeconfig: '/etc/perch/kubeconfig/config',
      context: ['east', 'west'],
      routesContext: ['mesh'],
      sync: { tool: 'flux', namespace: 'flux-system', name: '{release}' },
      syncContext: 'hub',
      nudge: 'http://receiver.flux-system/hook/abc,https://argocd.example.com/api/webhook',
      nudgeSecretFile: '/etc/perch/nudge-secret/token',
      allowedSigners: '/etc/perch/allowed-signers/allowed',
      listen: { host: '0.0.0.0', port: 8080 },
      events: true,
    });
    expect(JSON.stringify(given.allowKind)).toBe('["keda.sh/ScaledObject","example.com/Mouse"]');
    expect(String(given.pushGateway)).toMatch(/^http:\/\/pushgateway:9091/);
  });

  test('logs in to its metric store with a token', async () => {
    const metrics = { ...props.metrics, token: { secret: 'metrics', key: 'bearer' } };
    const { pod, container } = podOf((await folder({ metrics })).get('CronJob perch/perch'));
    expect(container.args).toContain('--metrics-token-file=/etc/perch/metrics-token/bearer');
    expect(listAt(pod, 'volumes').at(-1)).toMatchObject({
      name: 'metrics-token',
      secret: { secretName: 'metrics' },
    });
  });

  test('may do nothing that it need not', async () => {
    const { pod, container } = podOf((await folder()).get('CronJob perch/perch'));
    expect(pod.securityContext).toEqual({
      runAsNonRoot: true,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(true);
  });

  test('reads Secrets by name as files that only its group may read; ssh asks for nothing', async () => {
    const { pod, container } = podOf((await folder(ALL)).get('Deployment perch/perch'));
    const volumes = listAt(pod, 'volumes');
    expect(volumes.map((it) => it.name)).toEqual([
      'tmp',
      'cache',
      'git-credentials',
      'ssh-key',
      'known-hosts',
      'signing-key',
      'metrics-password',
      'metrics-ca',
      'metrics-headers',
      'nudge-secret',
      'allowed-signers',
      'kubeconfig',
    ]);
    expect(volumes.find((it) => it.name === 'ssh-key')).toEqual({
      name: 'ssh-key',
      secret: {
        secretName: 'ssh',
        items: [{ key: 'id_ed25519', path: 'id_ed25519' }],
        defaultMode: 0o440,
      },
    });
    expect(listAt(container, 'volumeMounts').filter((it) => it.readOnly !== true)).toEqual([
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'cache', mountPath: '/cache' },
    ]);
    expect(listAt(container, 'env').find((it) => it.name === 'GIT_SSH_COMMAND')?.value).toBe(
      'ssh -i /etc/perch/ssh-key/id_ed25519 -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes ' +
        '-o BatchMode=yes -o UserKnownHostsFile=/etc/perch/known-hosts/known_hosts',
    );
  });

  test('keys and authorities of hooks are folders, with a file for each of their keys', async () => {
    const hooks = { keys: { secret: 'hooks' }, authorities: { configMap: 'authorities' } };
    const { pod, container } = podOf((await folder({ hooks })).get('CronJob perch/perch'));
    expect(container.args).toEqual(
      expect.arrayContaining([
        '--hook-keys=/etc/perch/hook-keys',
        '--hook-authorities=/etc/perch/hook-authorities',
      ]),
    );
    expect(listAt(pod, 'volumes').slice(2)).toEqual([
      { name: 'hook-keys', secret: { secretName: 'hooks', defaultMode: 0o440 } },
      { name: 'hook-authorities', configMap: { name: 'authorities' } },
    ]);
    expect(listAt(container, 'volumeMounts').slice(2)).toEqual([
      { name: 'hook-keys', mountPath: '/etc/perch/hook-keys', readOnly: true },
      { name: 'hook-authorities', mountPath: '/etc/perch/hook-authorities', readOnly: true },
    ]);
  });

  test('for other clusters, has no token and no Roles of this one', async () => {
    const objects = await folder(ALL);
    const { pod } = podOf(objects.get('Deployment perch/perch'));
    expect(pod.automountServiceAccountToken).toBe(false);
    expect([...objects.keys()].filter((it) => it.includes('Role'))).toEqual([]);
  });
});

test('mistakes, all of them', async () => {
  const found = await mistakes({
    image: 'example/perch',
    run: { url: 'git@git.example.com:team/live.git' },
    metrics: { url: 'prometheus:9090' },
    nudge: { urls: ['https://ann:pass@receiver/hook'] },
    mode: { kind: 'watch', replicas: 0 },
  });
  expect(found).toEqual([
    expect.stringMatching(
      /^folder\/analyzer: metrics.url is not an http:\/\/ or https:\/\/ URL, got "prometheus:9090"/,
    ),
    expect.stringMatching(/nudge.urls has a credential in it/),
    expect.stringMatching(/image has no tag and no digest, got "example\/perch"/),
    expect.stringMatching(/run.url wants ssh, and git.ssh names no key/),
    expect.stringMatching(/mode.replicas must be a whole number above 0, got 0/),
  ]);
  expect(await mistakes({ monitoring: {} })).toEqual([
    expect.stringMatching(/monitoring has nothing to watch.*give pushGateway, or use mode/),
  ]);
});
