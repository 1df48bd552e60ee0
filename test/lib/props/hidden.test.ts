import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Duration } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import {
  Apps,
  Atomic,
  blueGreen,
  canary,
  confirmPromotion,
  images,
  istio,
  kubernetes,
  Manifests,
  MistakesError,
  Release,
  steps,
  successRate,
  verbatim,
} from '../../../lib/index.ts';
import { temporaryFolder } from '../../cleanups.ts';
import { deployment, workload } from '../sample.ts';

/** As plain JavaScript calls it. */
function untyped(call: unknown, ...args: readonly unknown[]): unknown {
  if (typeof call !== 'function') throw new Error('not a function');
  return Reflect.apply(call, undefined, args);
}

const RIGHT = {
  namespace: 'prod',
  workload: workload(deployment()),
  service: { port: 80, targetPort: 8080 },
  traffic: istio(),
  strategy: canary({ stepWeight: 50 }),
};

function release(apps: Apps, id: string, props: object): void {
  Reflect.construct(Release, [apps, id, { ...RIGHT, ...props }]);
}

async function told(props: object): Promise<readonly string[]> {
  const apps = new Apps();
  release(apps, 'shop', props);
  return mistakesOf(apps);
}

async function mistakesOf(apps: Apps): Promise<readonly string[]> {
  const error: unknown = await apps.render().then(
    () => undefined,
    (it: unknown) => it,
  );
  if (error === undefined) return [];
  if (!(error instanceof MistakesError)) throw error;
  return error.mistakes.map(({ problem, remedy }) => `${problem}; ${remedy}`);
}

describe('a misspelt name is told with what was meant, and nothing that follows from it', () => {
  test.each<[string, () => object, string]>([
    [
      'analysis.chekcs',
      () => ({ analysis: { chekcs: [] } }),
      'analysis has no prop chekcs; did you mean checks?',
    ],
    [
      'analysis.treshold',
      () => ({ analysis: { treshold: 3 } }),
      'analysis has no prop treshold; did you mean threshold?',
    ],
    [
      'blueGreen({ autoPromotoin })',
      () => ({ strategy: untyped(blueGreen, { autoPromotoin: false }), traffic: istio() }),
      'blueGreen has no prop autoPromotoin; did you mean autoPromotion?',
    ],
    [
      'tracks.canary.replica',
      () => ({ tracks: { canary: { replica: 2 } } }),
      'tracks.canary has no prop replica; did you mean replicas?',
    ],
    [
      'canary({ stepWeigths })',
      () => ({ strategy: untyped(canary, { stepWeigths: [10] }) }),
      'canary has no prop stepWeigths; did you mean stepWeights?',
    ],
    [
      'steps([{ setWieght }])',
      () => ({ strategy: untyped(steps, [{ setWieght: 10 }]) }),
      'steps[0] of steps has no prop setWieght; did you mean setWeight?',
    ],
    [
      'successRate({ mn })',
      () => ({ analysis: { checks: [untyped(successRate, { mn: 99 })] } }),
      'successRate has no prop mn; did you mean min?',
    ],
    [
      'namspace',
      () => ({ namespace: undefined, namspace: 'prod' }),
      'Release has no prop namspace; did you mean namespace?',
    ],
    [
      'worklaod',
      () => ({ workload: undefined, worklaod: RIGHT.workload }),
      'Release has no prop worklaod; did you mean workload?',
    ],
  ])('%s', async (_, props, expected) => {
    expect(await told(props())).toEqual([expected]);
  });
});

describe('a value of another type is told with what was got', () => {
  test.each<[object, string]>([
    [
      { analysis: { bakeTime: 60 } },
      'analysis.bakeTime is not a duration; give one, such as Duration.seconds(30)',
    ],
    [
      { traffic: 'istio' },
      'traffic is not a router; use istio({ … }), gatewayApi({ … }) or kubernetes()',
    ],
    [
      { strategy: { stepWeight: 5 } },
      'strategy is not a strategy; use one, such as canary({ stepWeights: [5, 20, 50] })',
    ],
    [
      { traffic: undefined },
      'traffic is missing; use istio({ … }), gatewayApi({ … }) or kubernetes()',
    ],
    [{ service: { port: '80' } }, 'service.port is not a number; give a number'],
    [
      { workload: 5 },
      'workload is not a function; give one that makes objects: (scope) => { new Deployment(scope, … ) }',
    ],
    [
      { hours: [{ days: ['monday'], from: '09:00', to: '10:00', timeZone: 'UTC' }] },
      'hours[0].days[0] is not supported; use one of Mon, Tue, Wed, Thu, Fri, Sat, Sun',
    ],
    [
      { dependsOn: [{ release: 'db', phases: ['Paused'] }] },
      'dependsOn[0].phases[0] is not supported; use one of Initialized, Progressing, WaitingPromotion, Promoting, Finalising, Succeeded, Failed',
    ],
  ])('%j', async (props, expected) => {
    expect(await told(props)).toEqual([expected]);
  });
});

