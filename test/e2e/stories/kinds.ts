import type { Status } from '../../../analyzer/core/phase.ts';
import { type LoadCounts, startLoad } from '../stack/load.ts';
import { since } from '../stack/player/player.ts';
import { KIND_HEADER, type PodCount } from '../stack/player/protocol.ts';

import { until } from '../stack/until.ts';
import { type Asking, cookiesOf, userOf } from '../traffic-users.ts';
import type { Field, StoryCommit } from './field.ts';
import { hostOf } from './release.ts';
import { type Glimpse, watchRelease } from './watch.ts';

/** A rollout under requests of several kinds. */
export interface Told {
  readonly id: string;
  readonly commits: readonly StoryCommit[];
  readonly glimpses: readonly Glimpse[];
  /** What came back, by kind. */
  readonly answers: Readonly<Record<string, LoadCounts>>;
}

/** Requests a second of each kind. */
const PER_SECOND = 50;

/** How a rollout under requests goes. */
export interface UnderOptions {
  readonly kinds: readonly Asking[];
  /** Of the new version. @default v2 */
  readonly tag?: string;
  /** @default Succeeded */
  readonly end?: 'Succeeded' | 'Failed';
}

/** Publishes a new version while requests of all kinds are sent, and waits until the release is at rest again. */
export async function rollOutUnder(
  field: Field,
  id: string,
  { kinds, tag = 'v2', end = 'Succeeded' }: UnderOptions,
): Promise<Told> {
  const earlier = await field.commits(id);
  const { url } = field.stack.gateway;
  const loads = kinds.map(({ kind, path = '/', headers = {} }) =>
    startLoad({
      url,
      host: hostOf(id),
      perSecond: PER_SECOND,
      path,
      headers: { ...headers, [KIND_HEADER]: kind },
    }),
  );
  const watch = watchRelease(field.stack, id, { replicas: true });
  try {
    // A push that the analyzer overtook is made again, as a person would.
    await until(async () => {
      await field.publish({ [id]: { tag } });
      return true;
    });
    // At rest before it is Initialized.
    const isOver = ({ phase, step }: Status) =>
      step === undefined && (phase === 'Succeeded' || phase === 'Failed');
    const { phase, reason } = await field.until(id, isOver, 150);
    if (phase !== end) throw new Error(`${id}: ${phase}, ${reason}`);
    await until(async () => watch.glimpses.at(-1)?.replicas?.[`${id}-canary`] === 0);
  } finally {
    await watch.stop();
  }
  const counts = await Promise.all(loads.map((it) => it.stop()));
  return {
    id,
    commits: (await field.commits(id)).slice(earlier.length),
    glimpses: watch.glimpses,
    answers: Object.fromEntries(kinds.map(({ kind }, index) => [kind, counts[index]])),
  } as Told;
}

/** What the pods answered while a step was in force: from a second after it was applied until the next commit. */
export function during({ id, commits, glimpses }: Told, step: string): readonly PodCount[] {
  const shown = glimpses.filter((it) => it.step?.replace(/^\d\d-/, '') === step);
  const first = shown.find((it) => it.at > (shown[0]?.at ?? 0) + 1);
  const next = commits.find((it) => it.at > (shown[0]?.at ?? 0));
  const last = shown.findLast((it) => it.at < (next?.at ?? 0));
  if (first === undefined || last === undefined || last.at - first.at < 2) {
    const seen = glimpses.map((it) => it.step).filter((it, at, all) => it !== all[at - 1]);
    throw new Error(`${id} was not long enough in ${step}; seen were ${seen.join(', ')}`);
  }
  return since(first.counts, last.counts);
}

/** How many requests of a kind a track answered. */
export function answered(counts: readonly PodCount[], kind: string, track: 'primary' | 'canary') {
  return counts
    .filter((it) => it.kind === kind && it.workload.endsWith(`-${track}`))
    .reduce((sum, it) => sum + it.count, 0);
}

/** What one user with a cookie jar saw. */
export interface Visits {
  /** Tags of the versions that answered, in their order. */
  readonly versions: readonly string[];
  /** Whether the cookie was given, and taken back. */
  readonly given: boolean;
  readonly taken: boolean;
}

/** Users who keep cookies and come back again and again, until they are told to stop. */
export function returningUsers(
  field: Field,
  id: string,
  cookie: string,
): { stop(): Promise<readonly Visits[]> } {
  let isOver = false;
  const visit = async (): Promise<Visits> => {
    const user = userOf(field.stack.gateway.url, hostOf(id));
    const versions: string[] = [];
    let [value, given, taken] = ['', false, false];
    while (!isOver) {
      const headers = value === '' ? {} : { cookie: `${cookie}=${value}` };
      const it = await user.ask({ kind: 'returning', headers });
      versions.push(it.image.slice(it.image.indexOf(':') + 1));
      const set = cookiesOf(it).get(cookie);
      if (set !== undefined) value = set.slice(0, set.indexOf(';'));
      given ||= set !== undefined && value !== '';
      taken ||= set !== undefined && value === '';
      await new Promise((done) => setTimeout(done, 200));
    }
    user.close();
    return { versions, given, taken };
  };
  const visits = Array.from({ length: 20 }, visit);
  return {
    stop() {
      isOver = true;
      return Promise.all(visits);
    },
  };
}
