/** Nodes, codes and headers by the hashes of what the witness holds: so they are what they claim to be. */
import { keccak, toHex } from './bytes.mjs'
import { Guard, InvalidTrace, InvalidWitness } from './errors.mjs'
import { asBytes, asList, decodeList, RlpError } from './rlp.mjs'

// EIP-8025's limits, sizes in bytes; for codes as in execution/execute.py.
const LIMITS = { nodes: [1 << 20, 1 << 20], codes: [1 << 16, 1 << 16], headers: [256, 1 << 10] }

export class Witness {
  /**
   * @param {Uint8Array} data RLP([[node...], [code...], [header...]])
   * @param {Guard} guard
   * @throws {InvalidTrace | InvalidWitness}
   */
  constructor(data, guard) {
    this.guard = guard
    let lists
    try {
      lists = asList(decodeList(data, 2), 3).map((list) => asList(list).map((item) => asBytes(item)))
    } catch (error) {
      if (error instanceof RlpError) throw new InvalidTrace(`witness: ${error.message}`)
      throw error
    }
    const [nodes, codes, headers] = Object.entries(LIMITS).map(([kind, [count, size]], i) => {
      if (lists[i].length > count || lists[i].some((item) => item.length > size)) {
        throw new InvalidWitness(`too many or too large ${kind}`)
      }
      return new Map(lists[i].map((item) => [toHex(keccak(item)), item]))
    })
    this.nodes = nodes
    this.codes = codes
    this.headers = headers
  }

  /** @param {string} hash hex */
  node(hash) {
    return this.#find(this.nodes, hash, 'trie node')
  }

  /** @param {Uint8Array} hash */
  code(hash) {
    return this.#find(this.codes, toHex(hash), 'code')
  }

  /** RLP. @param {Uint8Array} hash */
  header(hash) {
    return this.#find(this.headers, toHex(hash), 'header')
  }

  /** @param {Map<string, Uint8Array>} items @param {string} hash @param {string} kind */
  #find(items, hash, kind) {
    const found = items.get(hash)
    return found === undefined ? this.guard.fail(new InvalidWitness(`missing ${kind} 0x${hash}`)) : found
  }
}
