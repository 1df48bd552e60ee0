import { type Content, git } from './git.ts';
import { distFiles, type Version } from './releases.ts';
import type { Outcome, Scenario, Stage } from './scenario.ts';
import { conclude, rollsBack } from './ways.ts';
import type { World } from './world.ts';

const BAD: Version = { temper: 'bad', number: 2 };

/** From the merge of a bad version to the end of its rollback, while hostile files lie beside it. */
const BACK_SECONDS = 45;

const PROMISE = `another release's rollback ends within ${BACK_SECONDS} s of its merge, SIGTERM is heard, and verify judges it`;

/** Texts that no plan and no state should be. */
const TEXTS: readonly (readonly [name: string, text: () => string | Buffer])[] = [
  ['20000 keys', () => keys(20_000)],
  ['4 MB of keys', () => keys(300_000)],
  ['1.9 MB of [', () => '['.repeat(1_900_000)],
  ['1.9 MB of {', () => '{a: '.repeat(475_000)],
  ['1.9 MB of - ', () => '- '.repeat(950_000)],
  ['deep maps', () => Array.from({ length: 1500 }, (_, it) => `${' '.repeat(it)}a:\n`).join('')],
  ['aliases', aliases],
  ['anchors', () => Array.from({ length: 50_000 }, (_, it) => `k${it}: &a${it} x\n`).join('')],
  ['a huge string', () => `version: 1\nrelease: "${'x'.repeat(3_000_000)}"\n`],
  ['a huge number', () => `version: 1\ntransition: ${'9'.repeat(100_000)}\n`],
  ['blanks', () => ' '.repeat(1_900_000)],
  ['comments', () => '#\n'.repeat(900_000)],
  ['documents', () => '---\n'.repeat(450_000)],
  ['not UTF-8', () => Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a])],
  ['nothing', () => ''],
  ['a list', () => '- a\n- b\n'],
  ['__proto__', () => '__proto__: {release: x}\nconstructor: {prototype: {}}\nversion: 1\n'],
];

/** Names of releases that nobody should choose, in Latin-1 where they are not UTF-8. */
const NAMES: readonly string[] = [
  'back\\slash',
  'line\nbreak',
  '"quotes\'',
  'tab\tand\x07bell',
  'not-utf8-\xff\xfe',
  '((a+)+)$',
  '[a-z]*',
  '--help',
  '-',
  '.gitmodules',
  '.GIT',
  'git~1',
  '...',
  'x'.repeat(4000),
  'sp ace',
  '%2e%2e%2f',
  '$(id)',
  '{release}',
  ':(top)',
  `${'a'.repeat(30)}!`,
  '__proto__',
  'constructor',
];

/** Files in Git that an attacker, or an accident, has written. */
export const hostile: readonly Scenario[] = [
  together('hostile/plans', `hostile plans of other releases: ${PROMISE}`, hostilePlans),
  together('hostile/numbers', `plans with NaN and infinite numbers: ${PROMISE}`, strangeNumbers),
  together('hostile/states', `hostile state files of other releases: ${PROMISE}`, hostileStates),
  together(
    'hostile/names',
    `hostile names in live/, rollouts/ and dist/: ${PROMISE}`,
    hostileNames,
  ),
  together('hostile/links', `links and submodules in all places: ${PROMISE}`, links),
  ...TEXTS.map(
    ([name]): Scenario => ({
      ...together(`hostile/plan of ${name}`, `a plan of ${name}: ${PROMISE}`, async (world) =>
        (await hostilePlans(world)).filter(([path]) => path.includes(idOf(name))),
      ),
      tries: { short: 0, long: 1 },
    }),
  ),
  ...TEXTS.map(
    ([name]): Scenario => ({
      ...together(
        `hostile/state of ${name}`,
        `a state file of ${name}: ${PROMISE}`,
        async (world) => (await hostileStates(world)).filter(([path]) => path.includes(idOf(name))),
      ),
      tries: { short: 0, long: 1 },
    }),
  ),
];

type Files = readonly (readonly [path: string, content: Content])[];

