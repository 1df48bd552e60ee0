import { type JsonObject, type Labels, labelsAt, listAt } from './json.ts';

/** Whether a label selector of the Kubernetes API selects an object with these labels; an empty one selects each. */
export function selects(selector: JsonObject, labels: Labels): boolean {
  return (
    hasAll(labels, labelsAt(selector, 'matchLabels')) &&
    listAt(selector, 'matchExpressions').every((it) => isMet(it, labels))
  );
}

/** Whether each of the wanted labels is there with its value. */
export function hasAll(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function isMet({ key, operator, values }: JsonObject, labels: Labels): boolean {
  const found = labels[String(key)];
  const isAmong = found !== undefined && Array.isArray(values) && values.includes(found);
  switch (operator) {
    case 'In':
      return isAmong;
    case 'NotIn':
      return !isAmong;
    case 'Exists':
      return found !== undefined;
    default:
      return found === undefined;
  }
}
