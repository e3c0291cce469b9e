/**
 * Reads an LMDB file with its own eyes before LMDB does: LMDB trusts its file and takes the process with
 * it where a page is cut off or points nowhere. Every page that the latest snapshot reaches is looked at
 * once: it must lie inside the file, be of the kind that the tree says, keep its parts within its bounds
 * and its keys in order, and every value must have its checksum. The layout is that of LMDB's `mdb.c`
 * (data version 2: MDB_page_header, MDB_meta, MDB_node), little-endian and with 64-bit page numbers.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { isSound } from './lmdb-record.ts';

const magic = 0xbeefc0de;
const dataVersion = 2;
const headerBytes = 24;
const metaBytes = 144;
const nodeBytes = 8;
const kind = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
const flag = { big: 0x01 } as const;
/** The root of an empty tree. */
const noPage = 0xffff_ffff_ffff_ffffn;
/** Trees are never so deep: a page of 4 KB has two keys at least. */
const maxDepth = 32;
/** Pages looked at in one turn: some 2 ms. */
const pagesPerTurn = 100;

interface Tree {
  readonly depth: number;
  readonly entries: number;
  readonly root: number | undefined;
}

interface Meta {
  readonly pageBytes: number;
  readonly transaction: bigint;
  readonly lastPage: bigint;
  readonly free: Tree;
  readonly main: Tree;
}

/** What is wrong with the file, in words; `undefined`: LMDB can be let at it. An empty file is sound. @throws the operating system's error */
export async function faultOf(path: string, clock: Clock): Promise<string | undefined> {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    return size === 0 ? undefined : await new Check(file, size, clock).run();
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  } finally {
    closeSync(file);
  }
}

class Fault extends Error {}

class Check {
  readonly #file: number;
  readonly #size: number;
  readonly #clock: Clock;
  readonly #seen = new Set<number>();
  #pageBytes = 0;
  #left = pagesPerTurn;

  constructor(file: number, size: number, clock: Clock) {
    this.#file = file;
    this.#size = size;
    this.#clock = clock;
  }

