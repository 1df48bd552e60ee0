import type { Authored } from '../manifest/manifest.ts';
import { type Mistake, mistakeText } from '../mistake.ts';
import { at } from '../plan/pointer.ts';
import { ruleFindings } from './rules/rules.ts';
import { schemaOf } from './schema.ts';

/**
 * What the API server of the pinned Kubernetes, Istio and Gateway API versions would refuse. A kind of another
 * group is let through but for its metadata.
 */
export async function validate(objects: readonly Authored[]): Promise<readonly Mistake[]> {
  const found = await Promise.all(objects.map(validateOne));
  return unique(found.flat());
}

async function validateOne({ path, object }: Authored): Promise<Mistake[]> {
  const schema = await schemaOf(object.apiVersion, object.kind);
  const violations = schema.kind === 'known' ? schema.check(object) : [];
  const told = new Set(violations.map((it) => it.pointer));
  // Of what is of another type altogether the rules would say the same again.
  const findings = ruleFindings(object).filter((it) => !told.has(it.pointer));
  const missing: Mistake[] =
    schema.kind === 'missing'
      ? [
          {
            path,
            problem: `${schema.versions} has no such kind`,
            got: `${object.apiVersion} ${object.kind}`,
            remedy: 'correct apiVersion and kind',
          },
        ]
      : [];
  const of = `of ${object.kind} ${object.metadata.name}`;
  return [
    ...missing,
    ...violations.map(({ pointer, problem, isText }) => {
      const got = at(object, pointer === '/' ? '' : pointer);
      const isUnquoted = isText && ['number', 'boolean'].includes(typeof got);
      return {
        path,
        problem: `${pointer} ${of} ${problem}`,
        got,
        remedy: isUnquoted
          ? 'write it in quotes'
          : `correct it; \`kubectl explain ${object.kind.toLowerCase()}\` lists the fields`,
      };
    }),
    ...findings.map(({ pointer, problem, got, remedy }) => ({
      path,
      problem: `${pointer} ${of} ${problem}`,
      got,
      remedy,
    })),
  ];
}

/** Both tracks hold the same mistake of the author: it is told once. */
function unique(mistakes: readonly Mistake[]): Mistake[] {
  const told = new Map<string, Mistake>();
  for (const it of mistakes) {
    const text = mistakeText(it).replace(/-(?:primary|canary)\b/g, '');
    if (!told.has(text)) told.set(text, it);
  }
  return [...told.values()];
}
