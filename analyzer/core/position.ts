import { type FileInfo, lastStep, type Plan, type Step, sizeFolder } from '../../lib/plan/plan.ts';

/** A plan as Git holds it: its tree, its parsed plan.yaml, and the blob id of every file below it. */
export interface PlanTree {
  readonly tree: string;
  readonly plan: Plan;
  /** Blob id by path below the plan's folder, such as `steps/01-canary-up/service-app.yaml`. */
  readonly blobs: ReadonlyMap<string, string>;
}

/** Where a release is. Every position names exactly one set of files for `live/<id>`. */
export type Position =
  | { readonly kind: 'init' }
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'complete' }
  | Back
  | { readonly kind: 'stable' };

/** A rollback from a step: first the primary (from promotion on), then the routes. */
export interface Back {
  readonly kind: 'back';
  readonly step: string;
  readonly part: 'primary' | 'routes';
  /**
   * The last step whose objects the cluster has shown: that one, or the one before it. Of what came later the
   * rollback needs nothing, so nothing that the cluster refuses can stop it. Absent: it has shown none.
   */
  readonly shown?: string | undefined;
}

/** One file of `live/<id>`: its bytes, and what the plan that it comes from says about it. */
export interface LiveFile {
  readonly oid: string;
  readonly info: FileInfo;
}

/** The files of `live/<id>` by name. */
export type FileSet = ReadonlyMap<string, LiveFile>;

/**
 * The set of files that a position stands for: pure, and the only rule by which `live/` is written.
 *
 * @param plan the plan in use
 * @param stable the plan of the last complete release; undefined before the first
 * @throws Error when a plan lacks a file that its plan.yaml lists, or a position needs a missing stable set
 */
export function files(position: Position, plan: PlanTree, stable: PlanTree | undefined): FileSet {
  switch (position.kind) {
    case 'init':
      return stepFiles(plan, 0);
    case 'complete':
      return completeFiles(plan);
    case 'stable':
      return completeFiles(required(stable, plan));
    case 'step':
      return filesAtStep(betweenIndex(plan.plan, position.step), plan, required(stable, plan));
    case 'back':
      return backFiles(position, plan, required(stable, plan));
  }
}

/**
 * The positions that a rollback from a step goes through, in order. Where pods stand for weights there are no routes:
 * requests leave the candidate with its pods.
 *
 * @param shown as in `Back`
 */
export function wayBack(plan: Plan, step: string, shown: string | undefined): readonly Position[] {
  const back = (part: Back['part']): Position => ({
    kind: 'back',
    step,
    part,
    ...(shown === undefined ? {} : { shown }),
  });
  const isLess = hasPromoted(plan, step) || isShrunk(plan, step);
  // Where Services exist already, nothing of the release's own runs that could be restored.
  const hasPrimary = plan.workloads.primary !== undefined;
  const hasRoutes = Object.values(plan.files).some((it) => it.role === 'routing');
  return [
    ...(isLess && hasPrimary ? [back('primary')] : []),
    ...(hasRoutes ? [back('routes')] : []),
    { kind: 'stable' },
  ];
}

/** Where the rollback of a complete release begins. All that it runs was shown before it was complete. */
export function undoPosition(plan: Plan): Position {
  const last = lastStep(plan).name;
  const [first] = wayBack(plan, last, last);
  return first ?? { kind: 'stable' };
}

/** The step before one, where it is a step to stand in; a rollout's first has none. */
export function stepBefore(plan: Plan, step: string): string | undefined {
  const index = stepIndex(plan, step) - 1;
  return index > 0 ? plan.steps[index]?.name : undefined;
}

/** Whether the primary already runs, or may run, the candidate in this step. */
export function hasPromoted(plan: Plan, step: string): boolean {
  const promotion = plan.steps.findIndex((it) => it.phase === 'Promoting');
  return promotion >= 0 && stepIndex(plan, step) >= promotion;
}