/** All of them at once, beside a release that needs its rollback. */
function together(
  name: string,
  promise: string,
  files: (world: World) => Promise<Files>,
): Scenario {
  return {
    name,
    promise,
    run: async (stage: Stage): Promise<Outcome> => {
      const world = await stage.open({ releases: ['alpha', 'beta'] });
      const all = await files(world);
      await world.edit({ subject: 'as an attacker would', files: all });
      await world.release('alpha', BAD);
      const analyzer = world.analyzer();
      const expected = [rollsBack('alpha', BAD)];
      const seen = `${all.length} hostile files`;
      const outcome = await conclude(world, expected, BACK_SECONDS, seen, 'expected');
      const died = analyzer.stderr().trim();
      const problems = died === '' ? [] : [`the analyzer complained: ${died.slice(0, 300)}`];
      return { ...outcome, problems: [...outcome.problems, ...problems] };
    },
  };
}

function idOf(name: string): string {
  return `evil-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-end`;
}

async function hostilePlans(_: World): Promise<Files> {
  return TEXTS.map(([name, text]) => [`dist/${idOf(name)}/plan.yaml`, text()] as const);
}

/** Right plans, but for one number each. */
async function strangeNumbers(_: World): Promise<Files> {
  const values = ['.nan', '.inf', '-.inf', '-1', '1e400', '9007199254740993', '0x7fffffffffffffff'];
  const fields = ['checkSeconds', 'threshold', 'bakeSeconds', 'windowSeconds', 'canary', 'min'];
  const files: (readonly [string, Content])[] = [];
  for (const [index, value] of values.entries())
    for (const field of fields) {
      const id = `number-${field.toLowerCase()}-${index}`;
      for (const [path, text] of await distFiles(id, { temper: 'good', number: 1 })) {
        const isPlan = path.endsWith('/plan.yaml');
        const line = new RegExp(`^( *(?:- )?${field}): .*$`, 'gm');
        files.push([path, isPlan ? text.replace(line, `$1: ${value}`) : text]);
      }
    }
  return files;
}

/** Releases that beta would be, but for their state. */
async function hostileStates(world: World): Promise<Files> {
  const tree = (path: string) => git(world.repository, ['rev-parse', `main:${path}`]);
  const [plan, stable, live] = await Promise.all([
    tree('rollouts/beta/plan'),
    tree('rollouts/beta/stable'),
    tree('live/beta'),
  ]);
  return TEXTS.flatMap(([name, text]): Files => {
    const id = idOf(name);
    return [
      [`rollouts/${id}/plan`, { tree: plan }],
      [`rollouts/${id}/stable`, { tree: stable }],
      [`live/${id}`, { tree: live }],
      [`rollouts/${id}/state.yaml`, text()],
    ];
  });
}

async function hostileNames(_: World): Promise<Files> {
  return NAMES.flatMap(
    (name): Files => [
      [`live/${name}/a.yaml`, 'kind: ConfigMap\n'],
      [`rollouts/${name}/state.yaml`, 'transition: 1\n'],
      [`dist/${name}/plan.yaml`, 'version: 1\n'],
      [`dist/evil-files/${name}`, 'x\n'],
      [`live/evil-files/${name}`, 'x\n'],
      [`rollouts/evil-files/plan/${name}`, 'x\n'],
    ],
  );
}

async function links(world: World): Promise<Files> {
  const submodule = await git(world.repository, ['rev-parse', 'main']);
  const places = [
    'dist/linked',
    'live/linked',
    'rollouts/linked',
    'dist/x/plan.yaml',
    'live/x/a.yaml',
  ];
  const inside = ['rollouts/x/state.yaml', 'rollouts/y/plan', 'rollouts/y/stable', 'dist/y/steps'];
  return [...places, ...inside].flatMap(
    (path): Files => [
      [path, { link: '../../../../../etc/passwd' }],
      [path.replace(/^(\w+)\/(\w+)/, '$1/$2-module'), { submodule }],
    ],
  );
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, it) => `key-${it}: v\n`).join('');
}

/** A hundred lines that stand for 9^30 values. */
function aliases(): string {
  const first = `a0: &a0 [${'x,'.repeat(9)}]\n`;
  const line = (_: unknown, it: number) => `a${it + 1}: &a${it + 1} [${`*a${it},`.repeat(9)}]\n`;
  return first + Array.from({ length: 30 }, line).join('');
}
