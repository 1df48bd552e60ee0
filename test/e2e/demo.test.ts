import { expect, test } from 'vitest';
import { runDemo } from '../demo/demo.ts';
import type { DemoEvent } from '../demo/event.ts';
import { STORIES, type StoryName, storyNamed } from '../demo/stories.ts';

/** As fast as the machine goes. */
const FACTOR = 1_000_000;

/** How each is told here; the canary's two stories have a file of their own. */
const TOLD: Readonly<Record<Exclude<StoryName, 'canary'>, 'good' | 'bad'>> = {
  fractions: 'bad',
  'ab-test': 'good',
  'blue-green': 'good',
  steps: 'good',
  shadow: 'bad',
  replicas: 'bad',
  recreate: 'good',
  ramped: 'bad',
  partitions: 'good',
};

const all = Object.entries(TOLD) as [Exclude<StoryName, 'canary'>, 'good' | 'bad'][];

test.each(all)('%s ends as a %s story should', { timeout: 60_000 }, async (strategy, name) => {
  const events: DemoEvent[] = [];
  const onEvent = (event: DemoEvent) => void events.push(event);
  const { end, problems } = await runDemo({
    strategy,
    bad: name === 'bad',
    factor: FACTOR,
    onEvent,
  });
  // The demo itself looks at live/ and runs `perch verify`.
  expect(problems).toEqual([]);
  expect(end).toMatchObject({
    release: STORIES[strategy].release.id,
    phase: name === 'good' ? 'Succeeded' : 'Failed',
  });
  const [start] = events;
  const steps = start?.event === 'start' ? (start.steps ?? []) : [];
  const visited = events.flatMap((it) => (it.event === 'decision' ? it.step : []));
  // Forward no step is left out.
  if (name === 'good') expect(steps.slice(1, -1).filter((it) => !visited.includes(it))).toEqual([]);
  else expect(visited.at(-1)).toBe('stable');
  const persons = events.filter((it) => it.event === 'promoted');
  expect(persons).toHaveLength(strategy === 'blue-green' || strategy === 'steps' ? 1 : 0);
});

test('an unknown strategy is an error that lists those there are', () => {
  expect(() => storyNamed('magic')).toThrow(
    '--strategy: "magic" is none of canary, fractions, ab-test, blue-green, steps, shadow, replicas, ',
  );
  expect(() => storyNamed('toString')).toThrow(/is none of/);
});
