import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cloneAsAuthor } from '../../demo/author.ts';
import { assetPath } from '../servers/assets.ts';
import { INSIDE, missingNetwork } from './network.ts';
import { type ProcessId, processId } from './process-id.ts';
import { shop } from './shop.ts';
import { type Stack, startStack } from './stack.ts';

/** What `processes.json` says of a stack that is kept up. */
export interface Kept {
  /** Ends all others when it gets SIGTERM. */
  readonly keeper: ProcessId;
  readonly servers: readonly ProcessId[];
}

/**
 * Keeps a stack up until SIGTERM. `main.ts` starts it, in the background.
 *
 *     tsx test/e2e/stack/keep.ts FOLDER
 */
const folder = process.argv[2] ?? '';
const noNetwork = await missingNetwork();
if (noNetwork !== undefined) console.info(`\nWITHOUT ENVOY AND ARGO CD: ${noNetwork}\n`);

await writeKept(undefined);
const stack = await startStack({
  folder,
  prometheus: true,
  ...(noNetwork === undefined
    ? { sync: ['flux', 'argo-cd'], gateway: true }
    : { sync: ['flux'], crds: [assetPath('gateway-api-crds.yaml')] }),
});
await writeKept(stack);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
await playShop();
await write('ready.txt', guide());
// Timers and servers inside keep this process up.

async function end(): Promise<void> {
  await stack.stop();
  process.exit(0);
}

async function writeKept(started: Stack | undefined): Promise<void> {
  const pids = [...(started?.servers.values() ?? [])].map((it) => it.pid);
  const ids = [process.pid, ...pids].flatMap((pid) => (pid ? (processId(pid) ?? []) : []));
  const [keeper, ...servers] = ids;
  await write('processes.json', JSON.stringify({ keeper, servers }, null, 2));
}

/** Whole or not at all. */
async function write(name: string, text: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** An example: two tracks that Flux applies from `live/shop`. */
async function playShop(): Promise<void> {
  await stack.kubernetes.kubectl(['create', 'namespace', 'shop']);
  const author = await cloneAsAuthor(stack.git.urlFor('author'), join(folder, 'author'));
  await author.push({
    subject: 'shop: canary 10 %',
    at: Math.floor(Date.now() / 1000),
    replaces: [],
    files: new Map([['live/shop/shop.yaml', shop('shop', { canaryPercent: 10 })]]),
  });
  const { url, branch, users } = stack.git;
  const repository = { url, branch, user: users.sync };
  await stack.flux.follow({ name: 'shop', path: 'live/shop', repository, interval: '2s' });
}

function guide(): string {
  const { kubernetes, git, prometheus } = stack;
  const lines = [
    '',
    'The stack is up.',
    ...(noNetwork === undefined ? [`  enter its network   ${nsenter()}`] : []),
    `  kubectl             export KUBECONFIG=${kubernetes.kubeconfigPath}`,
    `                      alias kubectl=${assetPath('kubectl')}`,
    `  Git                 git clone ${git.urlFor('author')}`,
    `  Prometheus          ${prometheus.url}`,
    `  logs                ${folder}/*/*.log`,
    ...(noNetwork === undefined ? guideToTraffic() : []),
    `End it: npm run stack -- --down --folder ${folder}`,
    '',
  ];
  return lines.join('\n');
}

function guideToTraffic(): readonly string[] {
  const { gateway, argoCd, git } = stack;
  const request = `curl -s -H 'Host: shop.example.com' ${gateway.url}`;
  return [
    `  Envoy               ${request}`,
    `  Argo CD             ${argoCd.webhook.url.replace('/api/webhook', '')}`,
    'Two tracks of a shop are followed by Flux. Inside the network, count who answers, then change',
    'the weights in Git and count again:',
    `  for i in $(seq 200); do ${request}; done | sort | uniq -c`,
    `  git clone -q ${git.urlFor('author')} shop && cd shop`,
    `  sed -i 's/"weight": 90/"weight": 50/; s/"weight": 10/"weight": 50/' live/shop/shop.yaml`,
    `  git -c user.name=me -c user.email=me@example.com commit -qam 'canary 50 %' && git push -q`,
  ];
}

function nsenter(): string {
  const user = process.env[INSIDE] === 'user' ? ' --user --preserve-credentials' : '';
  return `nsenter --target ${process.pid} --net${user} bash`;
}
