import {
  Composer,
  CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type YAMLMap,
} from 'yaml';
import { quote } from './plain.ts';

/** How large a document may be. What follows from it is time and memory: see docs/security.md, "Limits". */
export interface YamlLimits {
  /** Of the whole text. */
  readonly characters: number;
  /** Words and signs: each costs some microseconds and half a kilobyte. */
  readonly tokens: number;
  /** Collections inside of each other. */
  readonly depth: number;
}

/** Half as much again as the plan of a release of 1,000 files and twelve steps needs. */
export const YAML_LIMITS: YamlLimits = { characters: 1024 ** 2, tokens: 150_000, depth: 100 };

/** A document, or why it is none that is read. */
export type YamlReading<T> =
  | { readonly kind: 'read'; readonly value: T; readonly tokens: number }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Reads one document of plain data: no anchors, tags or directives, no key twice. Its size and depth are looked at
 * while it is cut into words, so whatever is too large is refused before it costs anything.
 */
export function readYaml(text: string, limits: YamlLimits = YAML_LIMITS): YamlReading<unknown> {
  const reading = readYamlDocument(text, limits);
  if (reading.kind === 'refused') return reading;
  const fault = keyFault(reading.value.contents);
  if (fault !== undefined) return { kind: 'refused', reason: fault };
  return { ...reading, value: reading.value.toJS({ maxAliasCount: 0 }) };
}

/** The same as a tree of nodes, in which keys may stand twice. */
export function readYamlDocument(
  text: string,
  limits: YamlLimits = YAML_LIMITS,
): YamlReading<Document.Parsed> {
  const cut = cutText(text, limits);
  if (cut.kind === 'refused') return cut;
  // The composer's own comparison of keys takes the square of their number.
  const options = { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const;
  const [document, ...others] = [...new Composer(options).compose(cut.value, true, text.length)];
  if (document === undefined) return refused('holds nothing');
  if (others.length > 0) return refused('is not YAML of one document');
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) return refused(`is not YAML: ${at(text, error.pos[0], error.message)}`);
  return { kind: 'read', value: document, tokens: cut.tokens };
}

function refused(reason: string): { readonly kind: 'refused'; readonly reason: string } {
  return { kind: 'refused', reason };
}

/** The parser's own tokens, of which there are not too many. */
function cutText(text: string, limits: YamlLimits): YamlReading<readonly CST.Token[]> {
  if (text.length > limits.characters)
    return refused(`has ${text.length} characters; at most ${limits.characters} are read`);
  const parser = new Parser();
  const found: CST.Token[] = [];
  let tokens = 0;
  let before = '';
  for (const lexeme of new Lexer().lex(text)) {
    tokens += 1;
    const reason = before === CST.SCALAR ? undefined : tokenFault(lexeme);
    if (reason !== undefined) return refused(`${reason} (${lineOf(text, parser.offset)})`);
    if (tokens > limits.tokens)
      return refused(`has more than the ${limits.tokens} words and signs that are read`);
    for (const token of parser.next(lexeme)) {
      // The first one says enough: a text that is none at all has thousands.
      if (token.type === 'error')
        return refused(`is not YAML: ${at(text, token.offset, token.message)}`);
      found.push(token);
    }
    if (parser.stack.length > limits.depth)
      return refused(`is nested more than ${limits.depth} deep`);
    before = lexeme;
  }
  found.push(...parser.end());
  return { kind: 'read', value: found, tokens };
}

/** Two readers could take these differently, or they make much out of little; nothing that we write has them. */
function tokenFault(lexeme: string): string | undefined {
  switch (CST.tokenType(lexeme)) {
    case 'alias':
    case 'anchor':
      return 'has an anchor or an alias: write the value out';
    case 'tag':
      return `has the tag ${quote(lexeme, 100)}: write plain values`;
    case 'directive-line':
      return 'has a YAML directive: leave it out';
    default:
      return undefined;
  }
}

function at(text: string, offset: number, message: string): string {
  return `${quote(message)} (${lineOf(text, offset)})`;
}

function lineOf(text: string, offset: number): string {
  return `line ${text.slice(0, offset).split('\n').length}`;
}

/** A key that stands twice in one place. Without recursion over what may be deep, and with a set for each place. */
function keyFault(root: unknown): string | undefined {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const node = open.pop();
    if (isSeq(node)) for (const it of node.items) open.push(it);
    if (!isMap(node)) continue;
    const double = doubleKey(node);
    if (double !== undefined) return double;
    for (const { value } of node.items) open.push(value);
  }
  return undefined;
}

function doubleKey(map: YAMLMap): string | undefined {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    if (!isScalar(key)) return 'is not YAML of plain data: a key is a list or a map';
    const name = String(key.value);
    if (seen.has(name))
      return `is not YAML whose keys are unique: ${quote(name, 100)} stands twice in one place`;
    seen.add(name);
  }
  return undefined;
}
