// Bundles the `perch` command into the one file that bin.perch names.
import { chmod, mkdir } from 'node:fs/promises';
import { build } from 'esbuild';

await mkdir('build', { recursive: true });
await build({
  entryPoints: ['analyzer/main.ts'],
  outfile: 'build/perch.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
});
await chmod('build/perch.cjs', 0o755);
