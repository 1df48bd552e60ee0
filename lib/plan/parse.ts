import * as z from 'zod';
import { quote } from './plain.ts';
import { type Plan, planSchema } from './plan.ts';
import { readYaml } from './read-yaml.ts';
import { PLAN_UPGRADES } from './upgrades.ts';
import { newerText, upgraded } from './versions.ts';

/** A plan, or why its file is none: what follows the file's name in a sentence. */
export type PlanReading =
  | { readonly kind: 'read'; readonly plan: Plan }
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads a plan.yaml. */
export function readPlan(text: string): PlanReading {
  const reading = readYaml(text);
  if (reading.kind === 'refused')
    return { kind: 'refused', reason: `${reading.reason}. ${REMEDY}` };
  const today = upgraded(reading.value, PLAN_UPGRADES);
  if (today.kind === 'newer') return { kind: 'refused', reason: newerText('plan', today.version) };
  const result = planSchema.safeParse(today.value);
  if (result.success) return { kind: 'read', plan: result.data };
  const reason = `is not a plan that this version understands: ${faultsText(result.error)}. ${REMEDY}`;
  return { kind: 'refused', reason };
}

/**
 * Reads a plan.yaml.
 *
 * @param text the file's text
 * @param place where it came from, for the message
 * @throws Error that names the place, the first wrong fields, and the remedy
 */
export function parsePlan(text: string, place: string): Plan {
  const reading = readPlan(text);
  if (reading.kind === 'read') return reading.plan;
  throw new Error(`${place} ${reading.reason}`);
}

const REMEDY = 'Run `npm run synth` and commit dist/.';

/** So many faults say enough: a hostile file has one in each of its fields. */
const MOST_FAULTS = 5;

/** What a schema minds, on one line: the first faults, each with its path. */
export function faultsText({ issues }: Pick<z.core.$ZodError, 'issues'>): string {
  const shown = issues.slice(0, MOST_FAULTS).map((issue) => {
    const place = z.core.toDotPath(issue.path);
    const message = quote(messageOf(issue));
    return place === '' ? message : `${message} at ${quote(place, 100)}`;
  });
  const more = issues.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** Of a key, zod itself says only that it is invalid. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_key') return issue.message;
  return issue.issues.map((it) => it.message).join(', ');
}
