import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './cleanups.ts';
import { processId } from './e2e/stack/process-id.ts';
import { sweep } from './memory.ts';

test('what a killed run left in memory goes, and nothing that another one uses or has made', async () => {
  const memory = temporaryFolder();
  const { pid, startedAt } = processId(process.pid) ?? { pid: 0, startedAt: '' };
  const kept = [`perch-tests-${pid}-${startedAt}-abc`, 'perch-tests-abc', 'somebody-else'];
  const left = [
    // Nobody has this number; somebody has it who began at another time.
    'perch-tests-4194305-1-abc',
    `perch-tests-${pid}-${Number(startedAt) - 1}-abc`,
  ];
  for (const it of [...kept, ...left])
    mkdirSync(join(memory, it, 'repository'), { recursive: true });
  await sweep(memory);
  expect(readdirSync(memory).sort()).toEqual([...kept].sort());
});
