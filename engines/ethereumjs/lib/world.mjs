/**
 * The world state of one verdict, as the state manager that @ethereumjs/evm and @ethereumjs/vm work on.
 *
 * Accounts, slots and codes are read from the witness once and then live in journaled maps; `root()` applies the net
 * changes to the tries, deletions before updates, as docs/protocol.md says ("The witness"). The code of every account
 * that is read must be in the witness, whether it runs or not. An account that a change leaves empty (EIP-161) ceases
 * to exist at once, as in execution-specs since the Merge.
 */
import { RLP } from '@ethereumjs/rlp'
import { Account } from '@ethereumjs/util'

import { EMPTY, EMPTY_CODE_HASH, EMPTY_ROOT, equal, fromBigInt, fromHex, keccak, stripZeros, toHex } from './bytes.mjs'
import { EngineFailure, InvalidBlock, InvalidWitness } from './errors.mjs'
import { asBytes, asInt, decodeList, itemAt, RlpError } from './rlp.mjs'
import { MAX_STATE_NODE, WitnessTrie } from './trie.mjs'

/** @typedef {{nonce: bigint, balance: bigint, storageRoot: Uint8Array, codeHash: Uint8Array}} Stored never changed */
/** @typedef {import('@ethereumjs/util').Address} Address */

const MAX_BALANCE = (1n << 256n) - 1n
const DELEGATION_PREFIX = 'ef0100'

export class World {
  /** @param {import('./witness.mjs').Witness} witness @param {Uint8Array} root */
  constructor(witness, root) {
    this.witness = witness
    this.guard = witness.guard
    this.trie = new WitnessTrie(witness, root, MAX_STATE_NODE)
    /** By address in hex. @type {Map<string, Stored | null>} */
    this.accounts = new Map()
    /** The same as in the trie. @type {Map<string, Stored | null>} */
    this.stored = new Map()
    /** @type {Set<string>} */
    this.dirty = new Set()
    /** @type {Map<string, Storage>} */
    this.storages = new Map()
    /** @type {Map<string, Uint8Array>} */
    this.codes = new Map()
    /** Undoes changes, the last first. @type {(() => void)[]} */
    this.journal = []
    /** Journal lengths. @type {number[]} */
    this.checkpoints = []
    /** Slots as they were before the transaction. @type {Map<string, Uint8Array>} */
    this.original = new Map()
    /** An address whose next read is answered "absent" (see system calls in evm.mjs). @type {string | null} */
    this.unread = null
    this.originalStorageCache = {
      get: async (address, key) => this.original.get(slotId(address, key)) ?? this.getStorage(address, key),
      clear: () => this.original.clear(),
    }
  }

  // -- accounts --

  /** @param {Address} address */
  async getAccount(address) {
    const id = toHex(address.bytes)
    if (id === this.unread) {
      this.unread = null
      return undefined
    }
    const found = await this.#account(id)
    return found === null ? undefined : new Account(found.nonce, found.balance, found.storageRoot, found.codeHash)
  }

  /** @param {Address} address @param {Account | undefined} account its storage root is not taken */
  async putAccount(address, account) {
    const id = toHex(address.bytes)
    const old = await this.#account(id)
    if (account === undefined) return this.#put(id, old, null)
    this.#change(id, old, account)
  }

  /** @param {Address} address */
  async deleteAccount(address) {
    const id = toHex(address.bytes)
    this.#put(id, await this.#account(id), null)
    const storage = this.storages.get(id)
    this.storages.delete(id)
    this.journal.push(() => (storage ? this.storages.set(id, storage) : this.storages.delete(id)))
  }

  /** @param {Address} address @param {Partial<Account>} fields */
  async modifyAccountFields(address, fields) {
    const id = toHex(address.bytes)
    const old = await this.#account(id)
    this.#change(id, old, { ...(old ?? ABSENT), ...fields })
  }

