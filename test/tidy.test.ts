import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { metricStoreKinds } from '../analyzer/metrics/registry.ts';
import { gatewayApi, istio, kubernetes, type Router } from '../lib/index.ts';
import { IN_CORE, LEFT_OUT } from './e2e/core.ts';

/** What must stay true of the sources; each message says what to do. */

const ROOT = join(import.meta.dirname, '..');

const FROM = /^(?:import|export)\s+(type\s+)?([\w*\s{},$]*?)\s*from\s+'([^']+)'/gm;
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//g;
const LINE_COMMENT = /(^|[\s;{}])\/\/.*$/gm;
const BARE = /^import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

interface Import {
  /** Path of one of our files, or the name of a package. */
  readonly target: string;
  readonly isOurs: boolean;
  readonly typesOnly: boolean;
}

interface Source {
  readonly path: string;
  readonly text: string;
  /** Without comments and what stands in quotes. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const SOURCES = ['lib', 'analyzer', 'apps', 'test'].flatMap(sourcesIn);
const PRODUCT = SOURCES.filter((it) => !it.path.startsWith('test/'));

function sourcesIn(folder: string): readonly Source[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((it) => it.endsWith('.ts') && !basename(it).startsWith('_'))
    .sort()
    .map((it) => source(`${folder}/${it}`));
}

function source(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, code: codeOf(text), imports: importsOf(path, text) };
}

function codeOf(text: string): string {
  return text
    .replace(BLOCK_COMMENT, '')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
    .replace(LINE_COMMENT, '$1');
}

function importsOf(path: string, text: string): readonly Import[] {
  const named = [...text.matchAll(FROM)].map(([, type, names = '', target = '']) => {
    const all = /^\{([^}]*)\}$/s.exec(names.trim())?.[1]?.split(',') ?? ['value'];
    const parts = all.map((it) => it.trim()).filter((it) => it !== '');
    const typesOnly = type !== undefined || parts.every((it) => it.startsWith('type '));
    return resolved(path, target, typesOnly);
  });
  const bare = [...text.matchAll(BARE)].map(([, a, b]) => resolved(path, a ?? b ?? '', false));
  return [...named, ...bare];
}

function resolved(path: string, target: string, typesOnly: boolean): Import {
  const isOurs = target.startsWith('.');
  if (isOurs) return { target: posix.normalize(join(dirname(path), target)), isOurs, typesOnly };
  return { target: packageName(target), isOurs, typesOnly };
}

function packageName(target: string): string {
  if (target.startsWith('node:')) return target;
  return target.split('/', target.startsWith('@') ? 2 : 1).join('/');
}

function below(folder: string): readonly Source[] {
  return SOURCES.filter((it) => it.path.startsWith(`${folder}/`));
}

/** `from → to` for each import that is not allowed. */
function offences(
  sources: readonly Source[],
  allowed: (it: Import, from: Source) => boolean,
): readonly string[] {
  return sources.flatMap((from) =>
    from.imports.filter((it) => !allowed(it, from)).map((it) => `${from.path} → ${it.target}`),
  );
}

const inside =
  (...folders: readonly string[]) =>
  (it: Import) =>
    folders.some((folder) => it.target === folder || it.target.startsWith(`${folder}/`));

/** How routes in a cluster are read, and by each router its own. */
const REACH = /^lib\/traffic\/(?:[^/]+\/)?reach\.ts$/;

/** What whoever installs Perch has. */
const INSTALLED = (() => {
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  );
  return new Set(Object.keys({ ...dependencies, ...peerDependencies }));
})();

/** Packages of the last table of docs/dependencies.md. */
const TOOLS = new Set(
  readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8')
    .split('## Of development')[1]
    ?.split('\n')
    .flatMap((it) => /^\| ([^|]+) \|/.exec(it)?.[1]?.split(', ') ?? []),
);

const CDK8S = /^(cdk8s|cdk8s-plus-\d+|constructs|kubernetes-models|@kubernetes-models\/.*)$/;

