import { once } from 'node:events';
import { createServer } from 'node:net';

/** Simulated pods get their addresses from here; `enter.ts` makes all of them local. */
export const POD_NETWORK = '10.0.0.0/16';

/** Set by `enter.ts` inside a network namespace of its own: `root`, or `user` in a user namespace. */
export const INSIDE = 'PERCH_STACK_NETWORK';

/**
 * Why servers cannot answer at the addresses of pods here, and what to do; nothing when they can.
 * Outside of a network namespace of its own it is never tried: these addresses may be somebody's.
 */
export async function missingNetwork(): Promise<string | undefined> {
  const remedy =
    'Run the tests through `npm run test:e2e`, as root or where unprivileged user namespaces are ' +
    'allowed (sysctl kernel.unprivileged_userns_clone=1, or user.max_user_namespaces above 0), ' +
    'with unshare (util-linux) and ip (iproute2) on PATH.';
  if (process.env[INSIDE] === undefined) {
    return `Traffic to pods cannot be played: not in a network namespace of its own. ${remedy}`;
  }
  if (await isLocal('10.0.255.254')) return undefined;
  return `Traffic to pods cannot be played: ${POD_NETWORK} is not local. ${remedy}`;
}

async function isLocal(address: string): Promise<boolean> {
  const server = createServer().listen(0, address);
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
