import { setTimeout as sleep } from 'node:timers/promises';
import { event, rollback } from '../../lib/index.ts';
import type { ServerFault, Spoiling } from './proxy.ts';
import { startProxy } from './proxy.ts';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { completes, conclude, rollsBack } from './ways.ts';
import type { AnalyzerOptions, World } from './world.ts';

const BAD: Version = { temper: 'bad', number: 2 };
const GOOD: Version = { temper: 'good', number: 2 };

/** From a failed check, or a failed Job, to the pushed commit that takes traffic away, whatever else hangs. */
const PUSH_SECONDS = 30;

/** From the merge of a version whose Job fails to the end of its rollback: five moves. */
const JOB_SECONDS = 60;

/** Releases under way while the metric store fails. */
const MANY = { short: 40, long: 100 };

/** What a metric store does wrong, by name. */
const METRICS: readonly (readonly [name: string, spoiling: Spoiling])[] = [
  ['hang', { fault: { kind: 'hang' } }],
  ['slow', { fault: { kind: 'drip', everyMs: 200 } }],
  ['headers', { fault: { kind: 'headers' } }],
  ['reset', { fault: { kind: 'reset' } }],
  ['500', { fault: { kind: 'answer', status: 500, body: 'no' } }],
  ['503', { fault: { kind: 'answer', status: 503, headers: { 'Retry-After': '4' } } }],
  ['NaN', { fault: answer('"NaN"') }],
  ['cut', { fault: { kind: 'cut', part: 0.5 } }],
  ['50 MB', { fault: { kind: 'flood', chunk: '[1700000000,"1"],'.repeat(4096), bytes: 5e7 } }],
  ['garbage', { fault: { kind: 'change', body: (it) => Buffer.alloc(it.length, 0x7b) } }],
];

/** Those of the short form. */
const SHORT = ['hang', '500', 'NaN', '50 MB'];

/** Servers other than git's that are slow, broken, or silent. */
export const outside: readonly Scenario[] = [
  {
    name: 'outside/metrics',
    promise: `while the metric store fails and many rollouts wait for it, another release starts, fails and is back within ${JOB_SECONDS} s`,
    load: 'alone',
    run: metrics,
  },
  silentCluster('outside/api-hangs', { fault: { kind: 'hang' } }),
  silentCluster('outside/api-429', {
    fault: { kind: 'answer', status: 429, headers: { 'Retry-After': '3600' }, body: '{}' },
  }),
  silentCluster('outside/api-resets', { fault: { kind: 'reset' } }),
  {
    name: 'outside/hook-hangs',
    promise: `a hook that never answers holds up no other release: its rollback is pushed within ${PUSH_SECONDS} s`,
    run: (stage) => silentHook(stage, { fault: { kind: 'hang' } }),
  },
  {
    name: 'outside/nudge-hangs',
    promise: `a receiver of nudges that never answers delays no rollback beyond ${PUSH_SECONDS} s`,
    run: (stage) => silentNudge(stage, { fault: { kind: 'hang' } }),
  },
];

function answer(value: string): ServerFault {
  const result = `[{"metric":{},"values":[[${Math.floor(Date.now() / 1000)},${value}]]}]`;
  return {
    kind: 'answer',
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: `{"status":"success","data":{"resultType":"matrix","result":${result}}}`,
  };
}

