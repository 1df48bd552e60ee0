import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plan } from '../analyzer/core/fixture.ts';
import { openField } from '../analyzer/field.ts';
import { git, scratch } from '../analyzer/git/fixture.ts';
import { type EmbeddedApiServer, startApiServer } from '../embedded/api-server.ts';
import { type GitServer, startGitServer } from '../embedded/git-server.ts';
import { isMissing } from './servers/missing.ts';

/** What the image promises, as far as it can be shown where no image can be built: see docs/security.md. */

const ROOT = resolve(import.meta.dirname, '../..');
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

function found(program: string): string | undefined {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets !== undefined && existsSync(join(assets, program))) return join(assets, program);
  const { stdout, status } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

const hadolint = found('hadolint');
const noHadolint =
  hadolint === undefined
    ? 'hadolint, which lints the Dockerfile, is neither in KUBEBUILDER_ASSETS nor on PATH: run .ci/servers/install'
    : undefined;

test.skipIf(isMissing(noHadolint))('the Dockerfile has nothing that hadolint minds', () => {
  const { stdout, status } = spawnSync(hadolint ?? '', ['Dockerfile'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([0, '']);
});

describe('the bundle', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await scratch();
  });

  test('has the same bytes in two folders, and says what it was made from', async () => {
    const built = ['one', 'another/and-deeper'].map((name, index) => buildIn(name, index));
    const [one = { bytes: Buffer.of(), path: '' }, other = one] = built;
    expect(one.bytes.length).toBeGreaterThan(100_000);
    expect(one.bytes.equals(other.bytes)).toBe(true);
    expect(one.bytes.includes(Buffer.from(one.path))).toBe(false);
    const said = execFileSync(
      process.execPath,
      [join(one.path, 'build/perch.cjs'), 'version', '--json'],
      { encoding: 'utf8' },
    );
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(JSON.parse(said)).toEqual({ version, commit: 'a'.repeat(40) });
  });

  /** Builds from what .dockerignore lets into the image, with packages that lie in a folder of their own. */
  function buildIn(name: string, index: number): { readonly path: string; readonly bytes: Buffer } {
    const path = join(folder, String(index), name);
    mkdirSync(path, { recursive: true });
    for (const it of contextPaths())
      execFileSync('cp', ['--parents', '-r', it, path], { cwd: ROOT });
    // Linked files, but folders of their own: a link to the folder would be followed to one and the same path.
    const linked = spawnSync('cp', ['-al', join(ROOT, 'node_modules'), path]);
    if (linked.status !== 0) execFileSync('cp', ['-r', join(ROOT, 'node_modules'), path]);
    const env = { ...process.env, PERCH_COMMIT: 'a'.repeat(40) };
    // The command alone, as the Dockerfile builds it.
    execFileSync(process.execPath, ['.ci/build.js', 'build/perch.cjs'], { cwd: path, env });
    return { path, bytes: readFileSync(join(path, 'build/perch.cjs')) };
  }
});

function contextPaths(): readonly string[] {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  return lines.filter((it) => it.startsWith('!')).map((it) => it.slice(1));
}

const noSandbox =
  process.getuid?.() !== 0 || ['unshare', 'setpriv', 'mount'].some((it) => found(it) === undefined)
    ? 'a read-only file system for another user needs root, unshare, setpriv and mount: run as root, or in a privileged container'
    : undefined;

/** The user that the image runs as. */
const USER = Number(/^USER (\d+):\d+$/m.exec(DOCKERFILE)?.[1]);

