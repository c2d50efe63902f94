/** One block under construction: `open` or `resume` it, `apply` transactions, `seal` it once. */
import { RLP } from '@ethereumjs/rlp'
import { Account, Address } from '@ethereumjs/util'
import { encodeReceipt, runTx } from '@ethereumjs/vm'

import { concat, EMPTY, EMPTY_ROOT, fromBigInt, fromHex } from './bytes.mjs'
import { depositRequests, InvalidDepositEvent } from './deposits.mjs'
import { EngineFailure, InvalidBlock, InvalidTransaction, Refusal, WorkLimitExceeded } from './errors.mjs'
import { mostGas, SYSTEM_CALL_GAS } from './evm.mjs'
import {
  CONSTANT_FIELDS,
  encodeHeader,
  gasLimitAllowed,
  nextBaseFee,
  nextExcessBlobGas,
  requestsHash,
} from './header.mjs'
import { checkTransaction, decodeTransaction, libraryTransaction } from './transaction.mjs'
import { WitnessTrie } from './trie.mjs'

const BEACON_ROOTS = new Address(fromHex('000f3df6d732807ef1319fb7b8bb8522d0beac02')) // EIP-4788
const HISTORY_STORAGE = new Address(fromHex('0000f90827f1c53a10cb7a02335b175320002935')) // EIP-2935
const CHECKED_CALLS = [
  [1, new Address(fromHex('00000961ef480eb55e80d19ad83579a64c007002'))], // EIP-7002
  [2, new Address(fromHex('0000bbddc7ce488642fb579f8b00f3a590007251'))], // EIP-7251
]
const DEPOSIT_REQUEST_TYPE = 0
const MAX_EXTRA_DATA = 32 // bytes
const GWEI = 10n ** 9n
const MAX_UINT64 = (1n << 64n) - 1n
const MAX_UINT256 = (1n << 256n) - 1n
// e^178 > 2^256: no excess can rise so far, and a made-up one would take forever to exponentiate.
const BLOB_BASE_FEE_UPDATE_FRACTION = 5_007_716n // EIP-7691
const MAX_EXCESS_BLOB_GAS = 178n * BLOB_BASE_FEE_UPDATE_FRACTION

/** @typedef {{transactions: bigint, systemCalls: bigint}} WorkBudget gas that may still be used */

/** An MPT over the block's items by index; additions wait until the root is asked for. */
class Items {
  /** @param {import('./witness.mjs').Witness} witness @param {Uint8Array} root */
  constructor(witness, root) {
    this.trie = new WitnessTrie(witness, root)
    /** @type {[bigint, Uint8Array][]} */
    this.waiting = []
  }

  async root() {
    for (const [index, item] of this.waiting) await this.trie.set(RLP.encode(fromBigInt(index)), item)
    this.waiting = []
    return this.trie.root()
  }
}

export class BlockBuilder {
  /**
   * @param {import('./machine.mjs').Machine} machine
   * @param {Uint8Array} parentHash
   * @param {any} block an OpenBlock (trace.mjs)
   * @param {(number: bigint) => Uint8Array} ancestorHash
   */
  constructor(machine, parentHash, block, ancestorHash) {
    this.machine = machine
    this.parentHash = parentHash
    this.block = { ...block, logsBloom: Uint8Array.from(block.logsBloom) }
    this.transactions = new Items(machine.witness, block.transactionsRoot)
    this.receipts = new Items(machine.witness, block.receiptsRoot)
    this.ancestorHash = ancestorHash
    this.context = blockContext(machine.common, block)
  }

