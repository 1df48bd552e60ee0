import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { Manifest } from './json.ts';

/** Adds a plain object below a scope, under an id that its kind, namespace and name make unique. */
export function put(scope: Construct, object: Manifest): ApiObject {
  const { kind, metadata } = object;
  const id = [kind, metadata.namespace, metadata.name].filter((it) => it !== undefined).join(' ');
  return new ApiObject(scope, freeId(scope, id), object);
}

/** A second construct of one id would throw at once; synth reports it with all other mistakes instead. */
export function freeId(scope: Construct, id: string): string {
  const wanted = id === '' ? '(no id)' : id;
  let free = wanted;
  for (let count = 2; scope.node.tryFindChild(free) !== undefined; count++)
    free = `${wanted} (${count})`;
  return free;
}
