import { type Filled, fill } from '../metrics/promql.ts';
import type { Names } from '../names.ts';
import type { Track } from '../plan/plan.ts';

/** What the variables of an author's query stand for. */
export interface QueryContext {
  readonly names: Names;
  /** Port of the Services; undefined where there are none. */
  readonly port: number | undefined;
}

/** Names of variables that every query has. */
export const BUILT_IN: readonly string[] = [
  'namespace',
  'target',
  'primary',
  'baseline',
  'service',
  'port',
  'interval',
];

/** An author's query about one track. @param variables the author's own */
export function filledQuery(
  promql: string,
  variables: Readonly<Record<string, string | number>>,
  { names, port }: QueryContext,
  track: Track,
  window: string,
): Filled {
  const own = Object.entries(variables).map(([key, value]) => [key, String(value)]);
  const known = {
    ...Object.fromEntries(own),
    namespace: names.namespace,
    target: names.workloads[track],
    primary: names.workloads.primary,
    baseline: names.workloads.baseline,
    interval: window,
  };
  if (port === undefined) return fill(promql, known, { service: NONE, port: NONE });
  return fill(promql, { ...known, service: names.apex, port: String(port) });
}

const NONE = {
  because: 'the release has no Service',
  remedy: 'select by {{target}}, or give service: { port: … }',
};