/** Many releases wait for checks that nobody answers, and one after the other has a Job that fails. */
async function metrics(stage: Stage): Promise<Outcome> {
  const count = stage.short ? MANY.short : MANY.long;
  const many = Array.from({ length: count }, (_, it) => `many-${String(it).padStart(3, '0')}`);
  const world = await stage.open({ releases: ['victim', ...many], beatMs: 700 });
  const proxy = world.proxies.metrics;
  proxy.spoil({ fault: { kind: 'answer', status: 500 } });
  await world.releaseAll(many, GOOD);
  world.analyzer();
  const waiting = await world.until(150, async () => {
    const states = await Promise.all(many.map((it) => world.state(it)));
    return states.every((it) => it?.position.step === '02-weight-20');
  });
  if (waiting === undefined) world.problems.push('the many rollouts never came to their checks');
  const took: string[] = [];
  let longest = 0;
  let number = 1;
  const faults = stage.short ? METRICS.filter(([name]) => SHORT.includes(name)) : METRICS;
  for (const [name, spoiling] of faults) {
    proxy.spoil(spoiling);
    proxy.drop();
    number += 1;
    const seconds = await failsItsJob(world, number);
    took.push(`${name} ${seconds?.toFixed(0) ?? `over ${JOB_SECONDS}`}s`);
    longest = Math.max(longest, seconds ?? JOB_SECONDS);
    if (seconds === undefined)
      world.problems.push(`${name}: the other release is not back after ${JOB_SECONDS} s`);
  }
  proxy.heal(true);
  const last: Version = { temper: 'job', number };
  const expected = [rollsBack('victim', last), ...many.map((it) => completes(it, GOOD))];
  const end = await conclude(world, expected, 240, `${count} waited; ${took.join(', ')}`);
  return { ...end, longestSeconds: longest };
}

/** @returns from the merge to the rollback; two passes lead to the Job, and two back */
async function failsItsJob(world: World, number: number): Promise<number | undefined> {
  const before = (await world.state('victim'))?.transition ?? 0;
  await world.release('victim', { temper: 'job', number });
  const isBack = async () => {
    const state = await world.state('victim');
    return state?.position.kind === 'stable' && state.transition > before;
  };
  return world.until(JOB_SECONDS, isBack);
}

function silentCluster(name: string, spoiling: Spoiling): Scenario {
  return {
    name,
    promise: `while the API server fails, checks still take a release back within ${PUSH_SECONDS} s; it arrives afterwards`,
    async run(stage) {
      const world = await stage.open();
      await world.release('alpha', BAD);
      world.analyzer();
      await world.untilStep('alpha', /weight-20/);
      world.proxies.api.spoil(spoiling);
      return backInTime(world, async () => {
        world.proxies.api.heal(true);
      });
    },
  };
}

/** Waits for alpha's traffic to be taken away in Git, then ends the fault and waits for the end. */
async function backInTime(
  world: World,
  heal: () => Promise<void>,
  expected = [rollsBack('alpha', BAD)],
): Promise<Outcome> {
  const isBack = async () =>
    ['back', 'stable'].includes((await world.state('alpha'))?.position.kind ?? '');
  const seconds = await world.until(PUSH_SECONDS, isBack);
  if (seconds === undefined) world.problems.push(`no rollback was pushed in ${PUSH_SECONDS} s`);
  await sleep(1000);
  await heal();
  const pushed = (seconds ?? PUSH_SECONDS).toFixed(1);
  const end = await conclude(world, expected, 60, `pushed after ${pushed} s`);
  return { ...end, longestSeconds: seconds ?? PUSH_SECONDS };
}

async function silentHook(stage: Stage, spoiling: Spoiling): Promise<Outcome> {
  const world = await stage.open();
  const hooks = await startProxy(world.cluster.metrics.url);
  world.onStop(hooks.stop);
  hooks.spoil(spoiling);
  const url = `${hooks.url}/hook`;
  const asked = [rollback({ name: 'ask', url }), event({ name: 'tell', url })];
  await world.release('beta', GOOD, { hooks: asked });
  await world.release('alpha', BAD);
  world.analyzer();
  await world.untilStep('alpha', /weight-20/);
  const heal = async () =>
    // A hook that answers with anything but 2xx does not ask for a rollback.
    hooks.spoil({ fault: { kind: 'answer', status: 403 } });
  const expected = [rollsBack('alpha', BAD), completes('beta', GOOD)];
  return await backInTime(world, heal, expected);
}

async function silentNudge(stage: Stage, spoiling: Spoiling): Promise<Outcome> {
  const world = await stage.open();
  const receiver = await startProxy(world.cluster.metrics.url);
  world.onStop(receiver.stop);
  receiver.spoil(spoiling);
  await world.release('alpha', BAD);
  const options: AnalyzerOptions = { args: ['--nudge', `${receiver.url}/hook`] };
  world.analyzer(options);
  await world.untilStep('alpha', /weight-20/);
  return await backInTime(world, async () => receiver.heal(true));
}