  /** @param {string} id @returns {Promise<Stored | null>} */
  async #account(id) {
    const known = this.accounts.get(id)
    if (known !== undefined) return known
    const encoded = await this.trie.get(keccak(fromHex(id)))
    const account = encoded === null ? null : this.#decode(encoded)
    this.accounts.set(id, account)
    this.stored.set(id, account)
    // From the witness even if this very trace has made the same code: another engine may ask for it before.
    if (account !== null && !equal(account.codeHash, EMPTY_CODE_HASH)) this.#loadCode(account.codeHash)
    return account
  }

  /** @param {Uint8Array} encoded @returns {Stored} */
  #decode(encoded) {
    try {
      const items = decodeList(encoded, 8)
      if (items.length !== 4) throw new RlpError('expected 4 fields')
      return {
        nonce: asInt(items[0], 8),
        balance: asInt(items[1]),
        storageRoot: asBytes(items[2], 32),
        codeHash: asBytes(items[3], 32),
      }
    } catch (error) {
      const known = error instanceof RlpError
      return this.guard.fail(known ? new InvalidWitness(`malformed account: ${error.message}`) : error)
    }
  }

  /** @param {string} id @param {Stored | null} old @param {Pick<Stored, 'nonce' | 'balance' | 'codeHash'>} changed */
  #change(id, old, { nonce, balance, codeHash }) {
    if (balance > MAX_BALANCE) this.guard.fail(new InvalidBlock('a balance overflows 256 bits'))
    const storageRoot = old === null ? EMPTY_ROOT : old.storageRoot
    const isEmpty = nonce === 0n && balance === 0n && equal(codeHash, EMPTY_CODE_HASH)
    this.#put(id, old, isEmpty ? null : { nonce, balance, storageRoot, codeHash: Uint8Array.from(codeHash) })
  }

  /** @param {string} id @param {Stored | null} old @param {Stored | null} account */
  #put(id, old, account) {
    this.journal.push(() => this.accounts.set(id, old))
    this.accounts.set(id, account)
    this.dirty.add(id)
  }

  // -- code --

  /** @param {Address} address */
  async getCode(address) {
    const account = await this.#account(toHex(address.bytes))
    return account === null || equal(account.codeHash, EMPTY_CODE_HASH) ? EMPTY : this.#code(account.codeHash)
  }

  /** @param {Address} address */
  async getCodeSize(address) {
    return (await this.getCode(address)).length
  }

  /** @param {Address} address @param {Uint8Array} code */
  async putCode(address, code) {
    const id = toHex(address.bytes)
    const old = await this.#account(id)
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak(code)
    if (code.length > 0) this.codes.set(toHex(codeHash), Uint8Array.from(code))
    this.#change(id, old, { ...(old ?? ABSENT), codeHash })
  }

  /** @param {Uint8Array} codeHash */
  #code(codeHash) {
    return this.codes.get(toHex(codeHash)) ?? this.#loadCode(codeHash)
  }

  /** @param {Uint8Array} codeHash */
  #loadCode(codeHash) {
    const code = this.witness.code(codeHash)
    if (code.length !== 23 && toHex(code.subarray(0, 3)) === DELEGATION_PREFIX) {
      // No transaction makes such code (EIP-3541), and @ethereumjs would take it for a delegation (EIP-7702).
      this.guard.fail(new EngineFailure('code that begins as a delegation and is none'))
    }
    this.codes.set(toHex(codeHash), code)
    return code
  }

  // -- storage: values without leading zeros, no bytes for 0 --

  /** @param {Address} address @param {Uint8Array} key 32 bytes @returns {Promise<Uint8Array>} */
  async getStorage(address, key) {
    const id = toHex(address.bytes)
    const account = await this.#account(id)
    return this.#storage(id, account === null ? EMPTY_ROOT : account.storageRoot).get(key)
  }

  /** @param {Address} address @param {Uint8Array} key 32 bytes @param {Uint8Array} value */
  async putStorage(address, key, value) {
    const old = await this.getStorage(address, key)
    const stripped = stripZeros(value)
    if (equal(old, stripped)) return
    const slot = slotId(address, key)
    if (!this.original.has(slot)) this.original.set(slot, old)
    const storage = /** @type {Storage} */ (this.storages.get(toHex(address.bytes)))
    const name = toHex(key)
    storage.slots.set(name, Uint8Array.from(stripped))
    storage.dirty.add(name)
    this.journal.push(() => storage.slots.set(name, old))
  }

  /** Where a contract is created there is no storage: else it is a collision (EIP-7610). */
  async clearStorage() {}

  /** @param {string} id @param {Uint8Array} root */
  #storage(id, root) {
    let storage = this.storages.get(id)
    if (storage === undefined) {
      storage = new Storage(new WitnessTrie(this.witness, root, MAX_STATE_NODE))
      this.storages.set(id, storage)
    }
    return storage
  }

  // -- checkpoints --

  async checkpoint() {
    this.checkpoints.push(this.journal.length)
  }

  async commit() {
    this.checkpoints.pop()
    if (this.checkpoints.length === 0) this.journal.length = 0
  }

  async revert() {
    const length = this.checkpoints.pop() ?? 0
    while (this.journal.length > length) /** @type {() => void} */ (this.journal.pop())()
  }

  // -- roots --

  /** Applies the changes to the tries; nothing is left to undo. */
  async root() {
    this.journal.length = 0
    for (const [id, storage] of this.storages) {
      const account = await this.#account(id)
      if (account === null || storage.dirty.size === 0) continue
      const storageRoot = await storage.root()
      if (!equal(storageRoot, account.storageRoot)) {
        this.accounts.set(id, { ...account, storageRoot })
        this.dirty.add(id)
      }
    }
    const changed = [...this.dirty].filter((id) => !same(this.accounts.get(id), this.stored.get(id)))
    for (const id of changed) if (this.accounts.get(id) === null) await this.trie.delete(keccak(fromHex(id)))
    for (const id of changed) {
      const account = this.accounts.get(id)
      if (account) await this.trie.set(keccak(fromHex(id)), encodeAccount(account))
      this.stored.set(id, account ?? null)
    }
    this.dirty.clear()
    return this.trie.root()
  }

  // -- what else the interface asks for; no one calls it --

  async getStateRoot() {
    return this.root()
  }

  async setStateRoot() {
    throw new EngineFailure('the state root is set once')
  }

  async hasStateRoot() {
    return false
  }

  clearCaches() {}

  shallowCopy() {
    throw new EngineFailure('the state is not copied')
  }
}

