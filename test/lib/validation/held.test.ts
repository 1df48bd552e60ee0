import { describe, expect, test } from 'vitest';
import {
  Analyzer,
  type AnalyzerProps,
  Apps,
  canary,
  istio,
  Manifests,
  MistakesError,
  Release,
  render,
  Testing,
} from '../../../lib/index.ts';
import { mistakeText } from '../../../lib/mistake.ts';
import { RELEASE_KINDS } from '../../../lib/plan/policy.ts';
import type { ReleaseProps } from '../../../lib/release/release-props.ts';
import { deployment, mistakesOf, type SampleObject, sample, workload } from '../sample.ts';

const told = (object: SampleObject, props: Partial<ReleaseProps> = {}) =>
  mistakesOf(sample({ workload: workload(deployment(), object), ...props }));

const external: SampleObject = {
  apiVersion: 'external-secrets.io/v1',
  kind: 'ExternalSecret',
  metadata: { name: 'shop' },
};
const KEY = 'external-secrets.io/ExternalSecret';

describe('what the analyzer’s admission would refuse, synth refuses with the same words', () => {
  test('a kind that releases may not hold', async () => {
    expect(RELEASE_KINDS).not.toContain(KEY);
    expect(await told(external)).toEqual([
      'shop/object-1: the release holds ExternalSecret shop (external-secrets.io/v1), a kind that releases may not hold; ' +
        `take it out of the release and manage it elsewhere, or allow it with \`allowKinds: ['${KEY}']\` here and with --allow-kind ${KEY} at the analyzer`,
    ]);
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', rules: [] };
    expect(await told({ ...role, metadata: { name: 'shop' } })).toEqual([
      expect.stringContaining('holds Role shop (rbac.authorization.k8s.io/v1), a kind that'),
    ]);
  });

  test('a kind that begins with Cluster', async () => {
    const issuer = { ...external, kind: 'ClusterThing' };
    expect(await told(issuer, { allowKinds: ['external-secrets.io/ClusterThing'] })).toEqual(
      expect.arrayContaining([
        expect.stringContaining('which belongs to no namespace; take it out of the release'),
      ]),
    );
  });

  test('a Secret for a token', async () => {
    const type = 'kubernetes.io/service-account-token';
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token' }, type };
    expect(await told(secret)).toEqual([
      expect.stringContaining(
        `the release holds Secret token of type ${type}; a Secret for a token`,
      ),
    ]);
  });

  test('a namespace of Kubernetes itself', async () => {
    expect(await mistakesOf(sample({ namespace: 'kube-system' }))).toEqual([
      'shop: the release is for namespace kube-system, which belongs to Kubernetes itself; use another',
    ]);
  });
});

