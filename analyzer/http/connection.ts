import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';

/** Over which connection a request goes, and whom it trusts. */
export type Connection =
  /** Kept for the next request; asked once more where the other side closed it in that moment. */
  | { readonly kind: 'kept'; readonly authorities?: Authorities | undefined }
  /** One for each attempt alone, so that a connection that breaks off always says something of this very request. */
  | { readonly kind: 'own'; readonly authorities?: Authorities | undefined }
  /** Kept by an agent that has more to it, such as client certificates or a proxy. */
  | { readonly kind: 'agent'; readonly agent: Agent };

/**
 * Reads the authorities to trust instead of the system's, as PEM text; at each use, so that they can be rotated.
 *
 * @throws FileError
 */
export type Authorities = () => Promise<string>;

/** What Node connects with; undefined is its own agent, which keeps connections. @throws FileError */
export async function agentOf(
  connection: Connection,
  { protocol }: URL,
): Promise<Agent | undefined> {
  if (connection.kind === 'agent') return connection.agent;
  const ca = await connection.authorities?.();
  if (connection.kind === 'kept') return ca === undefined ? undefined : keptFor(ca);
  if (ca !== undefined) return new TlsAgent({ ca });
  return protocol === 'https:' ? new TlsAgent() : new Agent();
}

// One agent for each text of authorities, so that connections are kept; a rotated file brings a new one.
const agents = new Map<string, TlsAgent>();

/** More than any analyzer has files of authorities. */
const MOST_AGENTS = 20;

function keptFor(ca: string): TlsAgent {
  const agent = agents.get(ca) ?? new TlsAgent({ ca, keepAlive: true });
  // The one that was used last stands last.
  agents.delete(ca);
  agents.set(ca, agent);
  const [oldest] = agents;
  if (oldest !== undefined && agents.size > MOST_AGENTS) {
    agents.delete(oldest[0]);
    oldest[1].destroy();
  }
  return agent;
}
