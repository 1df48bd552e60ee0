import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kubernetes } from '../../analyzer/cluster/kubernetes.ts';
import { clusterQuestions, liveness, target } from '../../analyzer/core/cluster/liveness.ts';
import {
  type FileSet,
  files,
  hasPromoted,
  type PlanTree,
  type Position,
  positionText,
  wayBack,
} from '../../analyzer/core/position.ts';
import { nginx } from '../../apps/nginx.ts';
import { podinfo } from '../../apps/podinfo.ts';
import { Testing } from '../../lib/index.ts';
import type { Manifest } from '../../lib/manifest/json.ts';
import type { FileInfo } from '../../lib/plan/plan.ts';
import { schemaOf } from '../../lib/validation/schema.ts';
import { type Applier, applier } from './applier.ts';
import { example, exampleNames } from './examples.ts';
import { allPositions, plans, rolloutAt } from './plans.ts';
import { assetPath, missingAssets } from './servers/assets.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const APPS = {
  podinfo: { app: podinfo, namespace: 'test', images: ['podinfo:6', 'podinfo:7', 'podinfo:8'] },
  nginx: { app: nginx, namespace: 'web', images: ['nginx:1.28', 'nginx:1.29', 'nginx:1.30'] },
} as const;

interface Subject {
  readonly old: PlanTree;
  readonly next: PlanTree;
  readonly newest: PlanTree;
}

const all = plans();

async function subject(name: keyof typeof APPS): Promise<Subject> {
  const { app, images } = APPS[name];
  const tree = (image: string) => all.add(app(Testing.apps(), { image }));
  const [old, next, newest] = images;
  return { old: await tree(old), next: await tree(next), newest: await tree(newest) };
}

const missing = missingKubernetes(['istio-crds.yaml']);
describe('live/ on a real API server', { skip: isMissing(missing) }, () => {
  let server: Kubernetes;

  // Without controllers: nobody but the test writes.
  beforeAll(async () => {
    server = await startKubernetes({ crds: [istioCrdsPath()] });
    for (const { namespace } of Object.values(APPS))
      await server.kubectl(['create', 'namespace', namespace]);
  });
  afterAll(() => server?.stop());

  describe.each(['podinfo', 'nginx'] as const)('%s', (name) => {
    let it: Subject;
    beforeAll(async () => {
      it = await subject(name);
    });

    test('every set of files that a position stands for is valid', async () => {
      const { dryRun } = applier(server);
      const positions = allPositions(it.next.plan);
      // Steps, the rollback from each of them, and the sets at rest.
      expect(positions.length).toBeGreaterThan(2 * (it.next.plan.steps.length - 2) + 3);
      const refused: string[] = [];
      for (const position of positions)
        await dryRun(all.texts(files(position, it.next, it.old))).catch((error: Error) => {
          refused.push(`${positionText(position)}: ${error.message}`);
        });
      expect(refused).toEqual([]);
    });

    test('a rollout, and a rollback from behind promotion, can be applied one after the other', async () => {
      const { old, next, newest } = it;
      const run = player(applier(server), server);
      const forward = (plan: PlanTree): Position[] => {
        const between = plan.plan.steps.slice(1, -1);
        return between.map((step) => ({ kind: 'step', step: step.name }));
      };
      await run({ kind: 'init' }, old, undefined);
      await run({ kind: 'complete' }, old, undefined);
      for (const position of forward(next)) await run(position, next, old);
      await run({ kind: 'complete' }, next, old);
      for (const position of forward(newest)) await run(position, newest, next);
      const last = newest.plan.steps.at(-2)?.name ?? '';
      expect(hasPromoted(newest.plan, last)).toBe(true);
      for (const position of wayBack(newest.plan, last, last)) await run(position, newest, next);
    });

    test('a selector or an immutable name that changed would be refused', async () => {
      const { dryRun } = applier(server);
      const change = (kind: string, from: RegExp, to: string) =>
        dryRun([changed(textOf(files({ kind: 'complete' }, it.next, it.old), kind), from, to)]);
      await expect(
        change('Deployment', /matchLabels:\n( +)(\S+): /, 'matchLabels:\n$1other: x\n$1$2: '),
      ).rejects.toThrow('selector');
      if (name === 'nginx') return;
      await expect(
        change('ConfigMap', /PODINFO_UI_COLOR: .*/, 'PODINFO_UI_COLOR: "#000000"'),
      ).rejects.toThrow('immutable');
    });

    test.each([
      ['Deployment', /\nspec:\n/, '\nspec:\n  unknownField: 1\n', 'field not declared in schema'],
      [
        'VirtualService',
        /\nspec:\n/,
        '\nspec:\n  unknownField: 1\n',
        'field not declared in schema',
      ],
      ['Service', /port: (\d+)/, 'port: "$1"', 'expected numeric'],
      ['VirtualService', /weight: (\d+)/, 'weight: "$1"', 'expected numeric'],
    ])('a %s with something wrong in it is refused', async (kind, from, to, said) => {
      const { dryRun } = applier(server);
      const set = files({ kind: 'complete' }, it.next, it.old);
      const right = all.texts(set).filter((text) => text !== textOf(set, kind));
      await dryRun([...right, textOf(set, kind)]);
      const wrong = [...right, changed(textOf(set, kind), from, to)];
      await expect(dryRun(wrong)).rejects.toThrow(said);
    });
  });
});

