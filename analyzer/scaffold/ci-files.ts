import type { Choices } from './choices.ts';

/** How each package manager installs what its lockfile says. */
const INSTALLS: Readonly<Record<Choices['packageManager'], string>> = {
  npm: 'npm ci',
  pnpm: 'corepack enable && pnpm install --frozen-lockfile',
  yarn: 'corepack enable && yarn install --immutable',
};

/** A job that type-checks, synthesizes, and proves that `dist/` is what `apps/` say. By path; empty for no CI. */
export function ciFiles({ ci, packageManager }: Choices): ReadonlyMap<string, string> {
  const install = INSTALLS[packageManager];
  const synth = `${packageManager} run synth`;
  switch (ci) {
    case 'github':
      return new Map([['.github/workflows/releases.yaml', github(install, synth)]]);
    case 'gitlab':
      return new Map([['.gitlab-ci.yml', gitlab(install, synth)]]);
    case 'none':
      return new Map();
  }
}

/** Lines of shell that fail where `dist/` is not what `apps/` say, and show what differs. */
function current(synth: string, indent: number): string {
  const lines = [
    'git add --intent-to-add dist',
    'git diff --exit-code --stat -- dist || {',
    `  echo "dist/ is not what apps/ say: run ${synth} and commit dist/"`,
    '  exit 1',
    '}',
  ];
  return lines.map((it) => ' '.repeat(indent) + it).join('\n');
}

function github(install: string, synth: string): string {
  return `name: releases
on:
  pull_request:
    paths-ignore: [live/**, rollouts/**]
permissions:
  contents: read
jobs:
  dist:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-node@v6
        with:
          node-version: 24
      - run: ${install}
      # Type-checks apps/, then renders dist/.
      - run: ${synth}
      - name: dist/ is what apps/ say
        run: |
${current(synth, 10)}
`;
}

function gitlab(install: string, synth: string): string {
  return `dist:
  image: node:24-bookworm
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - ${install}
    # Type-checks apps/, then renders dist/.
    - ${synth}
    - |
${current(synth, 6)}
`;
}