/** Whether the primary, which still runs the stable version, has given pods up to the canary in this step. */
export function isShrunk(plan: Plan, step: string): boolean {
  const [now, all] = [plan.steps[stepIndex(plan, step)]?.pods, lastStep(plan).pods];
  return now !== undefined && all !== undefined && now.primary < all.primary;
}

/** The position after this one on the way forward. Rest and the rollback have none. */
export function nextPosition(plan: Plan, position: Position): Position | undefined {
  if (position.kind === 'init') return { kind: 'complete' };
  if (position.kind !== 'step') return undefined;
  const next = plan.steps[stepIndex(plan, position.step) + 1];
  if (next === undefined) return undefined;
  return next === plan.steps.at(-1) ? { kind: 'complete' } : { kind: 'step', step: next.name };
}

/** The step that a position stands in or came from; none for the stable set. */
export function stepOf(plan: Plan, position: Position): Step | undefined {
  switch (position.kind) {
    case 'init':
      return plan.steps[0];
    case 'complete':
      return plan.steps.at(-1);
    case 'step':
    case 'back':
      return plan.steps[stepIndex(plan, position.step)];
    case 'stable':
      return undefined;
  }
}

/** Whether nothing is under way in this position. */
export function atRest(position: Position): boolean {
  return position.kind === 'complete' || position.kind === 'stable';
}

/** Whether a release may be deleted in this position: nobody's traffic depends on what is under way. */
export function canBeRemoved(position: Position): boolean {
  return atRest(position) || position.kind === 'init';
}

/** The canary's percent of the traffic as committed in a position. */
export function canaryWeight(plan: Plan, position: Position): number {
  if (position.kind === 'step') return stepOf(plan, position)?.weights.canary ?? 0;
  if (position.kind !== 'back' || position.part === 'routes' || position.shown === undefined)
    return 0;
  const step = plan.steps[stepIndex(plan, position.shown)];
  const all = lastStep(plan).pods?.primary;
  if (step?.pods === undefined || all === undefined) return step?.weights.canary ?? 0;
  // The primary has all of its pods again, beside those of the canary.
  const { canary } = step.pods;
  return Math.round((canary * 10_000) / (all + canary)) / 100;
}

/** @throws Error for a name that the plan does not have */
export function stepIndex(plan: Plan, name: string): number {
  const index = plan.steps.findIndex((it) => it.name === name);
  if (index < 0) {
    const known = plan.steps.map((it) => it.name).join(', ');
    throw new Error(`release ${plan.release}: its plan has no step "${name}"; it has ${known}`);
  }
  return index;
}

/** @throws Error for the first and the last step too: `init` and `complete` are their positions */
function betweenIndex(plan: Plan, name: string): number {
  const index = stepIndex(plan, name);
  if (index > 0 && index < plan.steps.length - 1) return index;
  throw new Error(`release ${plan.release}: "${name}" is not a step to stand in`);
}

/** Whether two positions are one, part by part. */
export function samePosition(a: Position, b: Position): boolean {
  return positionText(a) === positionText(b);
}

/**
 * How people read a position: `03-weight-20`, `back from 03-weight-20: routes`, `complete`. Where a step that a
 * rollback leaves was never applied, it says what was.
 */
export function positionText(position: Position): string {
  if (position.kind === 'step') return position.step;
  if (position.kind !== 'back') return position.kind;
  const { step, part, shown } = position;
  const applied = shown === step ? '' : ` (${shown ?? 'no step'} was applied)`;
  return `back from ${step}: ${part}${applied}`;
}

/** Names of files that differ between two sets, sorted: written ones, and removed ones. */
export function difference(
  from: FileSet,
  to: FileSet,
): { readonly changed: readonly string[]; readonly removed: readonly string[] } {
  const changed = [...to].filter(([name, file]) => from.get(name)?.oid !== file.oid);
  const removed = [...from.keys()].filter((name) => !to.has(name));
  return { changed: changed.map(([name]) => name).sort(), removed: removed.sort() };
}

