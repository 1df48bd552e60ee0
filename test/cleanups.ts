import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the tests of the present file have opened: modules outlive their file, and so may not remember it themselves. */
const cleanups: (() => unknown)[] = [];

/** Has something closed or removed after the tests of this file. */
export function afterFile(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** Does so, the newest first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A temporary folder that goes away after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-test-'));
  afterFile(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