  /**
   * The child of `parent`.
   * @param {import('./machine.mjs').Machine} machine
   * @param {Uint8Array} parentHash @param {import('./header.mjs').Header} parent @param {any} attributes
   * @param {(number: bigint) => Uint8Array} ancestorHash
   * @throws {InvalidBlock} for attributes no client accepts
   */
  static async open(machine, parentHash, parent, attributes, ancestorHash) {
    if (attributes.timestamp <= parent.timestamp) {
      throw new InvalidBlock(`timestamp ${attributes.timestamp}, the parent's is ${parent.timestamp}`)
    }
    if (attributes.extraData.length > MAX_EXTRA_DATA) {
      throw new InvalidBlock(`${attributes.extraData.length} bytes of extra data`)
    }
    if (!gasLimitAllowed(attributes.gasLimit, parent.gasLimit)) {
      throw new InvalidBlock(`gas limit ${attributes.gasLimit}, the parent's is ${parent.gasLimit}`)
    }
    const block = {
      number: parent.number + 1n,
      attributes,
      baseFeePerGas: nextBaseFee(parent),
      excessBlobGas: nextExcessBlobGas(parent),
      transactionCount: 0n,
      gasUsed: 0n,
      logsBloom: new Uint8Array(256),
      transactionsRoot: EMPTY_ROOT,
      receiptsRoot: EMPTY_ROOT,
      depositRequests: EMPTY,
    }
    if (block.number > MAX_UINT64 || block.baseFeePerGas > MAX_UINT256) {
      throw new InvalidBlock('number or base fee out of reach')
    }
    const builder = new BlockBuilder(machine, parentHash, block, ancestorHash)
    // Unchecked: without code, or when the call fails, the block goes on.
    await builder.systemCall(BEACON_ROOTS, attributes.parentBeaconBlockRoot)
    await builder.systemCall(HISTORY_STORAGE, parentHash)
    return builder
  }

  /** As trace.mjs has it. Computes the partial roots. */
  async openBlock() {
    const transactionsRoot = await this.transactions.root()
    return { ...this.block, transactionsRoot, receiptsRoot: await this.receipts.root() }
  }

  /** Gives the gas used. @param {Uint8Array} raw @throws {InvalidTransaction} then nothing has changed */
  async apply(raw) {
    const { world, budget, rules, common } = this.machine
    const { block } = this
    const tx = decodeTransaction(raw)
    const left = { gasLeft: block.attributes.gasLimit - block.gasUsed, baseFeePerGas: block.baseFeePerGas }
    await checkTransaction(tx, rules, left, world)
    const most = mostGas(budget.transactions)
    if (tx.intrinsicGas > most) {
      throw new WorkLimitExceeded(`intrinsic gas ${tx.intrinsicGas}, paid for ${budget.transactions}`)
    }
    await world.checkpoint()
    const result = await this.#run(libraryTransaction(raw, tx, common), tx.gasLimit - most)
    const gasUsed = result.totalGasSpent
    if (gasUsed > budget.transactions) throw new WorkLimitExceeded('more gas used than was paid for')
    const logs = result.execResult.logs ?? []
    try {
      block.depositRequests = concat(block.depositRequests, depositRequests(logs))
    } catch (error) {
      if (!(error instanceof InvalidDepositEvent)) throw error
      await world.revert() // it would make the block invalid, so it can't be included
      throw new InvalidTransaction(error.message)
    }
    await world.commit()
    budget.transactions -= gasUsed
    block.gasUsed += gasUsed
    result.bloom.bitvector.forEach((byte, i) => (block.logsBloom[i] |= byte))
    this.transactions.waiting.push([block.transactionCount, raw])
    this.receipts.waiting.push([block.transactionCount, encodeReceipt(result.receipt, /** @type {any} */ (tx.type))])
    block.transactionCount += 1n
    return gasUsed
  }

