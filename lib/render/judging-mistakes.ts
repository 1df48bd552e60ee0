import type { CheckDefinition } from '../analysis/checks.ts';
import { isMetric, type MetricDefinition } from '../analysis/metric.ts';
import { isTest, type TestDefinition } from '../analysis/tests.ts';
import { type Mistake, placeOf } from '../mistake.ts';
import type { Question } from '../plan/evidence.ts';
import type { StepDraft } from '../strategy/strategy.ts';
import { isSampled } from './steps.ts';

type Given = CheckDefinition | MetricDefinition | TestDefinition;

/** What is wrong with checks and tests in the steps that a strategy has. */
export function judgingMistakes(
  path: string,
  given: readonly Given[],
  drafts: readonly StepDraft[],
): Mistake[] {
  return given.flatMap((it, index) => {
    const field = `analysis.checks (${it.name})`;
    const found = [
      ...startMistakes(path, field, it.from, drafts),
      ...(isDoubled(given, index) ? [doubled(path, it.name)] : []),
      ...(isTest(it) ? sampleMistakes(path, field, drafts, it.question.kind) : []),
      ...(isMetric(it) ? sampleMistakes(path, field, drafts, 'comparison') : []),
    ];
    return found.map((one) => ({ ...placeOf(it), ...one }));
  });
}

/** Two that are held against bounds are told where they are compiled. */
function isDoubled(given: readonly Given[], index: number): boolean {
  const it = given[index];
  const first = given.find((one) => one.name === it?.name);
  return (
    it !== undefined &&
    first !== undefined &&
    first !== it &&
    [first, it].some((one) => isTest(one) || isMetric(one))
  );
}

function doubled(path: string, got: string): Mistake {
  const remedy = 'give one of them another name';
  return { path, problem: 'two checks have one name', got, remedy };
}

function startMistakes(
  path: string,
  field: string,
  from: string | undefined,
  drafts: readonly StepDraft[],
): Mistake[] {
  const names = drafts.slice(1, -1).map((it) => it.name);
  if (from === undefined || names.includes(from)) return [];
  const remedy = `use one of ${names.join(', ')}`;
  return [{ path, problem: `${field}: from names no step of the strategy`, got: from, remedy }];
}

function sampleMistakes(
  path: string,
  field: string,
  drafts: readonly StepDraft[],
  question: Question['kind'],
): Mistake[] {
  if (drafts.some((it) => isSampled(it, question))) return [];
  return [
    {
      path,
      problem: `${field}: no step gives the canary a share of the requests, so there is nothing to compare`,
      got: drafts.map((it) => it.name).join(', '),
      remedy: 'use successRate({ … }), latency({ … }) or query({ … }), or a strategy with weights',
    },
  ];
}