/** One account's storage: slots by key in hex, over its trie. */
class Storage {
  /** @param {WitnessTrie} trie */
  constructor(trie) {
    this.trie = trie
    /** @type {Map<string, Uint8Array>} */
    this.slots = new Map()
    /** The same as in the trie. @type {Map<string, Uint8Array>} */
    this.stored = new Map()
    /** @type {Set<string>} */
    this.dirty = new Set()
  }

  /** @param {Uint8Array} key */
  async get(key) {
    const name = toHex(key)
    const known = this.slots.get(name)
    if (known !== undefined) return known
    const encoded = await this.trie.get(keccak(key))
    const value = encoded === null ? EMPTY : this.#decode(encoded)
    this.slots.set(name, value)
    this.stored.set(name, value)
    return value
  }

  /** @param {Uint8Array} encoded */
  #decode(encoded) {
    const { guard } = this.trie.witness
    try {
      const [isList, start, stop] = itemAt(encoded, 0, encoded.length)
      if (isList || stop !== encoded.length) throw new RlpError('not one byte string')
      const value = encoded.subarray(start, stop)
      asInt(value)
      return value
    } catch (error) {
      const known = error instanceof RlpError
      return guard.fail(known ? new InvalidWitness(`malformed storage value: ${error.message}`) : error)
    }
  }

  async root() {
    const changed = [...this.dirty].filter((name) => !equal(this.#value(name), this.stored.get(name) ?? EMPTY))
    for (const name of changed) if (this.#value(name).length === 0) await this.trie.delete(keccak(fromHex(name)))
    for (const name of changed) {
      const value = this.#value(name)
      if (value.length > 0) await this.trie.set(keccak(fromHex(name)), RLP.encode(value))
      this.stored.set(name, value)
    }
    this.dirty.clear()
    return this.trie.root()
  }

  /** @param {string} name */
  #value(name) {
    return this.slots.get(name) ?? EMPTY
  }
}

/** @type {Stored} */
const ABSENT = { nonce: 0n, balance: 0n, storageRoot: EMPTY_ROOT, codeHash: EMPTY_CODE_HASH }

/** @param {Address} address @param {Uint8Array} key */
function slotId(address, key) {
  return toHex(address.bytes) + toHex(key)
}

/** @param {Stored | null | undefined} one @param {Stored | null | undefined} other */
function same(one, other) {
  if (!one || !other) return !one && !other
  return (
    one.nonce === other.nonce &&
    one.balance === other.balance &&
    equal(one.storageRoot, other.storageRoot) &&
    equal(one.codeHash, other.codeHash)
  )
}

/** @param {Stored} account */
function encodeAccount({ nonce, balance, storageRoot, codeHash }) {
  return RLP.encode([fromBigInt(nonce), fromBigInt(balance), storageRoot, codeHash])
}