  /** @param {import('@ethereumjs/tx').TypedTransaction} tx @param {bigint} floor of the gas left */
  async #run(tx, floor) {
    const { vm, evm, guard } = this.machine
    evm.ancestorHash = this.ancestorHash
    evm.frameFloor = floor > 0n ? floor : 0n
    try {
      return await runTx(vm, {
        tx,
        block: this.context,
        blockGasUsed: this.block.gasUsed,
        skipHardForkValidation: true,
      })
    } catch (error) {
      if (error instanceof Refusal || error instanceof EngineFailure) throw error
      throw new EngineFailure(`@ethereumjs/vm: ${/** @type {Error} */ (error).message}`)
    } finally {
      guard.check()
      evm.frameFloor = 0n
    }
  }

  /** Withdrawals, requests, header. @throws {InvalidBlock} if an EIP-7002 or EIP-7251 call fails */
  async seal() {
    const { world, witness } = this.machine
    const { attributes, number, baseFeePerGas, excessBlobGas, gasUsed, logsBloom } = this.block
    const withdrawals = new Items(witness, EMPTY_ROOT)
    for (const [i, { index, validatorIndex, address, amount }] of attributes.withdrawals.entries()) {
      const fields = [fromBigInt(index), fromBigInt(validatorIndex), address, fromBigInt(amount)]
      withdrawals.waiting.push([BigInt(i), RLP.encode(fields)])
      const recipient = new Address(address)
      const account = (await world.getAccount(recipient)) ?? new Account()
      account.balance += amount * GWEI
      await world.putAccount(recipient, account)
    }
    const requests = await this.#requests()
    const { transactionsRoot, receiptsRoot } = await this.openBlock()
    const header = {
      ...CONSTANT_FIELDS,
      parentHash: this.parentHash,
      feeRecipient: attributes.feeRecipient,
      stateRoot: await world.root(),
      transactionsRoot,
      receiptsRoot,
      logsBloom,
      number,
      gasLimit: attributes.gasLimit,
      gasUsed,
      timestamp: attributes.timestamp,
      extraData: attributes.extraData,
      prevRandao: attributes.prevRandao,
      baseFeePerGas,
      withdrawalsRoot: await withdrawals.root(),
      excessBlobGas,
      parentBeaconBlockRoot: attributes.parentBeaconBlockRoot,
      requestsHash: requestsHash(requests),
    }
    return { stateRoot: header.stateRoot, rlp: encodeHeader(header) }
  }

  async #requests() {
    const deposits = this.block.depositRequests
    const requests = deposits.length > 0 ? [concat(Uint8Array.of(DEPOSIT_REQUEST_TYPE), deposits)] : []
    for (const [type, address] of /** @type {[number, Address][]} */ (CHECKED_CALLS)) {
      const result = await this.systemCall(address, EMPTY)
      if (result === null) throw new InvalidBlock(`no code at the system contract ${address}`)
      if (result.exceptionError) {
        throw new InvalidBlock(`the system contract ${address} failed: ${result.exceptionError.error}`)
      }
      if (result.returnValue.length > 0) requests.push(concat(Uint8Array.of(type), result.returnValue))
    }
    return requests
  }

  /** Null if there is no code. @param {Address} address @param {Uint8Array} data */
  async systemCall(address, data) {
    const { world, evm, budget, guard } = this.machine
    if ((await world.getCode(address)).length === 0) return null
    evm.ancestorHash = this.ancestorHash
    const gas = budget.systemCalls < SYSTEM_CALL_GAS ? budget.systemCalls : SYSTEM_CALL_GAS
    try {
      const result = await evm.systemCall(address, data, this.context, gas)
      budget.systemCalls = gas - result.executionGasUsed + (budget.systemCalls - gas)
      if (budget.systemCalls < 0n) budget.systemCalls = 0n
      return result
    } finally {
      guard.check()
    }
  }
}

/**
 * What @ethereumjs/vm and the EVM see of the block.
 * @param {import('@ethereumjs/common').Common} common @param {any} block an OpenBlock
 * @returns {any}
 */
function blockContext(common, { number, attributes, baseFeePerGas, excessBlobGas }) {
  const fee = blobBaseFee(excessBlobGas)
  return {
    common,
    header: {
      number,
      coinbase: new Address(attributes.feeRecipient),
      timestamp: attributes.timestamp,
      difficulty: 0n,
      prevRandao: attributes.prevRandao,
      gasLimit: attributes.gasLimit,
      baseFeePerGas,
      getBlobGasPrice: () => fee,
    },
  }
}

/** EIP-4844's fake_exponential; wei per blob gas. @param {bigint} excessBlobGas */
function blobBaseFee(excessBlobGas) {
  if (excessBlobGas > MAX_EXCESS_BLOB_GAS) throw new InvalidBlock(`excess blob gas ${excessBlobGas} is out of reach`)
  let sum = 0n
  let term = BLOB_BASE_FEE_UPDATE_FRACTION
  for (let i = 1n; term > 0n; i++) {
    sum += term
    term = (term * excessBlobGas) / (BLOB_BASE_FEE_UPDATE_FRACTION * i)
  }
  return sum / BLOB_BASE_FEE_UPDATE_FRACTION
}
