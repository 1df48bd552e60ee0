import type { AbortBounds, Judge } from '../../../lib/plan/judge.ts';
import { roundBeyond } from '../round.ts';
import type { JudgeKind } from './kind.ts';
import type { Verdict } from './verdict.ts';

type Bounds = Extract<Judge, { readonly kind: 'bounds' }>;

/** A value must lie within fixed bounds; what breaks them for the primary too is the environment's doing. */
export const bounds: JudgeKind<Bounds> = {
  asks: ['canary'],
  excuses: ['primary'],
  says: (all) => (at) =>
    all.map(({ check, judge, values }) => {
      const { canary } = values(at);
      const said = verdict(judge, canary);
      if (said !== 'fail' || canary === undefined) return { verdict: said };
      return { verdict: said, text: brokenBound(judge, canary, check.unit) };
    }),
  isShared: (judge, { primary }) => verdict(judge, primary) === 'fail',
  isMuchWorse(judge, { canary, primary }) {
    if (canary === undefined || primary === undefined) return false;
    const shared = beyond(judge, primary);
    return shared > 0 && beyond(judge, canary) > 2 * shared;
  },
  margin: ({ min = -Infinity, max = Infinity }, value) => Math.min(value - min, max - value),
};

/** A value, beside the bound that it breaks: `69.17 % < 99 %`. */
export function brokenBound(
  { min, max }: AbortBounds,
  value: number,
  unit: string | undefined,
): string {
  const tail = unit === undefined ? '' : ` ${unit}`;
  const [sign, bound] = min !== undefined && value < min ? ['<', min] : ['>', max ?? value];
  return `${roundBeyond(value, bound)}${tail} ${sign} ${bound}${tail}`;
}

/** NaN is no answer. An infinite value fails the bound that it breaks, but is never a good sign. */
function verdict({ min, max }: Bounds, value: number | undefined): Verdict {
  if (value === undefined || Number.isNaN(value)) return 'unknown';
  if (min !== undefined && value < min) return 'fail';
  if (max !== undefined && value > max) return 'fail';
  return Number.isFinite(value) ? 'pass' : 'unknown';
}

/** How far a value lies beyond the bound that it breaks; 0 within them. */
function beyond({ min = -Infinity, max = Infinity }: Bounds, value: number): number {
  return Number.isNaN(value) ? 0 : Math.max(0, min - value, value - max);
}
