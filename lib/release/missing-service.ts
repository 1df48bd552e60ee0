import type { Mistake } from '../mistake.ts';
import type { ApiKind } from '../traffic/router.ts';
import type { ReleaseProps } from './release-props.ts';

/**
 * Why a release cannot be without a Service: something of it would lead to one.
 *
 * @param flawed names of the props that are wrong: nobody knows what these would need
 */
export function missingService(
  path: string,
  { service, traffic, strategy, existing }: ReleaseProps,
  flawed: ReadonlySet<string>,
): Mistake[] {
  if (service !== undefined || flawed.has('service')) return [];
  const isOne = !strategy.tracks.includes('canary');
  const without = isOne ? 'kubernetes()' : "kubernetes({ split: 'replicas' })";
  const remedy = `give service: { port: … }, or use ${without} without one`;
  const missing = (problem: string) => [{ path, problem, remedy }];
  if (existing !== undefined) {
    const problem = 'service is missing: routes to existing Services need their port';
    return [{ path, problem, remedy: 'give service: { port: … }' }];
  }
  if (flawed.has('traffic') || flawed.has('strategy')) return [];
  if (!traffic.kinds.every(isService))
    return missing(`service is missing: traffic ${traffic.kind} leads requests to Services`);
  if (traffic.splits.kind === 'pods' || isOne) return [];
  return missing(
    `service is missing: strategy ${strategy.kind} has two tracks, and a Service leads requests to one of them`,
  );
}

function isService({ group, kind }: ApiKind): boolean {
  return group === '' && kind === 'Service';
}
