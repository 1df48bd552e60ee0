import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest';
import { isMissing } from '../servers/missing.ts';
import { printLogsOnFailure } from '../stack/failures.ts';
import { missingStack } from '../stack/stack.ts';
import { expectNoResets, scaleWhileBaking } from './autoscaling.ts';
import { type Field, openField } from './field.ts';
import { expectUndisturbed, rollOut } from './rolling.ts';
import { printStories, tell } from './table.ts';
import { expectInSync } from './watch.ts';

// With Flux it is one of the faults: here is a tool that compares what runs with Git all the time.
const tool = 'argo-cd';
const missing = await missingStack({ sync: [tool], gateway: true, prometheus: true });
describe('Argo CD with self-heal', { skip: isMissing(missing), timeout: 240_000 }, () => {
  let field: Field;

  beforeAll(async () => {
    field = await openField(tool, [{ id: 'scaled', autoscaled: true, progressSeconds: 60 }]);
  }, 300_000);
  afterAll(async () => {
    await field?.stop();
    printStories();
  }, 60_000);
  beforeEach(() => printLogsOnFailure(field.stack));

  test('leaves replicas to an HPA that scales in a step', () =>
    tell({ story: 'an HPA scales during a step', tool }, async () => {
      const { stack } = field;
      const rolledOut = await rollOut(field, 'scaled', { tag: 'scaled' }, (it) =>
        scaleWhileBaking(stack, it),
      );
      expectUndisturbed(rolledOut);
      expectInSync(rolledOut.glimpses);
      return expectNoResets(rolledOut);
    }));
});
