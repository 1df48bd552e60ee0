import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Author, cloneAsAuthor } from '../../demo/author.ts';
import { assetPath } from '../servers/assets.ts';
import { isMissing } from '../servers/missing.ts';
import { run } from '../servers/program.ts';
import type { KubernetesObject } from './api.ts';
import { printLogsOnFailure } from './failures.ts';
import { sendRequests } from './load.ts';
import { since, total } from './player/player.ts';
import { type ShopOptions, shop } from './shop.ts';
import { missingStack, type Stack, type StackOptions, startStack } from './stack.ts';
import { until } from './until.ts';

const OPTIONS: StackOptions = {
  sync: ['flux', 'argo-cd'],
  gateway: true,
  prometheus: true,
  argoCdPollSeconds: 600,
};

const missing = await missingStack(OPTIONS);
describe('what the stack plays', { skip: isMissing(missing), timeout: 180_000 }, () => {
  let stack: Stack;
  let folder: string;
  let author: Author;

  beforeAll(async () => {
    stack = await startStack(OPTIONS);
    folder = await mkdtemp(join(tmpdir(), 'perch-stack-test-'));
    author = await cloneAsAuthor(stack.git.urlFor('author'), join(folder, 'author'));
  }, 300_000);
  afterAll(async () => {
    await stack?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }, 60_000);
  beforeEach(() => printLogsOnFailure(stack));

  describe('pods', () => {
    test('are ready at once, later, or never, or crash', async () => {
      await applied('pods', { canaryPercent: 0 });
      await until(async () => (await readyPods('pods', 'shop-canary')) === 2);
      const begin = performance.now();
      await applied('later', {
        canaryPercent: 0,
        canaryAnnotations: { 'perch-stack/ready-after': '6s' },
      });
      await applied('never', {
        canaryPercent: 0,
        canaryAnnotations: { 'perch-stack/pod': 'never-ready' },
      });
      await applied('crash', {
        canaryPercent: 0,
        canaryAnnotations: { 'perch-stack/pod': 'crash-loop' },
      });
      await until(async () => (await readyPods('later', 'shop-canary')) === 2);
      expect(performance.now() - begin).toBeGreaterThan(6000);
      await until(async () => (await restarts('crash', 'shop-canary')) >= 2);
      expect(await readyPods('never', 'shop-canary')).toBe(0);
      expect(await readyPods('never', 'shop-primary')).toBe(2);
      expect(await readyPods('crash', 'shop-canary')).toBe(0);
    });

    test('fail and take long as their version does, which Prometheus sees', async () => {
      await applied('faults', { canaryPercent: 50 });
      const request = { url: stack.gateway.url, host: 'faults.example.com', perSecond: 200 };
      await until(async () => (await sendRequests({ ...request, count: 1 })).byStatus[200] === 1);
      const earlier = await stack.player.counts();
      await stack.player.behave([{ image: '2.0.0', failedPercent: 20, addedMs: 40 }]);
      const { byStatus } = await sendRequests({ ...request, count: 1000 });
      await stack.player.behave([]);
      const counted = since(earlier, await stack.player.counts());
      const canary = total(counted, (it) => it.workload === 'shop-canary');
      const failed = total(counted, (it) => it.workload === 'shop-canary' && it.status === 500);
      expect(byStatus[500]).toBe(failed);
      expect(failed / canary).toBeGreaterThan(0.1);
      expect(failed / canary).toBeLessThan(0.3);
      expect(total(counted, (it) => it.workload === 'shop-primary' && it.status === 500)).toBe(0);
      const cluster = 'envoy_cluster_name="faults_shop-canary_80"';
      await until(async () => {
        const seen = await value(
          `sum(envoy_cluster_upstream_rq{${cluster},envoy_response_code="500"})`,
        );
        return seen === failed;
      });
      const median = `histogram_quantile(0.5, sum by (le) (rate(envoy_cluster_upstream_rq_time_bucket{${cluster}}[1m])))`;
      expect(await value(median)).toBeGreaterThan(25);
    });

    test('are more when they are busy', async () => {
      await applied('busy', { canaryPercent: 0 });
      const scaler = ['autoscale', 'deployment', 'shop-canary', '--min=2', '--max=5'];
      await stack.kubernetes.kubectl([...scaler, '--cpu=50%', '--namespace=busy']);
      await stack.player.occupy([{ workload: 'shop-canary', millicores: 90 }]);
      await until(async () => (await readyPods('busy', 'shop-canary')) === 5);
      await stack.player.occupy([]);
      await until(async () => (await readyPods('busy', 'shop-canary')) === 2);
    });
  });

  test('a ServiceAccount may do what its Role says', async () => {
    const { kubectl } = stack.kubernetes;
    await kubectl(['create', 'namespace', 'rights']);
    const within = '--namespace=rights';
    await kubectl(['create', 'serviceaccount', 'reader', within]);
    await kubectl(['create', 'role', 'reader', '--verb=get', '--resource=deployments', within]);
    const binding = ['create', 'rolebinding', 'reader', '--role=reader'];
    await kubectl([...binding, '--serviceaccount=rights:reader', within]);
    const kubeconfig = `--kubeconfig=${await stack.kubeconfigFor('rights', 'reader')}`;
    const as = (...args: readonly string[]) =>
      run({ path: assetPath('kubectl'), args: [kubeconfig, ...args], folder });
    await expect(as('get', 'deployment', 'x')).rejects.toThrow('not found');
    await expect(as('get', 'secrets')).rejects.toThrow(/rights:reader.*cannot list.*secrets/);
  });

  test.each(['flux', 'argoCd'] as const)('%s comes at once when it is nudged', async (tool) => {
    const name = `nudge-${tool.toLowerCase()}`;
    await stack.kubernetes.kubectl(['create', 'namespace', name]);
    await commit(name, { canaryPercent: 0 });
    const { url, branch, users } = stack.git;
    const repository = { url, branch, user: users.sync };
    await stack[tool].follow({ name, path: `live/${name}`, repository, interval: '10m' });
    await until(async () => (await weight(name)) === 0);
    await commit(name, { canaryPercent: 30 });
    const begin = performance.now();
    const receiver = tool === 'flux' ? stack.flux.receiver : stack.argoCd.webhook;
    const event = {
      ref: `refs/heads/${branch}`,
      repository: { html_url: url.replace('.git', '') },
    };
    expect(await nudge(receiver, JSON.stringify(event), 'wrong')).toBeGreaterThanOrEqual(400);
    expect(await nudge(receiver, JSON.stringify(event), receiver.token)).toBe(200);
    await until(async () => (await weight(name)) === 30);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  test('a cluster is lost and built again', async () => {
    await stack.rebuildCluster();
    const namespaces = await stack.kubernetes.kubectl(['get', 'namespaces', '--output=name']);
    expect(namespaces).not.toContain('pods');
    await stack.kubernetes.kubectl(['create', 'namespace', 'again']);
    await commit('again', { canaryPercent: 0 });
    const { url, branch, users } = stack.git;
    const repository = { url, branch, user: users.sync };
    await stack.flux.follow({ name: 'again', path: 'live/again', repository, interval: '1s' });
    await until(async () => (await readyPods('again', 'shop-primary')) === 2);
    const request = { url: stack.gateway.url, host: 'again.example.com', perSecond: 10, count: 1 };
    await until(async () => (await sendRequests(request)).byStatus[200] === 1);
  });

  async function applied(name: string, options: ShopOptions): Promise<void> {
    await stack.kubernetes.kubectl(['create', 'namespace', name]);
    await stack.kubernetes.kubectl(['apply', '--filename=-'], shop(name, options));
  }

  async function commit(name: string, options: ShopOptions): Promise<void> {
    await author.push({
      subject: name,
      at: Math.floor(Date.now() / 1000),
      replaces: [],
      files: new Map([[`live/${name}/shop.yaml`, shop(name, options)]]),
    });
  }

  async function podsOf(namespace: string, app: string): Promise<readonly Pod[]> {
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`;
    return (await stack.api.get<{ readonly items: readonly Pod[] }>(path)).items;
  }

  async function readyPods(namespace: string, app: string): Promise<number> {
    const isReady = ({ status }: Pod) =>
      status.conditions?.some((it) => it.type === 'Ready' && it.status === 'True') ?? false;
    return (await podsOf(namespace, app)).filter(isReady).length;
  }

  async function restarts(namespace: string, app: string): Promise<number> {
    const counts = (await podsOf(namespace, app)).map(
      (it) => it.status.containerStatuses?.[0]?.restartCount ?? 0,
    );
    return Math.min(...counts);
  }

  async function weight(namespace: string): Promise<number | undefined> {
    const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/shop`;
    return (await stack.api.get<Route>(path)).spec.rules[0]?.backendRefs[1]?.weight;
  }

  async function value(query: string): Promise<number> {
    const [series] = await stack.prometheus.query(query);
    return Number(series?.value?.[1]);
  }
});

async function nudge(
  receiver: { readonly url: string },
  body: string,
  key: string,
): Promise<number> {
  const signature = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  const headers = {
    'Content-Type': 'application/json',
    'X-GitHub-Event': 'push',
    'X-Hub-Signature-256': signature,
    'X-Signature': signature,
  };
  return (await fetch(receiver.url, { method: 'POST', body, headers })).status;
}

interface Pod extends KubernetesObject {
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

interface Route {
  readonly spec: {
    readonly rules: readonly {
      readonly backendRefs: readonly { readonly weight: number }[];
    }[];
  };
}
