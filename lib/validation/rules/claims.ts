import { type Json, listAt, objectAt } from '../../manifest/json.ts';
import { all, type Check, fields, items, needed, oneOf, own, wrong } from './check.ts';
import { labelSelector, subdomainOrNone } from './names.ts';
import { someQuantity } from './quantities.ts';

const ONE_POD = 'ReadWriteOncePod';

/** What a claim of storage must say. */
export const claimSpec: Check = all(
  needed('accessModes'),
  needed('resources', 'with requests.storage', (it) => {
    const requests = objectAt(it, 'resources', 'requests');
    return own(requests, 'storage') === undefined;
  }),
  wrong(
    'accessModes',
    ({ accessModes }) =>
      Array.isArray(accessModes) && accessModes.includes(ONE_POD) && new Set(accessModes).size > 1,
    `must have nothing beside ${ONE_POD}`,
    'keep one of them',
  ),
  fields({
    accessModes: items(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', ONE_POD)),
    resources: fields({ requests: fields({ storage: someQuantity }) }),
    selector: labelSelector,
    storageClassName: subdomainOrNone,
    volumeMode: oneOf('Block', 'Filesystem'),
  }),
);

/** The names of the claims that each pod of a StatefulSet gets, which are volumes too. */
export function claimNames(spec: Json): readonly string[] {
  return listAt(spec, 'volumeClaimTemplates').map((it) => String(objectAt(it, 'metadata').name));
}
