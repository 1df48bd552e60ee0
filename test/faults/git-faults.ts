import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../analyzer/simulated/random.ts';
import { git } from './git.ts';
import type { Asked, ServerFault, Spoiling } from './proxy.ts';
import type { Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, rollsBack } from './ways.ts';
import type { World } from './world.ts';

const BAD: Version = { temper: 'bad', number: 2 };

const PROMISE =
  'while the git server fails nothing harmful is pushed, and the rollback arrives when it is back';

const STATUSES = [
  301, 302, 400, 401, 403, 404, 407, 408, 409, 410, 413, 418, 429, 500, 502, 503, 504,
];

/** What a git server does wrong, by name. */
const FAULTS: readonly (readonly [name: string, spoiling: Spoiling])[] = [
  ...STATUSES.map((status): [string, Spoiling] => [
    `status-${status}`,
    { fault: answer(status, headersOf(status)) },
  ]),
  ['login-page', { fault: loginPage() }],
  ['no-refs', { fault: { kind: 'change', body: withoutRefs } }],
  ['empty-answer', { fault: { kind: 'change', body: () => Buffer.alloc(0) } }],
  ['garbage', { fault: { kind: 'change', body: (it) => Buffer.alloc(it.length || 64, 0xa5) } }],
  ['no-http', { fault: { kind: 'raw', bytes: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n') } }],
  ['reset', { fault: { kind: 'reset' } }],
  ['cut-answer', { fault: { kind: 'cut', part: 0.6 } }],
  ['cut-pack', { fault: { kind: 'cut', part: 0.6 }, when: isPack }],
  ['no-push', { fault: answer(403), when: isPush }],
  ['slow-drip', { fault: { kind: 'drip', everyMs: 400 } }],
  ['hang', { fault: { kind: 'hang' } }],
  ['hang-in-push', { fault: { kind: 'hang' }, when: isPush }],
  ['headers-only', { fault: { kind: 'headers' } }],
];

/** A git server that fails during the rollout of a bad candidate. */
export const gitFaults: readonly Scenario[] = [
  {
    name: 'git/each-in-turn',
    promise: `${PROMISE}; the analyzer outlives each of ${FAULTS.length} faults`,
    tries: { short: 1, long: 0 },
    run: inTurn,
  },
  ...FAULTS.map(
    ([name, spoiling]): Scenario => ({
      name: `git/${name}`,
      promise: PROMISE,
      tries: { short: 0, long: 1 },
      run: (stage, random) => during(stage, random, spoiling, true),
    }),
  ),
  {
    name: 'git/hang-for-good',
    promise: 'a connection that nobody ever answers is given up, and the rollback arrives then',
    tries: { short: 0, long: 1 },
    run: (stage, random) => during(stage, random, { fault: { kind: 'hang' } }, false),
  },
  branchFault('git/branch-deleted', 'a run branch that is deleted, and comes back', undefined),
  branchFault('git/branch-renamed', 'a run branch that is renamed, and back', 'trunk'),
  {
    name: 'git/branch-typo',
    promise: 'a --branch that does not exist gets no releases initialized anew',
    run: typo,
  },
];

function answer(status: number, headers: Readonly<Record<string, string>> = {}): ServerFault {
  return { kind: 'answer', status, headers, body: `status ${status}\n` };
}

function headersOf(status: number): Readonly<Record<string, string>> {
  if (status === 301 || status === 302) return { Location: 'http://127.0.0.1:1/login' };
  if (status === 401) return { 'WWW-Authenticate': 'Basic realm="perch"' };
  if (status === 407) return { 'Proxy-Authenticate': 'Basic realm="perch"' };
  return status === 429 || status === 503 ? { 'Retry-After': '1' } : {};
}

function isPack({ method, url }: Asked): boolean {
  return method === 'POST' && url.endsWith('/git-upload-pack');
}

function isPush({ method, url }: Asked): boolean {
  return method === 'POST' && url.endsWith('/git-receive-pack');
}

/** What a server says that has no branches: in both versions of the protocol. */
function withoutRefs(body: Buffer): Buffer {
  const text = body.toString('latin1');
  if (!/refs\/heads\//.test(text)) return body;
  const isAdvertisement = text.startsWith('001e# service=');
  return Buffer.from(isAdvertisement ? '001e# service=git-upload-pack\n00000000' : '0000');
}

function loginPage(): ServerFault {
  const body = '<!doctype html><title>Sign in</title><form>password</form>';
  return { kind: 'answer', status: 200, headers: { 'Content-Type': 'text/html' }, body };
}

/** How long a fault lasts. */
const FAULT_MS = { short: 5000, long: 8000 };
/** From the fault's end to the rollback: passes every second, and a retry of git's own. */
const BACK_SECONDS = 45;
/** Where a connection stays hanging: the limit of git's calls comes first. */
const HANGING_SECONDS = 110;

async function during(
  stage: Stage,
  random: Random,
  spoiling: Spoiling,
  drops: boolean,
): Promise<Outcome> {
  const world = await stage.open();
  await world.release('alpha', BAD);
  const analyzer = world.analyzer();
  // At any moment from the candidate's first pod to its first failed check.
  await world.untilStep('alpha', random.chance(0.5) ? /weight-20/ : /canary-up/);
  await sleep(random.between(0, 600));
  world.proxies.git.spoil(spoiling);
  const before = (await world.record()).length;
  await sleep(stage.short ? FAULT_MS.short : FAULT_MS.long);
  const made = (await world.record()).length - before;
  const met = world.proxies.git.spoiled();
  world.proxies.git.heal(drops);
  if (analyzer.isOver()) world.problems.push(`the analyzer ended: ${analyzer.stderr().trim()}`);
  const seen = `${met} requests spoiled, ${made} commits meanwhile`;
  return conclude(world, [rollsBack('alpha', BAD)], drops ? BACK_SECONDS : HANGING_SECONDS, seen);
}

/** One rollout that meets every fault, each until the analyzer has felt it. */
async function inTurn(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  const proxy = world.proxies.git;
  await world.release('alpha', BAD);
  let analyzer = world.analyzer();
  await world.untilStep('alpha', /weight-20/);
  const before = (await world.record()).length;
  let longest = 0;
  for (const [name, spoiling] of FAULTS) {
    const met = proxy.spoiled();
    proxy.spoil(spoiling);
    // Something to fetch, for what goes wrong in fetching it.
    await world.edit({ subject: 'a note', files: [['NOTES.md', name]] });
    const seconds = await world.until(12, () => proxy.spoiled() > met || analyzer.isOver());
    if (seconds === undefined) world.problems.push(`${name}: the analyzer asked for nothing`);
    longest = Math.max(longest, seconds ?? 12);
    await sleep(700);
    proxy.drop();
    if (!analyzer.isOver()) continue;
    world.problems.push(`${name}: the analyzer ended: ${analyzer.stderr().trim()}`);
    analyzer = world.analyzer();
  }
  const made = (await world.record()).length - before;
  proxy.heal(true);
  const seen = `${FAULTS.length} faults, ${proxy.spoiled()} requests spoiled, ${made} commits meanwhile`;
  const outcome = await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, seen);
  return { ...outcome, longestSeconds: Math.max(longest, outcome.longestSeconds) };
}

/** @param elsewhere under which name it lives on meanwhile; nowhere where undefined */
function branchFault(name: string, what: string, elsewhere: string | undefined): Scenario {
  return {
    name,
    promise: `${what}: nothing is started anew on it, and the rollback arrives`,
    async run(stage) {
      const world = await stage.open();
      const inRepository = (...args: readonly string[]) => git(world.repository, args);
      await world.release('alpha', BAD);
      const analyzer = world.analyzer();
      await world.untilStep('alpha', /weight-20|canary-up/);
      const tip = await inRepository('rev-parse', 'main');
      if (elsewhere !== undefined) await inRepository('update-ref', `refs/heads/${elsewhere}`, tip);
      await inRepository('update-ref', '-d', 'refs/heads/main');
      await sleep(stage.short ? FAULT_MS.short : FAULT_MS.long);
      await expectNoBranch(world);
      await inRepository('update-ref', 'refs/heads/main', tip);
      if (analyzer.isOver()) world.problems.push(`the analyzer ended: ${analyzer.stderr().trim()}`);
      return conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, 'branch gone and back');
    },
  };
}

async function expectNoBranch(world: World): Promise<void> {
  const made = await git(world.repository, ['for-each-ref', 'refs/heads/main']);
  if (made !== '') world.problems.push('the analyzer made the branch anew that was taken away');
}

/** An analyzer on a branch that nobody has made, beside one on the right branch. */
async function typo(stage: Stage): Promise<Outcome> {
  const world = await stage.open();
  await world.release('alpha', BAD);
  const wrong = world.analyzer({ branch: 'mian' });
  world.analyzer();
  const outcome = await conclude(world, [rollsBack('alpha', BAD)], BACK_SECONDS, 'a branch mian');
  const made = await git(world.repository, ['for-each-ref', 'refs/heads/mian']);
  const problems = made === '' ? [] : ['a branch was made from a typo'];
  return {
    ...outcome,
    seen: `said: ${wrong.stderr().trim() || (wrong.lines.at(-1)?.reason ?? wrong.lines.at(-1)?.msg)}`,
    problems: [...outcome.problems, ...problems],
  };
}