const without = missing ?? missingAssets('Kubernetes', ['gateway-api-crds.yaml']);
describe('live/ of every release in dist/', { skip: isMissing(without) }, () => {
  let server: Kubernetes;
  let served: ReadonlySet<string>;
  const names = exampleNames();

  beforeAll(async () => {
    const crds = [istioCrdsPath(), assetPath('gateway-api-crds.yaml')];
    server = await startKubernetes({ crds });
    const namespaces = new Set(names.map((it) => example(it).plan.namespace));
    for (const it of namespaces)
      if (it !== 'default') await server.kubectl(['create', 'namespace', it]);
    served = await servedKinds(server);
  }, 60_000);
  afterAll(() => server?.stop());

  test('there are examples', () => expect(names.length).toBeGreaterThan(3));

  test.each(names)(
    '%s: each position is accepted, one after the other',
    { timeout: 120_000 },
    async (id) => {
      const { plan, next, stable, text } = example(id);
      const { apply, dryRun } = applier(server);
      // A release of Services that exist already begins with nothing.
      const applyAll = async (all: readonly string[]) =>
        void (all.length > 0 && (await apply(all)));
      const isServed = ({ info }: { info: FileInfo }) =>
        served.has(`${info.apiVersion} ${info.kind}`);
      const textsOf = (set: FileSet) =>
        [...set.values()].filter(isServed).map((it) => text(it.oid));
      const steps = plan.steps.slice(1, -1).map((it) => it.name);
      await applyAll(textsOf(files({ kind: 'init' }, stable, undefined)));
      await applyAll(textsOf(files({ kind: 'complete' }, stable, undefined)));
      for (const step of steps) {
        await applyAll(textsOf(files({ kind: 'step', step }, next, stable)));
        const back = wayBack(plan, step, step).flatMap((it) => textsOf(files(it, next, stable)));
        await dryRun([...new Set(back)]);
      }
      const last = textsOf(files({ kind: 'complete' }, next, stable));
      await apply(last);
      // Another example may have the same names.
      await server.kubectl(['delete', '--wait=false', '--filename=-'], last.join('---\n'));
      const others = allPositions(plan)
        .flatMap((it) => [...files(it, next, stable).values()])
        .filter((it) => !isServed(it));
      const problems = await bySchemaAlone(new Map(others.map((it) => [it.oid, text(it.oid)])));
      expect(problems).toEqual([]);
    },
  );

  /** What the schemas of the models say of objects whose kinds this API server does not have. */
  async function bySchemaAlone(texts: ReadonlyMap<string, string>): Promise<readonly string[]> {
    const objects = [...texts.values()].map((it) => parse(it) as Manifest);
    const kinds = new Set(objects.map((it) => `${it.apiVersion} ${it.kind}`));
    const all = [...kinds].map(async (it) => {
      const [apiVersion = '', kind = ''] = it.split(' ');
      const schema = await schemaOf(apiVersion, kind);
      console.warn(
        `${it}: no CustomResourceDefinition here; ${schema.kind === 'known' ? 'checked by its schema alone' : 'NOT CHECKED'}`,
      );
      if (schema.kind !== 'known') return [];
      const mine = objects.filter((one) => one.apiVersion === apiVersion && one.kind === kind);
      return mine.flatMap((one) =>
        schema.check(one).map(({ pointer, problem }) => `${it} ${pointer} ${problem}`),
      );
    });
    return (await Promise.all(all)).flat();
  }
});

/** `apiVersion kind` of everything that the API server knows. */
async function servedKinds({ kubectl }: Kubernetes): Promise<ReadonlySet<string>> {
  const lines = (await kubectl(['api-resources', '--no-headers'])).trim().split('\n');
  return new Set(
    lines.map((it) => {
      const [kind, , apiVersion] = it.trim().split(/\s+/).toReversed();
      return `${apiVersion} ${kind}`;
    }),
  );
}

type Player = (position: Position, plan: PlanTree, stable: PlanTree | undefined) => Promise<void>;

/** Applies position after position; each must be live then, by what the analyzer itself reads. */
function player({ apply }: Applier, server: Kubernetes): Player {
  const cluster = kubernetes({ kubeconfig: server.kubeconfigPath });
  let before: FileSet | undefined;
  return async (position, plan, stable) => {
    // An hour ago: no waiting time of the rollback is left.
    const at = Date.now() / 1000 - 3600;
    const rollout = rolloutAt({ position, plan, stable, before, at });
    await apply(all.texts(rollout.files));
    const asked = [...rollout.files].filter(([, it]) => it.info.asked);
    const targets = asked.map(([file, it]) => target(file, it.info, all.text(it.oid)));
    const questions = clusterQuestions(rollout, targets);
    const answer = await cluster.read(questions.map((it) => it.ref));
    if (answer.kind === 'unknown') throw new Error(answer.reason);
    const readings = { kind: 'known', value: answer.value.objects } as const;
    const live = liveness(rollout, questions, readings, { kind: 'unasked' }, Date.now() / 1000);
    expect(live, positionText(position)).toMatchObject({ kind: 'live' });
    before = rollout.files;
  };
}

function textOf(set: FileSet, kind: string): string {
  const [file] = [...set.values()].filter((it) => it.info.kind === kind);
  if (file === undefined) throw new Error(`no ${kind} in ${[...set.keys()].join(', ')}`);
  return all.text(file.oid);
}

function changed(text: string, from: RegExp, to: string): string {
  const result = text.replace(from, to);
  if (result === text) throw new Error(`nothing like ${from} in:\n${text}`);
  return result;
}