test('undefined is a prop that is not given', async () => {
  expect(
    await told({ name: undefined, analysis: { checks: undefined, threshold: undefined } }),
  ).toEqual([]);
  expect(canary({ stepWeights: [5], mirror: undefined }).steps()).toHaveLength(6);
});

test('a duration of another copy of cdk8s is one', async () => {
  const other = { toMilliseconds: () => 60_000, toSeconds: () => 60 };
  expect(await told({ analysis: { bakeTime: other, rollbackDelay: Duration.seconds(1) } })).toEqual(
    [],
  );

  // Where the props are shaped as an API's fields, it is written out as one.
  const traffic = untyped(istio, { timeout: other });
  expect(await told({ traffic })).toEqual([]);
});

describe('a mistake hides no other', () => {
  test('in one release: of its props, its functions, its workload and its files', async () => {
    const found = await told({
      analysis: {
        treshold: 1,
        threshold: 0,
        checks: [untyped(successRate, { min: 101, windw: 5 })],
      },
      hooks: [untyped(confirmPromotion, { name: 'ask', url: 7 })],
      verbatim: [verbatim('no-such-file.yaml')],
      tracks: { canary: { replica: 1 } },
      workload: () => {
        throw new Error('no such image');
      },
    });
    expect(found.map((it) => it.split(';')[0])).toEqual([
      'analysis has no prop treshold',
      'tracks.canary has no prop replica',
      'successRate has no prop windw',
      'url of confirmPromotion is not a string',
      'analysis.threshold must be a whole number',
      'analysis.checks[0] (success-rate): min must be a percent',
      expect.stringContaining("verbatim('no-such-file.yaml') cannot be read"),
      'workload threw: no such image',
    ]);
  });

  test('in another release, a group and a folder of manifests', async () => {
    const apps = new Apps();
    release(apps, 'one', { treffic: istio() });
    release(apps, 'two', { traffic: untyped(kubernetes, { splt: 'switch' }) });
    Reflect.construct(Atomic, [apps, 'group', 'one and two']);
    new Manifests(apps, 'wrong-factory', () => {
      throw new Error('its release is not there');
    });
    Reflect.construct(Manifests, [apps, 'no-factory']);
    expect((await mistakesOf(apps)).map((it) => it.split(';')[0])).toEqual([
      'Release has no prop treffic',
      'kubernetes has no prop splt',
      'members is not a list',
      'make is missing',
    ]);
  });

  test('a factory of manifests that throws is told where all plans are there', async () => {
    const apps = new Apps();
    new Manifests(apps, 'tools', () => {
      throw new Error('no plan');
    });
    expect(await mistakesOf(apps)).toEqual([expect.stringContaining('threw: no plan')]);
  });

  test('a file of images that is not there is told of the workload that asks it', async () => {
    const image = images('no-such-images.yaml');
    expect(await told({ workload: () => image('shop') })).toEqual([
      expect.stringContaining('no-such-images.yaml cannot be read'),
    ]);
  });
});

test('each mistake says file and line of the author’s code', async () => {
  const apps = new Apps();
  release(apps, 'shop', {
    strategy: untyped(canary, { stepWeigths: [5] }),
    workload: () => {
      throw new Error('x');
    },
  });
  const error: unknown = await apps.render().catch((it: unknown) => it);
  const places = error instanceof MistakesError ? error.mistakes.map((it) => it.at) : [];
  expect(places).toHaveLength(2);
  for (const it of places) expect(it).toMatch(/^test\/lib\/props\/hidden\.test\.ts:\d+$/);
});

test('what may hold a password is not printed', () => {
  const props = { ...RIGHT, existing: 'https://me:secret@host/' };
  const apps = new Apps();
  Reflect.construct(Release, [apps, 'shop', props]);
  return expect(apps.render()).rejects.not.toThrow(/secret/);
});

test('as a process: synth prints a list to stderr, no stack, and ends with 1', async () => {
  const root = join(import.meta.dirname, '../../..');
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'cdk8s.yaml'), 'output: dist\n');
  writeFileSync(
    join(folder, 'main.mjs'),
    [
      `import { Apps, canary, istio, Release } from '${root}/lib/index.ts';`,
      'const apps = new Apps();',
      "new Release(apps, 'shop', {",
      "  namespace: 'prod', service: { port: 80 }, traffic: istio(), treshold: 1,",
      '  strategy: canary({ stepWeigths: [5] }),',
      "  workload: () => { throw new Error('no image'); },",
      '});',
      'await apps.synth();',
    ].join('\n'),
  );
  const run = promisify(execFile)(join(root, 'node_modules/.bin/tsx'), ['main.mjs'], {
    cwd: folder,
  });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^3 mistakes, nothing was written:\n\nshop\n {2}main\.mjs:3: Release has no prop treshold; use one of .*\n {2}main\.mjs:5: canary has no prop stepWeigths; did you mean stepWeights\?\n {2}main\.mjs:6: workload threw: no image; .*\n$/,
    ),
  });
}, 30_000);
