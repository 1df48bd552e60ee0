import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Author, cloneAsAuthor } from '../../demo/author.ts';
import { isMissing } from '../servers/missing.ts';
import { clopperPearson } from './binomial.ts';
import { printLogsOnFailure } from './failures.ts';
import { type LoadCounts, sendRequests } from './load.ts';
import { since, total } from './player/player.ts';
import type { PodCount } from './player/protocol.ts';
import { shop } from './shop.ts';
import { missingStack, type Stack, type StackOptions, startStack } from './stack.ts';
import { until } from './until.ts';

const OPTIONS: StackOptions = { sync: ['flux', 'argo-cd'], gateway: true, prometheus: true };

const missing = await missingStack(OPTIONS);
describe('the stack', { skip: isMissing(missing) }, () => {
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

  test.each(['flux', 'argoCd'] as const)(
    '%s brings committed weights to real requests',
    { timeout: 180_000 },
    async (tool) => {
      const name = `shop-${tool.toLowerCase()}`;
      await stack.kubernetes.kubectl(['create', 'namespace', name]);
      await commit(name, 10);
      const { url, branch, users } = stack.git;
      const repository = { url, branch, user: users.sync };
      await stack[tool].follow({ name, path: `live/${name}`, repository, interval: '1s' });
      await liveAt(name, 10);
      await expectShare(name, 10);
      await commit(name, 50);
      await liveAt(name, 50);
      await expectShare(name, 50);
    },
  );

  test('a server can be taken away and brought back', { timeout: 120_000 }, async () => {
    const envoy = stack.server('envoy');
    const before = envoy.pid;
    await envoy.stop();
    expect((await send('shop-flux', 3)).unanswered).toBe(3);
    await envoy.start();
    expect(envoy.pid).not.toBe(before);
    await until(async () => (await send('shop-flux', 1)).byStatus[200] === 1);

    await stack.server('kube-apiserver').stop();
    await expect(stack.api.get('/version')).rejects.toThrow();
    expect((await send('shop-flux', 10)).byStatus).toEqual({ 200: 10 });
    await stack.server('kube-apiserver').start();
    expect(await stack.api.get('/version')).toMatchObject({ major: '1' });
  });

  async function commit(name: string, weight: number): Promise<void> {
    await author.push({
      subject: `${name}: canary ${weight} %`,
      at: Math.floor(Date.now() / 1000),
      replaces: [],
      files: new Map([[`live/${name}/shop.yaml`, shop(name, { canaryPercent: weight })]]),
    });
  }

  /** Until the API server has the weight, and Envoy a route to ready pods with it. */
  async function liveAt(name: string, weight: number): Promise<void> {
    const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${name}/httproutes/shop`;
    await until(async () => {
      const route = await stack.api.get<Route>(path);
      return route.spec.rules[0]?.backendRefs[1]?.weight === weight;
    });
    await until(async () => (await send(name, 1)).byStatus[200] === 1);
    // Contour gathers changes for a moment.
    await sleep(1500);
  }

  async function expectShare(name: string, weight: number): Promise<void> {
    const earlier = await stack.player.counts();
    expect(await send(name, 400)).toMatchObject({ byStatus: { 200: 400 }, unanswered: 0 });
    const counted = since(earlier, await stack.player.counts());
    const isCanary = (it: PodCount) => it.workload === 'shop-canary';
    expect(total(counted)).toBe(400);
    const [low, high] = clopperPearson(total(counted, isCanary), 400);
    expect(weight / 100).toBeGreaterThan(low);
    expect(weight / 100).toBeLessThan(high);
  }

  function send(name: string, count: number): Promise<LoadCounts> {
    const host = `${name}.example.com`;
    return sendRequests({ url: stack.gateway.url, host, perSecond: 400, count });
  }
});

interface Route {
  readonly spec: {
    readonly rules: readonly {
      readonly backendRefs: readonly { readonly weight: number }[];
    }[];
  };
}
