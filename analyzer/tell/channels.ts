import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, Delivery } from '../notify/channel.ts';
import { type Fact, type Message, messageOf, SEVERITIES } from '../notify/message.ts';
import type { Subscription } from '../notify/registry.ts';
import { factsOf } from './facts.ts';
import type { Failure, Listener } from './listener.ts';

/** What telling people needs. */
export interface ChannelListenerOptions {
  readonly subscriptions: readonly Subscription[];
  /** A web page that messages lead to. @default - none */
  readonly link?: string | undefined;
  /** Counts what came of a message. */
  readonly delivered: (channel: string, result: Delivery['kind']) => void;
  /** For all messages of one pass to one channel. @default 60 */
  readonly limitSeconds?: number;
}

const LIMIT_SECONDS = 60;
const MOST_ATTEMPTS = 3;
const BACKOFF_SECONDS = 1;

/**
 * Tells people what happened, after the push, and waits for nobody: each channel has a queue of its own, in the order of
 * what happened. What a channel did not take within the limit is left out, and said.
 */
export function channelListener(options: ChannelListenerOptions): Listener {
  const { subscriptions, link, limitSeconds = LIMIT_SECONDS } = options;
  const fresh = newsOnce();
  /** By channel, when all that it was given before is over. */
  const tails = new Map<Subscription, Promise<unknown>>();
  return {
    name: 'channels',
    hear: async (notice) => {
      if (notice.kind !== 'done') return [];
      const { report, failures } = notice;
      const present = report.outcomes.map((it) => it.release);
      const news = fresh(present, factsOf(report.outcomes, failures));
      const messages = news.map((it) => messageOf(it, link));
      const told = subscriptions.map((it) => {
        const wanted = messages.filter((one) => isWanted(it, one));
        if (wanted.length === 0) return [];
        const end = AbortSignal.timeout(limitSeconds * 1000);
        const before = tails.get(it) ?? Promise.resolve();
        const mine = before.then(() => tellAll(it, wanted, end, options));
        tails.set(
          it,
          mine.catch(() => undefined),
        );
        return mine;
      });
      return (await Promise.all(told)).flat();
    },
    close: async () => undefined,
  };
}

function isWanted({ channel, severity, namespaces, releases }: Subscription, it: Message): boolean {
  const isBad = SEVERITIES.indexOf(it.severity) >= SEVERITIES.indexOf(severity);
  if (!isBad && !(channel.closes && it.ends)) return false;
  if (releases !== undefined && !releases.includes(it.release)) return false;
  return (
    namespaces === undefined || (it.namespace !== undefined && namespaces.includes(it.namespace))
  );
}

/** Leaves out what was told of the present position of a release; once it moves, or is at rest, that is forgotten. */
function newsOnce(): (present: readonly string[], facts: readonly Fact[]) => readonly Fact[] {
  /** By release, ids with the commits that they rest on. */
  const told = new Map<string, Map<string, string>>();
  return (present, facts) => {
    const now = new Set(present);
    for (const release of told.keys()) if (!now.has(release)) told.delete(release);
    return facts.filter((it) => {
      const known = told.get(it.release) ?? new Map<string, string>();
      told.set(it.release, known);
      const { id } = messageOf(it);
      if (known.has(id)) return false;
      known.set(id, it.commit);
      // What rests on a commit before the present ones cannot come again.
      const commits = new Set(
        facts.filter((one) => one.release === it.release).map((one) => one.commit),
      );
      for (const [one, commit] of known) if (!commits.has(commit)) known.delete(one);
      return true;
    });
  };
}

async function tellAll(
  subscription: Subscription,
  messages: readonly Message[],
  end: AbortSignal,
  { delivered }: ChannelListenerOptions,
): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  for (const message of messages) {
    const delivery = await tell(subscription.channel, message, end);
    delivered(subscription.name, delivery.kind);
    if (delivery.kind === 'sent') continue;
    const reason = `channel ${subscription.name}: ${delivery.failure}: ${delivery.reason}`;
    failures.push({
      what: `people were not told: ${message.kind}`,
      release: message.release,
      reason,
    });
  }
  return failures;
}

/** Once more where that may help, after a rest that grows or that the product wants. */
async function tell(channel: Channel, message: Message, end: AbortSignal): Promise<Delivery> {
  for (let attempt = 1; ; attempt++) {
    if (end.aborted) return LATE;
    const delivery = await channel.send(message, end);
    if (delivery.kind === 'sent' || attempt === MOST_ATTEMPTS) return delivery;
    const { failure, retryAfterSeconds = BACKOFF_SECONDS * 2 ** (attempt - 1) } = delivery;
    if (failure === 'unauthorised' || failure === 'refused') return delivery;
    await sleep(retryAfterSeconds * 1000, undefined, { signal: end }).catch(() => undefined);
    if (end.aborted) return delivery;
  }
}

const LATE: Delivery = {
  kind: 'failed',
  failure: 'unavailable',
  reason: 'it did not take what came before in time',
};
