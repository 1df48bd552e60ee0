/** What is known of the loop. Times in Unix seconds. */
export interface Pulse {
  readonly startedAt: number;
  readonly lastSuccessAt: number | undefined;
  /** Why the last tick failed, if it did. */
  readonly trouble: string | undefined;
}

/** Whether the loop is alive, and what it says of itself. */
export interface Health {
  readonly healthy: boolean;
  readonly body: Readonly<Record<string, string | number>>;
}

/** A tick over many releases, with a metric store that times out, takes that long. */
const GRACE_SECONDS = 60;

/**
 * Healthy while the last successful tick is younger than three intervals and a grace of 60 s; before the
 * first one the start counts.
 *
 * @param now Unix seconds
 */
export function health(pulse: Pulse, intervalSeconds: number, now: number): Health {
  const { startedAt, lastSuccessAt, trouble } = pulse;
  const age = Math.max(0, Math.round(now - (lastSuccessAt ?? startedAt)));
  const limit = Math.ceil(3 * intervalSeconds + GRACE_SECONDS);
  const known = lastSuccessAt === undefined ? {} : { lastSuccess: iso(lastSuccessAt) };
  const last = trouble === undefined ? {} : { lastFailure: trouble.slice(0, 300) };
  if (age <= limit)
    return { healthy: true, body: { status: 'ok', ageSeconds: age, ...known, ...last } };
  const reason =
    lastSuccessAt === undefined
      ? `no tick succeeded in the ${age} s since the start (limit ${limit} s)`
      : `the last successful tick is ${age} s old (limit ${limit} s)`;
  return {
    healthy: false,
    body: { status: 'failing', reason, ageSeconds: age, ...known, ...last },
  };
}

function iso(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString();
}
