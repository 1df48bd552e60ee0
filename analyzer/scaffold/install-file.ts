import type { Choices } from './choices.ts';

/** `apps/perch.ts`: what syncs `live/`, and the analyzer. */
export function installFile(choices: Choices & { readonly sync: 'flux' | 'argo-cd' }): string {
  const { sync, repository, prometheus } = choices;
  const { name, props, nudge } = SYNCS[sync];
  return `import type { Construct } from 'constructs';
import { Analyzer, ${name}, images, Manifests } from 'perch';

const image = images(new URL('images.yaml', import.meta.url));

/** The repository with dist/, rollouts/ and live/. The analyzer pushes to its branch main. */
const repository = { url: ${literal(repository)} };

/** Perch itself: the sync objects of all releases, and the analyzer. \`kubectl apply -k dist/perch\` installs it. */
export function perch(scope: Construct): Manifests {
  return new Manifests(scope, 'perch', (folder, plans) => {
    const sync = ${name}(folder, ${props});
    new Analyzer(folder, 'analyzer', {
      plans,
      sync,
      image: image('perch'),
      run: repository,
      // A Secret that you make by hand, with one line: https://<user>:<token>@<host>
      git: { credentials: { secret: 'perch-git', key: 'credentials' } },
      metrics: { url: ${literal(prometheus)} },
      events: true,${nudge}
    });
  });
}
`;
}

interface SyncText {
  readonly name: string;
  readonly props: string;
  readonly nudge: string;
}

const SYNCS: Readonly<Record<'flux' | 'argo-cd', SyncText>> = {
  flux: {
    name: 'flux',
    props: `{
      plans,
      run: repository,
      // Secrets in flux-system that you make by hand: username and password to read the repository, and a token by
      // which the analyzer tells Flux to look at once.
      secret: 'releases-read',
      receiverSecret: 'perch-receiver',
    }`,
    nudge: '',
  },
  'argo-cd': {
    name: 'argoCd',
    props: '{ plans, run: repository }',
    nudge: `
      // The address of Argo CD's webhook makes it look at once; its secret is a Secret that you make by hand.
      // nudge: { urls: ['https://argocd.example.com/api/webhook'], secret: { secret: 'perch-nudge', key: 'token' } },`,
  },
};

/** As a string of TypeScript. */
function literal(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