describe('the direction of dependencies', () => {
  test('imports are found at all', () => {
    const all = SOURCES.flatMap((it) => it.imports);
    expect(all.length).toBeGreaterThan(300);
    expect([...TOOLS]).toEqual(expect.arrayContaining(['vitest', 'fast-check']));
    expect(
      offences(
        PRODUCT,
        (it) =>
          !it.isOurs ||
          it.target === 'package.json' ||
          SOURCES.some((one) => one.path === it.target),
      ),
    ).toEqual([]);
  });

  test.each<[string, string, readonly Source[], (it: Import, from: Source) => boolean]>([
    [
      'lib/plan stands alone',
      'the contract between synth and analyzer imports zod, yaml and itself: move what it needs into lib/plan',
      below('lib/plan'),
      (it) => inside('lib/plan', 'zod', 'yaml')(it),
    ],
    [
      'lib knows nobody but itself and packages',
      'lib must not know who uses it: turn the dependency round',
      below('lib'),
      (it) => !it.isOurs || inside('lib')(it),
    ],
    [
      'lib touches files in lib/files.ts alone',
      'synth is a pure function of the source: read and write files in lib/files.ts',
      below('lib'),
      (it, from) =>
        from.path === 'lib/files.ts' ||
        // What a chart makes, nobody but helm can tell.
        (from.path === 'lib/include/helm-command.ts' && it.target === 'node:child_process') ||
        !/^node:(fs|child_process|net|http|https)/.test(it.target),
    ],
    [
      'analyzer/core is pure',
      'the core imports lib/plan, itself, zod and yaml: hand it what it needs as an argument',
      below('analyzer/core'),
      (it, from) =>
        // A hash is a function of its text alone.
        (from.path === 'analyzer/core/judge/digest.ts' && it.target === 'node:crypto') ||
        inside('analyzer/core', 'lib/plan', 'zod', 'yaml')(it),
    ],
    [
      'the analyzer never renders',
      'its bundle stays small without cdk8s: of lib it imports lib/plan alone, and how routes are read',
      below('analyzer'),
      (it, from) =>
        // What a new repository imports is text there, and the packages of its package.json are ours.
        (from.path.startsWith('analyzer/scaffold/') &&
          (!it.isOurs || it.target === 'package.json')) ||
        (!CDK8S.test(it.target) &&
          (!it.isOurs ||
            inside('analyzer', 'lib/plan')(it) ||
            (REACH.test(it.target) && from.path.startsWith('analyzer/simulated/')))),
    ],
    [
      'routes are read without a look at how they are rendered',
      'what renders would be held against itself, and the analyzer would import it: read objects as a cluster holds them',
      SOURCES.filter((it) => REACH.test(it.path)),
      inside('lib/traffic/reach.ts', 'lib/plan/pointer.ts'),
    ],
    [
      'families know their own folder and the types of the core',
      'an adapter translates: give its interface what it needs, and compose in analyzer/commands',
      ['git', 'metrics', 'cluster', 'hooks', 'hosts', 'notify'].flatMap((it) =>
        below(`analyzer/${it}`),
      ),
      (it, from) =>
        !it.isOurs ||
        inside(dirname(from.path))(it) ||
        // The one client of HTTP, how everybody hides what logs in, and how a file's faults are told.
        inside('analyzer/http')(it) ||
        it.target === 'analyzer/redact.ts' ||
        it.target === 'lib/plan/parse.ts' ||
        (inside('lib/plan')(it) && it.typesOnly) ||
        (inside('analyzer/core')(it) && it.typesOnly),
    ],
    [
      'the shell knows interfaces, not providers',
      'take the provider as an argument of its interface; only analyzer/commands chooses one',
      SOURCES.filter((it) =>
        /^analyzer\/(?:(?:tick|situation|history)\/|intervene\.ts$)/.test(it.path),
      ),
      (it) =>
        !inside('analyzer/cluster', 'analyzer/metrics', 'analyzer/git', 'analyzer/hooks')(it) ||
        /\/(cluster\/cluster|metrics\/store|hooks\/calls|git\/(repository|git-error))\.ts$/.test(
          it.target,
        ),
    ],
    [
      'nobody imports analyzer/main.ts, which is a process',
      'move what is shared out of main.ts',
      SOURCES,
      (it) => it.target !== 'analyzer/main.ts',
    ],
    [
      'apps import lib/index.ts alone',
      'what an app needs of lib is exported by lib/index.ts',
      below('apps'),
      (it) => !it.isOurs || it.target === 'lib/index.ts' || inside('apps')(it),
    ],
    [
      'the library runs without devDependencies',
      'whoever installs Perch has none of them, and the command alone is a bundle: move the package to dependencies',
      below('lib'),
      (it) => it.isOurs || it.target.startsWith('node:') || INSTALLED.has(it.target),
    ],
    [
      'the analyzer bundles no tool of development',
      'tests and builds alone may import it: do without, or say in docs/dependencies.md why the analyzer needs it',
      // Dashboards are made when they change, and committed.
      below('analyzer').filter((it) => !it.path.startsWith('analyzer/telemetry/dashboards/')),
      (it) => !TOOLS.has(it.target),
    ],
    [
      'the product does not import its tests',
      'move what is shared into lib or analyzer',
      PRODUCT,
      (it) => !inside('test')(it),
    ],
  ])('%s', (_, remedy, sources, allowed) => {
    expect(sources.length, 'the folder is not where this test looks').toBeGreaterThan(0);
    expect(offences(sources, allowed), remedy).toEqual([]);
  });

  test('no cycles', () => {
    const remedy =
      'a cycle has no order of reading: move what both sides need into a file of its own';
    expect(cycles(PRODUCT), remedy).toEqual([]);
  });

  test('a cycle would be found', () => {
    const of = (path: string, target: string): Source => ({
      path,
      text: '',
      code: '',
      imports: [{ target, isOurs: true, typesOnly: true }],
    });
    expect(cycles([of('a.ts', 'b.ts'), of('b.ts', 'c.ts'), of('c.ts', 'b.ts')])).toEqual([
      'b.ts → c.ts → b.ts',
    ]);
  });
});

