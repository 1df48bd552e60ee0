import { parse } from 'yaml';
import * as z from 'zod';
import { type Plan, planSchema } from './plan.ts';

/**
 * Reads a plan.yaml.
 *
 * @param text the file's text
 * @param place where it came from, for the message
 * @throws Error that names the place, each wrong field, and the remedy
 */
export function parsePlan(text: string, place: string): Plan {
  const result = planSchema.safeParse(parseYaml(text, place));
  if (result.success) return result.data;
  throw new Error(
    `${place} is not a plan that this version understands:\n${z.prettifyError(result.error)}\n${REMEDY}`,
  );
}

const REMEDY = 'Run `npm run synth` with the same version of Perch and commit dist/.';

function parseYaml(text: string, place: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${place} is not YAML: ${message}. ${REMEDY}`);
  }
}
