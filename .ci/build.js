// Bundles the `perch` command into the one file that bin.perch names.
import { chmod, mkdir } from 'node:fs/promises';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const options = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
};

/**
 * Packages that are imported late, with `import()`, are packed, and compiled when they are first used: an
 * idle tick needs none of them, and they are two thirds of the code.
 */
const packLate = {
  name: 'pack-late',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.]/ }, ({ kind, path, resolveDir }) =>
      kind === 'dynamic-import' ? { path, namespace: 'late', pluginData: resolveDir } : undefined,
    );
    onLoad({ filter: /./, namespace: 'late' }, async ({ path, pluginData: resolveDir }) => {
      const stdin = { contents: `module.exports = require(${JSON.stringify(path)})`, resolveDir };
      const { outputFiles } = await build({ ...options, stdin, write: false });
      const packed = brotliCompressSync(outputFiles[0].contents).toString('base64');
      return { contents: unpack(packed, path) };
    });
  },
};

function unpack(packed, path) {
  return `
    const { Module } = require('node:module');
    const { brotliDecompressSync } = require('node:zlib');
    const late = new Module(__filename, module);
    late._compile(
      brotliDecompressSync(Buffer.from('${packed}', 'base64')).toString(),
      __filename + ${JSON.stringify(`/${path}`)},
    );
    module.exports = late.exports;`;
}

await mkdir('build', { recursive: true });
await build({
  ...options,
  entryPoints: ['analyzer/main.ts'],
  outfile: 'build/perch.cjs',
  plugins: [packLate],
});
await chmod('build/perch.cjs', 0o755);
