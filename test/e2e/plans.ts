import { createHash } from 'node:crypto';
import { ApiObject, JsonPatch } from 'cdk8s';
import {
  type Back,
  difference,
  type FileSet,
  files,
  hasPromoted,
  type PlanTree,
  type Position,
  stepBefore,
} from '../../analyzer/core/position.ts';
import { withRollout } from '../../analyzer/core/rollout.ts';
import type { Rollout, Situation } from '../../analyzer/core/situation.ts';
import { isoTime, type State } from '../../analyzer/core/state.ts';
import { Apps, Release, type ReleaseProps, render, type WorkloadFactory } from '../../lib/index.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import { FORMAT } from '../../lib/plan/versions.ts';

/** Rendered plans as the analyzer reads them from Git, without a Git. */
export interface Plans {
  /** Renders a release. @throws MistakesError when it is wrong */
  add(release: Release): Promise<PlanTree>;
  /** The text of a file. @throws Error for one that no plan has */
  text(oid: string): string;
  /** The texts of a set of files, in the order of their names. */
  texts(set: FileSet): readonly string[];
}

/** A collection of plans that share their files, as the trees of one repository do. */
export function plans(): Plans {
  const contents = new Map<string, string>();
  const text = (oid: string) => {
    const found = contents.get(oid);
    if (found === undefined) throw new Error(`no plan has a file ${oid}`);
    return found;
  };
  return {
    text,
    texts: (set) => [...set].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, it]) => text(it.oid)),
    async add(release) {
      const rendered = await render(release);
      const blobs = [...rendered.files].map(([path, content]): [string, string] => {
        const oid = oidOf('blob', Buffer.from(content));
        contents.set(oid, Buffer.from(content).toString('utf8'));
        return [path, oid];
      });
      const plan = parsePlan(text(new Map(blobs).get('plan.yaml') ?? ''), release.id);
      return { tree: oidOf('tree', JSON.stringify(blobs)), plan, blobs: new Map(blobs) };
    },
  };
}

function oidOf(kind: string, content: Buffer | string): string {
  return createHash('sha1').update(`${kind}\0`).update(content).digest('hex');
}

/** The release of an app of this repository, with other props. */
export function variant(release: Release, props: Partial<ReleaseProps>, id = release.id): Release {
  return new Release(new Apps(), id, { ...release.props, ...props });
}

/** The workload of a release, with other top-level fields in its Deployment's spec. */
export function withDeploymentSpec(
  { props }: Release,
  spec: Readonly<Record<string, unknown>>,
): WorkloadFactory {
  return (scope) => {
    props.workload?.(scope);
    for (const it of scope.node.findAll()) {
      if (!(it instanceof ApiObject) || it.kind !== 'Deployment') continue;
      for (const [key, value] of Object.entries(spec))
        it.addJsonPatch(JsonPatch.add(`/spec/${key}`, value));
    }
  };
}

/** Every position of a plan that has a stable set to roll back to. */
export function allPositions(plan: Plan): readonly Position[] {
  const steps = plan.steps.slice(1, -1).map((it) => it.name);
  const promoted = steps.filter((it) => hasPromoted(plan, it));
  return [
    { kind: 'init' },
    ...steps.map((step): Position => ({ kind: 'step', step })),
    ...promoted.flatMap((step) => backs(plan, step, 'primary')),
    ...steps.flatMap((step) => backs(plan, step, 'routes')),
    { kind: 'complete' },
    { kind: 'stable' },
  ];
}

/** A rollback from a step that was applied, and from one that was not. */
function backs(plan: Plan, step: string, part: Back['part']): readonly Position[] {
  return [step, stepBefore(plan, step)].map((shown) => ({ kind: 'back', step, part, shown }));
}

/** Where a rollout stands, and where it came from. */
export interface Standing {
  readonly position: Position;
  readonly plan: PlanTree;
  readonly stable: PlanTree | undefined;
  /** The files before the commit; none before the first. */
  readonly before: FileSet | undefined;
  /** Time of the commit in Unix seconds. */
  readonly at: number;
}

/** The rollout that the analyzer would read from Git. */
export function rolloutAt({ position, plan, stable, before, at }: Standing): Rollout {
  const set = files(position, plan, stable);
  const { changed, removed } = difference(before ?? new Map(), set);
  const state: State = {
    transition: 1,
    version: FORMAT,
    release: plan.plan.release,
    kind: position.kind === 'back' ? 'back' : 'next',
    position,
    at: isoTime(at),
    reason: 'as the test wants it',
    candidate: plan.plan.candidate,
    plan: plan.tree,
    ...(stable === undefined ? {} : { stable: stable.tree }),
    steps: [],
    changed: [...changed],
    removed: removed.flatMap((name) => {
      const info = before?.get(name)?.info;
      if (info === undefined) return [];
      const { apiVersion, kind, namespace } = info;
      return [{ apiVersion, kind, name: info.name, ...(namespace && { namespace }) }];
    }),
  };
  return { state, plan, stable, files: set };
}

/** The same as a situation, with nothing edited by hand. */
export function situationOf({ state, plan, stable, files: set }: Rollout): Situation {
  return withRollout({
    id: state.release,
    state: { kind: 'known', value: state },
    plan: { kind: 'known', value: plan },
    stable: stable === undefined ? { kind: 'absent' } : { kind: 'known', value: stable },
    dist: { kind: 'known', value: plan },
    live: new Map([...set].map(([name, it]) => [name, it.oid])),
    lastCommit: undefined,
  });
}
