/** Trace and what it is made of (solidity/src/Types.sol): decoding and comparing. Integers are bigints. */
import * as abi from './abi.mjs'
import { equal, toBigInt, EMPTY } from './bytes.mjs'
import { InvalidTrace } from './errors.mjs'

const UINT64 = abi.uint(64)

const WITHDRAWAL = abi.struct({
  index: UINT64,
  validatorIndex: UINT64,
  address: abi.address,
  amount: UINT64, // Gwei (EIP-4895)
})
const ATTRIBUTES = abi.struct({
  timestamp: UINT64,
  feeRecipient: abi.address,
  prevRandao: abi.bytes32,
  gasLimit: UINT64,
  parentBeaconBlockRoot: abi.bytes32,
  extraData: abi.bytes,
  withdrawals: abi.array(WITHDRAWAL),
})
const OPEN_BLOCK = abi.struct({
  number: UINT64,
  attributes: ATTRIBUTES,
  baseFeePerGas: abi.uint(256),
  excessBlobGas: UINT64,
  transactionCount: UINT64,
  gasUsed: UINT64,
  logsBloom: abi.bytes,
  transactionsRoot: abi.bytes32,
  receiptsRoot: abi.bytes32,
  depositRequests: abi.bytes,
})
const CURSOR = abi.struct({ batch: UINT64, chunk: UINT64, item: UINT64 })
const STEP_STATE = abi.struct({
  stateRoot: abi.bytes32,
  blockHash: abi.bytes32,
  open: OPEN_BLOCK,
  fragmentsHash: abi.bytes32,
  fragmentsSize: UINT64,
  cursor: CURSOR,
})
const INPUT = abi.struct({ kind: abi.uint(8), payload: abi.bytes, next: CURSOR })
const TRACE = abi.struct({
  chainId: UINT64,
  fork: abi.bytes32,
  txGasCap: UINT64,
  pre: STEP_STATE,
  post: STEP_STATE,
  inputs: abi.array(INPUT),
  witness: abi.bytes,
})

export const BLOCK_START = 0
export const TRANSACTION = 1
export const FRAGMENT = 2
export const SKIP = 3
export const BATCH_END = 4

/**
 * `abi.encode(Trace)`; the witness is left as its bytes. `open` is null when no block is open.
 * @param {Uint8Array} data @throws {InvalidTrace}
 */
export function decodeTrace(data) {
  const trace = abi.decode(TRACE, data)
  return {
    ...trace,
    fork: forkName(trace.fork),
    pre: state(trace.pre),
    post: state(trace.post),
    inputs: trace.inputs.map(input),
  }
}

/** @param {Uint8Array} padded 32 bytes */
function forkName(padded) {
  let end = padded.length
  while (end > 0 && padded[end - 1] === 0) end--
  return Buffer.from(padded.subarray(0, end)).toString('latin1')
}

function state(found) {
  if (found.open.number !== 0n) {
    if (found.open.logsBloom.length !== 256) throw new InvalidTrace('a logs bloom has 256 bytes')
    return found
  }
  if (!isZero(found.open)) throw new InvalidTrace('fields of a block, but none is open')
  return { ...found, open: null }
}

/** Every field of a closed block zero or empty. */
function isZero({ logsBloom, depositRequests, attributes: { extraData, withdrawals, ...attributes }, ...block }) {
  const dynamic = [logsBloom, depositRequests, extraData, withdrawals]
  const fixed = [...Object.values(block), ...Object.values(attributes)]
  return (
    dynamic.every((value) => value.length === 0) &&
    fixed.every((value) => (value instanceof Uint8Array ? toBigInt(value) : value) === 0n)
  )
}

function input({ kind, payload, next }) {
  switch (Number(kind)) {
    case BLOCK_START:
      return { kind: BLOCK_START, attributes: abi.decode(ATTRIBUTES, payload), next }
    case TRANSACTION:
    case FRAGMENT:
      return { kind: Number(kind), data: payload, next }
    case SKIP:
    case BATCH_END:
      if (payload.length > 0) throw new InvalidTrace('this input has no payload')
      return { kind: Number(kind), data: EMPTY, next }
    default:
      throw new InvalidTrace(`no input kind ${kind}`)
  }
}

/** Names of the fields in which two values of one shape differ, as `open.gasUsed`; none if they are equal. */
export function differences(one, other, path = '') {
  if (one === null || other === null) return one === other ? [] : [path]
  if (one instanceof Uint8Array) return equal(one, other) ? [] : [path]
  if (typeof one !== 'object') return one === other ? [] : [path]
  if (Array.isArray(one) && one.length !== other.length) return [path]
  return Object.keys(one).flatMap((name) => differences(one[name], other[name], path ? `${path}.${name}` : name))
}