  async run(): Promise<string | undefined> {
    const first = this.#meta(0);
    this.#pageBytes = first.pageBytes;
    const second = this.#meta(this.#pageBytes);
    if (second.pageBytes !== this.#pageBytes) throw new Fault('its two heads disagree');
    const [older, latest] = second.transaction > first.transaction ? [first, second] : [second, first];
    // Transaction n writes head n % 2, so the two follow each other: with a damaged number the older one would seem the latest.
    const follow = latest.transaction - older.transaction === 1n && first.transaction % 2n === 0n;
    if (!follow && latest.transaction !== 0n) throw new Fault('its heads do not follow each other');
    const { free, main, lastPage } = latest;
    await this.#tree('free pages', free, (_key, value) => this.#takeFree(value, Number(lastPage)));
    await this.#tree('values', main, isSound);
    return undefined;
  }

  #meta(at: number): Meta {
    const page = this.#read(at, headerBytes + metaBytes);
    if ((page.readUInt16LE(18) & kind.meta) === 0 || page.readUInt32LE(24) !== magic)
      throw new Fault('it is no LMDB file');
    const version = page.readUInt32LE(28) & 0xffff;
    if (version !== dataVersion) throw new Fault(`its data version is ${version}, not ${dataVersion}`);
    const pageBytes = page.readUInt32LE(48);
    if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0)
      throw new Fault('its head is damaged');
    const transaction = page.readBigUInt64LE(152);
    return {
      pageBytes,
      transaction,
      lastPage: page.readBigUInt64LE(144),
      free: treeAt(page, 48),
      main: treeAt(page, 96),
    };
  }

  async #tree(name: string, { depth, entries, root }: Tree, isSoundRecord: (key: Buffer, value: Buffer) => boolean) {
    if (root === undefined) {
      if (entries !== 0) throw new Fault(`its tree of ${name} is gone`);
      return;
    }
    if (depth < 1 || depth > maxDepth) throw new Fault(`its tree of ${name} is ${depth} deep`);
    let found = 0;
    let last: Buffer | undefined;
    const ways: number[][] = [[root]];
    while (ways.length > 0) {
      const number = ways.at(-1)!.pop();
      if (number === undefined) {
        ways.pop();
        continue;
      }
      if (--this.#left <= 0) {
        this.#left = pagesPerTurn;
        await new Promise<void>((resolve) => this.#clock.soon(resolve));
      }
      const isLeaf = ways.length === depth;
      const page = this.#page(number, isLeaf ? kind.leaf : kind.branch);
      const nodes = this.#nodes(page, number);
      if (isLeaf) {
        for (const node of nodes) {
          if (!isSoundRecord(node.key, this.#value(node))) throw new Fault('a value is damaged');
          if (name === 'values' && last !== undefined && last.compare(node.key) >= 0)
            throw new Fault('its keys are in disorder');
          last = node.key;
        }
        found += nodes.length;
      } else ways.push(nodes.map(({ child }) => child).reverse());
    }
    if (found !== entries) throw new Fault(`its tree of ${name} has ${found} entries instead of ${entries}`);
  }

  /**
   * A list of free pages: their number, then each page; before the first page of several in a row stands how many they are, as
   * a negative number, and zeros mean nothing (lmdb's `midl.c`). One that is in use would be overwritten.
   */
  #takeFree(list: Buffer, lastPage: number): boolean {
    const words = Math.floor(list.length / 8);
    const used = words === 0 ? 0 : Number(list.readBigInt64LE(0));
    if (words === 0 || used < 0 || used >= words) return false;
    let row = 1;
    for (let index = 1; index <= used; index++) {
      const word = Number(list.readBigInt64LE(8 * index));
      if (word > lastPage || row > lastPage) return false;
      if (word > 0) for (let next = 0; next < row; next++) this.#take(word + next);
      row = word < 0 ? -word : 1;
    }
    return true;
  }

  #page(number: number, wanted: number): Buffer {
    const page = this.#read(this.#take(number) * this.#pageBytes, this.#pageBytes);
    if (page.readBigUInt64LE(0) !== BigInt(number) || (page.readUInt16LE(18) & 0x0f) !== wanted)
      throw new Fault(`page ${number} is not what its tree says`);
    return page;
  }

  /** A page is reached once. */
  #take(number: number): number {
    if (number < 2 || this.#seen.has(number)) throw new Fault(`page ${number} is reached by two ways`);
    this.#seen.add(number);
    return number;
  }

  #nodes(page: Buffer, number: number): Node[] {
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    const room = this.#pageBytes - headerBytes;
    const out = () => new Fault(`page ${number} is out of its bounds`);
    if (lower % 2 !== 0 || lower === 0 || lower > upper || upper > room) throw out();
    const isBranch = (page.readUInt16LE(18) & kind.branch) !== 0;
    const nodes: Node[] = [];
    for (let index = 0; index < lower / 2; index++) {
      const at = page.readUInt16LE(headerBytes + 2 * index);
      if (at < upper || at + nodeBytes > room) throw out();
      const body = page.subarray(headerBytes + at);
      const child = body.readUIntLE(0, 6);
      const keyEnd = nodeBytes + body.readUInt16LE(6);
      const flags = body.readUInt16LE(4);
      const size = body.readUInt32LE(0);
      const end = isBranch ? keyEnd : keyEnd + (flags & flag.big ? headerBytes : size);
      if (end > body.length || (!isBranch && (flags & ~flag.big) !== 0)) throw out();
      const key = body.subarray(nodeBytes, keyEnd);
      nodes.push({ child, key, flags, size, data: body.subarray(keyEnd, end) });
    }
    return nodes;
  }

  /** A leaf's value, which may lie on pages of its own (MDB_ovpage). */
  #value({ flags, size, data }: Node): Buffer {
    if ((flags & flag.big) === 0) return data;
    const number = Number(data.readBigUInt64LE(0));
    const pages = Number(data.readBigUInt64LE(16));
    if (pages !== Math.ceil((headerBytes + size) / this.#pageBytes)) throw new Fault('a long value is damaged');
    const bytes = this.#read(this.#take(number) * this.#pageBytes, headerBytes + size);
    if ((bytes.readUInt16LE(18) & 0x0f) !== kind.overflow || bytes.readUInt32LE(20) !== pages)
      throw new Fault(`page ${number} is not what its tree says`);
    for (let next = 1; next < pages; next++) this.#take(number + next);
    return bytes.subarray(headerBytes);
  }

  #read(at: number, bytes: number): Buffer {
    if (at + bytes > this.#size) throw new Fault('it has been cut off');
    const buffer = Buffer.allocUnsafe(bytes);
    for (let done = 0; done < bytes; ) {
      const count = readSync(this.#file, buffer, done, bytes - done, at + done);
      if (count === 0) throw new Fault('it has been cut off');
      done += count;
    }
    return buffer;
  }
}

interface Node {
  /** A branch's page below. */
  readonly child: number;
  readonly key: Buffer;
  readonly flags: number;
  /** A leaf's number of bytes. */
  readonly size: number;
  readonly data: Buffer;
}

/** MDB_db. */
function treeAt(page: Buffer, at: number): Tree {
  const root = page.readBigUInt64LE(at + 40);
  return {
    depth: page.readUInt16LE(at + 6),
    entries: Number(page.readBigUInt64LE(at + 32)),
    root: root === noPage ? undefined : Number(root),
  };
}
