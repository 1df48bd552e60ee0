import { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { latencyProps, queryProps, successRateProps } from '../../../lib/analysis/checks.ts';
import { hookProps, preRolloutProps, rolloutProps } from '../../../lib/analysis/hooks.ts';
import { argoCdProps } from '../../../lib/gitops/argo-cd.ts';
import { fluxProps } from '../../../lib/gitops/flux.ts';
import { fluxImagesProps } from '../../../lib/gitops/flux-images.ts';
import { analyzerProps } from '../../../lib/in-cluster/analyzer-props.ts';
import { analyzerRightsProps } from '../../../lib/in-cluster/rights.ts';
import { helmProps } from '../../../lib/include/helm.ts';
import { includeProps } from '../../../lib/include/include.ts';
import * as library from '../../../lib/index.ts';
import { reproofs } from '../../../lib/mistake.ts';
import { branchesOf, keysOf } from '../../../lib/props/fields.ts';
import { readProps } from '../../../lib/props/read.ts';
import { jobDefinition } from '../../../lib/release/jobs.ts';
import { releaseProps } from '../../../lib/release/release-props.ts';
import { abTestProps } from '../../../lib/strategy/ab-test.ts';
import { blueGreenProps } from '../../../lib/strategy/blue-green.ts';
import { canaryProps, mirroredStepProps } from '../../../lib/strategy/canary.ts';
import { bakeProps } from '../../../lib/strategy/judged.ts';
import { rampedProps } from '../../../lib/strategy/one-track.ts';
import { partitionsProps } from '../../../lib/strategy/partitions.ts';
import { stepItem } from '../../../lib/strategy/steps-props.ts';
import { gatewayApiProps } from '../../../lib/traffic/gateway-api/props.ts';
import { istioGatewayProps } from '../../../lib/traffic/istio/gateway.ts';
import { istioProps } from '../../../lib/traffic/istio/props.ts';
import { kubernetesProps } from '../../../lib/traffic/kubernetes/kubernetes.ts';

/** The schemas of everything that the library exports and that takes props. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  AnalyzerRights: analyzerRightsProps,
  Analyzer: analyzerProps,
  Release: releaseProps,
  abTest: abTestProps,
  argoCd: argoCdProps,
  blueGreen: blueGreenProps,
  canary: canaryProps,
  confirmPromotion: hookProps,
  confirmRollout: hookProps,
  confirmTrafficIncrease: hookProps,
  event: hookProps,
  flux: fluxProps,
  fluxImages: fluxImagesProps,
  gatewayApi: gatewayApiProps,
  helm: helmProps,
  include: includeProps,
  istio: istioProps,
  istioGateway: istioGatewayProps,
  job: jobDefinition,
  kubernetes: kubernetesProps,
  latency: latencyProps,
  partitions: partitionsProps,
  postRollout: hookProps,
  preRollout: preRolloutProps,
  query: queryProps,
  ramped: rampedProps,
  recreate: bakeProps,
  rollback: hookProps,
  rollout: rolloutProps,
  shadow: mirroredStepProps,
  steps: z.array(stepItem),
  successRate: successRateProps,
};

/** Without props of their own; the tests that are named after them have what they refuse. */
const OTHERS = ['Apps', 'Atomic', 'Manifests', 'MistakesError', 'images', 'render', 'renderAll'];

test('nothing that the library exports is left out', () => {
  const functions = Object.entries(library).filter(([, it]) => typeof it === 'function');
  const names = functions.map(([name]) => name).filter((it) => it !== 'Duration');
  expect(names.sort()).toEqual([...Object.keys(SCHEMAS), ...OTHERS, 'verbatim'].sort());
});

/** Every schema of an object below one, by its place. */
function objectsIn(schema: z.core.$ZodType, place: string): (readonly [string, z.ZodType])[] {
  const branches = Object.entries(branchesOf.get(schema) ?? {});
  if (branches.length > 0) return branches.flatMap(([key, it]) => objectsIn(it, `${place}|${key}`));
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodReadonly)
    return schema.unwrap() instanceof z.ZodObject
      ? objectIn(schema, schema.unwrap(), place)
      : objectsIn(schema.unwrap(), place);
  if (schema instanceof z.ZodArray) return objectsIn(schema.element, `${place}[]`);
  if (schema instanceof z.ZodTuple)
    return schema.def.items.flatMap((it) => objectsIn(it, `${place}[]`));
  if (schema instanceof z.ZodRecord) return objectsIn(schema.valueType, `${place}{}`);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((it) => objectsIn(it, place));
  return [];
}

