import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clustersOf } from '../../analyzer/commands/clusters.ts';
import type { ClusterView } from '../../analyzer/core/cluster/reading.ts';
import { files, type PlanTree } from '../../analyzer/core/position.ts';
import type { Rollout } from '../../analyzer/core/situation.ts';
import { viewClusters } from '../../analyzer/tick/clusters.ts';
import { nginx } from '../../apps/nginx.ts';
import { Testing } from '../../lib/index.ts';
import { type Applier, applier } from './applier.ts';
import { plans, rolloutAt } from './plans.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const NAMES = ['eu', 'us'] as const;
type Name = (typeof NAMES)[number];

const all = plans();
const missing = missingKubernetes(['istio-crds.yaml']);

describe('two real clusters', { skip: isMissing(missing) }, () => {
  let servers: Readonly<Record<Name, Kubernetes>>;
  let kubeconfig: string;
  let folder: string;
  let old: PlanTree;
  let next: PlanTree;

  beforeAll(async () => {
    const start = () => startKubernetes({ crds: [istioCrdsPath()] });
    servers = { eu: await start(), us: await start() };
    for (const it of Object.values(servers)) await it.kubectl(['create', 'namespace', 'web']);
    folder = await mkdtemp(join(tmpdir(), 'perch-clusters-'));
    kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, JSON.stringify(merged(servers)), { mode: 0o600 });
    old = await all.add(nginx(Testing.apps(), { image: 'nginx:1.28' }));
    next = await all.add(nginx(Testing.apps(), { image: 'nginx:1.29' }));
  });
  afterAll(async () => {
    for (const it of Object.values(servers ?? {})) await it.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Step by step, as two GitOps tools apply `live/` to both. */
  function walk(): { readonly at: (step: string) => Rollout; readonly tools: Tools } {
    const tools: Tools = {
      eu: applier(servers.eu),
      us: applier(servers.us),
    };
    const at = (step: string) => {
      const names = next.plan.steps.map((it) => it.name);
      const before = names[names.indexOf(step) - 1] ?? '';
      return rolloutAt({
        position: { kind: 'step', step },
        plan: next,
        stable: old,
        before: files({ kind: 'step', step: before }, next, old),
        at: Date.now() / 1000 - 60,
      });
    };
    return { at, tools };
  }

  async function view(rollout: Rollout, flags: object): Promise<ClusterView> {
    const clock = () => Date.now() / 1000;
    const reader = {
      texts: async (oids: readonly string[]) => oids.map(all.text),
      treesAt: async (_: string, id: string) => ({ id }),
    };
    const world = { clusters: clustersOf({ kubeconfig, ...flags }), clock };
    const observer = { world, reader, seen: { targets: new Map() } };
    return (await viewClusters(observer, rollout, clock())).view;
  }

  test('a step is live when it is live in both', async () => {
    const { at, tools } = walk();
    const [, , step = ''] = next.plan.steps.map((it) => it.name);
    const rollout = at(step);
    const flags = { context: NAMES };
    await tools.eu.apply(all.texts(rollout.files));
    const half = await view(rollout, flags);
    expect(half.live).toMatchObject({ kind: 'waiting', reason: expect.stringMatching(/^us: /) });
    await tools.us.apply(all.texts(rollout.files));
    const whole = await view(rollout, flags);
    expect(whole.live).toMatchObject({ kind: 'live' });
    expect(whole.shownStep).toBe(step);
    // Nobody plays pods here: not ready in the first of them.
    expect(whole.ready.canary).toMatchObject({
      kind: 'notReady',
      reason: expect.stringMatching(/^eu: /),
    });
  });

  test('routes may stand in a cluster of their own', async () => {
    const { at, tools } = walk();
    const [, , , step = ''] = next.plan.steps.map((it) => it.name);
    const rollout = at(step);
    const kinds = (wanted: boolean) =>
      [...rollout.files.values()]
        .filter((it) => (it.info.role === 'routing') === wanted)
        .map((it) => all.text(it.oid));
    const flags = { context: ['eu'], routesContext: ['us'] };
    for (const name of NAMES) await tools[name].apply(all.texts(at(step).files));
    // What the other cluster holds is nobody's business.
    await tools.eu.apply(kinds(false));
    const routesOnly = await view(rollout, flags);
    expect(routesOnly.live).toMatchObject({ kind: 'live' });
    await servers.us.kubectl(['delete', 'virtualservice', 'nginx', '--namespace=web']);
    expect((await view(rollout, flags)).live).toMatchObject({
      kind: 'waiting',
      reason: expect.stringMatching(/^us: VirtualService web\/nginx does not exist yet/),
    });
  });
});

type Tools = Readonly<Record<Name, Applier>>;

/** One kubeconfig with a context for each. */
function merged(servers: Readonly<Record<Name, Kubernetes>>): object {
  const entries = NAMES.map((name) => {
    const { url: server, certificate, token } = servers[name];
    const authority = Buffer.from(certificate).toString('base64');
    return {
      cluster: { name, cluster: { server, 'certificate-authority-data': authority } },
      user: { name, user: { token } },
      context: { name, context: { cluster: name, user: name } },
    };
  });
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: entries.map((it) => it.cluster),
    users: entries.map((it) => it.user),
    contexts: entries.map((it) => it.context),
    'current-context': 'eu',
  };
}
