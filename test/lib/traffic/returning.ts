import fc from 'fast-check';
import { expect } from 'vitest';
import { canary, type Traffic } from '../../../lib/index.ts';
import type { Side } from '../../../lib/names.ts';
import { tries } from '../../tries.ts';

/** What a router does with one request. */
export interface Answer {
  /** Percent of such requests. */
  readonly to: Readonly<Record<Side, number>>;
  /** Set-Cookie of each track's answers. */
  readonly sets: Readonly<Partial<Record<Side, string>>>;
}

/** The router's answer to a request with these cookies in a step with this traffic. */
export type AnswerOf = (traffic: Traffic, cookies: ReadonlyMap<string, string>) => Answer;

const NAMES = { canary: 'on-new', primary: 'on-old' } as const;

/**
 * That whoever keeps both cookies and comes back again and again never changes tracks before the promotion, whatever
 * weights follow each other; that the weights decide for whoever is new; and that nobody has a cookie at the end.
 */
export function keepsReturningUsers(answerOf: AnswerOf): void {
  const weights = fc
    .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 })
    .map((all) => all.sort((a, b) => a - b));
  const draws = fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 40, maxLength: 40 });
  const seen = new Set<string>();
  fc.assert(
    fc.property(weights, draws, fc.integer({ min: 2, max: 3 }), (stepWeights, drawn, visits) => {
      const sessionAffinity = { name: NAMES.canary, primaryName: NAMES.primary };
      const steps = canary({ stepWeights, stepWeightPromotion: 40, sessionAffinity }).steps();
      const jar = new Map<string, string>();
      const luck = [...drawn];
      const visit = (traffic: Traffic): Side => {
        const { to, sets } = answerOf(traffic, jar);
        const track = (luck.pop() ?? 0) < to.canary ? 'canary' : 'primary';
        keep(jar, sets[track]);
        return track;
      };
      let first: Side | undefined;
      for (const { traffic, phase } of steps) {
        const { primary, canary: weight } = traffic.weights;
        expect(answerOf(traffic, new Map()).to).toEqual({ primary, canary: weight });
        for (let count = 0; count < visits; count++) {
          const before = new Set(jar.keys());
          const track = visit(traffic);
          if (phase === 'Progressing' && traffic.affinity !== undefined) {
            first ??= track;
            expect(track).toBe(first);
          }
          // Who is on the new version stays there also while the primary becomes it.
          if (phase === 'Promoting' && before.has(NAMES.canary)) expect(track).toBe('canary');
          if (phase === 'Promoting' && weight === 100) expect(track).toBe('canary');
        }
        seen.add(`${phase} ${first}`);
      }
      expect(jar).toEqual(new Map());
    }),
    { numRuns: tries(60) },
  );
  expect([...seen]).toEqual(expect.arrayContaining(['Promoting canary', 'Promoting primary']));
}

function keep(jar: Map<string, string>, header: string | undefined): void {
  const [, name = '', value = '', age = ''] =
    /^([^=]+)=([^;]*); Max-Age=(\d+)/.exec(header ?? '') ?? [];
  if (age === '0') jar.delete(name);
  else if (name !== '') jar.set(name, value);
}