function objectIn(whole: z.ZodType, object: z.core.$ZodType, place: string) {
  if (!(object instanceof z.ZodObject)) return [];
  const own: readonly [string, z.ZodType] = [place, whole];
  const inner = Object.entries(object.shape).flatMap(([key, it]) =>
    objectsIn(it, `${place}.${key}`),
  );
  return [own, ...inner];
}

const OBJECTS = Object.entries(SCHEMAS).flatMap(([name, it]) => objectsIn(it, name));

test('the schemas are walked through', () => {
  expect(OBJECTS.length).toBeGreaterThan(100);
  expect(OBJECTS.map(([place]) => place)).toContain('Release.tracks.canary');
});

describe.each(OBJECTS)('%s', (_, schema) => {
  test('refuses an unknown name', () => {
    const told = readProps('it', schema, { zzzzzz: 1 }).reproofs.map((it) => it.problem);
    expect(told).toContain('it has no prop zzzzzz');
  });

  test('refuses what no prop can be, and names the prop', () => {
    for (const key of keysOf(schema)) {
      const told = readProps('it', schema, { [key]: Symbol('x') }).reproofs;
      const mine = told.filter((it) => it.problem.startsWith(`${key} of it is not `));
      expect(mine, key).toEqual([
        {
          problem: expect.anything(),
          got: expect.anything(),
          remedy: expect.anything(),
          at: expect.stringMatching(/every-prop\.test\.ts:\d+$/),
        },
      ]);
    }
  });
});

/** As plain JavaScript calls it. */
function called(name: string, ...args: readonly unknown[]): readonly string[] {
  const scope = new Construct(library.Testing.apps(), 'scope');
  const it: unknown = Reflect.get(library, name);
  if (typeof it !== 'function') throw new Error(`${name} is no function`);
  const isConstruct = /^[A-Z]/.test(name);
  const inScope = ['flux', 'argoCd', 'fluxImages', 'istioGateway'].includes(name);
  const made: unknown = isConstruct
    ? Reflect.construct(it, [scope, 'id', ...args])
    : Reflect.apply(it, undefined, [
        ...(inScope ? [scope] : name === 'job' ? ['name'] : []),
        ...args,
      ]);
  if (made instanceof library.Release) return made.mistakes.map((one) => one.problem);
  // A workload says it when it is called.
  if (typeof made === 'function') Reflect.apply(made, undefined, [scope]);
  const inside = typeof made === 'function' ? scope.node.children.flatMap(reproofs) : [];
  const noted = typeof made === 'object' && made !== null ? reproofs(made) : [];
  return [...noted, ...inside, ...reproofs(scope)].map((one) => one.problem);
}

test.each(Object.keys(SCHEMAS))(
  '%s throws nothing, whatever it is given, and says what is wrong',
  (name) => {
    const odd = [null, 1, 'text', Symbol('x'), [], () => undefined, { zzzzzz: 1 }, [{ zzzzzz: 1 }]];
    // Of a list without items the strategy says what it lacks.
    const some = odd.filter((it) => name !== 'steps' || !(Array.isArray(it) && it.length === 0));
    for (const it of some) expect(called(name, it), String(it)).not.toEqual([]);
  },
);
