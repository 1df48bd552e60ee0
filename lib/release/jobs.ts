import * as z from 'zod';
import {
  hashOf,
  isObject,
  type Labels,
  labelsAt,
  type Manifest,
  objectAt,
} from '../manifest/json.ts';
import type { Authored } from '../manifest/manifest.ts';
import { renamed, withSpec } from '../manifest/manifest.ts';
import type { Mistake } from '../mistake.ts';
import { fields } from '../props/fields.ts';
import { made } from '../props/made.ts';
import { promotionIndex, type StepDraft } from '../strategy/strategy.ts';
import { reachesCanary } from '../traffic/traffic.ts';
import { type HashedNames, withHashedNames } from '../workload/references.ts';

/** A Job of the workload that must complete in a step of its own. */
export interface JobDefinition extends z.infer<typeof jobDefinition> {}

/** The schema of `JobDefinition`. */
export const jobDefinition = fields({
  /** `metadata.name` of the Job in the workload. */
  name: z.string(),
  /**
   * Before the candidate gets any traffic; before it is promoted, which in blue/green is the switch of all requests; or before
   * the primary is replaced by it, which in blue/green comes after the switch and elsewhere is the promotion.
   */
  before: z.enum(['traffic', 'promotion', 'replacement']),
});

/** Names a Job of the workload that a rollout waits for: acceptance tests, a migration, a load test. */
export function job(name: string, props: Pick<JobDefinition, 'before'>): JobDefinition {
  return made(
    'job',
    jobDefinition,
    { ...props, name },
    (given) => given,
    () => ({ name: '', before: 'traffic' }),
  );
}

/** The steps with one more for each Job that the release waits for. */
export function withJobSteps(
  drafts: readonly StepDraft[],
  jobs: readonly JobDefinition[],
): readonly StepDraft[] {
  const replacement = drafts.findIndex((it) => it.phase === 'Promoting');
  const promotion = promotionIndex(drafts);
  const first = drafts.findIndex((it) => reachesCanary(it.traffic));
  const before = { promotion, replacement, traffic: first < 0 ? promotion : first };
  return drafts.flatMap((draft, index) => [
    ...jobs
      .filter((it) => before[it.before] === index)
      .map((it) => jobStep(drafts[index - 1] ?? draft, it)),
    draft,
  ]);
}

/** Everything stands as it did in the step before, and the Job runs. */
function jobStep(before: StepDraft, { name }: JobDefinition): StepDraft {
  const { traffic, primary, canary, baseline, updatedPercent, ready } = before;
  return {
    name: `job-${name}`,
    phase: 'Progressing',
    traffic,
    primary,
    canary,
    ...(baseline === undefined ? {} : { baseline }),
    ...(updatedPercent === undefined ? {} : { updatedPercent }),
    ready,
    checks: reachesCanary(traffic) ? 'guard' : 'none',
    jobs: [name],
  };
}

/** Of a Job that has none of its own: a rollout waits for nothing for ever. */
const JOB_DEADLINE_SECONDS = 3600;

/** The Job as a plan holds it: a Job cannot be changed, so its name tells candidate and content. */
export function jobObject(object: Manifest, candidate: string, names: HashedNames): Manifest {
  const { activeDeadlineSeconds = JOB_DEADLINE_SECONDS } = objectAt(object, 'spec');
  const whole = withSpec(withHashedNames(object, names), { activeDeadlineSeconds });
  return renamed(whole, `${object.metadata.name}-${hashOf({ candidate, whole }, 10)}`);
}

/** What is wrong with the Jobs of a workload, and with what the steps ask of them. */
export function jobMistakes(
  path: string,
  jobs: readonly Authored[],
  drafts: readonly StepDraft[],
  pods: readonly Labels[],
): Mistake[] {
  const known = jobs.map((it) => it.object.metadata.name);
  const asked = drafts.flatMap((it) => it.jobs ?? []);
  return [
    ...asked
      .filter((name) => !known.includes(name))
      .map((got) => ({
        path,
        problem: 'a step waits for a Job that the workload does not make',
        got,
        remedy: `let workload make it (it makes ${known.join(', ') || 'none'})`,
      })),
    ...asked
      .filter((name, index) => asked.indexOf(name) !== index)
      .map((got) => ({
        path,
        problem: 'two steps wait for one Job, which runs once',
        got,
        remedy: 'make a second Job under a name of its own',
      })),
    ...jobs.flatMap((it) => objectMistakes(it, asked, pods)),
  ];
}

function objectMistakes(
  { path, object }: Authored,
  asked: readonly string[],
  pods: readonly Labels[],
): Mistake[] {
  const { name } = object.metadata;
  const mistakes: Mistake[] = [];
  const add = (problem: string, got: unknown, remedy: string) =>
    void mistakes.push({ path, problem: `${problem} of Job ${name}`, got, remedy });
  if (!asked.includes(name))
    mistakes.push({
      path,
      problem: `no step waits for Job ${name}`,
      got: asked,
      remedy: `name it: jobs: [job('${name}', { before: 'traffic' })]`,
    });
  const spec = objectAt(object, 'spec');
  if (spec.ttlSecondsAfterFinished !== undefined)
    add(
      'spec.ttlSecondsAfterFinished',
      spec.ttlSecondsAfterFinished,
      'leave it out: Git still asks for the Job, and the sync tool would run it again',
    );
  if (spec.suspend === true)
    add('spec.suspend', true, 'leave it out: the step would wait for ever');
  const labels = labelsAt(object, 'spec', 'template', 'metadata', 'labels');
  const isTaken = pods.some((pod) =>
    Object.entries(pod).every(([key, value]) => labels[key] === value),
  );
  if (isObject(spec.template) && isTaken)
    add('the pod labels', labels, 'use others: Services would send it requests of users');
  return mistakes;
}
