import ours from '../../package.json' with { type: 'json' };
import type { Choices } from './choices.ts';
import { ciFiles } from './ci-files.ts';
import { installFile } from './install-file.ts';
import { functionName, releaseFile } from './release-file.ts';

/** What package.json must have; the rest of it is its owner's. */
export interface PackageParts {
  readonly type: 'module';
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  /** Which packages run a script when they are installed: npm 11 warns of each that is not listed. */
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const { devDependencies: pinned } = ours;

/** The scripts and packages of a repository of releases, in the versions that Perch is tested with. */
export const PACKAGE_PARTS: PackageParts = {
  type: 'module',
  scripts: { synth: 'tsc && tsx apps/main.ts', typecheck: 'tsc' },
  dependencies: {
    cdk8s: pinned.cdk8s,
    'cdk8s-plus-25': pinned['cdk8s-plus-25'],
    constructs: pinned.constructs,
    perch: ours.version,
  },
  devDependencies: {
    '@types/node': pinned['@types/node'],
    tsx: pinned.tsx,
    typescript: pinned.typescript,
  },
  allowScripts: ours.allowScripts,
};

/** Every file of a new repository but package.json, by path. */
export function projectFiles(choices: Choices): ReadonlyMap<string, string> {
  const { release, image, sync, packageManager } = choices;
  const installed =
    sync === undefined ? [] : [['apps/perch.ts', installFile({ ...choices, sync })] as const];
  return new Map([
    ['.gitattributes', GIT_ATTRIBUTES],
    ['.gitignore', 'node_modules/\n'],
    // The script checks types first, and is the one place that says how.
    ['cdk8s.yaml', `language: typescript\napp: ${packageManager} run synth\noutput: dist\n`],
    ['tsconfig.json', TSCONFIG],
    ['apps/images.yaml', imagesFile(release, image, sync !== undefined)],
    ['apps/main.ts', mainFile(release, sync !== undefined)],
    [`apps/${release}.ts`, releaseFile(choices)],
    ...installed,
    ...ciFiles(choices),
  ]);
}

const GIT_ATTRIBUTES = `# Rendered by \`npm run synth\`: pull requests fold it, and no byte of it is converted.
dist/** linguist-generated=true -text
live/** linguist-generated=true -text
rollouts/** linguist-generated=true -text
`;

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023"],
    "module": "nodenext",
    "types": ["node"],
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "strict": true,
    "skipLibCheck": true
  },
  "include": ["apps"]
}
`;

function imagesFile(release: string, image: string, isInstalled: boolean): string {
  const lines = [`${release}: ${image}`];
  // The image of the analyzer is built from the Dockerfile of Perch, and pushed to a registry of the team's own.
  if (isInstalled) lines.push(`perch: example/perch:${ours.version}`);
  return `# One line for each image: name: image:tag. The files in apps/ ask for it by name.
${lines.sort().join('\n')}
`;
}

function mainFile(release: string, isInstalled: boolean): string {
  const name = functionName(release);
  const imports = [`import { ${name} } from './${release}.ts';`];
  if (isInstalled) imports.push(`import { perch } from './perch.ts';`);
  const last = isInstalled
    ? '// Behind the releases: it makes a sync object for each of them.\nperch(apps);\n'
    : '';
  return `import { Apps } from 'perch';
${imports.sort().join('\n')}

// Every release of this repository. \`npm run synth\` renders their plans to dist/.
const apps = new Apps();
${name}(apps);
${last}await apps.synth();
`;
}
