/**
 * Which transactions can be included: decoding, and the validity rules of Prague, as execution-specs has them.
 *
 * @ethereumjs/tx takes what these rules let through, and checks it again; what it then refuses is a failure of this
 * engine (`EngineFailure`), never a no-op. The order of the rules matters only where the sender is read.
 */
import { RLP } from '@ethereumjs/rlp'
import { createTxFromRLP } from '@ethereumjs/tx'
import { Address, ecrecover, publicToAddress } from '@ethereumjs/util'

import { EMPTY, concat, fromBigInt, keccak, toHex } from './bytes.mjs'
import { EngineFailure, InvalidTransaction } from './errors.mjs'
import { asBytes, asInt, asList, decodeList, RlpError } from './rlp.mjs'

const LEGACY = 0
const ACCESS_LIST = 1
const DYNAMIC_FEE = 2
const SET_CODE = 4
/** Blob transactions can't be included on an L2. */
const FIELD_COUNT = new Map([
  [LEGACY, 9],
  [ACCESS_LIST, 11],
  [DYNAMIC_FEE, 12],
  [SET_CODE, 13],
])
const SECP256K1_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const NONCE_LIMIT = (1n << 64n) - 1n
const MAX_INITCODE_SIZE = 49_152 // bytes (EIP-3860)

/**
 * @typedef {object} Transaction
 * @property {number} type
 * @property {bigint | null} chainId null for a legacy transaction without replay protection
 * @property {bigint} nonce
 * @property {bigint} maxPriorityFeePerGas wei; both are the gas price where there is only one
 * @property {bigint} maxFeePerGas wei
 * @property {bigint} gasLimit
 * @property {boolean} isCreation
 * @property {bigint} value wei
 * @property {Uint8Array} data
 * @property {number} authorizations how many
 * @property {bigint} intrinsicGas
 * @property {bigint} floorGas EIP-7623
 * @property {Uint8Array} senderKey 64 bytes
 * @property {Address} sender
 */

/** @param {Uint8Array} raw EIP-2718 bytes @returns {Transaction} @throws {InvalidTransaction} */
export function decodeTransaction(raw) {
  if (raw.length === 0) throw new InvalidTransaction('no bytes')
  const type = raw[0] >= 0xc0 ? LEGACY : raw[0]
  const fieldCount = FIELD_COUNT.get(type)
  if (fieldCount === undefined || raw[0] === LEGACY) throw new InvalidTransaction(`type 0x${raw[0].toString(16)}`)
  try {
    const items = decodeList(type === LEGACY ? raw : raw.subarray(1), 4)
    if (items.length !== fieldCount) throw new RlpError(`${items.length} fields instead of ${fieldCount}`)
    return build(type, items)
  } catch (error) {
    if (error instanceof RlpError) throw new InvalidTransaction(`undecodable: ${error.message}`)
    throw error
  }
}

/** @param {number} type @param {import('./rlp.mjs').Rlp[]} items @returns {Transaction} */
function build(type, items) {
  const fields = items.values()
  const next = () => fields.next().value
  let chainId = type === LEGACY ? null : asInt(next(), 8)
  const nonce = asInt(next())
  const maxPriorityFeePerGas = asInt(next())
  const maxFeePerGas = type >= DYNAMIC_FEE ? asInt(next()) : maxPriorityFeePerGas
  const gasLimit = asInt(next())
  const to = asBytes(next())
  if (to.length === 0 && type === SET_CODE) throw new InvalidTransaction("type 4 can't create a contract")
  if (to.length !== 0 && to.length !== 20) throw new RlpError(`\`to\` has ${to.length} bytes`)
  const value = asInt(next())
  const data = asBytes(next())
  const accessList = type === LEGACY ? [] : asList(next()).map(accessEntry)
  const authorizations = type === SET_CODE ? asList(next()).map(checkAuthorization).length : 0
  const [v, r, s] = [next(), next(), next()].map((item) => asInt(item))
  if (type === SET_CODE && nonce > NONCE_LIMIT) throw new RlpError('nonce over 64 bits')
  let parity = v
  if (type === LEGACY) {
    if (v === 27n || v === 28n) parity = v - 27n
    else if (v >= 35n) {
      chainId = (v - 35n) / 2n // EIP-155
      parity = (v - 35n) % 2n
    } else throw new InvalidTransaction(`v is ${v}`)
  }
  const senderKey = recover(signingHash(type, items, chainId), parity, r, s)
  return {
    type,
    chainId,
    nonce,
    maxPriorityFeePerGas,
    maxFeePerGas,
    gasLimit,
    isCreation: to.length === 0,
    value,
    data,
    authorizations,
    ...gasNeeded(data, to.length === 0, accessList, authorizations),
    senderKey,
    sender: new Address(publicToAddress(senderKey)),
  }
}

/** @param {import('./rlp.mjs').Rlp} item @returns {number} how many slots */
function accessEntry(item) {
  const [address, slots] = asList(item, 2)
  asBytes(address, 20)
  return asList(slots).map((slot) => asBytes(slot, 32)).length
}