function required(stable: PlanTree | undefined, plan: PlanTree): PlanTree {
  if (stable === undefined)
    throw new Error(
      `release ${plan.plan.release}: this position needs a stable set, there is none`,
    );
  return stable;
}

/** Folder of a plan in which its candidate stands as the next rollout's baseline. */
export const BASELINE = 'as-stable/baseline';

function stepFiles(plan: PlanTree, index: number): FileSet {
  const step = plan.plan.steps[index];
  return folderFiles(plan, `steps/${step?.name}`, step?.files ?? []);
}

function folderFiles(plan: PlanTree, folder: string, names: readonly string[]): FileSet {
  const set = new Map<string, LiveFile>();
  for (const name of names) {
    const oid = plan.blobs.get(`${folder}/${name}`);
    const info = plan.plan.files[name];
    if (oid === undefined || info === undefined)
      throw new Error(`release ${plan.plan.release}: plan lists ${folder}/${name}, it is missing`);
    set.set(name, { oid, info });
  }
  return set;
}

function completeFiles(plan: PlanTree): FileSet {
  return stepFiles(plan, plan.plan.steps.length - 1);
}

function filesAtStep(index: number, plan: PlanTree, stable: PlanTree): FileSet {
  const set = new Map(completeFiles(stable));
  for (let step = 1; step <= index; step++)
    for (const [name, file] of stepFiles(plan, step)) set.set(name, file);
  for (const [name, file] of sizedPrimary(plan.plan.steps[index], plan, stable))
    set.set(name, file);
  if (plan.plan.steps[index]?.baseline === true)
    for (const [name, file] of folderFiles(stable, BASELINE, stable.plan.baseline ?? []))
      set.set(name, file);
  return set;
}

/** The stable version's primary with as many pods as a step leaves it; none where the step says no number. */
function sizedPrimary(step: Step | undefined, { plan }: PlanTree, stable: PlanTree): FileSet {
  const file = stable.plan.workloads.primary?.file;
  if (step?.pods === undefined || file === undefined || hasPromoted(plan, step.name))
    return new Map();
  return folderFiles(stable, sizeFolder(step.pods.primary), [file]);
}

/**
 * What a rollback holds: what stable has, and what requests on the candidate still need until they have left it.
 * The pods of canary and baseline stand as the last step that was shown left them; so do the routes, until the
 * primary is restored. Contents and configuration that only these pods use stay as long. Jobs serve nobody.
 */
function backFiles({ step, part, shown }: Back, plan: PlanTree, stable: PlanTree): FileSet {
  stepIndex(plan.plan, step);
  const old = completeFiles(stable);
  const stands = ({ info: { role } }: LiveFile) =>
    role === 'canary' || role === 'baseline' || (role === 'routing' && part === 'primary');
  const isAddition = (name: string, { info: { role } }: LiveFile) =>
    !old.has(name) && (role === 'versioned' || role === 'configuration');
  const before = shownFiles(shown, plan, stable);
  return new Map([
    ...[...old].filter(([, file]) => !stands(file)),
    ...[...before].filter(([name, file]) => stands(file) || isAddition(name, file)),
  ]);
}

/** The files of the last step that the cluster has shown. A complete release has no canary: stable's own rests. */
function shownFiles(shown: string | undefined, plan: PlanTree, stable: PlanTree): FileSet {
  const old = completeFiles(stable);
  if (shown === undefined) return old;
  if (shown !== lastStep(plan.plan).name)
    return filesAtStep(betweenIndex(plan.plan, shown), plan, stable);
  const isCanary = ([, { info }]: [string, LiveFile]) => info.role === 'canary';
  return new Map([
    ...[...completeFiles(plan)].filter((it) => !isCanary(it)),
    ...[...old].filter(isCanary),
  ]);
}
