import { below, refusal, send } from '../http/client.ts';

/** The group that a push replaces. */
const GROUP = '/metrics/job/perch';
const TIMEOUT_SECONDS = 5;

/**
 * Replaces the group `job="perch"` of a Prometheus Pushgateway, https://github.com/prometheus/pushgateway.
 * Tries once, but for a connection that broke: the next tick brings newer values.
 *
 * @param gateway the URL in front of `/metrics`
 * @returns why it was not taken, without quoting the server; undefined where it was
 */
export async function pushMetrics(
  gateway: string,
  text: string,
  type: string,
): Promise<string | undefined> {
  const result = await send({
    method: 'PUT',
    url: below(gateway, GROUP),
    body: { type, text },
    connection: { kind: 'kept' },
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  return refusal(result);
}