/** EIP-7702. A bad one is skipped, so its signature is not looked at here. @param {import('./rlp.mjs').Rlp} item */
function checkAuthorization(item) {
  const [chainId, address, nonce, yParity, r, s] = asList(item, 6)
  asInt(chainId)
  asBytes(address, 20)
  asInt(nonce, 8)
  asInt(yParity, 1)
  asInt(r)
  asInt(s)
}

/** @param {number} type @param {import('./rlp.mjs').Rlp[]} items @param {bigint | null} chainId */
function signingHash(type, items, chainId) {
  const unsigned = /** @type {any[]} */ (items.slice(0, -3))
  if (type !== LEGACY) return keccak(concat(Uint8Array.of(type), RLP.encode(unsigned)))
  return keccak(RLP.encode(chainId === null ? unsigned : [...unsigned, fromBigInt(chainId), EMPTY, EMPTY]))
}

/** @returns {Uint8Array} the public key, 64 bytes */
function recover(hash, parity, r, s) {
  if (s > SECP256K1_N / 2n) throw new InvalidTransaction('s is in the upper half (EIP-2)')
  if (parity > 1n || r === 0n || r >= SECP256K1_N || s === 0n) throw new InvalidTransaction('bad signature')
  try {
    return ecrecover(hash, parity, fromBigInt(r), fromBigInt(s))
  } catch {
    throw new InvalidTransaction('no key signs so')
  }
}

/** @param {Uint8Array} data @param {boolean} isCreation @param {number[]} slots of each entry of the access list */
function gasNeeded(data, isCreation, slots, authorizations) {
  let zeros = 0
  for (const byte of data) if (byte === 0) zeros++
  const tokens = zeros + 4 * (data.length - zeros)
  let gas = 21_000 + 4 * tokens + 25_000 * authorizations
  if (isCreation) gas += 32_000 + 2 * Math.ceil(data.length / 32) // EIP-3860
  for (const count of slots) gas += 2_400 + 1_900 * count // EIP-2930
  return { intrinsicGas: BigInt(gas), floorGas: BigInt(21_000 + 10 * tokens) }
}

/**
 * Reads at most the sender's account.
 * @param {Transaction} tx
 * @param {{chainId: bigint, txGasCap: bigint}} rules
 * @param {{gasLeft: bigint, baseFeePerGas: bigint}} block
 * @param {import('./world.mjs').World} world
 * @throws {InvalidTransaction}
 */
export async function checkTransaction(tx, rules, block, world) {
  refuseIf(tx.chainId !== null && tx.chainId !== rules.chainId, 'wrong chain id')
  refuseIf(rules.txGasCap !== 0n && tx.gasLimit > rules.txGasCap, 'gas over the transaction gas cap')
  refuseIf(tx.gasLimit < tx.intrinsicGas, 'intrinsic gas too low')
  refuseIf(tx.gasLimit < tx.floorGas, 'gas below the calldata floor (EIP-7623)')
  refuseIf(tx.nonce >= NONCE_LIMIT, 'nonce too high (EIP-2681)')
  refuseIf(tx.isCreation && tx.data.length > MAX_INITCODE_SIZE, 'initcode too large (EIP-3860)')
  refuseIf(tx.gasLimit > block.gasLeft, 'gas over what is left in the block')
  const account = await world.getAccount(tx.sender) // here as in execution-specs: it is part of a no-op's witness
  refuseIf(tx.maxFeePerGas < tx.maxPriorityFeePerGas, 'max priority fee above max fee')
  refuseIf(tx.maxFeePerGas < block.baseFeePerGas, 'max fee below the base fee')
  refuseIf(tx.type === SET_CODE && tx.authorizations === 0, 'empty authorization list (EIP-7702)')
  refuseIf((account?.nonce ?? 0n) !== tx.nonce, 'wrong nonce')
  refuseIf((account?.balance ?? 0n) < tx.gasLimit * tx.maxFeePerGas + tx.value, 'insufficient funds')
  const code = await world.getCode(tx.sender)
  refuseIf(code.length > 0 && !isDelegation(code), 'sender is a contract (EIP-3607)')
}

/** @param {boolean} isBroken @param {string} rule */
function refuseIf(isBroken, rule) {
  if (isBroken) throw new InvalidTransaction(rule)
}

/** EIP-7702. @param {Uint8Array} code */
export function isDelegation(code) {
  return code.length === 23 && toHex(code.subarray(0, 3)) === 'ef0100'
}

/**
 * The same transaction for @ethereumjs/vm.
 * @param {Uint8Array} raw @param {Transaction} tx @param {import('@ethereumjs/common').Common} common
 */
export function libraryTransaction(raw, tx, common) {
  try {
    const made = createTxFromRLP(raw, { common, params: {} })
    made.cache.senderPubKey = tx.senderKey // recovering it takes longer than all else of a transfer
    return made
  } catch (error) {
    throw new EngineFailure(`@ethereumjs/tx refuses a valid transaction: ${/** @type {Error} */ (error).message}`)
  }
}