describe('in a sandbox like the image’s', { skip: isMissing(noSandbox) }, () => {
  let server: GitServer;
  let api: EmbeddedApiServer;
  let work: string;
  let key: string;
  beforeAll(async () => {
    server = await startGitServer();
    api = await startApiServer({ clock: () => Date.now() / 1000 });
    work = await scratch();
    chmodSync(work, 0o755);
    mkdirSync(join(work, 'tmp'));
    execFileSync(process.execPath, ['.ci/build.js', join(work, 'perch')], { cwd: ROOT });
    key = join(work, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
    chownSync(key, USER, USER);
    writeFileSync(join(work, 'kubeconfig'), readFileSync(api.kubeconfigPath), { mode: 0o444 });
    const entry = /echo '(perch:x:.*)' >> \/etc\/passwd/.exec(DOCKERFILE)?.[1] ?? '';
    writeFileSync(join(work, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}${entry}\n`, {
      mode: 0o444,
    });
    const field = await openField(server.folder);
    field.now = Date.now() / 1000 - 60;
    await field.release({ app: plan('v1') });
  });
  afterAll(async () => {
    await server?.stop();
    await api?.stop();
  });

  /** So much memory is enough for an analyzer with one release, with the git that it starts. */
  const LIMIT = 160 * 1024 ** 2;

  /** Runs something in the sandbox; everything is undone when it ends, as it has mounts of its own. */
  async function sandbox(...command: readonly string[]) {
    const group = memoryGroup(LIMIT);
    const child = spawn('unshare', ['--mount', 'sh', '-c', SANDBOX, 'sh', ...command], {
      env: {
        PATH: process.env.PATH,
        HOME: join(work, 'tmp'),
        TMPDIR: join(work, 'tmp'),
        GIT_CONFIG_NOSYSTEM: '1',
        WORK: work,
        USER_ID: String(USER),
        GROUP: group?.path ?? '',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [[code], stdout, stderr] = await Promise.all([
      once(child, 'close'),
      text(child.stdout),
      text(child.stderr),
    ]);
    return { code, stdout, stderr, mostBytes: group?.end() };
  }

  test('nothing but the folder for temporary files can be written, and nobody has a capability', async () => {
    const probe =
      'id -u; touch "$WORK/x" /usr/x /etc/x; touch "$TMPDIR/x" && echo tmp; grep CapEff /proc/self/status';
    const { stdout, stderr } = await sandbox('sh', '-c', probe);
    expect(stdout).toMatch(new RegExp(`^${USER}\ntmp\nCapEff:\t0{16}\n$`));
    expect(stderr.match(/Read-only file system/g)).toHaveLength(3);
  });

  test('a whole pass works: fetch, decide, sign, push; then read the cluster', async () => {
    const analyze = [
      ...[
        join(work, 'perch'),
        'analyze',
        '--once',
        '--repo',
        server.url,
        '--kubeconfig',
        join(work, 'kubeconfig'),
      ],
      ...['--signing-key', key, '--metrics', 'http://127.0.0.1:9'],
    ];
    const first = await sandbox(...analyze);
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toMatch(/"transition":"start"/);
    expect(git(server.folder, 'cat-file', 'commit', 'main')).toMatch(
      /^gpgsig -----BEGIN SSH SIGNATURE/m,
    );
    const second = await sandbox(...analyze);
    expect([second.code, second.stderr]).toEqual([0, '']);
    expect(second.stdout).toMatch(/"decision":"hold".*00-init|init is not live yet/);
    expect(api.requests.length).toBeGreaterThan(3);
    const most = Math.max(first.mostBytes ?? 0, second.mostBytes ?? 0);
    console.info(
      most === 0
        ? 'no memory group could be made: the heap was limited, and memory was not'
        : `memory of a pass with all that it started: ${Math.round(most / 1e6)} MB of ${Math.round(LIMIT / 1e6)} MB`,
    );
  });
});

/** Node's own options are not the image's, but Kubernetes' limit ends what takes more; here a heap stands for it. */
const SANDBOX = `set -e
if [ -n "$GROUP" ]; then echo $$ > "$GROUP/cgroup.procs"; fi
mount --bind "$WORK/passwd" /etc/passwd
awk '{print $5}' /proc/self/mountinfo | grep -vE '^/(proc|sys|dev)(/|$)' | while read -r at; do
  mount -o remount,bind,ro "$at" 2>/dev/null || :
done
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$TMPDIR"
cd "$TMPDIR"
export NODE_OPTIONS=--max-old-space-size=64
exec setpriv --reuid="$USER_ID" --regid="$USER_ID" --clear-groups --no-new-privs \\
  --inh-caps=-all --bounding-set=-all -- "$@"`;

/** A group of processes with so much memory, where the kernel lets us make one; both of its interfaces are known. */
function memoryGroup(
  bytes: number,
): { readonly path: string; readonly end: () => number } | undefined {
  const kinds = [
    {
      root: '/sys/fs/cgroup/memory',
      limit: 'memory.limit_in_bytes',
      most: 'memory.max_usage_in_bytes',
    },
    { root: '/sys/fs/cgroup', limit: 'memory.max', most: 'memory.peak' },
  ];
  for (const { root, limit, most } of kinds) {
    const path = join(root, `perch-e2e-${process.pid}-${Date.now()}`);
    try {
      mkdirSync(path);
    } catch {
      continue;
    }
    const end = () => {
      const used = existsSync(join(path, most))
        ? Number(readFileSync(join(path, most), 'utf8'))
        : 0;
      rmdirSync(path);
      return used;
    };
    if (existsSync(join(path, limit))) {
      writeFileSync(join(path, limit), String(bytes));
      return { path, end };
    }
    end();
  }
  return undefined;
}
