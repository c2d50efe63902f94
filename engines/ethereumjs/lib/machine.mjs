/** `step : (StepState, Input) -> StepState` (docs/protocol.md, section 1), many steps on one world. */
import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common'
import { paramsEVM } from '@ethereumjs/evm'
import { paramsTx } from '@ethereumjs/tx'
import { createVM, paramsVM } from '@ethereumjs/vm'

import { BlockBuilder } from './block.mjs'
import { concat, keccak, toHex, ZERO_HASH } from './bytes.mjs'
import { InvalidTransaction } from './errors.mjs'
import { WitnessEVM } from './evm.mjs'
import { ancestorHashes, headerByHash } from './header.mjs'
import { kzg } from './kzg.mjs'
import { BATCH_END, BLOCK_START, FRAGMENT, TRANSACTION } from './trace.mjs'
import { World } from './world.mjs'

const MAX_COMMONS = 16
/** By chain id. @type {Map<bigint, import('@ethereumjs/common').Common>} */
const commons = new Map()

/**
 * Prague on a chain. Kept with all parameters merged, which takes long; whoever uses it passes `params: {}`.
 * @param {bigint} chainId
 */
function commonOf(chainId) {
  let common = commons.get(chainId)
  if (common === undefined) {
    const chain = { chainId: chainId.toString() }
    common = createCustomCommon(chain, Mainnet, { hardfork: Hardfork.Prague, customCrypto: { kzg } })
    for (const params of [paramsEVM, paramsTx, paramsVM]) common.updateParams(params)
    if (commons.size >= MAX_COMMONS) commons.clear()
    commons.set(chainId, common)
  }
  common.events.removeAllListeners() // of engines that are done: each waits for a change of fork, which never comes
  return common
}

export class Machine {
  /**
   * @param {{chainId: bigint, txGasCap: bigint}} rules `txGasCap` 0: none
   * @param {import('./witness.mjs').Witness} witness
   * @param {any} state a StepState (trace.mjs)
   * @param {import('./block.mjs').WorkBudget} budget
   */
  static async create(rules, witness, state, budget) {
    const common = commonOf(rules.chainId)
    const world = new World(witness, state.stateRoot)
    const evm = new WitnessEVM(common, world)
    const vm = await createVM({ common, stateManager: world, blockchain: evm.blockchain, evm, params: {} })
    return new Machine(rules, witness, state, budget, common, world, evm, vm)
  }

  constructor(rules, witness, state, budget, common, world, evm, vm) {
    this.rules = rules
    this.witness = witness
    this.guard = witness.guard
    this.budget = budget
    this.common = common
    this.world = world
    this.evm = evm
    this.vm = vm
    this.state = state
    /** Headers sealed here, by hash. @type {Map<string, Uint8Array>} */
    this.sealed = new Map()
    this.header = (hash) => this.sealed.get(toHex(hash)) ?? witness.header(hash)
    this.builder = null
    if (state.open !== null) {
      const ancestors = ancestorHashes(state.blockHash, state.open.number - 1n, this.header)
      this.builder = new BlockBuilder(this, state.blockHash, state.open, ancestors)
    }
  }

  /** @param {any} input (trace.mjs) @returns {Promise<bigint>} the gas used by a transaction that was included */
  async step(input) {
    let gasUsed = 0n
    if (input.kind === TRANSACTION) gasUsed = await this.#transaction(input.data)
    if (input.kind === BLOCK_START || input.kind === BATCH_END) await this.#seal()
    if (input.kind === BLOCK_START) await this.#open(input.attributes)
    const { fragmentsHash, fragmentsSize } = this.state
    const fragments =
      input.kind === FRAGMENT
        ? {
            fragmentsHash: keccak(concat(fragmentsHash, input.data)),
            fragmentsSize: fragmentsSize + BigInt(input.data.length),
          }
        : { fragmentsHash: ZERO_HASH, fragmentsSize: 0n }
    this.state = { ...this.state, ...fragments, cursor: input.next }
    return gasUsed
  }

  /** The StepState after the last step. */
  async finish() {
    if (this.builder === null) return this.state
    return { ...this.state, stateRoot: await this.world.root(), open: await this.builder.openBlock() }
  }

  /** @param {Uint8Array} raw */
  async #transaction(raw) {
    if (this.builder === null) return 0n
    try {
      return await this.builder.apply(raw)
    } catch (error) {
      if (error instanceof InvalidTransaction) return 0n
      throw error
    }
  }

  async #seal() {
    if (this.builder === null) return
    const { stateRoot, rlp } = await this.builder.seal()
    const blockHash = keccak(rlp)
    this.builder = null
    this.sealed.set(toHex(blockHash), rlp)
    this.state = { ...this.state, stateRoot, blockHash, open: null }
  }

  /** @param {any} attributes */
  async #open(attributes) {
    const parentHash = this.state.blockHash
    const parent = headerByHash(parentHash, this.header)
    const ancestors = ancestorHashes(parentHash, parent.number, this.header)
    this.builder = await BlockBuilder.open(this, parentHash, parent, attributes, ancestors)
  }
}
