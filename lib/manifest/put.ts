import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Manifest } from './json.ts';

/** Adds a plain object below a scope, under an id that its kind, namespace and name make unique. */
export function put(scope: Construct, object: Manifest): void {
  const { kind, metadata } = object;
  const id = [kind, metadata.namespace, metadata.name].filter((it) => it !== undefined).join(' ');
  new ApiObject(scope, id, object);
}
