import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../lib/manifest/json.ts';
import { placed, titleOf } from '../contract/validation/case.ts';
import { CASES } from '../contract/validation/cases.ts';
import { assetPath, missingAssets } from './servers/assets.ts';
import {
  istioCrdsPath,
  type Kubernetes,
  missingKubernetes,
  startKubernetes,
} from './servers/kubernetes.ts';
import { isMissing } from './servers/missing.ts';

const missing =
  missingKubernetes(['istio-crds.yaml']) ?? missingAssets('Kubernetes', ['gateway-api-crds.yaml']);
describe('the rules of synth on a real API server', { skip: isMissing(missing) }, () => {
  let server: Kubernetes;
  let dryRun: (object: Manifest) => Promise<string | undefined>;

  beforeAll(async () => {
    server = await startKubernetes({ crds: [istioCrdsPath(), assetPath('gateway-api-crds.yaml')] });
    dryRun = applierOf(server);
  }, 60_000);
  afterAll(() => server?.stop());

  // The same table is held against synth in test/lib/validation/rules.test.ts.
  test('it refuses each object that breaks a rule, and takes each at the edge', async () => {
    const odd: string[] = [];
    await Promise.all(
      CASES.flatMap((it) => [
        ...it.wrong.map(async (value) => {
          if ((await dryRun(placed(it, value))) !== undefined) return;
          odd.push(`takes ${titleOf(it)} ${JSON.stringify(value)?.slice(0, 200)}`);
        }),
        ...it.right.map(async (value) => {
          const refusal = await dryRun(placed(it, value));
          if (refusal === undefined) return;
          odd.push(`refuses ${titleOf(it)} ${JSON.stringify(value)?.slice(0, 200)}: ${refusal}`);
        }),
      ]),
    );
    expect(odd.sort().join('\n')).toBe('');
  }, 60_000);
});

/** Applies objects as Flux does, without effect, over a few connections; says what the server refuses. */
function applierOf({ url, token, certificate }: Kubernetes) {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca: certificate });
  const send = (path: string, body?: string) =>
    new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/apply-patch+yaml' }),
      };
      const method = body === undefined ? 'GET' : 'PATCH';
      request(`${url}${path}`, { agent, method, headers }, (response) => {
        const { statusCode: status = 0 } = response;
        text(response).then((it) => resolve({ status, body: it }), reject);
      })
        .on('error', reject)
        .end(body);
    });
  const folders = new Map<string, Promise<ReadonlyMap<string, string>>>();
  const folderOf = (apiVersion: string) =>
    apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const resources = async (apiVersion: string): Promise<ReadonlyMap<string, string>> => {
    const { body } = await send(folderOf(apiVersion));
    const { resources: all } = JSON.parse(body) as {
      readonly resources: readonly { readonly kind: string; readonly name: string }[];
    };
    return new Map(all.filter((it) => !it.name.includes('/')).map((it) => [it.kind, it.name]));
  };
  return async ({ apiVersion, kind, metadata, ...rest }: Manifest): Promise<string | undefined> => {
    const known = folders.get(apiVersion) ?? resources(apiVersion);
    folders.set(apiVersion, known);
    const plural = (await known).get(kind);
    if (plural === undefined) throw new Error(`the server has no ${apiVersion} ${kind}`);
    const name = encodeURIComponent(metadata.name);
    const query = 'dryRun=All&fieldManager=test&force=true&fieldValidation=Strict';
    const { status, body } = await send(
      `${folderOf(apiVersion)}/namespaces/default/${plural}/${name}?${query}`,
      JSON.stringify({ apiVersion, kind, metadata, ...rest }),
    );
    if (status < 300) return undefined;
    const { message } = JSON.parse(body) as { readonly message: string };
    // Anything else is no judgement.
    if (![400, 422, 500].includes(status)) throw new Error(`HTTP ${status}: ${message}`);
    return message;
  };
}
