/** EXECUTE's verdict (docs/protocol.md, section 8): true for a trace that proves itself, false for anything else. */
import { equal } from './bytes.mjs'
import { Guard, Refusal } from './errors.mjs'
import { Machine } from './machine.mjs'
import { BLOCK_START, decodeTrace, differences } from './trace.mjs'
import { Witness } from './witness.mjs'

// Nobody pays for system calls, and in a made-up state they may use 30M gas each. The genuine contracts stay below this at
// a block's start and end together.
const SYSTEM_GAS_PER_BLOCK = 500_000n

/**
 * @typedef {{result: boolean, reason: string, gas_used: number | null}} Verdict
 * `gas_used`: by the transactions, as far as they ran; null if none of it counts
 */

/**
 * True iff executing `trace` from `preRoot` ends exactly at `postRoot` and uses exactly `gasUsed`. Never rejects.
 * A reason that begins with "engine failure: " says that this engine could not judge: it has no vote.
 * @param {Uint8Array} preRoot @param {Uint8Array} postRoot @param {bigint} gasUsed @param {Uint8Array} trace
 * @param {Guard} [guard] @param {bigint} [unpaidGas] what system calls may use in all, beyond what the genuine contracts need
 * @returns {Promise<Verdict>}
 */
export async function execute(preRoot, postRoot, gasUsed, trace, guard = new Guard(), unpaidGas = 0n) {
  try {
    return await judge(preRoot, postRoot, gasUsed, decodeTrace(trace), guard, unpaidGas)
  } catch (thrown) {
    const error = guard.error ?? thrown
    if (error instanceof Refusal) return refused(error.reason)
    const what = error instanceof Error ? error.message : String(error)
    return refused(`engine failure: ${what.split('\n')[0]}`)
  }
}

/** @returns {Verdict} */
const refused = (reason, gasUsed = null) => ({ result: false, reason, gas_used: gasUsed })

/** @param {ReturnType<typeof decodeTrace>} trace @param {Guard} guard @param {bigint} unpaidGas @returns {Promise<Verdict>} */
async function judge(preRoot, postRoot, gasUsed, trace, guard, unpaidGas) {
  const { chainId, txGasCap, fork, pre, post, inputs } = trace
  if (fork !== 'prague') return refused(`unknown fork '${fork}'`)
  if (!equal(pre.stateRoot, preRoot)) return refused('the trace begins at another state root')
  if (!equal(post.stateRoot, postRoot)) return refused('the trace ends at another state root')
  const witness = new Witness(trace.witness, guard)
  const blocks = BigInt(inputs.filter(({ kind }) => kind === BLOCK_START).length)
  const budget = { transactions: gasUsed, systemCalls: unpaidGas + SYSTEM_GAS_PER_BLOCK * (blocks + 1n) }
  const machine = await Machine.create({ chainId, txGasCap }, witness, pre, budget)
  let used = 0n
  for (const input of inputs) {
    used += await machine.step(input)
    guard.check()
  }
  if (used !== gasUsed) return refused(`${used} gas used, not ${gasUsed}`, Number(used))
  const wrong = differences(await machine.finish(), post)
  guard.check()
  if (wrong.length > 0) return refused(`ends elsewhere: ${wrong.join(', ')}`, Number(used))
  return { result: true, reason: 'proved', gas_used: Number(used) }
}
