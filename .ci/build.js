// Bundles the `perch` command into the one file that bin.perch names. The same commit gives the same bytes,
// in whatever folder: nothing of the machine, its paths or its clock is in them.
//
//   node .ci/build.js            build/perch.cjs, and the compiled library, build/lib
//   node .ci/build.js FILE       the command alone, somewhere else
//
// PERCH_COMMIT names the commit where there is no checkout, as in the build of the image.
//
// `npm ci` in a clone runs it as `postprepare`, and `npm pack` as `prepack`. It is not `prepare`: npm warns whoever installs
// the tarball of a package with a script of that name.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const outfile = resolve(process.argv[2] ?? join(root, 'build', 'perch.cjs'));

const options = {
  absWorkingDir: root,
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
 * idle tick needs none of them, and they are two thirds of the code. Whoever imports one from an ES module gets
 * module.exports as its default, so that is what the default of a packed ES module has to be.
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
    const { default: own, ...named } = late.exports;
    module.exports = late.exports.__esModule && own ? Object.assign(own, named) : late.exports;`;
}

/** What ends up in the bundle; changes elsewhere do not make it another one. */
const SOURCES = ['analyzer', 'lib/plan', '.ci/build.js', 'package.json', 'package-lock.json'];

function commit() {
  if (process.env.PERCH_COMMIT) return process.env.PERCH_COMMIT;
  try {
    // A checkout of its own: a copy that lies in somebody else's repository is of no commit of that.
    if (resolve(git('rev-parse', '--show-toplevel')) !== root) return 'unknown';
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--', ...SOURCES) && '-dirty');
  } catch {
    return 'unknown';
  }
}

function git(...args) {
  const stdio = ['ignore', 'pipe', 'ignore'];
  return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio }).trim();
}

const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
await mkdir(dirname(outfile), { recursive: true });
await build({
  ...options,
  entryPoints: ['analyzer/main.ts'],
  outfile,
  define: { BUNDLED_VERSION: JSON.stringify({ version, commit: commit() }) },
  plugins: [packLate],
});
await chmod(outfile, 0o755);

// What `import 'perch'` finds. A file that a commit before has compiled must not be packed with it.
if (process.argv[2] === undefined) {
  await rm(join(root, 'build', 'lib'), { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, '.ci', 'tsconfig.build.json');
  execFileSync(process.execPath, [compiler, '--project', project], { stdio: 'inherit' });
}

// npm's own warnings are nine, and do not say whether it matters: .npmrc hides them.
if (process.env.npm_lifecycle_event === 'postprepare' && /^20\./.test(process.versions.node)) {
  console.error(
    `Node ${process.versions.node} is supported, but the packages with Kubernetes schemas are no longer tested on it by their authors: npm test holds them here, and if it fails, use Node 22.`,
  );
}
