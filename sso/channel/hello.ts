/**
 * What two nodes tell each other once the handshake has proven that both belong to the cluster, and
 * whether they may talk. The listener speaks first; the dialler answers if it wants the connection. The
 * member with the lesser name then accepts it, so of several connections of a pair both keep the same.
 * Every refusal is told to the other side: the operators of both read one line that says why.
 *
 * The hello's own form never changes: members of any two versions can read each other's refusal.
 */

/** Versions of the frames that follow the hello. */
export const frameVersions: readonly [least: number, most: number] = [1, 1];

/** The most a hello, an accept or a refusal may hold. */
export const greetingBytes = 4_096;
export const fingerprintBytesAtMost = 1_024;

/** Names of nodes and clusters: they stand in identities, certificates, log lines and cookies. */
export const namePattern = /^[A-Za-z0-9._-]{1,128}$/;

export interface Hello {
  readonly node: string;
  readonly incarnation: number;
  readonly cluster: string;
  /** Where others may dial this node; '' if it does not know. */
  readonly address: string;
  readonly versions: readonly [least: number, most: number];
  /** Settings that must be equal on all members. */
  readonly fingerprint: string;
}

export type RefusalCode =
  | 'name' // the credentials are not those of the node that the hello names
  | 'cluster' // a node of another cluster
  | 'version' // no version of the frames that both know
  | 'settings' // the settings that must be equal differ
  | 'replaced' // a later process with the same node's name is known
  | 'full'; // as many members as this node takes

export interface Refusal {
  readonly code: RefusalCode;
  /** For the operator: what differs. */
  readonly text: string;
  /** With `settings`: the names of those that differ, where this node has judged. */
  readonly differ?: readonly string[];
  /** With `replaced`: the latest incarnation known. */
  readonly incarnation?: number;
}

/** What the hello's receiver knows. */
export interface Expected {
  readonly own: Hello;
  /** Whether the connection's credentials are those of `node`. */
  vouched(node: string): boolean;
  /** The latest incarnation met of a node. */
  latest(node: string): number | undefined;
}

/** `undefined`: they may talk. */
export function judgeHello(hello: Hello, { own, vouched, latest }: Expected): Refusal | undefined {
  if (!vouched(hello.node)) return { code: 'name', text: `the credentials are not those of node "${hello.node}"` };
  if (hello.cluster !== own.cluster) {
    return {
      code: 'cluster',
      text: `node "${hello.node}" belongs to cluster "${hello.cluster}", node "${own.node}" to "${own.cluster}"`,
    };
  }
  if (Math.min(hello.versions[1], own.versions[1]) < Math.max(hello.versions[0], own.versions[0])) {
    const spoken = (one: Hello) => `node "${one.node}" speaks frame versions ${one.versions.join(' to ')}`;
    return { code: 'version', text: `${spoken(hello)}, ${spoken(own)}` };
  }
  if (hello.fingerprint !== own.fingerprint) {
    const differ = differing(own.fingerprint, hello.fingerprint);
    return {
      code: 'settings',
      differ,
      text: `settings that must be equal differ (${differ.join(', ') || 'in number'}): "${hello.fingerprint}" on node "${hello.node}", "${own.fingerprint}" on node "${own.node}"`,
    };
  }
  const later = latest(hello.node);
  if (later !== undefined && later > hello.incarnation) {
    return { code: 'replaced', text: `a later process with the name "${hello.node}" is known`, incarnation: later };
  }
  return undefined;
}

/** A fingerprint is `name value, name value`: the names of the settings that are not the same in both, ours first. */
function differing(own: string, theirs: string): readonly string[] {
  const [ours, others] = [own.split(', '), theirs.split(', ')];
  const differ = [...ours.filter((one) => !others.includes(one)), ...others.filter((one) => !ours.includes(one))];
  const names = differ.map((setting) => setting.split(' ', 1)[0]!).filter((name) => settingName.test(name));
  return [...new Set(names)].slice(0, differAtMost);
}

const settingName = /^[A-Za-z.]{1,32}$/;
const differAtMost = 16;

export function encodeHello(hello: Hello): Buffer {
  return Buffer.from(JSON.stringify(hello));
}

/** `undefined`: not a hello. Fields unknown here are left out: a later version may have more. */
export function parseHello(payload: Uint8Array): Hello | undefined {
  const data = parseObject(payload);
  if (data === undefined) return undefined;
  const { node, incarnation, cluster, address, versions, fingerprint } = data;
  if (!isName(node) || !isName(cluster) || !isCount(incarnation)) return undefined;
  if (typeof address !== 'string' || address.length > 300) return undefined;
  if (typeof fingerprint !== 'string' || fingerprint.length > fingerprintBytesAtMost) return undefined;
  if (!Array.isArray(versions) || !isCount(versions[0]) || !isCount(versions[1])) return undefined;
  return { node, incarnation, cluster, address, versions: [versions[0], versions[1]], fingerprint };
}

const refusalTextAtMost = 3_000;

export function encodeRefusal(refusal: Refusal): Buffer {
  const { differ: _, ...told } = refusal;
  return Buffer.from(JSON.stringify({ ...told, text: refusal.text.slice(0, refusalTextAtMost) }));
}

/** `undefined`: not a refusal. */
export function parseRefusal(payload: Uint8Array): Refusal | undefined {
  const data = parseObject(payload);
  if (data === undefined || typeof data['code'] !== 'string' || typeof data['text'] !== 'string') return undefined;
  const { code, text, incarnation } = data;
  return { code: code as RefusalCode, text, ...(isCount(incarnation) ? { incarnation } : {}) };
}

function parseObject(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const data: unknown = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'));
    return typeof data === 'object' && data !== null && !Array.isArray(data)
      ? (data as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && namePattern.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
