import { type FileInfo, lastStep, type Plan, type Step } from '../../lib/plan/plan.ts';

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
  /** On the way back from a step: first the primary (from promotion on), then the routes. */
  | { readonly kind: 'back'; readonly step: string; readonly part: 'primary' | 'routes' }
  | { readonly kind: 'stable' };

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
    case 'back': {
      const back = backToPrimary(from(position.step, plan, stable), required(stable, plan));
      return position.part === 'primary' ? back : backToRoutes(back, required(stable, plan));
    }
  }
}

/** The positions that the way back from a step goes through, in order. */
export function wayBack(plan: Plan, step: string): readonly Position[] {
  const routes: Position = { kind: 'back', step, part: 'routes' };
  const end: Position = { kind: 'stable' };
  return hasPromoted(plan, step)
    ? [{ kind: 'back', step, part: 'primary' }, routes, end]
    : [routes, end];
}

/** Where the way back from a complete release begins. */
export function undoPosition(plan: Plan): Position {
  const [first] = wayBack(plan, lastStep(plan).name);
  return first ?? { kind: 'stable' };
}

/** Whether the primary already runs, or may run, the candidate in this step. */
export function hasPromoted(plan: Plan, step: string): boolean {
  const promotion = plan.steps.findIndex((it) => it.phase === 'Promoting');
  return promotion >= 0 && stepIndex(plan, step) >= promotion;
}

/** The position after this one on the way forward. Rest and the way back have none. */
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
  const routesStand = position.kind === 'back' && position.part === 'primary';
  return routesStand ? (stepOf(plan, position)?.weights.canary ?? 0) : 0;
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
  throw new Error(`release ${plan.release}: "${name}" is no step to stand in`);
}

/** Whether two positions are one, part by part. */
export function samePosition(a: Position, b: Position): boolean {
  return positionText(a) === positionText(b);
}

/** How people read a position: `03-weight-20`, `back from 03-weight-20: routes`, `complete`. */
export function positionText(position: Position): string {
  if (position.kind === 'step') return position.step;
  if (position.kind === 'back') return `back from ${position.step}: ${position.part}`;
  return position.kind;
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
  if (plan.plan.steps[index]?.baseline === true)
    for (const [name, file] of folderFiles(stable, BASELINE, stable.plan.baseline ?? []))
      set.set(name, file);
  return set;
}

/** What was live when the way back began: after the last step, all that is undone. */
function from(step: string, plan: PlanTree, stable: PlanTree | undefined): FileSet {
  if (plan.plan.steps.at(-1)?.name === step) return completeFiles(plan);
  return filesAtStep(betweenIndex(plan.plan, step), plan, required(stable, plan));
}

function backToPrimary(from: FileSet, stable: PlanTree): FileSet {
  const set = new Map(from);
  const old = completeFiles(stable);
  for (const [name, file] of set)
    if (file.info.role === 'primary' && !old.has(name)) set.delete(name);
  for (const [name, file] of old)
    if (file.info.role !== 'routing' && file.info.role !== 'canary') set.set(name, file);
  return set;
}

function backToRoutes(back: FileSet, stable: PlanTree): FileSet {
  const routes = [...completeFiles(stable)].filter(([, file]) => file.info.role === 'routing');
  const others = [...back].filter(([, file]) => file.info.role !== 'routing');
  return new Map([...others, ...routes]);
}
