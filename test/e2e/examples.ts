import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PlanTree } from '../../analyzer/core/position.ts';
import { filesBelow } from '../../lib/files.ts';
import { parsePlan } from '../../lib/plan/parse.ts';
import type { Plan } from '../../lib/plan/plan.ts';

/** A release as it lies in `dist/examples/`, and another version of it as what was stable before. */
export interface Example {
  readonly plan: Plan;
  readonly next: PlanTree;
  readonly stable: PlanTree;
  /** The text of a blob of either. */
  text(oid: string): string;
}

const DIST = fileURLToPath(new URL('../../dist/examples', import.meta.url));

/** Names of all folders of `dist/examples/` that are releases. */
export function exampleNames(): readonly string[] {
  return readdirSync(DIST).filter((it) => existsSync(join(DIST, it, 'plan.yaml')));
}

/** Reads one of them. */
export function example(id: string): Example {
  const texts = new Map<string, string>();
  const folder = join(DIST, id);
  const plan = parsePlan(readFileSync(join(folder, 'plan.yaml'), 'utf8'), id);
  const tree = (name: string, change: (text: string) => string): PlanTree => {
    const blobs = filesBelow(folder).map((path): [string, string] => {
      const oid = `${name}:${path}`;
      texts.set(oid, change(readFileSync(join(folder, path), 'utf8')));
      return [path, oid];
    });
    return { tree: name, plan, blobs: new Map(blobs) };
  };
  // Other images, and other names where they come from the candidate: those of Jobs.
  const older = (text: string) =>
    text
      .replaceAll(plan.candidate, '0123456789')
      .replace(/^( *(?:- )?image: \S+?):\S+$/gm, '$1:older');
  return {
    plan,
    next: tree('next', (text) => text),
    stable: tree('stable', older),
    text: (oid) => texts.get(oid) ?? '',
  };
}
