import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The bundled `perch` command. */
    readonly bundle: string;
  }
}

/** Bundles the command once for all tests, as `npm run build` does, into a temporary folder. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'perch-bundle-'));
  const bundle = join(folder, 'perch.cjs');
  const root = fileURLToPath(new URL('..', import.meta.url));
  execFileSync(process.execPath, ['.ci/build.js', bundle], { cwd: root, stdio: 'inherit' });
  project.provide('bundle', bundle);
  return () => rmSync(folder, { recursive: true, force: true });
}
