import type { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { openSites } from '../../../analyzer/hosts/registry.ts';
import { Analyzer, type AnalyzerProps, type GitHostAccess, type Plan } from '../../../lib/index.ts';
import { isObject, labelsAt, listAt, objectAt } from '../../../lib/manifest/json.ts';
import { readYaml } from '../../../lib/plan/read-yaml.ts';
import { folderOf, mistakesIn } from '../folder.ts';

type Hosts = Readonly<Record<string, GitHostAccess>>;

function analyzer(gitHosts: Hosts, more: Partial<AnalyzerProps> = {}) {
  const props = {
    image: 'example/perch:1',
    run: { url: 'https://git.example.com/team/live.git' },
    metrics: { url: 'http://prometheus:9090' },
    gitHosts,
    ...more,
  };
  return (scope: Construct, plans: readonly Plan[]) =>
    void new Analyzer(scope, 'analyzer', { plans, ...props });
}

async function rendered(gitHosts: Hosts) {
  const objects = await folderOf(analyzer(gitHosts));
  const pod = objectAt(
    objects.get('CronJob perch/perch'),
    'spec',
    'jobTemplate',
    'spec',
    'template',
    'spec',
  );
  const configMap = [...objects.values()].find((it) => it.kind === 'ConfigMap');
  const reading = readYaml(labelsAt(configMap, 'data')['hosts.yaml'] ?? 'null');
  if (reading.kind === 'refused') throw new Error(reading.reason);
  return {
    configuration: reading.value,
    volume: listAt(pod, 'volumes').find((it) => it.name === 'git-hosts'),
    container: listAt(pod, 'containers')[0] ?? {},
    egress: listAt(objects.get('NetworkPolicy perch/perch'), 'spec', 'egress'),
  };
}

/** Every text of a configuration that names a mounted file. */
function filesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.startsWith('/etc/perch/') ? [value] : [];
  return isObject(value) ? Object.values(value).flatMap(filesIn) : [];
}

const token = { secret: 'hosts', key: 'token' };
const ca = { configMap: 'authorities', key: 'ca.pem' };

/** All kinds, with everything that can be said. */
const HOSTS: Hosts = {
  hub: { kind: 'github', app: { id: 'Iv1.a', privateKey: { secret: 'app', key: 'pem' } } },
  enterprise: { kind: 'github', url: 'https://github.example.com:8443', token, ca },
  lab: { kind: 'gitlab', url: 'https://gitlab.example.com', token, ca },
  tea: { kind: 'gitea', url: 'http://gitea:3000', token, ca },
  cloud: { kind: 'bitbucket-cloud', token, user: 'bot@example.com' },
  center: { kind: 'bitbucket-data-center', url: 'https://stash.example.com', token, ca },
  azure: { kind: 'azure-devops', url: 'https://dev.azure.com/acme', token, ca },
};

describe('gitHosts', () => {
  test('are described as --hosts-config reads it, and all that logs in is mounted', async () => {
    const { configuration, volume, container, egress } = await rendered(HOSTS);
    expect(configuration).toMatchObject({
      hub: {
        kind: 'github',
        app: { id: 'Iv1.a', privateKeyFile: '/etc/perch/git-hosts/hub/key' },
      },
      tea: {
        kind: 'gitea',
        address: 'http://gitea:3000',
        tokenFile: '/etc/perch/git-hosts/tea/token',
        caFile: '/etc/perch/git-hosts/tea/ca',
      },
      cloud: { kind: 'bitbucket-cloud', username: 'bot@example.com' },
    });
    expect(openSites(configuration, 'the ConfigMap')).toHaveLength(7);
    const mounted = listAt(volume, 'projected', 'sources')
      .flatMap((it) => [...listAt(it, 'configMap', 'items'), ...listAt(it, 'secret', 'items')])
      .map((it) => `/etc/perch/git-hosts/${it.path}`);
    const path = '/etc/perch/git-hosts/hosts.yaml';
    expect(mounted.toSorted()).toEqual([path, ...filesIn(configuration)].toSorted());
    expect(container.args).toContain(`--hosts-config=${path}`);
    expect(listAt(container, 'volumeMounts')).toContainEqual({
      name: 'git-hosts',
      mountPath: '/etc/perch/git-hosts',
      readOnly: true,
    });
    expect(egress).toContainEqual({
      ports: [443, 8443, 3000].map((port) => ({ port, protocol: 'TCP' })),
    });
  });

  test('of which there are none leave nothing', async () => {
    const { volume, container } = await rendered({});
    expect(volume).toBeUndefined();
    expect(JSON.stringify(container.args)).not.toContain('--hosts-config');
  });

  test.each<[Hosts, RegExp]>([
    [{ 'My Hub': { kind: 'gitlab', token } }, /a name in gitHosts must be a DNS label/],
    [{ tea: { kind: 'gitea', url: 'gitea:3000', token } }, /gitHosts\.tea\.url is not an http/],
    [
      { tea: { kind: 'gitea', url: 'http://a:b@tea', token } },
      /gitHosts\.tea\.url has a credential/,
    ],
    [{ hub: { kind: 'github' } }, /gitHosts\.hub needs either a token or an app/],
    [
      { hub: { kind: 'github', token, app: { id: '1', privateKey: token } } },
      /gitHosts\.hub needs either a token or an app/,
    ],
  ])('mistake %#', async (gitHosts, expected) => {
    expect(await mistakesIn(analyzer(gitHosts))).toEqual([expect.stringMatching(expected)]);
  });
});
