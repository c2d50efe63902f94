/**
 * @ethereumjs/mpt over a witness.
 *
 * MerklePatriciaTrie reads a missing node as "no such key" (findPath swallows "Missing node in DB"), and a malformed
 * one as it comes. So its database never says "not there": a node that it lacks, or that no canonical trie holds, is a
 * refusal which the guard keeps. Nodes made by a trie are its own: they stand in for no other's missing ones.
 */
import { createMPT } from '@ethereumjs/mpt'
import { ValueEncoding } from '@ethereumjs/util'

import { EMPTY_ROOT, equal, toHex } from './bytes.mjs'
import { EngineFailure, InvalidWitness } from './errors.mjs'
import { itemAt, RlpError } from './rlp.mjs'

const MAX_INLINE = 32 // bytes: a child whose RLP is shorter lies in its parent
const HASH_PREFIX = 0xa0

/** Bytes of a node of a trie of accounts or slots: with keys of 32 bytes none is larger than a branch of 16 hashes. */
export const MAX_STATE_NODE = 3 + 16 * 33 + 1

/** The database of one trie. Implements what @ethereumjs/mpt asks of a `DB`. */
class NodeDatabase {
  /** @param {import('./witness.mjs').Witness} witness @param {Uint8Array} root @param {number} maxNode bytes */
  constructor(witness, root, maxNode) {
    this.witness = witness
    this.root = toHex(root)
    this.maxNode = maxNode
    /** @type {Map<string, Uint8Array>} */
    this.made = new Map()
    /** @type {Set<string>} */
    this.checked = new Set()
    /** What extensions lead to. @type {Set<string>} */
    this.branches = new Set()
  }

  /** @param {string} hash hex */
  async get(hash) {
    const made = this.made.get(hash)
    if (made !== undefined) return made
    const node = this.witness.node(hash)
    if (!this.checked.has(hash)) this.#check(hash, node)
    if (this.branches.has(hash) && !isBranch(node)) {
      this.witness.guard.fail(new InvalidWitness('below an extension is no branch'))
    }
    return node
  }

  /** @param {string} hash @param {Uint8Array} node */
  #check(hash, node) {
    const { guard } = this.witness
    if (node.length > this.maxNode) {
      guard.fail(new InvalidWitness(`a node of ${node.length} bytes in a trie where none has over ${this.maxNode}`))
    }
    if (node.length < MAX_INLINE && hash !== this.root) {
      guard.fail(new InvalidWitness('a node shorter than 32 bytes is referred to by its hash'))
    }
    try {
      const below = checkNode(node)
      if (below !== null) this.branches.add(below)
    } catch (error) {
      const known = error instanceof RlpError
      guard.fail(known ? new InvalidWitness(`malformed trie node 0x${hash}: ${error.message}`) : error)
    }
    this.checked.add(hash)
  }

  async put(hash, node) {
    this.made.set(hash, node)
  }

  async del() {}

  async batch(operations) {
    for (const { type, key, value } of operations) if (type === 'put') this.made.set(key, value)
  }

  shallowCopy() {
    return this
  }

  async open() {}
}

export class WitnessTrie {
  /** @param {import('./witness.mjs').Witness} witness @param {Uint8Array} root @param {number} [maxNode] bytes */
  constructor(witness, root, maxNode = 1 << 20) {
    this.witness = witness
    this.start = root
    this.maxNode = maxNode
    /** @type {import('@ethereumjs/mpt').MerklePatriciaTrie | null} */
    this.trie = null
  }

  root() {
    return this.trie === null ? this.start : this.trie.root()
  }

  /** @param {Uint8Array} key @returns {Promise<Uint8Array | null>} */
  async get(key) {
    if (equal(this.root(), EMPTY_ROOT)) return null
    const value = await (await this.#open()).get(key, true)
    this.witness.guard.check()
    return value
  }

  /** @param {Uint8Array} key @param {Uint8Array} value not empty */
  async set(key, value) {
    const trie = await this.#open()
    await trie.put(key, value)
    this.witness.guard.check()
  }

  /** @param {Uint8Array} key */
  async delete(key) {
    if (equal(this.root(), EMPTY_ROOT)) return
    await (await this.#open()).del(key)
    this.witness.guard.check()
  }

  async #open() {
    this.trie ??= await createMPT({
      db: new NodeDatabase(this.witness, this.start, this.maxNode),
      valueEncoding: ValueEncoding.Bytes,
      root: this.start,
      useRootPersistence: false,
    })
    return this.trie
  }
}

/**
 * Refuses what a canonical trie can't hold.
 * @param {Uint8Array} rlp
 * @returns {string | null} the hash of what an extension leads to, in hex
 * @throws {RlpError | EngineFailure}
 */
function checkNode(rlp) {
  const [isList, first, end] = itemAt(rlp, 0, rlp.length)
  if (!isList || end !== rlp.length) throw new RlpError('not one list')
  /** @type {[boolean, number, number, number][]} is a list, payload's start, stop, item's start */
  const items = []
  for (let pos = first; pos < end && items.length < 18; pos = items[items.length - 1][2]) {
    items.push([...itemAt(rlp, pos, end), pos])
  }
  if (items.length === 17) {
    checkBranch(rlp, items)
    return null
  }
  if (items.length !== 2) throw new RlpError('neither 2 nor 17 items')
  const [[pathIsList, start, stop], [isChildList, childStart, childStop, childPos]] = items
  if (pathIsList) throw new RlpError('a list where bytes belong')
  const flag = stop > start ? rlp[start] >> 4 : 4
  if (flag > 3 || (!(flag & 1) && rlp[start] & 0x0f)) throw new RlpError('bad hex-prefix')
  if (flag >= 2) {
    if (isChildList) throw new RlpError('a list where bytes belong')
    if (childStop === childStart) throw new RlpError('leaf without a value')
    return null
  }
  if ((flag === 0 && stop - start === 1) || rlp[childPos] === 0x80) {
    throw new RlpError('extension without a path or child')
  }
  const child = rlp.subarray(childPos, childStop)
  checkChild(child)
  if (!isChildList) return toHex(child.subarray(1))
  if (!isBranch(child)) throw new RlpError('extension to something else than a branch')
  return null
}

/** @param {Uint8Array} rlp @param {[boolean, number, number, number][]} items */
function checkBranch(rlp, items) {
  let entries = 0
  for (const [, , stop, pos] of items.slice(0, 16)) {
    if (rlp[pos] === 0x80) continue
    checkChild(rlp.subarray(pos, stop))
    entries++
  }
  const [isList, start, stop] = items[16]
  if (isList) throw new RlpError('a list where bytes belong')
  if (entries + (stop > start ? 1 : 0) < 2) throw new RlpError('branch with fewer than two entries')
  // Keys are hashes, of one length, or RLP of numbers, none of which begins another: no trie here has such a branch,
  // and @ethereumjs/mpt loses the value when only one child is left.
  if (stop > start) throw new EngineFailure('a branch with a value')
}

/** @param {Uint8Array} item */
function checkChild(item) {
  if (item[0] === HASH_PREFIX) return
  if (item[0] < 0xc0 || item.length >= MAX_INLINE) throw new RlpError('child is neither a hash nor a short node')
  checkNode(item)
}

/** Has it 17 items? @param {Uint8Array} node that was checked */
function isBranch(node) {
  const [, start, end] = itemAt(node, 0, node.length)
  let count = 0
  for (let pos = start; pos < end; count++) pos = itemAt(node, pos, end)[2]
  return count === 17
}
