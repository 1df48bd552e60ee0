import { onceMore } from '../http.ts';

/** The group that a push replaces. */
const GROUP = '/metrics/job/perch';
const TIMEOUT_SECONDS = 5;
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Replaces the group `job="perch"` of a Prometheus Pushgateway, https://github.com/prometheus/pushgateway.
 * Follows no redirect, and tries once, but for a connection that broke: the next tick brings newer values.
 *
 * @param gateway the URL in front of `/metrics`
 * @throws Error that says why, without quoting the server
 */
export async function pushMetrics(gateway: string, text: string, type: string): Promise<void> {
  const { host } = new URL(gateway);
  // Late, as the passes that need it are few.
  const { default: fetch } = await import('node-fetch');
  const signal = AbortSignal.timeout(TIMEOUT_SECONDS * 1000);
  const response = await onceMore(() =>
    fetch(`${gateway.replace(/\/+$/, '')}${GROUP}`, {
      method: 'PUT',
      headers: { 'Content-Type': type },
      body: text,
      redirect: 'manual',
      size: MAX_ANSWER_BYTES,
      signal,
    }),
  ).catch((error: unknown) => {
    const { code, name } = error as { readonly code?: string; readonly name?: string };
    const late = name === 'AbortError' || name === 'TimeoutError';
    throw new Error(
      late
        ? `${host} took over ${TIMEOUT_SECONDS} s`
        : `${host} cannot be reached (${code ?? name})`,
    );
  });
  // Read, so that the connection is done with.
  await response.text().catch(() => '');
  if (!response.ok) throw new Error(`${host} answered HTTP ${response.status}`);
}
