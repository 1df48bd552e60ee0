import { onTestFailed } from 'vitest';
import type { Stack } from './stack.ts';

/** Called at the begin of a test: when it fails, the ends of all servers' logs are printed. */
export function printLogsOnFailure(stack: Stack): void {
  onTestFailed(async ({ task }) => {
    console.error(`the servers' logs when "${task.name}" failed:\n${await stack.logs()}`);
  });
}
