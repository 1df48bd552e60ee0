import { compare } from '../analysis/compare.ts';
import type { TestDefinition } from '../analysis/tests.ts';
import type { Release } from '../release/release.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { isSampled } from './steps.ts';

/**
 * What judges a release whose author says nothing of it: the safe thing, where somebody counts its requests and the canary
 * gets a share of them.
 */
export function usualChecks(
  { props, names, flawed }: Release,
  drafts: readonly StepDraft[],
): readonly TestDefinition[] {
  const { service, traffic } = props;
  const isCompared = drafts.some((it) => isSampled(it, 'comparison'));
  if (service === undefined || flawed.has('traffic') || !isCompared) return [];
  const counts = traffic.counts({ names, port: service.port }, 'canary');
  if (counts.kind === 'none') return [];
  return counts.failed.kind === 'none'
    ? [compare.latency()]
    : [compare.errorRate(), compare.latency()];
}
