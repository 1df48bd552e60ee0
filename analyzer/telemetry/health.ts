/** What is known of the loop. Times in Unix seconds. */
export interface Pulse {
  readonly startedAt: number;
  readonly lastSuccessAt: number | undefined;
  /** Why the last tick failed, if it did. */
  readonly trouble: string | undefined;
  /** When the tick began that is under way. @default - none is */
  readonly beganAt?: number | undefined;
}

/** Whether the loop is alive, and what it says of itself. */
export interface Health {
  readonly healthy: boolean;
  readonly body: Readonly<Record<string, string | number>>;
}

const GRACE_SECONDS = 60;
/** A tick that fetches, waits for answers and pushes, all as slow as may be, is over by then. */
const TICK_SECONDS = 180;

/**
 * Healthy while the last successful tick is younger than three intervals and a grace of 60 s; before the
 * first one the start counts. A tick that is under way is slow, and not dead, for three minutes.
 *
 * @param now Unix seconds
 */
export function health(pulse: Pulse, intervalSeconds: number, now: number): Health {
  const { startedAt, lastSuccessAt, trouble, beganAt } = pulse;
  const last = lastSuccessAt ?? startedAt;
  const age = Math.max(0, Math.round(now - last));
  const limit = Math.ceil(3 * intervalSeconds + GRACE_SECONDS);
  const known = lastSuccessAt === undefined ? {} : { lastSuccess: iso(lastSuccessAt) };
  const lastFailure = trouble === undefined ? {} : { lastFailure: trouble.slice(0, 300) };
  if (age <= limit)
    return { healthy: true, body: { status: 'ok', ageSeconds: age, ...known, ...lastFailure } };
  const underWay = beganAt === undefined ? undefined : Math.round(now - beganAt);
  if (beganAt !== undefined && underWay !== undefined && underWay <= TICK_SECONDS)
    if (beganAt - last <= limit) {
      const slow = `a tick has been under way for ${underWay} s (limit ${TICK_SECONDS} s)`;
      const body = { status: 'slow', reason: slow, ageSeconds: age, ...known, ...lastFailure };
      return { healthy: true, body };
    }
  const reason =
    lastSuccessAt === undefined
      ? `no tick succeeded in the ${age} s since the start (limit ${limit} s)`
      : `the last successful tick is ${age} s old (limit ${limit} s)`;
  return {
    healthy: false,
    body: { status: 'failing', reason, ageSeconds: age, ...known, ...lastFailure },
  };
}

function iso(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}