/** Each cycle once, as a path. Types count: whoever reads a file reads what it names. */
function cycles(sources: readonly Source[]): readonly string[] {
  const targets = new Map(sources.map((it) => [it.path, it.imports.map((one) => one.target)]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) found.push([...way.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...way, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  return found;
}

describe('the core', () => {
  test.each<[string, RegExp, string]>([
    [
      'asks no clock',
      /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b/,
      'take `now` as an argument',
    ],
    ['draws nothing at random', /\bMath\.random\b|\brandomUUID\b/, 'take it as an argument'],
    ['reads no environment', /\bprocess\b/, 'take it as an argument'],
    [
      'waits for nobody',
      /\bawait\b|\basync\b|\bsetTimeout\b|\bPromise\b/,
      'the core is synchronous: ask in the shell',
    ],
    [
      'calls nobody',
      /\bfetch\(|\brequire\(|\bimport\(/,
      'ask in the shell, and hand the answer in',
    ],
    ['writes nothing', /\bconsole\b/, 'return it'],
  ])('%s', (_, impure, remedy) => {
    const all = [...below('analyzer/core'), ...below('lib/plan')];
    expect(
      all.filter((it) => impure.test(it.code)).map((it) => it.path),
      remedy,
    ).toEqual([]);
  });
});

describe('metric stores', () => {
  const written = below('analyzer/metrics')
    .filter((it) => /\bMetricStore\b/.test(it.code))
    .map((it) => basename(it.path, '.ts'))
    .filter((it) => it !== 'registry' && it !== 'store');

  test('are all registered', () => {
    expect(written, 'add its line to analyzer/metrics/registry.ts').toEqual(
      Object.keys(metricStoreKinds),
    );
  });

  test.each(Object.keys(metricStoreKinds))('%s is under the contract', (name) => {
    const path = `test/analyzer/metrics/${name}.test.ts`;
    const found = SOURCES.find((it) => it.path === path)?.text ?? '';
    expect(found, `call metricsContract of test/contract/metrics.ts in ${path}`).toMatch(
      /\bmetricsContract\(/,
    );
  });
});

describe('routers', () => {
  /** By their folders; with what each needs to be made at all. */
  const routers: Readonly<Record<string, Router>> = {
    'gateway-api': gatewayApi({ parentRefs: [] }),
    istio: istio(),
    kubernetes: kubernetes(),
  };
  const written = below('lib/traffic').filter((it) => /\): Router \{/.test(it.code));

  test('have a folder each', () => {
    expect(
      written.map((it) => dirname(it.path)),
      'put it into lib/traffic/<router>/, and add it to the list above',
    ).toEqual(Object.keys(routers).map((it) => `lib/traffic/${it}`));
  });

  test('are read in a simulated cluster', () => {
    const reach = SOURCES.find((it) => it.path === 'analyzer/simulated/reach.ts');
    expect(
      reach?.imports.map((it) => it.target),
      'write how its routes are read in its reach.ts, and list that in analyzer/simulated/reach.ts',
    ).toEqual(expect.arrayContaining(written.map((it) => `${dirname(it.path)}/reach.ts`)));
  });

  test.each(written.map((it) => it.path))('%s is under the contract', (path) => {
    const tests = `test/${path.replace(/\.ts$/, '.test.ts')}`;
    const found = SOURCES.find((it) => it.path === tests)?.text ?? '';
    expect(found, `call routerContract of test/contract/routers.ts in ${tests}`).toMatch(
      /\brouterContract\(/,
    );
  });

  test('are known by what they say of themselves', () => {
    // What schemas and rules there are, which kinds have no namespace, what a hostile plan may hold, and which kinds a
    // simulated cluster has are not about routing.
    const allowed = [
      'lib/validation/schema.ts',
      'lib/validation/rules/rules.ts',
      'lib/validation/rules/routes.ts',
      'lib/plan/scope.ts',
      'lib/plan/policy.ts',
      'analyzer/simulated/served-kinds.ts',
    ];
    const names = Object.values(routers).flatMap(({ kinds, groups }) => [
      ...kinds.filter((it) => it.group !== '').map((it) => it.kind),
      ...groups.map((it) => (it.endsWith('.k8s.io') ? it : it.split('.').slice(-2).join('.'))),
    ]);
    const shared = [...below('lib'), ...below('analyzer')].filter(
      (it) => !/^lib\/traffic\/.*\//.test(it.path) && !allowed.includes(it.path),
    );
    const found = shared.filter(({ text }) => {
      const code = text.replace(BLOCK_COMMENT, '').replace(LINE_COMMENT, '$1').replaceAll('\\', '');
      return names.some((it) => code.includes(it));
    });
    expect(
      found.map((it) => it.path),
      'ask the router for its kinds or groups instead of naming a product’s',
    ).toEqual([]);
  });
});

describe('every file', () => {
  test('has at most 400 lines, and a test with its tables 600', () => {
    const most = (path: string) => (path.startsWith('test/') ? 600 : 400);
    const long = SOURCES.filter((it) => it.text.split('\n').length > most(it.path) + 1);
    expect(
      long.map((it) => it.path),
      'split it: one noun a file',
    ).toEqual([]);
  });

  test.each<[string, RegExp, string]>([
    [
      'has no `any`',
      /(?::|\bas|<|\||&|,)\s*any\b(?!\s*[:(])/,
      'say what it is, or `unknown` and parse it',
    ],
    [
      'claims nothing with `!`',
      /[\w)\]]!(?=[.,;)\]}[]|\s*$)/m,
      'handle the case in which it is undefined',
    ],
    [
      'casts nothing through `unknown`',
      /\bas unknown as\b/,
      'parse it with zod, or write a type guard',
    ],
    [
      'replaces what a rollout is made of through `withRollout`',
      /(?<!\bwithRollout\()\{\s*\.\.\.(?:\w+\.)*\w*[sS]ituation,(?:[^{}]*,)?\s*(?:id|state|plan|stable|live)\s*[,:}]/,
      'a spread keeps the old rollout: make the situation with withRollout of analyzer/core/rollout.ts',
    ],
    [
      'replaces nothing by a text that is not written there',
      /\.replace(?:All)?\(\s*(?:''|[A-Z_]+|\/(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\n[])+\/[a-z]*|\w+),(?!\s*(?:''|\(|\w+ =>|quote === ''))/,
      'in a replacement `$&` has a meaning: hand over a function that returns the text',
    ],
  ])('%s', (_, bad, remedy) => {
    const all = PRODUCT.filter((it) => bad.test(it.code)).map((it) => it.path);
    expect(all, remedy).toEqual([]);
  });

  test('makes no pattern of data', () => {
    // Only there a pattern is checked that an author wrote as one; it is never matched against anything.
    const allowed = ['lib/traffic/istio/match.ts'];
    const all = PRODUCT.filter((it) => /\bRegExp\(/.test(it.code)).map((it) => it.path);
    expect(all, 'compare texts: a name can be a pattern that never ends').toEqual(allowed);
  });

  test('gives git no name that it could take for a pattern', () => {
    const starts = PRODUCT.filter((it) =>
      it.imports.some(({ target }) => target === 'node:child_process'),
    );
    // The first runs helm, the second what a kubeconfig names, the third what installs packages; none runs git.
    expect(
      starts.map((it) => it.path),
      'start git with startGit, which sets --literal-pathspecs',
    ).toEqual([
      'lib/include/helm-command.ts',
      'analyzer/cluster/plugin.ts',
      'analyzer/commands/init.ts',
      'analyzer/git/identity.ts',
      'analyzer/git/running.ts',
    ]);
    const command = PRODUCT.find((it) => it.path === 'analyzer/git/command.ts');
    expect(command?.text).toContain('--literal-pathspecs');
  });

  test('speaks HTTP through analyzer/http/ alone', () => {
    const remedy = 'use send of analyzer/http/client.ts, which has limits and shows no secrets';
    const transport = /^(node-fetch|undici|node:(http2?|https|net|tls))$/;
    const importing = PRODUCT.filter(({ imports }) =>
      imports.some((it) => transport.test(it.target) && !it.typesOnly),
    );
    expect(
      importing.map((it) => it.path),
      remedy,
    ).toEqual([
      'analyzer/http/client.ts',
      'analyzer/http/connection.ts',
      // It is asked, and asks nobody.
      'analyzer/telemetry/server.ts',
    ]);
    // Methods of that name, such as a repository's, are called on something, or defined without a first argument.
    const calling = PRODUCT.filter((it) =>
      /(?<![.\w])fetch\(\s*[^)\s]|\bglobalThis\s*\.\s*fetch\b/.test(it.code),
    );
    expect(
      calling.map((it) => it.path),
      remedy,
    ).toEqual(['analyzer/http/client.ts']);
  });

  test('loads the transport of HTTP late, as an idle pass asks nobody', () => {
    const early = PRODUCT.filter((it) => /^import (?!type )[^;]*'node-fetch'/m.test(it.text));
    expect(
      early.map((it) => it.path),
      'load it with import() where it is used',
    ).toEqual([]);
  });

  test('prints nothing past analyzer/commands/terminal.ts', () => {
    const remedy = 'say it with analyzer/commands/terminal.ts, which cleans what others wrote';
    const prints = /\bconsole\s*\.|\bprocess\s*\.\s*std(?:out|err)\b/;
    const all = PRODUCT.filter((it) => prints.test(it.code)).map((it) => it.path);
    // Synth says one line for each folder.
    expect(all, remedy).toEqual(['lib/apps.ts', 'analyzer/commands/terminal.ts']);
  });

  test('leaves nothing to do', () => {
    const open = new RegExp(`\\b(${['TO', 'DO'].join('')}|FIX${'ME'}|XX${'X'})\\b`);
    const all = SOURCES.filter((it) => open.test(it.text)).map((it) => it.path);
    expect(all, 'do it, or open an issue').toEqual([]);
  });

  test('exports nothing without a sentence', () => {
    expect(
      PRODUCT.filter((it) => !it.path.startsWith('apps/')).flatMap(undocumented),
      'say in one sentence what it is for',
    ).toEqual([]);
  });

  test('an index re-exports its own folder, and no more', () => {
    const odd = PRODUCT.filter((it) => basename(it.path) === 'index.ts').filter(
      (it) =>
        /^(?!export |import |\}|\s|$)/m.test(it.code) ||
        offences([it], (one) => !one.isOurs || inside(dirname(it.path))(one)).length > 0,
    );
    expect(
      odd.map((it) => it.path),
      'keep the code in a file with a noun',
    ).toEqual([]);
  });
});

/** `path: name` of each export without a doc comment; overloads share the first one's. */
function undocumented({ path, text }: Source): readonly string[] {
  const lines = text.split('\n');
  const named = lines.flatMap((line, index) => {
    const name = /^export (?:async |abstract )?(?:function|const|interface|type|class) (\w+)/.exec(
      line,
    )?.[1];
    return name === undefined
      ? []
      : [{ name, documented: isDocumented(lines[index - 1] ?? '', name) }];
  });
  return named
    .filter(({ name, documented }, index) => !documented && named[index - 1]?.name !== name)
    .map(({ name }) => `${path}: ${name}`);
}

/** A schema right below the type that it infers has that type's sentence. */
function isDocumented(above: string, name: string): boolean {
  return above.trimEnd().endsWith('*/') || above.includes(`z.infer<typeof ${name}>`);
}

test('no object is matched against a bare pattern, which matches anything', () => {
  const bare = /toMatchObject\(\{[^}]*?\w: \/[^/\n]+\/[a-z]*\s*[,}]/;
  const found = SOURCES.filter((it) => it.path !== 'test/tidy.test.ts' && bare.test(it.text));
  expect(
    found.map((it) => `${it.path}: use expect.stringMatching(/…/) inside toMatchObject`),
  ).toEqual([]);
});

describe('what the core of the end-to-end suite leaves out', () => {
  /** Whether a test of the file has this title; one that is made of a table's row begins or ends in the same words. */
  const has = (text: string, title: string) =>
    text.includes(`'${title}'`) ||
    [...text.matchAll(/'([^'\n]*)(?:%s|\$\w+)([^'\n]*)'/g)].some(
      ([, start = '', end = '']) =>
        `${start}${end}`.length > 5 && title.startsWith(start) && title.endsWith(end),
    );

  test.each(LEFT_OUT)('is in $file', ({ file, titles = [] }) => {
    const remedy =
      'write it in test/e2e/core.ts as it is there; no other file may have such a title';
    const path = `test/e2e/${file}`;
    const found = SOURCES.find((it) => it.path === path)?.text ?? '';
    expect(found, `there is no ${path}`).not.toBe('');
    expect(
      titles.filter((it) => !has(found, it)),
      remedy,
    ).toEqual([]);
    const others = below('test/e2e').filter((it) => ![path, 'test/e2e/core.ts'].includes(it.path));
    expect(
      others
        .filter(({ text }) => titles.some((it) => text.includes(`'${it}'`)))
        .map((it) => it.path),
      remedy,
    ).toEqual([]);
  });

  test('is told from what is in it', () => {
    const [title = ''] = LEFT_OUT.flatMap((it) => it.titles ?? []);
    for (const it of [title, `outer ${title}`, `${title} inner`]) expect(it).not.toMatch(IN_CORE);
    for (const it of ['any other', `${title}s`, `not-${title}`]) expect(it).toMatch(IN_CORE);
  });
});