describe('an ExternalSecret that may be held', () => {
  const making = (target: object) => told({ ...external, spec: { target } }, { allowKinds: [KEY] });

  test.each([
    [{ template: { type: 'kubernetes.io/service-account-token' } }, 'ExternalSecret shop of type'],
    [
      { manifest: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' } },
      'which makes a RoleBinding of rbac.authorization.k8s.io/v1 that no plan contains',
    ],
    [{ manifest: { kind: 'ConfigMap' } }, 'which makes a ConfigMap of undefined'],
  ])('makes no %j', async (target, expected) => {
    expect(await making(target)).toEqual([expect.stringContaining(expected)]);
  });

  test.each([
    {},
    { template: { type: 'kubernetes.io/tls' } },
    { manifest: { apiVersion: 'v1', kind: 'ConfigMap' } },
  ])('may make %j', async (target) => {
    expect(await making(target)).toEqual([]);
  });
});

describe('what the author has allowed at the analyzer', () => {
  test('is allowed at synth with allowKinds', async () => {
    expect(await told(external, { allowKinds: [KEY] })).toEqual([]);
  });

  test.each([
    ['ExternalSecret', 'expected group/Kind'],
    ['rbac.authorization.k8s.io/ClusterRole', 'it belongs to no namespace'],
  ])('and %s cannot be', async (kind, why) => {
    expect(await mistakesOf(sample({ allowKinds: [kind] }))).toEqual([
      expect.stringContaining(`shop: allowKinds[0] cannot be allowed: ${why}`),
    ]);
  });
});

describe('what the Analyzer in the same Apps allows', () => {
  /** A release that holds an ExternalSecret, beside an analyzer for each list of kinds. */
  function apps(own: readonly string[], ...analyzers: readonly Partial<AnalyzerProps>[]): Apps {
    const all = new Apps();
    const strategy = canary({ stepWeight: 50 });
    const props = { namespace: 'prod', service: { port: 80, targetPort: 8080 }, strategy };
    const objects = [deployment(), external];
    const makes = { workload: workload(...objects), traffic: istio(), allowKinds: own };
    new Release(all, 'shop', { ...props, ...makes });
    new Manifests(all, 'perch', (folder, plans) => {
      for (const [index, it] of analyzers.entries())
        new Analyzer(folder, `analyzer-${index}`, {
          plans,
          image: 'perch:1',
          name: `perch-${index}`,
          namespace: `perch-${index}`,
          run: { url: 'https://git.example.com/team/live.git' },
          metrics: { url: 'http://prometheus:9090' },
          ...it,
        });
    });
    return all;
  }

  async function wrong(all: Apps): Promise<readonly string[]> {
    try {
      await all.render();
      return [];
    } catch (error) {
      if (!(error instanceof MistakesError)) throw error;
      return error.mistakes.map(mistakeText);
    }
  }

  const REFUSED = `or allow it with \`allowKinds: ['${KEY}']\` of each new Analyzer that runs the release`;
  const REFUSED_ALONE = 'here and with --allow-kind';

  test('the release need not say again', async () => {
    const all = apps([], { allowKinds: [KEY] });
    expect(await wrong(all)).toEqual([]);
    const [folder] = (await all.render()).manifests;
    const job = folder?.objects.find((it) => it.kind === 'CronJob');
    expect(JSON.stringify(job)).toContain(`"--allow-kind=${KEY}"`);
  });

  test.each<[string, Apps, string | undefined]>([
    ['the release cannot say for it', apps([KEY], {}), REFUSED],
    ['each of two must', apps([KEY], { allowKinds: [KEY] }, {}), REFUSED],
    [
      'one that runs other releases has no word',
      apps([], { allowKinds: [KEY], plans: [] }),
      REFUSED_ALONE,
    ],
    ['and does not take the release’s', apps([KEY], { plans: [] }), undefined],
    ['without any the release says it', apps([KEY]), undefined],
    ['without any the release must say it', apps([]), REFUSED_ALONE],
  ])('%s', async (_, all, expected) => {
    expect(await wrong(all)).toEqual(
      expected === undefined ? [] : [expect.stringContaining(expected)],
    );
  });

  test('what is wrong with something else is told alone', async () => {
    const all = apps([], { allowKinds: [KEY] });
    new Release(all, 'site', {
      namespace: 'no namespace',
      service: { port: 80, targetPort: 8080 },
      traffic: istio(),
      strategy: canary({ stepWeight: 50 }),
      workload: workload(deployment(), external),
    });
    new Manifests(all, 'more', (_, plans) => {
      if (plans.length < 2) throw new Error('there is a plan missing');
    });
    expect(await wrong(all)).toEqual([expect.stringContaining('namespace must be')]);
  });

  test('a kind that cannot be allowed is told as the Analyzer’s mistake', async () => {
    const kind = 'rbac.authorization.k8s.io/ClusterRole';
    expect(await wrong(apps([], { allowKinds: [KEY, kind] }))).toEqual([
      expect.stringContaining('allowKinds[1] cannot be allowed: it belongs to no namespace'),
    ]);
  });

  test('a test of the release alone does not ask for it', async () => {
    const release = sample({ workload: workload(deployment(), external) });
    expect((await Testing.render(release)).plan.release).toBe('shop');
    await expect(render(release)).rejects.toThrow(MistakesError);
  });
});

test('a misspelt kind is told as that alone', async () => {
  expect(await told({ apiVersion: 'v1', kind: 'Servise', metadata: { name: 'a' } })).toEqual([
    expect.stringContaining('has no such kind'),
  ]);
});
