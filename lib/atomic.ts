import { Construct } from 'constructs';
import * as z from 'zod';
import { hashOf } from './manifest/json.ts';
import { freeId } from './manifest/put.ts';
import { type Mistake, noteCall, placeOf, reproofs, reprove } from './mistake.ts';
import { labelMistakes } from './names.ts';
import { attemptOf, type Group, type Plan } from './plan/plan.ts';
import { fields, listOf, thing } from './props/fields.ts';
import { readProps } from './props/read.ts';
import { Release } from './release/release.ts';
import { type Rendered, rendered } from './render/render.ts';

/**
 * Releases that move as one: each step of all of them is one commit, they roll back together, and a failure belongs
 * to all their candidates taken together. Their steps must be equal.
 */
export class Atomic extends Construct {
  readonly name: string;
  readonly members: readonly Release[];

  /** @param name names the group in commits and messages; unique among all groups */
  constructor(scope: Construct, name: string, members: readonly Release[]) {
    super(scope, freeId(scope, `atomic ${String(name)}`));
    noteCall(this);
    const { given, reproofs } = readProps('Atomic', atomicProps, { name, members });
    reprove(this, ...reproofs);
    this.name = given?.name ?? '';
    this.members = given?.members ?? [];
  }
}

const aRelease = thing<Release>(
  { what: 'a release', remedy: 'give what new Release(…) made' },
  (it) => it instanceof Release,
);

const atomicProps = fields({ name: z.string(), members: listOf(aRelease) });

/** The releases with their groups written into their plans, and what keeps them from moving together. */
export function grouped(
  groups: readonly Atomic[],
  all: readonly Rendered[],
): { readonly releases: readonly Rendered[]; readonly mistakes: readonly Mistake[] } {
  const found = new Map<string, Pick<Plan, 'group' | 'attempt'>>();
  const mistakes: Mistake[] = [];
  for (const it of groups) {
    const wrong = reproofs(it);
    mistakes.push(...wrong.map((one) => ({ path: it.node.path, ...one })));
    // Of what follows from these nothing is said.
    if (wrong.length > 0) continue;
    const plans = it.members.flatMap(({ id }) => all.filter((one) => one.id === id)[0]?.plan ?? []);
    // A member that could not be rendered has mistakes of its own.
    if (plans.length < it.members.length) continue;
    const own = [...groupMistakes(it, plans), ...shared(it, found), ...doubled(it, groups)];
    mistakes.push(...own.map((one) => ({ ...placeOf(it), ...one })));
    const members = plans.map((plan) => plan.release).sort();
    if (mistakes.length > 0) continue;
    const candidates = plans.map((plan) => `${plan.release} ${plan.candidate}`).sort();
    const group: Group = { name: it.name, members, candidate: hashOf(candidates, 10) };
    // A failure belongs to all of them, so the attempt does, too.
    const attempt = Math.max(...plans.map(attemptOf));
    const common = attempt === 1 ? { group } : { group, attempt };
    for (const id of members) found.set(id, common);
  }
  const releases = all.map((it) => {
    const common = found.get(it.id);
    return common === undefined
      ? it
      : rendered({ ...it.plan, ...common }, stepFiles(it), it.warnings);
  });
  return { releases, mistakes };
}

function stepFiles({ files }: Rendered): Rendered['files'] {
  return new Map([...files].filter(([path]) => path.includes('/')));
}

function groupMistakes({ node, name, members }: Atomic, plans: readonly Plan[]): Mistake[] {
  const { path } = node;
  const mistakes = labelMistakes(path, 'name of the group', name);
  const ids = members.map((it) => it.id);
  if (new Set(ids).size < ids.length || ids.length < 2)
    mistakes.push({
      path,
      problem: 'a group needs two releases or more, each once',
      got: ids,
      remedy: 'name them, or leave the group out',
    });
  const [first, ...others] = plans;
  for (const it of others) {
    if (first === undefined || stepsText(it) === stepsText(first)) continue;
    mistakes.push({
      path,
      problem: `${it.release} has other steps than ${first.release}`,
      got: stepsText(it),
      remedy: `use the same strategy, Jobs and hooks for both: ${stepsText(first)}`,
    });
  }
  return mistakes;
}

function stepsText({ steps }: Plan): string {
  return steps
    .map(({ name, weights }) => `${name} ${weights.primary}/${weights.canary}`)
    .join(', ');
}

/** The analyzer tells groups by their names. */
function doubled({ node, name }: Atomic, all: readonly Atomic[]): Mistake[] {
  const first = all.find((it) => it.name === name);
  if (first === undefined || first.node === node) return [];
  const problem = `two groups have one name, the other is ${first.node.path}`;
  return [{ path: node.path, problem, got: name, remedy: 'give each a name of its own' }];
}

function shared(
  { node, name, members }: Atomic,
  found: ReadonlyMap<string, Pick<Plan, 'group'>>,
): Mistake[] {
  return members.flatMap(({ id }) => {
    const other = found.get(id);
    if (other === undefined) return [];
    const problem = `release ${id} is in group ${other.group?.name} already`;
    return [{ path: node.path, problem, got: name, remedy: 'let it move with one group' }];
  });
}
