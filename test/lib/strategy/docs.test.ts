import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromProject } from '../../../lib/files.ts';
import type { Strategy } from '../../../lib/index.ts';
import * as lib from '../../../lib/index.ts';
import { mistakesIn } from './outline.ts';

const page = readFileSync(fromProject('docs/strategies.md'), 'utf8');

/** Blocks that show a strategy, each with the steps that the page says it has. */
const examples = [...page.matchAll(/```ts\n([^`]*?)```\n(?:\nSteps: (.*)\.\n)?/g)].map(
  ([, code = '', steps]) => ({ code, steps }),
);

/** A block is a part of a release's props. */
function strategyIn(code: string): Strategy {
  const read = new Function(...Object.keys(lib), `return ({ ${code} }).strategy`);
  return read(...Object.values(lib));
}

describe('docs/strategies.md', () => {
  test.each(examples.map((it) => [it.code.split('\n')[0], it] as const))(
    '%s',
    (_, { code, steps }) => {
      const strategy = strategyIn(code);
      expect(mistakesIn(strategy)).toEqual([]);
      expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(12);
      const between = strategy.steps().slice(1, -1);
      if (steps !== undefined)
        expect(between.map((it) => `\`${it.name}\``).join(' → ')).toBe(steps);
    },
  );

  test('names the steps of each kind of strategy once', () => {
    const shown = examples
      .filter((it) => it.steps !== undefined)
      .map((it) => strategyIn(it.code).kind);
    expect(shown.sort()).toEqual(['ab-test', 'blue-green', 'canary', 'ramped', 'shadow', 'steps']);
  });
});
